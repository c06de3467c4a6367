//! The plain backend: slot vectors.

use crate::{Backend, ExecError, Site};
use circuit::apply_slots;

/// Executes on plain slot vectors, exactly.
#[derive(Clone, Copy, Debug, Default)]
pub struct Slots;

impl Backend for Slots {
    type Value = Vec<f64>;

    fn apply(&self, site: Site<'_>, operands: &[&Self::Value]) -> Result<Self::Value, ExecError> {
        let operands: Vec<&[f64]> = operands.iter().map(|v| v.as_slice()).collect();
        Ok(apply_slots(site.circuit, site.op(), &operands))
    }

    fn bytes(&self, value: &Self::Value) -> u64 {
        8 * value.len() as u64
    }
}
