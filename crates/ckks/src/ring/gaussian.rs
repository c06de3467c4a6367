//! Discrete Gaussian noise, sampled exactly with integers alone.

use super::sample::Randomness;
use rand_core::Rng;

/// Largest parameter: products of four such numbers fit 128 bits.
pub(crate) const MAX_SIGMA: u64 = 1 << 28;

impl Randomness {
    /// Independent samples of the discrete Gaussian: the integer `x` with weight `exp(-x² / 2σ²)`.
    ///
    /// No floating point and no approximation. Its time depends on what is drawn, so it is for noise that hides a result
    /// from those who see the result, not from those who time its making.
    ///
    /// # Panics
    /// If `sigma` is 0 or above `2^28`.
    ///
    /// # Source
    /// Canonne, Kamath and Steinke, "The Discrete Gaussian for Differential Privacy", 2020, algorithms 1 to 3.
    pub fn discrete_gaussian(&mut self, sigma: u64, n: usize) -> Vec<i64> {
        assert!((1..=MAX_SIGMA).contains(&sigma), "sigma is in 1..=2^28");
        (0..n)
            .map(|_| self.one_gaussian(u128::from(sigma)))
            .collect()
    }

    fn one_gaussian(&mut self, sigma: u128) -> i64 {
        let t = sigma + 1;
        loop {
            let (size, negative) = self.laplace(t);
            // Beyond 2^34 lies less than exp(-60) of the weight of the Laplace variate, and none that would be accepted.
            if size >> 34 != 0 {
                continue;
            }
            // (|y| - σ²/t)² / 2σ² as a fraction.
            let distance = (size * t).abs_diff(sigma * sigma);
            if self.bernoulli_exp(distance * distance, 2 * sigma * sigma * t * t) {
                let size = size as i64;
                return if negative { -size } else { size };
            }
        }
    }

    /// Size and sign of a discrete Laplace variate of scale `t`.
    fn laplace(&mut self, t: u128) -> (u128, bool) {
        loop {
            let u = self.below(t);
            if !self.bernoulli_exp(u, t) {
                continue;
            }
            let mut v = 0;
            while self.bernoulli_exp(1, 1) {
                v += 1;
            }
            let (size, negative) = (u + t * v, self.below(2) == 1);
            if !(negative && size == 0) {
                return (size, negative);
            }
        }
    }

    /// True with probability `exp(-num/den)`.
    fn bernoulli_exp(&mut self, mut num: u128, den: u128) -> bool {
        while num > den {
            if !self.bernoulli_exp(1, 1) {
                return false;
            }
            num -= den;
        }
        let mut k = 1;
        while self.below(den * k) < num {
            k += 1;
        }
        k % 2 == 1
    }

    /// Uniform in `0..bound`.
    fn below(&mut self, bound: u128) -> u128 {
        let mask = u128::MAX >> (bound - 1).max(1).leading_zeros();
        loop {
            let flood = self.flood();
            let word = u128::from(flood.next_u64()) << 64 | u128::from(flood.next_u64());
            if word & mask < bound {
                return word & mask;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_and_symmetry() {
        let mut randomness = Randomness::from_seed_for_tests([3; 32]);
        for sigma in [1, 7, 1000, MAX_SIGMA] {
            let n = 20_000;
            let samples = randomness.discrete_gaussian(sigma, n);
            let s = sigma as f64;
            let moment = |power: i32| {
                let sum = samples.iter().map(|&x| (x as f64 / s).powi(power));
                sum.sum::<f64>() / n as f64
            };
            assert!(moment(1).abs() < 0.04, "{sigma}: mean {}", moment(1));
            assert!(
                (moment(2) - 1.0).abs() < 0.05,
                "{sigma}: variance {}",
                moment(2)
            );
            assert!(
                (moment(4) - 3.0).abs() < 0.4,
                "{sigma}: fourth moment {}",
                moment(4)
            );
        }
    }

    #[test]
    fn small_parameters_have_the_exact_weights() {
        let mut randomness = Randomness::from_seed_for_tests([4; 32]);
        let n = 40_000;
        let samples = randomness.discrete_gaussian(1, n);
        let total: f64 = (-20..=20)
            .map(|x: i32| (-f64::from(x * x) / 2.0).exp())
            .sum();
        for x in -3..=3i64 {
            let share = samples.iter().filter(|&&y| y == x).count() as f64 / n as f64;
            let expected = (-((x * x) as f64) / 2.0).exp() / total;
            assert!(
                (share - expected).abs() < 0.01,
                "{x}: {share} of {expected}"
            );
        }
    }
}
