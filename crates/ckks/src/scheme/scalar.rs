//! Operations with one real number for all slots.

use super::encode::{reduce_parts, round_to_parts};
use super::types::{Ciphertext, CiphertextExt};
use crate::CkksError;
use crate::context::Context;
use crate::ring::parallel::each;
use crate::ring::poly::Poly;
use params::{Level, Scale};

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
}
