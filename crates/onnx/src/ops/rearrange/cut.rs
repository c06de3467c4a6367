//! Operators that keep a part of the elements.

use super::super::axes::{axis, ints, operand_shape, position};
use super::Moved;
use crate::facts::Facts;
use crate::lower::Fault;
use crate::node::OnnxNode;
use graph::Selection;

pub(super) fn slice(node: OnnxNode<'_>, facts: &Facts) -> Result<Moved, Fault> {
    let shape = operand_shape(node, facts)?;
    let named = |name: &str| node.ints(name).map(<[i64]>::to_vec);
    let (starts, ends, axes, steps) = match node.opset {
        ..10 => (named("starts"), named("ends"), named("axes"), None),
        _ => (
            ints(node, facts, 1, "start")?,
            ints(node, facts, 2, "end")?,
            ints(node, facts, 3, "axes")?,
            ints(node, facts, 4, "steps")?,
        ),
    };
    let (starts, ends) = (starts.unwrap_or_default(), ends.unwrap_or_default());
    let axes = axes.unwrap_or_else(|| (0..starts.len() as i64).collect());
    let steps = steps.unwrap_or_else(|| vec![1; starts.len()]);
    if [ends.len(), axes.len(), steps.len()] != [starts.len(); 3] {
        return Err(Fault::Shape(format!(
            "found {} starts, {} ends, {} axes and {} steps",
            starts.len(),
            ends.len(),
            axes.len(),
            steps.len()
        )));
    }
    let mut selection = Selection::all(shape);
    for (k, found) in axes.into_iter().enumerate() {
        let along = axis(found, shape.len())?;
        let places = sliced(shape[along], starts[k], ends[k], steps[k])?;
        selection = selection.along(along, places.map(Some));
    }
    Ok(Moved::one(shape, selection))
}

/// The positions of a slice of an axis of `n`.
fn sliced(n: usize, start: i64, end: i64, step: i64) -> Result<impl Iterator<Item = u32>, Fault> {
    let n = n as i64;
    if step == 0 || step == i64::MIN {
        return Err(Fault::Shape(format!("found a slice of step {step}")));
    }
    let from = |at: i64| if at < 0 { at.saturating_add(n) } else { at };
    let (start, end) = (from(start), from(end));
    let (start, room) = if step > 0 {
        let start = start.clamp(0, n);
        (start, end.clamp(0, n) - start)
    } else {
        let start = start.clamp(0, n - 1);
        (start, start - end.clamp(-1, n - 1))
    };
    let count = room.max(0).unsigned_abs().div_ceil(step.unsigned_abs());
    Ok((0..count).map(move |k| (start + k as i64 * step) as u32))
}

pub(super) fn split(node: OnnxNode<'_>, facts: &Facts) -> Result<Vec<Moved>, Fault> {
    let shape = operand_shape(node, facts)?;
    let along = axis(node.int("axis", 0), shape.len())?;
    let n_parts = node.proto.output.len();
    let stored = match node.opset {
        ..13 => node.ints("split").map(<[i64]>::to_vec),
        _ => ints(node, facts, 1, "sizes")?,
    };
    let size = shape[along];
    let sizes: Vec<usize> = match stored {
        Some(sizes) => sizes.iter().map(|&n| n.max(0) as usize).collect(),
        None => {
            let part = size.div_ceil(n_parts.max(1));
            let left = |k: usize| size.saturating_sub(k * part).min(part);
            (0..n_parts).map(left).collect()
        }
    };
    let total = sizes.iter().fold(0usize, |n, &part| n.saturating_add(part));
    if total != size || sizes.len() != n_parts {
        return Err(Fault::Shape(format!(
            "found parts of {sizes:?} for {n_parts} results of an axis of {size}"
        )));
    }
    let mut start = 0;
    let part = |&n: &usize| {
        let places = (start..start + n).map(|place| Some(place as u32));
        start += n;
        Moved::one(shape, Selection::all(shape).along(along, places))
    };
    Ok(sizes.iter().map(part).collect())
}

pub(super) fn gather(node: OnnxNode<'_>, facts: &Facts) -> Result<Moved, Fault> {
    let shape = operand_shape(node, facts)?;
    let along = axis(node.int("axis", 0), shape.len())?;
    let name = node.input(1).unwrap_or_default();
    let Some(indices) = facts.constant(name) else {
        return Err(Fault::unsupported(
            format!(
                "its indices '{name}' are computed from the network's input, expected constants"
            ),
            "make the indices a stored tensor",
        ));
    };
    let places: Result<Vec<_>, Fault> = indices
        .values()
        .iter()
        .map(|&index| position(index as i64, shape[along]).map(Some))
        .collect();
    let selection = Selection::all(shape).along(along, places?);
    let to = [&shape[..along], indices.shape(), &shape[along + 1..]].concat();
    Ok(Moved::one(shape, selection).shaped(to))
}
