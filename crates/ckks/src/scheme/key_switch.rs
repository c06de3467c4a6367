//! Relinearization, rotation, conjugation.

use super::types::Ciphertext;
use crate::CkksError;
use crate::context::Context;
use crate::ring::limbs::Limbs;
use crate::ring::parallel::each;
use crate::rlwe::divide::{Remainder, divide};
use crate::rlwe::keys::KeySwitchKey;
use crate::rlwe::switch::switch;

impl Context {
    /// Brings a product back to degree 1.
    ///
    /// # Cost
    /// `(digits + 2) · (limbs + specials)` transforms.
    ///
    /// # Errors
    /// [`CkksError::DegreeMismatch`], [`CkksError::KeyKind`], [`CkksError::KeyLevel`], [`CkksError::ParamsMismatch`].
    ///
    /// # Source
    /// Gentry, Halevi and Smart, ePrint 2012/099; Han and Ki, ePrint 2019/688.
    pub fn relinearize(&self, x: &Ciphertext, key: &KeySwitchKey) -> Result<Ciphertext, CkksError> {
        self.check(x.params)?;
        key.check(self, x.level, false)?;
        x.check_degree(2)?;
        let switched = switch(self, &x.parts[2], key);
        let conversion = self.mod_down_conversion();
        let parts = switched
            .iter()
            .zip(&x.parts)
            .map(|(sum, addend)| divide(self, sum, conversion, x.level.n_limbs(), Some(addend)));
        let parts = parts.collect();
        Ok(Ciphertext {
            params: x.params,
            parts,
            level: x.level,
            scale: x.scale.clone(),
        })
    }

    /// Applies the automorphism of a rotation key: a rotation of the slots, or their conjugation.
    ///
    /// # Cost
    /// `(digits + 2) · (limbs + specials)` transforms.
    ///
    /// # Errors
    /// As [`Context::relinearize`].
    ///
    /// # Source
    /// As [`Context::relinearize`]; the automorphism comes last.
    pub fn rotate(&self, x: &Ciphertext, key: &KeySwitchKey) -> Result<Ciphertext, CkksError> {
        self.check(x.params)?;
        key.check(self, x.level, true)?;
        x.check_degree(1)?;
        let table = key.automorphism.as_deref().ok_or(CkksError::KeyKind)?;
        let switched = switch(self, &x.parts[1], key);
        let conversion = self.mod_down_conversion();
        let n_q = x.level.n_limbs();
        let group = self.group(n_q);
        let parts = switched.iter().enumerate().map(|(i, sum)| {
            let remainder = Remainder::new(self, sum, conversion);
            let mut out = self.stale(n_q, 0);
            let addend = (i == 0).then(|| &x.parts[0]);
            each(out.groups_mut(group), |g, limbs| {
                let mut scratch = Limbs::stale(self.n(), limbs.len());
                let out = scratch.iter_mut().collect();
                remainder.divide_limbs(self, conversion, group * g, sum, out, addend);
                let moved = limbs.into_iter().zip(scratch.iter());
                moved.for_each(|(limb, from)| (self.kernels().permute)(limb, from, table));
            });
            out
        });
        let parts = parts.collect();
        Ok(Ciphertext {
            params: x.params,
            parts,
            level: x.level,
            scale: x.scale.clone(),
        })
    }

    /// Conjugates all slots; `key` is that of [`params::GaloisElement::conjugation`].
    ///
    /// # Errors
    /// As [`Context::rotate`].
    pub fn conjugate(&self, x: &Ciphertext, key: &KeySwitchKey) -> Result<Ciphertext, CkksError> {
        self.rotate(x, key)
    }
}
