//! Functions of single values.

use super::Batch;
use burn::tensor::{Tensor, activation as functions};
use graph::{Activation, Basis, Polynomial};

/// An activation of every element.
pub(super) fn activation(activation: &Activation, x: Batch) -> Batch {
    match *activation {
        Activation::Relu => functions::relu(x),
        Activation::LeakyRelu { slope } => functions::leaky_relu(x, slope),
        Activation::Elu { alpha } => {
            let negative = x.clone().clamp_max(0.0).exp().sub_scalar(1.0);
            functions::relu(x) + negative.mul_scalar(alpha)
        }
        Activation::Clip { low, high } => {
            let above = if low.is_finite() { x.clamp_min(low) } else { x };
            if high.is_finite() {
                above.clamp_max(high)
            } else {
                above
            }
        }
        Activation::Silu { beta } => x.clone() * functions::sigmoid(x.mul_scalar(beta)),
        Activation::Gelu { tanh: false } => functions::gelu(x),
        Activation::Gelu { tanh: true } => {
            let u = x.clone() + x.clone().powi_scalar(3).mul_scalar(0.044_715);
            let factor = 2.0 * (2.0 / std::f64::consts::PI).sqrt();
            x * functions::sigmoid(u.mul_scalar(factor))
        }
        Activation::Tanh => x.tanh(),
        Activation::Sigmoid => functions::sigmoid(x),
        Activation::HardSigmoid { alpha, beta } => {
            x.mul_scalar(alpha).add_scalar(beta).clamp(0.0, 1.0)
        }
        Activation::HardSwish => {
            x.clone() * x.mul_scalar(1.0 / 6.0).add_scalar(0.5).clamp(0.0, 1.0)
        }
        Activation::Softplus => softplus(x),
        Activation::Softsign => x.clone() / x.abs().add_scalar(1.0),
        Activation::Erf => x.erf(),
        Activation::Mish => x.clone() * softplus(x).tanh(),
        Activation::ThresholdedRelu { threshold } => {
            let passes = x.clone().greater_scalar(threshold).float();
            x * passes
        }
        Activation::Exp => x.exp(),
        Activation::Log => x.log(),
        Activation::Reciprocal => x.recip(),
        Activation::Sin => x.sin(),
        Activation::Cos => x.cos(),
        Activation::Abs => x.abs(),
        Activation::Sqrt => x.sqrt(),
    }
}

/// `ln(1 + e^x)` without overflow.
fn softplus(x: Batch) -> Batch {
    functions::relu(x.clone()) + x.abs().neg().exp().log1p()
}

/// A polynomial of every element, its coefficients given.
pub(super) fn polynomial(polynomial: &Polynomial, coefficients: Tensor<1>, x: Batch) -> Batch {
    let n = polynomial.coefficients.len();
    let at = |k: usize| coefficients.clone().narrow(0, k, 1).reshape([1, 1]);
    match polynomial.basis {
        Basis::Power => {
            let mut sum: Option<Batch> = None;
            for k in (0..n).rev() {
                sum = Some(match sum {
                    Some(sum) => sum * x.clone() + at(k),
                    None => x.zeros_like() + at(k),
                });
            }
            sum.unwrap_or_else(|| x.zeros_like())
        }
        Basis::Chebyshev { low, high } => {
            let u = x
                .clone()
                .mul_scalar(2.0 / (high - low))
                .sub_scalar((low + high) / (high - low));
            let (mut b1, mut b2) = (x.zeros_like(), x.zeros_like());
            for k in (1..n).rev() {
                let b0 = u.clone().mul_scalar(2.0) * b1.clone() - b2 + at(k);
                (b1, b2) = (b0, b1);
            }
            match n {
                0 => x.zeros_like(),
                _ => u * b1 - b2 + at(0),
            }
        }
    }
}
