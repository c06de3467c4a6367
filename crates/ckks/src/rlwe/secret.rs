//! The secret key.

use crate::CkksError;
use crate::bytes::{Kind, Reader, Writer, malformed};
use crate::context::Context;
use crate::ring::parallel::each;
use crate::ring::poly::Poly;
use crate::ring::sample::Randomness;
use params::ParamsId;
use std::fmt;
use zeroize::{Zeroize, Zeroizing};

/// A uniform ternary secret. Wiped on drop; never printed.
pub struct SecretKey {
    params: ParamsId,
    coefficients: Zeroizing<Vec<i64>>,
    /// Basis QP, transformed.
    pub(crate) residues: SecretPoly,
}

/// A polynomial that is wiped on drop.
pub(crate) struct SecretPoly(pub Poly);

impl Drop for SecretPoly {
    fn drop(&mut self) {
        self.0.all_words_mut().zeroize();
    }
}

impl fmt::Debug for SecretKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SecretKey({:?}, ..)", self.params)
    }
}

/// Small signed coefficients to transformed residues modulo QP at `n_q` chain limbs.
///
/// # Cost
/// One transform per limb.
pub(crate) fn transform_small(
    ctx: &Context,
    coefficients: &[i64],
    n_q: usize,
    special: bool,
) -> Poly {
    let mut out = ctx.stale(n_q, if special { ctx.n_special() } else { 0 });
    each(out.limbs_mut(), |j, limb| {
        let prime = ctx.prime_of_limb(j, n_q);
        (ctx.kernels().reduce_signed)(ctx.modulus(prime), limb, coefficients);
        ctx.forward(prime, limb);
    });
    out
}

impl SecretKey {
    /// Draws a secret.
    pub fn generate(ctx: &Context, randomness: &mut Randomness) -> Self {
        Self::from_coefficients(ctx, randomness.ternary(ctx.n()))
    }

    fn from_coefficients(ctx: &Context, coefficients: Zeroizing<Vec<i64>>) -> Self {
        let residues = transform_small(ctx, &coefficients, ctx.chain(), true);
        Self {
            params: ctx.id(),
            coefficients,
            residues: SecretPoly(residues),
        }
    }

    /// The parameter set this key belongs to.
    pub fn params_id(&self) -> ParamsId {
        self.params
    }

    #[cfg(test)]
    pub(crate) fn coefficients(&self) -> &[i64] {
        &self.coefficients
    }

    /// Two bits per coefficient. Whoever reads them reads every message.
    pub fn to_bytes(&self) -> Zeroizing<Vec<u8>> {
        let capacity = Writer::HEADER + self.coefficients.len() / 4;
        let mut writer = Writer::new(Kind::Secret, self.params, capacity);
        for four in self.coefficients.chunks_exact(4) {
            writer.u8(four
                .iter()
                .rev()
                .fold(0, |byte, &c| byte << 2 | (c + 1) as u8));
        }
        Zeroizing::new(writer.finish())
    }

    /// Reads what [`SecretKey::to_bytes`] wrote.
    ///
    /// # Errors
    /// [`CkksError::Malformed`] or [`CkksError::ParamsMismatch`].
    pub fn from_bytes(ctx: &Context, bytes: &[u8]) -> Result<Self, CkksError> {
        let mut reader = Reader::new(ctx, Kind::Secret, bytes)?;
        let packed = reader.take(ctx.n() / 4)?;
        reader.end()?;
        // Room for all at once, so that no copy is left behind.
        let mut coefficients = Zeroizing::new(Vec::with_capacity(ctx.n()));
        for &byte in packed {
            coefficients.extend([0, 2, 4, 6].map(|shift| i64::from(byte >> shift & 3) - 1));
        }
        if coefficients
            .iter()
            .fold(0, |bad, &c| bad | i64::from(c == 2))
            != 0
        {
            return Err(malformed("a coefficient's code", 3, "0 to 2"));
        }
        Ok(Self::from_coefficients(ctx, coefficients))
    }
}
