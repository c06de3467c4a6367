//! Pruning of networks for what their compiled circuits pay for.
#![deny(missing_docs)]

pub mod artemis;
pub mod mofhei;
