//! What a group of weights is worth.

use privet::extend::Graph;
use std::collections::BTreeMap;
use train::{ParameterId, parameters};

/// Importance per element of each parameter.
type Importance = BTreeMap<ParameterId, Vec<f64>>;

/// How groups of weights are compared.
#[derive(Clone, Debug, PartialEq)]
pub struct Score(Kind);

#[derive(Clone, Debug, PartialEq)]
enum Kind {
    MeanAbs,
    L2,
    Given(Importance),
}

/// Importance that does not fit the network; whoever supplied it must act.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[error("{parameter} has {found} values of importance, expected {expected}")]
pub struct ImportanceError {
    /// The weight.
    pub parameter: ParameterId,
    /// Values given; 0 if the weight is missing.
    pub found: usize,
    /// Elements of the weight.
    pub expected: usize,
}

impl Score {
    /// The mean of `|w|`.
    pub fn mean_abs() -> Self {
        Self(Kind::MeanAbs)
    }

    /// The square root of the sum of `w²`.
    pub fn l2() -> Self {
        Self(Kind::L2)
    }

    /// The mean of an importance that is known per weight.
    ///
    /// # Errors
    /// [`ImportanceError`] names the first weight of the network that has not one value per element.
    pub fn given(graph: &Graph, importance: Importance) -> Result<Self, ImportanceError> {
        check(graph, &importance)?;
        Ok(Self(Kind::Given(importance)))
    }

    /// The worth of some elements of a weight.
    pub(crate) fn of(&self, parameter: &ParameterId, weight: &[f64], group: &[u32]) -> f64 {
        let mean = |sum: f64| sum / group.len().max(1) as f64;
        let over = |values: &[f64]| -> f64 { group.iter().map(|&k| values[k as usize]).sum() };
        let weights = group.iter().map(|&k| weight[k as usize]);
        match &self.0 {
            Kind::MeanAbs => mean(weights.map(f64::abs).sum()),
            Kind::L2 => weights.map(|w| w * w).sum::<f64>().sqrt(),
            Kind::Given(importance) => importance.get(parameter).map_or(0.0, |v| mean(over(v))),
        }
    }
}

/// Whether every weight of convolutions and dense layers has a value per element.
pub(crate) fn check(graph: &Graph, importance: &Importance) -> Result<(), ImportanceError> {
    for (parameter, tensor) in parameters(graph) {
        let found = importance.get(&parameter).map_or(0, Vec::len);
        if parameter.word == "weight" && found != tensor.len() {
            let expected = tensor.len();
            return Err(ImportanceError {
                parameter,
                found,
                expected,
            });
        }
    }
    Ok(())
}

/// The best `n_kept` of some groups by score, ties to the lower index: whether each is kept.
pub(crate) fn keep_best(scores: &[f64], n_kept: usize) -> Vec<bool> {
    let mut order: Vec<usize> = (0..scores.len()).collect();
    order.sort_by(|&a, &b| scores[b].total_cmp(&scores[a]).then(a.cmp(&b)));
    let mut kept = vec![false; scores.len()];
    order.iter().take(n_kept).for_each(|&k| kept[k] = true);
    kept
}
