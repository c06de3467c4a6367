//! Weights as matrices.

use privet::extend::graph::Op;
use privet::extend::{Graph, NodeId};
use train::ParameterId;

/// A convolution's or dense layer's weight as a matrix with a column per output channel or neuron.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WeightMatrix {
    /// The weight.
    pub parameter: ParameterId,
    /// Taps times input channels of a group, the channel changing fastest; inputs of a dense layer.
    pub rows: usize,
    /// Outputs.
    pub cols: usize,
    /// Kernel positions; 1 for a dense layer.
    pub taps: usize,
}

impl WeightMatrix {
    /// The matrix of a node; `None` if it is neither a convolution nor dense.
    pub fn of(graph: &Graph, id: NodeId) -> Option<Self> {
        let node = graph.node(id);
        let (weight, taps) = match &node.op {
            Op::Conv {
                weight, geometry, ..
            } => (weight, geometry.kernel.0 * geometry.kernel.1),
            Op::Dense { weight, .. } => (weight, 1),
            _ => return None,
        };
        let cols = weight.shape()[0];
        Some(Self {
            parameter: ParameterId::weight(&node.name),
            rows: weight.len() / cols.max(1),
            cols,
            taps: taps as usize,
        })
    }

    /// Position of an entry in the weight, row-major over `[out, in, kernel rows, kernel columns]`.
    pub fn index(&self, row: usize, col: usize) -> u32 {
        let channels = self.rows / self.taps;
        let (tap, channel) = (row / channels, row % channels);
        ((col * channels + channel) * self.taps + tap) as u32
    }

    /// The bias that goes with the columns.
    pub fn bias(&self) -> ParameterId {
        ParameterId::new(&self.parameter.node, "bias")
    }
}

/// The layers that are pruned, in the graph's order: all convolutions and dense layers but the last dense one.
pub fn prunable(graph: &Graph) -> Vec<WeightMatrix> {
    let order = graph.order();
    let is_dense = |id: &&NodeId| matches!(graph.node(**id).op, Op::Dense { .. });
    let last = order.iter().rfind(is_dense).copied();
    let layers = order.into_iter().filter(|id| Some(*id) != last);
    layers
        .filter_map(|id| WeightMatrix::of(graph, id))
        .collect()
}
