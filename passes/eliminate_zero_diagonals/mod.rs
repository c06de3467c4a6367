#![doc = include_str!("README.md")]

use crate::util::linear::{is_linear, linear_map};
use graph::{Graph, Op, Tensor};
use pass::{Changed, Pass, PassCx, PassInfo, Refusal};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// See the module.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct EliminateZeroDiagonals {}

impl Pass<Graph> for EliminateZeroDiagonals {
    fn info(&self) -> PassInfo {
        PassInfo::new(
            "eliminate-zero-diagonals",
            "weights that are zero leave the matrix, so that no diagonal is planned for them",
        )
        .needs("layouts are chosen")
        .gives("no linear node holds a zero weight")
    }

    fn run(&self, graph: &mut Graph, cx: &mut PassCx<'_>) -> Result<Changed, Refusal> {
        let mut changed = false;
        for id in graph.order() {
            if !is_linear(&graph.node(id).op) {
                continue;
            }
            let operand = graph.operands(id)[0];
            let Some(map) = linear_map(&graph.node(id).op, graph.shape(operand)) else {
                continue;
            };
            let mut matrix = map.matrix;
            let before = matrix.nnz();
            matrix.drop_zeros();
            if matrix.nnz() == before {
                continue;
            }
            let node = graph.node(id);
            cx.note(format!(
                "{}: {} of {before} weights are zero",
                node.name,
                before - matrix.nnz()
            ));
            let Some(bias) = Tensor::new(&node.shape, map.bias) else {
                continue;
            };
            graph.node_mut(id).op = Op::Linear {
                matrix: Arc::new(matrix),
                bias,
                stride: map.stride,
            };
            changed = true;
        }
        Ok(changed.into())
    }
}
