//! The modulus chain, its special primes and its digits, checked against the security table.

use crate::{Level, MAX_LOG_N, MIN_LOG_N, Scale, find_primes, max_log_qp};
use serde::{Deserialize, Serialize};
use std::fmt;
use std::ops::Range;

/// Largest size of any prime: the fast multiply kernels need `p < 2^50`, laziness wants two bits of headroom.
const MAX_PRIME_BITS: u8 = 48;
/// Smallest size: below it there are too few primes near a power of two for scales to stay close.
const MIN_PRIME_BITS: u8 = 30;

/// Largest size of the scale of fresh ciphertexts: two primes.
const MAX_SCALE_BITS: u8 = 2 * MAX_PRIME_BITS;

/// What to build: sizes only; [`Params::new`] finds the primes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ParamsSpec {
    /// log2 of the ring degree.
    pub log_n: u8,
    /// Sizes of `q_0, q_1, .., q_L`; `q_L` is dropped first.
    pub chain_bits: Vec<u8>,
    /// Sizes of the special primes.
    pub special_bits: Vec<u8>,
    /// Chain primes per digit, from `q_0` upward; must sum to the chain's length.
    pub digits: Vec<u8>,
    /// log2 of the scale of fresh ciphertexts.
    pub scale_bits: u8,
}

/// Chain primes of one key-switching digit.
pub type DigitRange = Range<usize>;

/// Identity of a parameter set: BLAKE3 of its canonical encoding.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct ParamsId(pub [u8; 32]);

impl fmt::Display for ParamsId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0[..8].iter().try_for_each(|b| write!(f, "{b:02x}"))
    }
}

impl fmt::Debug for ParamsId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ParamsId({self})")
    }
}

/// Why parameters can not be built; always the caller's turn.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum ParamsError {
    #[error("ring degree 2^{log_n} is outside 2^{MIN_LOG_N}..=2^{MAX_LOG_N}")]
    RingDegree { log_n: u8 },
    #[error(
        "{log_qp:.0} bits of modulus exceed the {bound} that 128-bit security allows at ring degree 2^{log_n}"
    )]
    Insecure { log_n: u8, log_qp: f64, bound: u32 },
    #[error(
        "a prime of {bits} bits was asked for, {MIN_PRIME_BITS} to {MAX_PRIME_BITS} are supported"
    )]
    PrimeSize { bits: u8 },
    #[error("a scale of {bits} bits was asked for, up to {MAX_SCALE_BITS} are supported")]
    ScaleSize { bits: u8 },
    #[error("there are not {count} usable primes of {bits} bits")]
    TooFewPrimes { bits: u8, count: usize },
    #[error(
        "{n_digits} digits of {cut} primes in all, or an empty one, do not cut a chain of {chain} primes"
    )]
    Digits {
        n_digits: usize,
        cut: usize,
        chain: usize,
    },
    #[error(
        "a digit of {digit_bits:.0} bits needs special primes of at least as many, found {special_bits:.0}"
    )]
    SpecialTooSmall { digit_bits: f64, special_bits: f64 },
    #[error("a chain of {chain} primes with {special} special primes is outside 1..=64 and 1..=16")]
    ChainLength { chain: usize, special: usize },
}

/// A checked parameter set. Insecure ones can not be built, test-only constructor aside.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Params {
    spec: ParamsSpec,
    q: Vec<u64>,
    special: Vec<u64>,
    id: ParamsId,
    insecure: bool,
}

impl Params {
    /// Finds primes for `spec` and checks it against the 128-bit table.
    ///
    /// # Errors
    /// [`ParamsError`] names what is out of range; [`ParamsError::Insecure`] when `log2(QP)` exceeds the table.
    pub fn new(spec: ParamsSpec) -> Result<Self, ParamsError> {
        let params = Self::build(spec, false)?;
        let log_n = params.log_n();
        let bound = max_log_qp(log_n).ok_or(ParamsError::RingDegree { log_n })?;
        if params.log_qp() > f64::from(bound) {
            return Err(ParamsError::Insecure {
                log_n,
                log_qp: params.log_qp(),
                bound,
            });
        }
        Ok(params)
    }

    /// As [`Params::new`] without the security check, for small rings in tests. Everything made from it is marked insecure.
    ///
    /// # Errors
    /// As [`Params::new`], except [`ParamsError::Insecure`]; ring degrees from 2^4 are allowed.
    pub fn new_insecure_for_tests(spec: ParamsSpec) -> Result<Self, ParamsError> {
        Self::build(spec, true)
    }

    fn build(spec: ParamsSpec, insecure: bool) -> Result<Self, ParamsError> {
        let lowest = if insecure { 4 } else { MIN_LOG_N };
        if !(lowest..=MAX_LOG_N).contains(&spec.log_n) {
            return Err(ParamsError::RingDegree { log_n: spec.log_n });
        }
        let (chain, special) = (spec.chain_bits.len(), spec.special_bits.len());
        if !(1..=64).contains(&chain) || !(1..=16).contains(&special) {
            return Err(ParamsError::ChainLength { chain, special });
        }
        let all = spec.chain_bits.iter().chain(&spec.special_bits).copied();
        if let Some(bits) = all
            .clone()
            .find(|b| !(MIN_PRIME_BITS..=MAX_PRIME_BITS).contains(b))
        {
            return Err(ParamsError::PrimeSize { bits });
        }
        if spec.scale_bits > MAX_SCALE_BITS {
            let bits = spec.scale_bits;
            return Err(ParamsError::ScaleSize { bits });
        }
        let cut: usize = spec.digits.iter().map(|&d| usize::from(d)).sum();
        if cut != chain || spec.digits.contains(&0) {
            let n_digits = spec.digits.len();
            return Err(ParamsError::Digits {
                n_digits,
                cut,
                chain,
            });
        }
        let mut taken = Vec::new();
        let mut take = |bits: &[u8], below: bool| -> Result<Vec<u64>, ParamsError> {
            bits.iter()
                .map(|&b| {
                    let prime = find_primes(b, 1, below, &taken).first().copied();
                    let prime = prime.ok_or(ParamsError::TooFewPrimes {
                        bits: b,
                        count: taken.len() + 1,
                    })?;
                    taken.push(prime);
                    Ok(prime)
                })
                .collect()
        };
        // q_0 and the specials sit below their power of two; scale primes on both sides of it.
        let mut q = take(&spec.chain_bits[..1], true)?;
        let special = take(&spec.special_bits, true)?;
        q.extend(take(&spec.chain_bits[1..], false)?);
        let mut params = Self {
            spec,
            q,
            special,
            id: ParamsId([0; 32]),
            insecure,
        };
        let special_bits = log2_product(&params.special);
        for range in params.digit_ranges() {
            let digit_bits = log2_product(&params.q[range]);
            if digit_bits > special_bits + 0.5 {
                return Err(ParamsError::SpecialTooSmall {
                    digit_bits,
                    special_bits,
                });
            }
        }
        params.id = params.canonical_id();
        Ok(params)
    }

    fn canonical_id(&self) -> ParamsId {
        let mut hasher = blake3::Hasher::new_derive_key("privet params v1");
        hasher.update(&[
            self.spec.log_n,
            self.spec.scale_bits,
            u8::from(self.insecure),
        ]);
        for list in [&self.q, &self.special] {
            hasher.update(&(list.len() as u64).to_le_bytes());
            list.iter().for_each(|p| {
                hasher.update(&p.to_le_bytes());
            });
        }
        hasher.update(&self.spec.digits);
        ParamsId(*hasher.finalize().as_bytes())
    }

    /// The sizes this was built from.
    pub fn spec(&self) -> &ParamsSpec {
        &self.spec
    }

    /// Identity of this set.
    pub fn id(&self) -> ParamsId {
        self.id
    }

    /// Whether the security check was skipped.
    pub fn is_insecure(&self) -> bool {
        self.insecure
    }

    /// log2 of the ring degree.
    pub fn log_n(&self) -> u8 {
        self.spec.log_n
    }

    /// The ring degree.
    pub fn ring_degree(&self) -> usize {
        1 << self.spec.log_n
    }

    /// Slots of a ciphertext, half the ring degree.
    pub fn n_slots(&self) -> usize {
        self.ring_degree() / 2
    }

    /// Chain primes `q_0 ..= q_L`.
    pub fn q(&self) -> &[u64] {
        &self.q
    }

    /// Special primes.
    pub fn special(&self) -> &[u64] {
        &self.special
    }

    /// The highest level.
    pub fn max_level(&self) -> Level {
        Level((self.q.len() - 1) as u8)
    }

    /// Scale of fresh ciphertexts.
    pub fn scale(&self) -> Scale {
        Scale::power_of_two(i32::from(self.spec.scale_bits))
    }

    /// Chain-prime ranges of all digits, from `q_0` upward.
    pub fn digit_ranges(&self) -> Vec<DigitRange> {
        let mut start = 0;
        self.spec
            .digits
            .iter()
            .map(|&d| {
                let range = start..start + usize::from(d);
                start = range.end;
                range
            })
            .collect()
    }

    /// Digit ranges live at `level`, the last one cut to the live primes.
    pub fn digits_at(&self, level: Level) -> Vec<DigitRange> {
        let live = level.n_limbs();
        let ranges = self.digit_ranges().into_iter().filter(|r| r.start < live);
        ranges.map(|r| r.start..r.end.min(live)).collect()
    }

    /// log2 of the chain's product.
    pub fn log_q(&self) -> f64 {
        log2_product(&self.q)
    }

    /// log2 of the product of chain and special primes: what the security table bounds.
    pub fn log_qp(&self) -> f64 {
        log2_product(&self.q) + log2_product(&self.special)
    }

    /// Bytes of one unseeded key-switching key that is used up to `level`: `2 · digits · (limbs + specials)` limbs.
    pub fn key_bytes(&self, level: Level) -> u64 {
        let limbs = 2 * self.digits_at(level).len() * (level.n_limbs() + self.special.len());
        limbs as u64 * 8 * self.ring_degree() as u64
    }

    /// Bytes of a degree-1 ciphertext at `level`.
    pub fn ciphertext_bytes(&self, level: Level) -> u64 {
        2 * level.n_limbs() as u64 * 8 * self.ring_degree() as u64
    }
}

fn log2_product(primes: &[u64]) -> f64 {
    primes.iter().map(|&p| (p as f64).log2()).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn depth_3() -> ParamsSpec {
        ParamsSpec {
            log_n: 13,
            chain_bits: vec![46, 38, 38, 38],
            special_bits: vec![48],
            digits: vec![1; 4],
            scale_bits: 38,
        }
    }

    #[test]
    fn the_reference_chains_are_secure() {
        let chains = [
            depth_3(),
            ParamsSpec {
                log_n: 14,
                chain_bits: [&[48][..], &[40; 6]].concat(),
                special_bits: vec![42; 3],
                digits: vec![1, 3, 3],
                scale_bits: 40,
            },
            ParamsSpec {
                log_n: 14,
                chain_bits: [&[43][..], &[38; 7]].concat(),
                special_bits: vec![40; 3],
                digits: vec![2, 3, 3],
                scale_bits: 38,
            },
            ParamsSpec {
                log_n: 15,
                chain_bits: [&[48][..], &[40; 14]].concat(),
                special_bits: vec![42; 4],
                digits: vec![3, 4, 4, 4],
                scale_bits: 40,
            },
            ParamsSpec {
                log_n: 16,
                chain_bits: [&[48][..], &[40; 30]].concat(),
                special_bits: vec![47; 7],
                digits: vec![7, 8, 8, 8],
                scale_bits: 40,
            },
        ];
        for spec in chains {
            let params = Params::new(spec.clone()).unwrap_or_else(|e| panic!("{spec:?}: {e}"));
            let mut all = [params.q(), params.special()].concat();
            all.sort_unstable();
            all.dedup();
            assert_eq!(all.len(), spec.chain_bits.len() + spec.special_bits.len());
            assert!(all.iter().all(|p| p % (1 << 17) == 1));
        }
    }

    #[test]
    fn one_bit_too_many_is_refused() {
        let mut spec = depth_3();
        spec.chain_bits = vec![48, 40, 40, 40];
        assert!(matches!(
            Params::new(spec.clone()),
            Err(ParamsError::Insecure { bound: 214, .. })
        ));
        assert!(Params::new_insecure_for_tests(spec).unwrap().is_insecure());
    }

    #[test]
    fn insecure_and_secure_sets_differ_in_identity() {
        let secure = Params::new(depth_3()).unwrap();
        let marked = Params::new_insecure_for_tests(depth_3()).unwrap();
        assert_ne!(secure.id(), marked.id());
    }

    #[test]
    fn digits_follow_the_level() {
        let spec = ParamsSpec {
            log_n: 14,
            chain_bits: [&[48][..], &[40; 6]].concat(),
            special_bits: vec![42; 3],
            digits: vec![1, 3, 3],
            scale_bits: 40,
        };
        let params = Params::new(spec).unwrap();
        assert_eq!(params.digits_at(Level(4)), vec![0..1, 1..4, 4..5]);
        assert_eq!(params.digits_at(Level(0)), vec![0..1]);
        assert_eq!(params.key_bytes(Level(6)), 2 * 3 * 10 * 8 * (1 << 14));
    }
}
