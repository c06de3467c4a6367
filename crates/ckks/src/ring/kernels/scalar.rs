//! Kernels in plain integer arithmetic: the reference for the others, and the path of small rings.

use super::{Kernels, whole};
use crate::ring::automorphism::AutomorphismTable;
use crate::ring::fft;
use crate::ring::modulus::{Factor, Modulus};
use crate::ring::ntt::{NttTable, Scaling, Twiddles};

pub(super) static KERNELS: Kernels = Kernels {
    name: "scalar",
    forward,
    blocks: whole::blocks,
    forward_head: whole::forward_head,
    forward_rest: |table, limb, _, _| forward(table, limb),
    inverse,
    inverse_of: |table, out, scaling, limb| {
        out.copy_from_slice(limb);
        inverse(table, out, scaling);
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
    dot,
    round_quotient,
    key_product,
    sum_products: |m, [out0, out1], plain, [x0, x1], addends| {
        key_product(m, [&mut *out0, &mut *out1], plain, x0, x1);
        for (out, addends) in [out0, out1].into_iter().zip(addends) {
            addends.iter().for_each(|x| add_assign(m, out, x));
        }
    },
    sub_mul_const,
    sub_mul_const_add,
    permute,
    reduce_signed,
    all_below,
    fft_inverse: fft::inverse_plain,
    fft_forward: fft::forward_plain,
};

/// Forward transform.
///
/// # Range
/// Values stay in `[0, 4p)` between layers.
///
/// # Source
/// Harvey, arXiv 1205.2926.
pub(super) fn forward(table: &NttTable, limb: &mut [u64]) {
    let Twiddles::Scalar {
        forward: twiddles, ..
    } = &table.twiddles
    else {
        unreachable!("scalar transforms have scalar tables")
    };
    let (m, two_p) = (&table.modulus, 2 * table.modulus.p);
    assert_eq!(limb.len(), table.n);
    let (mut half, mut blocks) = (table.n / 2, 1);
    while half > 0 {
        for (block, twiddle) in limb.chunks_exact_mut(2 * half).zip(&twiddles[blocks..]) {
            let (low, high) = block.split_at_mut(half);
            for (x, y) in low.iter_mut().zip(high) {
                let u = (*x).min(x.wrapping_sub(two_p));
                let v = m.mul_lazy(*y, twiddle[0], twiddle[1]);
                *x = u + v;
                *y = u + two_p - v;
            }
        }
        half /= 2;
        blocks *= 2;
    }
    for x in limb {
        let r = (*x).min(x.wrapping_sub(two_p));
        *x = r.min(r.wrapping_sub(m.p));
    }
}

/// Inverse transform times the constant of `scaling`.
///
/// # Range
/// Values stay in `[0, 2p)` between layers.
pub(super) fn inverse(table: &NttTable, limb: &mut [u64], scaling: &Scaling) {
    let Twiddles::Scalar {
        inverse: twiddles, ..
    } = &table.twiddles
    else {
        unreachable!("scalar transforms have scalar tables")
    };
    let (m, two_p) = (&table.modulus, 2 * table.modulus.p);
    assert_eq!(limb.len(), table.n);
    let (mut half, mut blocks) = (1, table.n / 2);
    while blocks > 1 {
        for (block, twiddle) in limb.chunks_exact_mut(2 * half).zip(&twiddles[blocks..]) {
            let (low, high) = block.split_at_mut(half);
            for (x, y) in low.iter_mut().zip(high) {
                let (u, v) = (*x, *y);
                let s = u + v;
                *x = s.min(s.wrapping_sub(two_p));
                *y = m.mul_lazy(u + two_p - v, twiddle[0], twiddle[1]);
            }
        }
        half *= 2;
        blocks /= 2;
    }
    let (low, high) = limb.split_at_mut(half);
    for (x, y) in low.iter_mut().zip(high) {
        let (u, v) = (*x, *y);
        *x = m.mul_factor(u + v, scaling.sum);
        *y = m.mul_factor(u + two_p - v, scaling.difference);
    }
}

fn add(m: &Modulus, out: &mut [u64], a: &[u64], b: &[u64]) {
    out.iter_mut()
        .zip(a)
        .zip(b)
        .for_each(|((o, &a), &b)| *o = m.add(a, b));
}

fn add_assign(m: &Modulus, out: &mut [u64], a: &[u64]) {
    out.iter_mut().zip(a).for_each(|(o, &a)| *o = m.add(*o, a));
}

fn sub(m: &Modulus, out: &mut [u64], a: &[u64], b: &[u64]) {
    out.iter_mut()
        .zip(a)
        .zip(b)
        .for_each(|((o, &a), &b)| *o = m.sub(a, b));
}

fn sub_assign(m: &Modulus, out: &mut [u64], a: &[u64]) {
    out.iter_mut().zip(a).for_each(|(o, &a)| *o = m.sub(*o, a));
}

fn neg_assign(m: &Modulus, out: &mut [u64]) {
    out.iter_mut().for_each(|o| *o = m.neg(*o));
}

fn mul(m: &Modulus, out: &mut [u64], a: &[u64], b: &[u64]) {
    out.iter_mut()
        .zip(a)
        .zip(b)
        .for_each(|((o, &a), &b)| *o = m.mul(a, b));
}

fn mul_assign(m: &Modulus, out: &mut [u64], a: &[u64]) {
    out.iter_mut().zip(a).for_each(|(o, &a)| *o = m.mul(*o, a));
}

fn mul_add(m: &Modulus, out: &mut [u64], a: &[u64], b: &[u64]) {
    out.iter_mut()
        .zip(a)
        .zip(b)
        .for_each(|((o, &a), &b)| *o = m.add(*o, m.mul(a, b)));
}

fn mul_const(m: &Modulus, out: &mut [u64], a: &[u64], c: Factor) {
    out.iter_mut()
        .zip(a)
        .for_each(|(o, &a)| *o = m.mul_factor(a, c));
}

fn mul_const_add(m: &Modulus, out: &mut [u64], a: &[u64], c: Factor) {
    out.iter_mut()
        .zip(a)
        .for_each(|(o, &a)| *o = m.add(*o, m.mul_factor(a, c)));
}

fn add_const(m: &Modulus, out: &mut [u64], c: u64) {
    out.iter_mut().for_each(|o| *o = m.add(*o, c));
}

fn tensor(m: &Modulus, out: [&mut [u64]; 3], a: [&[u64]; 2], b: [&[u64]; 2]) {
    let [out0, out1, out2] = out;
    for i in 0..out0.len() {
        let (a0, a1, b0, b1) = (a[0][i], a[1][i], b[0][i], b[1][i]);
        out0[i] = m.mul(a0, b0);
        out1[i] = m.reduce_wide(u128::from(a0) * u128::from(b1) + u128::from(a1) * u128::from(b0));
        out2[i] = m.mul(a1, b1);
    }
}

fn dot(moduli: &[&Modulus], out: &mut [&mut [u64]], inputs: &[&[u64]], factors: &[&[Factor]]) {
    for ((m, out), factors) in moduli.iter().zip(out).zip(factors) {
        for (i, o) in out.iter_mut().enumerate() {
            let terms = inputs.iter().zip(*factors);
            let sum: u128 = terms
                .map(|(x, f)| u128::from(x[i]) * u128::from(f.value))
                .sum();
            *o = m.reduce_wide(sum);
        }
    }
}

fn round_quotient(out: &mut [u64], inputs: &[&[u64]], weights: &[u64], shift: u32) {
    for (i, o) in out.iter_mut().enumerate() {
        let terms = inputs.iter().zip(weights);
        let sum: u64 = terms
            .map(|(x, &w)| ((u128::from(x[i]) * u128::from(w)) >> 52) as u64)
            .sum();
        *o = (sum + (1 << (shift - 1))) >> shift;
    }
}

fn key_product(m: &Modulus, out: [&mut [u64]; 2], digits: &[&[u64]], b: &[&[u64]], a: &[&[u64]]) {
    for (out, key) in out.into_iter().zip([b, a]) {
        for (i, o) in out.iter_mut().enumerate() {
            let terms = digits.iter().zip(key);
            let sum: u128 = terms
                .map(|(d, k)| u128::from(d[i]) * u128::from(k[i]))
                .sum();
            *o = m.reduce_wide(sum);
        }
    }
}

fn sub_mul_const(m: &Modulus, t: &mut [u64], x: &[u64], c: Factor) {
    t.iter_mut()
        .zip(x)
        .for_each(|(t, &x)| *t = m.mul_factor(x + m.p - *t, c));
}

fn sub_mul_const_add(m: &Modulus, t: &mut [u64], x: &[u64], c: Factor, y: &[u64]) {
    let inputs = t.iter_mut().zip(x).zip(y);
    inputs.for_each(|((t, &x), &y)| *t = m.add(m.mul_factor(x + m.p - *t, c), y));
}

fn permute(out: &mut [u64], a: &[u64], table: &AutomorphismTable) {
    for (o, (line, pattern)) in out.chunks_exact_mut(8).zip(table.lines()) {
        let line = &a[8 * line..8 * line + 8];
        o.iter_mut()
            .zip(pattern)
            .for_each(|(o, &k)| *o = line[k as usize & 7]);
    }
}

fn reduce_signed(m: &Modulus, out: &mut [u64], input: &[i64]) {
    for (o, &x) in out.iter_mut().zip(input) {
        let r = m.reduce(x.unsigned_abs());
        *o = if x < 0 { m.neg(r) } else { r };
    }
}

pub(super) fn all_below(limb: &[u64], p: u64) -> bool {
    limb.iter().fold(0, |max, &x| x.max(max)) < p
}
