//! Functions of each element: affine maps, activations, polynomials.

use super::ExportError;
use super::proto::Attribute::{self, Float};
use super::writer::Writer;
use crate::step::Step;
use graph::{Activation, Basis, NodeId, Polynomial, Tensor};
use std::f64::consts::{FRAC_1_SQRT_2, FRAC_2_SQRT_PI};

/// `Mul` and `Add`; either is left out where it is a single number that changes nothing.
pub(super) fn affine(
    writer: &mut Writer<'_>,
    id: NodeId,
    scale: &Tensor,
    shift: &Tensor,
) -> Result<(), ExportError> {
    let is_number =
        |tensor: &Tensor, value: f64| tensor.shape().is_empty() && tensor.values() == [value];
    let x = writer.operand(id, 0);
    let (has_scale, has_shift) = (!is_number(scale, 1.0), !is_number(shift, 0.0));
    if !has_shift {
        let scale = writer.constant(id, "scale", scale.shape(), scale)?;
        return writer.whole(id, "Mul", &[&x, &scale], &[]);
    }
    let scaled = if has_scale {
        let scale = writer.constant(id, "scale", scale.shape(), scale)?;
        writer.part(id, ("Mul", "scaled"), &[&x, &scale], &[])
    } else {
        x
    };
    let shift = writer.constant(id, "shift", shift.shape(), shift)?;
    writer.whole(id, "Add", &[&scaled, &shift], &[])
}

/// The operator, or those that stand for it in this operator set.
pub(super) fn activation(
    writer: &mut Writer<'_>,
    id: NodeId,
    activation: Activation,
) -> Result<(), ExportError> {
    let x = writer.operand(id, 0);
    let attributes = parameters(writer, id, activation)?;
    let operator = match activation {
        Activation::Relu => "Relu",
        Activation::LeakyRelu { .. } => "LeakyRelu",
        Activation::Elu { .. } => "Elu",
        Activation::Tanh => "Tanh",
        Activation::Sigmoid => "Sigmoid",
        Activation::HardSigmoid { .. } => "HardSigmoid",
        Activation::HardSwish => "HardSwish",
        Activation::Softplus => "Softplus",
        Activation::Softsign => "Softsign",
        Activation::Erf => "Erf",
        Activation::ThresholdedRelu { .. } => "ThresholdedRelu",
        Activation::Exp => "Exp",
        Activation::Log => "Log",
        Activation::Reciprocal => "Reciprocal",
        Activation::Sin => "Sin",
        Activation::Cos => "Cos",
        Activation::Abs => "Abs",
        Activation::Sqrt => "Sqrt",
        Activation::Clip { low, high } => return clip(writer, id, low, high),
        Activation::Silu { beta } => return silu(writer, id, beta),
        Activation::Gelu { tanh } => return gelu(writer, id, tanh),
        Activation::Mish => {
            let softplus = writer.part(id, ("Softplus", "softplus"), &[&x], &[]);
            let factor = writer.part(id, ("Tanh", "factor"), &[&softplus], &[]);
            return writer.whole(id, "Mul", &[&x, &factor], &[]);
        }
    };
    writer.whole(id, operator, &[&x], &attributes)
}

/// Parameters that the operator has as attributes.
fn parameters(
    writer: &Writer<'_>,
    id: NodeId,
    activation: Activation,
) -> Result<Vec<Attribute>, ExportError> {
    let named: &[(&'static str, f64)] = match activation {
        Activation::LeakyRelu { slope } => &[("alpha", slope)],
        Activation::Elu { alpha } => &[("alpha", alpha)],
        Activation::HardSigmoid { alpha, beta } => &[("alpha", alpha), ("beta", beta)],
        Activation::ThresholdedRelu { threshold } => &[("alpha", threshold)],
        _ => &[],
    };
    let attribute = |&(name, value): &(&'static str, f64)| match value as f32 {
        rounded if rounded.is_finite() => Ok(Float(name, rounded)),
        _ => Err(ExportError::Number {
            node: writer.graph().node(id).name.clone(),
            what: name.to_owned(),
            value,
        }),
    };
    named.iter().map(attribute).collect()
}

/// `Clip`, without the bounds that are infinite.
fn clip(writer: &mut Writer<'_>, id: NodeId, low: f64, high: f64) -> Result<(), ExportError> {
    let mut inputs = vec![writer.operand(id, 0)];
    for (word, bound, free) in [
        ("low", low, f64::NEG_INFINITY),
        ("high", high, f64::INFINITY),
    ] {
        inputs.push(if bound == free {
            String::new()
        } else {
            writer.number(id, word, bound)?
        });
    }
    let inputs: Vec<&str> = inputs.iter().map(String::as_str).collect();
    writer.whole(id, "Clip", &inputs, &[])
}

/// `x · sigmoid(beta · x)`.
fn silu(writer: &mut Writer<'_>, id: NodeId, beta: f64) -> Result<(), ExportError> {
    let x = writer.operand(id, 0);
    let mut argument = x.clone();
    if beta != 1.0 {
        let beta = writer.number(id, "beta", beta)?;
        argument = writer.part(id, ("Mul", "argument"), &[&x, &beta], &[]);
    }
    let factor = writer.part(id, ("Sigmoid", "factor"), &[&argument], &[]);
    writer.whole(id, "Mul", &[&x, &factor], &[])
}

/// `x / 2 · (1 + erf(x / √2))`, or with tanh of `√(2/π) · (x + 0.044715 · x³)` for the error function.
fn gelu(writer: &mut Writer<'_>, id: NodeId, tanh: bool) -> Result<(), ExportError> {
    let x = writer.operand(id, 0);
    let (operator, argument) = if tanh {
        let cubic = writer.number(id, "cubic", 0.044715)?;
        let square = writer.part(id, ("Mul", "square"), &[&x, &x], &[]);
        let cube = writer.part(id, ("Mul", "cube"), &[&square, &x], &[]);
        let scaled = writer.part(id, ("Mul", "scaled"), &[&cube, &cubic], &[]);
        let sum = writer.part(id, ("Add", "sum"), &[&x, &scaled], &[]);
        let scale = writer.number(id, "scale", FRAC_2_SQRT_PI * FRAC_1_SQRT_2)?;
        (
            "Tanh",
            writer.part(id, ("Mul", "argument"), &[&sum, &scale], &[]),
        )
    } else {
        let scale = writer.number(id, "scale", FRAC_1_SQRT_2)?;
        (
            "Erf",
            writer.part(id, ("Mul", "argument"), &[&x, &scale], &[]),
        )
    };
    let (one, half) = (
        writer.number(id, "one", 1.0)?,
        writer.number(id, "half", 0.5)?,
    );
    let value = writer.part(id, (operator, "function"), &[&argument], &[]);
    let factor = writer.part(id, ("Add", "factor"), &[&value, &one], &[]);
    let product = writer.part(id, ("Mul", "product"), &[&x, &factor], &[]);
    writer.whole(id, "Mul", &[&product, &half], &[])
}

/// An ONNX node that was not written yet, because it may be the last.
struct Open {
    operator: &'static str,
    inputs: [String; 2],
}

/// A polynomial under construction, its last ONNX node not written yet.
struct Sum<'w, 'g> {
    writer: &'w mut Writer<'g>,
    id: NodeId,
    open: Option<Open>,
}

impl Sum<'_, '_> {
    /// The value so far.
    fn value(&mut self, start: &str) -> String {
        match self.open.take() {
            None => start.to_owned(),
            Some(Open {
                operator,
                inputs: [a, b],
            }) => self.writer.part(self.id, (operator, "sum"), &[&a, &b], &[]),
        }
    }

    fn push(&mut self, operator: &'static str, a: String, b: String) {
        self.open = Some(Open {
            operator,
            inputs: [a, b],
        });
    }

    fn coefficient(&mut self, k: usize, value: f64) -> Result<String, ExportError> {
        self.writer
            .number(self.id, &format!("coefficients.{k}"), value)
    }

    fn finish(mut self) {
        if let Some(Open {
            operator,
            inputs: [a, b],
        }) = self.open.take()
        {
            let place = (Step::Polynomial, [].as_slice());
            self.writer.last(self.id, operator, &[&a, &b], place);
        }
    }
}

/// Sums and products.
pub(super) fn polynomial(
    writer: &mut Writer<'_>,
    id: NodeId,
    polynomial: &Polynomial,
) -> Result<(), ExportError> {
    match polynomial.basis {
        Basis::Power => powers(writer, id, &polynomial.coefficients),
        Basis::Chebyshev { low, high } => series(writer, id, (low, high), &polynomial.coefficients),
    }
}

/// Horner's scheme; a leading one and zeros in between take no node.
fn powers(writer: &mut Writer<'_>, id: NodeId, coefficients: &[f64]) -> Result<(), ExportError> {
    let x = writer.operand(id, 0);
    let degree = coefficients.len().max(2) - 1;
    let at = |k: usize| coefficients.get(k).copied().unwrap_or(0.0);
    let mut sum = Sum {
        writer,
        id,
        open: None,
    };
    if degree == 1 || at(degree) != 1.0 {
        let leading = sum.coefficient(degree, at(degree))?;
        sum.push("Mul", x.clone(), leading);
    }
    for k in (0..degree).rev() {
        if k + 1 < degree {
            let value = sum.value(&x);
            sum.push("Mul", value, x.clone());
        }
        if at(k) != 0.0 {
            let constant = sum.coefficient(k, at(k))?;
            let value = sum.value(&x);
            sum.push("Add", value, constant);
        }
    }
    sum.finish();
    Ok(())
}

/// `Σ c_k · T_k(u)` by `T_{k+1} = 2u · T_k − T_{k−1}`, `u` being `x` mapped to `[-1, 1]`.
fn series(
    writer: &mut Writer<'_>,
    id: NodeId,
    (low, high): (f64, f64),
    coefficients: &[f64],
) -> Result<(), ExportError> {
    let u = argument(writer, id, low, high)?;
    let degree = coefficients.len().max(2) - 1;
    let at = |k: usize| coefficients.get(k).copied().unwrap_or(0.0);
    let mut sum = Sum {
        writer,
        id,
        open: None,
    };
    let slope = sum.coefficient(1, at(1))?;
    sum.push("Mul", u.clone(), slope);
    if at(0) != 0.0 {
        let constant = sum.coefficient(0, at(0))?;
        let value = sum.value(&u);
        sum.push("Add", value, constant);
    }
    if degree > 1 {
        let two = sum.writer.number(id, "two", 2.0)?;
        let one = sum.writer.number(id, "one", 1.0)?;
        let double = sum.writer.part(id, ("Mul", "double"), &[&u, &two], &[]);
        let (mut before, mut term) = (one, u.clone());
        for k in 2..=degree {
            let product = sum
                .writer
                .part(id, ("Mul", "product"), &[&double, &term], &[]);
            let next = sum
                .writer
                .part(id, ("Sub", "term"), &[&product, &before], &[]);
            (before, term) = (term, next);
            if at(k) != 0.0 || k == degree {
                let factor = sum.coefficient(k, at(k))?;
                let summand = sum
                    .writer
                    .part(id, ("Mul", "summand"), &[&term, &factor], &[]);
                let value = sum.value(&u);
                sum.push("Add", value, summand);
            }
        }
    }
    sum.finish();
    Ok(())
}

/// `x` mapped from `[low, high]` to `[-1, 1]`.
fn argument(
    writer: &mut Writer<'_>,
    id: NodeId,
    low: f64,
    high: f64,
) -> Result<String, ExportError> {
    let x = writer.operand(id, 0);
    let (scale, shift) = (2.0 / (high - low), -(low + high) / (high - low));
    let scale = writer.number(id, "argument.scale", scale)?;
    let step = (Step::Argument, [].as_slice());
    if shift == 0.0 {
        return Ok(writer.named_part(id, ("Mul", "argument"), &[&x, &scale], step));
    }
    let scaled = writer.part(id, ("Mul", "scaled"), &[&x, &scale], &[]);
    let shift = writer.number(id, "argument.shift", shift)?;
    Ok(writer.named_part(id, ("Add", "argument"), &[&scaled, &shift], step))
}
