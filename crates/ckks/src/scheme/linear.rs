//! Sums of plain products in one pass, the inner loop of every linear layer.

use super::types::{Ciphertext, CiphertextExt, Operand, Plaintext, check_scales};
use crate::CkksError;
use crate::context::Context;
use crate::ring::parallel::each;
use crate::ring::poly::Poly;
use smallvec::SmallVec;

/// One limb of each operand.
type Slices<'a> = SmallVec<[&'a [u64]; 32]>;

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
        let scale = self.check_products(products, addends)?;
        let (x, _) = products[0];
        let products: Vec<_> = products
            .iter()
            .map(|(x, p)| (&x.parts[..], &p.poly))
            .collect();
        let addends: Vec<_> = addends.iter().map(|x| &x.parts[..]).collect();
        Ok(Ciphertext {
            params: x.params,
            parts: self.sum_parts(&products, &addends).into_iter().collect(),
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
        let scale = self.check_products(products, addends)?;
        let (x, _) = products[0];
        let products: Vec<_> = products
            .iter()
            .map(|(x, p)| (&x.parts[..], &p.poly))
            .collect();
        let addends: Vec<_> = addends.iter().map(|x| &x.parts[..]).collect();
        Ok(CiphertextExt {
            params: x.params,
            parts: self.sum_parts(&products, &addends),
            level: x.level,
            scale,
        })
    }

    /// Checks levels and scales, and returns the scale of all products.
    fn check_products<T: Operand>(
        &self,
        products: &[(&T, &Plaintext)],
        addends: &[&T],
    ) -> Result<params::Scale, CkksError> {
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
        Ok(scale)
    }

    fn sum_parts(&self, products: &[(&[Poly], &Poly)], addends: &[&[Poly]]) -> [Poly; 2] {
        let x = &products[0].0[0];
        let (n_q, n_special) = (x.n_q(), x.n_special());
        let mut out = [self.stale(n_q, n_special), self.stale(n_q, n_special)];
        let [out0, out1] = &mut out;
        each(out0.limbs_mut().zip(out1.limbs_mut()), |j, (out0, out1)| {
            let plain: Slices<'_> = products.iter().map(|(_, p)| p.limb(j)).collect();
            let x = [0, 1].map(|i: usize| {
                products
                    .iter()
                    .map(|(x, _)| x[i].limb(j))
                    .collect::<Slices<'_>>()
            });
            let more =
                [0, 1].map(|i: usize| addends.iter().map(|x| x[i].limb(j)).collect::<Slices<'_>>());
            let sum = self.kernels().sum_products;
            sum(
                self.limb_modulus(j, n_q),
                [out0, out1],
                &plain,
                [&x[0], &x[1]],
                [&more[0], &more[1]],
            );
        });
        out
    }
}
