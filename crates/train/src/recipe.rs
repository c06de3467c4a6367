//! How a network is trained.

use crate::ParameterId;
use graph::Graph;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// Update rule.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub enum Optimizer {
    /// Adaptive moments, 0.9 and 0.999.
    Adam,
    /// Stochastic gradient descent.
    Sgd {
        /// Share of the last step that is taken again.
        momentum: f64,
    },
}

/// How the learning rate changes.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub enum Schedule {
    /// Not at all.
    Constant,
    /// From the rate to zero along half a cosine.
    Cosine,
    /// Up to the rate over the first three tenths of all steps, then to zero along half a cosine.
    OneCycle,
    /// Halved whenever validation did not get better for so many epochs.
    Halve {
        /// Epochs.
        after: usize,
    },
}

/// A trained network whose outputs count as targets too.
#[derive(Clone, Debug)]
pub struct Distillation {
    /// The network.
    pub teacher: Graph,
    /// Share of the loss, 0 to 1, that compares with the teacher; the rest compares with the targets.
    pub share: f64,
    /// Divides the outputs of both before their probabilities are compared; for classes only.
    pub temperature: f64,
}

/// Weights that should vanish together.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LassoGroup {
    /// Parameters and row-major positions in them.
    pub members: Vec<(ParameterId, Vec<u32>)>,
    /// What the group's Euclidean norm costs in the loss.
    pub strength: f64,
}

/// Keeps the arguments of polynomials inside an interval, where they behave.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct RangePenalty {
    /// Largest magnitude that costs nothing.
    pub limit: f64,
    /// What the mean square of the excess costs in the loss.
    pub strength: f64,
}

/// Epochs, steps and losses of one training.
#[derive(Clone, Debug)]
pub struct Recipe {
    /// Passes over the data, at most.
    pub epochs: usize,
    /// Samples of a step.
    pub batch: usize,
    /// Update rule.
    pub optimizer: Optimizer,
    /// Largest learning rate.
    pub rate: f64,
    /// How it changes.
    pub schedule: Schedule,
    /// Epochs without a better validation after which training ends.
    pub patience: Option<usize>,
    /// Training ends as soon as validation is at least this good: an accuracy, or a mean squared error.
    pub goal: Option<f64>,
    /// Share of every weight that is added to its gradient; biases have none.
    pub weight_decay: f64,
    /// Largest Euclidean norm of all gradients together; larger ones are scaled down to it.
    pub clip: Option<f64>,
    /// A teacher.
    pub distillation: Option<Distillation>,
    /// Groups that a proximal step shrinks after every optimizer step, one after another.
    pub lasso: Vec<LassoGroup>,
    /// Limits of polynomial arguments.
    pub range: Option<RangePenalty>,
    /// Standard deviation of what is added to every input value, for denoising auto-encoders.
    pub noise: f64,
    /// Parameters that do not change.
    pub frozen: BTreeSet<ParameterId>,
    /// Of the order of samples and of the noise.
    pub seed: u64,
}

impl Default for Recipe {
    fn default() -> Self {
        Self {
            epochs: 5,
            batch: 128,
            optimizer: Optimizer::Adam,
            rate: 1e-3,
            schedule: Schedule::Cosine,
            patience: None,
            goal: None,
            weight_decay: 0.0,
            clip: Some(5.0),
            distillation: None,
            lasso: Vec::new(),
            range: None,
            noise: 0.0,
            frozen: BTreeSet::new(),
            seed: 0,
        }
    }
}

impl Recipe {
    /// The rate at a step, before halving.
    pub(crate) fn rate_at(&self, step: usize, steps: usize) -> f64 {
        let cosine = |share: f64| 0.5 * (1.0 + (std::f64::consts::PI * share).cos());
        let done = step as f64 / steps.max(1) as f64;
        match self.schedule {
            Schedule::Constant | Schedule::Halve { .. } => self.rate,
            Schedule::Cosine => self.rate * cosine(done),
            Schedule::OneCycle if done < WARM_UP => self.rate * (0.04 + 0.96 * done / WARM_UP),
            Schedule::OneCycle => self.rate * cosine((done - WARM_UP) / (1.0 - WARM_UP)),
        }
    }
}

/// Share of steps over which [`Schedule::OneCycle`] rises.
const WARM_UP: f64 = 0.3;
