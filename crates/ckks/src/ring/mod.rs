//! Polynomials modulo word-sized primes: arithmetic, transforms, base conversion, automorphisms, sampling.
//!
//! Knows no key and no message. At every function boundary residues are in `[0, p)`, so that results do not depend on
//! the kernels or on the number of threads.

pub(crate) mod automorphism;
pub(crate) mod buffer;
pub(crate) mod convert;
pub(crate) mod fft;
pub(crate) mod gaussian;
pub(crate) mod kernels;
pub(crate) mod limbs;
pub(crate) mod modulus;
pub(crate) mod ntt;
pub(crate) mod ntt_double;
pub(crate) mod parallel;
pub(crate) mod poly;
pub(crate) mod sample;
