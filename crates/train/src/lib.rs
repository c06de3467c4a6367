//! Training and retraining of tensor graphs, on the CPU.
//!
//! A graph is trained as it stands: its weights, biases, scales, shifts and polynomial coefficients are the parameters.
//! Weights that a [`WeightMask`] drops are zero after every step. Nothing but this crate names the training framework.
#![deny(missing_docs)]

mod checkpoint;
mod dataset;
mod error;
mod initialize;
mod network;
mod objective;
mod parameter;
mod recipe;
mod rng;
mod run;
mod score;
mod update;

pub use dataset::{Dataset, DatasetError, Targets};
pub use error::TrainError;
pub use initialize::initialized;
pub use parameter::{ParameterId, WeightMask, WeightMasks, parameters, set_parameter};
pub use recipe::{Distillation, LassoGroup, Optimizer, RangePenalty, Recipe, Schedule};
pub use run::{Epoch, Step, Trained, Watch, train};
pub use score::{Score, importance, outputs, polynomial_ranges, score};
