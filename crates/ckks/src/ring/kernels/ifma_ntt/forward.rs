//! The forward transform: strided passes, then blocks of 64 words.

use super::super::ifma::kernel;
use super::super::scalar;
use super::{
    Lanes, Twiddle, fetch, gather, load_rows, runs, splat, store_rows, tail_twiddles, transpose,
    vector_passes,
};
use crate::ring::ntt::{NttTable, Pass, Prelude, Twiddles};
use std::arch::x86_64::*;
use std::ops::Range;

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
            // SAFETY: `base + (R - 1)·stride + 8 <= n`.
            let mut v = unsafe { load_rows::<R>(limb.add(base), stride) };
            for x in &mut v[..R / 2] {
                *x = prelude::<PRE>(k, *x, offset);
            }
            forward_layers(k, &mut v, &w);
            // SAFETY: as above.
            unsafe { store_rows(limb.add(base), stride, v) };
        }
    }
}

/// Fetches a block of 64 words past the outer caches, which keys would only empty.
#[inline]
fn fetch_past(limb: *const u64, block: usize) {
    if !limb.is_null() {
        fetch::<_MM_HINT_NTA, 8>(limb.wrapping_add(64 * block));
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
        fetch_past(ahead[0], block);
        let w = gather::<8>(twiddles, pass.blocks + block);
        // SAFETY: the block lies inside the limb.
        let mut v = unsafe { load_rows::<8>(limb.add(64 * block), 8) };
        for x in &mut v[..4] {
            *x = prelude::<PRE>(k, *x, offset);
        }
        forward_layers(k, &mut v, &w);
        // SAFETY: as above.
        unsafe { store_rows(limb.add(64 * block), 8, transpose(v)) };
    }
    for block in blocks {
        fetch_past(ahead[1], block);
        // SAFETY: the block lies inside the limb.
        let mut v = unsafe { load_rows::<8>(limb.add(64 * block), 8) };
        // SAFETY: the tail has seven lines per block.
        let w = unsafe { tail_twiddles(k, tail.add(56 * block)) };
        forward_layers(k, &mut v, &w);
        let mut v = transpose(v);
        for x in &mut v {
            *x = k.canonical(*x);
        }
        // SAFETY: as above.
        unsafe { store_rows(limb.add(64 * block), 8, v) };
    }
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

/// Blocks after the first pass.
pub(in super::super) fn blocks(table: &NttTable) -> usize {
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
    pub(in super::super) fn forward(table: &NttTable, limb: &mut [u64]) {
        match vector_passes(table, limb) {
            None => scalar::forward(table, limb),
            // SAFETY: the passes fit the limb and the tables.
            Some(passes) => unsafe { forward_passes(table, limb.as_mut_ptr(), passes, 0..1, [std::ptr::null(); 2]) },
        }
    }
}

kernel! {
    /// The first pass of the forward transform on some columns.
    pub(in super::super) fn forward_head(table: &NttTable, limb: &mut [u64], columns: Range<usize>) {
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
    pub(in super::super) fn forward_rest(table: &NttTable, limb: &mut [u64], block: usize, ahead: [&[u64]; 2]) {
        let Some([first, rest @ ..]) = vector_passes(table, limb) else {
            return scalar::forward(table, limb);
        };
        assert!(block < 1 << first.layers);
        let ahead = ahead.map(|x| if x.len() == limb.len() { x.as_ptr() } else { std::ptr::null() });
        for run in rest.first().into_iter().flat_map(|next| runs(table.n, next, block..block + 1, 0)) {
            // SAFETY: the passes fit the limb and the tables, and the second has as many blocks as the first leaves.
            unsafe { forward_passes(table, limb.as_mut_ptr(), rest, run, ahead) };
        }
    }
}
