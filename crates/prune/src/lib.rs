//! Pruning of networks for what their compiled circuits pay for.
#![deny(missing_docs)]

pub mod aligned;
pub mod artemis;
pub mod engine;
mod error;
pub mod hepex;
pub mod mofhei;

pub use error::PruneError;
