//! The inner loops, once per instruction set, behind one table of functions.
//!
//! Every kernel takes a limb or a tile, reads and writes residues in `[0, p)` and gives the same words on every
//! instruction set.

#[cfg(target_arch = "x86_64")]
mod ifma;
#[cfg(target_arch = "x86_64")]
mod ifma_ntt;
#[cfg(target_arch = "x86_64")]
mod ifma_sums;
mod scalar;

use super::automorphism::AutomorphismTable;
use super::modulus::{Factor, Modulus};
use super::ntt::{NttTable, Scaling};
use std::ops::Range;
use std::sync::OnceLock;

/// Instruction sets with kernels of their own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Isa {
    Scalar,
    #[cfg(target_arch = "x86_64")]
    Ifma,
}

impl Isa {
    /// Whether transforms of size `n` use the vector layout of twiddles.
    pub fn vector_transform(self, n: usize) -> bool {
        self != Self::Scalar && n >= 128
    }

    /// The best set that this machine has.
    pub fn best() -> Self {
        #[cfg(target_arch = "x86_64")]
        if is_x86_feature_detected!("avx512f")
            && is_x86_feature_detected!("avx512dq")
            && is_x86_feature_detected!("avx512ifma")
        {
            return Self::Ifma;
        }
        Self::Scalar
    }

    /// As [`Isa::best`], unless the variable `PRIVET_ISA` says `scalar`.
    pub fn detect() -> Self {
        static DETECTED: OnceLock<Isa> = OnceLock::new();
        *DETECTED.get_or_init(|| match std::env::var("PRIVET_ISA").as_deref() {
            Ok("scalar") => Self::Scalar,
            _ => Self::best(),
        })
    }

    pub fn kernels(self) -> &'static Kernels {
        match self {
            Self::Scalar => &scalar::KERNELS,
            #[cfg(target_arch = "x86_64")]
            Self::Ifma => &ifma::KERNELS,
        }
    }
}

type In<'a> = &'a [u64];
type Out<'a> = &'a mut [u64];
type Unary = fn(&Modulus, &mut [u64]);
type Binary = fn(&Modulus, &mut [u64], &[u64]);
type Ternary = fn(&Modulus, &mut [u64], &[u64], &[u64]);

type KeyProduct = fn(&Modulus, [Out; 2], &[In], &[In], &[In]);
type Dot = fn(&[&Modulus], &mut [Out], &[In], &[&[Factor]]);

/// One implementation of every inner loop. All slices of a call have the same length, a multiple of 16.
pub(crate) struct Kernels {
    pub name: &'static str,
    /// Natural order to values in canonical order.
    pub forward: fn(&NttTable, &mut [u64]),
    /// Into how many blocks the first pass of the forward transform cuts a limb. From then on blocks are independent.
    pub blocks: fn(&NttTable) -> usize,
    /// That first pass, on the same columns of every block.
    pub forward_head: fn(&NttTable, &mut [u64], Range<usize>),
    /// The other passes on one block of a limb; the same block of two more limbs is fetched into the cache meanwhile.
    pub forward_rest: fn(&NttTable, &mut [u64], usize, [In; 2]),
    /// The inverse, times a constant.
    pub inverse: fn(&NttTable, &mut [u64], &Scaling),
    /// As `inverse`, of the last limb into the other.
    pub inverse_of: fn(&NttTable, &mut [u64], &Scaling, &[u64]),
    /// `out = a + b`.
    pub add: Ternary,
    /// `out += a`.
    pub add_assign: Binary,
    /// `out = a - b`.
    pub sub: Ternary,
    /// `out -= a`.
    pub sub_assign: Binary,
    /// `out = -out`.
    pub neg_assign: Unary,
    /// `out = a · b`.
    pub mul: Ternary,
    /// `out *= a`.
    pub mul_assign: Binary,
    /// `out += a · b`.
    pub mul_add: Ternary,
    /// `out = a · c`.
    pub mul_const: fn(&Modulus, &mut [u64], &[u64], Factor),
    /// `out += a · c`.
    pub mul_const_add: fn(&Modulus, &mut [u64], &[u64], Factor),
    /// `out += c`.
    pub add_const: fn(&Modulus, &mut [u64], u64),
    /// `(a0·b0, a0·b1 + a1·b0, a1·b1)`.
    pub tensor: fn(&Modulus, [Out; 3], [In; 2], [In; 2]),
    /// Per output `Σ inputs_i · factors_i` modulo its own prime; the inputs' bounds must sum to less than `2^52`.
    pub dot: Dot,
    /// `out = (Σ floor(inputs_i · weights_i / 2^52) + 2^(shift-1)) >> shift`.
    pub round_quotient: fn(Out, &[In], &[u64], u32),
    /// `(Σ digits_d · b_d, Σ digits_d · a_d)`.
    pub key_product: KeyProduct,
    /// `t = (x - t) · c`.
    pub sub_mul_const: fn(&Modulus, &mut [u64], &[u64], Factor),
    /// `t = (x - t) · c + y`.
    pub sub_mul_const_add: fn(&Modulus, &mut [u64], &[u64], Factor, &[u64]),
    /// `out = automorphism(a)` in transformed form.
    pub permute: fn(&mut [u64], &[u64], &AutomorphismTable),
    /// Signed integers below `2^50` in size to residues.
    pub reduce_signed: fn(&Modulus, &mut [u64], &[i64]),
    /// Whether every word is below `p`.
    pub all_below: fn(&[u64], u64) -> bool,
    /// Slots to coefficients of the special Fourier transform, natural order to bit-reversed, unscaled.
    pub fft_inverse: fn(&super::fft::FftTable, &mut [f64], &mut [f64]),
    /// Coefficients in bit-reversed order to slots.
    pub fft_forward: fn(&super::fft::FftTable, &mut [f64], &mut [f64]),
}

/// Transforms that are not cut: one block, and all passes in the second step.
mod whole {
    use super::{In, NttTable};
    use std::ops::Range;

    pub fn blocks(_: &NttTable) -> usize {
        1
    }

    pub fn forward_head(_: &NttTable, _: &mut [u64], _: Range<usize>) {}

    pub fn forward_rest(table: &NttTable, limb: &mut [u64], _: usize, _: [In; 2]) {
        super::scalar::forward(table, limb);
    }

    pub fn inverse_of(table: &NttTable, out: &mut [u64], scaling: &super::Scaling, limb: &[u64]) {
        out.copy_from_slice(limb);
        super::scalar::inverse(table, out, scaling);
    }
}

#[cfg(test)]
mod tests;
