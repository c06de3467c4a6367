//! The transforms for AVX2 with fused multiply-add, in doubles, from size 64 on.
//!
//! Strided passes take up to three layers at a time with one twiddle per butterfly; the last pass of the forward
//! transform (the first of the inverse) does five layers inside blocks of 32 words, the inner two on transposed
//! quarters. Between the passes a limb holds doubles, signed and a few times `p` in size. A butterfly is eight
//! instructions.

use super::avx2::{Lanes, Ratio, double, kernel, ratio};
use crate::ring::ntt::{NttTable, Scaling, Twiddles};
use crate::ring::ntt_double::{BLOCK, DoubleTwiddles};
use std::arch::x86_64::*;

/// Primes from here on need more reductions. For smaller ones, sixteen layers widen `[-p, p]` to `[-11p, 11p]`, and
/// every product's quotient stays below `2^51`.
const TIGHT_FROM: u64 = 5 << 46;

#[inline]
#[target_feature(enable = "avx2,fma")]
fn zero() -> __m256d {
    _mm256_setzero_pd()
}

/// # Safety
/// `at` points to 32 readable bytes.
#[inline]
#[target_feature(enable = "avx2,fma")]
unsafe fn load(at: *const u64) -> __m256d {
    // SAFETY: by the caller's word.
    unsafe { _mm256_loadu_pd(at.cast()) }
}

/// # Safety
/// `at` points to 32 writable bytes.
#[inline]
#[target_feature(enable = "avx2,fma")]
unsafe fn store(at: *mut u64, x: __m256d) {
    // SAFETY: by the caller's word.
    unsafe { _mm256_storeu_pd(at.cast(), x) }
}

/// # Safety
/// `at` points to 32 writable bytes.
#[inline]
#[target_feature(enable = "avx2,fma")]
unsafe fn store_words(at: *mut u64, x: __m256i) {
    // SAFETY: by the caller's word.
    unsafe { _mm256_storeu_si256(at.cast(), x) }
}

/// `R` vectors at distances of `stride` words, of words below `2^52` when `WORDS`, else of doubles.
///
/// # Safety
/// `at` points to `(R - 1)·stride + 4` readable words.
#[inline]
#[target_feature(enable = "avx2,fma")]
unsafe fn load_rows<const R: usize, const WORDS: bool>(
    at: *const u64,
    stride: usize,
) -> [__m256d; R] {
    let mut v = [zero(); R];
    for (i, x) in v.iter_mut().enumerate() {
        // SAFETY: by the caller's word.
        *x = unsafe { load(at.add(i * stride)) };
        if WORDS {
            *x = double(_mm256_castpd_si256(*x));
        }
    }
    v
}

/// As [`load_rows`], the other way, of doubles.
///
/// # Safety
/// `at` points to `(R - 1)·stride + 4` writable words.
#[inline]
#[target_feature(enable = "avx2,fma")]
unsafe fn store_rows<const R: usize>(at: *mut u64, stride: usize, v: [__m256d; R]) {
    for (i, x) in v.into_iter().enumerate() {
        // SAFETY: by the caller's word.
        unsafe { store(at.add(i * stride), x) };
    }
}

/// Twiddles of a radix-`R` step: entry `2^l + b` for sub-block `b` of layer `l`, from `twiddles[2^l·first + b]`.
#[inline]
#[target_feature(enable = "avx2,fma")]
fn gather<const R: usize>(twiddles: &[[f64; 2]], first: usize) -> [Ratio; R] {
    let mut out = [[zero(); 2]; R];
    for l in 0..R.trailing_zeros() {
        for b in 0..1usize << l {
            let [value, quotient] = twiddles[(first << l) + b];
            out[(1 << l) + b] = [_mm256_set1_pd(value), _mm256_set1_pd(quotient)];
        }
    }
    out
}

/// Twiddles of the inner two layers of four sub-blocks.
///
/// # Safety
/// `tail` points to 12 doubles.
#[inline]
#[target_feature(enable = "avx2,fma")]
unsafe fn tail_twiddles(k: Lanes, tail: *const u64) -> [Ratio; 4] {
    let mut out = [[zero(); 2]; 4];
    for (i, w) in out[1..].iter_mut().enumerate() {
        // SAFETY: by the caller's word.
        let value = unsafe { load(tail.add(4 * i)) };
        *w = [value, _mm256_mul_pd(value, k.inv)];
    }
    out
}

/// All layers of a radix-`R` step, largest distance first. A layer widens the range by the size of a product, which is
/// little more than `p/2`.
#[inline]
#[target_feature(enable = "avx2,fma")]
fn forward_layers<const R: usize>(k: Lanes, v: &mut [__m256d; R], w: &[Ratio; R]) {
    for l in 0..R.trailing_zeros() {
        let distance = R >> (l + 1);
        for b in 0..1usize << l {
            for i in 2 * b * distance..(2 * b + 1) * distance {
                let turned = k.times(v[i + distance], w[(1 << l) + b]);
                v[i + distance] = _mm256_sub_pd(v[i], turned);
                v[i] = _mm256_add_pd(v[i], turned);
            }
        }
    }
}

/// Layers of the inverse, smallest distance first, down to but without layer `stop`. Sums double in every layer,
/// turned differences shrink to little more than `p/2`.
#[inline]
#[target_feature(enable = "avx2,fma")]
fn inverse_layers<const R: usize>(k: Lanes, v: &mut [__m256d; R], w: &[Ratio; R], stop: u32) {
    for l in (stop..R.trailing_zeros()).rev() {
        let distance = R >> (l + 1);
        for b in 0..1usize << l {
            for i in 2 * b * distance..(2 * b + 1) * distance {
                let (x, y) = (v[i], v[i + distance]);
                v[i] = _mm256_add_pd(x, y);
                v[i + distance] = k.times(_mm256_sub_pd(x, y), w[(1 << l) + b]);
            }
        }
    }
}

/// Reduces the values that sums have widened most: beyond `1.2p`, or with `TIGHT` all that the last layer summed.
#[inline]
#[target_feature(enable = "avx2,fma")]
fn settle<const R: usize, const TIGHT: bool>(k: Lanes, v: &mut [__m256d; R]) {
    let wide = if TIGHT { R / 2 } else { R.div_ceil(4) };
    for x in &mut v[..wide] {
        *x = k.reduce(*x);
    }
}

/// Rows to columns.
#[inline]
#[target_feature(enable = "avx2,fma")]
fn transpose(v: [__m256d; 4]) -> [__m256d; 4] {
    let even = [
        _mm256_unpacklo_pd(v[0], v[1]),
        _mm256_unpacklo_pd(v[2], v[3]),
    ];
    let odd = [
        _mm256_unpackhi_pd(v[0], v[1]),
        _mm256_unpackhi_pd(v[2], v[3]),
    ];
    [
        _mm256_permute2f128_pd::<0x20>(even[0], even[1]),
        _mm256_permute2f128_pd::<0x20>(odd[0], odd[1]),
        _mm256_permute2f128_pd::<0x31>(even[0], even[1]),
        _mm256_permute2f128_pd::<0x31>(odd[0], odd[1]),
    ]
}

/// Calls `strided!` with the radix of a pass of so many layers.
macro_rules! by_radix {
    ($layers:expr, $strided:ident) => {
        match $layers {
            1 => $strided!(2),
            2 => $strided!(4),
            _ => $strided!(8),
        }
    };
}

/// One strided pass of the forward transform, from the layer with `blocks` twiddles on.
///
/// # Safety
/// `limb` points to `n` words, `n` a multiple of `4 · R · blocks`.
#[inline]
#[target_feature(enable = "avx2,fma")]
unsafe fn forward_strided<const R: usize, const WORDS: bool>(
    k: Lanes,
    limb: *mut u64,
    n: usize,
    blocks: usize,
    twiddles: &[[f64; 2]],
) {
    let stride = n / blocks / R;
    for block in 0..blocks {
        let w = gather::<R>(twiddles, blocks + block);
        for j in (0..stride).step_by(4) {
            let base = block * R * stride + j;
            // SAFETY: `base + (R - 1)·stride + 4 <= n`.
            let mut v = unsafe { load_rows::<R, WORDS>(limb.add(base), stride) };
            forward_layers(k, &mut v, &w);
            // SAFETY: as above.
            unsafe { store_rows(limb.add(base), stride, v) };
        }
    }
}

/// The last five layers, and reduction to words in `[0, p)`.
///
/// # Safety
/// `limb` points to `n` words, `n` a multiple of 32, and `tail` to `3n/4`.
#[inline]
#[target_feature(enable = "avx2,fma")]
unsafe fn forward_blocks<const TIGHT: bool>(
    k: Lanes,
    limb: *mut u64,
    n: usize,
    twiddles: &[[f64; 2]],
    tail: *const u64,
) {
    for block in 0..n / BLOCK {
        let w = gather::<8>(twiddles, n / BLOCK + block);
        // SAFETY: the block lies inside the limb.
        let mut v = unsafe { load_rows::<8, false>(limb.add(BLOCK * block), 4) };
        if TIGHT {
            for x in &mut v {
                *x = k.reduce(*x);
            }
        }
        forward_layers(k, &mut v, &w);
        for half in 0..2 {
            let mut v = transpose([0, 1, 2, 3].map(|i| v[4 * half + i]));
            // SAFETY: the tail has three vectors per half block.
            let w = unsafe { tail_twiddles(k, tail.add(12 * (2 * block + half))) };
            forward_layers(k, &mut v, &w);
            for (i, x) in transpose(v).into_iter().enumerate() {
                // SAFETY: the block lies inside the limb.
                unsafe { store_words(limb.add(BLOCK * block + 16 * half + 4 * i), k.residue(x)) };
            }
        }
    }
}

/// # Safety
/// `limb` points to as many words as the table's size, the tail's length fits it, and so do the passes.
#[inline]
#[target_feature(enable = "avx2,fma")]
unsafe fn forward_passes<const TIGHT: bool>(k: Lanes, limb: *mut u64, t: &DoubleTwiddles) {
    let (n, mut blocks) = (t.n(), 1);
    for &layers in &t.passes {
        macro_rules! strided {
            ($radix:literal) => {
                if blocks == 1 {
                    forward_strided::<$radix, true>(k, limb, n, blocks, &t.forward)
                } else {
                    forward_strided::<$radix, false>(k, limb, n, blocks, &t.forward)
                }
            };
        }
        // SAFETY: by the caller's word.
        unsafe { by_radix!(layers, strided) };
        blocks <<= layers;
    }
    // SAFETY: by the caller's word.
    unsafe { forward_blocks::<TIGHT>(k, limb, n, &t.forward, t.forward_tail.as_ptr()) };
}

kernel! {
    /// Forward transform.
    ///
    /// # Range
    /// With centred twiddles a product is at most `(1/2 + |y|·2^-53)·p`; values stay below `2^53` and quotients below
    /// `2^51`.
    pub(super) fn forward(table: &NttTable, limb: &mut [u64]) {
        let Twiddles::Double(t) = &table.twiddles else {
            return super::scalar::forward(table, limb);
        };
        assert!(limb.len() == t.n() && t.forward_tail.len() == t.n() / 4 * 3);
        let (k, limb) = (Lanes::new(&table.modulus), limb.as_mut_ptr());
        // SAFETY: the lengths are as asked for.
        unsafe {
            if table.modulus.p < TIGHT_FROM {
                forward_passes::<false>(k, limb, t);
            } else {
                forward_passes::<true>(k, limb, t);
            }
        }
    }
}

/// The first five layers of the inverse, from words in `[0, p)`.
///
/// # Safety
/// As [`forward_blocks`].
#[inline]
#[target_feature(enable = "avx2,fma")]
unsafe fn inverse_blocks<const TIGHT: bool>(
    k: Lanes,
    limb: *mut u64,
    n: usize,
    twiddles: &[[f64; 2]],
    tail: *const u64,
) {
    for block in 0..n / BLOCK {
        let mut v = [zero(); 8];
        for half in 0..2 {
            // SAFETY: the block lies inside the limb.
            let rows = unsafe { load_rows::<4, true>(limb.add(BLOCK * block + 16 * half), 4) };
            let mut quarter = transpose(rows);
            // SAFETY: the tail has three vectors per half block.
            let w = unsafe { tail_twiddles(k, tail.add(12 * (2 * block + half))) };
            inverse_layers(k, &mut quarter, &w, 0);
            settle::<4, TIGHT>(k, &mut quarter);
            v[4 * half..4 * half + 4].copy_from_slice(&transpose(quarter));
        }
        let w = gather::<8>(twiddles, n / BLOCK + block);
        inverse_layers(k, &mut v, &w, 0);
        settle::<8, TIGHT>(k, &mut v);
        // SAFETY: the block lies inside the limb.
        unsafe { store_rows(limb.add(BLOCK * block), 4, v) };
    }
}

/// One strided pass of the inverse, down to the layer with `blocks` twiddles; the `LAST` pass multiplies by the
/// constants and stores words in `[0, p)`.
///
/// # Safety
/// As [`forward_strided`].
#[inline]
#[target_feature(enable = "avx2,fma")]
unsafe fn inverse_strided<const R: usize, const TIGHT: bool, const LAST: bool>(
    k: Lanes,
    limb: *mut u64,
    n: usize,
    blocks: usize,
    twiddles: &[[f64; 2]],
    [sum, difference]: [Ratio; 2],
) {
    let stride = n / blocks / R;
    for block in 0..blocks {
        let w = gather::<R>(twiddles, blocks + block);
        for j in (0..stride).step_by(4) {
            let base = block * R * stride + j;
            // SAFETY: `base + (R - 1)·stride + 4 <= n`.
            let mut v = unsafe { load_rows::<R, false>(limb.add(base), stride) };
            inverse_layers(k, &mut v, &w, u32::from(LAST));
            if LAST {
                for i in 0..R / 2 {
                    let (x, y) = (v[i], v[i + R / 2]);
                    let low = k.times(_mm256_add_pd(x, y), sum);
                    let high = k.times(_mm256_sub_pd(x, y), difference);
                    // SAFETY: as above.
                    unsafe {
                        store_words(limb.add(base + i * stride), k.word(low));
                        store_words(limb.add(base + (i + R / 2) * stride), k.word(high));
                    }
                }
            } else {
                settle::<R, TIGHT>(k, &mut v);
                // SAFETY: as above.
                unsafe { store_rows(limb.add(base), stride, v) };
            }
        }
    }
}

/// # Safety
/// As [`forward_passes`].
#[inline]
#[target_feature(enable = "avx2,fma")]
unsafe fn inverse_passes<const TIGHT: bool>(
    k: Lanes,
    limb: *mut u64,
    t: &DoubleTwiddles,
    constants: [Ratio; 2],
) {
    let n = t.n();
    // SAFETY: by the caller's word.
    unsafe { inverse_blocks::<TIGHT>(k, limb, n, &t.inverse, t.inverse_tail.as_ptr()) };
    let mut blocks = n / BLOCK;
    for &layers in t.passes.iter().rev() {
        blocks >>= layers;
        macro_rules! strided {
            ($radix:literal) => {
                if blocks == 1 {
                    inverse_strided::<$radix, TIGHT, true>(k, limb, n, 1, &t.inverse, constants)
                } else {
                    inverse_strided::<$radix, TIGHT, false>(
                        k, limb, n, blocks, &t.inverse, constants,
                    )
                }
            };
        }
        // SAFETY: by the caller's word.
        unsafe { by_radix!(layers, strided) };
    }
}

kernel! {
    /// Inverse transform times the constant of `scaling`.
    ///
    /// # Range
    /// Between passes at most `1.2p`, or `0.7p` with the reductions for large primes; inside at most eight times as
    /// much, so that quotients stay below `2^51`.
    pub(super) fn inverse(table: &NttTable, limb: &mut [u64], scaling: &Scaling) {
        let Twiddles::Double(t) = &table.twiddles else {
            return super::scalar::inverse(table, limb, scaling);
        };
        assert!(limb.len() == t.n() && t.inverse_tail.len() == t.n() / 4 * 3);
        let (m, limb) = (&table.modulus, limb.as_mut_ptr());
        let constants = [scaling.sum, scaling.difference].map(|c| ratio(m, c.value));
        // SAFETY: the lengths are as asked for.
        unsafe {
            if m.p < TIGHT_FROM {
                inverse_passes::<false>(Lanes::new(m), limb, t, constants);
            } else {
                inverse_passes::<true>(Lanes::new(m), limb, t, constants);
            }
        }
    }
}
