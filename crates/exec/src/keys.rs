//! Making exactly the keys a circuit asks for.

use crate::{ExecError, Progress};
use circuit::{Circuit, KeyManifest};
use ckks::{Context, EvaluationKeys, KeySwitchKey, Randomness, SecretKey};

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
    let galois = manifest.galois(ctx.params().log_n());
    let total = galois.len() + usize::from(manifest.relinearization.is_some());
    let mut keys = EvaluationKeys::new();
    if let Some(level) = manifest.relinearization {
        keys.insert(KeySwitchKey::relinearization(
            ctx, secret, level, randomness,
        ));
    }
    let done = total - galois.len();
    for (i, (element, level)) in galois.into_iter().enumerate() {
        keys.insert(KeySwitchKey::rotation(
            ctx, secret, element, level, randomness,
        ));
        progress(done + i + 1, total);
    }
    keys
}

/// Checks that every key the circuit uses is there and reaches its level.
///
/// # Errors
/// [`ExecError::Keys`] naming the first one that does not.
pub fn check_keys(circuit: &Circuit, keys: &EvaluationKeys) -> Result<(), ExecError> {
    let unfinished = || ExecError::Circuit {
        why: "it has no key manifest; run plan-keys".to_owned(),
    };
    let manifest = circuit.keys().ok_or_else(unfinished)?;
    let log_n = circuit.n_slots().trailing_zeros() as u8 + 1;
    let fault = |why: String| Err(ExecError::Keys { why });
    if let Some(level) = manifest.relinearization {
        match keys.relinearization() {
            None => return fault("the relinearization key is missing".to_owned()),
            Some(key) if key.max_level() < level => {
                return fault(format!(
                    "the relinearization key reaches {}, {level} is needed",
                    key.max_level()
                ));
            }
            Some(_) => {}
        }
    }
    for (rotation, level) in &manifest.rotations {
        match keys.rotation(rotation.galois(log_n)) {
            None => return fault(format!("the key for rotations by {rotation} is missing")),
            Some(key) if key.max_level() < *level => {
                return fault(format!(
                    "the key for rotations by {rotation} reaches {}, {level} is needed",
                    key.max_level()
                ));
            }
            Some(_) => {}
        }
    }
    Ok(())
}
