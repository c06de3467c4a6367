//! Parameters of RNS-CKKS: ring degree, modulus chain, special primes, digits, security table, exact scales.
//!
//! This crate knows no polynomial and no ciphertext. Levels count the rescales that are still possible, down to 0
//! (OpenFHE counts the other way).

mod chain;
mod primes;
mod scale;
mod security;

pub use chain::{DigitRange, Params, ParamsError, ParamsId, ParamsSpec};
pub use primes::{find_primes, is_prime};
pub use scale::Scale;
pub use security::{MAX_LOG_N, MIN_LOG_N, max_log_qp};

use serde::{Deserialize, Serialize};
use std::fmt;

/// Rescales left before the chain is used up; the value has `level + 1` limbs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Level(pub u8);

impl Level {
    /// Number of chain primes that are live at this level.
    pub fn n_limbs(self) -> usize {
        usize::from(self.0) + 1
    }
}

impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "L{}", self.0)
    }
}

/// A left rotation by `0 <= k < n_slots` slots: slot `i` of the result is slot `i + k` of the operand.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Rotation(u32);

impl Rotation {
    /// Normalizes any signed amount modulo `n_slots`.
    ///
    /// # Panics
    /// If `n_slots` is 0.
    pub fn new(amount: i64, n_slots: usize) -> Self {
        let n = i64::try_from(n_slots).expect("a slot count fits i64");
        Self(u32::try_from(amount.rem_euclid(n)).expect("a slot count fits u32"))
    }

    /// The amount in slots.
    pub fn amount(self) -> u32 {
        self.0
    }

    /// Whether nothing moves.
    pub fn is_zero(self) -> bool {
        self.0 == 0
    }

    /// The automorphism `X -> X^g`, `g = 5^k mod 2N`, that moves the slots so.
    pub fn galois(self, log_n: u8) -> GaloisElement {
        let modulus = 1u64 << (log_n + 1);
        let (mut base, mut exp, mut acc) = (5u64, self.0, 1u64);
        while exp > 0 {
            if exp & 1 == 1 {
                acc = acc * base % modulus;
            }
            base = base * base % modulus;
            exp >>= 1;
        }
        GaloisElement(acc)
    }
}

impl fmt::Display for Rotation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

/// The odd exponent `g` of the automorphism `X -> X^g` modulo `X^N + 1`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct GaloisElement(pub u64);

impl GaloisElement {
    /// Complex conjugation of all slots, `X -> X^(2N-1)`.
    pub fn conjugation(log_n: u8) -> Self {
        Self((1u64 << (log_n + 1)) - 1)
    }
}
