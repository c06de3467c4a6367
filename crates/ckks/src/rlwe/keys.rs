//! Key-switch keys and sets of them.

use super::secret::{SecretKey, SecretPoly, transform_small};
use crate::CkksError;
use crate::bytes::{Kind, Reader, Writer};
use crate::context::Context;
use crate::ring::automorphism::{AutomorphismTable, inverse_galois};
use crate::ring::parallel::each;
use crate::ring::poly::Poly;
use crate::ring::sample::{Expansion, Randomness};
use params::{GaloisElement, Level, ParamsId};
use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

/// A relinearization or rotation key: per digit an encryption of `P·s'` modulo QP on that digit's primes.
///
/// A rotation key is under the inverse automorphism of the secret, so that the automorphism comes last. Works at every
/// level up to the one it was generated for.
#[derive(Clone)]
pub struct KeySwitchKey {
    params: ParamsId,
    galois: Option<GaloisElement>,
    max_level: Level,
    seed: [u8; 32],
    /// Per digit `(b, a)` with `b = -a·s + e + P·g_d·s'`.
    pub(crate) rows: Vec<[Poly; 2]>,
    pub(crate) automorphism: Option<Arc<AutomorphismTable>>,
}

impl fmt::Debug for KeySwitchKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = self
            .galois
            .map_or("relinearization".into(), |g| format!("galois {}", g.0));
        write!(
            f,
            "KeySwitchKey({kind}, up to {}, {} bytes)",
            self.max_level,
            self.bytes()
        )
    }
}

/// The label of a key's uniform half: 0 for relinearization, the odd Galois element for rotations.
fn expansion_id(galois: Option<GaloisElement>) -> u64 {
    galois.map_or(0, |g| g.0)
}

impl KeySwitchKey {
    /// The key that takes `s^2` to `s`, for levels up to `max_level`.
    ///
    /// # Panics
    /// If the secret belongs to other parameters, or the chain has no such level.
    pub fn relinearization(
        ctx: &Context,
        secret: &SecretKey,
        max_level: Level,
        randomness: &mut Randomness,
    ) -> Self {
        let s = &secret.residues.0;
        let mut square = s.clone();
        each(square.limbs_mut().zip(s.limbs()), |j, (limb, s)| {
            (ctx.kernels().mul_assign)(ctx.limb_modulus(j, ctx.chain()), limb, s);
        });
        let square = SecretPoly(square);
        Self::generate(ctx, secret, None, max_level, &square.0, s, randomness)
    }

    /// The key of the automorphism `X -> X^g`, for levels up to `max_level`.
    ///
    /// # Panics
    /// If the secret belongs to other parameters, the chain has no such level, or `galois` is even or too large.
    pub fn rotation(
        ctx: &Context,
        secret: &SecretKey,
        galois: GaloisElement,
        max_level: Level,
        randomness: &mut Randomness,
    ) -> Self {
        let s = &secret.residues.0;
        let inverse = GaloisElement(inverse_galois(galois.0, ctx.n()));
        let table = ctx
            .automorphism(inverse)
            .expect("a Galois element is odd and below 2N");
        let mut turned = ctx.stale(ctx.chain(), ctx.n_special());
        each(turned.limbs_mut().zip(s.limbs()), |_, (limb, s)| {
            (ctx.kernels().permute)(limb, s, &table);
        });
        let turned = SecretPoly(turned);
        Self::generate(
            ctx,
            secret,
            Some(galois),
            max_level,
            s,
            &turned.0,
            randomness,
        )
    }

    /// Encrypts `P·target` under `under`; both in basis QP over the full chain.
    fn generate(
        ctx: &Context,
        secret: &SecretKey,
        galois: Option<GaloisElement>,
        max_level: Level,
        target: &Poly,
        under: &Poly,
        randomness: &mut Randomness,
    ) -> Self {
        assert_eq!(
            secret.params_id(),
            ctx.id(),
            "the secret belongs to other parameters"
        );
        let seed = randomness.seed();
        let mut key = Self::expand(ctx, galois, max_level, seed)
            .expect("the level is in the chain, with memory");
        let n_q = max_level.n_limbs();
        let digits = ctx.params().digits_at(max_level);
        for (row, digit) in key.rows.iter_mut().zip(digits) {
            let error = randomness.error(ctx.n());
            let [b, a] = row;
            *b = transform_small(ctx, &error, n_q, true);
            each(b.limbs_mut().zip(a.limbs()), |j, (b, a)| {
                let prime = ctx.prime_of_limb(j, n_q);
                let (k, m) = (ctx.kernels(), ctx.modulus(prime));
                let mut mask = SecretPoly(Poly::stale(ctx.n(), 1, 0));
                let mask = mask.0.limb_mut(0);
                (k.mul)(m, mask, a, under.limb(under.position(prime, ctx.chain())));
                (k.sub_assign)(m, b, mask);
                if digit.contains(&prime) {
                    (k.mul_const_add)(m, b, target.limb(prime), ctx.special_product(prime));
                }
            });
        }
        key
    }

    /// The uniform half of every row, the other half left unspecified.
    fn expand(
        ctx: &Context,
        galois: Option<GaloisElement>,
        max_level: Level,
        seed: [u8; 32],
    ) -> Result<Self, CkksError> {
        ctx.check_level(max_level)?;
        let automorphism = galois.map(|g| ctx.automorphism(g)).transpose()?;
        let n_q = max_level.n_limbs();
        let expansion = Expansion {
            params: ctx.id(),
            seed: &seed,
            id: expansion_id(galois),
        };
        let row = |d: usize| {
            let mut a = ctx.try_stale(n_q, ctx.n_special())?;
            each(a.limbs_mut(), |j, limb| {
                let prime = ctx.prime_of_limb(j, n_q);
                expansion.fill(ctx.modulus(prime), d as u32, prime as u32, limb);
            });
            Ok([ctx.stale(0, 0), a])
        };
        let rows = (0..ctx.params().digits_at(max_level).len())
            .map(row)
            .collect::<Result<_, CkksError>>()?;
        Ok(Self {
            params: ctx.id(),
            galois,
            max_level,
            seed,
            rows,
            automorphism,
        })
    }

    /// The automorphism's exponent; `None` for a relinearization key.
    pub fn galois(&self) -> Option<GaloisElement> {
        self.galois
    }

    /// The highest level this key serves.
    pub fn max_level(&self) -> Level {
        self.max_level
    }

    /// The parameter set this key belongs to.
    pub fn params_id(&self) -> ParamsId {
        self.params
    }

    /// Bytes in memory.
    pub fn bytes(&self) -> usize {
        self.rows.iter().flatten().map(Poly::bytes).sum()
    }

    /// Bytes as written by [`KeySwitchKey::to_bytes`].
    pub fn bytes_seeded(&self) -> usize {
        Self::SEEDED_HEADER + self.rows.iter().map(|row| row[0].bytes()).sum::<usize>()
    }

    /// Before the limbs: header, Galois element, level, seed.
    const SEEDED_HEADER: usize = Writer::HEADER + 8 + 1 + 32;

    /// Bytes as written, for a key up to `max_level`: what [`KeySwitchKey::from_bytes`] takes.
    pub fn bytes_seeded_up_to(ctx: &Context, max_level: Level) -> usize {
        let limbs = max_level.n_limbs() + ctx.n_special();
        Self::SEEDED_HEADER + ctx.params().digits_at(max_level).len() * limbs * ctx.n() * 8
    }

    /// The seed of the uniform half and the other half in full.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut writer = Writer::new(Kind::KeySwitch, self.params, self.bytes_seeded());
        writer.bytes(&expansion_id(self.galois).to_le_bytes());
        writer.u8(self.max_level.0);
        writer.bytes(&self.seed);
        self.rows.iter().for_each(|row| writer.poly(&row[0]));
        writer.finish()
    }

    /// Reads untrusted bytes and expands the seed.
    ///
    /// # Errors
    /// [`CkksError::Malformed`], [`CkksError::ParamsMismatch`], [`CkksError::GaloisElement`] or [`CkksError::Memory`].
    /// Memory needed is twice the length of the bytes.
    pub fn from_bytes(ctx: &Context, bytes: &[u8]) -> Result<Self, CkksError> {
        let mut reader = Reader::new(ctx, Kind::KeySwitch, bytes)?;
        let id = reader.u64()?;
        let galois = (id != 0).then_some(GaloisElement(id));
        if let Some(g) = galois {
            ctx.check_galois(g)?;
        }
        let max_level = reader.level()?;
        let seed = reader.array()?;
        let (n_q, n_special) = (max_level.n_limbs(), ctx.n_special());
        let n_digits = ctx.params().digits_at(max_level).len();
        reader.expect_words(n_digits * (n_q + n_special) * ctx.n())?;
        let halves = (0..n_digits)
            .map(|_| reader.poly(n_q, n_special))
            .collect::<Result<Vec<_>, _>>()?;
        reader.end()?;
        let mut key = Self::expand(ctx, galois, max_level, seed)?;
        key.rows
            .iter_mut()
            .zip(halves)
            .for_each(|(row, b)| row[0] = b);
        Ok(key)
    }

    /// Checks that this key serves an operand of `ctx` at `level`, as a rotation key or not.
    pub(crate) fn check(
        &self,
        ctx: &Context,
        level: Level,
        rotation: bool,
    ) -> Result<(), CkksError> {
        ctx.check(self.params)?;
        if self.galois.is_some() != rotation {
            return Err(CkksError::KeyKind);
        }
        if level > self.max_level {
            return Err(CkksError::KeyLevel {
                needed: level,
                available: self.max_level,
            });
        }
        Ok(())
    }
}

/// The keys that a circuit needs.
#[derive(Clone, Debug, Default)]
pub struct EvaluationKeys {
    relinearization: Option<KeySwitchKey>,
    rotations: BTreeMap<GaloisElement, KeySwitchKey>,
}

impl EvaluationKeys {
    /// An empty set.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a key; one for the same use is replaced.
    pub fn insert(&mut self, key: KeySwitchKey) {
        match key.galois {
            None => self.relinearization = Some(key),
            Some(g) => {
                self.rotations.insert(g, key);
            }
        }
    }

    /// The relinearization key, if there is one.
    pub fn relinearization(&self) -> Option<&KeySwitchKey> {
        self.relinearization.as_ref()
    }

    /// The key of an automorphism, if there is one.
    pub fn rotation(&self, galois: GaloisElement) -> Option<&KeySwitchKey> {
        self.rotations.get(&galois)
    }

    /// All rotation keys by Galois element.
    pub fn rotations(&self) -> &BTreeMap<GaloisElement, KeySwitchKey> {
        &self.rotations
    }

    /// The relinearization key.
    ///
    /// # Errors
    /// [`CkksError::MissingRelinearizationKey`].
    pub fn require_relinearization(&self) -> Result<&KeySwitchKey, CkksError> {
        self.relinearization()
            .ok_or(CkksError::MissingRelinearizationKey)
    }

    /// The key of an automorphism.
    ///
    /// # Errors
    /// [`CkksError::MissingRotationKey`].
    pub fn require_rotation(&self, galois: GaloisElement) -> Result<&KeySwitchKey, CkksError> {
        self.rotation(galois)
            .ok_or(CkksError::MissingRotationKey { galois })
    }

    /// All keys.
    pub fn iter(&self) -> impl Iterator<Item = &KeySwitchKey> {
        self.relinearization.iter().chain(self.rotations.values())
    }

    /// Bytes in memory.
    pub fn bytes(&self) -> usize {
        self.iter().map(KeySwitchKey::bytes).sum()
    }
}
