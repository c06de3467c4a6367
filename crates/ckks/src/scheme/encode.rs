//! Between slots and plaintext polynomials.

use super::types::{Basis, Plaintext};
use crate::CkksError;
use crate::context::Context;
use crate::ring::buffer::Buffer;
use crate::ring::fft::pair_index;
use crate::ring::modulus::Modulus;
use crate::ring::parallel::each;
use crate::ring::poly::Poly;
use params::{Level, Scale};

/// Rounded coefficients of a polynomial in `X^(N/size)`.
struct Coefficients {
    size: usize,
    list: List,
}

enum List {
    /// All, each below `2^50` in size.
    Small(Vec<i64>),
    /// Those that are not 0, by index: `mantissa · 2^exponent`, the exponent at least 0.
    Large(Vec<(usize, (i64, u32))>),
}

/// Adding and subtracting this rounds doubles below `2^51` to integers, ties to even.
const ROUNDER: f64 = 1.5 * (1u64 << 52) as f64;
const SMALL: f64 = (1u64 << 50) as f64;

/// The integer nearest to `x`, ties to even, as mantissa and exponent.
pub(crate) fn round_to_parts(x: f64) -> (i64, u32) {
    if x.abs() < SMALL {
        return (round_small(x), 0);
    }
    let bits = x.abs().to_bits();
    let mantissa = (bits & ((1 << 52) - 1) | 1 << 52) as i64;
    let exponent = (bits >> 52) as i32 - 1075;
    let signed = if x < 0.0 { -mantissa } else { mantissa };
    if exponent >= 0 {
        return (signed, exponent as u32);
    }
    // Between 2^50 and 2^53 one or two bits lie behind the point.
    let (whole, rest) = (mantissa >> -exponent, mantissa & ((1 << -exponent) - 1));
    let half = 1 << (-exponent - 1);
    let up = rest > half || (rest == half && whole & 1 == 1);
    let rounded = whole + i64::from(up);
    (if x < 0.0 { -rounded } else { rounded }, 0)
}

#[inline(always)]
fn round_small(x: f64) -> i64 {
    (x + ROUNDER).to_bits() as i64 - ROUNDER.to_bits() as i64
}

/// `mantissa · 2^exponent mod p`.
pub(crate) fn reduce_parts(m: &Modulus, (mantissa, exponent): (i64, u32)) -> u64 {
    let size = m.mul(
        m.reduce(mantissa.unsigned_abs()),
        m.pow(2, u64::from(exponent)),
    );
    if mantissa < 0 { m.neg(size) } else { size }
}

impl Context {
    /// The value of a scale that has to be a positive normal double.
    pub(crate) fn scale_value(&self, scale: &Scale) -> Result<f64, CkksError> {
        let value = scale.value(self.params().q());
        value.ok_or_else(|| CkksError::ScaleRange {
            scale: scale.clone(),
        })
    }

    /// Half the modulus at `level`, as a double; infinite beyond 2^1024.
    pub(crate) fn half_modulus(&self, level: Level) -> f64 {
        self.params().q()[..level.n_limbs()]
            .iter()
            .fold(0.5, |acc, &p| acc * p as f64)
    }

    /// Checks that an integer of size `x` is below half the modulus.
    pub(crate) fn check_size(&self, x: f64, level: Level) -> Result<(), CkksError> {
        let half = self.half_modulus(level);
        if x.is_finite() && x.abs() < half {
            Ok(())
        } else {
            Err(CkksError::TooLarge {
                needed_bits: x.abs().log2(),
                available_bits: half.log2(),
            })
        }
    }

    /// Encodes real values, repeated periodically over all slots.
    ///
    /// Coefficients are those of `scale · values` under the inverse canonical embedding, rounded to nearest.
    ///
    /// # Shapes
    /// `values`: a power of two, at most `n_slots`; a single value takes no transform at all.
    ///
    /// # Cost
    /// One transform per limb, of twice the number of values, and one Fourier transform of their number.
    ///
    /// # Errors
    /// - [`CkksError::SlotCount`], [`CkksError::NotFinite`], [`CkksError::LevelRange`], [`CkksError::ScaleRange`].
    /// - [`CkksError::TooLarge`] if a coefficient reaches half the modulus at `level`.
    ///
    /// # Source
    /// Cheon et al., ePrint 2016/421.
    pub fn encode(
        &self,
        values: &[f64],
        scale: &Scale,
        level: Level,
        basis: Basis,
    ) -> Result<Plaintext, CkksError> {
        self.check_level(level)?;
        let (n, n_slots) = (values.len(), self.params().n_slots());
        if !n.is_power_of_two() || n > n_slots {
            return Err(CkksError::SlotCount { found: n, n_slots });
        }
        if let Some(index) = values.iter().position(|v| !v.is_finite()) {
            return Err(CkksError::NotFinite { index });
        }
        let delta = self.scale_value(scale)?;
        let n_special = if basis == Basis::QP {
            self.n_special()
        } else {
            0
        };
        let mut poly = self.stale(level.n_limbs(), n_special);
        if let [value] = values {
            let product = value * delta;
            self.check_size(product, level)?;
            let parts = round_to_parts(product);
            for (j, limb) in poly.limbs_mut().enumerate() {
                limb.fill(reduce_parts(self.limb_modulus(j, level.n_limbs()), parts));
            }
        } else {
            let coefficients = self.coefficients(values, delta, level)?;
            self.spread(&coefficients, &mut poly);
        }
        Ok(Plaintext {
            params: self.id(),
            poly,
            level,
            scale: scale.clone(),
        })
    }

    /// Coefficients of the polynomial in `X^(n_slots/len)` whose slots are `values · delta`.
    fn coefficients(
        &self,
        values: &[f64],
        delta: f64,
        level: Level,
    ) -> Result<Coefficients, CkksError> {
        let n = values.len();
        let (mut re, mut im) = (values.to_vec(), vec![0.0; n]);
        (self.kernels().fft_inverse)(self.fft(), &mut re, &mut im);
        let factor = delta / n as f64;
        // The sum is not a number as soon as one coefficient is none, or infinite beside another.
        let (mut largest, mut sum) = (0.0f64, 0.0);
        for x in re.iter_mut().chain(&mut im) {
            *x *= factor;
            sum += *x;
            largest = if x.abs() > largest { x.abs() } else { largest };
        }
        self.check_size(
            if f64::is_nan(sum) {
                f64::INFINITY
            } else {
                largest
            },
            level,
        )?;
        // Sizes below 16 are no lines: such vectors are spaced out to it.
        let size = (2 * n).max(16);
        let gap = size / (2 * n);
        let ordered = [re, im].into_iter().enumerate().flat_map(|(half, part)| {
            (0..n).map(move |k| (gap * (k + half * n), part[pair_index(k, n)]))
        });
        let list = if largest < SMALL {
            let mut list = vec![0; size];
            ordered.for_each(|(at, x)| list[at] = round_small(x));
            List::Small(list)
        } else {
            List::Large(ordered.map(|(at, x)| (at, round_to_parts(x))).collect())
        };
        Ok(Coefficients { size, list })
    }

    /// Residues of the coefficients, transformed.
    ///
    /// In canonical order a polynomial in `X^g` has runs of `g` equal values, those of its short transform.
    fn spread(&self, coefficients: &Coefficients, poly: &mut Poly) {
        let (n, n_q, size) = (self.n(), poly.n_q(), coefficients.size);
        let residues = |m: &Modulus, limb: &mut [u64]| match &coefficients.list {
            List::Small(list) => (self.kernels().reduce_signed)(m, limb, list),
            List::Large(list) => {
                limb.fill(0);
                list.iter()
                    .for_each(|&(at, parts)| limb[at] = reduce_parts(m, parts));
            }
        };
        each(poly.limbs_mut(), |j, limb| {
            let prime = self.prime_of_limb(j, n_q);
            if size == n {
                residues(self.modulus(prime), limb);
                self.forward(prime, limb);
            } else {
                let mut short = Buffer::stale(size);
                residues(self.modulus(prime), &mut short);
                self.forward_short(prime, &mut short);
                limb.chunks_exact_mut(n / size)
                    .zip(&*short)
                    .for_each(|(run, &x)| run.fill(x));
            }
        });
    }
}
