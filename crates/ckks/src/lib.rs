//! RNS-CKKS: arithmetic on encrypted vectors of real numbers.
//!
//! `ring` (polynomials modulo word-sized primes) carries `rlwe` (keys and key switching), which carries `scheme`
//! (messages in slots). Everything starts from a [`Context`]; levels count the rescales left, scales are exact, and
//! operands must meet at equal levels and scales. Operations on ciphertexts return errors and do not panic.
//!
//! Kernels are chosen once per process for the machine at hand. `PRIVET_ISA` in the environment asks for others, one of
//! `scalar`, `avx2` and `avx512ifma`; a set that the machine lacks, or any other value, means the best one. Results are
//! the same words with any kernels and any number of threads.
//!
//! This crate knows no circuit and no graph.
//!
//! # Security
//! A decrypted result contains the error of its ciphertext, so [`Context::decrypt`] is for the key holder alone.
//! Nothing here resists chosen ciphertexts or hides the circuit.

#![warn(missing_docs)]

#[doc(hidden)]
pub mod bench_support;
mod bytes;
mod context;
pub mod counters;
mod error;
mod ring;
mod rlwe;
mod scheme;
#[cfg(test)]
mod slow;
#[cfg(test)]
mod tests;

pub use context::Context;
pub use error::CkksError;
pub use ring::buffer::release_pool;
pub use ring::sample::Randomness;
pub use rlwe::keys::{EvaluationKeys, KeySwitchKey};
pub use rlwe::public::PublicKey;
pub use rlwe::secret::SecretKey;
pub use scheme::types::{Basis, Ciphertext, CiphertextExt, Digits, Plaintext};
