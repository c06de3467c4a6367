//! Masks of whole blocks.

use super::matrix::{WeightMatrix, prunable};
use super::score::{Score, keep_best};
use privet::extend::Graph;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use train::{ParameterId, WeightMask, WeightMasks, parameters};

/// What is kept or dropped as one, in a [`WeightMatrix`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Block {
    /// A filter or neuron.
    #[default]
    Column,
    /// All weights that read one input at one tap.
    Row,
    /// One weight, a product and a sum of the batch circuit.
    Scalar,
    /// So many rows and columns; smaller at the border.
    Sized {
        /// Rows, at least 1.
        rows: usize,
        /// Columns, at least 1.
        cols: usize,
    },
}

impl Block {
    fn size(self, matrix: &WeightMatrix) -> (usize, usize) {
        match self {
            Self::Column => (matrix.rows.max(1), 1),
            Self::Row => (1, matrix.cols.max(1)),
            Self::Scalar => (1, 1),
            Self::Sized { rows, cols } => (rows.max(1), cols.max(1)),
        }
    }

    /// The blocks of a matrix, as positions in the weight.
    pub fn blocks(self, matrix: &WeightMatrix) -> Vec<Vec<u32>> {
        let (rows, cols) = self.size(matrix);
        let mut blocks = Vec::new();
        for first_col in (0..matrix.cols).step_by(cols) {
            let in_cols = first_col..matrix.cols.min(first_col + cols);
            for first_row in (0..matrix.rows).step_by(rows) {
                let in_rows = first_row..matrix.rows.min(first_row + rows);
                let entries = in_cols
                    .clone()
                    .flat_map(|c| in_rows.clone().map(move |r| matrix.index(r, c)));
                blocks.push(entries.collect());
            }
        }
        blocks
    }
}

/// How many of `n` groups stay at a sparsity: the nearest number, and at least one.
pub fn n_kept(n: usize, sparsity: f64) -> usize {
    let share = (1.0 - sparsity).clamp(0.0, 1.0);
    ((share * n as f64).round() as usize).clamp(1, n.max(1))
}

/// Keeps the best blocks of every layer of [`prunable`], each layer losing the share `sparsity`. Ties go to the lower
/// index. Where a column loses all its weights, its bias goes too.
pub fn block_masks(graph: &Graph, block: Block, sparsity: f64, score: &Score) -> WeightMasks {
    let weights: BTreeMap<ParameterId, _> = parameters(graph).into_iter().collect();
    let mut masks = WeightMasks::new();
    for matrix in prunable(graph) {
        let weight = weights[&matrix.parameter].values();
        let blocks = block.blocks(&matrix);
        let scores: Vec<f64> = blocks
            .iter()
            .map(|b| score.of(&matrix.parameter, weight, b))
            .collect();
        let keep = keep_best(&scores, n_kept(blocks.len(), sparsity));
        let mut mask = WeightMask::full(weight.len());
        for (members, _) in blocks.iter().zip(keep).filter(|(_, keep)| !keep) {
            members.iter().for_each(|&k| mask.kept[k as usize] = false);
        }
        insert(&mut masks, &matrix, mask);
    }
    masks
}

/// Adds a weight's mask, and its bias's if some column lost all its weights.
pub(super) fn insert(masks: &mut WeightMasks, matrix: &WeightMatrix, mask: WeightMask) {
    let columns = mask.kept.chunks(matrix.rows.max(1));
    let bias: Vec<bool> = columns.map(|column| column.contains(&true)).collect();
    if bias.contains(&false) {
        masks.insert(matrix.bias(), WeightMask { kept: bias });
    }
    masks.insert(matrix.parameter.clone(), mask);
}
