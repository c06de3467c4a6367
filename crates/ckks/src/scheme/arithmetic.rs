//! Sums and products of ciphertexts and plaintexts, and changes of level.

use super::types::{Ciphertext, Plaintext};
use crate::CkksError;
use crate::context::Context;
use crate::ring::parallel::each;
use crate::ring::poly::Poly;
use crate::rlwe::divide::divide;
use params::{Level, Scale};

impl Context {
    /// `a + b`, or `a - b`, limb by limb.
    pub(crate) fn sum_polys(&self, a: &Poly, b: &Poly, subtract: bool) -> Poly {
        let n_q = a.n_q();
        let mut out = self.stale(n_q, a.n_special());
        let kernel = if subtract {
            self.kernels().sub
        } else {
            self.kernels().add
        };
        each(
            out.limbs_mut().zip(a.limbs()).zip(b.limbs()),
            |j, ((out, a), b)| {
                kernel(self.limb_modulus(j, n_q), out, a, b);
            },
        );
        out
    }

    /// `a += b`, or `a -= b`, limb by limb.
    pub(crate) fn sum_polys_assign(&self, a: &mut Poly, b: &Poly, subtract: bool) {
        let n_q = a.n_q();
        let kernel = if subtract {
            self.kernels().sub_assign
        } else {
            self.kernels().add_assign
        };
        each(a.limbs_mut().zip(b.limbs()), |j, (a, b)| {
            kernel(self.limb_modulus(j, n_q), a, b)
        });
    }

    pub(crate) fn negate(&self, a: &mut Poly) {
        let n_q = a.n_q();
        each(a.limbs_mut(), |j, limb| {
            (self.kernels().neg_assign)(self.limb_modulus(j, n_q), limb)
        });
    }

    /// `x · y` on the limbs of `x`; `y` may have special limbs that `x` lacks.
    pub(crate) fn mul_polys(&self, x: &Poly, y: &Poly) -> Poly {
        let mut out = self.stale(x.n_q(), x.n_special());
        each(
            out.limbs_mut().zip(x.limbs()).zip(y.limbs()),
            |j, ((out, x_limb), y)| {
                (self.kernels().mul)(self.limb_modulus(j, x.n_q()), out, x_limb, y);
            },
        );
        out
    }

    /// `out += x · y`, as [`Context::mul_polys`].
    pub(crate) fn mul_polys_add(&self, out: &mut Poly, x: &Poly, y: &Poly) {
        each(
            out.limbs_mut().zip(x.limbs()).zip(y.limbs()),
            |j, ((out, x_limb), y)| {
                (self.kernels().mul_add)(self.limb_modulus(j, x.n_q()), out, x_limb, y);
            },
        );
    }

    fn combine(
        &self,
        a: &Ciphertext,
        b: &Ciphertext,
        subtract: bool,
    ) -> Result<Ciphertext, CkksError> {
        self.check_sum(a, b)?;
        let both = a.parts.iter().zip(&b.parts);
        let mut parts: Vec<Poly> = both.map(|(a, b)| self.sum_polys(a, b, subtract)).collect();
        parts.extend(a.parts.iter().skip(b.parts.len()).cloned());
        for rest in b.parts.iter().skip(a.parts.len()) {
            let mut rest = rest.clone();
            if subtract {
                self.negate(&mut rest);
            }
            parts.push(rest);
        }
        Ok(Ciphertext {
            params: a.params,
            parts,
            level: a.level,
            scale: a.scale.clone(),
        })
    }

    /// The sum. Degrees may differ.
    ///
    /// # Errors
    /// [`CkksError::ParamsMismatch`], [`CkksError::LevelMismatch`], [`CkksError::ScaleMismatch`].
    pub fn add(&self, a: &Ciphertext, b: &Ciphertext) -> Result<Ciphertext, CkksError> {
        self.combine(a, b, false)
    }

    /// The difference. Degrees may differ.
    ///
    /// # Errors
    /// As [`Context::add`].
    pub fn sub(&self, a: &Ciphertext, b: &Ciphertext) -> Result<Ciphertext, CkksError> {
        self.combine(a, b, true)
    }

    /// `a += b`. Degrees may differ; on an error `a` is unchanged.
    ///
    /// # Errors
    /// As [`Context::add`].
    pub fn add_assign(&self, a: &mut Ciphertext, b: &Ciphertext) -> Result<(), CkksError> {
        self.check_sum(a, b)?;
        a.parts
            .iter_mut()
            .zip(&b.parts)
            .for_each(|(a, b)| self.sum_polys_assign(a, b, false));
        let have = a.parts.len();
        a.parts.extend(b.parts.iter().skip(have).cloned());
        Ok(())
    }

    /// The negation.
    ///
    /// # Errors
    /// [`CkksError::ParamsMismatch`].
    pub fn neg(&self, x: &Ciphertext) -> Result<Ciphertext, CkksError> {
        self.check(x.params)?;
        let mut out = x.clone();
        out.parts.iter_mut().for_each(|poly| self.negate(poly));
        Ok(out)
    }

    /// Adds a plaintext of either basis.
    ///
    /// # Errors
    /// As [`Context::add`].
    pub fn add_plain(
        &self,
        x: &Ciphertext,
        plaintext: &Plaintext,
    ) -> Result<Ciphertext, CkksError> {
        self.check_sum(x, plaintext)?;
        let mut parts = vec![self.sum_polys(&x.parts[0], &plaintext.poly, false)];
        parts.extend(x.parts[1..].iter().cloned());
        Ok(Ciphertext {
            params: x.params,
            parts,
            level: x.level,
            scale: x.scale.clone(),
        })
    }

    /// The slotwise product with a plaintext of either basis.
    ///
    /// # Levels and scale
    /// Same level; the scales multiply.
    ///
    /// # Cost
    /// No transform.
    ///
    /// # Errors
    /// [`CkksError::ParamsMismatch`], [`CkksError::LevelMismatch`].
    pub fn mul_plain(
        &self,
        x: &Ciphertext,
        plaintext: &Plaintext,
    ) -> Result<Ciphertext, CkksError> {
        self.check_pair(x, plaintext)?;
        let parts = x
            .parts
            .iter()
            .map(|poly| self.mul_polys(poly, &plaintext.poly))
            .collect();
        let scale = x.scale.times(&plaintext.scale);
        Ok(Ciphertext {
            params: x.params,
            parts,
            level: x.level,
            scale,
        })
    }

    /// `acc += x · plaintext`, both ciphertexts of the same degree; on an error `acc` is unchanged.
    ///
    /// # Errors
    /// As [`Context::add`], and [`CkksError::DegreeMismatch`].
    pub fn mul_plain_accumulate(
        &self,
        acc: &mut Ciphertext,
        x: &Ciphertext,
        plaintext: &Plaintext,
    ) -> Result<(), CkksError> {
        self.check_pair(x, plaintext)?;
        self.check_pair(acc, x)?;
        super::types::check_scales(&acc.scale, &x.scale.times(&plaintext.scale))?;
        x.check_degree(acc.degree())?;
        let parts = acc.parts.iter_mut().zip(&x.parts);
        parts.for_each(|(acc, x)| self.mul_polys_add(acc, x, &plaintext.poly));
        Ok(())
    }

    /// The slotwise product of two ciphertexts of degree 1, of degree 2.
    ///
    /// # Levels and scale
    /// Same level; the scales multiply.
    ///
    /// # Cost
    /// No transform.
    ///
    /// # Errors
    /// [`CkksError::ParamsMismatch`], [`CkksError::LevelMismatch`], [`CkksError::DegreeMismatch`].
    pub fn mul(&self, a: &Ciphertext, b: &Ciphertext) -> Result<Ciphertext, CkksError> {
        self.check_pair(a, b)?;
        a.check_degree(1)?;
        b.check_degree(1)?;
        let n_q = a.level.n_limbs();
        let mut parts = [0; 3].map(|_| self.stale(n_q, 0));
        let [d0, d1, d2] = &mut parts;
        each(
            d0.limbs_mut().zip(d1.limbs_mut()).zip(d2.limbs_mut()),
            |j, ((d0, d1), d2)| {
                (self.kernels().tensor)(
                    self.modulus(j),
                    [d0, d1, d2],
                    [a.parts[0].limb(j), a.parts[1].limb(j)],
                    [b.parts[0].limb(j), b.parts[1].limb(j)],
                );
            },
        );
        let scale = a.scale.times(&b.scale);
        Ok(Ciphertext {
            params: a.params,
            parts: parts.into(),
            level: a.level,
            scale,
        })
    }

    /// The slotwise square, of degree 2.
    ///
    /// # Errors
    /// As [`Context::mul`].
    pub fn square(&self, x: &Ciphertext) -> Result<Ciphertext, CkksError> {
        self.mul(x, x)
    }

    /// Divides by the last chain prime, rounding to nearest.
    ///
    /// # Levels and scale
    /// One level less; the scale is divided by that prime.
    ///
    /// # Cost
    /// One transform per limb of the operand.
    ///
    /// # Errors
    /// [`CkksError::NoLevelLeft`], [`CkksError::ParamsMismatch`].
    ///
    /// # Source
    /// Cheon et al., ePrint 2018/931.
    pub fn rescale(&self, x: &Ciphertext) -> Result<Ciphertext, CkksError> {
        self.check(x.params)?;
        let (level, scale) = self.after_rescale(x.level, &x.scale)?;
        let conversion = self.rescale_conversion(x.level);
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

    /// Level and scale after a rescale.
    pub(crate) fn after_rescale(
        &self,
        level: Level,
        scale: &Scale,
    ) -> Result<(Level, Scale), CkksError> {
        let lower = level.0.checked_sub(1).ok_or(CkksError::NoLevelLeft)?;
        Ok((Level(lower), scale.over(&Scale::prime(level.0))))
    }

    /// Checks that an object at `available` can be brought to `wanted`.
    pub(crate) fn check_drop(&self, available: Level, wanted: Level) -> Result<(), CkksError> {
        if wanted > available {
            Err(CkksError::LevelRange { wanted, available })
        } else {
            Ok(())
        }
    }

    /// Forgets the limbs above `level`; value and scale stay.
    ///
    /// # Errors
    /// [`CkksError::LevelRange`] if `level` is above the operand's, [`CkksError::ParamsMismatch`].
    pub fn drop_level(&self, x: &Ciphertext, level: Level) -> Result<Ciphertext, CkksError> {
        self.check(x.params)?;
        self.check_drop(x.level, level)?;
        let parts = x
            .parts
            .iter()
            .map(|poly| poly.trimmed(level.n_limbs(), false))
            .collect();
        Ok(Ciphertext {
            params: x.params,
            parts,
            level,
            scale: x.scale.clone(),
        })
    }
}
