//! Activation functions.

use super::arithmetic::{affine, aligned, part_affine};
use crate::lower::{Data, Fault, Lowering};
use crate::node::OnnxNode;
use graph::{Activation, Op, Tensor};

pub(super) fn is_activation(operator: &str) -> bool {
    let all = [
        "Relu",
        "LeakyRelu",
        "Elu",
        "Sigmoid",
        "HardSigmoid",
        "HardSwish",
        "Tanh",
        "Softplus",
        "Softsign",
        "Erf",
        "Exp",
        "Abs",
        "Sqrt",
        "Gelu",
        "Mish",
        "ThresholdedRelu",
        "Reciprocal",
        "Sin",
        "Cos",
    ];
    all.contains(&operator)
}

/// The operators that are one [`Activation`].
pub(super) fn activation<'a>(cx: &mut Lowering<'a>, node: OnnxNode<'a>) -> Result<Data, Fault> {
    let function = match node.operator() {
        "Relu" => Activation::Relu,
        "LeakyRelu" => Activation::LeakyRelu {
            slope: node.float("alpha", 0.01),
        },
        "Elu" => Activation::Elu {
            alpha: node.float("alpha", 1.0),
        },
        "Sigmoid" => Activation::Sigmoid,
        "HardSigmoid" => Activation::HardSigmoid {
            alpha: node.float("alpha", 0.2),
            beta: node.float("beta", 0.5),
        },
        "HardSwish" => Activation::HardSwish,
        "Tanh" => Activation::Tanh,
        "Softplus" => Activation::Softplus,
        "Mish" => Activation::Mish,
        "ThresholdedRelu" => match node.float("alpha", 1.0) {
            0.0 => Activation::Relu,
            threshold => Activation::ThresholdedRelu { threshold },
        },
        "Reciprocal" => Activation::Reciprocal,
        "Sin" => Activation::Sin,
        "Cos" => Activation::Cos,
        "Softsign" => Activation::Softsign,
        "Erf" => Activation::Erf,
        "Exp" => Activation::Exp,
        "Abs" => Activation::Abs,
        "Sqrt" => Activation::Sqrt,
        "Gelu" => Activation::Gelu {
            tanh: node.text("approximate") == Some("tanh"),
        },
        other => return Err(Fault::Shape(format!("'{other}' is no activation"))),
    };
    if function
        .parameters()
        .iter()
        .any(|(_, value)| !value.is_finite())
    {
        return Err(Fault::Shape(
            "found a parameter that is not finite".to_owned(),
        ));
    }
    let x = cx.data(node, 0)?;
    cx.formed(
        node,
        x.form.apply(function),
        Op::Activation(function),
        &[x.id],
    )
}

/// `PRelu`: one slope, or `slope · x + (1 − slope) · relu(x)` for slopes that differ.
pub(super) fn p_relu<'a>(cx: &mut Lowering<'a>, node: OnnxNode<'a>) -> Result<Data, Fault> {
    let x = cx.data(node, 0)?;
    let slopes = aligned(cx, node, 1)?;
    let (Some(&slope), false) = (slopes.values().first(), slopes.is_empty()) else {
        return Err(Fault::Shape("found no slope".to_owned()));
    };
    if slopes.values().iter().all(|&s| s == slope) {
        let op = Op::Activation(Activation::LeakyRelu { slope });
        return cx.unary(node, op, x.id);
    }
    let rest = slopes.map(|s| 1.0 - s);
    let zero = || Tensor::filled(&[], 0.0);
    let part = |scale| Op::Affine {
        scale,
        shift: zero(),
    };
    let line = cx.emit_part(node, "line", part(slopes), &[x.id])?;
    let relu = cx.emit_part(node, "relu", Op::Activation(Activation::Relu), &[x.id])?;
    let bend = cx.emit_part(node, "bend", part(rest), &[relu])?;
    cx.emit(node, Op::Add, &[line, bend]).map(Data::new)
}

/// `Log`; of a sigmoid, and of one plus an exponential, a softplus.
pub(super) fn log<'a>(cx: &mut Lowering<'a>, node: OnnxNode<'a>) -> Result<Data, Fault> {
    let x = cx.data(node, 0)?;
    let (sign, (base, (scale, shift))) = match (x.form.sigmoid_of(), x.form.one_plus_exp()) {
        (Some((base, (scale, shift))), _) => (-1.0, (base, (-scale, -shift))),
        (None, Some(argument)) => (1.0, argument),
        (None, None) => {
            let op = Op::Activation(Activation::Log);
            return cx.formed(node, x.form.apply(Activation::Log), op, &[x.id]);
        }
    };
    let argument = part_affine(cx, node, base, scale, shift)?;
    let op = Op::Activation(Activation::Softplus);
    if sign == 1.0 {
        return cx.unary(node, op, argument);
    }
    let softplus = cx.emit_part(node, "softplus", op, &[argument])?;
    let minus = Some(Tensor::filled(&[], sign));
    affine(cx, node, Data::new(softplus), minus, None)
}

/// `Shrink` without a jump: what exceeds the threshold.
pub(super) fn shrink<'a>(cx: &mut Lowering<'a>, node: OnnxNode<'a>) -> Result<Data, Fault> {
    let (bias, lambda) = (node.float("bias", 0.0), node.float("lambd", 0.5));
    if bias != lambda || lambda < 0.0 {
        return Err(Fault::unsupported(
            format!("found bias {bias} and lambd {lambda}: the function jumps"),
            "use the same bias and lambd, as soft shrinking does",
        ));
    }
    let x = cx.data(node, 0)?;
    let clip = Activation::Clip {
        low: -lambda,
        high: lambda,
    };
    let inside = cx.emit_part(node, "inside", Op::Activation(clip), &[x.id])?;
    let minus = Op::Affine {
        scale: Tensor::filled(&[], -1.0),
        shift: Tensor::filled(&[], 0.0),
    };
    let inside = cx.emit_part(node, "negative", minus, &[inside])?;
    cx.emit(node, Op::Add, &[x.id, inside]).map(Data::new)
}

/// `Selu`: a scaled ELU.
pub(super) fn selu<'a>(cx: &mut Lowering<'a>, node: OnnxNode<'a>) -> Result<Data, Fault> {
    let alpha = node.float("alpha", 1.673_263_192_176_818_8);
    let gamma = node.float("gamma", 1.050_701_022_148_132_3);
    let x = cx.data(node, 0)?;
    let elu = cx.emit_part(
        node,
        "elu",
        Op::Activation(Activation::Elu { alpha }),
        &[x.id],
    )?;
    affine(
        cx,
        node,
        Data::new(elu),
        Some(Tensor::filled(&[], gamma)),
        None,
    )
}

/// `Celu`: an ELU of `x / alpha`, times `alpha`.
pub(super) fn celu<'a>(cx: &mut Lowering<'a>, node: OnnxNode<'a>) -> Result<Data, Fault> {
    let alpha = node.float("alpha", 1.0);
    if !(alpha > 0.0 && alpha.is_finite()) {
        return Err(Fault::Shape(format!(
            "found alpha {alpha}, expected a positive number"
        )));
    }
    let x = cx.data(node, 0)?;
    let elu = Op::Activation(Activation::Elu { alpha: 1.0 });
    if alpha == 1.0 {
        return cx.unary(node, elu, x.id);
    }
    let argument = part_affine(cx, node, x.id, 1.0 / alpha, 0.0)?;
    let elu = cx.emit_part(node, "elu", elu, &[argument])?;
    let scale = Some(Tensor::filled(&[], alpha));
    affine(cx, node, Data::new(elu), scale, None)
}
