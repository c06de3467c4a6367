//! Axes, positions and constant whole numbers of a node.

use crate::batch::MAX_ELEMENTS;
use crate::facts::Facts;
use crate::lower::Fault;
use crate::node::OnnxNode;

/// Shape of operand 0, batch axis included.
pub(super) fn operand_shape<'a>(
    node: OnnxNode<'_>,
    facts: &'a Facts,
) -> Result<&'a [usize], Fault> {
    let name = node.input(0).unwrap_or_default();
    let shape = facts.shape(name);
    shape.ok_or_else(|| Fault::Shape(format!("the shape of '{name}' is not known")))
}

/// Operand `k` as whole numbers; `None` where it is left out.
pub(super) fn ints(
    node: OnnxNode<'_>,
    facts: &Facts,
    k: usize,
    role: &str,
) -> Result<Option<Vec<i64>>, Fault> {
    let Some(name) = node.input(k) else {
        return Ok(None);
    };
    match facts.constant(name) {
        Some(tensor) => Ok(Some(tensor.values().iter().map(|&x| x as i64).collect())),
        None => Err(Fault::unsupported(
            format!(
                "its {role} '{name}' is computed from the network's input, expected a constant"
            ),
            format!("make the {role} a stored tensor"),
        )),
    }
}

/// An axis of a tensor, counted from the end if negative.
pub(super) fn axis(found: i64, rank: usize) -> Result<usize, Fault> {
    let from_start = if found < 0 {
        found.saturating_add(rank as i64)
    } else {
        found
    };
    let axis = usize::try_from(from_start).ok().filter(|&axis| axis < rank);
    axis.ok_or_else(|| Fault::Shape(format!("found axis {found}, expected one of {rank}")))
}

/// The axes, each once; all of them if none is named.
pub(super) fn axis_list(found: Option<Vec<i64>>, rank: usize) -> Result<Vec<usize>, Fault> {
    let Some(found) = found else {
        return Ok((0..rank).collect());
    };
    let mut axes = Vec::with_capacity(found.len());
    for &one in &found {
        let one = axis(one, rank)?;
        if axes.contains(&one) {
            return Err(Fault::Shape(format!(
                "found axes {found:?}, expected each once"
            )));
        }
        axes.push(one);
    }
    Ok(axes)
}

/// A position on an axis, counted from the end if negative.
pub(super) fn position(found: i64, size: usize) -> Result<u32, Fault> {
    let place = axis(found, size)
        .ok()
        .and_then(|place| u32::try_from(place).ok());
    place.ok_or_else(|| Fault::Shape(format!("found index {found} on an axis of {size}")))
}

/// Checks that a tensor of these sizes is not too large.
pub(super) fn bounded(sizes: &[u64]) -> Result<(), Fault> {
    let n = sizes.iter().try_fold(1u64, |n, &size| n.checked_mul(size));
    match n {
        Some(n) if n <= MAX_ELEMENTS => Ok(()),
        _ => Err(Fault::Shape(format!(
            "found a result of shape {sizes:?}, expected 1 to {MAX_ELEMENTS} elements"
        ))),
    }
}
