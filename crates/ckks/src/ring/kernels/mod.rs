//! The inner loops, once per instruction set, behind one table of functions.
//!
//! Every kernel takes a limb or a tile, reads and writes residues in `[0, p)` and gives the same words on every
//! instruction set.

#[cfg(target_arch = "x86_64")]
mod avx2;
#[cfg(target_arch = "x86_64")]
mod avx2_ntt;
#[cfg(target_arch = "x86_64")]
mod avx2_sums;
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
use super::ntt_double::DoubleTwiddles;
use std::ops::Range;
use std::sync::OnceLock;

/// Instruction sets with kernels of their own, best last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Isa {
    Scalar,
    #[cfg(target_arch = "x86_64")]
    Avx2,
    #[cfg(target_arch = "x86_64")]
    Ifma,
}

impl Isa {
    const ALL: &[Self] = &[
        Self::Scalar,
        #[cfg(target_arch = "x86_64")]
        Self::Avx2,
        #[cfg(target_arch = "x86_64")]
        Self::Ifma,
    ];

    /// Whether transforms of size `n` use the vector layout of twiddles.
    pub fn vector_transform(self, n: usize) -> bool {
        self.kernels().name == "avx512ifma" && n >= 128
    }

    /// Whether transforms of size `n` compute in doubles.
    pub fn double_transform(self, n: usize) -> bool {
        self.kernels().name == "avx2" && DoubleTwiddles::fits(n)
    }

    /// Whether this machine has the instructions.
    fn is_available(self) -> bool {
        match self {
            Self::Scalar => true,
            #[cfg(target_arch = "x86_64")]
            Self::Avx2 => is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma"),
            #[cfg(target_arch = "x86_64")]
            Self::Ifma => {
                is_x86_feature_detected!("avx512f")
                    && is_x86_feature_detected!("avx512dq")
                    && is_x86_feature_detected!("avx512ifma")
            }
        }
    }

    /// The sets that this machine has, best last.
    pub fn available() -> impl DoubleEndedIterator<Item = Self> {
        Self::ALL.iter().copied().filter(|isa| isa.is_available())
    }

    /// The best set that this machine has.
    pub fn best() -> Self {
        Self::available().next_back().unwrap_or(Self::Scalar)
    }

    /// The available set of this name, else [`Isa::best`].
    fn named(name: Option<&str>) -> Self {
        Self::available()
            .find(|isa| Some(isa.kernels().name) == name)
            .unwrap_or_else(Self::best)
    }

    /// The set that the variable `PRIVET_ISA` names: `scalar`, `avx2` or `avx512ifma`. Without it, or when it names none
    /// that this machine has, [`Isa::best`]. Read once.
    pub fn detect() -> Self {
        static DETECTED: OnceLock<Isa> = OnceLock::new();
        *DETECTED.get_or_init(|| Self::named(std::env::var("PRIVET_ISA").ok().as_deref()))
    }

    pub fn kernels(self) -> &'static Kernels {
        match self {
            Self::Scalar => &scalar::KERNELS,
            #[cfg(target_arch = "x86_64")]
            Self::Avx2 => &avx2::KERNELS,
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
/// Modulus, both results, plain factors, both parts' factors, both parts' addends.
type SumProducts = fn(&Modulus, [Out; 2], &[In], [&[In]; 2], [&[In]; 2]);
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
    /// Per part `Σ x_i · plain_i`, plus all addends.
    pub sum_products: SumProducts,
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
    use super::NttTable;
    use std::ops::Range;

    pub fn blocks(_: &NttTable) -> usize {
        1
    }

    pub fn forward_head(_: &NttTable, _: &mut [u64], _: Range<usize>) {}
}

#[cfg(test)]
mod tests;
#[cfg(test)]
mod tests_sums;
