//! From matrix and layouts to a plan.

use super::diagonals::Diagonals;
use super::{LinearPlan, PlanOptions};
use crate::{LayoutError, Periodic, SparseMatrix};

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
/// Where the input has copies, an entry may use the shift to any of them, and so fewer diagonals serve the matrix; where
/// the output has copies, each is a row of its own. Several ways to choose are tried, the cheapest is kept.
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
    let diagonals = Diagonals::new(matrix, input, output)?;
    let outline = diagonals.outline(input, output, options, f64::INFINITY)?;
    Ok(diagonals.fill(outline.expect("some plan is cheaper than infinity")))
}
pub(super) fn check_arguments(
    matrix: &SparseMatrix,
    input: &Periodic,
    output: &Periodic,
) -> Result<(), LayoutError> {
    if output.n_slots != input.n_slots {
        return Err(LayoutError::SlotMismatch {
            input: input.n_slots,
            output: output.n_slots,
        });
    }
    input.check()?;
    output.check()?;
    if input.is_partial() || output.is_partial() {
        let what = "a layer on elements that sit nowhere";
        return Err(LayoutError::BadGeometry { what });
    }
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
