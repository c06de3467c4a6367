//! Pruning of networks for what their compiled circuits pay for, and conversion to networks that compile.
//!
//! - [`convert`]: maximum pools to averages and activations to polynomials, one by one, retraining after each.
//! - [`engine`] runs the steps of a scheme; [`hepex`], [`mofhei`] and [`artemis`] are published ones.
//! - [`budget`] is our own: it searches for the cheapest network within a loss; [`aligned`] has its groups, prices and
//!   choices, from the plans of the compiler itself.
#![deny(missing_docs)]

pub mod aligned;
pub mod artemis;
pub mod budget;
pub mod convert;
pub mod engine;
mod error;
pub mod hepex;
pub mod mofhei;
pub mod report;
mod scheme;
mod trainer;

pub use error::{Error, PruneError};
pub use scheme::{Outcome, Scheme, prune, retraining};
pub use trainer::{Progress, Trainer};
