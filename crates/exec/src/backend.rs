//! What a backend is.

use crate::KeyId;
use circuit::{Circuit, Op, ValueId};
use ckks::CkksError;

/// Why a run stopped.
#[derive(Debug, thiserror::Error)]
pub enum ExecError {
    /// The circuit is not finished or breaks a rule; whoever compiled it must act.
    #[error("the circuit can not be run: {why}")]
    Circuit {
        /// Found and expected.
        why: String,
    },
    /// The caller passed the wrong number of input ciphertexts.
    #[error("the circuit takes {expected} input ciphertexts, found {found}")]
    Inputs {
        /// What the circuit takes.
        expected: usize,
        /// What was passed.
        found: usize,
    },
    /// An operation failed; usually a key or ciphertext of another circuit.
    #[error("{value} = {op}: {source}")]
    Operation {
        /// The value.
        value: ValueId,
        /// Its operation.
        op: &'static str,
        /// What the backend said.
        source: CkksError,
    },
    /// The evaluation keys do not serve the circuit; the caller makes them anew.
    #[error("the evaluation keys do not serve this circuit: {why}")]
    Keys {
        /// What is missing.
        why: String,
    },
    /// Values have to be refreshed by the client, and none takes part in the run; the user acts.
    #[error("the circuit needs {refreshes} refreshes by the client, who takes no part in this run")]
    Refresh {
        /// How many.
        refreshes: u64,
    },
    /// A key can not be had from where the keys are kept; whoever keeps them says why.
    #[error("{0}")]
    KeyFile(Box<dyn std::error::Error + Send + Sync>),
    /// The costs of the machine can not be measured as asked; the user acts.
    #[error("costs can not be measured: {why}")]
    Measure {
        /// Found and expected.
        why: String,
    },
    /// The run needs more memory than allowed; the user acts.
    #[error("running needs {} of memory, {} are allowed", crate::typed_bytes(*needed_bytes), crate::typed_bytes(*allowed_bytes))]
    Memory {
        /// A cap that suffices: the predicted peak without encoded weights kept, and a twentieth, for another run may
        /// find other things in memory already.
        needed_bytes: u64,
        /// The cap.
        allowed_bytes: u64,
    },
}

/// One operation of a circuit.
#[derive(Clone, Copy)]
pub struct Site<'a> {
    /// The circuit.
    pub circuit: &'a Circuit,
    /// The value that is computed.
    pub id: ValueId,
}

impl<'a> Site<'a> {
    /// The operation.
    pub fn op(&self) -> &'a Op {
        self.circuit.op(self.id)
    }
}

/// Told how many of how many steps are done.
pub type Progress<'a> = dyn Fn(usize, usize) + Sync + 'a;

/// Tells nobody.
pub fn silent(_: usize, _: usize) {}

/// Executes operations one by one.
///
/// # Errors
/// A backend returns an error for operands that do not fit; on a verified circuit with the right keys it does not.
pub trait Backend: Sync {
    /// What stands for a value of the circuit.
    type Value: Clone + Send + Sync;

    /// Executes one operation. An input gets itself as its only operand.
    ///
    /// # Errors
    /// [`ExecError::Operation`] when operands, keys or levels do not fit.
    fn apply(&self, site: Site<'_>, operands: &[&Self::Value]) -> Result<Self::Value, ExecError>;

    /// Executes plain products and their sum in one go; `others` are further terms. The default does them one by one.
    ///
    /// # Errors
    /// As [`Backend::apply`].
    fn multiply_sum(
        &self,
        sum: Site<'_>,
        products: &[(Site<'_>, &Self::Value)],
        others: &[&Self::Value],
    ) -> Result<Self::Value, ExecError> {
        let made: Vec<Self::Value> = products
            .iter()
            .map(|(site, x)| self.apply(*site, &[x]))
            .collect::<Result<_, _>>()?;
        let terms: Vec<&Self::Value> = made.iter().chain(others.iter().copied()).collect();
        self.apply(sum, &terms)
    }

    /// Makes an evaluation key ready; comes before the steps that need it, maybe on another thread. The default has none.
    ///
    /// # Errors
    /// [`ExecError::KeyFile`] if it can not be had.
    fn fetch_key(&self, _: KeyId) -> Result<(), ExecError> {
        Ok(())
    }

    /// Says that no later step needs the key.
    fn release_key(&self, _: KeyId) {}

    /// Bytes a value holds.
    fn bytes(&self, value: &Self::Value) -> u64;
}
