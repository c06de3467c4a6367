#![doc = include_str!("README.md")]

use crate::util::linear::{is_linear, linear_map};
use crate::util::plan;
use graph::{Graph, Op, Tensor};
use layout::{Diagonals, Periodic, SparseMatrix};
use pass::{Changed, Pass, PassCx, PassInfo, Refusal, Settings};
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
            let full = map.matrix;
            let mut matrix = full.clone();
            matrix.drop_zeros();
            if matrix.nnz() == full.nnz() {
                continue;
            }
            let node = graph.node(id);
            let mut note = format!(
                "{}: {} of {} weights are zero",
                node.name,
                full.nnz() - matrix.nnz(),
                full.nnz()
            );
            let layouts = [operand, id].map(|id| graph.node(id).facts.layout.clone());
            let mut zero_diagonals = 0;
            if let [Some(input), Some(output)] = layouts
                && let Some([dense, sparse]) = plans(&full, &matrix, &input, &output, cx.settings)
            {
                zero_diagonals = sparse.diagonals_zero;
                note += &format!(
                    "; diagonals {} to {}, babies {} to {}, giants {} to {}, input ciphertexts {} to {}, output ciphertexts {} to {}",
                    sparse.diagonals_total,
                    sparse.diagonals_total - sparse.diagonals_zero,
                    dense.babies,
                    sparse.babies,
                    dense.giants,
                    sparse.giants,
                    dense.inputs,
                    sparse.inputs,
                    dense.outputs,
                    sparse.outputs
                );
            }
            cx.note(note);
            let Some(bias) = Tensor::new(&node.shape, map.bias) else {
                continue;
            };
            let node = graph.node_mut(id);
            node.facts.zero_diagonals = zero_diagonals;
            node.op = Op::Linear {
                matrix: Arc::new(matrix),
                bias,
                stride: map.stride,
            };
            changed = true;
        }
        Ok(changed.into())
    }
}

/// What a layer's plan uses.
struct Used {
    diagonals_total: u64,
    diagonals_zero: u64,
    babies: u64,
    giants: u64,
    /// Ciphertexts read, and written by some weight.
    inputs: usize,
    outputs: usize,
}

/// Plans of a layer as if no weight were zero, and as it is.
fn plans(
    full: &SparseMatrix,
    matrix: &SparseMatrix,
    input: &Periodic,
    output: &Periodic,
    settings: &Settings,
) -> Option<[Used; 2]> {
    let ones = plan::without_zeros(full);
    let options = plan::options(settings);
    let used = |matrix: &SparseMatrix| {
        let diagonals = Diagonals::new(matrix, input, output).ok()?;
        let outline = diagonals.outline(input, output, &options, f64::INFINITY);
        let outline = outline.ok().flatten()?;
        let some = |amounts: &[Vec<u32>]| amounts.iter().filter(|a| !a.is_empty()).count();
        Some(Used {
            diagonals_total: outline.counts.diagonals_total,
            diagonals_zero: outline.counts.diagonals_zero,
            babies: outline.counts.babies,
            giants: outline.counts.giants,
            inputs: some(&outline.plan.babies),
            outputs: some(&outline.plan.giants),
        })
    };
    let dense = used(&ones)?;
    let mut sparse = used(matrix)?;
    // Both plans merge diagonals by the same period.
    sparse.diagonals_zero = dense.diagonals_total.saturating_sub(sparse.diagonals_total);
    sparse.diagonals_total = dense.diagonals_total;
    Some([dense, sparse])
}
