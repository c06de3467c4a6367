//! Sums of products for AVX-512 with 52-bit multiply-add, reduced once at the end.
//!
//! Low and high halves gather in 64-bit lanes, so up to 2^12 terms fit; what bounds a sum is that it must stay below
//! `2^52·p`.

use super::ifma::{Lanes, kernel, load, splat, store};
use crate::ring::modulus::{Factor, Modulus};
use std::arch::x86_64::*;

/// Calls a function with the widest tile, in lines, that divides a limb.
macro_rules! tiled {
    ($n:expr, $function:ident($($arg:expr),*)) => {
        if $n % 32 == 0 { $function::<4>($($arg),*) } else { $function::<2>($($arg),*) }
    };
}

/// Line `i` of a limb.
///
/// # Safety
/// The limb has more than `i` lines.
#[inline]
#[target_feature(enable = "avx512f,avx512ifma,avx512dq")]
unsafe fn line(limb: &[u64], i: usize) -> __m512i {
    debug_assert!(8 * (i + 1) <= limb.len());
    // SAFETY: in bounds by the caller's word.
    unsafe { _mm512_loadu_si512(limb.as_ptr().add(8 * i).cast()) }
}

/// `T` lines at a time of `G` sums, so that the inputs are read once.
#[inline]
#[target_feature(enable = "avx512f,avx512ifma,avx512dq")]
fn dot_tiles<const G: usize, const T: usize>(
    moduli: &[&Modulus],
    out: &mut [&mut [u64]],
    inputs: &[&[u64]],
    factors: &[&[Factor]],
) {
    let n = inputs[0].len();
    assert!(moduli.len() == G && out.len() == G && factors.len() == G);
    assert!(factors.iter().all(|row| row.len() >= inputs.len()));
    assert!(n.is_multiple_of(8 * T) && inputs.iter().all(|x| x.len() == n));
    let mut lanes = [Lanes::new(moduli[0]); G];
    lanes
        .iter_mut()
        .zip(moduli)
        .for_each(|(lanes, m)| *lanes = Lanes::new(m));
    for tile in 0..n / (8 * T) {
        let mut lo = [[_mm512_setzero_si512(); T]; G];
        let mut hi = lo;
        for (d, x) in inputs.iter().enumerate() {
            for i in 0..T {
                // SAFETY: every input has `n` words, and `T·tile + i < n/8`.
                let x = unsafe { line(x, T * tile + i) };
                for g in 0..G {
                    let c = splat(factors[g][d].mont);
                    lo[g][i] = _mm512_madd52lo_epu64(lo[g][i], x, c);
                    hi[g][i] = _mm512_madd52hi_epu64(hi[g][i], x, c);
                }
            }
        }
        for g in 0..G {
            let out = &mut out[g].as_chunks_mut::<8>().0[T * tile..T * (tile + 1)];
            for (i, out) in out.iter_mut().enumerate() {
                store(out, lanes[g].lift(lanes[g].redc(lo[g][i], hi[g][i])));
            }
        }
    }
}

kernel! {
    pub(super) fn dot(moduli: &[&Modulus], out: &mut [&mut [u64]], inputs: &[&[u64]], factors: &[&[Factor]]) {
        let groups = moduli.chunks(4).zip(out.chunks_mut(4)).zip(factors.chunks(4));
        for ((moduli, out), factors) in groups {
            match out.len() {
                1 if inputs[0].len().is_multiple_of(32) => dot_tiles::<1, 4>(moduli, out, inputs, factors),
                1 => dot_tiles::<1, 2>(moduli, out, inputs, factors),
                2 => dot_tiles::<2, 2>(moduli, out, inputs, factors),
                3 => dot_tiles::<3, 2>(moduli, out, inputs, factors),
                _ => dot_tiles::<4, 2>(moduli, out, inputs, factors),
            }
        }
    }
}

#[inline]
#[target_feature(enable = "avx512f,avx512ifma,avx512dq")]
fn round_tiles<const T: usize>(out: &mut [u64], inputs: &[&[u64]], weights: &[u64], shift: u32) {
    let n = out.len();
    assert!(n.is_multiple_of(8 * T) && inputs.iter().all(|x| x.len() == n));
    let (half, count) = (splat(1 << (shift - 1)), splat(u64::from(shift)));
    for (tile, out) in out.chunks_exact_mut(8 * T).enumerate() {
        let mut sum = [half; T];
        for (x, &weight) in inputs.iter().zip(weights) {
            let w = splat(weight);
            for (i, sum) in sum.iter_mut().enumerate() {
                // SAFETY: every input has the length of `out`, which has this line.
                let x = unsafe { line(x, T * tile + i) };
                *sum = _mm512_madd52hi_epu64(*sum, x, w);
            }
        }
        for (out, sum) in out.as_chunks_mut::<8>().0.iter_mut().zip(sum) {
            store(out, _mm512_srlv_epi64(sum, count));
        }
    }
}

kernel! {
    pub(super) fn round_quotient(out: &mut [u64], inputs: &[&[u64]], weights: &[u64], shift: u32) {
        tiled!(out.len(), round_tiles(out, inputs, weights, shift));
    }
}

/// From this many words on a key is larger than the caches, and its rows are fetched ahead, past them.
const FETCH_WORDS: usize = 2048;
const FETCH_LINES: usize = 32;

/// Products of at most `budget` digits, which are added to `out` unless `first`.
#[inline]
#[target_feature(enable = "avx512f,avx512ifma,avx512dq")]
fn product_tiles<const FETCH: bool>(
    m: &Modulus,
    out: [&mut [u64]; 2],
    digits: &[&[u64]],
    b: &[&[u64]],
    a: &[&[u64]],
    first: bool,
) {
    let k = Lanes::new(m);
    let [out_b, out_a] = out;
    let n = out_b.len();
    assert!(
        n.is_multiple_of(16)
            && out_a.len() == n
            && b.len() == digits.len()
            && a.len() == digits.len()
    );
    assert!(digits.iter().chain(b).chain(a).all(|x| x.len() == n));
    let tiles = out_b.chunks_exact_mut(16).zip(out_a.chunks_exact_mut(16));
    for (tile, (out_b, out_a)) in tiles.enumerate() {
        let mut sums = [[_mm512_setzero_si512(); 4]; 2];
        for ((digit, b_row), a_row) in digits.iter().zip(b).zip(a) {
            for (i, [lo_b, hi_b, lo_a, hi_a]) in sums.iter_mut().enumerate() {
                // SAFETY: every input has the length of the outputs, which have this line.
                let [x, b, a] = unsafe {
                    [
                        line(digit, 2 * tile + i),
                        line(b_row, 2 * tile + i),
                        line(a_row, 2 * tile + i),
                    ]
                };
                if FETCH {
                    let ahead = 8 * (2 * tile + i + FETCH_LINES);
                    for row in [b_row, a_row] {
                        _mm_prefetch::<_MM_HINT_NTA>(row.as_ptr().wrapping_add(ahead).cast());
                    }
                }
                *lo_b = _mm512_madd52lo_epu64(*lo_b, x, b);
                *hi_b = _mm512_madd52hi_epu64(*hi_b, x, b);
                *lo_a = _mm512_madd52lo_epu64(*lo_a, x, a);
                *hi_a = _mm512_madd52hi_epu64(*hi_a, x, a);
            }
        }
        let lines = out_b
            .as_chunks_mut::<8>()
            .0
            .iter_mut()
            .zip(out_a.as_chunks_mut::<8>().0);
        for ((out_b, out_a), [lo_b, hi_b, lo_a, hi_a]) in lines.zip(sums) {
            let (b, a) = (k.reduce(lo_b, hi_b), k.reduce(lo_a, hi_a));
            let (b, a) = if first {
                (b, a)
            } else {
                (k.add(load(out_b), b), k.add(load(out_a), a))
            };
            store(out_b, b);
            store(out_a, a);
        }
    }
}

kernel! {
    pub(super) fn key_product(m: &Modulus, out: [&mut [u64]; 2], digits: &[&[u64]], b: &[&[u64]], a: &[&[u64]]) {
        let [out_b, out_a] = out;
        let budget = m.budget as usize;
        if digits.is_empty() {
            out_b.fill(0);
            out_a.fill(0);
        }
        let chunks = digits.chunks(budget).zip(b.chunks(budget)).zip(a.chunks(budget));
        for (i, ((digits, b), a)) in chunks.enumerate() {
            let out = [&mut *out_b, &mut *out_a];
            if out[0].len() >= FETCH_WORDS {
                product_tiles::<true>(m, out, digits, b, a, i == 0);
            } else {
                product_tiles::<false>(m, out, digits, b, a, i == 0);
            }
        }
    }
}

/// Lines of a sum that are gathered in the first cache while their terms pass by.
const TILE: usize = 32;

/// Low and high halves of both sums.
type Sums = [[__m512i; TILE]; 4];

/// Adds the products of `T` terms to a tile of sums, from line `first` on.
///
/// # Safety
/// All limbs have more than `first + lines` lines, and `lines` is at most [`TILE`].
#[inline]
#[target_feature(enable = "avx512f,avx512ifma,avx512dq")]
unsafe fn gather_terms<const T: usize>(
    sums: &mut Sums,
    first: usize,
    lines: usize,
    terms: &[[&[u64]; 3]],
) {
    debug_assert!(terms.len() == T && lines <= TILE);
    let [lo0, hi0, lo1, hi1] = sums;
    for i in 0..lines {
        let (mut l0, mut h0, mut l1, mut h1) = (lo0[i], hi0[i], lo1[i], hi1[i]);
        for [p, x0, x1] in terms.iter().take(T) {
            // SAFETY: by the caller's word.
            let [p, x0, x1] =
                unsafe { [line(p, first + i), line(x0, first + i), line(x1, first + i)] };
            l0 = _mm512_madd52lo_epu64(l0, p, x0);
            h0 = _mm512_madd52hi_epu64(h0, p, x0);
            l1 = _mm512_madd52lo_epu64(l1, p, x1);
            h1 = _mm512_madd52hi_epu64(h1, p, x1);
        }
        (lo0[i], hi0[i], lo1[i], hi1[i]) = (l0, h0, l1, h1);
    }
}

kernel! {
    pub(super) fn sum_products(m: &Modulus, out: [&mut [u64]; 2], plain: &[&[u64]], x: [&[&[u64]]; 2], addends: [&[&[u64]]; 2]) {
        let k = Lanes::new(m);
        let n = out[0].len();
        assert!(out[1].len() == n && n.is_multiple_of(8) && x.iter().all(|x| x.len() == plain.len()));
        assert!(plain.iter().chain(x[0]).chain(x[1]).chain(addends[0]).chain(addends[1]).all(|limb| limb.len() == n));
        let terms: smallvec::SmallVec<[[&[u64]; 3]; 32]> =
            plain.iter().zip(x[0].iter().zip(x[1])).map(|(p, (a, b))| [*p, *a, *b]).collect();
        // Low lanes hold 2^12 terms of 52 bits.
        let budget = (m.budget as usize - 1).clamp(1, 1 << 11);
        for first in (0..n / 8).step_by(TILE) {
            let lines = TILE.min(n / 8 - first);
            let mut sums = [[_mm512_setzero_si512(); TILE]; 4];
            for chunk in terms.chunks(budget) {
                for four in chunk.chunks(4) {
                    // SAFETY: the limbs have `n/8` lines.
                    unsafe {
                        match four.len() {
                            4 => gather_terms::<4>(&mut sums, first, lines, four),
                            3 => gather_terms::<3>(&mut sums, first, lines, four),
                            2 => gather_terms::<2>(&mut sums, first, lines, four),
                            _ => gather_terms::<1>(&mut sums, first, lines, four),
                        }
                    }
                }
                let [lo0, hi0, lo1, hi1] = &mut sums;
                for (lo, hi) in lo0.iter_mut().zip(hi0).chain(lo1.iter_mut().zip(hi1)).take(2 * TILE) {
                    (*lo, *hi) = (k.reduce(*lo, *hi), _mm512_setzero_si512());
                }
            }
            for (part, sum) in [&sums[0], &sums[2]].into_iter().enumerate() {
                for (i, &sum) in sum[..lines].iter().enumerate() {
                    let mut value = sum;
                    for limb in addends[part] {
                        // SAFETY: the limb has `n/8` lines.
                        value = k.add(value, unsafe { line(limb, first + i) });
                    }
                    store(&mut out[part].as_chunks_mut::<8>().0[first + i], value);
                }
            }
        }
    }
}
