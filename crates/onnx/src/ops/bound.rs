//! Upper and lower bounds.

use super::arithmetic::{affine, aligned};
use crate::lower::{Data, Fault, Lowering, per_sample};
use crate::node::OnnxNode;
use graph::{Activation, Op, Tensor};

/// Beyond this, a bound of an f32 network does not bind.
const UNBOUNDED: f64 = 1e38;

/// `Clip`.
pub(super) fn clip<'a>(cx: &mut Lowering<'a>, node: OnnxNode<'a>) -> Result<Data, Fault> {
    let (low, high) = match node.opset {
        ..11 => (node.optional_float("min"), node.optional_float("max")),
        _ => (
            uniform(cx, node, 1, "lower bound")?,
            uniform(cx, node, 2, "upper bound")?,
        ),
    };
    let x = cx.data(node, 0)?;
    bounded(cx, node, x, low, high)
}

/// `Max` or `Min` of one computed value and constants.
pub(super) fn max_or_min<'a>(cx: &mut Lowering<'a>, node: OnnxNode<'a>) -> Result<Data, Fault> {
    let is_max = node.operator() == "Max";
    let mut data = None;
    let mut bound: Option<f64> = None;
    let mut several: Vec<Tensor> = Vec::new();
    for k in 0..node.proto.input.len() {
        if let Some(x) = cx.optional_data(node, k) {
            if data.replace(x).is_some() {
                return Err(Fault::unsupported(
                    "it compares two computed values",
                    "compare with a constant, as Relu and Clip do",
                ));
            }
        } else if cx
            .bounds(node, k, "bound")?
            .is_some_and(|t| !is_uniform(&t))
        {
            several.push(aligned(cx, node, k)?);
        } else if let Some(c) = uniform(cx, node, k, "bound")? {
            let meet = if is_max { f64::max } else { f64::min };
            bound = Some(bound.map_or(c, |b| meet(b, c)));
        }
    }
    let x = data.ok_or_else(|| {
        Fault::Shape("found constants only, expected a computed operand".to_owned())
    })?;
    let mut x = if is_max {
        bounded(cx, node, x, bound, None)?
    } else {
        bounded(cx, node, x, None, bound)?
    };
    for bounds in several {
        x = bounded_by_element(cx, node, x, bounds, is_max)?;
    }
    Ok(x)
}

/// `c + relu(x − c)`, or `c − relu(c − x)`, for constants `c` that differ between elements.
fn bounded_by_element<'a>(
    cx: &mut Lowering<'a>,
    node: OnnxNode<'a>,
    x: Data,
    bounds: Tensor,
    is_max: bool,
) -> Result<Data, Fault> {
    let sign = if is_max { 1.0 } else { -1.0 };
    let scale = Tensor::filled(&[], sign);
    let op = Op::Affine {
        scale: scale.clone(),
        shift: bounds.map(|c| -sign * c),
    };
    let shape = per_sample(cx.shape(node.output())?);
    if cx.graph.shape(x.id) != shape {
        return Err(Fault::unsupported(
            "its bounds broadcast the value",
            "use bounds of the value's shape",
        ));
    }
    let beyond = cx.emit_part(node, "beyond", op, &[x.id])?;
    let relu = cx.emit_part(node, "relu", Op::Activation(Activation::Relu), &[beyond])?;
    affine(cx, node, Data::new(relu), Some(scale), Some(bounds))
}

fn is_uniform(tensor: &Tensor) -> bool {
    let first = tensor.values().first();
    tensor.values().iter().all(|x| Some(x) == first)
}

/// A constant operand whose elements are all equal.
fn uniform(
    cx: &Lowering<'_>,
    node: OnnxNode<'_>,
    k: usize,
    role: &str,
) -> Result<Option<f64>, Fault> {
    let Some(tensor) = cx.bounds(node, k, role)? else {
        return Ok(None);
    };
    match tensor.values() {
        [first, rest @ ..] if rest.iter().all(|x| x == first) => Ok(Some(*first)),
        _ => Err(Fault::unsupported(
            format!("its {role} is not one number"),
            "use one bound for all elements",
        )),
    }
}

fn bounded<'a>(
    cx: &mut Lowering<'a>,
    node: OnnxNode<'a>,
    x: Data,
    low: Option<f64>,
    high: Option<f64>,
) -> Result<Data, Fault> {
    let binding = |bound: Option<f64>| bound.filter(|b| b.abs() < UNBOUNDED);
    match (binding(low), binding(high)) {
        (None, None) => Ok(x),
        (Some(0.0), None) => apply(cx, node, &x, Activation::Relu),
        (Some(low), None) => {
            let x = part(cx, node, "below", &x, (1.0, -low))?;
            let x =
                Data::new(cx.emit_part(node, "relu", Op::Activation(Activation::Relu), &[x])?);
            affine(cx, node, x, None, Some(Tensor::filled(&[], low)))
        }
        (None, Some(high)) => {
            if let Some(base) = x.form.relu_of() {
                return cx.unary(
                    node,
                    Op::Activation(Activation::Clip { low: 0.0, high }),
                    base,
                );
            }
            let x = part(cx, node, "above", &x, (-1.0, high))?;
            let x =
                Data::new(cx.emit_part(node, "relu", Op::Activation(Activation::Relu), &[x])?);
            affine(
                cx,
                node,
                x,
                Some(Tensor::filled(&[], -1.0)),
                Some(Tensor::filled(&[], high)),
            )
        }
        (Some(low), Some(high)) if low <= high => {
            apply(cx, node, &x, Activation::Clip { low, high })
        }
        (Some(low), Some(high)) => Err(Fault::Shape(format!(
            "found bounds {low} and {high}, expected the lower first"
        ))),
    }
}

fn part<'a>(
    cx: &mut Lowering<'a>,
    node: OnnxNode<'a>,
    name: &str,
    x: &Data,
    (scale, shift): (f64, f64),
) -> Result<graph::NodeId, Fault> {
    let op = Op::Affine {
        scale: Tensor::filled(&[], scale),
        shift: Tensor::filled(&[], shift),
    };
    cx.emit_part(node, name, op, &[x.id])
}

fn apply<'a>(
    cx: &mut Lowering<'a>,
    node: OnnxNode<'a>,
    x: &Data,
    function: Activation,
) -> Result<Data, Fault> {
    cx.formed(
        node,
        x.form.apply(function),
        Op::Activation(function),
        &[x.id],
    )
}
