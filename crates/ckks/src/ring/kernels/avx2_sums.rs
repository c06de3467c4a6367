//! Sums of products for AVX2, reduced once at the end.
//!
//! A sum starts at a power of two so large that its last bit stands for about `p`: each addition `high += x·y` rounds the
//! product to that bit, the difference of the old and the new sum is the rounded product, and what it missed, exact and
//! below `p`, gathers in a second sum. Four instructions per product.

use super::avx2::{Lanes, TWO_52, double, kernel, splat};
use crate::ring::modulus::{Factor, Modulus};
use std::arch::x86_64::*;

/// Most terms of one sum: the missed parts stay below `2^53`.
const MAX_TERMS: usize = 16;

/// Vector `i` of a limb.
///
/// # Safety
/// The limb has more than `i` vectors of four words.
#[inline]
#[target_feature(enable = "avx2,fma")]
unsafe fn line(limb: &[u64], i: usize) -> __m256i {
    debug_assert!(4 * (i + 1) <= limb.len());
    // SAFETY: in bounds by the caller's word.
    unsafe { _mm256_loadu_si256(limb.as_ptr().add(4 * i).cast()) }
}

/// # Safety
/// As [`line()`].
#[inline]
#[target_feature(enable = "avx2,fma")]
unsafe fn put(limb: &mut [u64], i: usize, x: __m256i) {
    debug_assert!(4 * (i + 1) <= limb.len());
    // SAFETY: in bounds by the caller's word.
    unsafe { _mm256_storeu_si256(limb.as_mut_ptr().add(4 * i).cast(), x) }
}

/// `2^(52+b)` for `p` of `b` bits, where sums start: they stay below twice that, so their last bit is `2^b`.
#[inline]
#[target_feature(enable = "avx2,fma")]
fn origin(m: &Modulus) -> __m256d {
    let bits = u64::BITS - m.p.leading_zeros();
    _mm256_set1_pd(TWO_52 * (1u64 << bits) as f64)
}

/// A sum of products of non-negative integers, below `2^52·p`.
#[derive(Clone, Copy)]
struct Sum {
    high: __m256d,
    low: __m256d,
}

impl Sum {
    #[inline]
    #[target_feature(enable = "avx2,fma")]
    fn new(origin: __m256d) -> Self {
        Self {
            high: origin,
            low: _mm256_setzero_pd(),
        }
    }

    #[inline]
    #[target_feature(enable = "avx2,fma")]
    fn add(&mut self, x: __m256d, y: __m256d) {
        let high = _mm256_fmadd_pd(x, y, self.high);
        let rounded = _mm256_sub_pd(high, self.high);
        self.low = _mm256_add_pd(self.low, _mm256_fmsub_pd(x, y, rounded));
        self.high = high;
    }

    /// The sum modulo `p`, an integer below `2^53` in size.
    #[inline]
    #[target_feature(enable = "avx2,fma")]
    fn reduce(self, k: Lanes, origin: __m256d) -> __m256d {
        let high = _mm256_sub_pd(self.high, origin);
        // The quotient is from 0 to 2^52.
        let shift = _mm256_set1_pd(TWO_52);
        let q = _mm256_sub_pd(_mm256_fmadd_pd(high, k.inv, shift), shift);
        _mm256_add_pd(k.minus(high, q), self.low)
    }
}

/// `T` vectors at a time of `G` sums of at most [`MAX_TERMS`] terms, which are added to `out` unless `first`.
#[inline]
#[target_feature(enable = "avx2,fma")]
fn dot_tiles<const G: usize, const T: usize>(
    moduli: &[&Modulus],
    out: &mut [&mut [u64]],
    inputs: &[&[u64]],
    factors: [&[Factor]; G],
    first: bool,
) {
    let n = inputs[0].len();
    assert!(moduli.len() == G && out.len() == G && inputs.len() <= MAX_TERMS);
    assert!(n.is_multiple_of(4 * T) && inputs.iter().all(|x| x.len() == n));
    assert!(out.iter().all(|x| x.len() == n));
    let mut lanes = [Lanes::new(moduli[0]); G];
    let mut origins = [_mm256_setzero_pd(); G];
    let mut constants = [[0.0; G]; MAX_TERMS];
    for g in 0..G {
        lanes[g] = Lanes::new(moduli[g]);
        origins[g] = origin(moduli[g]);
        let column = constants.iter_mut().zip(&factors[g][..inputs.len()]);
        column.for_each(|(constants, factor)| constants[g] = factor.value as f64);
    }
    for tile in 0..n / (4 * T) {
        let mut start = [Sum::new(origins[0]); G];
        for (sum, origin) in start.iter_mut().zip(origins) {
            *sum = Sum::new(origin);
        }
        let mut sums = [start; T];
        for (x, constants) in inputs.iter().zip(&constants) {
            for (i, sums) in sums.iter_mut().enumerate() {
                // SAFETY: every input has `n` words, and `T·tile + i < n/4`.
                let x = double(unsafe { line(x, T * tile + i) });
                for (sum, &constant) in sums.iter_mut().zip(constants) {
                    sum.add(x, _mm256_set1_pd(constant));
                }
            }
        }
        for (i, sums) in sums.into_iter().enumerate() {
            let at = T * tile + i;
            for (g, sum) in sums.into_iter().enumerate() {
                let mut total = sum.reduce(lanes[g], origins[g]);
                // SAFETY: every output has `n` words.
                unsafe {
                    if !first {
                        total = _mm256_add_pd(total, double(line(out[g], at)));
                    }
                    put(out[g], at, lanes[g].residue(total));
                }
            }
        }
    }
}

kernel! {
    pub(super) fn dot(moduli: &[&Modulus], out: &mut [&mut [u64]], inputs: &[&[u64]], factors: &[&[Factor]]) {
        let groups = moduli.chunks(2).zip(out.chunks_mut(2)).zip(factors.chunks(2));
        for ((moduli, out), factors) in groups {
            for (i, inputs) in inputs.chunks(MAX_TERMS).enumerate() {
                let (first, row) = (i == 0, |g: usize| &factors[g][MAX_TERMS * i..]);
                if moduli.len() == 1 {
                    dot_tiles::<1, 4>(moduli, out, inputs, [row(0)], first);
                } else {
                    dot_tiles::<2, 2>(moduli, out, inputs, [row(0), row(1)], first);
                }
            }
        }
    }
}

/// `T` vectors at a time.
#[inline]
#[target_feature(enable = "avx2,fma")]
fn round_tiles<const T: usize>(out: &mut [u64], inputs: &[&[u64]], weights: &[u64], shift: u32) {
    let n = out.len();
    assert!(n.is_multiple_of(4 * T) && inputs.iter().all(|x| x.len() == n));
    let (half, count) = (splat(1 << (shift - 1)), _mm_cvtsi32_si128(shift as i32));
    let (one, two_52) = (_mm256_set1_pd(1.0), _mm256_set1_pd(TWO_52));
    for tile in 0..n / (4 * T) {
        let mut sums = [half; T];
        for (x, &weight) in inputs.iter().zip(weights) {
            // The weight's 52 bits as the fraction of a double from 1 to 2.
            let fraction = _mm256_or_si256(splat(weight), _mm256_castpd_si256(one));
            let w = _mm256_sub_pd(_mm256_castsi256_pd(fraction), one);
            for (i, sum) in sums.iter_mut().enumerate() {
                // SAFETY: every input has the length of `out`, which has this vector.
                let x = double(unsafe { line(x, T * tile + i) });
                let shifted = _mm256_fmadd_pd(x, w, two_52);
                // Where rounding went up, the product falls short of the integer, and the comparison gives -1.
                let rest = _mm256_fmsub_pd(x, w, _mm256_sub_pd(shifted, two_52));
                let up = _mm256_cmp_pd::<_CMP_LT_OQ>(rest, _mm256_setzero_pd());
                let bits = _mm256_xor_pd(shifted, two_52);
                *sum = _mm256_add_epi64(*sum, _mm256_castpd_si256(bits));
                *sum = _mm256_add_epi64(*sum, _mm256_castpd_si256(up));
            }
        }
        for (i, sum) in sums.into_iter().enumerate() {
            // SAFETY: as above.
            unsafe { put(out, T * tile + i, _mm256_srl_epi64(sum, count)) };
        }
    }
}

kernel! {
    /// # Range
    /// Inputs and weights are below `2^52`.
    pub(super) fn round_quotient(out: &mut [u64], inputs: &[&[u64]], weights: &[u64], shift: u32) {
        round_tiles::<4>(out, inputs, weights, shift);
    }
}

/// Products of at most [`MAX_TERMS`] digits, no more than the modulus's budget, added to `out` unless `first`.
#[inline]
#[target_feature(enable = "avx2,fma")]
fn product_tiles(
    m: &Modulus,
    out: [&mut [u64]; 2],
    digits: &[&[u64]],
    b: &[&[u64]],
    a: &[&[u64]],
    first: bool,
) {
    let (k, origin) = (Lanes::new(m), origin(m));
    let [out_b, out_a] = out;
    let n = out_b.len();
    assert!(n.is_multiple_of(8) && out_a.len() == n);
    assert!(b.len() == digits.len() && a.len() == digits.len());
    assert!(digits.iter().chain(b).chain(a).all(|x| x.len() == n));
    for tile in 0..n / 8 {
        let mut sums = [[Sum::new(origin); 2]; 2];
        for ((digit, b), a) in digits.iter().zip(b).zip(a) {
            for (i, [sum_b, sum_a]) in sums.iter_mut().enumerate() {
                // SAFETY: every input has the length of the outputs, which have this vector.
                let [x, b, a] =
                    unsafe { [digit, b, a].map(|limb| double(line(limb, 2 * tile + i))) };
                sum_b.add(x, b);
                sum_a.add(x, a);
            }
        }
        for (i, sums) in sums.into_iter().enumerate() {
            for (out, sum) in [&mut *out_b, &mut *out_a].into_iter().zip(sums) {
                let at = 2 * tile + i;
                let mut total = sum.reduce(k, origin);
                // SAFETY: both outputs have this vector.
                unsafe {
                    if !first {
                        total = _mm256_add_pd(total, double(line(out, at)));
                    }
                    put(out, at, k.residue(total));
                }
            }
        }
    }
}

kernel! {
    pub(super) fn key_product(m: &Modulus, out: [&mut [u64]; 2], digits: &[&[u64]], b: &[&[u64]], a: &[&[u64]]) {
        let [out_b, out_a] = out;
        let terms = MAX_TERMS.min(m.budget as usize);
        if digits.is_empty() {
            out_b.fill(0);
            out_a.fill(0);
        }
        let chunks = digits.chunks(terms).zip(b.chunks(terms)).zip(a.chunks(terms));
        for (i, ((digits, b), a)) in chunks.enumerate() {
            product_tiles(m, [&mut *out_b, &mut *out_a], digits, b, a, i == 0);
        }
    }
}
