//! Sums of plain products in one pass, the inner loop of every linear layer.

use super::types::{Ciphertext, CiphertextExt, Operand, Plaintext, check_scales};
use crate::CkksError;
use crate::context::Context;
use crate::ring::parallel::each;
use crate::ring::poly::Poly;
use params::Scale;
use smallvec::SmallVec;

/// One limb of each operand.
type Slices<'a> = SmallVec<[&'a [u64]; 32]>;

/// An operand with two parts, in whichever basis.
trait Linear: Operand {
    fn parts(&self) -> &[Poly];
}

impl Linear for Ciphertext {
    fn parts(&self) -> &[Poly] {
        &self.parts
    }
}

impl Linear for CiphertextExt {
    fn parts(&self) -> &[Poly] {
        &self.parts
    }
}

impl Context {
    /// `Σ x_i · plaintext_i + Σ addend_j`, all of degree 1.
    ///
    /// # Levels and scale
    /// One level; every product has the scale of the first, and so has every addend.
    ///
    /// # Cost
    /// No transform; every operand is read once and nothing is stored in between.
    ///
    /// # Errors
    /// [`CkksError::NoOperands`] without products; otherwise as [`Context::mul_plain`] and [`Context::add`].
    pub fn sum_plain_products(
        &self,
        products: &[(&Ciphertext, &Plaintext)],
        addends: &[&Ciphertext],
    ) -> Result<Ciphertext, CkksError> {
        for x in products.iter().map(|(x, _)| x).chain(addends) {
            x.check_degree(1)?;
        }
        let (parts, scale) = self.sum_products(products, addends)?;
        let (x, _) = products[0];
        Ok(Ciphertext {
            params: x.params,
            parts: parts.into_iter().collect(),
            level: x.level,
            scale,
        })
    }

    /// As [`Context::sum_plain_products`], modulo QP.
    ///
    /// # Errors
    /// As there, and [`CkksError::BasisMismatch`] for a plaintext in basis Q.
    pub fn sum_plain_products_ext(
        &self,
        products: &[(&CiphertextExt, &Plaintext)],
        addends: &[&CiphertextExt],
    ) -> Result<CiphertextExt, CkksError> {
        for (x, plaintext) in products {
            self.check_plain_ext(x, plaintext)?;
        }
        let (parts, scale) = self.sum_products(products, addends)?;
        let (x, _) = products[0];
        Ok(CiphertextExt {
            params: x.params,
            parts,
            level: x.level,
            scale,
        })
    }

    /// Both parts of the sum, and its scale.
    fn sum_products<T: Linear + Sync>(
        &self,
        products: &[(&T, &Plaintext)],
        addends: &[&T],
    ) -> Result<([Poly; 2], Scale), CkksError> {
        let (first, scale) = self.check_products(products, addends)?;
        let (n_q, n_special) = (first.parts()[0].n_q(), first.parts()[0].n_special());
        let mut out = [self.stale(n_q, n_special), self.stale(n_q, n_special)];
        let [out0, out1] = &mut out;
        each(out0.limbs_mut().zip(out1.limbs_mut()), |j, (out0, out1)| {
            let plain: Slices<'_> = products.iter().map(|(_, p)| p.poly.limb(j)).collect();
            let part = |i: usize| products.iter().map(move |(x, _)| x.parts()[i].limb(j));
            let more = |i: usize| addends.iter().map(move |x| x.parts()[i].limb(j));
            let x: [Slices<'_>; 2] = [part(0).collect(), part(1).collect()];
            let more: [Slices<'_>; 2] = [more(0).collect(), more(1).collect()];
            (self.kernels().sum_products)(
                self.limb_modulus(j, n_q),
                [out0, out1],
                &plain,
                [&x[0], &x[1]],
                [&more[0], &more[1]],
            );
        });
        Ok((out, scale))
    }

    /// Checks levels and scales; the first factor, and the scale of all products.
    fn check_products<'a, T: Operand>(
        &self,
        products: &[(&'a T, &Plaintext)],
        addends: &[&T],
    ) -> Result<(&'a T, Scale), CkksError> {
        let (first, plaintext) = *products.first().ok_or(CkksError::NoOperands)?;
        let scale = first.at().1.times(&plaintext.scale);
        for (x, plaintext) in products {
            self.check_pair(*x, *plaintext)?;
            self.check_pair(first, *x)?;
            check_scales(&scale, &x.at().1.times(&plaintext.scale))?;
        }
        for x in addends {
            self.check_pair(first, *x)?;
            check_scales(&scale, x.at().1)?;
        }
        Ok((first, scale))
    }
}
