//! Counts of work done, exact and the same on every machine.

use std::sync::atomic::{AtomicU64, Ordering};

/// Counters of one [`Context`](crate::Context); clones of it share them.
#[derive(Debug, Default)]
pub struct Counters {
    transforms: AtomicU64,
}

impl Counters {
    /// Transforms (NTTs of one limb, either direction) since creation or [`Counters::reset`].
    pub fn transforms(&self) -> u64 {
        self.transforms.load(Ordering::Relaxed)
    }

    /// Starts again at 0.
    pub fn reset(&self) {
        self.transforms.store(0, Ordering::Relaxed);
    }

    pub(crate) fn count_transform(&self) {
        self.transforms.fetch_add(1, Ordering::Relaxed);
    }
}
