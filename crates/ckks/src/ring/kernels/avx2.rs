//! Kernels for AVX2 with fused multiply-add, except sums of products and the transforms.
//!
//! There is no 64-bit multiply, so products are taken in doubles: with `h = x·y` rounded, `l = x·y - h` exactly and `q` an
//! integer near `x·y/p`, the residue `(h - q·p) + l` is exact, because both terms are small integers (van der Hoeven,
//! Lecerf and Quintin, arXiv 1407.3383). Words become doubles when loaded and canonical words again when stored.

use super::{Kernels, avx2_ntt, avx2_sums, whole};
use crate::ring::automorphism::AutomorphismTable;
use crate::ring::fft::{self, FftTable};
use crate::ring::modulus::{Factor, Modulus};
use crate::ring::ntt_double::centred;
use std::arch::x86_64::*;

pub(super) static KERNELS: Kernels = Kernels {
    name: "avx2",
    forward: avx2_ntt::forward,
    blocks: whole::blocks,
    forward_head: whole::forward_head,
    forward_rest: |table, limb, _, _| avx2_ntt::forward(table, limb),
    inverse: avx2_ntt::inverse,
    inverse_of: |table, out, scaling, limb| {
        out.copy_from_slice(limb);
        avx2_ntt::inverse(table, out, scaling);
    },
    add,
    add_assign,
    sub,
    sub_assign,
    neg_assign,
    mul,
    mul_assign,
    mul_add,
    mul_const,
    mul_const_add,
    add_const,
    tensor,
    dot: avx2_sums::dot,
    round_quotient: avx2_sums::round_quotient,
    key_product: avx2_sums::key_product,
    sum_products: |m, [out0, out1], plain, [x0, x1], addends| {
        avx2_sums::key_product(m, [&mut *out0, &mut *out1], plain, x0, x1);
        for (out, addends) in [out0, out1].into_iter().zip(addends) {
            addends.iter().for_each(|x| add_assign(m, out, x));
        }
    },
    sub_mul_const,
    sub_mul_const_add,
    permute,
    reduce_signed,
    all_below,
    fft_inverse,
    fft_forward,
};

/// Four words.
type Line = [u64; 4];

/// Doubles from here to twice this are `2^52` plus an integer, which their low bits hold.
pub(super) const TWO_52: f64 = (1u64 << 52) as f64;

/// Adding this rounds a double below `2^51` in size to an integer, which the low bits then hold.
pub(super) const ROUND: f64 = 1.5 * TWO_52;

/// Defines a function whose body runs with the vector instructions enabled.
macro_rules! kernel {
    ($(#[$attribute:meta])* $visibility:vis fn $name:ident($($arg:ident: $type:ty),* $(,)?) $(-> $output:ty)? $body:block) => {
        $(#[$attribute])*
        $visibility fn $name($($arg: $type),*) $(-> $output)? {
            #[target_feature(enable = "avx2,fma")]
            fn vectorized($($arg: $type),*) $(-> $output)? $body
            // SAFETY: this table is only chosen when the processor has these instructions.
            unsafe { vectorized($($arg),*) }
        }
    };
}
pub(super) use kernel;

#[inline]
#[target_feature(enable = "avx2,fma")]
fn load(line: &Line) -> __m256i {
    // SAFETY: the reference covers 32 readable bytes; the load needs no alignment.
    unsafe { _mm256_loadu_si256(line.as_ptr().cast()) }
}

#[inline]
#[target_feature(enable = "avx2,fma")]
fn store(line: &mut Line, value: __m256i) {
    // SAFETY: the reference covers 32 writable bytes; the store needs no alignment.
    unsafe { _mm256_storeu_si256(line.as_mut_ptr().cast(), value) }
}

#[inline]
#[target_feature(enable = "avx2,fma")]
pub(super) fn splat(x: u64) -> __m256i {
    _mm256_set1_epi64x(x as i64)
}

/// Words below `2^52` as doubles.
#[inline]
#[target_feature(enable = "avx2,fma")]
pub(super) fn double(x: __m256i) -> __m256d {
    let bits = _mm256_castpd_si256(_mm256_set1_pd(TWO_52));
    let shifted = _mm256_castsi256_pd(_mm256_or_si256(x, bits));
    _mm256_sub_pd(shifted, _mm256_set1_pd(TWO_52))
}

/// The nearest integer to `x·y`, whose size must be below `2^51`.
#[inline]
#[target_feature(enable = "avx2,fma")]
pub(super) fn rounded_product(x: __m256d, y: __m256d) -> __m256d {
    let round = _mm256_set1_pd(ROUND);
    _mm256_sub_pd(_mm256_fmadd_pd(x, y, round), round)
}

/// A constant in `[-p/2, p/2]` and its quotient by `p`, in every lane.
pub(super) type Ratio = [__m256d; 2];

#[inline]
#[target_feature(enable = "avx2,fma")]
pub(super) fn ratio(m: &Modulus, c: u64) -> Ratio {
    let value = centred(m, c);
    [value, value / m.p as f64].map(|x| _mm256_set1_pd(x))
}

/// A modulus in every lane.
#[derive(Clone, Copy)]
pub(super) struct Lanes {
    p: __m256d,
    pub(super) inv: __m256d,
    p_word: __m256i,
}

impl Lanes {
    #[inline]
    #[target_feature(enable = "avx2,fma")]
    pub(super) fn new(m: &Modulus) -> Self {
        Self {
            p: _mm256_set1_pd(m.p as f64),
            inv: _mm256_set1_pd(1.0 / m.p as f64),
            p_word: splat(m.p),
        }
    }

    /// `x - q·p`, which must be an integer below `2^53` in size.
    #[inline]
    #[target_feature(enable = "avx2,fma")]
    pub(super) fn minus(self, x: __m256d, q: __m256d) -> __m256d {
        _mm256_fnmadd_pd(q, self.p, x)
    }

    /// An integer below `2^53` in size to half of `p`, and at most `p·2^-30` beyond.
    #[inline]
    #[target_feature(enable = "avx2,fma")]
    pub(super) fn reduce(self, x: __m256d) -> __m256d {
        self.minus(x, rounded_product(x, self.inv))
    }

    /// From `(-p, p)` to words in `[0, p)`.
    #[inline]
    #[target_feature(enable = "avx2,fma")]
    pub(super) fn word(self, x: __m256d) -> __m256i {
        let round = _mm256_set1_pd(ROUND);
        let bits = _mm256_castpd_si256(_mm256_add_pd(x, round));
        let x = _mm256_sub_epi64(bits, _mm256_castpd_si256(round));
        self.lift(x)
    }

    /// From words in `(-p, p)` to `[0, p)`.
    #[inline]
    #[target_feature(enable = "avx2,fma")]
    fn lift(self, x: __m256i) -> __m256i {
        let lifted = _mm256_castsi256_pd(_mm256_add_epi64(x, self.p_word));
        let x = _mm256_castsi256_pd(x);
        _mm256_castpd_si256(_mm256_blendv_pd(x, lifted, x))
    }

    /// Sum of words in `[0, p)`.
    #[inline]
    #[target_feature(enable = "avx2,fma")]
    fn add(self, a: __m256i, b: __m256i) -> __m256i {
        self.lift(_mm256_sub_epi64(_mm256_add_epi64(a, b), self.p_word))
    }

    /// `x·c` modulo `p`, in `(-p, p)`, for an integer `x` with `x·c/p` below `2^51` in size.
    #[inline]
    #[target_feature(enable = "avx2,fma")]
    pub(super) fn times(self, x: __m256d, c: Ratio) -> __m256d {
        let high = _mm256_mul_pd(x, c[0]);
        let q = rounded_product(x, c[1]);
        let low = _mm256_fmsub_pd(x, c[0], high);
        _mm256_add_pd(self.minus(high, q), low)
    }

    /// `a·b` modulo `p`, in `(-p, p)`, for integers up to `p` in size.
    #[inline]
    #[target_feature(enable = "avx2,fma")]
    fn mul(self, a: __m256d, b: __m256d) -> __m256d {
        let high = _mm256_mul_pd(a, b);
        let low = _mm256_fmsub_pd(a, b, high);
        let q = rounded_product(high, self.inv);
        _mm256_add_pd(self.minus(high, q), low)
    }

    /// The residue of an integer below `2^53` in size.
    #[inline]
    #[target_feature(enable = "avx2,fma")]
    pub(super) fn residue(self, x: __m256d) -> __m256i {
        self.word(self.reduce(x))
    }
}

/// `out = f(out, a, b)` by lines.
#[inline]
#[target_feature(enable = "avx2,fma")]
fn map3(out: &mut [u64], a: &[u64], b: &[u64], f: impl Fn(__m256i, __m256i, __m256i) -> __m256i) {
    assert!(a.len() == out.len() && b.len() == out.len());
    let inputs = a.as_chunks::<4>().0.iter().zip(b.as_chunks::<4>().0);
    for (o, (a, b)) in out.as_chunks_mut::<4>().0.iter_mut().zip(inputs) {
        store(o, f(load(o), load(a), load(b)));
    }
}

/// `out = f(out, a)` by lines.
#[inline]
#[target_feature(enable = "avx2,fma")]
fn map2(out: &mut [u64], a: &[u64], f: impl Fn(__m256i, __m256i) -> __m256i) {
    assert_eq!(a.len(), out.len());
    let lines = out.as_chunks_mut::<4>().0.iter_mut();
    for (o, a) in lines.zip(a.as_chunks::<4>().0) {
        store(o, f(load(o), load(a)));
    }
}

/// `out = f(out)` by lines.
#[inline]
#[target_feature(enable = "avx2,fma")]
fn map1(out: &mut [u64], f: impl Fn(__m256i) -> __m256i) {
    for o in out.as_chunks_mut::<4>().0 {
        store(o, f(load(o)));
    }
}

kernel! {
    fn add(m: &Modulus, out: &mut [u64], a: &[u64], b: &[u64]) {
        let k = Lanes::new(m);
        map3(out, a, b, |_, a, b| k.add(a, b));
    }
}

kernel! {
    fn add_assign(m: &Modulus, out: &mut [u64], a: &[u64]) {
        let k = Lanes::new(m);
        map2(out, a, |o, a| k.add(o, a));
    }
}

kernel! {
    fn sub(m: &Modulus, out: &mut [u64], a: &[u64], b: &[u64]) {
        let k = Lanes::new(m);
        map3(out, a, b, |_, a, b| k.lift(_mm256_sub_epi64(a, b)));
    }
}

kernel! {
    fn sub_assign(m: &Modulus, out: &mut [u64], a: &[u64]) {
        let k = Lanes::new(m);
        map2(out, a, |o, a| k.lift(_mm256_sub_epi64(o, a)));
    }
}

kernel! {
    fn neg_assign(m: &Modulus, out: &mut [u64]) {
        let k = Lanes::new(m);
        map1(out, |o| k.lift(_mm256_sub_epi64(_mm256_setzero_si256(), o)));
    }
}

kernel! {
    fn mul(m: &Modulus, out: &mut [u64], a: &[u64], b: &[u64]) {
        let k = Lanes::new(m);
        map3(out, a, b, |_, a, b| k.word(k.mul(double(a), double(b))));
    }
}

kernel! {
    fn mul_assign(m: &Modulus, out: &mut [u64], a: &[u64]) {
        let k = Lanes::new(m);
        map2(out, a, |o, a| k.word(k.mul(double(o), double(a))));
    }
}

kernel! {
    fn mul_add(m: &Modulus, out: &mut [u64], a: &[u64], b: &[u64]) {
        let k = Lanes::new(m);
        map3(out, a, b, |o, a, b| {
            k.residue(_mm256_add_pd(k.mul(double(a), double(b)), double(o)))
        });
    }
}

kernel! {
    fn mul_const(m: &Modulus, out: &mut [u64], a: &[u64], c: Factor) {
        let (k, c) = (Lanes::new(m), ratio(m, c.value));
        map2(out, a, |_, a| k.word(k.times(double(a), c)));
    }
}

kernel! {
    fn mul_const_add(m: &Modulus, out: &mut [u64], a: &[u64], c: Factor) {
        let (k, c) = (Lanes::new(m), ratio(m, c.value));
        map2(out, a, |o, a| k.residue(_mm256_add_pd(k.times(double(a), c), double(o))));
    }
}

kernel! {
    fn add_const(m: &Modulus, out: &mut [u64], c: u64) {
        let (k, c) = (Lanes::new(m), splat(c));
        map1(out, |o| k.add(o, c));
    }
}

kernel! {
    fn sub_mul_const(m: &Modulus, t: &mut [u64], x: &[u64], c: Factor) {
        let (k, c) = (Lanes::new(m), ratio(m, c.value));
        map2(t, x, |t, x| k.word(k.times(_mm256_sub_pd(double(x), double(t)), c)));
    }
}

kernel! {
    fn sub_mul_const_add(m: &Modulus, t: &mut [u64], x: &[u64], c: Factor, y: &[u64]) {
        let (k, c) = (Lanes::new(m), ratio(m, c.value));
        map3(t, x, y, |t, x, y| {
            let product = k.times(_mm256_sub_pd(double(x), double(t)), c);
            k.residue(_mm256_add_pd(product, double(y)))
        });
    }
}

kernel! {
    fn reduce_signed(m: &Modulus, out: &mut [u64], input: &[i64]) {
        assert_eq!(out.len(), input.len());
        let (k, round) = (Lanes::new(m), _mm256_set1_pd(ROUND));
        let lines = out.as_chunks_mut::<4>().0.iter_mut();
        for (o, x) in lines.zip(input.as_chunks::<4>().0) {
            let bits = _mm256_add_epi64(load(&x.map(|x| x as u64)), _mm256_castpd_si256(round));
            store(o, k.residue(_mm256_sub_pd(_mm256_castsi256_pd(bits), round)));
        }
    }
}

kernel! {
    fn all_below(limb: &[u64], p: u64) -> bool {
        let (lines, rest) = limb.as_chunks::<4>();
        // Comparisons are signed, so both sides move by 2^63.
        let sign = splat(1 << 63);
        let largest = _mm256_xor_si256(splat(p.wrapping_sub(1)), sign);
        let above = lines.iter().fold(_mm256_setzero_si256(), |above, x| {
            let x = _mm256_xor_si256(load(x), sign);
            _mm256_or_si256(above, _mm256_cmpgt_epi64(x, largest))
        });
        p > 0 && _mm256_testz_si256(above, above) == 1 && rest.iter().all(|&x| x < p)
    }
}

kernel! {
    fn tensor(m: &Modulus, out: [&mut [u64]; 3], a: [&[u64]; 2], b: [&[u64]; 2]) {
        let k = Lanes::new(m);
        let n = out[0].len();
        assert!(out.iter().all(|x| x.len() == n) && a.iter().chain(&b).all(|x| x.len() == n));
        let [out0, out1, out2] = out.map(|x| x.as_chunks_mut::<4>().0);
        let [a0, a1] = a.map(|x| x.as_chunks::<4>().0);
        let [b0, b1] = b.map(|x| x.as_chunks::<4>().0);
        for i in 0..n / 4 {
            let (x0, x1) = (double(load(&a0[i])), double(load(&a1[i])));
            let (y0, y1) = (double(load(&b0[i])), double(load(&b1[i])));
            store(&mut out0[i], k.word(k.mul(x0, y0)));
            store(&mut out1[i], k.residue(_mm256_add_pd(k.mul(x0, y1), k.mul(x1, y0))));
            store(&mut out2[i], k.word(k.mul(x1, y1)));
        }
    }
}

kernel! {
    /// Each half of a line comes from one half of its source, since `g` is odd.
    fn permute(out: &mut [u64], a: &[u64], table: &AutomorphismTable) {
        assert!(out.len() == table.n() && a.len() == table.n());
        let lines = a.as_chunks::<8>().0;
        let odd = splat(1 << 32);
        for (o, (from, pattern)) in out.as_chunks_mut::<8>().0.iter_mut().zip(table.lines()) {
            let line = lines[from].as_chunks::<4>().0;
            let halves = o.as_chunks_mut::<4>().0.iter_mut();
            for (o, pattern) in halves.zip(pattern.as_chunks::<4>().0) {
                let from = load(&line[(pattern[0] >> 2) as usize & 1]);
                // Word k is the 32-bit words 2k and 2k + 1 of its half; the selection ignores the half.
                let twice = _mm256_slli_epi64::<1>(load(pattern));
                let pairs = _mm256_or_si256(twice, _mm256_slli_epi64::<32>(twice));
                store(o, _mm256_permutevar8x32_epi32(from, _mm256_or_si256(pairs, odd)));
            }
        }
    }
}

kernel! {
    fn fft_inverse(table: &FftTable, re: &mut [f64], im: &mut [f64]) {
        fft::inverse_body(table, re, im);
    }
}

kernel! {
    fn fft_forward(table: &FftTable, re: &mut [f64], im: &mut [f64]) {
        fft::forward_body(table, re, im);
    }
}
