//! Sums, means and norms over axes.

use super::arithmetic::affine;
use super::axes::{axis_list, ints, operand_shape};
use super::rearrange;
use crate::facts::Facts;
use crate::lower::{Data, Fault, Lowering};
use crate::node::OnnxNode;
use graph::{Activation, Op, Polynomial, Tensor};

/// The axes that a node reduces, ascending; `None` where it reduces nothing.
fn axes(node: OnnxNode<'_>, facts: &Facts, rank: usize) -> Result<Option<Vec<usize>>, Fault> {
    let first_with_operand = if node.operator() == "ReduceSum" {
        13
    } else {
        18
    };
    let found = match node.opset {
        n if n < first_with_operand => node.ints("axes").map(<[i64]>::to_vec),
        _ => ints(node, facts, 1, "axes")?,
    };
    let found = found.filter(|axes| !axes.is_empty());
    if found.is_none() && node.int("noop_with_empty_axes", 0) != 0 {
        return Ok(None);
    }
    let mut axes = axis_list(found, rank)?;
    axes.sort_unstable();
    Ok(Some(axes))
}

/// Shape of the result.
pub(crate) fn shape(node: OnnxNode<'_>, facts: &Facts) -> Result<Vec<usize>, Fault> {
    let operand = operand_shape(node, facts)?;
    let axes = axes(node, facts, operand.len())?.unwrap_or_default();
    let keeps = node.int("keepdims", 1) != 0;
    let size = |(axis, &size): (usize, &usize)| match axes.contains(&axis) {
        false => Some(size),
        true => keeps.then_some(1),
    };
    Ok(operand.iter().enumerate().filter_map(size).collect())
}

/// Reductions that are sums of a function of each element, or a function of such a sum.
pub(super) fn reduce<'a>(cx: &mut Lowering<'a>, node: OnnxNode<'a>) -> Result<Data, Fault> {
    let x = cx.data(node, 0)?;
    let operand = operand_shape(node, cx.facts)?;
    let axes = axes(node, cx.facts, operand.len())?.unwrap_or_default();
    if axes.contains(&0) && operand.len() > 1 && operand[0] == 1 && axes.len() < operand.len() {
        return Err(Fault::unsupported(
            "it reduces the batch axis, which mixes samples",
            "reduce other axes",
        ));
    }
    let (before, after) = match node.operator() {
        "ReduceSumSquare" => (Some(Op::Polynomial(Polynomial::square())), None),
        "ReduceL2" => (
            Some(Op::Polynomial(Polynomial::square())),
            Some(Activation::Sqrt),
        ),
        "ReduceL1" => (Some(Op::Activation(Activation::Abs)), None),
        "ReduceLogSum" => (None, Some(Activation::Log)),
        "ReduceLogSumExp" => (Some(Op::Activation(Activation::Exp)), Some(Activation::Log)),
        _ => (None, None),
    };
    let x = match before {
        Some(op) => cx.emit_part(node, "each", op, &[x.id])?,
        None => x.id,
    };
    let n: usize = axes.iter().map(|&axis| operand[axis]).product();
    let mean = mean(cx, node, x, operand, &axes)?;
    let sum = match node.operator() {
        "ReduceMean" => return Ok(mean),
        _ if n == 1 => mean,
        _ => affine(cx, node, mean, Some(Tensor::filled(&[], n as f64)), None)?,
    };
    match after {
        Some(function) => cx.unary(node, Op::Activation(function), sum.id),
        None => Ok(sum),
    }
}

/// The mean over axes, which keep the size 1.
fn mean<'a>(
    cx: &mut Lowering<'a>,
    node: OnnxNode<'a>,
    x: graph::NodeId,
    operand: &[usize],
    axes: &[usize],
) -> Result<Data, Fault> {
    let moving: Vec<usize> = axes.iter().copied().filter(|&a| operand[a] > 1).collect();
    if moving.is_empty() {
        return Ok(Data::new(x));
    }
    let dropped = usize::from(operand.len() > 1 && operand[0] == 1);
    let x = rearrange::shaped(cx, node, x, &operand[dropped..], "operand")?;
    let is_image = matches!(operand.len(), 3 | 4) && dropped == 1;
    let op = if is_image && axes.iter().copied().eq(2..operand.len()) {
        Op::GlobalAvgPool
    } else {
        let axes = moving.iter().map(|axis| axis - dropped).collect();
        Op::Mean { axes }
    };
    if node.operator() == "ReduceMean" {
        return cx.unary(node, op, x);
    }
    cx.emit_part(node, "mean", op, &[x]).map(Data::new)
}
