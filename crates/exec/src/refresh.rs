//! Refreshes: what a run asks of whoever holds the secret key.

use crate::ExecError;
use circuit::{Circuit, Op, counts, facts};
use ckks::{Ciphertext, CkksError};
use params::{Level, Scale};

/// Whoever answers a run's refreshes.
pub trait Refresher: Sync {
    /// Decrypts a ciphertext and encrypts its slots anew, at a level and a scale.
    ///
    /// # Errors
    /// [`CkksError`] if it belongs to other parameters, or its values do not fit.
    fn refresh(&self, x: &Ciphertext, to: Level, scale: &Scale) -> Result<Ciphertext, CkksError>;
}

/// Checks that somebody answers the circuit's refreshes, if it has any.
///
/// # Errors
/// [`ExecError::Refresh`] if nobody does.
pub fn check_refresher(
    circuit: &Circuit,
    refresher: Option<&dyn Refresher>,
) -> Result<(), ExecError> {
    match (counts(circuit).refresh, refresher) {
        (refreshes @ 1.., None) => Err(ExecError::Refresh { refreshes }),
        _ => Ok(()),
    }
}

/// Bytes that a circuit's refreshes send, both ways; `None` until parameters and levels are known.
pub fn refresh_bytes(circuit: &Circuit) -> Option<u64> {
    let (params, facts) = (circuit.params()?, facts(circuit).ok()?);
    let one = |op: &Op| match op {
        Op::Refresh { x, to, .. } => {
            let from = facts[x.index()].level?;
            Some(params.ciphertext_bytes(from) + params.ciphertext_bytes(*to))
        }
        _ => Some(0),
    };
    circuit.ops().map(|(_, op)| one(op)).sum()
}
