//! Layers that only move values, where the operands of a sum or product sit in different places.

use super::base::{Stop, assign};
use super::frames;
use crate::util::linear::{label, refused};
use graph::{Graph, NodeId, Op, Patch, Tensor};
use layout::SparseMatrix;
use pass::Refusal;
use std::sync::Arc;

/// Puts an identity before one operand of every sum or product that linear nodes of the network can not bring together
/// in any frame. Each takes a level; the linear node that it is can write any layout.
pub(super) fn insert(graph: &mut Graph, n_slots: u32) -> Result<(), Refusal> {
    loop {
        let order = graph.order();
        let mut differ = None;
        for frames in frames::candidates(graph, &order) {
            match assign(graph, &order, n_slots, frames) {
                Ok(_) => return Ok(()),
                Err(Stop::Refused(why)) => return Err(why),
                Err(Stop::Differ(id)) => differ = differ.or(Some(id)),
            }
        }
        match differ {
            Some(id) => convert(graph, id)?,
            None => return Ok(()),
        }
    }
}

/// Puts an identity between a sum or product and its second operand.
fn convert(graph: &mut Graph, id: NodeId) -> Result<(), Refusal> {
    let [first, second] = graph.operands(id)[..] else {
        return Err(Refusal::new(format!(
            "{} reads no two values",
            label(graph.node(id))
        )));
    };
    let shape = graph.shape(second).to_vec();
    let n = shape.iter().product::<usize>() as u32;
    let identity = Op::Linear {
        matrix: Arc::new(SparseMatrix::identity(n)),
        bias: Tensor::zeros(&shape),
        stride: None,
    };
    let node = graph.node(id);
    let (name, op) = (node.name.clone(), node.op.clone());
    let mut patch = Patch::new();
    let moved = patch.add(&format!("{name}.moved"), identity, &[second.into()]);
    let new = patch.add(&name, op, &[first.into(), moved]);
    patch.replace(id, new);
    patch.apply(graph).map_err(refused)
}
