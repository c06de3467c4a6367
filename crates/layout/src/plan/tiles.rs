//! Plans between tile tensors.

use std::collections::BTreeMap;

use super::{BsgsPlan, Cell, DigitRange, LinearPlan, Mask, PlanCounts};
use crate::{Elementwise, LayoutError, Periodic, SparseMatrix, TileDim, TileTensor};

/// What becomes of one dimension of the tiles.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Role {
    /// The input's values are summed.
    Summed,
    /// The input is replicated, the output's values are written.
    Written,
    /// Both hold values: the input is rotated by the difference of their indices.
    Shared,
    /// Both are replicated.
    Filled,
}

/// Plans a linear layer whose output is a tile tensor, from any input whose values lie in tiles of that shape.
///
/// Both layouts decide what happens along each dimension of the tiles. Where the input holds values and the output one
/// value or replicas, products are summed by rotate-and-add; where the input is replicated, the output's values are
/// written; where both hold values, the input is rotated. So `[K/t1, */t2] → [*/t1, M/t2]` is form A of a dense layer,
/// `[*/t1, K/t2] → [M/t1, 1?/t2]` form B, and an image `[C/t, H~/ty, W~/tx, */tf] → [*/t, H~/ty, W~/tx, F/tf]` a
/// convolution, of which most taps need no rotation. Tiles without a weight take part in nothing.
///
/// A sum along a dimension that is not the first ends in one slot, beside unknown values. Where the output is replicated
/// instead, a mask clears those, which costs a level, and rotate-and-adds duplicate the sum.
///
/// # Errors
/// Those of [`Periodic::check`], [`LayoutError::ShapeMismatch`], [`LayoutError::BadTiles`] if the output is no tile
/// tensor, the input does not lie in tiles of its shape, or sums do not end as the output says.
///
/// # Source
/// Aharoni et al., HElayers, PETS 2023: tile tensors, alternation of dense layers, interleaved convolution. Unlike theirs,
/// weights sit only in slots that lead to a value, so that neither borders nor unknown slots need a mask of their own.
pub fn plan_tiles(
    matrix: &SparseMatrix,
    input: &Periodic,
    output: &Periodic,
) -> Result<LinearPlan, LayoutError> {
    plan(matrix, input, output, true)
}

/// What [`plan_tiles`] would cost, without its weights.
///
/// # Errors
/// Those of [`plan_tiles`].
pub fn count_tiles(
    matrix: &SparseMatrix,
    input: &Periodic,
    output: &Periodic,
) -> Result<PlanCounts, LayoutError> {
    Ok(plan(matrix, input, output, false)?.counts)
}

/// The plan; without `is_filled`, each plaintext has one weight only.
fn plan(
    matrix: &SparseMatrix,
    input: &Periodic,
    output: &Periodic,
    is_filled: bool,
) -> Result<LinearPlan, LayoutError> {
    super::linear::check_arguments(matrix, input, output)?;
    let Some(out) = output.as_tiles() else {
        return Err(LayoutError::BadTiles {
            expected: "a tile tensor",
            found: output.to_string(),
        });
    };
    let (x, out) = common_tiles(input, out)?;
    let out = &out;
    let roles: Vec<Role> = x.dims.iter().zip(&out.dims).map(role).collect();
    let weights = weight_shape(&x, out, &roles);
    let Ending {
        collapse,
        mask,
        duplicate,
    } = ending(&x, &weights, out, &roles)?;
    let (stored, cells) = cells(matrix, input, output, &weights, &roles, is_filled);
    let mut babies = vec![Vec::new(); input.n_ciphertexts as usize];
    let mut giants = vec![Vec::new(); output.n_ciphertexts as usize];
    for cell in &cells {
        babies[cell.in_ct as usize].push(cell.baby);
        giants[cell.out_ct as usize] = vec![0];
    }
    for amounts in &mut babies {
        amounts.sort_unstable();
        amounts.dedup();
    }
    let n_outputs = giants.iter().filter(|giants| !giants.is_empty()).count() as u64;
    let rotated = |amounts: &&u32| **amounts != 0;
    let mut keys: Vec<u32> = babies
        .iter()
        .flatten()
        .copied()
        .filter(|&k| k != 0)
        .collect();
    keys.extend(collapse.iter().chain(&duplicate));
    keys.sort_unstable();
    keys.dedup();
    let used = cells.len() as u64;
    let counts = PlanCounts {
        diagonals_total: stored,
        diagonals_zero: stored - used,
        babies: babies.iter().flatten().filter(rotated).count() as u64,
        decomposed: babies
            .iter()
            .filter(|all| all.iter().any(|&k| k != 0))
            .count() as u64,
        giants: 0,
        collapse: n_outputs * collapse.len() as u64,
        conversion: n_outputs * duplicate.len() as u64,
        masks: n_outputs * u64::from(mask.is_some()),
        plain_products: used,
        rotation_keys: keys.len() as u64,
    };
    Ok(LinearPlan {
        input: input.clone(),
        output: output.clone(),
        plan: BsgsPlan {
            babies,
            giants,
            n1: 2 * input.n_slots,
            n2: 0,
            lift: input.n_slots,
            signed: false,
            digits: DigitRange::default(),
            exchanged: false,
            nested: false,
        },
        collapse,
        mask,
        duplicate,
        cells,
        counts,
    })
}

/// Input and output in tiles of one shape. Replicated dimensions of either are cut as the other's are; a layout that is no
/// tile tensor lies along the last dimensions.
fn common_tiles(
    input: &Periodic,
    out: &TileTensor,
) -> Result<(TileTensor, TileTensor), LayoutError> {
    let tiles = |tensor: &TileTensor| -> Vec<u32> { tensor.dims.iter().map(|d| d.tile).collect() };
    let misfit = || LayoutError::BadTiles {
        expected: "the tile sizes of the layer's input",
        found: out.to_string(),
    };
    let sizes = tiles(out);
    if let Some(x) = input.as_tiles() {
        let as_out = x.regrouped(&sizes).map(|x| (x, out.clone()));
        let as_x = || Some((x.clone(), out.regrouped(&tiles(x))?));
        return as_out.or_else(as_x).ok_or_else(misfit);
    }
    // A vector that repeats also repeats every multiple of its period; its spare slots may hold copies.
    let row = sizes.last().map_or(1, |&last| last.max(input.period));
    let x = TileTensor::new([
        TileDim::replicated(input.n_slots / row),
        TileDim::unknown(input.n_ciphertexts.saturating_mul(row), row),
    ]);
    let x = x.regrouped(&sizes).ok_or_else(misfit)?;
    Ok((x, out.clone()))
}

fn role((x, out): (&TileDim, &TileDim)) -> Role {
    match (x.is_replicated(), out.is_replicated()) {
        (true, true) => Role::Filled,
        (true, false) => Role::Written,
        (false, true) => Role::Summed,
        (false, false) if out.size == 1 && x.size > 1 && !out.is_interleaved() => Role::Summed,
        (false, false) => Role::Shared,
    }
}

/// The tiles of weights: replicated where nothing depends on them, zero in spare slots.
fn weight_shape(x: &TileTensor, out: &TileTensor, roles: &[Role]) -> TileTensor {
    let (x, out) = (x.cleaned(), out.cleaned());
    let dim = |(i, role): (usize, &Role)| match role {
        Role::Filled => out.dims[i],
        Role::Summed => x.dims[i],
        Role::Written | Role::Shared => out.dims[i],
    };
    TileTensor::new(roles.iter().enumerate().map(dim).collect::<Vec<_>>())
}

/// What follows the sums of products.
struct Ending {
    collapse: Vec<u32>,
    mask: Option<Mask>,
    duplicate: Vec<u32>,
}

fn ending(
    x: &TileTensor,
    weights: &TileTensor,
    out: &TileTensor,
    roles: &[Role],
) -> Result<Ending, LayoutError> {
    // What a rotation brings into the spare slots of a shared dimension is unknown.
    let rotated = |(i, role): (usize, &Role)| match role {
        Role::Shared => TileDim {
            fill: crate::Fill::Values {
                interleaved: weights.dims[i].is_interleaved(),
                unknown: true,
            },
            ..weights.dims[i]
        },
        _ => x.dims[i],
    };
    let moved = TileTensor::new(roles.iter().enumerate().map(rotated).collect::<Vec<_>>());
    let mut tensor = moved.elementwise(weights, Elementwise::Mul)?;
    let mut collapse = Vec::new();
    let summed = |role: Role| (0..roles.len()).filter(move |&i| roles[i] == role);
    for dim in summed(Role::Summed) {
        let sum = tensor.sum(dim)?;
        tensor = sum.tensor;
        collapse.extend(sum.amounts);
    }
    let mut mask = None;
    let mut duplicate = Vec::new();
    if !tensor.serves(out) {
        // Replicas are in the way where the output has zeros.
        for (dim, out) in tensor.dims.iter_mut().zip(&out.dims) {
            if dim.is_replicated() && !out.is_replicated() {
                *dim = TileDim::unknown(1, dim.tile);
            }
        }
        mask = tensor.is_dirty().then(|| Mask::of(&tensor));
        tensor = tensor.cleaned();
        for dim in summed(Role::Summed) {
            if out.dims[dim].is_replicated() && !tensor.dims[dim].is_replicated() {
                let copied = tensor.duplicated(dim)?;
                tensor = copied.tensor;
                duplicate.extend(copied.amounts);
            }
        }
    }
    match tensor.serves(out) {
        true => Ok(Ending {
            collapse,
            mask,
            duplicate,
        }),
        false => Err(LayoutError::BadTiles {
            expected: "sums in the slots where they end",
            found: out.to_string(),
        }),
    }
}

impl Mask {
    /// Keeps the first slot along each dimension whose other slots are unknown.
    fn of(tensor: &TileTensor) -> Self {
        let leading = tensor
            .dims
            .iter()
            .take_while(|dim| !dim.is_unknown())
            .count();
        let mut period = 1;
        let mut slots = vec![0];
        for dim in tensor.dims[leading..].iter().rev() {
            let kept = if dim.is_unknown() { 1 } else { dim.tile };
            let along = (0..kept).map(|k| k * period);
            slots = along
                .flat_map(|to| slots.iter().map(move |from| from + to))
                .collect();
            period *= dim.tile;
        }
        Self { period, slots }
    }
}

/// The plaintexts with a weight other than zero, and how many have a stored one.
fn cells(
    matrix: &SparseMatrix,
    input: &Periodic,
    output: &Periodic,
    weights: &TileTensor,
    roles: &[Role],
    is_filled: bool,
) -> (u64, Vec<Cell>) {
    let n_slots = input.n_slots;
    // A position's tile, its slots along summed or written dimensions, and along shared ones.
    let parts = |position: u32, own: &[Role]| {
        let slot = position % n_slots;
        let along = |kinds: &[Role]| -> u32 {
            let dims = (0..roles.len()).filter(|&i| kinds.contains(&roles[i]));
            dims.map(|i| {
                let stride = weights.stride(i);
                slot / stride % weights.dims[i].tile * stride
            })
            .sum()
        };
        (position / n_slots, along(own), along(&[Role::Shared]))
    };
    let of_col = |col| parts(input.position(col), &[Role::Summed]);
    let cols: Vec<(u32, u32, u32)> = (0..matrix.cols()).map(of_col).collect();
    let (period, replicas) = (weights.period(), weights.replicas());
    let mut found: BTreeMap<(u32, u32, u32), Vec<(u32, f64)>> = BTreeMap::new();
    for row in 0..matrix.rows() {
        let (out_ct, own, shared) = parts(output.position(row), &[Role::Written, Role::Shared]);
        for (col, value) in matrix.row(row) {
            let (in_ct, summed, at) = cols[col as usize];
            let baby = at.wrapping_sub(shared) & (n_slots - 1);
            let entries = found.entry((out_ct, in_ct, baby)).or_default();
            if value != 0.0 && (is_filled || entries.is_empty()) {
                entries.extend(replicas.iter().map(|offset| (own + summed + offset, value)));
            }
        }
    }
    let stored = found.len() as u64;
    let made = found.into_iter().filter(|(_, entries)| !entries.is_empty());
    let cell = |((out_ct, in_ct, baby), mut entries): ((u32, u32, u32), Vec<(u32, f64)>)| {
        entries.sort_unstable_by_key(|&(slot, _)| slot);
        let distinct = entries.windows(2).all(|pair| pair[0].0 != pair[1].0);
        assert!(distinct, "two weights in one slot of a plaintext");
        Cell {
            out_ct,
            in_ct,
            baby,
            giant: 0,
            period,
            entries,
        }
    };
    (stored, made.map(cell).collect())
}
