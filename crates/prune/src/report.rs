//! What is told of a conversion or a pruning: plain numbers under fixed names, for JSON.
//!
//! Names do not change within one [`SCHEMA`]; names may be added. Shares and accuracies are 0 to 1. An infinite or
//! undefined loss is `null`.

use crate::budget::Point;
use crate::convert::Replaced;
use crate::engine::{Dropped, StepReport};
use privet::extend::Graph;
use privet::prelude::Report;
use serde::Serialize;
use std::collections::BTreeMap;
use train::{Score, parameters};

/// Version of the JSON form.
pub const SCHEMA: u32 = 1;

/// The network that was given, the data and the settings.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Origin {
    /// Name of the network.
    pub model: String,
    /// SHA-256 of its file, in hexadecimal.
    pub sha256: String,
    /// Samples for gradients.
    pub training_samples: usize,
    /// Samples for every choice.
    pub validation_samples: usize,
    /// Samples for the last word.
    pub test_samples: usize,
    /// Names of the classes, where the data say them.
    pub classes: Vec<String>,
    /// Settings by name.
    pub settings: BTreeMap<String, String>,
}

/// Scores of the network that was given and of what became of it.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Scores {
    /// Of the network that was given.
    pub before: Score,
    /// Of what became of it.
    pub after: Score,
}

/// A conversion.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ConversionReport {
    /// Version of this form, [`SCHEMA`].
    pub schema: u32,
    /// What it began with.
    pub origin: Origin,
    /// The replacements, in order.
    pub replaced: Vec<Replaced>,
    /// On validation samples.
    pub validation: Scores,
    /// On test samples, where there are any.
    pub test: Option<Scores>,
}

/// A pruning.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct PruningReport {
    /// Version of this form, [`SCHEMA`].
    pub schema: u32,
    /// What it began with.
    pub origin: Origin,
    /// Steps of a published scheme.
    pub steps: Vec<StepReport>,
    /// What the search tried.
    pub points: Vec<Point>,
    /// On validation samples.
    pub validation: Scores,
    /// On test samples, where there are any.
    pub test: Option<Scores>,
    /// Weights that are zero, before and after.
    pub zero_weights: [Dropped; 2],
    /// The network that was given, compiled.
    pub before: Report,
    /// The pruned one, compiled alike.
    pub after: Report,
}

/// Weights of convolutions and dense layers that are zero.
pub fn zero_weights(graph: &Graph) -> Dropped {
    let weights = parameters(graph).into_iter();
    let weights = weights.filter(|(id, _)| id.word == "weight");
    let of = |values: &[f64]| Dropped {
        dropped: values.iter().filter(|v| **v == 0.0).count(),
        total: values.len(),
    };
    weights.map(|(_, tensor)| of(tensor.values())).sum()
}
