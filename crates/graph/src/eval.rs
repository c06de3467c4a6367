//! The reference evaluator: what a graph means, in f64.
//!
//! Weights that are exactly zero are skipped, so pruned networks run faster and never meet `0 · inf`.

mod affine;
mod conv;
mod dense;
mod moves;
mod pool;

pub use moves::mean_targets;

use crate::{Graph, NodeId, Op};
use std::collections::BTreeMap;

/// Elements of a tensor, row-major.
pub type Values = Vec<f64>;

/// Why a graph can not be evaluated on given inputs; whoever supplies the inputs must act.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum EvalError {
    /// Not one value per network input.
    #[error("found {found} inputs, expected {expected}")]
    InputCount {
        /// Inputs given.
        found: usize,
        /// Inputs of the network.
        expected: usize,
    },
    /// An input of another size.
    #[error("input '{name}' has {found} elements, expected {expected}")]
    InputLength {
        /// The input node's name.
        name: String,
        /// Elements given.
        found: usize,
        /// Elements of the node's shape.
        expected: usize,
    },
    /// An input element is infinite or not a number.
    #[error("input '{name}' has {value} at element {index}, expected a finite number")]
    NonFinite {
        /// The input node's name.
        name: String,
        /// Row-major position of the first such element.
        index: usize,
        /// The element.
        value: String,
    },
}

/// Results of the network's outputs, in order, for one sample.
///
/// # Errors
/// [`EvalError`] if the inputs do not fit the network.
///
/// # Panics
/// If the graph does not pass [`Graph::verify`].
pub fn evaluate(graph: &Graph, inputs: &[Values]) -> Result<Vec<Values>, EvalError> {
    let values = run(graph, inputs)?;
    Ok(graph
        .outputs()
        .iter()
        .map(|id| values[id.index()].clone())
        .collect())
}

/// Results of all nodes for one sample.
///
/// # Errors
/// [`EvalError`] if the inputs do not fit the network.
///
/// # Panics
/// If the graph does not pass [`Graph::verify`].
pub fn evaluate_all(
    graph: &Graph,
    inputs: &[Values],
) -> Result<BTreeMap<NodeId, Values>, EvalError> {
    let mut values = run(graph, inputs)?;
    let take = |id: NodeId| (id, std::mem::take(&mut values[id.index()]));
    Ok(graph.order().into_iter().map(take).collect())
}

/// Results by node index; places of removed nodes are empty.
fn run(graph: &Graph, inputs: &[Values]) -> Result<Vec<Values>, EvalError> {
    check_inputs(graph, inputs)?;
    let order = graph.order();
    let n_places = order.iter().map(|id| id.index() + 1).max().unwrap_or(0);
    let mut values = vec![Values::new(); n_places];
    for (id, input) in graph.inputs().iter().zip(inputs) {
        values[id.index()] = input.clone();
    }
    for id in order {
        if !matches!(graph.node(id).op, Op::Input { .. }) {
            values[id.index()] = compute(graph, id, &values);
        }
    }
    Ok(values)
}

fn check_inputs(graph: &Graph, inputs: &[Values]) -> Result<(), EvalError> {
    if inputs.len() != graph.inputs().len() {
        return Err(EvalError::InputCount {
            found: inputs.len(),
            expected: graph.inputs().len(),
        });
    }
    for (&id, input) in graph.inputs().iter().zip(inputs) {
        let name = || graph.node(id).name.clone();
        let expected = graph.n_elements(id);
        if input.len() != expected {
            return Err(EvalError::InputLength {
                name: name(),
                found: input.len(),
                expected,
            });
        }
        if let Some(index) = input.iter().position(|x| !x.is_finite()) {
            let value = input[index].to_string();
            return Err(EvalError::NonFinite {
                name: name(),
                index,
                value,
            });
        }
    }
    Ok(())
}

fn compute(graph: &Graph, id: NodeId, values: &[Values]) -> Values {
    let operands = graph.operands(id);
    let x = values[operands[0].index()].as_slice();
    let shape = graph.shape(operands[0]);
    let with_second = |f: fn(f64, f64) -> f64| {
        let y = values[operands[1].index()].iter();
        x.iter().zip(y).map(|(&a, &b)| f(a, b)).collect()
    };
    match &graph.node(id).op {
        Op::Input { .. } | Op::Reshape { .. } => x.to_vec(),
        Op::Conv {
            geometry,
            weight,
            bias,
        } => conv::conv(geometry, weight.values(), bias.values(), x),
        Op::Dense { weight, bias } => dense::dense(weight.values(), bias.values(), x),
        Op::Linear { matrix, bias, .. } => {
            let mut y = matrix.matvec(x);
            y.iter_mut().zip(bias.values()).for_each(|(y, b)| *y += b);
            y
        }
        Op::AvgPool(geometry) => pool::average(geometry, shape, x),
        Op::MaxPool(geometry) => pool::maximum(geometry, shape, x),
        Op::GlobalAvgPool => {
            let plane = x.len() / shape[0];
            x.chunks_exact(plane)
                .map(|plane| plane.iter().sum::<f64>() / plane.len() as f64)
                .collect()
        }
        Op::Affine { scale, shift } => {
            let mut y = x.to_vec();
            affine::broadcast(&mut y, shape, scale, |y, scale| *y *= scale);
            affine::broadcast(&mut y, shape, shift, |y, shift| *y += shift);
            y
        }
        Op::ConvTranspose {
            geometry,
            weight,
            bias,
        } => conv::transposed(geometry, weight.values(), bias.values(), x),
        Op::Pad(pad) => pool::pad(*pad, shape, x),
        Op::Select(selection) => moves::select(selection, shape, x),
        Op::Concat { axis } => {
            let part = |&id: &NodeId| (graph.shape(id), values[id.index()].as_slice());
            moves::concat(*axis, &operands.iter().map(part).collect::<Vec<_>>())
        }
        Op::Mean { axes } => moves::mean(axes, shape, x),
        Op::Add => with_second(|a, b| a + b),
        Op::Mul => with_second(|a, b| a * b),
        Op::Activation(activation) => x.iter().map(|&x| activation.eval(x)).collect(),
        Op::Polynomial(polynomial) => x.iter().map(|&x| polynomial.eval(x)).collect(),
    }
}
