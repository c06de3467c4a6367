//! Operators that repeat elements, surround them or deal them into blocks.

use super::super::axes::{axis_list, bounded, ints, operand_shape};
use super::Moved;
use crate::facts::Facts;
use crate::lower::Fault;
use crate::node::OnnxNode;
use graph::Selection;

pub(super) fn tile(node: OnnxNode<'_>, facts: &Facts) -> Result<Moved, Fault> {
    let shape = operand_shape(node, facts)?;
    let repeats = ints(node, facts, 1, "repeats")?.unwrap_or_default();
    if repeats.len() != shape.len() || repeats.iter().any(|&n| n < 1) {
        return Err(Fault::Shape(format!(
            "found repeats {repeats:?} for {shape:?}"
        )));
    }
    let sizes = shape.iter().zip(&repeats);
    let sizes: Vec<u64> = sizes
        .map(|(&n, &r)| (n as u64).saturating_mul(r as u64))
        .collect();
    bounded(&sizes)?;
    let mut selection = Selection::all(shape);
    for (along, (&n, &size)) in shape.iter().zip(&sizes).enumerate() {
        let places = (0..size).map(|k| Some((k % n as u64) as u32));
        selection = selection.along(along, places);
    }
    Ok(Moved::one(shape, selection))
}

pub(super) fn expand(node: OnnxNode<'_>, facts: &Facts) -> Result<Moved, Fault> {
    let shape = operand_shape(node, facts)?;
    let wanted = ints(node, facts, 1, "shape")?.unwrap_or_default();
    let rank = shape.len().max(wanted.len());
    let mut to = vec![1; rank - shape.len()];
    to.extend_from_slice(shape);
    for (size, &wanted) in to.iter_mut().rev().zip(wanted.iter().rev()) {
        if *size == 1 {
            *size = usize::try_from(wanted).unwrap_or(0);
        }
    }
    broadcast(shape, &to)
}

/// A tensor repeated to a larger shape by NumPy's rule.
pub(crate) fn broadcast(shape: &[usize], to: &[usize]) -> Result<Moved, Fault> {
    let misfit = || Fault::Shape(format!("{shape:?} does not broadcast to {to:?}"));
    let lead = to.len().checked_sub(shape.len()).ok_or_else(misfit)?;
    let mut from = vec![1; lead];
    from.extend_from_slice(shape);
    bounded(&to.iter().map(|&n| n as u64).collect::<Vec<_>>())?;
    let mut selection = Selection::all(&from);
    for (along, (&n, &size)) in from.iter().zip(to).enumerate() {
        if n == size {
            continue;
        }
        if n != 1 {
            return Err(misfit());
        }
        selection = selection.along(along, std::iter::repeat_n(Some(0), size));
    }
    Ok(Moved::one(&from, selection))
}

pub(super) fn pad(node: OnnxNode<'_>, facts: &Facts) -> Result<Moved, Fault> {
    let shape = operand_shape(node, facts)?;
    let amounts = match node.opset {
        ..11 => node.ints("pads").unwrap_or_default().to_vec(),
        _ => ints(node, facts, 1, "amounts")?.unwrap_or_default(),
    };
    let axes = axis_list(ints(node, facts, 3, "axes")?, shape.len())?;
    if amounts.len() != 2 * axes.len() {
        return Err(Fault::Shape(format!(
            "found {} amounts, expected {}",
            amounts.len(),
            2 * axes.len()
        )));
    }
    let value = node.input(2).and_then(|name| facts.constant(name));
    let fill = match node.opset {
        ..11 => node.float("value", 0.0),
        _ => value
            .and_then(|t| t.values().first().copied())
            .unwrap_or(0.0),
    };
    let mode = node.text("mode").unwrap_or("constant");
    let mut selection = Selection::all(shape);
    let mut sizes: Vec<u64> = shape.iter().map(|&n| n as u64).collect();
    for (k, &along) in axes.iter().enumerate() {
        let (before, after) = (amounts[k], amounts[axes.len() + k]);
        let n = shape[along] as i64;
        let end = n.saturating_add(after);
        let size = end.saturating_add(before).max(0);
        sizes[along] = size as u64;
        bounded(&sizes)?;
        let place = |k: i64| padded(mode, k - before, n);
        let places: Result<Vec<_>, Fault> = (0..size).map(place).collect();
        selection = selection.along(along, places?);
    }
    selection.fill = fill;
    Ok(Moved::one(shape, selection))
}

/// What stands at position `at` of an axis of `n` that goes on beyond its ends.
fn padded(mode: &str, at: i64, n: i64) -> Result<Option<u32>, Fault> {
    let place = match mode {
        "constant" => (0..n).contains(&at).then_some(at),
        "edge" => Some(at.clamp(0, n - 1)),
        "wrap" => Some(at.rem_euclid(n)),
        "reflect" if n == 1 => Some(0),
        "reflect" => {
            let turn = at.rem_euclid(2 * (n - 1));
            Some(turn.min(2 * (n - 1) - turn))
        }
        _ => {
            return Err(Fault::unsupported(
                format!("found mode '{mode}', expected constant, edge, reflect or wrap"),
                "pad with zeros",
            ));
        }
    };
    Ok(place.map(|place| place as u32))
}

/// `DepthToSpace` and `SpaceToDepth`.
pub(super) fn blocks(node: OnnxNode<'_>, facts: &Facts) -> Result<Moved, Fault> {
    let shape = operand_shape(node, facts)?;
    let block = usize::try_from(node.int("blocksize", 2)).unwrap_or(0);
    let &[n, c, h, w] = shape else {
        return Err(Fault::Shape(format!(
            "found an operand of shape {shape:?}, expected [1, channels, height, width]"
        )));
    };
    let square = block.saturating_mul(block).max(1);
    let is_deep = node.operator() == "DepthToSpace";
    let fits = if is_deep {
        c.is_multiple_of(square)
    } else {
        h.is_multiple_of(block) && w.is_multiple_of(block)
    };
    if block == 0 || !fits {
        return Err(Fault::Shape(format!(
            "found blocks of {block} in {shape:?}"
        )));
    }
    let (from, axes, to) = match (is_deep, node.text("mode")) {
        (true, Some("CRD")) => (
            [n, c / square, block, block, h, w],
            [0, 1, 4, 2, 5, 3],
            [n, c / square, h * block, w * block],
        ),
        (true, _) => (
            [n, block, block, c / square, h, w],
            [0, 3, 4, 1, 5, 2],
            [n, c / square, h * block, w * block],
        ),
        (false, _) => (
            [n, c, h / block, block, w / block, block],
            [0, 3, 5, 1, 2, 4],
            [n, c * square, h / block, w / block],
        ),
    };
    let selection = Selection::transposed(&from, &axes);
    Ok(Moved::one(&from, selection).shaped(to.to_vec()))
}
