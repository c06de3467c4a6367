//! Runs the steps of a pruning scheme, whichever it is.

use crate::PruneError;
use privet::extend::Graph;
use serde::Serialize;
use train::{ParameterId, WeightMask, WeightMasks, parameters, set_parameter};

/// A network and which of its weights are kept. Weights that are dropped are zero.
#[derive(Clone, Debug)]
pub struct Pruned {
    /// The network.
    pub graph: Graph,
    /// Which weights are kept; those without a mask all are.
    pub masks: WeightMasks,
}

impl Pruned {
    /// A network with all of its weights.
    pub fn new(graph: Graph) -> Self {
        Self {
            graph,
            masks: WeightMasks::new(),
        }
    }

    /// The weights of convolutions and dense layers.
    pub fn weights(&self) -> Vec<(ParameterId, Vec<f64>)> {
        let all = parameters(&self.graph).into_iter();
        all.filter(|(id, _)| id.word == "weight")
            .map(|(id, tensor)| (id, tensor.values().to_vec()))
            .collect()
    }

    /// The mask of a weight, all ones if there is none.
    pub fn mask(&self, id: &ParameterId, len: usize) -> WeightMask {
        let known = self.masks.get(id).cloned();
        known.unwrap_or_else(|| WeightMask::full(len))
    }

    /// Replaces masks and sets what they drop to zero.
    ///
    /// # Errors
    /// [`PruneError::Mask`] if a mask fits no parameter.
    pub fn with_masks(mut self, masks: WeightMasks) -> Result<Self, PruneError> {
        self.masks.extend(masks);
        self.apply()?;
        Ok(self)
    }

    /// Sets what masks drop to zero.
    fn apply(&mut self) -> Result<(), PruneError> {
        let values = parameters(&self.graph);
        for (id, mask) in &self.masks {
            let misfit = || PruneError::Mask {
                parameter: id.to_string(),
            };
            let found = values.iter().find(|(known, _)| known == id);
            let (_, tensor) = found.ok_or_else(misfit)?;
            if tensor.len() != mask.kept.len() {
                return Err(misfit());
            }
            if !set_parameter(&mut self.graph, id, mask.apply(tensor.values())) {
                return Err(misfit());
            }
        }
        Ok(())
    }

    /// Weights of convolutions and dense layers: how many are dropped, of how many.
    pub fn dropped_weights(&self) -> Dropped {
        let of = |(id, values): &(ParameterId, Vec<f64>)| {
            let total = values.len();
            Dropped {
                dropped: total - self.masks.get(id).map_or(total, WeightMask::n_kept),
                total,
            }
        };
        self.weights().iter().map(of).sum()
    }
}

/// How many of a number of things are gone.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Dropped {
    /// Those that are gone.
    pub dropped: usize,
    /// All of them.
    pub total: usize,
}

impl Dropped {
    /// The share that is gone; 0 of nothing.
    pub fn share(&self) -> f64 {
        self.dropped as f64 / self.total.max(1) as f64
    }
}

impl std::iter::Sum for Dropped {
    fn sum<I: Iterator<Item = Self>>(all: I) -> Self {
        all.fold(Self::default(), |a, b| Self {
            dropped: a.dropped + b.dropped,
            total: a.total + b.total,
        })
    }
}

/// One change of a pruned network: of its masks, or of where its units are.
pub trait Change {
    /// What the change is called in reports.
    fn name(&self) -> String;

    /// The network after the change.
    ///
    /// # Errors
    /// [`PruneError`] if the settings or the network do not fit.
    fn apply(&self, pruned: Pruned) -> Result<Pruned, PruneError>;
}

/// A step of a scheme.
pub enum Step {
    /// A change.
    Change(Box<dyn Change>),
    /// Training of what is kept.
    Retrain,
}

impl Step {
    /// A step that changes the network.
    pub fn change(change: impl Change + 'static) -> Self {
        Self::Change(Box::new(change))
    }

    /// What the step is called in reports.
    pub fn name(&self) -> String {
        match self {
            Self::Change(change) => change.name(),
            Self::Retrain => "retrain".to_owned(),
        }
    }
}

/// What a step left.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct StepReport {
    /// The step.
    pub name: String,
    /// Weights of convolutions and dense layers.
    pub weights: Dropped,
    /// The groups that the scheme empties: tiles, diagonals, units.
    pub groups: Dropped,
}

/// Counts the groups of a scheme that hold no weight.
pub type CountGroups<'a> = dyn Fn(&Pruned) -> Result<Dropped, PruneError> + 'a;

/// Trains what masks keep of a network.
pub type Retrain<'a, E> = dyn FnMut(Graph, &WeightMasks) -> Result<Graph, E> + 'a;

/// Takes the steps of a scheme one after another. Weights that a mask drops are zero after every step, whatever
/// retraining does.
///
/// # Errors
/// [`PruneError`] of a change, as `E`, and what `retrain` returns.
pub fn run<E: From<PruneError>>(
    graph: Graph,
    steps: &[Step],
    groups: &CountGroups<'_>,
    retrain: &mut Retrain<'_, E>,
) -> Result<(Pruned, Vec<StepReport>), E> {
    let mut pruned = Pruned::new(graph);
    let mut reports = Vec::with_capacity(steps.len());
    for step in steps {
        match step {
            Step::Change(change) => pruned = change.apply(pruned)?,
            Step::Retrain => {
                pruned.graph = retrain(pruned.graph, &pruned.masks)?;
                pruned.apply()?;
            }
        }
        let report = StepReport {
            name: step.name(),
            weights: pruned.dropped_weights(),
            groups: groups(&pruned)?,
        };
        tracing::debug!(
            step = report.name,
            weights = report.weights.share(),
            groups = report.groups.share(),
            "pruned"
        );
        reports.push(report);
    }
    Ok((pruned, reports))
}
