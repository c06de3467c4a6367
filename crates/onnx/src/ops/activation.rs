//! Activation functions.

use super::arithmetic::affine;
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

/// `PRelu` with one slope.
pub(super) fn p_relu<'a>(cx: &mut Lowering<'a>, node: OnnxNode<'a>) -> Result<Data, Fault> {
    let x = cx.data(node, 0)?;
    let slopes = cx.weight(node, 1, "slope")?;
    match slopes.values() {
        [slope, rest @ ..] if rest.iter().all(|s| s == slope) => cx.unary(
            node,
            Op::Activation(Activation::LeakyRelu { slope: *slope }),
            x.id,
        ),
        _ => Err(Fault::unsupported(
            "its slopes differ between channels",
            "use one slope, as LeakyRelu does",
        )),
    }
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

/// `Celu` with `alpha = 1`, which is ELU.
pub(super) fn celu<'a>(cx: &mut Lowering<'a>, node: OnnxNode<'a>) -> Result<Data, Fault> {
    let alpha = node.float("alpha", 1.0);
    if alpha != 1.0 {
        return Err(Fault::unsupported(
            format!("found alpha {alpha}, expected 1"),
            "use Elu",
        ));
    }
    let x = cx.data(node, 0)?;
    cx.unary(node, Op::Activation(Activation::Elu { alpha }), x.id)
}
