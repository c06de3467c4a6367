//! A graph as operations of the training framework.
//!
//! Every value is a matrix: a sample per row, its elements row-major. Operations on images reshape it and back.

mod images;
mod scalars;

use crate::parameter::{ParameterId, parameters};
use burn::tensor::{Device, Int, Tensor};
use graph::{Graph, NodeId, Op};
use std::collections::BTreeMap;

/// Values of a batch: `[samples, elements]`.
pub(crate) type Batch = Tensor<2>;

/// Parameters of a network as flat tensors.
pub(crate) type Leaves = BTreeMap<ParameterId, Tensor<1>>;

/// A graph ready to be computed on batches.
pub(crate) struct Network<'g> {
    graph: &'g Graph,
    order: Vec<NodeId>,
    device: Device,
}

/// What a forward pass leaves.
pub(crate) struct Forward {
    /// All outputs side by side.
    pub output: Batch,
    /// Operands of the nodes that were asked for.
    pub watched: Vec<Batch>,
}

impl<'g> Network<'g> {
    pub(crate) fn new(graph: &'g Graph) -> Self {
        Self {
            graph,
            order: graph.order(),
            device: Device::flex(),
        }
    }

    pub(crate) fn device(&self) -> &Device {
        &self.device
    }

    /// The parameters as they stand in the graph.
    pub(crate) fn leaves(&self) -> Leaves {
        let leaf = |values: &[f64]| {
            let values: Vec<f32> = values.iter().map(|&v| v as f32).collect();
            Tensor::from_data(values.as_slice(), &self.device)
        };
        parameters(self.graph)
            .into_iter()
            .map(|(id, tensor)| (id, leaf(tensor.values())))
            .collect()
    }

    /// Outputs for a batch; `watched` are nodes whose operand is wanted too.
    pub(crate) fn forward(&self, leaves: &Leaves, input: Batch, watched: &[NodeId]) -> Forward {
        let mut values: BTreeMap<NodeId, Batch> = BTreeMap::new();
        let mut readers: BTreeMap<NodeId, usize> = BTreeMap::new();
        for &id in &self.order {
            let operands = self.graph.operands(id);
            operands
                .iter()
                .for_each(|&o| *readers.entry(o).or_default() += 1);
        }
        self.graph
            .outputs()
            .iter()
            .for_each(|&o| *readers.entry(o).or_default() += 1);
        let mut seen = Vec::new();
        for &id in &self.order {
            if matches!(self.graph.node(id).op, Op::Input { .. }) {
                values.insert(id, input.clone());
                continue;
            }
            let operands = self.graph.operands(id);
            let mut read = |o: NodeId| {
                let left = readers.entry(o).or_default();
                *left -= 1;
                match left {
                    0 => values.remove(&o).expect("operands come first"),
                    _ => values[&o].clone(),
                }
            };
            let operands: Vec<Batch> = operands.into_iter().map(&mut read).collect();
            if watched.contains(&id) {
                seen.push(operands[0].clone());
            }
            let value = self.compute(leaves, id, operands);
            values.insert(id, value);
        }
        let outputs = self.graph.outputs();
        let output = match outputs {
            [one] => values.remove(one).expect("outputs are computed"),
            _ => Tensor::cat(outputs.iter().map(|id| values[id].clone()).collect(), 1),
        };
        Forward {
            output,
            watched: seen,
        }
    }

    fn compute(&self, leaves: &Leaves, id: NodeId, operands: Vec<Batch>) -> Batch {
        let node = self.graph.node(id);
        let leaf = |word: &str| leaves[&ParameterId::new(&node.name, word)].clone();
        let shape = self.graph.shape(self.graph.operands(id)[0]);
        let mut operands = operands.into_iter();
        let mut next = || operands.next().expect("verified arity");
        match &node.op {
            Op::Input { .. } | Op::Reshape { .. } => next(),
            Op::Dense { weight, .. } => {
                let [rows, cols] = [weight.shape()[0], weight.shape()[1]];
                let weight = leaf("weight").reshape([rows, cols]).transpose();
                next().matmul(weight) + leaf("bias").reshape([1, rows])
            }
            Op::Linear { matrix, .. } => {
                let [rows, cols] = [matrix.rows() as usize, matrix.cols() as usize];
                let mut dense = vec![0f32; rows * cols];
                for (row, col, value) in matrix.entries() {
                    dense[row as usize * cols + col as usize] = value as f32;
                }
                let dense = Tensor::<1>::from_data(dense.as_slice(), &self.device);
                next().matmul(dense.reshape([rows, cols]).transpose())
                    + leaf("bias").reshape([1, rows])
            }
            Op::Conv {
                geometry, weight, ..
            } => images::conv(
                geometry,
                weight.shape(),
                leaf("weight"),
                leaf("bias"),
                next(),
            ),
            Op::ConvTranspose {
                geometry, weight, ..
            } => images::conv_transpose(
                geometry,
                weight.shape(),
                leaf("weight"),
                leaf("bias"),
                next(),
            ),
            Op::AvgPool(pool) => images::average(pool, shape, next()),
            Op::MaxPool(pool) => images::maximum(pool, shape, next()),
            Op::GlobalAvgPool => {
                let axes: Vec<usize> = (1..shape.len()).collect();
                mean(&axes, shape, next())
            }
            Op::Mean { axes } => mean(axes, shape, next()),
            Op::Affine { scale, shift } => {
                let scale = spread(leaf("scale"), scale.shape(), shape, &self.device);
                let shift = spread(leaf("shift"), shift.shape(), shape, &self.device);
                next() * scale + shift
            }
            Op::Pad(pad) => images::pad(*pad, shape, next()),
            Op::Select(selection) => {
                let sources = selection.sources(shape);
                let x = next();
                let picks: Vec<i64> = sources.iter().map(|s| i64::from(s.unwrap_or(0))).collect();
                let picks = Tensor::<1, Int>::from_data(picks.as_slice(), &self.device);
                let picked = x.select(1, picks);
                if sources.iter().all(Option::is_some) {
                    return picked;
                }
                let kept: Vec<f32> = sources.iter().map(|s| f32::from(s.is_some())).collect();
                let fill: Vec<f32> = sources
                    .iter()
                    .map(|s| {
                        if s.is_some() {
                            0.0
                        } else {
                            selection.fill as f32
                        }
                    })
                    .collect();
                let row = |values: Vec<f32>| {
                    Tensor::<1>::from_data(values.as_slice(), &self.device)
                        .reshape([1, sources.len()])
                };
                picked * row(kept) + row(fill)
            }
            Op::Concat { axis } => {
                let shapes: Vec<&[usize]> = self
                    .graph
                    .operands(id)
                    .iter()
                    .map(|&o| self.graph.shape(o))
                    .collect();
                let outer: usize = shapes[0][..*axis].iter().product();
                let parts: Vec<Tensor<3>> = operands
                    .zip(shapes)
                    .map(|(x, shape)| {
                        let [n, _] = x.dims();
                        x.reshape([n, outer, shape[*axis..].iter().product()])
                    })
                    .collect();
                flat(Tensor::cat(parts, 2))
            }
            Op::Add => next() + next(),
            Op::Mul => next() * next(),
            Op::Activation(activation) => scalars::activation(activation, next()),
            Op::Polynomial(polynomial) => {
                scalars::polynomial(polynomial, leaf("coefficients"), next())
            }
        }
    }
}

/// A sample per row again.
fn flat<const D: usize>(x: Tensor<D>) -> Batch {
    let dims = x.dims();
    x.reshape([dims[0], dims[1..].iter().product()])
}

/// Averages over axes of `shape`.
fn mean(axes: &[usize], shape: &[usize], x: Batch) -> Batch {
    let mut shape = shape.to_vec();
    let mut x = x;
    for &axis in axes {
        let [n, _] = x.dims();
        let outer: usize = shape[..axis].iter().product();
        let inner: usize = shape[axis + 1..].iter().product();
        x = flat(
            x.reshape([n * outer, shape[axis], inner])
                .mean_dim(1)
                .reshape([n, outer, inner]),
        );
        shape[axis] = 1;
    }
    x
}

/// A constant of shape `from`, repeated to a row of `to`'s elements by NumPy's rule.
fn spread(values: Tensor<1>, from: &[usize], to: &[usize], device: &Device) -> Batch {
    let n: usize = to.iter().product();
    let len: usize = from.iter().product();
    if len == n || len == 1 {
        return values.reshape([1, len]);
    }
    let index = graph::Tensor::new(from, (0..len).map(|k| k as f64).collect())
        .and_then(|index| index.broadcast_to(to))
        .expect("verified constants broadcast");
    let picks: Vec<i64> = index.values().iter().map(|&k| k as i64).collect();
    let picks = Tensor::<1, Int>::from_data(picks.as_slice(), device);
    values.select(0, picks).reshape([1, n])
}
