//! Exact arithmetic modulo a prime: floats are dyadic rationals, so sums and products of weights need no rounding.

use std::sync::LazyLock;

/// Odd, so that every float has a residue; 2 has a large order, so that powers of two stay apart.
const PRIME: u64 = 0x1fff_ffff_ffe0_0001;

/// `2^(e − 1075)` by the biased exponent `e` of a float.
static POWERS: LazyLock<Vec<u64>> = LazyLock::new(|| {
    let half = PRIME.div_ceil(2);
    let least = (0..1075).fold(1, |power, _| mul(power, half));
    let doubled = |power: &u64| Some(add(*power, *power));
    std::iter::successors(Some(least), doubled)
        .take(2047)
        .collect()
});

pub(super) fn add(a: u64, b: u64) -> u64 {
    let sum = a + b;
    if sum >= PRIME { sum - PRIME } else { sum }
}

pub(super) fn mul(a: u64, b: u64) -> u64 {
    (u128::from(a) * u128::from(b) % u128::from(PRIME)) as u64
}

pub(super) fn neg(a: u64) -> u64 {
    if a == 0 { 0 } else { PRIME - a }
}

/// The residue of a float; of one that is no number, something of its own.
pub(super) fn of(value: f64) -> u64 {
    let bits = value.to_bits();
    let exponent = (bits >> 52 & 0x7ff) as usize;
    let fraction = bits & ((1 << 52) - 1);
    let residue = match exponent {
        0 => mul(fraction, POWERS[1]),
        0x7ff => random((bits >> 32) as u32, bits as u32),
        _ => mul(fraction | 1 << 52, POWERS[exponent]),
    };
    if value.is_sign_negative() {
        neg(residue)
    } else {
        residue
    }
}

/// A random residue for a pair of numbers, always the same.
pub(super) fn random(a: u32, b: u32) -> u64 {
    // SplitMix64 (Steele, Lea, Flood 2014).
    let mut z = (u64::from(a) << 32 | u64::from(b)).wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    (z ^ (z >> 31)) % PRIME
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn floats_are_exact_rationals() {
        for (a, b) in [(0.1, 0.7), (-3.5, 1e-300), (1e200, -2.0), (5e-324, 8.0)] {
            assert_eq!(add(of(a), of(-a)), 0, "{a}");
            assert_eq!(mul(of(a), of(2.0)), of(a * 2.0), "{a}");
            assert_ne!(of(a), of(b));
        }
        // 0.1 + 0.2 is rounded as a float, and is not as a residue.
        assert_ne!(add(of(0.1), of(0.2)), of(0.1 + 0.2));
        assert_eq!(add(of(0.5), of(0.25)), of(0.75));
        assert_eq!(mul(of(-1.5), of(2.5)), of(-3.75));
        assert_eq!(of(-0.0), 0);
        assert_ne!(of(f64::INFINITY), of(f64::NAN));
    }
}
