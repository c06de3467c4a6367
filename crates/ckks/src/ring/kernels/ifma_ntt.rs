//! The transforms for AVX-512 with 52-bit multiply-add, from size 128 on.
//!
//! Strided passes take up to three layers at a time with one twiddle per butterfly; the last pass of the forward
//! transform (the first of the inverse) does six layers inside blocks of 64 words, the inner three on a transposed
//! block. A butterfly is six instructions.

use super::ifma::kernel;
use crate::ring::modulus::Modulus;
use crate::ring::ntt::{NttTable, Pass, Prelude, Scaling, Twiddles};
use std::arch::x86_64::*;

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

/// What [`Prelude`] says, as a constant.
const NONE: u8 = 0;
const OFFSET: u8 = 1;
const REDUCE: u8 = 2;

#[inline]
#[target_feature(enable = "avx512f,avx512ifma,avx512dq")]
fn prelude<const PRE: u8>(k: Lanes, x: __m512i, offset: __m512i) -> __m512i {
    match PRE {
        NONE => x,
        OFFSET => _mm512_add_epi64(x, offset),
        _ => _mm512_add_epi64(k.reduce(x), offset),
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

/// All layers of a radix-`R` step, largest distance first.
#[inline]
#[target_feature(enable = "avx512f,avx512ifma,avx512dq")]
fn forward_layers<const R: usize>(k: Lanes, v: &mut [__m512i; R], w: &[Twiddle; R]) {
    for l in 0..R.trailing_zeros() {
        let distance = R >> (l + 1);
        for b in 0..1usize << l {
            for i in 2 * b * distance..(2 * b + 1) * distance {
                (v[i], v[i + distance]) = k.butterfly(v[i], v[i + distance], w[(1 << l) + b]);
            }
        }
    }
}

/// Layers of the inverse, smallest distance first, down to but without layer `stop`.
///
/// # Range
/// From `[0, 2p)` to `[0, 2p)` when reduced, and to at most `R` times as much in between, which stays below `2^51`;
/// with `TIGHT` every sum is reduced.
#[inline]
#[target_feature(enable = "avx512f,avx512ifma,avx512dq")]
fn inverse_layers<const R: usize, const TIGHT: bool>(
    k: Lanes,
    v: &mut [__m512i; R],
    w: &[Twiddle; R],
    stop: u32,
) {
    let two_p = _mm512_add_epi64(k.p, k.p);
    let mut offset = two_p;
    for l in (stop..R.trailing_zeros()).rev() {
        let distance = R >> (l + 1);
        for b in 0..1usize << l {
            for i in 2 * b * distance..(2 * b + 1) * distance {
                let (x, y) = (v[i], v[i + distance]);
                let sum = _mm512_add_epi64(x, y);
                v[i] = if TIGHT {
                    _mm512_min_epu64(sum, _mm512_sub_epi64(sum, two_p))
                } else {
                    sum
                };
                v[i + distance] = k.turned_difference(x, y, offset, w[(1 << l) + b]);
            }
        }
        if !TIGHT {
            offset = _mm512_add_epi64(offset, offset);
        }
    }
}

/// Reduces the values that only sums have formed since the last product.
#[inline]
#[target_feature(enable = "avx512f,avx512ifma,avx512dq")]
fn settle<const R: usize, const TIGHT: bool>(k: Lanes, v: &mut [__m512i; R]) {
    if !TIGHT {
        for x in &mut v[..R / 2] {
            *x = k.reduce(*x);
        }
    }
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

/// One strided pass of the forward transform.
///
/// # Safety
/// `limb` points to `n` words, `n` a multiple of `8 · R · pass.blocks`.
#[inline]
#[target_feature(enable = "avx512f,avx512ifma,avx512dq")]
unsafe fn forward_strided<const R: usize, const PRE: u8>(
    k: Lanes,
    limb: *mut u64,
    n: usize,
    pass: &Pass,
    twiddles: &[[u64; 2]],
) {
    let offset = splat(pass.offset);
    let stride = n / pass.blocks / R;
    for block in 0..pass.blocks {
        let w = gather::<R>(twiddles, pass.blocks + block);
        for j in (0..stride).step_by(8) {
            let base = block * R * stride + j;
            let mut v = [zero(); R];
            for (i, x) in v.iter_mut().enumerate() {
                // SAFETY: `base + i·stride + 8 <= n`.
                *x = prelude::<PRE>(k, unsafe { load(limb.add(base + i * stride)) }, offset);
            }
            forward_layers(k, &mut v, &w);
            for (i, x) in v.into_iter().enumerate() {
                // SAFETY: as above.
                unsafe { store(limb.add(base + i * stride), x) };
            }
        }
    }
}

/// The last six layers, and reduction to `[0, p)`.
///
/// # Safety
/// `limb` points to `n` words, `n` a multiple of 64, and `tail` to `7n/8`.
#[inline]
#[target_feature(enable = "avx512f,avx512ifma,avx512dq")]
unsafe fn forward_blocks<const PRE: u8>(
    k: Lanes,
    limb: *mut u64,
    n: usize,
    pass: &Pass,
    twiddles: &[[u64; 2]],
    tail: *const u64,
) {
    let offset = splat(pass.offset);
    for block in 0..n / 64 {
        let w = gather::<8>(twiddles, pass.blocks + block);
        let mut v = [zero(); 8];
        for (i, x) in v.iter_mut().enumerate() {
            // SAFETY: the block lies inside the limb.
            *x = prelude::<PRE>(k, unsafe { load(limb.add(64 * block + 8 * i)) }, offset);
        }
        forward_layers(k, &mut v, &w);
        let mut v = transpose(v);
        // SAFETY: the tail has seven lines per block.
        let w = unsafe { tail_twiddles(k, tail.add(56 * block)) };
        forward_layers(k, &mut v, &w);
        for (i, x) in transpose(v).into_iter().enumerate() {
            // SAFETY: the block lies inside the limb.
            unsafe { store(limb.add(64 * block + 8 * i), k.canonical(x)) };
        }
    }
}

kernel! {
    /// Forward transform.
    ///
    /// # Range
    /// Values stay below `2^52`: see the passes' plan.
    pub(super) fn forward(table: &NttTable, limb: &mut [u64]) {
        let Twiddles::Vector { forward, forward_tail, passes, .. } = &table.twiddles else {
            return super::scalar::forward(table, limb);
        };
        let (n, k) = (table.n, Lanes::new(&table.modulus));
        assert!(limb.len() == n && forward_tail.len() == n / 8 * 7);
        let (limb, tail) = (limb.as_mut_ptr(), forward_tail.as_ptr());
        for pass in passes {
            macro_rules! strided {
                ($radix:literal) => {
                    match pass.prelude {
                        Prelude::None => forward_strided::<$radix, NONE>(k, limb, n, pass, forward),
                        Prelude::Offset => forward_strided::<$radix, OFFSET>(k, limb, n, pass, forward),
                        Prelude::Reduce => forward_strided::<$radix, REDUCE>(k, limb, n, pass, forward),
                    }
                };
            }
            // SAFETY: `limb` has `n` words, the tail `7n/8`, and the plan's passes fit `n`.
            unsafe {
                match pass.layers {
                    1 => strided!(2),
                    2 => strided!(4),
                    3 => strided!(8),
                    _ => match pass.prelude {
                        Prelude::None => forward_blocks::<NONE>(k, limb, n, pass, forward, tail),
                        Prelude::Offset => forward_blocks::<OFFSET>(k, limb, n, pass, forward, tail),
                        Prelude::Reduce => forward_blocks::<REDUCE>(k, limb, n, pass, forward, tail),
                    },
                }
            }
        }
    }
}

/// The first six layers of the inverse.
///
/// # Safety
/// As [`forward_blocks`].
#[inline]
#[target_feature(enable = "avx512f,avx512ifma,avx512dq")]
unsafe fn inverse_blocks<const TIGHT: bool>(
    k: Lanes,
    limb: *mut u64,
    n: usize,
    twiddles: &[[u64; 2]],
    tail: *const u64,
) {
    for block in 0..n / 64 {
        let mut v = [zero(); 8];
        for (i, x) in v.iter_mut().enumerate() {
            // SAFETY: the block lies inside the limb.
            *x = unsafe { load(limb.add(64 * block + 8 * i)) };
        }
        let mut v = transpose(v);
        // SAFETY: the tail has seven lines per block.
        let w = unsafe { tail_twiddles(k, tail.add(56 * block)) };
        inverse_layers::<8, TIGHT>(k, &mut v, &w, 0);
        settle::<8, TIGHT>(k, &mut v);
        let mut v = transpose(v);
        let w = gather::<8>(twiddles, n / 64 + block);
        inverse_layers::<8, TIGHT>(k, &mut v, &w, 0);
        settle::<8, TIGHT>(k, &mut v);
        for (i, x) in v.into_iter().enumerate() {
            // SAFETY: the block lies inside the limb.
            unsafe { store(limb.add(64 * block + 8 * i), x) };
        }
    }
}

/// One strided pass of the inverse; with `LAST`, its final layer multiplies by the constant.
///
/// # Safety
/// As [`forward_strided`].
#[inline]
#[target_feature(enable = "avx512f,avx512ifma,avx512dq")]
unsafe fn inverse_strided<const R: usize, const TIGHT: bool, const LAST: bool>(
    k: Lanes,
    limb: *mut u64,
    table: &NttTable,
    pass: &Pass,
    twiddles: &[[u64; 2]],
    scaling: &Scaling,
) {
    let (n, p) = (table.n, table.modulus.p);
    let stride = n / pass.blocks / R;
    let sum = [splat(scaling.sum.mont), splat(scaling.sum.mont_inv)];
    let difference = [
        splat(scaling.difference.mont),
        splat(scaling.difference.mont_inv),
    ];
    // Nothing has grown beyond `R·p` before the last layer.
    let offset = splat(if TIGHT { 2 } else { R as u64 } * p);
    for block in 0..pass.blocks {
        let w = gather::<R>(twiddles, pass.blocks + block);
        for j in (0..stride).step_by(8) {
            let base = block * R * stride + j;
            let mut v = [zero(); R];
            for (i, x) in v.iter_mut().enumerate() {
                // SAFETY: `base + i·stride + 8 <= n`.
                *x = unsafe { load(limb.add(base + i * stride)) };
            }
            inverse_layers::<R, TIGHT>(k, &mut v, &w, u32::from(LAST));
            if LAST {
                for i in 0..R / 2 {
                    let (x, y) = (v[i], v[i + R / 2]);
                    let total = k.turned(_mm512_add_epi64(x, y), sum);
                    v[i] = _mm512_min_epu64(total, _mm512_sub_epi64(total, k.p));
                    let turned = k.turned_difference(x, y, offset, difference);
                    v[i + R / 2] = _mm512_min_epu64(turned, _mm512_sub_epi64(turned, k.p));
                }
            } else {
                settle::<R, TIGHT>(k, &mut v);
            }
            for (i, x) in v.into_iter().enumerate() {
                // SAFETY: as above.
                unsafe { store(limb.add(base + i * stride), x) };
            }
        }
    }
}

/// # Safety
/// As [`forward_blocks`].
#[inline]
#[target_feature(enable = "avx512f,avx512ifma,avx512dq")]
unsafe fn inverse_passes<const TIGHT: bool>(
    table: &NttTable,
    limb: *mut u64,
    passes: &[Pass],
    twiddles: &[[u64; 2]],
    tail: *const u64,
    scaling: &Scaling,
) {
    let (n, k) = (table.n, Lanes::new(&table.modulus));
    // SAFETY: by the caller's word.
    unsafe { inverse_blocks::<TIGHT>(k, limb, n, twiddles, tail) };
    for pass in passes.iter().rev().skip(1) {
        macro_rules! strided {
            ($radix:literal) => {
                if pass.blocks == 1 {
                    inverse_strided::<$radix, TIGHT, true>(k, limb, table, pass, twiddles, scaling)
                } else {
                    inverse_strided::<$radix, TIGHT, false>(k, limb, table, pass, twiddles, scaling)
                }
            };
        }
        // SAFETY: by the caller's word, and the plan's passes fit `n`.
        unsafe {
            match pass.layers {
                1 => strided!(2),
                2 => strided!(4),
                _ => strided!(8),
            }
        }
    }
}

kernel! {
    /// Inverse transform times the constant of `scaling`.
    ///
    /// # Range
    /// Between passes `[0, 2p)`; inside at most `16p`, which is below `2^52` unless `p` reaches `2^48`.
    pub(super) fn inverse(table: &NttTable, limb: &mut [u64], scaling: &Scaling) {
        let Twiddles::Vector { inverse, inverse_tail, passes, .. } = &table.twiddles else {
            return super::scalar::inverse(table, limb, scaling);
        };
        let n = table.n;
        assert!(limb.len() == n && inverse_tail.len() == n / 8 * 7);
        let (limb, tail) = (limb.as_mut_ptr(), inverse_tail.as_ptr());
        // SAFETY: `limb` has `n` words and the tail `7n/8`.
        unsafe {
            if table.modulus.p < 1 << 48 {
                inverse_passes::<false>(table, limb, passes, inverse, tail, scaling);
            } else {
                inverse_passes::<true>(table, limb, passes, inverse, tail, scaling);
            }
        }
    }
}
