//! The plaintexts of a plan.

use super::Cell;
use super::linear::Period;
use super::shifts::{Shifts, residue};
use crate::{Periodic, SparseMatrix};

/// Puts every weight other than zero into its plaintext, see [`super::plan_linear`] for the slots.
pub(super) fn build_cells(
    matrix: &SparseMatrix,
    input: &Periodic,
    output: &Periodic,
    shifts: &Shifts,
    period: Period,
    assigned: &[Vec<(u32, u32, u32)>],
) -> Vec<Cell> {
    let n_slots = input.n_slots;
    let m = period.m();
    let mut cells = Vec::new();
    // Per pair of ciphertexts and residue, the index of its cell.
    let mut cell_of = vec![Vec::new(); shifts.n_inputs * shifts.n_outputs];
    for (pair, assigned) in shifts.pairs.iter().zip(assigned) {
        let table = &mut cell_of[pair.output * shifts.n_inputs + pair.input];
        table.resize(m as usize, u32::MAX);
        for &(residue, baby, giant) in assigned {
            table[residue as usize] = cells.len() as u32;
            cells.push(Cell {
                out_ct: pair.output as u32,
                in_ct: pair.input as u32,
                baby,
                giant,
                period: period.largest(),
                entries: Vec::new(),
            });
        }
    }
    let col_at: Vec<u32> = (0..matrix.cols()).map(|col| input.position(col)).collect();
    for row in 0..matrix.rows() {
        let (row_ct, row_slot) = split(output.position(row), n_slots);
        for (col, value) in matrix.row(row).filter(|&(_, value)| value != 0.0) {
            let (col_ct, col_slot) = split(col_at[col as usize], n_slots);
            let table = &cell_of[row_ct * shifts.n_inputs + col_ct];
            let shift = residue(col_slot as i32 - row_slot as i32, m);
            let cell = &mut cells[table[shift as usize] as usize];
            let slot = match period.output >= period.input {
                true => row_slot,
                false => col_slot.wrapping_sub(cell.baby).wrapping_sub(cell.giant),
            };
            let slot = slot.wrapping_add(cell.giant) & (cell.period - 1);
            cell.entries.push((slot, value));
        }
    }
    for cell in &mut cells {
        cell.entries.sort_unstable_by_key(|&(slot, _)| slot);
        let distinct = cell.entries.windows(2).all(|pair| pair[0].0 != pair[1].0);
        assert!(distinct, "two weights in one slot of a plaintext");
    }
    cells.sort_by_key(|cell| (cell.out_ct, cell.giant, cell.in_ct, cell.baby));
    cells
}

fn split(position: u32, n_slots: u32) -> (usize, u32) {
    ((position / n_slots) as usize, position % n_slots)
}
