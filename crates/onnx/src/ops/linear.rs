//! Fully connected layers.

use super::arithmetic::{affine, aligned};
use super::{rearrange, stack};
use crate::lower::{Data, Fault, Lowering, per_sample};
use crate::node::OnnxNode;
use graph::{Op, Tensor};

const ONE_ROW: &str = "multiply one row per sample: reshape to [batch, features] before";

/// `Gemm`: `alpha · A · B + beta · C`, one of `A`, `B` constant.
pub(super) fn gemm<'a>(cx: &mut Lowering<'a>, node: OnnxNode<'a>) -> Result<Data, Fault> {
    let flags = (node.int("transA", 0) != 0, node.int("transB", 0) != 0);
    if let Some(y) = stack::gemm(cx, node, flags)? {
        let [alpha, beta] = ["alpha", "beta"].map(|name| node.float(name, 1.0));
        let shift = match node.input(2) {
            Some(_) => Some(aligned(cx, node, 2)?.map(|c| beta * c)),
            None => None,
        };
        let shape = per_sample(cx.shape(node.output())?);
        let y = rearrange::shaped(cx, node, y, shape, "shape")?;
        let scale = Some(Tensor::filled(&[], alpha));
        return affine(cx, node, Data::new(y), scale, shift);
    }
    let (x, weight) = product(cx, node, flags)?;
    let [alpha, beta] = ["alpha", "beta"].map(|name| node.float(name, 1.0));
    let n_out = weight.shape()[0];
    let bias = match cx.constant(node, 2, "bias")? {
        Some(c) if beta != 0.0 => {
            let shape = cx.shape(node.output())?;
            let full = c.broadcast_to(shape).ok_or_else(|| {
                Fault::Shape(format!(
                    "found a bias of shape {:?}, expected {shape:?}",
                    c.shape()
                ))
            })?;
            Tensor::vector(full.values().iter().map(|v| beta * v).collect())
        }
        _ => Tensor::zeros(&[n_out]),
    };
    let weight = if alpha == 1.0 {
        weight
    } else {
        weight.map(|w| alpha * w)
    };
    let x = match cx.part_of(node, x.id) {
        Some((Op::Reshape { .. }, before)) => before,
        _ => x.id,
    };
    cx.unary(node, Op::Dense { weight, bias }, x)
}

/// `MatMul` with one constant operand; of more rows than one, a convolution of width 1 over them.
pub(super) fn mat_mul<'a>(cx: &mut Lowering<'a>, node: OnnxNode<'a>) -> Result<Data, Fault> {
    if stack::applies(cx, node)? {
        return stack::mat_mul(cx, node);
    }
    let (x, weight) = product(cx, node, (false, false))?;
    let bias = Tensor::zeros(&[weight.shape()[0]]);
    cx.unary(node, Op::Dense { weight, bias }, x.id)
}

/// The network's operand and the weight, `[out, in]`.
fn product<'a>(
    cx: &Lowering<'a>,
    node: OnnxNode<'a>,
    transposed: (bool, bool),
) -> Result<(Data, Tensor), Fault> {
    let (a, b) = (cx.optional_data(node, 0), cx.optional_data(node, 1));
    let (left, right) = (
        cx.shape(node.input(0).unwrap_or_default())?,
        cx.shape(node.input(1).unwrap_or_default())?,
    );
    let (rows, inner) = matrix(left, true, transposed.0);
    let (inner_b, cols) = matrix(right, false, transposed.1);
    if inner != inner_b {
        return Err(Fault::Shape(format!(
            "found a product of {left:?} and {right:?}"
        )));
    }
    let lead = |shape: &[usize]| shape.iter().rev().skip(2).all(|&n| n == 1);
    if !lead(left) || !lead(right) {
        return Err(Fault::unsupported(
            format!("it multiplies stacks of matrices, {left:?} by {right:?}"),
            ONE_ROW,
        ));
    }
    match (a, b) {
        (Some(x), None) if rows == 1 => Ok((
            x,
            to_rows(cx.weight(node, 1, "weight")?, cols, inner, !transposed.1)?,
        )),
        (None, Some(x)) if cols == 1 => Ok((
            x,
            to_rows(cx.weight(node, 0, "weight")?, rows, inner, transposed.0)?,
        )),
        (Some(_), Some(_)) => {
            let why =
                "both operands are computed from the network's input, expected a constant weight";
            Err(Fault::unsupported(why, "make one operand a stored tensor"))
        }
        _ => Err(Fault::unsupported(
            format!("it multiplies {left:?} by {right:?}, expected one row per sample"),
            ONE_ROW,
        )),
    }
}

/// Rows and columns of the last two axes; a vector is a row on the left, a column on the right.
fn matrix(shape: &[usize], is_left: bool, transposed: bool) -> (usize, usize) {
    let (rows, cols) = match *shape {
        [.., rows, cols] => (rows, cols),
        [n] if is_left => (1, n),
        [n] => (n, 1),
        [] => (1, 1),
    };
    if transposed {
        (cols, rows)
    } else {
        (rows, cols)
    }
}

/// The weight as `[out, in]`, stored so or as `[in, out]`.
fn to_rows(
    weight: Tensor,
    out: usize,
    inner: usize,
    is_stored_by_input: bool,
) -> Result<Tensor, Fault> {
    let values = weight.values();
    let values = match is_stored_by_input {
        true => (0..out)
            .flat_map(|row| (0..inner).map(move |col| values[col * out + row]))
            .collect(),
        false => values.to_vec(),
    };
    Tensor::new(&[out, inner], values)
        .ok_or_else(|| Fault::Shape(format!("found a weight of shape {:?}", weight.shape())))
}
