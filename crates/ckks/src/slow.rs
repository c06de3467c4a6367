//! Slow twins: the same operations on big integers, by definition, sharing no code with `ring`.

use num_bigint::{BigInt, BigUint};

pub(crate) type Coefficients = Vec<BigInt>;

fn pow_mod(base: u64, exp: u64, p: u64) -> u64 {
    let power = BigUint::from(base).modpow(&BigUint::from(exp), &BigUint::from(p));
    u64::try_from(power).unwrap()
}

fn brv(i: usize, n: usize) -> u64 {
    let bits = n.trailing_zeros();
    (0..bits).fold(0, |acc, b| acc | ((i as u64 >> b) & 1) << (bits - 1 - b))
}

/// The smallest non-residue's power of order `2n`.
fn root(p: u64, n: usize) -> u64 {
    let g = (2..)
        .find(|&g| pow_mod(g, (p - 1) / 2, p) == p - 1)
        .unwrap();
    pow_mod(g, (p - 1) / (2 * n as u64), p)
}

/// All powers of the root.
fn powers(p: u64, n: usize) -> Vec<u64> {
    let root = root(p, n);
    let next = |&power: &u64| Some((u128::from(power) * u128::from(root) % u128::from(p)) as u64);
    std::iter::successors(Some(1), next).take(2 * n).collect()
}

/// Values at the odd powers of the root, in bit-reversed order, to coefficients modulo `p`; O(N²).
pub(crate) fn interpolate(values: &[u64], p: u64) -> Vec<u64> {
    let n = values.len();
    let powers = powers(p, n);
    let n_inv = pow_mod(n as u64, p - 2, p);
    let coefficient = |k: usize| {
        let sum = (0..n).fold(0u128, |sum, i| {
            let exponent = (2 * n - (2 * brv(i, n) as usize + 1) * k % (2 * n)) % (2 * n);
            (sum + u128::from(values[i]) * u128::from(powers[exponent])) % u128::from(p)
        });
        (sum * u128::from(n_inv) % u128::from(p)) as u64
    };
    (0..n).map(coefficient).collect()
}

/// Coefficients to values, by definition.
pub(crate) fn evaluate(coefficients: &[u64], p: u64) -> Vec<u64> {
    let n = coefficients.len();
    let powers = powers(p, n);
    let value = |i: usize| {
        let sum = (0..n).fold(0u128, |sum, k| {
            let exponent = (2 * brv(i, n) as usize + 1) * k % (2 * n);
            (sum + u128::from(coefficients[k]) * u128::from(powers[exponent])) % u128::from(p)
        });
        sum as u64
    };
    (0..n).map(value).collect()
}

pub(crate) fn product(primes: &[u64]) -> BigInt {
    primes.iter().map(|&p| BigInt::from(p)).product()
}

/// The representative in `(-modulus/2, modulus/2]`.
pub(crate) fn centre(x: &BigInt, modulus: &BigInt) -> BigInt {
    let mut r = ((x % modulus) + modulus) % modulus;
    if &r * 2 > *modulus {
        r -= modulus;
    }
    r
}

/// Coefficientwise Chinese remainder, centred; `limbs[i]` holds residues modulo `primes[i]`.
pub(crate) fn compose(limbs: &[Vec<u64>], primes: &[u64]) -> Coefficients {
    let modulus = product(primes);
    let basis: Vec<BigInt> = primes
        .iter()
        .map(|&p| {
            let rest = &modulus / p;
            let residue = u64::try_from(&rest % p).unwrap();
            rest * pow_mod(residue, p - 2, p)
        })
        .collect();
    let combine = |k: usize| {
        let sum: BigInt = limbs.iter().zip(&basis).map(|(limb, b)| b * limb[k]).sum();
        centre(&sum, &modulus)
    };
    (0..limbs[0].len()).map(combine).collect()
}

pub(crate) fn residues(x: &[BigInt], p: u64) -> Vec<u64> {
    x.iter()
        .map(|c| u64::try_from(((c % p) + p) % p).unwrap())
        .collect()
}

/// The product modulo `X^N + 1`, by the schoolbook.
pub(crate) fn mul(a: &[BigInt], b: &[BigInt]) -> Coefficients {
    let n = a.len();
    let mut out = vec![BigInt::ZERO; n];
    for (i, x) in a.iter().enumerate() {
        for (j, y) in b.iter().enumerate() {
            if i + j < n {
                out[i + j] += x * y;
            } else {
                out[i + j - n] -= x * y;
            }
        }
    }
    out
}

pub(crate) fn add(a: &[BigInt], b: &[BigInt]) -> Coefficients {
    a.iter().zip(b).map(|(x, y)| x + y).collect()
}

pub(crate) fn sub(a: &[BigInt], b: &[BigInt]) -> Coefficients {
    a.iter().zip(b).map(|(x, y)| x - y).collect()
}

pub(crate) fn scale(a: &[BigInt], c: &BigInt) -> Coefficients {
    a.iter().map(|x| x * c).collect()
}

pub(crate) fn reduce(a: &[BigInt], modulus: &BigInt) -> Coefficients {
    a.iter().map(|x| centre(x, modulus)).collect()
}

/// `a / d` rounded to nearest, `d` odd.
pub(crate) fn divide(a: &[BigInt], d: &BigInt) -> Coefficients {
    a.iter().map(|x| (x - centre(x, d)) / d).collect()
}

/// `X -> X^g`.
pub(crate) fn automorphism(a: &[BigInt], g: u64) -> Coefficients {
    let n = a.len();
    let mut out = vec![BigInt::ZERO; n];
    for (i, x) in a.iter().enumerate() {
        let e = (i as u64 * g % (2 * n as u64)) as usize;
        if e < n {
            out[e] = x.clone()
        } else {
            out[e - n] = -x
        }
    }
    out
}

/// Coefficients of the polynomial whose slots are `values`, times `delta`, by the O(N²) sum.
pub(crate) fn encode(values: &[f64], n: usize, delta: f64) -> Vec<f64> {
    let coefficient = |k: usize| {
        let mut power = 1;
        let mut sum = 0.0;
        for j in 0..n / 2 {
            let angle = std::f64::consts::PI * (power * k % (2 * n)) as f64 / n as f64;
            sum += values[j % values.len()] * angle.cos();
            power = power * 5 % (2 * n);
        }
        sum * 2.0 / n as f64 * delta
    };
    (0..n).map(coefficient).collect()
}
