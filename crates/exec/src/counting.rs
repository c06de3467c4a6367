//! The backend without values: it counts what it is asked to do.

use crate::{Backend, ExecError, Site};
use circuit::{Counts, counts_of};
use std::sync::Mutex;

/// Counts every operation it is asked for.
#[derive(Debug, Default)]
pub struct Counting {
    counts: Mutex<Counts>,
}

impl Counting {
    /// Nothing counted.
    pub fn new() -> Self {
        Self::default()
    }

    /// What was asked for so far.
    pub fn counts(&self) -> Counts {
        *self
            .counts
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

impl Backend for Counting {
    type Value = ();

    fn apply(&self, site: Site<'_>, _: &[&()]) -> Result<(), ExecError> {
        *self
            .counts
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner) +=
            counts_of(site.circuit.value(site.id));
        Ok(())
    }

    fn bytes(&self, (): &()) -> u64 {
        0
    }
}
