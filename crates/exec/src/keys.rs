//! Making exactly the keys a circuit asks for, and handing them to operations.

use crate::{ExecError, Progress};
use circuit::{Circuit, KeyManifest, Op};
use ckks::{Context, EvaluationKeys, KeySwitchKey, Randomness, SecretKey};
use params::{GaloisElement, Level};
use std::convert::Infallible;
use std::ops::Deref;
use std::sync::Arc;

/// Names a key: the Galois element of a rotation or the conjugation, `None` for relinearization.
pub type KeyId = Option<GaloisElement>;

/// The key an operation needs, in a ring of degree `2^log_n`.
pub fn key_of(op: &Op, log_n: u8) -> Option<KeyId> {
    match op {
        Op::Relinearize(_) => Some(None),
        Op::Rotate { by, .. } | Op::RotateHoisted { by, .. } => Some(Some(by.galois(log_n))),
        Op::Conjugate(_) => Some(Some(GaloisElement::conjugation(log_n))),
        _ => None,
    }
}

/// A key at hand.
pub enum KeyRef<'a> {
    /// Held by the source for as long as it lives.
    Borrowed(&'a KeySwitchKey),
    /// Held by whoever uses it.
    Shared(Arc<KeySwitchKey>),
}

impl Deref for KeyRef<'_> {
    type Target = KeySwitchKey;

    fn deref(&self) -> &KeySwitchKey {
        match self {
            Self::Borrowed(key) => key,
            Self::Shared(key) => key,
        }
    }
}

/// Where a run gets its evaluation keys from: all in memory, or fetched when the schedule comes near them.
pub trait KeySource: Sync {
    /// The highest level a key serves; `None` if there is no such key.
    fn max_level(&self, key: KeyId) -> Option<Level>;

    /// Makes a key ready. Called once before the steps that need it, maybe from another thread.
    ///
    /// # Errors
    /// [`ExecError::KeyFile`] if it can not be had.
    fn fetch(&self, key: KeyId) -> Result<(), ExecError>;

    /// Called when no later step needs the key.
    fn release(&self, key: KeyId);

    /// A key that is ready; `None` for others.
    fn get(&self, key: KeyId) -> Option<KeyRef<'_>>;
}

impl KeySource for EvaluationKeys {
    fn max_level(&self, key: KeyId) -> Option<Level> {
        self.get(key).map(|k| k.max_level())
    }

    fn fetch(&self, _: KeyId) -> Result<(), ExecError> {
        Ok(())
    }

    fn release(&self, _: KeyId) {}

    fn get(&self, key: KeyId) -> Option<KeyRef<'_>> {
        match key {
            None => self.relinearization(),
            Some(galois) => self.rotation(galois),
        }
        .map(KeyRef::Borrowed)
    }
}

/// Makes the keys of a manifest, each up to its level.
///
/// # Cost
/// Per key, one sampling pass and `2 · digits · (limbs + specials)` limbs of memory.
pub fn make_keys(
    ctx: &Context,
    secret: &SecretKey,
    manifest: &KeyManifest,
    randomness: &mut Randomness,
    progress: &Progress<'_>,
) -> EvaluationKeys {
    let mut keys = EvaluationKeys::new();
    let Ok(()) = make_each_key(ctx, secret, manifest, randomness, progress, |key| {
        keys.insert(key);
        Ok::<(), Infallible>(())
    });
    keys
}

/// As [`make_keys`], but each key is handed to `put` before the next is made.
///
/// # Errors
/// The first that `put` returns.
pub fn make_each_key<E>(
    ctx: &Context,
    secret: &SecretKey,
    manifest: &KeyManifest,
    randomness: &mut Randomness,
    progress: &Progress<'_>,
    mut put: impl FnMut(KeySwitchKey) -> Result<(), E>,
) -> Result<(), E> {
    let galois = manifest.galois(ctx.params().log_n());
    let total = galois.len() + usize::from(manifest.relinearization.is_some());
    if let Some(level) = manifest.relinearization {
        put(KeySwitchKey::relinearization(
            ctx, secret, level, randomness,
        ))?;
    }
    let done = total - galois.len();
    for (i, (element, level)) in galois.into_iter().enumerate() {
        put(KeySwitchKey::rotation(
            ctx, secret, element, level, randomness,
        ))?;
        progress(done + i + 1, total);
    }
    Ok(())
}

/// Checks that every key the circuit uses is there and reaches its level.
///
/// # Errors
/// [`ExecError::Keys`] naming the first one that does not.
pub fn check_keys(circuit: &Circuit, keys: &dyn KeySource) -> Result<(), ExecError> {
    let unfinished = || ExecError::Circuit {
        why: "it has no key manifest; run plan-keys".to_owned(),
    };
    let manifest = circuit.keys().ok_or_else(unfinished)?;
    let log_n = circuit.n_slots().trailing_zeros() as u8 + 1;
    let check = |name: &dyn std::fmt::Display, key: KeyId, level: Level| {
        let why = match keys.max_level(key) {
            None => format!("{name} is missing"),
            Some(top) if top < level => format!("{name} reaches {top}, {level} is needed"),
            Some(_) => return Ok(()),
        };
        Err(ExecError::Keys { why })
    };
    if let Some(level) = manifest.relinearization {
        check(&"the relinearization key", None, level)?;
    }
    for (rotation, level) in &manifest.rotations {
        let name = format!("the key for rotations by {rotation}");
        check(&name, Some(rotation.galois(log_n)), *level)?;
    }
    if let Some(level) = manifest.conjugation {
        let galois = GaloisElement::conjugation(log_n);
        check(&"the conjugation key", Some(galois), level)?;
    }
    Ok(())
}
