//! The inverse transform: blocks of 64 words, then strided passes.

use super::super::ifma::kernel;
use super::super::scalar;
use super::{
    Lanes, Twiddle, fetch, gather, load_rows, runs, splat, store_rows, tail_twiddles, transpose,
    vector_passes,
};
use crate::ring::ntt::{NttTable, Pass, Scaling, Twiddles};
use std::arch::x86_64::*;
use std::ops::Range;

/// From this size on limbs and twiddles come from the outer caches, and are fetched ahead.
const FETCH_FROM: usize = 1 << 14;

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

/// The first six layers of the inverse, in some blocks of 64 words.
///
/// # Safety
/// Both limbs have `n` words and `tail` points to `7n/8`, and the blocks are among the `n/64`.
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
        // SAFETY: the block lies inside the limb.
        let mut v = transpose(unsafe { load_rows(source.add(64 * block), 8) });
        // SAFETY: the tail has seven lines per block.
        let w = unsafe { tail_twiddles(k, tail.add(56 * block)) };
        inverse_layers::<8, TIGHT>(k, &mut v, &w, 0);
        settle::<8, TIGHT>(k, &mut v);
        // SAFETY: as above.
        unsafe { store_rows(limb.add(64 * block), 8, v) };
    }
    let run = blocks.len();
    for block in blocks {
        // What the first loop of the next run reads.
        if pass.blocks >= FETCH_FROM / 64 {
            fetch::<_MM_HINT_T0, 8>(source.wrapping_add(64 * (block + run)));
            fetch::<_MM_HINT_T0, 7>(tail.wrapping_add(56 * (block + run)));
        }
        // SAFETY: the block lies inside the limb.
        let mut v = transpose(unsafe { load_rows(limb.add(64 * block), 8) });
        let w = gather::<8>(twiddles, pass.blocks + block);
        inverse_layers::<8, TIGHT>(k, &mut v, &w, 0);
        settle::<8, TIGHT>(k, &mut v);
        // SAFETY: as above.
        unsafe { store_rows(limb.add(64 * block), 8, v) };
    }
}

/// One strided pass of the inverse; with `LAST`, its final layer multiplies by the constant.
///
/// # Safety
/// `limb` points to `n` words, `n` a multiple of `8 · R · pass.blocks`, and the blocks are among `pass.blocks`.
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
            // SAFETY: `base + (R - 1)·stride + 8 <= n`.
            let mut v = unsafe { load_rows::<R>(limb.add(base), stride) };
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
            // SAFETY: as above.
            unsafe { store_rows(limb.add(base), stride, v) };
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
    pub(in super::super) fn inverse(table: &NttTable, limb: &mut [u64], scaling: &Scaling) {
        let Some(passes) = vector_passes(table, limb) else {
            return scalar::inverse(table, limb, scaling);
        };
        let limb = limb.as_mut_ptr();
        // SAFETY: the limb has `n` words.
        unsafe { inverse_any(table, (limb, limb), passes, scaling) }
    }
}

kernel! {
    /// As [`inverse`], from one limb into another.
    pub(in super::super) fn inverse_of(table: &NttTable, out: &mut [u64], scaling: &Scaling, limb: &[u64]) {
        let Some(passes) = vector_passes(table, limb) else {
            out.copy_from_slice(limb);
            return scalar::inverse(table, out, scaling);
        };
        assert_eq!(out.len(), limb.len());
        // SAFETY: both limbs have `n` words.
        unsafe { inverse_any(table, (out.as_mut_ptr(), limb.as_ptr()), passes, scaling) }
    }
}
