//! Element-wise arithmetic, with constants and between values of the network.

use super::rearrange;
use crate::form::{Form, MAX_DEGREE};
use crate::lower::{Data, Fault, Lowering, per_sample};
use crate::node::OnnxNode;
use crate::step::Step;
use graph::{Activation, Basis, Graph, NodeId, Op, Polynomial, Tensor};

/// `Add`, and `Sum` of any number of operands.
pub(super) fn add<'a>(cx: &mut Lowering<'a>, node: OnnxNode<'a>) -> Result<Data, Fault> {
    let mut total: Option<Data> = None;
    let mut shift: Option<Tensor> = None;
    for k in 0..node.proto.input.len() {
        match operand(cx, node, k)? {
            Operand::Data(x) => {
                total = Some(match total {
                    Some(sum) => add_data(cx, node, &sum, &x)?,
                    None => x,
                });
            }
            Operand::Constant(c) if shift.is_some() => {
                let x = total.take().ok_or_else(|| {
                    Fault::Shape("found two constants before the network's value".to_owned())
                })?;
                let so_far = shift.replace(c);
                total = Some(affine(cx, node, x, None, so_far)?);
            }
            Operand::Constant(c) => shift = Some(c),
        }
    }
    let total = total.ok_or_else(|| Fault::Shape("found no operand".to_owned()))?;
    if shift.is_some() {
        affine(cx, node, total, None, shift)
    } else {
        Ok(total)
    }
}

/// `Mean` of any number of operands.
pub(super) fn mean<'a>(cx: &mut Lowering<'a>, node: OnnxNode<'a>) -> Result<Data, Fault> {
    let sum = add(cx, node)?;
    let share = 1.0 / node.proto.input.len().max(1) as f64;
    affine(cx, node, sum, Some(Tensor::filled(&[], share)), None)
}

/// `Where` with a constant condition: each side times its mask.
pub(super) fn choose<'a>(cx: &mut Lowering<'a>, node: OnnxNode<'a>) -> Result<Data, Fault> {
    let condition = match operand(cx, node, 0)? {
        Operand::Constant(condition) => condition,
        Operand::Data(_) => {
            return Err(Fault::unsupported(
                "its condition is computed from the network's input",
                "make the condition a stored tensor",
            ));
        }
    };
    let masks = [condition.clone(), condition.map(|c| 1.0 - c)];
    let (mut total, mut shift): (Option<Data>, Option<Tensor>) = (None, None);
    for (k, mask) in masks.into_iter().enumerate() {
        match operand(cx, node, k + 1)? {
            Operand::Data(x) => {
                let kept = affine(cx, node, x, Some(mask), None)?;
                total = Some(match total {
                    Some(sum) => add_data(cx, node, &sum, &kept)?,
                    None => kept,
                });
            }
            Operand::Constant(c) => {
                let shape = per_sample(cx.shape(node.output())?);
                let full = c.broadcast_to(shape).zip(mask.broadcast_to(shape));
                let masked = full.and_then(|(c, mask)| {
                    let values = c.values().iter().zip(mask.values()).map(|(c, m)| c * m);
                    Tensor::new(shape, values.collect())
                });
                shift = masked;
            }
        }
    }
    let total = total.ok_or_else(constants_only)?;
    match shift {
        Some(shift) => affine(cx, node, total, None, Some(shift)),
        None => Ok(total),
    }
}

fn add_data<'a>(
    cx: &mut Lowering<'a>,
    node: OnnxNode<'a>,
    a: &Data,
    b: &Data,
) -> Result<Data, Fault> {
    cx.formed(node, a.form.add(&b.form), Op::Add, &[a.id, b.id])
}

/// `Sub`: a constant shift, or the sum with the negated operand.
pub(super) fn sub<'a>(cx: &mut Lowering<'a>, node: OnnxNode<'a>) -> Result<Data, Fault> {
    match (operand(cx, node, 0)?, operand(cx, node, 1)?) {
        (Operand::Data(x), Operand::Constant(c)) => affine(cx, node, x, None, Some(c.map(|v| -v))),
        (Operand::Constant(c), Operand::Data(x)) => {
            affine(cx, node, x, Some(Tensor::filled(&[], -1.0)), Some(c))
        }
        (Operand::Data(a), Operand::Data(b)) => {
            let negative = b.form.affine(-1.0, 0.0);
            let form = a.form.add(&negative);
            if form.as_ref().and_then(Form::recognize).is_some() {
                return cx.formed(node, form, Op::Add, &[a.id, b.id]);
            }
            let minus = Op::Affine {
                scale: Tensor::filled(&[], -1.0),
                shift: Tensor::filled(&[], 0.0),
            };
            let negated = cx.emit_part(node, "negative", minus, &[b.id])?;
            cx.formed(node, form, Op::Add, &[a.id, negated])
        }
        (Operand::Constant(_), Operand::Constant(_)) => Err(constants_only()),
    }
}

/// `Mul`: a constant scale, or the product of two values.
pub(super) fn mul<'a>(cx: &mut Lowering<'a>, node: OnnxNode<'a>) -> Result<Data, Fault> {
    match (operand(cx, node, 0)?, operand(cx, node, 1)?) {
        (Operand::Data(x), Operand::Constant(c)) | (Operand::Constant(c), Operand::Data(x)) => {
            affine(cx, node, x, Some(c), None)
        }
        (Operand::Data(a), Operand::Data(b)) => {
            if is_mish(&cx.graph, a.id, b.id) || is_mish(&cx.graph, b.id, a.id) {
                let x = if is_mish(&cx.graph, a.id, b.id) { a } else { b };
                return cx.unary(node, Op::Activation(Activation::Mish), x.id);
            }
            cx.formed(node, a.form.mul(&b.form), Op::Mul, &[a.id, b.id])
        }
        (Operand::Constant(_), Operand::Constant(_)) => Err(constants_only()),
    }
}

/// Whether the factor is `tanh(softplus(x))`.
fn is_mish(graph: &Graph, x: NodeId, factor: NodeId) -> bool {
    let argument = |id: NodeId, function: Activation| match graph.node(id).op {
        Op::Activation(found) if found == function => graph.operands(id).first().copied(),
        _ => None,
    };
    let inner = argument(factor, Activation::Tanh);
    inner.and_then(|id| argument(id, Activation::Softplus)) == Some(x)
}

/// `Div` by a constant, or of one by a value.
pub(super) fn div<'a>(cx: &mut Lowering<'a>, node: OnnxNode<'a>) -> Result<Data, Fault> {
    match (operand(cx, node, 0)?, operand(cx, node, 1)?) {
        (Operand::Data(_), Operand::Constant(c)) if c.values().contains(&0.0) => Err(
            Fault::unsupported("it divides by zero", "train again: a weight diverged"),
        ),
        (Operand::Data(x), Operand::Constant(c)) => {
            affine(cx, node, x, Some(c.map(f64::recip)), None)
        }
        (Operand::Constant(c), Operand::Data(x)) => {
            if let Some((base, (scale, shift))) = x.form.logistic()
                && c.shape().is_empty()
                && c.values() == [1.0]
            {
                let x = part_affine(cx, node, base, scale, shift)?;
                return cx.unary(node, Op::Activation(Activation::Sigmoid), x);
            }
            let one = cx.emit_part(
                node,
                "reciprocal",
                Op::Activation(Activation::Reciprocal),
                &[x.id],
            )?;
            affine(cx, node, Data::new(one), Some(c), None)
        }
        _ => Err(Fault::unsupported(
            "it divides by a value computed from the network's input",
            "divide by constants only, or use a polynomial",
        )),
    }
}

/// `Neg`.
pub(super) fn neg<'a>(cx: &mut Lowering<'a>, node: OnnxNode<'a>) -> Result<Data, Fault> {
    let x = cx.data(node, 0)?;
    affine(cx, node, x, Some(Tensor::filled(&[], -1.0)), None)
}

/// `Pow` with a constant exponent: a polynomial for whole ones, a square root for a half.
pub(super) fn pow<'a>(cx: &mut Lowering<'a>, node: OnnxNode<'a>) -> Result<Data, Fault> {
    let x = cx.data(node, 0)?;
    let exponent = cx.weight(node, 1, "exponent")?;
    let nearest = || format!("use one whole exponent from 1 to {MAX_DEGREE}, or 0.5");
    let [e, rest @ ..] = exponent.values() else {
        return Err(Fault::Shape("found an empty exponent".to_owned()));
    };
    if rest.iter().any(|other| other != e) {
        return Err(Fault::unsupported(
            "its exponents differ between elements",
            nearest(),
        ));
    }
    if *e == 1.0 {
        return Ok(x);
    }
    if *e == 0.5 {
        return cx.formed(
            node,
            x.form.apply(Activation::Sqrt),
            Op::Activation(Activation::Sqrt),
            &[x.id],
        );
    }
    if e.fract() != 0.0 || !(2.0..=MAX_DEGREE as f64).contains(e) {
        return Err(Fault::unsupported(
            format!("found the exponent {e}"),
            nearest(),
        ));
    }
    let degree = *e as usize;
    let mut coefficients = vec![0.0; degree + 1];
    coefficients[degree] = 1.0;
    let plain = Op::Polynomial(Polynomial {
        basis: Basis::Power,
        coefficients,
    });
    cx.formed(node, x.form.power(degree), plain, &[x.id])
}

/// `x · scale + shift`, or `x` itself where that is it.
pub(super) fn part_affine<'a>(
    cx: &mut Lowering<'a>,
    node: OnnxNode<'a>,
    x: NodeId,
    scale: f64,
    shift: f64,
) -> Result<NodeId, Fault> {
    if (scale, shift) == (1.0, 0.0) {
        return Ok(x);
    }
    let op = Op::Affine {
        scale: Tensor::filled(&[], scale),
        shift: Tensor::filled(&[], shift),
    };
    cx.emit_part(node, "argument", op, &[x])
}

/// `x · scale + shift` with constants that are already aligned to `x`.
pub(super) fn affine<'a>(
    cx: &mut Lowering<'a>,
    node: OnnxNode<'a>,
    x: Data,
    mut scale: Option<Tensor>,
    shift: Option<Tensor>,
) -> Result<Data, Fault> {
    let mut x = x;
    if let (
        None,
        Some(_),
        Some((
            Op::Affine {
                scale: before,
                shift: zero,
            },
            base,
        )),
    ) = (&scale, &shift, cx.part_of(node, x.id))
        && zero.values() == [0.0]
        && node.step() == Some(Step::Whole)
    {
        scale = Some(before.clone());
        x = Data::new(base);
    }
    let scale = scale.unwrap_or_else(|| Tensor::filled(&[], 1.0));
    let shift = shift.unwrap_or_else(|| Tensor::filled(&[], 0.0));
    let form = match (scale.shape(), shift.shape()) {
        ([], []) => Some(x.form.affine(scale.values()[0], shift.values()[0])),
        _ => None,
    };
    cx.formed(node, form, Op::Affine { scale, shift }, &[x.id])
}

enum Operand {
    Data(Data),
    /// Aligned to the result: no batch axis, rank 0 for a single number.
    Constant(Tensor),
}

/// Operand `k`, of the result's shape or broadcasting to it.
fn operand<'a>(cx: &mut Lowering<'a>, node: OnnxNode<'a>, k: usize) -> Result<Operand, Fault> {
    let out = cx.shape(node.output())?;
    if let Some(x) = cx.optional_data(node, k) {
        let shape = cx.shape(node.input(k).unwrap_or_default())?;
        return fit(cx, node, x, shape, out).map(Operand::Data);
    }
    aligned(cx, node, k).map(Operand::Constant)
}

/// Constant operand `k` without its batch axis, of rank 0 if it is one number.
pub(super) fn aligned(cx: &Lowering<'_>, node: OnnxNode<'_>, k: usize) -> Result<Tensor, Fault> {
    let out = cx.shape(node.output())?;
    let constant = cx.weight(node, k, "operand")?;
    let fault = || {
        Fault::Shape(format!(
            "a constant of shape {:?} does not broadcast to {out:?}",
            constant.shape()
        ))
    };
    // What Privet wrote keeps its axes.
    let is_kept = node.step().is_some() && !constant.shape().is_empty();
    if constant.len() == 1 && !is_kept {
        return Ok(Tensor::filled(&[], constant.values()[0]));
    }
    let lead = out
        .len()
        .checked_sub(constant.shape().len())
        .ok_or_else(fault)?;
    let full: Vec<usize> = std::iter::repeat_n(1, lead)
        .chain(constant.shape().iter().copied())
        .collect();
    let dropped = out.len() - per_sample(out).len();
    let aligned = Tensor::new(&full[dropped..], constant.values().to_vec()).ok_or_else(fault)?;
    aligned.broadcast_to(per_sample(out)).ok_or_else(fault)?;
    Ok(aligned)
}

/// A value of the ONNX shape `name_shape`, repeated to the shape `out` if need be.
fn fit<'a>(
    cx: &mut Lowering<'a>,
    node: OnnxNode<'a>,
    x: Data,
    name_shape: &[usize],
    out: &[usize],
) -> Result<Data, Fault> {
    let shape = per_sample(out);
    let found = cx.graph.shape(x.id);
    if found == shape {
        return Ok(x);
    }
    if found.iter().product::<usize>() == shape.iter().product::<usize>() {
        return rearrange::shaped(cx, node, x.id, shape, "operand").map(Data::new);
    }
    let moved = rearrange::broadcast(name_shape, out)?;
    let wide = rearrange::emit(cx, node, x.id, &moved)?;
    rearrange::shaped(cx, node, wide, shape, "operand").map(Data::new)
}

fn constants_only() -> Fault {
    Fault::Shape("found constants only, expected a computed operand".to_owned())
}
