#![doc = include_str!("README.md")]

mod sums;
#[cfg(test)]
mod tests;

use crate::util::linear::{
    absorb_affine, is_linear, linear_before, linear_map, refused, reshapes_between,
};
use ::graph::{Graph, Node, NodeId, Op, Patch, Tensor};
use layout::SparseMatrix;
use pass::{Changed, Pass, PassCx, PassInfo, Refusal};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// See the module.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct FoldLinear {}

impl Pass<Graph> for FoldLinear {
    fn info(&self) -> PassInfo {
        PassInfo::new(
            "fold-linear",
            "adjacent linear layers become one where the product is sparse enough",
        )
        .needs("pools are lowered")
        .gives("no pool beside another linear layer that alone reads or feeds it")
        .source("matrix products, in f64")
    }

    fn run(&self, graph: &mut Graph, cx: &mut PassCx<'_>) -> Result<Changed, Refusal> {
        let mut changed = false;
        'again: loop {
            for id in graph.order() {
                if absorb_affine(graph, id).map_err(refused)? {
                    changed = true;
                    continue 'again;
                }
                if let Some((patch, [first, second])) = sums::fold(graph, id) {
                    patch.apply(graph).map_err(refused)?;
                    cx.note(format!("'{first}' and '{second}' became one"));
                    changed = true;
                    continue 'again;
                }
                let Some((first, op)) = product(graph, id) else {
                    continue;
                };
                let names = [first, id].map(|id| graph.node(id).name.clone());
                let nnz = match &op {
                    Op::Linear { matrix, .. } => matrix.nnz(),
                    _ => 0,
                };
                cx.note(format!(
                    "'{}' and '{}' became one, {nnz} entries",
                    names[0], names[1]
                ));
                replace(graph, first, id, op)?;
                changed = true;
                continue 'again;
            }
            break;
        }
        Ok(changed.into())
    }
}

/// The linear node that alone feeds `id`, and the two as one operation, if that pays.
fn product(graph: &Graph, id: NodeId) -> Option<(NodeId, Op)> {
    let node = graph.node(id);
    if !is_linear(&node.op) {
        return None;
    }
    let first = linear_before(graph, id)?;
    let source = graph.operands(first)[0];
    let operand = graph.operands(id)[0];
    let a = linear_map(&graph.node(first).op, graph.shape(source))?;
    let b = linear_map(&node.op, graph.shape(operand))?;
    let matrix = b.matrix.product(&a.matrix);
    let is_cheap = matrix.nnz() <= 2 * (a.matrix.nnz() + b.matrix.nnz());
    if !is_cheap && !averages(graph.node(first)) && !averages(node) {
        return None;
    }
    let carried = b.matrix.matvec(&a.bias);
    let bias = carried.iter().zip(&b.bias).map(|(x, y)| x + y).collect();
    let same_image = graph.shape(first) == graph.shape(operand);
    let strides = a.stride.zip(b.stride).filter(|_| same_image);
    let op = Op::Linear {
        matrix: Arc::new(matrix),
        bias: Tensor::new(graph.shape(id), bias)?,
        stride: strides.map(|(a, b)| (a.0 * b.0, a.1 * b.1)),
    };
    Some((first, op))
}

/// Puts `op` in the place of `first` and `id`. A pool's name gives way to its neighbour's.
fn replace(graph: &mut Graph, first: NodeId, id: NodeId, op: Op) -> Result<(), Refusal> {
    let names = [first, id].map(|id| graph.node(id).name.clone());
    let keeps_first = averages(graph.node(id)) && !averages(graph.node(first));
    let mut origin = graph.node(first).origin.clone();
    for reshape in reshapes_between(graph, first, id) {
        origin.extend(graph.node(reshape).origin.iter().cloned());
    }
    let mut patch = Patch::new();
    let new = patch.add(&names[1], op, &[graph.operands(first)[0].into()]);
    patch.replace(id, new);
    patch.apply(graph).map_err(refused)?;
    if let Some(id) = graph.find(&names[1]) {
        let node = graph.node_mut(id);
        node.origin.extend(origin);
        if keeps_first {
            node.name.clone_from(&names[0]);
        }
    }
    Ok(())
}

/// Whether this is a lowered pool or padding: channel by channel, equal weights within each output, nothing repeated.
fn averages(node: &Node) -> bool {
    match &node.op {
        Op::Conv {
            geometry, weight, ..
        } => {
            let depthwise = geometry.groups == geometry.in_channels
                && geometry.in_channels == geometry.out_channels;
            let first = weight.values().first();
            depthwise && weight.values().iter().all(|w| Some(w) == first)
        }
        Op::Linear {
            matrix,
            stride: Some(_),
            ..
        } => {
            let repeats = matrix.rows() > matrix.cols() && matrix.nnz() > matrix.cols() as usize;
            !repeats && (0..matrix.rows()).all(|row| has_equal_values(matrix, row))
        }
        _ => false,
    }
}

fn has_equal_values(matrix: &SparseMatrix, row: u32) -> bool {
    let mut values = matrix.row(row).map(|(_, value)| value);
    let first = values.next();
    values.all(|value| Some(value) == first)
}
