//! From matrix and layouts to a plan.

use super::cells::build_cells;
use super::search::{Found, search};
use super::shifts::Shifts;
use super::{BsgsPlan, LinearPlan, PlanCounts, PlanOptions};
use crate::{LayoutError, Periodic, SparseMatrix, next_power_of_two};

/// Plans one linear layer.
///
/// Let `p` be the input's period, `h` the least power of two that holds the output, `m = min(h, p)`.
/// An entry uses a shift `d ≡ col - row (mod m)`, which splits into a baby `a` and a giant `b`, both residues modulo `m`.
/// - Wide, `h >= p`: the weight goes to slot `row`, repeated every `h` slots. There `rot(x, d)` holds `x[col]`, because `x`
///   repeats every `p` slots and `p` divides both `h` and `d - (col - row)`. Nothing is left to add.
/// - Narrow, `h < p`: the weight goes to slot `(col - d) mod p`, the one slot of the period where `rot(x, d)` holds `x[col]`;
///   it is congruent to `row` modulo `h`. Adding up the slots congruent modulo `h`, by rotations `p/2, …, h`, completes the sum
///   in every slot.
///
/// A giant rotation acts on plaintexts rotated back by as much, so it changes no slot, only which baby serves it.
///
/// # Shapes
/// - `matrix`: rows as `output` has elements, columns as `input` has.
/// - `output`: its period and its number of ciphertexts are recomputed.
/// - Several input ciphertexts count as `p = n_slots`, several output ciphertexts as `h = n_slots`. Babies are shared by all
///   outputs, giants by all inputs. With several inputs and one output, wide and narrow are compared.
///
/// # Cost
/// `counts` of the result. Planning reads the matrix twice; the search itself sees sets of shifts only.
///
/// # Errors
/// Those of [`Periodic::check`], [`LayoutError::ShapeMismatch`], [`LayoutError::SlotMismatch`], [`LayoutError::BadCost`].
///
/// # Source
/// Halevi and Shoup, ePrint 2014/106, for diagonals; ePrint 2018/244 for baby and giant steps. Unlike both, we split
/// representatives modulo several powers of two, signed or not, and baby counts need not divide anything.
pub fn plan_linear(
    matrix: &SparseMatrix,
    input: &Periodic,
    output: &Periodic,
    options: &PlanOptions,
) -> Result<LinearPlan, LayoutError> {
    options.costs.check()?;
    input.check()?;
    let output = fit_output(output, input.n_slots)?;
    check_arguments(matrix, input, &output)?;
    let shifts = Shifts::new(matrix, input, &output);
    let plan = |period: Period| {
        let found = search(&shifts, period, input.n_slots, options);
        finish(matrix, input, output.clone(), &shifts, period, found)
    };
    let narrowest = Period {
        input: input.period,
        output: output.period,
    };
    let best = plan(narrowest);
    if input.n_ciphertexts > 1 && output.period < input.n_slots {
        let wide = plan(Period {
            output: input.n_slots,
            ..narrowest
        });
        if options.costs.total(&wide) < options.costs.total(&best) {
            return Ok(wide);
        }
    }
    Ok(best)
}

/// Periods of input and output of one candidate plan.
#[derive(Clone, Copy)]
pub(super) struct Period {
    pub input: u32,
    pub output: u32,
}

impl Period {
    pub fn m(self) -> u32 {
        self.input.min(self.output)
    }

    pub fn largest(self) -> u32 {
        self.input.max(self.output)
    }

    pub fn collapse(self) -> Vec<u32> {
        let halve = |&k: &u32| Some(k / 2);
        std::iter::successors(Some(self.input / 2), halve)
            .take_while(|&k| k >= self.output && k > 0)
            .collect()
    }
}

fn fit_output(output: &Periodic, n_slots: u32) -> Result<Periodic, LayoutError> {
    if output.n_slots != n_slots {
        return Err(LayoutError::SlotMismatch {
            input: n_slots,
            output: output.n_slots,
        });
    }
    let extent = output.extent();
    let mut output = output.clone();
    output.n_ciphertexts = extent.div_ceil(n_slots).max(1);
    output.period = match extent <= n_slots {
        true => next_power_of_two(extent),
        false => n_slots,
    };
    Ok(output)
}

fn check_arguments(
    matrix: &SparseMatrix,
    input: &Periodic,
    output: &Periodic,
) -> Result<(), LayoutError> {
    output.check()?;
    let same = |side, found, layout: &Periodic| match found == layout.n_elements {
        true => Ok(()),
        false => Err(LayoutError::ShapeMismatch {
            side,
            expected: layout.n_elements,
            found,
        }),
    };
    same("columns", matrix.cols(), input)?;
    same("rows", matrix.rows(), output)
}

fn finish(
    matrix: &SparseMatrix,
    input: &Periodic,
    mut output: Periodic,
    shifts: &Shifts,
    period: Period,
    found: Found,
) -> LinearPlan {
    let mut babies = vec![Vec::new(); shifts.n_inputs];
    let mut giants = vec![Vec::new(); shifts.n_outputs];
    for (pair, assigned) in shifts.pairs.iter().zip(&found.assigned) {
        babies[pair.input].extend(assigned.iter().map(|&(_, baby, _)| baby));
        giants[pair.output].extend(assigned.iter().map(|&(_, _, giant)| giant));
    }
    for amounts in babies.iter_mut().chain(&mut giants) {
        amounts.sort_unstable();
        amounts.dedup();
    }
    let collapse = period.collapse();
    let rotations = |sets: &[Vec<u32>]| sets.iter().flatten().filter(|&&k| k != 0).count() as u64;
    let mut keys: Vec<u32> = babies.iter().chain(&giants).flatten().copied().collect();
    keys.extend(&collapse);
    keys.sort_unstable();
    keys.dedup();
    let (stored, used) = shifts.n_residues(period.m());
    output.period = period.output;
    let cells = build_cells(matrix, input, &output, shifts, period, &found.assigned);
    let counts = PlanCounts {
        diagonals_total: stored,
        diagonals_zero: stored - used,
        babies: rotations(&babies),
        giants: rotations(&giants),
        collapse: collapse.len() as u64 * u64::from(output.n_ciphertexts),
        plain_products: cells.len() as u64,
        rotation_keys: keys.iter().filter(|&&k| k != 0).count() as u64,
    };
    LinearPlan {
        input: input.clone(),
        output,
        plan: BsgsPlan {
            babies,
            giants,
            n1: found.split.n1,
            n2: found.split.n2,
            lift: found.split.lift,
            signed: found.split.signed,
            centred: found.split.centred,
            exchanged: found.split.exchanged,
        },
        collapse,
        cells,
        counts,
    }
}
