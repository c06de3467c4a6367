//! The transforms for AVX-512 with 52-bit multiply-add, from size 128 on.
//!
//! Strided passes take up to three layers at a time with one twiddle per butterfly; the last pass of the forward
//! transform (the first of the inverse) does six layers inside blocks of 64 words, the inner three on a transposed
//! block. A butterfly is six instructions.

mod forward;
mod inverse;

pub(super) use forward::{blocks, forward, forward_head, forward_rest};
pub(super) use inverse::{inverse, inverse_of};

use crate::ring::modulus::Modulus;
use crate::ring::ntt::{NttTable, Pass, Twiddles};
use std::arch::x86_64::*;
use std::ops::Range;

/// Words that go through the remaining passes together: 16 KiB, which with its twiddles fits a first cache.
const RUN: usize = 2048;

#[derive(Clone, Copy)]
struct Lanes {
    p: __m512i,
    /// `p^-1 mod 2^52`.
    inv: __m512i,
    /// `floor(2^52 / p)`.
    budget: __m512i,
}

/// A twiddle in Montgomery form, and that times `p^-1`.
type Twiddle = [__m512i; 2];

#[inline]
#[target_feature(enable = "avx512f,avx512ifma,avx512dq")]
fn splat(x: u64) -> __m512i {
    _mm512_set1_epi64(x as i64)
}

#[inline]
#[target_feature(enable = "avx512f,avx512ifma,avx512dq")]
fn zero() -> __m512i {
    _mm512_setzero_si512()
}

impl Lanes {
    #[inline]
    #[target_feature(enable = "avx512f,avx512ifma,avx512dq")]
    fn new(m: &Modulus) -> Self {
        Self {
            p: splat(m.p),
            inv: splat(m.inv),
            budget: splat(m.budget),
        }
    }

    /// From below `2^52` to `[0, 2p)`.
    #[inline]
    #[target_feature(enable = "avx512f,avx512ifma,avx512dq")]
    fn reduce(self, x: __m512i) -> __m512i {
        let quotient = _mm512_madd52hi_epu64(zero(), x, self.budget);
        _mm512_sub_epi64(x, _mm512_madd52lo_epu64(zero(), quotient, self.p))
    }

    /// From below `2^52` to `[0, p)`.
    #[inline]
    #[target_feature(enable = "avx512f,avx512ifma,avx512dq")]
    fn canonical(self, x: __m512i) -> __m512i {
        let x = self.reduce(x);
        _mm512_min_epu64(x, _mm512_sub_epi64(x, self.p))
    }

    /// `(x + w·y, x - w·y)`, each within `p` of `x`, for `y < 2^52`.
    #[inline]
    #[target_feature(enable = "avx512f,avx512ifma,avx512dq")]
    fn butterfly(self, x: __m512i, y: __m512i, w: Twiddle) -> (__m512i, __m512i) {
        let m = _mm512_madd52lo_epu64(zero(), y, w[1]);
        let a = _mm512_madd52hi_epu64(x, y, w[0]);
        let b = _mm512_madd52hi_epu64(zero(), m, self.p);
        let sum = _mm512_sub_epi64(a, b);
        (sum, _mm512_sub_epi64(_mm512_add_epi64(x, x), sum))
    }

    /// `w·(x - y)` in `(0, 2p)`; `offset` is a multiple of `p` not below `y`, and `x + offset < 2^52`.
    #[inline]
    #[target_feature(enable = "avx512f,avx512ifma,avx512dq")]
    fn turned_difference(self, x: __m512i, y: __m512i, offset: __m512i, w: Twiddle) -> __m512i {
        self.turned(_mm512_sub_epi64(_mm512_add_epi64(x, offset), y), w)
    }

    /// `w·x` in `(0, 2p)`, for `x < 2^52`.
    #[inline]
    #[target_feature(enable = "avx512f,avx512ifma,avx512dq")]
    fn turned(self, x: __m512i, w: Twiddle) -> __m512i {
        let m = _mm512_madd52lo_epu64(zero(), x, w[1]);
        let a = _mm512_madd52hi_epu64(self.p, x, w[0]);
        _mm512_sub_epi64(a, _mm512_madd52hi_epu64(zero(), m, self.p))
    }
}

/// Twiddles of a radix-`R` step: entry `2^l + b` for sub-block `b` of layer `l`, from `twiddles[2^l·first + b]`.
#[inline]
#[target_feature(enable = "avx512f,avx512ifma,avx512dq")]
fn gather<const R: usize>(twiddles: &[[u64; 2]], first: usize) -> [Twiddle; R] {
    let mut out = [[zero(); 2]; R];
    for l in 0..R.trailing_zeros() {
        for b in 0..1usize << l {
            let [mont, mont_inv] = twiddles[(first << l) + b];
            out[(1 << l) + b] = [splat(mont), splat(mont_inv)];
        }
    }
    out
}

/// Twiddles of the inner three layers of one block.
///
/// # Safety
/// `tail` points to 56 words.
#[inline]
#[target_feature(enable = "avx512f,avx512ifma,avx512dq")]
unsafe fn tail_twiddles(k: Lanes, tail: *const u64) -> [Twiddle; 8] {
    let mut out = [[zero(); 2]; 8];
    for (i, w) in out[1..].iter_mut().enumerate() {
        // SAFETY: by the caller's word.
        let mont = unsafe { load(tail.add(8 * i)) };
        *w = [mont, _mm512_madd52lo_epu64(zero(), mont, k.inv)];
    }
    out
}

/// # Safety
/// `at` points to 64 readable bytes.
#[inline]
#[target_feature(enable = "avx512f,avx512ifma,avx512dq")]
unsafe fn load(at: *const u64) -> __m512i {
    // SAFETY: by the caller's word.
    unsafe { _mm512_loadu_si512(at.cast()) }
}

/// # Safety
/// `at` points to 64 writable bytes.
#[inline]
#[target_feature(enable = "avx512f,avx512ifma,avx512dq")]
unsafe fn store(at: *mut u64, x: __m512i) {
    // SAFETY: by the caller's word.
    unsafe { _mm512_storeu_si512(at.cast(), x) }
}

/// `R` lines at distances of `stride` words.
///
/// # Safety
/// `at` points to `(R - 1)·stride + 8` readable words.
#[inline]
#[target_feature(enable = "avx512f,avx512ifma,avx512dq")]
unsafe fn load_rows<const R: usize>(at: *const u64, stride: usize) -> [__m512i; R] {
    let mut v = [zero(); R];
    for (i, x) in v.iter_mut().enumerate() {
        // SAFETY: by the caller's word.
        *x = unsafe { load(at.add(i * stride)) };
    }
    v
}

/// As [`load_rows`], the other way.
///
/// # Safety
/// `at` points to `(R - 1)·stride + 8` writable words.
#[inline]
#[target_feature(enable = "avx512f,avx512ifma,avx512dq")]
unsafe fn store_rows<const R: usize>(at: *mut u64, stride: usize, v: [__m512i; R]) {
    for (i, x) in v.into_iter().enumerate() {
        // SAFETY: by the caller's word.
        unsafe { store(at.add(i * stride), x) };
    }
}

/// Fetches some lines into a cache; a hint, without effect on values.
#[inline]
fn fetch<const HINT: i32, const LINES: usize>(at: *const u64) {
    for i in 0..LINES {
        // SAFETY: a prefetch reads nothing, whatever the address.
        unsafe { _mm_prefetch::<HINT>(at.wrapping_add(8 * i).cast()) };
    }
}

/// Rows to columns.
#[inline]
#[target_feature(enable = "avx512f,avx512ifma,avx512dq")]
fn transpose(v: [__m512i; 8]) -> [__m512i; 8] {
    let mut pairs = v;
    for i in 0..4 {
        pairs[2 * i] = _mm512_unpacklo_epi64(v[2 * i], v[2 * i + 1]);
        pairs[2 * i + 1] = _mm512_unpackhi_epi64(v[2 * i], v[2 * i + 1]);
    }
    // pairs[2i + r] holds, in 128-bit lane l, column 2l + r of rows 2i and 2i + 1.
    let mut out = v;
    for r in 0..2 {
        let low = _mm512_shuffle_i64x2::<0x88>(pairs[r], pairs[2 + r]);
        let high = _mm512_shuffle_i64x2::<0xdd>(pairs[r], pairs[2 + r]);
        let low_rest = _mm512_shuffle_i64x2::<0x88>(pairs[4 + r], pairs[6 + r]);
        let high_rest = _mm512_shuffle_i64x2::<0xdd>(pairs[4 + r], pairs[6 + r]);
        out[r] = _mm512_shuffle_i64x2::<0x88>(low, low_rest);
        out[4 + r] = _mm512_shuffle_i64x2::<0xdd>(low, low_rest);
        out[2 + r] = _mm512_shuffle_i64x2::<0x88>(high, high_rest);
        out[6 + r] = _mm512_shuffle_i64x2::<0xdd>(high, high_rest);
    }
    out
}

/// Blocks that a pass's `blocks` split into, in runs that stay in the first cache from here on.
fn runs(
    n: usize,
    next: &Pass,
    blocks: Range<usize>,
    layers: usize,
) -> impl Iterator<Item = Range<usize>> {
    let (start, end) = (blocks.start << layers, blocks.end << layers);
    let step = (RUN * next.blocks / n).max(1);
    (start..end)
        .step_by(step)
        .map(move |first| first..(first + step).min(end))
}

/// The passes of a table that fits the limb, or `None` if it has no vector form.
fn vector_passes<'a>(table: &'a NttTable, limb: &[u64]) -> Option<&'a [Pass]> {
    let Twiddles::Vector {
        forward_tail,
        inverse_tail,
        passes,
        ..
    } = &table.twiddles
    else {
        return None;
    };
    let tail = table.n / 8 * 7;
    assert!(limb.len() == table.n && forward_tail.len() == tail && inverse_tail.len() == tail);
    Some(passes)
}
