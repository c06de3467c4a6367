//! The public encryption key.

use super::divide::divide;
use super::secret::{SecretKey, SecretPoly, transform_small};
use crate::CkksError;
use crate::bytes::{Kind, Reader, Writer};
use crate::context::Context;
use crate::ring::parallel::each;
use crate::ring::poly::Poly;
use crate::ring::sample::{Expansion, Randomness};
use params::{Level, ParamsId};
use std::fmt;

/// Label of the uniform half; even, so that no rotation key shares it, and not 0.
const EXPANSION_ID: u64 = 2;

/// An encryption of zero modulo QP, from which anyone can encrypt.
///
/// Encrypting modulo QP and dividing by P leaves rounding noise only.
#[derive(Clone)]
pub struct PublicKey {
    params: ParamsId,
    seed: [u8; 32],
    /// `(b, a)` with `b = -a·s + e`.
    parts: [Poly; 2],
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PublicKey({:?})", self.params)
    }
}

impl PublicKey {
    /// The public key of a secret.
    ///
    /// # Panics
    /// If the secret belongs to other parameters.
    pub fn generate(ctx: &Context, secret: &SecretKey, randomness: &mut Randomness) -> Self {
        assert_eq!(
            secret.params_id(),
            ctx.id(),
            "the secret belongs to other parameters"
        );
        let seed = randomness.seed();
        let a = expand(ctx, &seed).expect("the system has memory for a key");
        let error = randomness.error(ctx.n());
        let mut b = transform_small(ctx, &error, ctx.chain(), true);
        let s = &secret.residues.0;
        each(b.limbs_mut().zip(a.limbs()), |j, (b, a)| {
            let m = ctx.limb_modulus(j, ctx.chain());
            let mut mask = SecretPoly(ctx.stale(1, 0));
            let mask = mask.0.limb_mut(0);
            (ctx.kernels().mul)(m, mask, a, s.limb(j));
            (ctx.kernels().sub_assign)(m, b, mask);
        });
        Self {
            params: ctx.id(),
            seed,
            parts: [b, a],
        }
    }

    /// The parameter set this key belongs to.
    pub fn params_id(&self) -> ParamsId {
        self.params
    }

    /// The seed of the uniform half and the other half in full.
    pub fn to_bytes(&self) -> Vec<u8> {
        let capacity = Writer::HEADER + 32 + self.parts[0].bytes();
        let mut writer = Writer::new(Kind::Public, self.params, capacity);
        writer.bytes(&self.seed);
        writer.poly(&self.parts[0]);
        writer.finish()
    }

    /// Reads untrusted bytes and expands the seed.
    ///
    /// # Errors
    /// [`CkksError::Malformed`], [`CkksError::ParamsMismatch`] or [`CkksError::Memory`].
    /// Memory needed is twice the length of the bytes.
    pub fn from_bytes(ctx: &Context, bytes: &[u8]) -> Result<Self, CkksError> {
        let mut reader = Reader::new(ctx, Kind::Public, bytes)?;
        let seed = reader.array()?;
        reader.expect_words(ctx.n() * (ctx.chain() + ctx.n_special()))?;
        let b = reader.poly(ctx.chain(), ctx.n_special())?;
        reader.end()?;
        Ok(Self {
            params: ctx.id(),
            seed,
            parts: [b, expand(ctx, &seed)?],
        })
    }

    /// A fresh encryption of zero at `level`.
    ///
    /// # Cost
    /// `5 · (limbs + specials)` transforms.
    pub(crate) fn encrypt_zero(
        &self,
        ctx: &Context,
        level: Level,
        randomness: &mut Randomness,
    ) -> [Poly; 2] {
        let n_q = level.n_limbs();
        let v = randomness.ternary(ctx.n());
        let v = SecretPoly(transform_small(ctx, &v, n_q, true));
        let mut part = |key: &Poly| {
            let error = randomness.error(ctx.n());
            let mut sum = SecretPoly(transform_small(ctx, &error, n_q, true));
            each(sum.0.limbs_mut().zip(v.0.limbs()), |j, (sum, v)| {
                let prime = ctx.prime_of_limb(j, n_q);
                let key = key.limb(key.position(prime, ctx.chain()));
                (ctx.kernels().mul_add)(ctx.modulus(prime), sum, v, key);
            });
            divide(ctx, &sum.0, ctx.mod_down_conversion(), n_q, None)
        };
        [part(&self.parts[0]), part(&self.parts[1])]
    }
}

fn expand(ctx: &Context, seed: &[u8; 32]) -> Result<Poly, CkksError> {
    let expansion = Expansion {
        params: ctx.id(),
        seed,
        id: EXPANSION_ID,
    };
    let mut a = ctx.try_stale(ctx.chain(), ctx.n_special())?;
    each(a.limbs_mut(), |prime, limb| {
        expansion.fill(ctx.modulus(prime), 0, prime as u32, limb)
    });
    Ok(a)
}
