//! What a node computes.

use crate::{Selection, Tensor};
use layout::{ConvGeometry, SparseMatrix};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// Window, stride and zero padding of a pooling node over `[channels, height, width]`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PoolGeometry {
    /// Window `(height, width)`.
    pub kernel: (u32, u32),
    /// Step `(vertical, horizontal)`.
    pub stride: (u32, u32),
    /// Padding `[top, left, bottom, right]`.
    pub pad: [u32; 4],
    /// Whether an average divides by the whole window even where it reaches into the padding.
    pub count_include_pad: bool,
}

impl PoolGeometry {
    /// Output `(height, width)` for an input of that size, windows that do not fit being dropped; `None` if none fits.
    pub fn out_size(&self, height: u32, width: u32) -> Option<(u32, u32)> {
        let axis = |size: u32, before: u32, after: u32, kernel: u32, stride: u32| {
            let padded = size.checked_add(before)?.checked_add(after)?;
            padded
                .checked_sub(kernel)?
                .checked_div(stride)?
                .checked_add(1)
        };
        let [top, left, bottom, right] = self.pad;
        Some((
            axis(height, top, bottom, self.kernel.0, self.stride.0)?,
            axis(width, left, right, self.kernel.1, self.stride.1)?,
        ))
    }
}

/// A function of one value that CKKS can not evaluate and that a polynomial must replace.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub enum Activation {
    /// `max(x, 0)`.
    Relu,
    /// `x` for positive `x`, else `slope · x`.
    LeakyRelu {
        /// Slope of the negative branch.
        slope: f64,
    },
    /// `x` for positive `x`, else `alpha · (e^x − 1)`.
    Elu {
        /// Negative limit, its sign dropped.
        alpha: f64,
    },
    /// `x` clipped to `[low, high]`.
    Clip {
        /// Least result; may be `-inf`.
        low: f64,
        /// Largest result; may be `inf`.
        high: f64,
    },
    /// `x · sigmoid(beta · x)`; SiLU at `beta = 1`.
    Silu {
        /// Factor inside the sigmoid.
        beta: f64,
    },
    /// `x · Φ(x)`, with the error function, or its tanh form.
    Gelu {
        /// Whether the tanh form stands for the error function.
        tanh: bool,
    },
    /// Hyperbolic tangent.
    Tanh,
    /// `1 / (1 + e^−x)`.
    Sigmoid,
    /// `clip(alpha · x + beta, 0, 1)`.
    HardSigmoid {
        /// Slope.
        alpha: f64,
        /// Value at zero.
        beta: f64,
    },
    /// `x · clip(x / 6 + 1/2, 0, 1)`.
    HardSwish,
    /// `ln(1 + e^x)`.
    Softplus,
    /// `x / (1 + |x|)`.
    Softsign,
    /// The error function.
    Erf,
    /// `x · tanh(ln(1 + e^x))`.
    Mish,
    /// `x` above the threshold, else 0.
    ThresholdedRelu {
        /// Least value that does not pass.
        threshold: f64,
    },
    /// `e^x`.
    Exp,
    /// The natural logarithm.
    Log,
    /// `1 / x`.
    Reciprocal,
    /// Sine.
    Sin,
    /// Cosine.
    Cos,
    /// `|x|`.
    Abs,
    /// `√x`.
    Sqrt,
}

/// Basis of a [`Polynomial`].
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub enum Basis {
    /// Coefficient `k` multiplies `x^k`.
    Power,
    /// Coefficient `k` multiplies `T_k(u)`, `u` being `x` mapped from `[low, high]` to `[-1, 1]`.
    Chebyshev {
        /// Maps to -1.
        low: f64,
        /// Maps to 1.
        high: f64,
    },
}

/// A polynomial applied to every element.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Polynomial {
    /// Basis of the coefficients.
    pub basis: Basis,
    /// Coefficients, constant first.
    pub coefficients: Vec<f64>,
}

impl Polynomial {
    /// `x²`.
    pub fn square() -> Self {
        Self {
            basis: Basis::Power,
            coefficients: vec![0.0, 0.0, 1.0],
        }
    }

    /// Whether this is exactly `x²`.
    pub fn is_square(&self) -> bool {
        *self == Self::square()
    }

    /// Degree, trailing zero coefficients ignored.
    pub fn degree(&self) -> usize {
        self.coefficients
            .iter()
            .rposition(|&c| c != 0.0)
            .unwrap_or(0)
    }
}

/// What a node computes. Shapes are per sample: the batch axis is not part of them.
#[derive(Clone, Debug, PartialEq)]
pub enum Op {
    /// A network input.
    Input {
        /// Shape of one sample.
        shape: Vec<usize>,
    },
    /// Convolution over `[channels, height, width]`; one-dimensional ones have height 1 inside the geometry and
    /// shape `[channels, width]`.
    Conv {
        /// Sizes.
        geometry: ConvGeometry,
        /// `[out, in / groups, kernel height, kernel width]`.
        weight: Tensor,
        /// `[out]`.
        bias: Tensor,
    },
    /// The adjoint of a convolution over `[channels, height, width]`: spreads each element over a window of its output.
    ConvTranspose {
        /// The convolution that reads this operation's result and writes its operand.
        geometry: ConvGeometry,
        /// As that convolution's: `[operand channels, result channels / groups, kernel height, kernel width]`.
        weight: Tensor,
        /// `[result channels]`.
        bias: Tensor,
    },
    /// Fully connected layer over all elements of its input, row-major.
    Dense {
        /// `[out, in]`.
        weight: Tensor,
        /// `[out]`.
        bias: Tensor,
    },
    /// A linear layer given by its matrix over row-major elements; what folding leaves.
    Linear {
        /// Rows are output elements, columns input elements.
        matrix: Arc<SparseMatrix>,
        /// One value per output element, in the output's shape.
        bias: Tensor,
        /// For images: how many input rows and columns one output step moves; chooses the output's gaps.
        stride: Option<(u32, u32)>,
    },
    /// Average over windows of `[channels, height, width]`.
    AvgPool(PoolGeometry),
    /// Maximum over windows.
    MaxPool(PoolGeometry),
    /// Average over the whole image: `[channels, height, width]` to `[channels, 1, 1]`.
    GlobalAvgPool,
    /// `x · scale + shift`, both of a shape that broadcasts to `x`'s.
    Affine {
        /// Factor.
        scale: Tensor,
        /// Summand.
        shift: Tensor,
    },
    /// Zeros around `[channels, height, width]`: `[top, left, bottom, right]`.
    Pad([u32; 4]),
    /// Elements picked axis by axis.
    Select(Selection),
    /// Several tensors, one after the other along an axis.
    Concat {
        /// The axis; all others agree.
        axis: usize,
    },
    /// Average over axes, which keep the size 1.
    Mean {
        /// The axes, in ascending order.
        axes: Vec<usize>,
    },
    /// Sum of two tensors of one shape.
    Add,
    /// Product of two tensors of one shape, element by element.
    Mul,
    /// A non-polynomial function of every element.
    Activation(Activation),
    /// A polynomial of every element.
    Polynomial(Polynomial),
    /// The same elements, row-major, in another shape.
    Reshape {
        /// New shape.
        shape: Vec<usize>,
    },
}

impl Op {
    /// The word for this operation in the text form.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Input { .. } => "input",
            Self::Conv { .. } => "conv",
            Self::Dense { .. } => "dense",
            Self::Linear { .. } => "linear",
            Self::AvgPool(_) => "avg_pool",
            Self::MaxPool(_) => "max_pool",
            Self::GlobalAvgPool => "global_avg_pool",
            Self::Affine { .. } => "affine",
            Self::Pad(_) => "pad",
            Self::ConvTranspose { .. } => "conv_transpose",
            Self::Select(_) => "select",
            Self::Concat { .. } => "concat",
            Self::Mean { .. } => "mean",
            Self::Add => "add",
            Self::Mul => "mul",
            Self::Activation(activation) => activation.word(),
            Self::Polynomial(_) => "polynomial",
            Self::Reshape { .. } => "reshape",
        }
    }

    /// Number of operands; `None` for one or more.
    pub fn arity(&self) -> Option<usize> {
        match self {
            Self::Input { .. } => Some(0),
            Self::Add | Self::Mul => Some(2),
            Self::Concat { .. } => None,
            _ => Some(1),
        }
    }
}

impl Activation {
    /// The word for this function in the text form.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Relu => "relu",
            Self::LeakyRelu { .. } => "leaky_relu",
            Self::Elu { .. } => "elu",
            Self::Clip { .. } => "clip",
            Self::Silu { .. } => "silu",
            Self::Gelu { .. } => "gelu",
            Self::Tanh => "tanh",
            Self::Sigmoid => "sigmoid",
            Self::HardSigmoid { .. } => "hard_sigmoid",
            Self::HardSwish => "hard_swish",
            Self::Softplus => "softplus",
            Self::Softsign => "softsign",
            Self::Erf => "erf",
            Self::Mish => "mish",
            Self::ThresholdedRelu { .. } => "thresholded_relu",
            Self::Exp => "exp",
            Self::Log => "log",
            Self::Reciprocal => "reciprocal",
            Self::Sin => "sin",
            Self::Cos => "cos",
            Self::Abs => "abs",
            Self::Sqrt => "sqrt",
        }
    }
}
