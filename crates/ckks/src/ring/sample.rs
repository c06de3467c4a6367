//! Random polynomials: uniform, ternary and error.

use super::modulus::Modulus;
use params::ParamsId;
use rand_chacha::ChaCha20Rng;
use rand_core::{Rng, SeedableRng};
use zeroize::Zeroizing;

/// Independent streams of randomness for secrets, errors, public values and noise on shared results.
///
/// Each is ChaCha20, seeded from one root by BLAKE3 in derivation mode.
pub struct Randomness {
    secret: ChaCha20Rng,
    error: ChaCha20Rng,
    public: ChaCha20Rng,
    flood: ChaCha20Rng,
}

impl Drop for Randomness {
    fn drop(&mut self) {
        // The generators can not be wiped, only replaced; the barrier keeps the replacement.
        let Self {
            secret,
            error,
            public,
            flood,
        } = self;
        for stream in [secret, error, public, flood] {
            *stream = ChaCha20Rng::from_seed([0; 32]);
            std::hint::black_box(stream);
        }
    }
}

impl std::fmt::Debug for Randomness {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Randomness(..)")
    }
}

impl Randomness {
    /// Seeded by the operating system.
    ///
    /// # Panics
    /// If the operating system has no entropy to give.
    pub fn from_os() -> Self {
        let mut root = Zeroizing::new([0; 32]);
        getrandom::fill(&mut *root).expect("the operating system provides entropy");
        Self::from_root(&root)
    }

    /// Reproducible; **only for tests**, since who knows the seed knows the secrets.
    pub fn from_seed_for_tests(seed: [u8; 32]) -> Self {
        Self::from_root(&Zeroizing::new(seed))
    }

    fn from_root(root: &[u8; 32]) -> Self {
        let stream = |context| {
            let key = Zeroizing::new(blake3::derive_key(context, root));
            ChaCha20Rng::from_seed(*key)
        };
        Self {
            secret: stream("privet ckks v1 secret stream"),
            error: stream("privet ckks v1 error stream"),
            public: stream("privet ckks v1 public stream"),
            flood: stream("privet ckks v1 flood stream"),
        }
    }

    /// Uniform ternary coefficients.
    ///
    /// Rejection looks at discarded bits only, so its timing is independent of what is kept.
    pub(crate) fn ternary(&mut self, n: usize) -> Zeroizing<Vec<i64>> {
        let mut out = Zeroizing::new(Vec::with_capacity(n));
        while out.len() < n {
            let mut word = Zeroizing::new(self.secret.next_u64());
            for _ in 0..32 {
                let pair = (*word & 3) as i64;
                *word >>= 2;
                if pair != 3 && out.len() < n {
                    out.push(pair - 1);
                }
            }
        }
        out
    }

    /// Centred binomial coefficients with 42 coins: variance 10.5.
    pub(crate) fn error(&mut self, n: usize) -> Zeroizing<Vec<i64>> {
        const COINS: u64 = (1 << 21) - 1;
        let mut out = Zeroizing::new(Vec::with_capacity(n));
        for _ in 0..n {
            let word = Zeroizing::new(self.error.next_u64());
            let heads = (*word & COINS).count_ones() as i64;
            let tails = ((*word >> 21) & COINS).count_ones() as i64;
            out.push(heads - tails);
        }
        out
    }

    /// The stream of noise that is added to shared results.
    pub(crate) fn flood(&mut self) -> &mut ChaCha20Rng {
        &mut self.flood
    }

    /// A fresh public seed.
    pub(crate) fn seed(&mut self) -> [u8; 32] {
        let mut seed = [0; 32];
        self.public.fill_bytes(&mut seed);
        seed
    }
}

/// What a public seed is expanded for; separates the streams of different objects.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Expansion<'a> {
    pub params: ParamsId,
    pub seed: &'a [u8; 32],
    /// 0 for relinearization, the Galois element for rotations, and even numbers for other objects.
    pub id: u64,
}

impl Expansion<'_> {
    /// Fills `limb` with uniform residues modulo prime number `prime` of digit `digit`.
    ///
    /// Words of the stream below the largest multiple of `p` become `word · 2^-64 mod p`; others are rejected.
    pub fn fill(&self, modulus: &Modulus, digit: u32, prime: u32, limb: &mut [u64]) {
        let mut hasher = blake3::Hasher::new_derive_key("privet ckks v1 uniform limb");
        hasher
            .update(&self.params.0)
            .update(self.seed)
            .update(&self.id.to_le_bytes());
        hasher
            .update(&digit.to_le_bytes())
            .update(&prime.to_le_bytes());
        let mut stream = ChaCha20Rng::from_seed(*hasher.finalize().as_bytes());
        let bound = u64::MAX / modulus.p * modulus.p;
        let mut bytes = [0; 1024];
        let mut filled = 0;
        while filled < limb.len() {
            stream.fill_bytes(&mut bytes);
            for word in bytes.as_chunks::<8>().0 {
                let word = u64::from_le_bytes(*word);
                if let Some(slot) = limb.get_mut(filled) {
                    *slot = modulus.redc(u128::from(word));
                    filled += usize::from(word < bound);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_as_specified() {
        let n = 1 << 16;
        let mut randomness = Randomness::from_seed_for_tests([7; 32]);
        let mean = |xs: &[i64]| xs.iter().sum::<i64>() as f64 / n as f64;
        let square = |xs: &[i64]| xs.iter().map(|x| x * x).sum::<i64>() as f64 / n as f64;
        let ternary = randomness.ternary(n);
        assert!(ternary.iter().all(|x| (-1..=1).contains(x)));
        assert!(mean(&ternary).abs() < 0.02 && (square(&ternary) - 2.0 / 3.0).abs() < 0.02);
        let error = randomness.error(n);
        assert!(error.iter().all(|x| x.abs() <= 21));
        assert!(mean(&error).abs() < 0.1 && (square(&error) - 10.5).abs() < 0.3);
    }

    #[test]
    fn uniform_limbs_differ_by_every_label_and_stay_below_the_prime() {
        let modulus = Modulus::new(params::find_primes(40, 1, false, &[])[0]);
        let fill = |seed: u8, id, digit, prime| {
            let mut limb = vec![0; 64];
            let seed = [seed; 32];
            let expansion = Expansion {
                params: ParamsId([1; 32]),
                seed: &seed,
                id,
            };
            expansion.fill(&modulus, digit, prime, &mut limb);
            assert!(limb.iter().all(|&x| x < modulus.p));
            limb
        };
        let base = fill(0, 0, 0, 0);
        assert_eq!(base, fill(0, 0, 0, 0));
        for other in [
            fill(1, 0, 0, 0),
            fill(0, 1, 0, 0),
            fill(0, 0, 1, 0),
            fill(0, 0, 0, 1),
        ] {
            assert_ne!(base, other);
        }
    }
}
