//! Hoisting: shared digits, and sums kept modulo QP until one division by P.

use super::types::{Basis, Ciphertext, CiphertextExt, Digits, Plaintext, check_scales};
use crate::CkksError;
use crate::context::Context;
use crate::ring::buffer::Buffer;
use crate::ring::parallel::each;
use crate::rlwe::divide::divide;
use crate::rlwe::keys::KeySwitchKey;
use crate::rlwe::switch::{decompose, key_rows};
use params::Level;

impl Context {
    /// Digits of a ciphertext of degree 1, for any number of [`Context::rotate_hoisted`].
    ///
    /// # Cost
    /// `digits · (limbs + specials)` transforms.
    ///
    /// # Errors
    /// [`CkksError::ParamsMismatch`], [`CkksError::DegreeMismatch`].
    ///
    /// # Source
    /// Halevi and Shoup, ePrint 2018/244.
    pub fn decompose(&self, x: &Ciphertext) -> Result<Digits, CkksError> {
        self.check(x.params)?;
        x.check_degree(1)?;
        let digits = decompose(self, &x.parts[1]);
        let c0 = x.parts[0].clone();
        Ok(Digits {
            params: x.params,
            digits,
            c0,
            level: x.level,
            scale: x.scale.clone(),
        })
    }

    /// Digits of an extended ciphertext: only its second part is divided by P, the first stays modulo QP.
    ///
    /// # Cost
    /// `(digits + 1) · (limbs + specials)` transforms.
    ///
    /// # Errors
    /// [`CkksError::ParamsMismatch`].
    ///
    /// # Source
    /// Bossuat et al., ePrint 2020/1203.
    pub fn decompose_ext(&self, x: &CiphertextExt) -> Result<Digits, CkksError> {
        self.check(x.params)?;
        let c1 = divide(
            self,
            &x.parts[1],
            self.mod_down_conversion(),
            x.level.n_limbs(),
            None,
        );
        let digits = decompose(self, &c1);
        let c0 = x.parts[0].clone();
        Ok(Digits {
            params: x.params,
            digits,
            c0,
            level: x.level,
            scale: x.scale.clone(),
        })
    }

    /// Rotates (or conjugates), leaving the result modulo QP.
    ///
    /// # Cost
    /// No transform.
    ///
    /// # Errors
    /// [`CkksError::ParamsMismatch`], [`CkksError::KeyKind`], [`CkksError::KeyLevel`].
    pub fn rotate_hoisted(
        &self,
        digits: &Digits,
        key: &KeySwitchKey,
    ) -> Result<CiphertextExt, CkksError> {
        self.check(digits.params)?;
        key.check(self, digits.level, true)?;
        let table = key.automorphism.as_deref().ok_or(CkksError::KeyKind)?;
        let (n, n_q) = (self.n(), digits.level.n_limbs());
        let k = self.kernels();
        let mut parts = [0; 2].map(|_| self.stale(n_q, self.n_special()));
        let [out0, out1] = &mut parts;
        each(out0.limbs_mut().zip(out1.limbs_mut()), |j, (out0, out1)| {
            let prime = self.prime_of_limb(j, n_q);
            let m = self.modulus(prime);
            let limbs: Vec<&[u64]> = digits.digits.iter().map(|poly| poly.limb(j)).collect();
            let mut scratch = Buffer::stale(2 * n);
            let (sum0, sum1) = scratch.split_at_mut(n);
            let [b, a] = key_rows(self, key, prime, limbs.len());
            (k.key_product)(m, [&mut *sum0, &mut *sum1], &limbs, &b, &a);
            match digits.basis() {
                Basis::QP => (k.add_assign)(m, sum0, digits.c0.limb(j)),
                // P vanishes modulo the special primes.
                Basis::Q if j < n_q => {
                    (k.mul_const_add)(m, sum0, digits.c0.limb(j), self.special_product(j));
                }
                Basis::Q => {}
            }
            (k.permute)(out0, sum0, table);
            (k.permute)(out1, sum1, table);
        });
        let (level, scale) = (digits.level, digits.scale.clone());
        Ok(CiphertextExt {
            params: digits.params,
            parts,
            level,
            scale,
        })
    }

    /// Multiplies by P into basis QP.
    ///
    /// # Errors
    /// [`CkksError::ParamsMismatch`], [`CkksError::DegreeMismatch`].
    pub fn extend(&self, x: &Ciphertext) -> Result<CiphertextExt, CkksError> {
        self.check(x.params)?;
        x.check_degree(1)?;
        let n_q = x.level.n_limbs();
        let parts = [0, 1].map(|i: usize| {
            let mut out = self.stale(n_q, self.n_special());
            each(out.limbs_mut(), |j, limb| {
                if j < n_q {
                    let p = self.special_product(j);
                    (self.kernels().mul_const)(self.modulus(j), limb, x.parts[i].limb(j), p);
                } else {
                    limb.fill(0);
                }
            });
            out
        });
        Ok(CiphertextExt {
            params: x.params,
            parts,
            level: x.level,
            scale: x.scale.clone(),
        })
    }

    fn combine_ext(
        &self,
        a: &CiphertextExt,
        b: &CiphertextExt,
        subtract: bool,
    ) -> Result<CiphertextExt, CkksError> {
        self.check_sum(a, b)?;
        let parts = [0, 1].map(|i: usize| self.sum_polys(&a.parts[i], &b.parts[i], subtract));
        Ok(CiphertextExt {
            params: a.params,
            parts,
            level: a.level,
            scale: a.scale.clone(),
        })
    }

    /// The sum.
    ///
    /// # Errors
    /// As [`Context::add`].
    pub fn add_ext(
        &self,
        a: &CiphertextExt,
        b: &CiphertextExt,
    ) -> Result<CiphertextExt, CkksError> {
        self.combine_ext(a, b, false)
    }

    /// The difference.
    ///
    /// # Errors
    /// As [`Context::add`].
    pub fn sub_ext(
        &self,
        a: &CiphertextExt,
        b: &CiphertextExt,
    ) -> Result<CiphertextExt, CkksError> {
        self.combine_ext(a, b, true)
    }

    /// `a += b`; on an error `a` is unchanged.
    ///
    /// # Errors
    /// As [`Context::add`].
    pub fn add_ext_assign(
        &self,
        a: &mut CiphertextExt,
        b: &CiphertextExt,
    ) -> Result<(), CkksError> {
        self.check_sum(a, b)?;
        a.parts
            .iter_mut()
            .zip(&b.parts)
            .for_each(|(a, b)| self.sum_polys_assign(a, b, false));
        Ok(())
    }

    /// The negation.
    ///
    /// # Errors
    /// [`CkksError::ParamsMismatch`].
    pub fn neg_ext(&self, x: &CiphertextExt) -> Result<CiphertextExt, CkksError> {
        self.check(x.params)?;
        let mut out = x.clone();
        out.parts.iter_mut().for_each(|poly| self.negate(poly));
        Ok(out)
    }

    pub(super) fn check_plain_ext(
        &self,
        x: &CiphertextExt,
        plaintext: &Plaintext,
    ) -> Result<(), CkksError> {
        self.check_pair(x, plaintext)?;
        if plaintext.basis() == Basis::QP {
            Ok(())
        } else {
            Err(CkksError::BasisMismatch)
        }
    }

    /// The slotwise product with a plaintext in basis QP.
    ///
    /// # Levels and scale
    /// Same level; the scales multiply.
    ///
    /// # Errors
    /// As [`Context::mul_plain`], and [`CkksError::BasisMismatch`].
    pub fn mul_plain_ext(
        &self,
        x: &CiphertextExt,
        plaintext: &Plaintext,
    ) -> Result<CiphertextExt, CkksError> {
        self.check_plain_ext(x, plaintext)?;
        let parts = [0, 1].map(|i: usize| self.mul_polys(&x.parts[i], &plaintext.poly));
        let scale = x.scale.times(&plaintext.scale);
        Ok(CiphertextExt {
            params: x.params,
            parts,
            level: x.level,
            scale,
        })
    }

    /// `acc += x · plaintext`; on an error `acc` is unchanged.
    ///
    /// # Errors
    /// As [`Context::mul_plain_ext`], and [`CkksError::ScaleMismatch`].
    pub fn mul_plain_ext_accumulate(
        &self,
        acc: &mut CiphertextExt,
        x: &CiphertextExt,
        plaintext: &Plaintext,
    ) -> Result<(), CkksError> {
        self.check_plain_ext(x, plaintext)?;
        self.check_pair(acc, x)?;
        check_scales(&acc.scale, &x.scale.times(&plaintext.scale))?;
        let parts = acc.parts.iter_mut().zip(&x.parts);
        parts.for_each(|(acc, x)| self.mul_polys_add(acc, x, &plaintext.poly));
        Ok(())
    }

    /// Forgets the chain limbs above `level`; value and scale stay.
    ///
    /// # Errors
    /// As [`Context::drop_level`].
    pub fn drop_level_ext(
        &self,
        x: &CiphertextExt,
        level: Level,
    ) -> Result<CiphertextExt, CkksError> {
        self.check(x.params)?;
        self.check_drop(x.level, level)?;
        let parts = [0, 1].map(|i: usize| x.parts[i].trimmed(level.n_limbs(), true));
        Ok(CiphertextExt {
            params: x.params,
            parts,
            level,
            scale: x.scale.clone(),
        })
    }

    /// Forgets the chain limbs and digits above `level`; value and scale stay.
    ///
    /// # Errors
    /// As [`Context::drop_level`].
    pub fn drop_level_digits(&self, x: &Digits, level: Level) -> Result<Digits, CkksError> {
        self.check(x.params)?;
        self.check_drop(x.level, level)?;
        let (n_q, n_digits) = (level.n_limbs(), self.params().digits_at(level).len());
        let digits = x.digits[..n_digits]
            .iter()
            .map(|poly| poly.trimmed(n_q, true))
            .collect();
        let c0 = x.c0.trimmed(n_q, true);
        Ok(Digits {
            params: x.params,
            digits,
            c0,
            level,
            scale: x.scale.clone(),
        })
    }

    /// Divides by P, rounding to nearest.
    ///
    /// # Cost
    /// `2 · (limbs + specials)` transforms.
    ///
    /// # Errors
    /// [`CkksError::ParamsMismatch`].
    ///
    /// # Source
    /// Halevi, Polyakov and Shoup, ePrint 2018/117.
    pub fn mod_down(&self, x: &CiphertextExt) -> Result<Ciphertext, CkksError> {
        self.check(x.params)?;
        let n_q = x.level.n_limbs();
        let divided = x
            .parts
            .iter()
            .map(|poly| divide(self, poly, self.mod_down_conversion(), n_q, None));
        let parts = divided.collect();
        Ok(Ciphertext {
            params: x.params,
            parts,
            level: x.level,
            scale: x.scale.clone(),
        })
    }

    /// Divides by P and by the last chain prime at once.
    ///
    /// # Levels and scale
    /// One level less; the scale is divided by that prime.
    ///
    /// # Cost
    /// `2 · (limbs + specials)` transforms, limbs counted before.
    ///
    /// # Errors
    /// [`CkksError::ParamsMismatch`], [`CkksError::NoLevelLeft`].
    ///
    /// # Source
    /// Agrawal et al., "MAD", 2023.
    pub fn mod_down_rescale(&self, x: &CiphertextExt) -> Result<Ciphertext, CkksError> {
        self.check(x.params)?;
        let (level, scale) = self.after_rescale(x.level, &x.scale)?;
        let conversion = self.mod_down_rescale_conversion(x.level);
        let divided = x
            .parts
            .iter()
            .map(|poly| divide(self, poly, conversion, level.n_limbs(), None));
        Ok(Ciphertext {
            params: x.params,
            parts: divided.collect(),
            level,
            scale,
        })
    }
}
