//! Tests that need keys.

mod counts;
mod exact;
mod meaning;
mod noise;
mod noise_slots;
mod peer;
mod untrusted;

use crate::{Basis, Ciphertext, Context, KeySwitchKey, Randomness, SecretKey};
use params::{GaloisElement, Level, Params, ParamsSpec, Rotation, Scale};

/// A context with a secret.
pub(crate) struct Kit {
    pub ctx: Context,
    pub secret: SecretKey,
    pub randomness: Randomness,
}

pub(crate) fn params(
    log_n: u8,
    chain: &[u8],
    special: &[u8],
    digits: &[u8],
    scale_bits: u8,
) -> Params {
    Params::new_insecure_for_tests(ParamsSpec {
        log_n,
        chain_bits: chain.into(),
        special_bits: special.into(),
        digits: digits.into(),
        scale_bits,
    })
    .unwrap()
}

/// Unequal digits, unequal primes.
pub(crate) fn small(log_n: u8) -> Params {
    params(log_n, &[45, 36, 36, 36, 36], &[40, 41], &[1, 2, 2], 36)
}

impl Kit {
    pub fn new(params: &Params, seed: u8) -> Self {
        Self::with(Context::new(params).unwrap(), seed)
    }

    pub fn with(ctx: Context, seed: u8) -> Self {
        let mut randomness = Randomness::from_seed_for_tests([seed; 32]);
        let secret = SecretKey::generate(&ctx, &mut randomness);
        Self {
            ctx,
            secret,
            randomness,
        }
    }

    pub fn scale(&self) -> Scale {
        self.ctx.params().scale()
    }

    pub fn top(&self) -> Level {
        self.ctx.params().max_level()
    }

    /// Reproducible slot values in `[-1, 1]`.
    pub fn values(&self, seed: u64) -> Vec<f64> {
        let mut x = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
        let next = |_| {
            x = x
                .wrapping_mul(6364136223846793005)
                .wrapping_add(1442695040888963407);
            (x >> 11) as f64 / (1u64 << 52) as f64 - 1.0
        };
        (0..self.ctx.params().n_slots()).map(next).collect()
    }

    pub fn encrypt_at(&mut self, values: &[f64], level: Level) -> Ciphertext {
        let plaintext = self
            .ctx
            .encode(values, &self.scale(), level, Basis::Q)
            .unwrap();
        self.ctx
            .encrypt(&plaintext, &self.secret, &mut self.randomness)
    }

    pub fn encrypt(&mut self, values: &[f64]) -> Ciphertext {
        self.encrypt_at(values, self.top())
    }

    pub fn decrypt(&self, x: &Ciphertext) -> Vec<f64> {
        self.ctx.decode(&self.ctx.decrypt(x, &self.secret))
    }

    pub fn galois(&self, amount: i64) -> GaloisElement {
        let params = self.ctx.params();
        Rotation::new(amount, params.n_slots()).galois(params.log_n())
    }

    pub fn rotation_key(&mut self, amount: i64, level: Level) -> KeySwitchKey {
        let galois = self.galois(amount);
        KeySwitchKey::rotation(&self.ctx, &self.secret, galois, level, &mut self.randomness)
    }

    pub fn relinearization_key(&mut self, level: Level) -> KeySwitchKey {
        KeySwitchKey::relinearization(&self.ctx, &self.secret, level, &mut self.randomness)
    }
}

pub(crate) fn max_error(a: &[f64], b: &[f64]) -> f64 {
    assert_eq!(a.len(), b.len());
    a.iter()
        .zip(b)
        .map(|(x, y)| (x - y).abs())
        .fold(0.0, f64::max)
}
