//! The plaintexts of a plan.

use super::Cell;
use super::copies::Copies;
use super::period::Period;
use super::search::Assigned;
use super::shifts::residue;
use crate::{Periodic, SparseMatrix};

/// Puts every weight other than zero into its plaintext, see [`super::plan_linear`] for the slots.
pub(super) fn build_cells(
    matrix: &SparseMatrix,
    input: &Periodic,
    output: &Periodic,
    copies: &Copies,
    period: Period,
    assigned: &[((usize, usize), Assigned)],
) -> Vec<Cell> {
    let n_slots = input.n_slots;
    let m = period.m();
    let n_inputs = input.n_ciphertexts as usize;
    let mut cells = Vec::new();
    // Per pair of ciphertexts and residue, the index of its cell.
    let mut cell_of = vec![Vec::new(); n_inputs * output.n_ciphertexts as usize];
    for ((out_ct, in_ct), assigned) in assigned {
        let table = &mut cell_of[out_ct * n_inputs + in_ct];
        table.resize(m as usize, u32::MAX);
        for &(residue, baby, giant) in assigned {
            table[residue as usize] = cells.len() as u32;
            cells.push(Cell {
                out_ct: *out_ct as u32,
                in_ct: *in_ct as u32,
                baby,
                giant,
                period: period.largest(),
                entries: Vec::new(),
            });
        }
    }
    let col_at: Vec<u32> = (0..matrix.cols()).map(|col| input.position(col)).collect();
    for row in 0..matrix.rows() {
        let (row_ct, base_row) = split(output.position(row), n_slots);
        for (col, value) in matrix.row(row).filter(|&(_, value)| value != 0.0) {
            let (col_ct, base_col) = split(col_at[col as usize], n_slots);
            let table = &cell_of[row_ct * n_inputs + col_ct];
            for (place, offset) in places(output, base_row) {
                let row_slot = base_row + offset;
                let shift = copies.shift(place, base_col as i32 - base_row as i32);
                let cell = &mut cells[table[residue(shift, m) as usize] as usize];
                let slot = match period.output >= period.input {
                    true => row_slot,
                    false => {
                        let reaches = |&(_, i): &(usize, u32)| {
                            residue((base_col + i) as i32 - row_slot as i32 - shift, m) == 0
                        };
                        let copy = places(input, base_col).find(reaches);
                        let (_, offset) = copy.expect("a shift leads to a copy");
                        (base_col + offset)
                            .wrapping_sub(cell.baby)
                            .wrapping_sub(cell.giant)
                    }
                };
                let slot = slot.wrapping_add(cell.giant) & (cell.period - 1);
                cell.entries.push((slot, value));
            }
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

/// Where the element at a base position sits: places as [`Copies`] numbers them, and offsets.
fn places(layout: &Periodic, base: u32) -> impl Iterator<Item = (usize, u32)> + '_ {
    let copies = layout.copies.iter().enumerate();
    let held = copies.filter(move |(_, copy)| (copy.from..copy.to).contains(&base));
    std::iter::once((0, 0)).chain(held.map(|(i, copy)| (i + 1, copy.offset)))
}
