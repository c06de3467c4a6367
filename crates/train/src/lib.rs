//! Training and retraining of tensor graphs, on the CPU.
//!
//! A graph is trained as it stands: its weights, biases, scales, shifts and polynomial coefficients are the parameters.
//! Weights that a [`WeightMask`] drops are zero after every step. Nothing but this crate names the training framework.
#![deny(missing_docs)]

mod dataset;
mod parameter;
mod rng;

pub use dataset::{Dataset, DatasetError, Targets};
pub use parameter::{ParameterId, WeightMask, WeightMasks, parameters, set_parameter};
