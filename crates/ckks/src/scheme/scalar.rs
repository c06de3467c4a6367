//! Operations with one real number for all slots.

use super::encode::{reduce_parts, round_to_parts};
use super::types::{Ciphertext, CiphertextExt, check_scales};
use crate::CkksError;
use crate::context::Context;
use crate::ring::buffer::Buffer;
use crate::ring::modulus::Factor;
use crate::ring::parallel::each;
use crate::ring::poly::Poly;
use params::{Level, Scale};
use smallvec::SmallVec;

/// Most terms read in one pass: as many streams as a processor fetches ahead.
const STREAMS: usize = 32;

impl Context {
    /// `round(value · scale)` as mantissa and exponent, checked against the modulus.
    fn integer(&self, value: f64, scale: &Scale, level: Level) -> Result<(i64, u32), CkksError> {
        if !value.is_finite() {
            return Err(CkksError::NotFinite { index: 0 });
        }
        let product = value * self.scale_value(scale)?;
        self.check_size(product, level)?;
        Ok(round_to_parts(product))
    }

    fn mul_integer(&self, poly: &Poly, integer: (i64, u32)) -> Poly {
        let mut out = self.stale(poly.n_q(), poly.n_special());
        each(out.limbs_mut().zip(poly.limbs()), |j, (out, x)| {
            let m = self.limb_modulus(j, poly.n_q());
            (self.kernels().mul_const)(m, out, x, m.factor(reduce_parts(m, integer)));
        });
        out
    }

    /// Adds a number to all slots, at the ciphertext's scale.
    ///
    /// # Errors
    /// [`CkksError::NotFinite`], [`CkksError::TooLarge`], [`CkksError::ScaleRange`], [`CkksError::ParamsMismatch`].
    pub fn add_scalar(&self, x: &Ciphertext, value: f64) -> Result<Ciphertext, CkksError> {
        self.check(x.params)?;
        let integer = self.integer(value, &x.scale, x.level)?;
        let mut out = x.clone();
        each(out.parts[0].limbs_mut(), |j, limb| {
            let m = self.modulus(j);
            (self.kernels().add_const)(m, limb, reduce_parts(m, integer));
        });
        Ok(out)
    }

    /// Multiplies all slots by `round(value · scale) / scale`.
    ///
    /// # Levels and scale
    /// The scale is the product of `x`'s and `scale`.
    ///
    /// # Errors
    /// As [`Context::add_scalar`].
    pub fn mul_scalar(
        &self,
        x: &Ciphertext,
        value: f64,
        scale: &Scale,
    ) -> Result<Ciphertext, CkksError> {
        self.check(x.params)?;
        let integer = self.integer(value, scale, x.level)?;
        let parts = x
            .parts
            .iter()
            .map(|poly| self.mul_integer(poly, integer))
            .collect();
        Ok(Ciphertext {
            params: x.params,
            parts,
            level: x.level,
            scale: x.scale.times(scale),
        })
    }

    /// As [`Context::mul_scalar`], modulo QP.
    ///
    /// # Errors
    /// As [`Context::add_scalar`].
    pub fn mul_scalar_ext(
        &self,
        x: &CiphertextExt,
        value: f64,
        scale: &Scale,
    ) -> Result<CiphertextExt, CkksError> {
        self.check(x.params)?;
        let integer = self.integer(value, scale, x.level)?;
        let parts = [0, 1].map(|i: usize| self.mul_integer(&x.parts[i], integer));
        Ok(CiphertextExt {
            params: x.params,
            parts,
            level: x.level,
            scale: x.scale.times(scale),
        })
    }

    /// `Σ x_i · round(value_i · scale_i) / scale_i + Σ addend_j`, all of degree 1.
    ///
    /// # Levels and scale
    /// One level; every product has the scale of the first, and so has every addend.
    ///
    /// # Cost
    /// No transform; every operand is read once.
    ///
    /// # Errors
    /// [`CkksError::NoOperands`] without products; otherwise as [`Context::mul_scalar`] and [`Context::add`].
    pub fn sum_scalar_products(
        &self,
        products: &[(&Ciphertext, f64, &Scale)],
        addends: &[&Ciphertext],
    ) -> Result<Ciphertext, CkksError> {
        let &(first, _, scale) = products.first().ok_or(CkksError::NoOperands)?;
        let scale = first.scale.times(scale);
        for &(x, _, own) in products {
            x.check_degree(1)?;
            self.check_pair(first, x)?;
            check_scales(&scale, &x.scale.times(own))?;
        }
        for x in addends {
            x.check_degree(1)?;
            self.check_pair(first, *x)?;
            check_scales(&scale, &x.scale)?;
        }
        let integers = products
            .iter()
            .map(|&(x, value, own)| self.integer(value, own, x.level))
            .collect::<Result<Vec<_>, _>>()?;
        let mut out = [0, 1].map(|_| self.stale(first.parts[0].n_q(), 0));
        let [out0, out1] = &mut out;
        each(out0.limbs_mut().zip(out1.limbs_mut()), |j, (out0, out1)| {
            let m = self.modulus(j);
            let factors: Vec<Factor> = integers
                .iter()
                .map(|&integer| m.factor(reduce_parts(m, integer)))
                .collect();
            // The kernel's sums stay below 2^52.
            let terms = STREAMS.min(m.budget as usize).max(1);
            let mut more = Buffer::stale(out0.len());
            for (part, out) in [out0, out1].into_iter().enumerate() {
                for (i, (terms, factors)) in products
                    .chunks(terms)
                    .zip(factors.chunks(terms))
                    .enumerate()
                {
                    let limbs: SmallVec<[&[u64]; STREAMS]> =
                        terms.iter().map(|(x, ..)| x.parts[part].limb(j)).collect();
                    if i == 0 {
                        (self.kernels().dot)(&[m], &mut [&mut *out], &limbs, &[factors]);
                    } else {
                        (self.kernels().dot)(&[m], &mut [&mut *more], &limbs, &[factors]);
                        (self.kernels().add_assign)(m, out, &more);
                    }
                }
                for x in addends {
                    (self.kernels().add_assign)(m, out, x.parts[part].limb(j));
                }
            }
        });
        Ok(Ciphertext {
            params: first.params,
            parts: out.into_iter().collect(),
            level: first.level,
            scale,
        })
    }
}
