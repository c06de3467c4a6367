//! Kernels for AVX-512 with 52-bit multiply-add, except the transforms.
//!
//! Products use signed Montgomery reduction to the base `2^52`: for `T < 2^52·p`, with `m = lo(T)·p^-1 mod 2^52`,
//! `hi(T) - hi(m·p)` is `T·2^-52` modulo `p`, between `-p` and `p`; the unsigned minimum of it and of it plus `p` is the
//! canonical residue (after Seiler, ePrint 2018/039).

use super::{Kernels, ifma_ntt, ifma_sums, scalar};
use crate::ring::automorphism::AutomorphismTable;
use crate::ring::fft::{self, FftTable};
use crate::ring::modulus::{Factor, Modulus};
use std::arch::x86_64::*;

pub(super) static KERNELS: Kernels = Kernels {
    name: "avx512ifma",
    forward: ifma_ntt::forward,
    blocks: ifma_ntt::blocks,
    forward_head: ifma_ntt::forward_head,
    forward_rest: ifma_ntt::forward_rest,
    inverse: ifma_ntt::inverse,
    inverse_of: ifma_ntt::inverse_of,
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
    dot: ifma_sums::dot,
    round_quotient: ifma_sums::round_quotient,
    key_product: ifma_sums::key_product,
    sum_products: ifma_sums::sum_products,
    sub_mul_const,
    sub_mul_const_add,
    permute,
    reduce_signed,
    all_below,
    fft_inverse,
    fft_forward,
};

/// Eight words.
type Line = [u64; 8];

/// Defines a function whose body runs with the vector instructions enabled.
macro_rules! kernel {
    ($(#[$attribute:meta])* $visibility:vis fn $name:ident($($arg:ident: $type:ty),* $(,)?) $(-> $output:ty)? $body:block) => {
        $(#[$attribute])*
        $visibility fn $name($($arg: $type),*) $(-> $output)? {
            #[target_feature(enable = "avx512f,avx512ifma,avx512dq")]
            fn vectorized($($arg: $type),*) $(-> $output)? $body
            // SAFETY: this table is only chosen when the processor has these instructions.
            unsafe { vectorized($($arg),*) }
        }
    };
}
pub(super) use kernel;

#[inline]
#[target_feature(enable = "avx512f,avx512ifma,avx512dq")]
pub(super) fn load(line: &Line) -> __m512i {
    // SAFETY: the reference covers 64 readable bytes; the load needs no alignment.
    unsafe { _mm512_loadu_si512(line.as_ptr().cast()) }
}

#[inline]
#[target_feature(enable = "avx512f,avx512ifma,avx512dq")]
pub(super) fn store(line: &mut Line, value: __m512i) {
    // SAFETY: the reference covers 64 writable bytes; the store needs no alignment.
    unsafe { _mm512_storeu_si512(line.as_mut_ptr().cast(), value) }
}

#[inline]
#[target_feature(enable = "avx512f,avx512ifma,avx512dq")]
pub(super) fn splat(x: u64) -> __m512i {
    _mm512_set1_epi64(x as i64)
}

/// Low 52 bits of products of low 52 bits.
#[inline]
#[target_feature(enable = "avx512f,avx512ifma,avx512dq")]
pub(super) fn low(a: __m512i, b: __m512i) -> __m512i {
    _mm512_madd52lo_epu64(_mm512_setzero_si512(), a, b)
}

/// High 52 bits of products of low 52 bits.
#[inline]
#[target_feature(enable = "avx512f,avx512ifma,avx512dq")]
pub(super) fn high(a: __m512i, b: __m512i) -> __m512i {
    _mm512_madd52hi_epu64(_mm512_setzero_si512(), a, b)
}

/// A modulus in every lane.
#[derive(Clone, Copy)]
pub(super) struct Lanes {
    p: __m512i,
    inv: __m512i,
    r104: __m512i,
    r104_inv: __m512i,
}

/// A factor in every lane.
#[derive(Clone, Copy)]
struct FactorLanes {
    mont: __m512i,
    mont_inv: __m512i,
}

#[inline]
#[target_feature(enable = "avx512f,avx512ifma,avx512dq")]
fn factor_lanes(c: Factor) -> FactorLanes {
    FactorLanes {
        mont: splat(c.mont),
        mont_inv: splat(c.mont_inv),
    }
}

impl Lanes {
    #[inline]
    #[target_feature(enable = "avx512f,avx512ifma,avx512dq")]
    pub(super) fn new(m: &Modulus) -> Self {
        Self {
            p: splat(m.p),
            inv: splat(m.inv),
            r104: splat(m.r104),
            r104_inv: splat(m.r104_inv),
        }
    }

    /// From `(-p, p)` to `[0, p)`.
    #[inline]
    #[target_feature(enable = "avx512f,avx512ifma,avx512dq")]
    pub(super) fn lift(self, t: __m512i) -> __m512i {
        _mm512_min_epu64(t, _mm512_add_epi64(t, self.p))
    }

    /// From `[0, 2p)` to `[0, p)`.
    #[inline]
    #[target_feature(enable = "avx512f,avx512ifma,avx512dq")]
    fn once(self, x: __m512i) -> __m512i {
        _mm512_min_epu64(x, _mm512_sub_epi64(x, self.p))
    }

    #[inline]
    #[target_feature(enable = "avx512f,avx512ifma,avx512dq")]
    pub(super) fn add(self, a: __m512i, b: __m512i) -> __m512i {
        self.once(_mm512_add_epi64(a, b))
    }

    /// `x · c` in `(-p, p)` for `x < 2^52`, `c` in Montgomery form.
    #[inline]
    #[target_feature(enable = "avx512f,avx512ifma,avx512dq")]
    fn times(self, x: __m512i, mont: __m512i, mont_inv: __m512i) -> __m512i {
        _mm512_sub_epi64(high(x, mont), high(low(x, mont_inv), self.p))
    }

    #[inline]
    #[target_feature(enable = "avx512f,avx512ifma,avx512dq")]
    fn times_factor(self, x: __m512i, c: FactorLanes) -> __m512i {
        self.lift(self.times(x, c.mont, c.mont_inv))
    }

    /// `(high·2^52 + low) · 2^-52` in `(-p, p)`, `low` up to 64 bits, the sum below `2^52·p`.
    #[inline]
    #[target_feature(enable = "avx512f,avx512ifma,avx512dq")]
    pub(super) fn redc(self, lo: __m512i, hi: __m512i) -> __m512i {
        let carry = _mm512_srli_epi64::<52>(lo);
        let t = high(low(lo, self.inv), self.p);
        _mm512_sub_epi64(_mm512_add_epi64(hi, carry), t)
    }

    /// The sum of [`Lanes::redc`] modulo `p`, canonical.
    #[inline]
    #[target_feature(enable = "avx512f,avx512ifma,avx512dq")]
    pub(super) fn reduce(self, lo: __m512i, hi: __m512i) -> __m512i {
        let t = _mm512_add_epi64(self.redc(lo, hi), self.p);
        self.lift(self.times(t, self.r104, self.r104_inv))
    }

    /// `a · b mod p`, canonical.
    #[inline]
    #[target_feature(enable = "avx512f,avx512ifma,avx512dq")]
    fn mul(self, a: __m512i, b: __m512i) -> __m512i {
        let t = high(low(low(a, b), self.inv), self.p);
        let t = _mm512_sub_epi64(_mm512_madd52hi_epu64(self.p, a, b), t);
        self.lift(self.times(t, self.r104, self.r104_inv))
    }
}

/// `out = f(out, a, b)` by lines.
#[inline]
#[target_feature(enable = "avx512f,avx512ifma,avx512dq")]
fn map3(out: &mut [u64], a: &[u64], b: &[u64], f: impl Fn(__m512i, __m512i, __m512i) -> __m512i) {
    assert!(a.len() == out.len() && b.len() == out.len());
    let inputs = a.as_chunks::<8>().0.iter().zip(b.as_chunks::<8>().0);
    for (o, (a, b)) in out.as_chunks_mut::<8>().0.iter_mut().zip(inputs) {
        store(o, f(load(o), load(a), load(b)));
    }
}

/// `out = f(out, a)` by lines.
#[inline]
#[target_feature(enable = "avx512f,avx512ifma,avx512dq")]
fn map2(out: &mut [u64], a: &[u64], f: impl Fn(__m512i, __m512i) -> __m512i) {
    assert_eq!(a.len(), out.len());
    for (o, a) in out
        .as_chunks_mut::<8>()
        .0
        .iter_mut()
        .zip(a.as_chunks::<8>().0)
    {
        store(o, f(load(o), load(a)));
    }
}

/// `out = f(out)` by lines.
#[inline]
#[target_feature(enable = "avx512f,avx512ifma,avx512dq")]
fn map1(out: &mut [u64], f: impl Fn(__m512i) -> __m512i) {
    for o in out.as_chunks_mut::<8>().0 {
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
        map3(out, a, b, |_, a, b| k.lift(_mm512_sub_epi64(a, b)));
    }
}

kernel! {
    fn sub_assign(m: &Modulus, out: &mut [u64], a: &[u64]) {
        let k = Lanes::new(m);
        map2(out, a, |o, a| k.lift(_mm512_sub_epi64(o, a)));
    }
}

kernel! {
    fn neg_assign(m: &Modulus, out: &mut [u64]) {
        let k = Lanes::new(m);
        map1(out, |o| k.lift(_mm512_sub_epi64(_mm512_setzero_si512(), o)));
    }
}

kernel! {
    fn mul(m: &Modulus, out: &mut [u64], a: &[u64], b: &[u64]) {
        let k = Lanes::new(m);
        map3(out, a, b, |_, a, b| k.mul(a, b));
    }
}

kernel! {
    fn mul_assign(m: &Modulus, out: &mut [u64], a: &[u64]) {
        let k = Lanes::new(m);
        map2(out, a, |o, a| k.mul(o, a));
    }
}

kernel! {
    fn mul_add(m: &Modulus, out: &mut [u64], a: &[u64], b: &[u64]) {
        let k = Lanes::new(m);
        map3(out, a, b, |o, a, b| k.add(o, k.mul(a, b)));
    }
}

kernel! {
    fn mul_const(m: &Modulus, out: &mut [u64], a: &[u64], c: Factor) {
        let (k, c) = (Lanes::new(m), factor_lanes(c));
        map2(out, a, |_, a| k.times_factor(a, c));
    }
}

kernel! {
    fn mul_const_add(m: &Modulus, out: &mut [u64], a: &[u64], c: Factor) {
        let (k, c) = (Lanes::new(m), factor_lanes(c));
        map2(out, a, |o, a| k.add(o, k.times_factor(a, c)));
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
        let (k, c) = (Lanes::new(m), factor_lanes(c));
        map2(t, x, |t, x| {
            let difference = _mm512_sub_epi64(_mm512_add_epi64(x, k.p), t);
            k.times_factor(difference, c)
        });
    }
}

kernel! {
    fn sub_mul_const_add(m: &Modulus, t: &mut [u64], x: &[u64], c: Factor, y: &[u64]) {
        let (k, c) = (Lanes::new(m), factor_lanes(c));
        map3(t, x, y, |t, x, y| {
            let difference = _mm512_sub_epi64(_mm512_add_epi64(x, k.p), t);
            k.add(y, k.times_factor(difference, c))
        });
    }
}

kernel! {
    fn reduce_signed(m: &Modulus, out: &mut [u64], input: &[i64]) {
        assert_eq!(out.len(), input.len());
        let k = Lanes::new(m);
        // A multiple of p from 2^50 on makes everything positive; the sum stays below 2^52.
        let offset = splat(((1 << 50) / m.p + 1) * m.p);
        let budget = splat(m.budget);
        for (o, x) in out.as_chunks_mut::<8>().0.iter_mut().zip(input.as_chunks::<8>().0) {
            let x = _mm512_add_epi64(load(&x.map(|x| x as u64)), offset);
            let quotient = high(x, budget);
            store(o, k.once(_mm512_sub_epi64(x, low(quotient, k.p))));
        }
    }
}

kernel! {
    fn all_below(limb: &[u64], p: u64) -> bool {
        let (lines, rest) = limb.as_chunks::<8>();
        let largest = lines.iter().fold(_mm512_setzero_si512(), |max, x| _mm512_max_epu64(max, load(x)));
        _mm512_reduce_max_epu64(largest) < p && scalar::all_below(rest, p)
    }
}

kernel! {
    fn tensor(m: &Modulus, out: [&mut [u64]; 3], a: [&[u64]; 2], b: [&[u64]; 2]) {
        let k = Lanes::new(m);
        let n = out[0].len();
        assert!(out.iter().all(|x| x.len() == n) && a.iter().chain(&b).all(|x| x.len() == n));
        let [out0, out1, out2] = out.map(|x| x.as_chunks_mut::<8>().0);
        let [a0, a1] = a.map(|x| x.as_chunks::<8>().0);
        let [b0, b1] = b.map(|x| x.as_chunks::<8>().0);
        for i in 0..n / 8 {
            let (x0, x1, y0, y1) = (load(&a0[i]), load(&a1[i]), load(&b0[i]), load(&b1[i]));
            store(&mut out0[i], k.mul(x0, y0));
            let lo = _mm512_madd52lo_epu64(low(x0, y1), x1, y0);
            let hi = _mm512_madd52hi_epu64(high(x0, y1), x1, y0);
            store(&mut out1[i], k.reduce(lo, hi));
            store(&mut out2[i], k.mul(x1, y1));
        }
    }
}

kernel! {
    fn permute(out: &mut [u64], a: &[u64], table: &AutomorphismTable) {
        assert!(out.len() == table.n() && a.len() == table.n());
        let lines = a.as_chunks::<8>().0;
        for (o, (from, pattern)) in out.as_chunks_mut::<8>().0.iter_mut().zip(table.lines()) {
            store(o, _mm512_permutexvar_epi64(load(pattern), load(&lines[from])));
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
