//! The cells of a layer by babies and giants.

use super::cells::{Members, PlannedLayer};
use super::select::Grid;
use super::split::{Split, splits};
use privet::extend::layout::PlanCosts;

/// Splits are compared that cost up to this many times the best one with all weights.
const SPLITS_WITHIN: f64 = 1.6;

/// A grid, and where each cell of a layer lies in it.
pub(super) struct Placed {
    pub grid: Grid,
    pub places: Vec<(usize, usize)>,
}

impl Placed {
    pub fn total(&self) -> f64 {
        let parts = [
            &self.grid.row_costs,
            &self.grid.col_costs,
            &self.grid.cell_costs,
        ];
        parts.into_iter().flatten().sum()
    }
}

/// What cells are worth; a weight in several cells counts in parts.
pub(super) fn cell_worths(layer: &PlannedLayer, worth: &[f64]) -> Vec<f64> {
    let mut n_cells = vec![0u32; layer.n_weights];
    let members = || layer.cells.iter().flat_map(|cell| &cell.weights);
    members().for_each(|&w| n_cells[w as usize] += 1);
    let share = |&w: &u32| worth[w as usize] / f64::from(n_cells[w as usize]);
    let of = |cell: &Members| cell.weights.iter().map(share).sum();
    layer.cells.iter().map(of).collect()
}

/// The layer's cells by the split of its plan, first, and by others that are not much dearer.
pub(super) fn grids(layer: &PlannedLayer, worths: &[f64], costs: &PlanCosts) -> Vec<Placed> {
    let m = layer.modulus;
    let own = placed(layer, worths, costs, |cell| (cell.baby, cell.giant));
    let by = |split: Split| placed(layer, worths, costs, |cell| split.of(cell.residue(m), m));
    let mut grids: Vec<Placed> = std::iter::once(own)
        .chain(splits(m).into_iter().map(by))
        .collect();
    let least = grids
        .iter()
        .map(Placed::total)
        .fold(f64::INFINITY, f64::min);
    let mut is_first = true;
    grids.retain(|placed| {
        std::mem::replace(&mut is_first, false) || placed.total() <= SPLITS_WITHIN * least
    });
    grids
}

fn placed(
    layer: &PlannedLayer,
    worths: &[f64],
    costs: &PlanCosts,
    digits: impl Fn(&Members) -> (u32, u32),
) -> Placed {
    let digits: Vec<(u32, u32)> = layer.cells.iter().map(digits).collect();
    let cells = layer.cells.iter().zip(&digits);
    let rows = sorted(cells.clone().map(|(cell, digits)| (cell.out_ct, digits.1)));
    let cols = sorted(cells.map(|(cell, digits)| (cell.in_ct, digits.0)));
    let priced = |lines: &[(u32, u32)], price: f64| -> Vec<f64> {
        lines
            .iter()
            .map(|&(_, amount)| if amount == 0 { 0.0 } else { price })
            .collect()
    };
    let mut grid = Grid {
        row_costs: priced(&rows, costs.k_g),
        col_costs: priced(&cols, costs.k_h),
        importance: vec![0.0; rows.len() * cols.len()],
        cell_costs: vec![0.0; rows.len() * cols.len()],
    };
    let find = |lines: &[(u32, u32)], line| lines.binary_search(&line).expect("it was listed");
    let place = |(cell, &(baby, giant)): (&Members, &(u32, u32))| {
        (
            find(&rows, (cell.out_ct, giant)),
            find(&cols, (cell.in_ct, baby)),
        )
    };
    let places: Vec<(usize, usize)> = layer.cells.iter().zip(&digits).map(place).collect();
    for (&(row, col), worth) in places.iter().zip(worths) {
        let at = row * cols.len() + col;
        grid.importance[at] += worth;
        grid.cell_costs[at] += costs.c_mul;
    }
    Placed { grid, places }
}

fn sorted(lines: impl Iterator<Item = (u32, u32)>) -> Vec<(u32, u32)> {
    let mut lines: Vec<(u32, u32)> = lines.collect();
    lines.sort_unstable();
    lines.dedup();
    lines
}
