//! Noise on shared results.

use super::{STATISTICAL_BITS, Share};
use crate::files::ShareCounter;
use crate::{Client, Encrypted, Error};
use ckks::{Context, Randomness, SecretKey};
use zeroize::Zeroizing;

/// Largest parameter of the sampler.
const MAX_SIGMA: f64 = (1u64 << 28) as f64;

/// Integer noise on a grid of spacing `2^-grid_bits`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Noise {
    pub grid_bits: i32,
    pub sigma: u64,
}

impl Noise {
    /// Noise for `n_values` values of `results` results, each off by at most `error_bound`.
    ///
    /// σ = sqrt(12 τ)·2^(s/2)·t, where t bounds the Euclidean distance of what is released from the exact result:
    /// `sqrt(n) · (error_bound + one step of the grid)`. `None` if so many results and values leave no fine enough grid.
    ///
    /// # Source
    /// Li, Micciancio, Schultz and Sorrell, ePrint 2022/816.
    pub fn new(n_values: usize, results: u32, error_bound: f64) -> Option<Self> {
        let factor = (12.0 * f64::from(results) * n_values as f64).sqrt()
            * (f64::from(STATISTICAL_BITS) / 2.0).exp2();
        // The finest grid whose noise the sampler takes.
        let steps = MAX_SIGMA / factor - 1.0;
        if !(error_bound > 0.0 && error_bound.is_finite() && steps >= 1.0) {
            return None;
        }
        let grid_bits = (steps / error_bound).log2().floor();
        let sigma = (factor * (error_bound * grid_bits.exp2() + 1.0)).ceil();
        (sigma <= MAX_SIGMA && grid_bits.abs() < 500.0).then_some(Self {
            grid_bits: grid_bits as i32,
            sigma: sigma as u64,
        })
    }

    pub fn deviation(&self) -> f64 {
        self.sigma as f64 * f64::from(-self.grid_bits).exp2()
    }

    /// Adds noise to values and rounds them to a quarter of its deviation.
    fn add(&self, values: &[f64], randomness: &mut Randomness) -> Vec<f64> {
        let step = self.sigma.ilog2().saturating_sub(2);
        let noise = randomness.discrete_gaussian(self.sigma, values.len());
        let pairs = values.iter().zip(noise);
        let one = |(value, noise): (&f64, i64)| {
            // A power of two times a double is exact; what is too large for an integer stays at its limit.
            let whole = (value * f64::from(self.grid_bits).exp2()).round() as i128;
            let sum = whole.saturating_add(i128::from(noise));
            let rounded = (sum >> step) + (sum >> step.saturating_sub(1) & i128::from(step > 0));
            rounded as f64 * (f64::from(step) - f64::from(self.grid_bits)).exp2()
        };
        pairs.map(one).collect()
    }
}

/// A result that may be shared.
#[derive(Clone, Debug, PartialEq)]
pub struct Shared {
    /// Output values with noise, rounded to a quarter of its deviation.
    pub values: Vec<f64>,
    /// Deviation of the noise.
    pub deviation: f64,
    /// Results shared under this key so far, this one included.
    pub used: u64,
}

impl Client {
    /// Decrypts a result, counts it, and adds the noise that makes it safe to give away.
    ///
    /// What is claimed, and what not, is in `docs/SECURITY.md`.
    ///
    /// # Errors
    /// As [`Client::decrypt`]; [`Error::Data`] if the circuit was not compiled for shared results; whatever the counter
    /// refuses. Nothing is released then.
    pub fn decrypt_for_sharing(
        &self,
        ctx: &Context,
        secret: &SecretKey,
        result: &Encrypted,
        counter: &ShareCounter,
    ) -> Result<Shared, Error> {
        let share = self.share.as_ref().ok_or_else(|| Error::Data {
            why:
                "the network was not compiled for shared results: no bound on their error is known"
                    .to_owned(),
            help: "compile it with --share N, N results at most, then make keys and encrypt anew"
                .to_owned(),
        })?;
        let noise = share.noise(self)?;
        let values = Zeroizing::new(self.decrypt(ctx, secret, result)?);
        // Counted before anything is released: a crash costs a result, never a count.
        let used = counter.spend(&crate::key_id(secret), &self.circuit_id, share.results)?;
        Ok(Shared {
            values: noise.add(&values, &mut Randomness::from_os()),
            deviation: noise.deviation(),
            used,
        })
    }
}

impl Share {
    /// The noise, from the bound alone.
    fn noise(&self, client: &Client) -> Result<Noise, Error> {
        let n_values = crate::precision::places(client).len();
        Noise::new(n_values, self.results, self.error_bound).ok_or_else(|| Error::Data {
            why: format!(
                "no noise can be sampled for {} results with an error of {:.1e}",
                self.results, self.error_bound
            ),
            help: "compile for fewer shared results".to_owned(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn noise_has_the_stated_deviation_and_little_more_than_the_formula() {
        for (n, results, error) in [(10, 1, 1e-9), (10, 1000, 3e-7), (784, 100, 1e-12)] {
            let noise = Noise::new(n, results, error).expect("a grid");
            let formula = (12.0 * f64::from(results) * n as f64).sqrt() * 32768.0 * error;
            let ratio = noise.deviation() / formula;
            assert!((1.0..=2.0).contains(&ratio), "{ratio}");
            let mut randomness = Randomness::from_seed_for_tests([5; 32]);
            let exact: Vec<f64> = (0..4000).map(|i| f64::from(i) * 0.37 - 600.0).collect();
            let noisy = noise.add(&exact, &mut randomness);
            let gaps = noisy.iter().zip(&exact).map(|(a, b)| a - b);
            let square = gaps.clone().map(|d| d * d).sum::<f64>() / 4000.0;
            let mean = gaps.sum::<f64>() / 4000.0;
            let sigma = noise.deviation();
            assert!((square.sqrt() / sigma - 1.0).abs() < 0.05 && mean.abs() < 0.06 * sigma);
        }
    }

    #[test]
    fn too_many_results_or_no_bound_give_no_noise() {
        assert_eq!(Noise::new(784, u32::MAX, 1e-9), None);
        assert_eq!(Noise::new(10, 1, f64::INFINITY), None);
        assert_eq!(Noise::new(10, 1, f64::NAN), None);
    }
}
