//! What each operation ties.

use super::{Axes, Segment, slice};
use ::graph::{Graph, NodeId, Op, Selection};
use layout::ConvGeometry;

impl Axes {
    /// Gives a node's result its classes and ties them to those of its operands.
    pub(super) fn tie(&mut self, graph: &Graph, id: NodeId) {
        let operands: Vec<Vec<Segment>> = graph
            .operands(id)
            .iter()
            .map(|operand| self.tensors[operand].clone())
            .collect();
        let node = graph.node(id);
        let result = match &node.op {
            Op::Concat { axis: 0 } => operands.concat(),
            _ => vec![self.fresh(node.shape.iter().product())],
        };
        self.tensors.insert(id, result.clone());
        let operand = || graph.shape(graph.operands(id)[0]);
        match &node.op {
            Op::Concat { axis: 0 }
            | Op::Dense { .. }
            | Op::Linear { stride: None, .. }
            | Op::Input { .. } => {}
            Op::Linear { .. } => {
                self.coarsen(&operands[0], slice(operand()));
                self.coarsen(&result, slice(&node.shape));
            }
            Op::Conv { geometry, .. } => {
                self.coarsen(&operands[0], slice(operand()));
                self.coarsen(&result, slice(&node.shape));
                self.tie_groups(geometry, &operands[0], &result);
            }
            Op::AvgPool(_) | Op::MaxPool(_) | Op::GlobalAvgPool | Op::Pad(_) => {
                self.coarsen(&operands[0], slice(operand()));
                self.coarsen(&result, slice(&node.shape));
                match (&operands[0][..], &result[..]) {
                    (&[x], &[y]) => self.unite(x, y),
                    _ => {
                        self.pin(&operands[0]);
                        self.pin(&result);
                    }
                }
            }
            Op::Add
            | Op::Mul
            | Op::Affine { .. }
            | Op::Activation(_)
            | Op::Polynomial(_)
            | Op::Reshape { .. } => {
                for operand in &operands {
                    self.unite_all(operand, &result);
                }
            }
            Op::Select(selection) if picks_slices(selection, operand()) => {
                self.coarsen(&operands[0], slice(operand()));
                self.coarsen(&result, slice(&node.shape));
                // What is picked from an input can change; the input can not.
                if matches!(
                    graph
                        .node(through_reshapes(graph, graph.operands(id)[0]))
                        .op,
                    Op::Input { .. }
                ) {
                    self.pin(&operands[0]);
                }
            }
            _ => {
                operands.iter().for_each(|operand| self.pin(operand));
                self.pin(&result);
            }
        }
        let is_ordered = || matches!(graph.node(through_reshapes(graph, id)).op, Op::Select(_));
        if graph.outputs().contains(&id) && (!graph.consumers(id).is_empty() || is_ordered()) {
            self.pin(&result);
        }
    }

    /// Channels of a depthwise convolution move with what they write; those of other groups stay in their group.
    fn tie_groups(&mut self, geometry: &ConvGeometry, operand: &[Segment], result: &[Segment]) {
        let ([x], [y]) = (operand, result) else {
            if geometry.groups > 1 {
                self.pin(operand);
                self.pin(result);
            }
            return;
        };
        let (x, y) = (self.resolved(*x), self.resolved(*y));
        if geometry.groups > 1 && geometry.groups == geometry.in_channels {
            self.unite(x, y);
        } else if geometry.groups > 1 {
            for segment in [x, y] {
                let n_groups = geometry.groups as usize;
                let size = self.size(segment.class);
                let group = if size.is_multiple_of(n_groups) {
                    size / n_groups
                } else {
                    1
                };
                self.restrict(segment.class, group);
            }
        }
    }
}

/// The first node that is no reshape, from `id` on towards the inputs.
pub fn through_reshapes(graph: &Graph, mut id: NodeId) -> NodeId {
    while matches!(graph.node(id).op, Op::Reshape { .. }) {
        id = graph.operands(id)[0];
    }
    id
}

/// Whether a selection reads the operand's first axis in some order and all others as they are.
pub fn picks_slices(selection: &Selection, shape: &[usize]) -> bool {
    let all = Selection::all(shape);
    selection.axes == all.axes
        && selection.places[1..] == all.places[1..]
        && selection.places[0].iter().all(|run| run.start.is_some())
}
