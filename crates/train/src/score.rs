//! How good a network is, and which of its weights matter.

use crate::network::{Leaves, Network};
use crate::objective::{Wanted, inputs, rows};
use crate::{Dataset, ParameterId, TrainError};
use burn::tensor::Tensor;
use graph::{Graph, Op};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Samples computed at once.
const BATCH: usize = 500;

/// Samples of one gradient of [`importance`].
const GROUP: usize = 16;

/// A network's mean loss on a data set, and its accuracy where samples have classes.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Score {
    /// Cross-entropy in nats, or mean squared error per output value.
    pub loss: f64,
    /// Share of samples whose largest output is their class.
    pub accuracy: Option<f64>,
}

impl Score {
    /// Whether it is better: more accurate, at equal accuracy of less loss.
    pub fn is_better_than(&self, other: &Self) -> bool {
        match (self.accuracy, other.accuracy) {
            (Some(a), Some(b)) if a != b => a > b,
            _ => self.loss < other.loss,
        }
    }

    /// Whether it is at least as good as a wanted accuracy, or mean squared error.
    pub fn reaches(&self, goal: f64) -> bool {
        match self.accuracy {
            Some(accuracy) => accuracy >= goal,
            None => self.loss <= goal,
        }
    }
}

/// Checks that a network can learn from a data set.
pub(crate) fn check(graph: &Graph, data: &Dataset) -> Result<(), TrainError> {
    let [input] = graph.inputs() else {
        let why = format!(
            "the network has {} inputs, expected one",
            graph.inputs().len()
        );
        return Err(TrainError::Untrainable { why });
    };
    let expected = graph.n_elements(*input);
    if data.sample_len() != expected {
        return Err(TrainError::SampleLength {
            name: graph.node(*input).name.clone(),
            found: data.sample_len(),
            expected,
        });
    }
    let outputs = graph.outputs().iter().map(|&id| graph.n_elements(id)).sum();
    if data.has_classes() {
        let class = data.n_classes().saturating_sub(1) as u32;
        if class as usize >= outputs {
            return Err(TrainError::Class { class, outputs });
        }
    } else if data.target_len() != outputs {
        return Err(TrainError::TargetLength {
            found: data.target_len(),
            expected: outputs,
        });
    }
    Ok(())
}

/// Scores a network, in single precision.
///
/// # Errors
/// [`TrainError`] if data and network do not fit.
pub fn score(graph: &Graph, data: &Dataset) -> Result<Score, TrainError> {
    check(graph, data)?;
    let network = Network::new(graph);
    Ok(score_with(&network, &network.leaves(), data))
}

pub(crate) fn score_with(network: &Network<'_>, leaves: &Leaves, data: &Dataset) -> Score {
    let samples: Vec<u32> = (0..data.len() as u32).collect();
    let (mut loss, mut hits) = (0.0, 0);
    for part in samples.chunks(BATCH) {
        let input = rows(&inputs(data, part), data.sample_len(), network.device());
        let output = network.forward(leaves, input, &[]).output;
        let wanted = Wanted::of(data, part, network.device());
        loss += scalar(wanted.loss(output.clone())) * part.len() as f64;
        if data.has_classes() {
            let width = output.dims()[1];
            let values = host(output);
            let right = |(row, k): &(&[f32], &u32)| data.class(**k as usize) == Some(argmax(row));
            hits += values.chunks(width).zip(part).filter(right).count();
        }
    }
    let n = data.len() as f64;
    Score {
        loss: loss / n,
        accuracy: data.has_classes().then(|| hits as f64 / n),
    }
}

/// All outputs of a network for every sample, one after another.
///
/// # Errors
/// [`TrainError`] if data and network do not fit.
pub fn outputs(graph: &Graph, data: &Dataset) -> Result<Vec<f32>, TrainError> {
    let network = Network::new(graph);
    let leaves = network.leaves();
    let samples: Vec<u32> = (0..data.len() as u32).collect();
    let mut all = Vec::new();
    for part in samples.chunks(BATCH) {
        let input = rows(&inputs(data, part), data.sample_len(), network.device());
        all.extend(host(network.forward(&leaves, input, &[]).output));
    }
    Ok(all)
}

/// What each element of each parameter contributes to the loss: the mean, over small groups of samples, of the squared
/// product of value and gradient. Sums of it order groups of weights by how much their removal hurts.
///
/// # Errors
/// [`TrainError`] if data and network do not fit.
///
/// # Source
/// The diagonal Fisher information in place of the Hessian of optimal brain damage (LeCun, Denker and Solla, 1990).
pub fn importance(
    graph: &Graph,
    data: &Dataset,
) -> Result<BTreeMap<ParameterId, Vec<f64>>, TrainError> {
    check(graph, data)?;
    let network = Network::new(graph);
    let leaves = network.leaves();
    let mut sums: BTreeMap<ParameterId, Vec<f64>> = leaves
        .iter()
        .map(|(id, leaf)| (id.clone(), vec![0.0; leaf.dims()[0]]))
        .collect();
    let samples: Vec<u32> = (0..data.len() as u32).collect();
    let mut groups = 0.0;
    for part in samples.chunks(GROUP) {
        let tracked = track(&leaves, |_| true);
        let input = rows(&inputs(data, part), data.sample_len(), network.device()).autodiff();
        let output = network.forward(&tracked, input, &[]).output;
        let loss = Wanted::of(data, part, network.device()).loss(output);
        let mut gradients = loss.backward();
        for (id, leaf) in &tracked {
            let Some(gradient) = leaf.grad_remove(&mut gradients) else {
                continue;
            };
            let sum = sums.get_mut(id).expect("every leaf has a sum");
            sum.iter_mut()
                .zip(host(gradient))
                .for_each(|(sum, g)| *sum += f64::from(g) * f64::from(g));
        }
        groups += 1.0;
    }
    for (id, leaf) in &leaves {
        let sum = sums.get_mut(id).expect("every leaf has a sum");
        for (sum, value) in sum.iter_mut().zip(host(leaf.clone())) {
            *sum *= f64::from(value) * f64::from(value) * GROUP as f64 / (2.0 * groups);
        }
    }
    Ok(sums)
}

/// Largest magnitude of each polynomial's argument over a data set, and the share `quantile` of them stays below.
///
/// # Errors
/// [`TrainError`] if data and network do not fit.
pub fn polynomial_ranges(
    graph: &Graph,
    data: &Dataset,
    quantile: f64,
) -> Result<BTreeMap<String, (f64, f64)>, TrainError> {
    check(graph, data)?;
    let network = Network::new(graph);
    let leaves = network.leaves();
    let watched = polynomials(graph);
    let mut seen = vec![Vec::new(); watched.len()];
    let samples: Vec<u32> = (0..data.len() as u32).collect();
    for part in samples.chunks(BATCH) {
        let input = rows(&inputs(data, part), data.sample_len(), network.device());
        let found = network.forward(&leaves, input, &watched).watched;
        for (all, x) in seen.iter_mut().zip(found) {
            all.extend(host(x.abs()));
        }
    }
    let ranges = watched.iter().zip(seen).map(|(&id, mut all)| {
        all.sort_unstable_by(f32::total_cmp);
        let at = ((all.len() as f64 * quantile) as usize).min(all.len().saturating_sub(1));
        let value = |k: usize| all.get(k).map_or(0.0, |&v| f64::from(v));
        (
            graph.node(id).name.clone(),
            (value(all.len().saturating_sub(1)), value(at)),
        )
    });
    Ok(ranges.collect())
}

/// The nodes that are polynomials, in order.
pub(crate) fn polynomials(graph: &Graph) -> Vec<graph::NodeId> {
    let is_polynomial = |id: &graph::NodeId| matches!(graph.node(*id).op, Op::Polynomial(_));
    graph.order().into_iter().filter(is_polynomial).collect()
}

/// Leaves whose gradients are wanted where `trainable` says so.
pub(crate) fn track(leaves: &Leaves, trainable: impl Fn(&ParameterId) -> bool) -> Leaves {
    let leaf = |(id, leaf): (&ParameterId, &Tensor<1>)| {
        let tensor = leaf.clone().autodiff();
        let tensor = if trainable(id) {
            tensor.require_grad()
        } else {
            tensor
        };
        (id.clone(), tensor)
    };
    leaves.iter().map(leaf).collect()
}

/// A tensor's elements.
pub(crate) fn host<const D: usize>(x: Tensor<D>) -> Vec<f32> {
    x.into_data_as::<f32>()
        .try_into_vec()
        .expect("single precision was asked for")
}

pub(crate) fn scalar(x: Tensor<1>) -> f64 {
    host(x).first().map_or(f64::NAN, |&v| f64::from(v))
}

/// Index of the largest value, the first of equals.
fn argmax(row: &[f32]) -> u32 {
    let mut best = 0;
    for (k, v) in row.iter().enumerate() {
        if *v > row[best] {
            best = k;
        }
    }
    best as u32
}
