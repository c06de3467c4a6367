//! The transforms for AVX-512 with 52-bit multiply-add, from size 128 on.
//!
//! Strided passes take up to three layers at a time with one twiddle per butterfly; the last pass of the forward
//! transform (the first of the inverse) does six layers inside blocks of 64 words, the inner three on a transposed
//! block. A butterfly is six instructions.

use super::ifma::kernel;
use crate::ring::modulus::Modulus;
use crate::ring::ntt::{NttTable, Pass, Prelude, Scaling, Twiddles};
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

/// What [`Prelude`] says, as a constant. It concerns the first operands of the first layer only: a product is in range
/// whatever its operand below `2^52` was.
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

/// One strided pass of the forward transform over some of its blocks and columns.
///
/// # Safety
/// `limb` points to `n` words, `n` a multiple of `8 · R · pass.blocks`, the blocks are among `pass.blocks`, and the
/// columns among the `n/(R · pass.blocks)`, bounded by multiples of 8.
#[inline]
#[target_feature(enable = "avx512f,avx512ifma,avx512dq")]
unsafe fn forward_strided<const R: usize, const PRE: u8>(
    k: Lanes,
    limb: *mut u64,
    n: usize,
    pass: &Pass,
    blocks: Range<usize>,
    columns: Range<usize>,
    twiddles: &[[u64; 2]],
) {
    let offset = splat(pass.offset);
    let stride = n / pass.blocks / R;
    for block in blocks {
        let w = gather::<R>(twiddles, pass.blocks + block);
        for j in columns.clone().step_by(8) {
            let base = block * R * stride + j;
            let mut v = [zero(); R];
            for (i, x) in v.iter_mut().enumerate() {
                // SAFETY: `base + i·stride + 8 <= n`.
                *x = unsafe { load(limb.add(base + i * stride)) };
            }
            for x in &mut v[..R / 2] {
                *x = prelude::<PRE>(k, *x, offset);
            }
            forward_layers(k, &mut v, &w);
            for (i, x) in v.into_iter().enumerate() {
                // SAFETY: as above.
                unsafe { store(limb.add(base + i * stride), x) };
            }
        }
    }
}

/// Fetches a block of 64 words past the outer caches, which keys would only empty; a hint, without effect on values.
#[inline]
fn fetch(limb: *const u64, block: usize) {
    if !limb.is_null() {
        for i in 0..8 {
            // SAFETY: a prefetch reads nothing, whatever the address.
            unsafe { _mm_prefetch::<_MM_HINT_NTA>(limb.wrapping_add(64 * block + 8 * i).cast()) };
        }
    }
}

/// The last six layers of some blocks of 64 words, and reduction to `[0, p)`.
///
/// # Safety
/// `limb` points to `n` words and `tail` to `7n/8`, and the blocks are among the `n/64`.
#[inline]
#[target_feature(enable = "avx512f,avx512ifma,avx512dq")]
unsafe fn forward_blocks<const PRE: u8>(
    k: Lanes,
    limb: *mut u64,
    pass: &Pass,
    blocks: Range<usize>,
    twiddles: &[[u64; 2]],
    tail: *const u64,
    ahead: [*const u64; 2],
) {
    let offset = splat(pass.offset);
    for block in blocks.clone() {
        fetch(ahead[0], block);
        let w = gather::<8>(twiddles, pass.blocks + block);
        let mut v = [zero(); 8];
        for (i, x) in v.iter_mut().enumerate() {
            // SAFETY: the block lies inside the limb.
            *x = unsafe { load(limb.add(64 * block + 8 * i)) };
        }
        for x in &mut v[..4] {
            *x = prelude::<PRE>(k, *x, offset);
        }
        forward_layers(k, &mut v, &w);
        for (i, x) in transpose(v).into_iter().enumerate() {
            // SAFETY: the block lies inside the limb.
            unsafe { store(limb.add(64 * block + 8 * i), x) };
        }
    }
    for block in blocks {
        fetch(ahead[1], block);
        let mut v = [zero(); 8];
        for (i, x) in v.iter_mut().enumerate() {
            // SAFETY: the block lies inside the limb.
            *x = unsafe { load(limb.add(64 * block + 8 * i)) };
        }
        // SAFETY: the tail has seven lines per block.
        let w = unsafe { tail_twiddles(k, tail.add(56 * block)) };
        forward_layers(k, &mut v, &w);
        for (i, x) in transpose(v).into_iter().enumerate() {
            // SAFETY: the block lies inside the limb.
            unsafe { store(limb.add(64 * block + 8 * i), k.canonical(x)) };
        }
    }
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

/// A pass that is not the last, on some of its blocks and columns.
///
/// # Safety
/// As [`forward_strided`].
#[target_feature(enable = "avx512f,avx512ifma,avx512dq")]
unsafe fn forward_pass(
    table: &NttTable,
    twiddles: &[[u64; 2]],
    limb: *mut u64,
    pass: &Pass,
    blocks: Range<usize>,
    columns: Range<usize>,
) {
    let (n, k) = (table.n, Lanes::new(&table.modulus));
    macro_rules! strided {
        ($radix:literal, $prelude:ident) => {
            forward_strided::<$radix, $prelude>(k, limb, n, pass, blocks, columns, twiddles)
        };
    }
    // SAFETY: by the caller's word.
    unsafe {
        match (pass.layers, pass.prelude) {
            (1, Prelude::None) => strided!(2, NONE),
            (1, Prelude::Offset) => strided!(2, OFFSET),
            (1, Prelude::Reduce) => strided!(2, REDUCE),
            (2, Prelude::None) => strided!(4, NONE),
            (2, Prelude::Offset) => strided!(4, OFFSET),
            (2, Prelude::Reduce) => strided!(4, REDUCE),
            (_, Prelude::None) => strided!(8, NONE),
            (_, Prelude::Offset) => strided!(8, OFFSET),
            (_, Prelude::Reduce) => strided!(8, REDUCE),
        }
    }
}

/// Passes on some blocks of the first of them, depth first, up to the last; `ahead` are limbs to fetch, or null.
///
/// # Safety
/// As the passes, which belong to `table`.
#[target_feature(enable = "avx512f,avx512ifma,avx512dq")]
unsafe fn forward_passes(
    table: &NttTable,
    limb: *mut u64,
    passes: &[Pass],
    blocks: Range<usize>,
    ahead: [*const u64; 2],
) {
    let Twiddles::Vector {
        forward,
        forward_tail,
        ..
    } = &table.twiddles
    else {
        return;
    };
    let [pass, rest @ ..] = passes else { return };
    let k = Lanes::new(&table.modulus);
    let tail = forward_tail.as_ptr();
    // SAFETY: by the caller's word.
    unsafe {
        if let [next, ..] = rest {
            let columns = 0..(table.n / pass.blocks) >> pass.layers;
            forward_pass(table, forward, limb, pass, blocks.clone(), columns);
            for run in runs(table.n, next, blocks, pass.layers) {
                forward_passes(table, limb, rest, run, ahead);
            }
        } else {
            match pass.prelude {
                Prelude::None => {
                    forward_blocks::<NONE>(k, limb, pass, blocks, forward, tail, ahead)
                }
                Prelude::Offset => {
                    forward_blocks::<OFFSET>(k, limb, pass, blocks, forward, tail, ahead)
                }
                Prelude::Reduce => {
                    forward_blocks::<REDUCE>(k, limb, pass, blocks, forward, tail, ahead)
                }
            }
        }
    }
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

/// Blocks after the first pass.
pub(super) fn blocks(table: &NttTable) -> usize {
    match &table.twiddles {
        Twiddles::Vector { passes, .. } => 1 << passes[0].layers,
        _ => 1,
    }
}

kernel! {
    /// Forward transform.
    ///
    /// # Range
    /// Values stay below `2^52`: see the passes' plan.
    pub(super) fn forward(table: &NttTable, limb: &mut [u64]) {
        match vector_passes(table, limb) {
            None => super::scalar::forward(table, limb),
            // SAFETY: the passes fit the limb and the tables.
            Some(passes) => unsafe { forward_passes(table, limb.as_mut_ptr(), passes, 0..1, [std::ptr::null(); 2]) },
        }
    }
}

kernel! {
    /// The first pass of the forward transform on some columns.
    pub(super) fn forward_head(table: &NttTable, limb: &mut [u64], columns: Range<usize>) {
        let (Some([pass, ..]), Twiddles::Vector { forward, .. }) = (vector_passes(table, limb), &table.twiddles) else {
            return;
        };
        assert!(columns.end <= table.n >> pass.layers);
        assert!(columns.start.is_multiple_of(8) && columns.end.is_multiple_of(8));
        // SAFETY: the first pass has one block, and these columns.
        unsafe { forward_pass(table, forward, limb.as_mut_ptr(), pass, 0..1, columns) };
    }
}

kernel! {
    /// All passes but the first, on one block.
    pub(super) fn forward_rest(table: &NttTable, limb: &mut [u64], block: usize, ahead: [&[u64]; 2]) {
        let Some([first, rest @ ..]) = vector_passes(table, limb) else {
            return super::scalar::forward(table, limb);
        };
        assert!(block < 1 << first.layers);
        let ahead = ahead.map(|x| if x.len() == limb.len() { x.as_ptr() } else { std::ptr::null() });
        for run in rest.first().into_iter().flat_map(|next| runs(table.n, next, block..block + 1, 0)) {
            // SAFETY: the passes fit the limb and the tables, and the second has as many blocks as the first leaves.
            unsafe { forward_passes(table, limb.as_mut_ptr(), rest, run, ahead) };
        }
    }
}

/// The first six layers of the inverse, in some blocks of 64 words.
///
/// # Safety
/// As [`forward_blocks`].
#[inline]
#[target_feature(enable = "avx512f,avx512ifma,avx512dq")]
unsafe fn inverse_blocks<const TIGHT: bool>(
    k: Lanes,
    (limb, source): (*mut u64, *const u64),
    pass: &Pass,
    blocks: Range<usize>,
    twiddles: &[[u64; 2]],
    tail: *const u64,
) {
    for block in blocks.clone() {
        let mut v = [zero(); 8];
        for (i, x) in v.iter_mut().enumerate() {
            // SAFETY: the block lies inside the limb.
            *x = unsafe { load(source.add(64 * block + 8 * i)) };
        }
        let mut v = transpose(v);
        // SAFETY: the tail has seven lines per block.
        let w = unsafe { tail_twiddles(k, tail.add(56 * block)) };
        inverse_layers::<8, TIGHT>(k, &mut v, &w, 0);
        settle::<8, TIGHT>(k, &mut v);
        for (i, x) in v.into_iter().enumerate() {
            // SAFETY: the block lies inside the limb.
            unsafe { store(limb.add(64 * block + 8 * i), x) };
        }
    }
    for block in blocks {
        let mut v = [zero(); 8];
        for (i, x) in v.iter_mut().enumerate() {
            // SAFETY: the block lies inside the limb.
            *x = unsafe { load(limb.add(64 * block + 8 * i)) };
        }
        let mut v = transpose(v);
        let w = gather::<8>(twiddles, pass.blocks + block);
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
    blocks: Range<usize>,
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
    for block in blocks {
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

/// The passes in reverse on some blocks of the first of them, depth first.
///
/// # Safety
/// As the passes, which belong to `table`.
#[target_feature(enable = "avx512f,avx512ifma,avx512dq")]
unsafe fn inverse_passes<const TIGHT: bool>(
    table: &NttTable,
    (limb, source): (*mut u64, *const u64),
    passes: &[Pass],
    blocks: Range<usize>,
    scaling: &Scaling,
) {
    let Twiddles::Vector {
        inverse,
        inverse_tail,
        ..
    } = &table.twiddles
    else {
        return;
    };
    let [pass, rest @ ..] = passes else { return };
    let (n, k) = (table.n, Lanes::new(&table.modulus));
    if let [next, ..] = rest {
        for run in runs(n, next, blocks.clone(), pass.layers) {
            // SAFETY: by the caller's word.
            unsafe { inverse_passes::<TIGHT>(table, (limb, source), rest, run, scaling) };
        }
    }
    macro_rules! strided {
        ($radix:literal) => {
            if pass.blocks == 1 {
                inverse_strided::<$radix, TIGHT, true>(
                    k, limb, table, pass, blocks, inverse, scaling,
                )
            } else {
                inverse_strided::<$radix, TIGHT, false>(
                    k, limb, table, pass, blocks, inverse, scaling,
                )
            }
        };
    }
    // SAFETY: by the caller's word.
    unsafe {
        match pass.layers {
            1 => strided!(2),
            2 => strided!(4),
            3 => strided!(8),
            _ => {
                let tail = inverse_tail.as_ptr();
                inverse_blocks::<TIGHT>(k, (limb, source), pass, blocks, inverse, tail)
            }
        }
    }
}

/// # Safety
/// Both point to `n` words, and the passes are those of `table`.
#[target_feature(enable = "avx512f,avx512ifma,avx512dq")]
unsafe fn inverse_any(
    table: &NttTable,
    limbs: (*mut u64, *const u64),
    passes: &[Pass],
    scaling: &Scaling,
) {
    // SAFETY: by the caller's word.
    unsafe {
        if table.modulus.p < 1 << 48 {
            inverse_passes::<false>(table, limbs, passes, 0..1, scaling);
        } else {
            inverse_passes::<true>(table, limbs, passes, 0..1, scaling);
        }
    }
}

kernel! {
    /// Inverse transform times the constant of `scaling`.
    ///
    /// # Range
    /// Between passes `[0, 2p)`; inside at most `16p`, which is below `2^52` unless `p` reaches `2^48`.
    pub(super) fn inverse(table: &NttTable, limb: &mut [u64], scaling: &Scaling) {
        let Some(passes) = vector_passes(table, limb) else {
            return super::scalar::inverse(table, limb, scaling);
        };
        let limb = limb.as_mut_ptr();
        // SAFETY: the limb has `n` words.
        unsafe { inverse_any(table, (limb, limb), passes, scaling) }
    }
}

kernel! {
    /// As [`inverse`], from one limb into another.
    pub(super) fn inverse_of(table: &NttTable, out: &mut [u64], scaling: &Scaling, limb: &[u64]) {
        let Some(passes) = vector_passes(table, limb) else {
            out.copy_from_slice(limb);
            return super::scalar::inverse(table, out, scaling);
        };
        assert_eq!(out.len(), limb.len());
        // SAFETY: both limbs have `n` words.
        unsafe { inverse_any(table, (out.as_mut_ptr(), limb.as_ptr()), passes, scaling) }
    }
}
