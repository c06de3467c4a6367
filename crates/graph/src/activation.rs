//! Values of activation functions and polynomials at one point.

use crate::{Activation, Basis, Polynomial};
use std::f64::consts::{FRAC_1_SQRT_2, FRAC_2_SQRT_PI, SQRT_2};

impl Activation {
    /// The function's value. Finite for finite `x`, except `exp` beyond about 709, `sqrt` and `log` of a negative
    /// number, `log` and `reciprocal` of zero.
    pub fn eval(&self, x: f64) -> f64 {
        match *self {
            Self::Relu => x.max(0.0),
            Self::LeakyRelu { slope } => {
                if x > 0.0 {
                    x
                } else {
                    slope * x
                }
            }
            Self::Elu { alpha } => {
                if x > 0.0 {
                    x
                } else {
                    alpha * x.exp_m1()
                }
            }
            Self::Clip { low, high } => x.max(low).min(high),
            Self::Silu { beta } => x * sigmoid(beta * x),
            Self::Gelu { tanh: false } => 0.5 * x * libm::erfc(-x * FRAC_1_SQRT_2),
            // 1 + tanh(u) = 2 sigmoid(2u), without the cancellation for negative u; u = √(2/π) (x + 0.044715 x³).
            Self::Gelu { tanh: true } => {
                x * sigmoid(FRAC_2_SQRT_PI * SQRT_2 * x * (1.0 + 0.044715 * x * x))
            }
            Self::Tanh => x.tanh(),
            Self::Sigmoid => sigmoid(x),
            Self::HardSigmoid { alpha, beta } => (alpha * x + beta).clamp(0.0, 1.0),
            Self::HardSwish => x * (x / 6.0 + 0.5).clamp(0.0, 1.0),
            Self::Softplus => x.max(0.0) + (-x.abs()).exp().ln_1p(),
            Self::Softsign => x / (1.0 + x.abs()),
            Self::Erf => libm::erf(x),
            Self::Mish => x * (x.max(0.0) + (-x.abs()).exp().ln_1p()).tanh(),
            Self::ThresholdedRelu { threshold } => {
                if x > threshold {
                    x
                } else {
                    0.0
                }
            }
            Self::Exp => x.exp(),
            Self::Log => x.ln(),
            Self::Reciprocal => x.recip(),
            Self::Sin => x.sin(),
            Self::Cos => x.cos(),
            Self::Abs => x.abs(),
            Self::Sqrt => x.sqrt(),
        }
    }

    /// Parameters in the order of the text form; a flag is 0 or 1.
    pub fn parameters(&self) -> Vec<(&'static str, f64)> {
        match *self {
            Self::LeakyRelu { slope } => vec![("slope", slope)],
            Self::Elu { alpha } => vec![("alpha", alpha)],
            Self::ThresholdedRelu { threshold } => vec![("threshold", threshold)],
            Self::Clip { low, high } => vec![("low", low), ("high", high)],
            Self::Silu { beta } => vec![("beta", beta)],
            Self::Gelu { tanh } => vec![("tanh", f64::from(u8::from(tanh)))],
            Self::HardSigmoid { alpha, beta } => vec![("alpha", alpha), ("beta", beta)],
            Self::Relu
            | Self::Tanh
            | Self::Sigmoid
            | Self::HardSwish
            | Self::Softplus
            | Self::Softsign
            | Self::Erf
            | Self::Mish
            | Self::Exp
            | Self::Log
            | Self::Reciprocal
            | Self::Sin
            | Self::Cos
            | Self::Abs
            | Self::Sqrt => Vec::new(),
        }
    }

    /// Every function once, with its usual parameters.
    pub fn all() -> [Self; 22] {
        [
            Self::Relu,
            Self::LeakyRelu { slope: 0.01 },
            Self::Elu { alpha: 1.0 },
            Self::Clip {
                low: 0.0,
                high: 6.0,
            },
            Self::Silu { beta: 1.0 },
            Self::Gelu { tanh: false },
            Self::Tanh,
            Self::Sigmoid,
            Self::HardSigmoid {
                alpha: 0.2,
                beta: 0.5,
            },
            Self::HardSwish,
            Self::Softplus,
            Self::Softsign,
            Self::Erf,
            Self::Mish,
            Self::ThresholdedRelu { threshold: 1.0 },
            Self::Exp,
            Self::Log,
            Self::Reciprocal,
            Self::Sin,
            Self::Cos,
            Self::Abs,
            Self::Sqrt,
        ]
    }

    /// This function with other parameters, in the order of [`Activation::parameters`]; missing ones stay.
    #[must_use]
    pub(crate) fn with_parameters(mut self, values: &[f64]) -> Self {
        let mut values = values.iter().copied();
        let mut set = |parameter: &mut f64| *parameter = values.next().unwrap_or(*parameter);
        match &mut self {
            Self::LeakyRelu { slope } => set(slope),
            Self::Elu { alpha } => set(alpha),
            Self::ThresholdedRelu { threshold } => set(threshold),
            Self::Silu { beta } => set(beta),
            Self::Clip { low, high } => {
                set(low);
                set(high);
            }
            Self::HardSigmoid { alpha, beta } => {
                set(alpha);
                set(beta);
            }
            Self::Gelu { tanh } => {
                let mut flag = f64::from(u8::from(*tanh));
                set(&mut flag);
                *tanh = flag != 0.0;
            }
            _ => {}
        }
        self
    }
}

impl Polynomial {
    /// The polynomial's value, by Horner's or Clenshaw's scheme; zero without coefficients.
    pub fn eval(&self, x: f64) -> f64 {
        match self.basis {
            Basis::Power => self
                .coefficients
                .iter()
                .rev()
                .fold(0.0, |sum, &c| sum * x + c),
            Basis::Chebyshev { low, high } => {
                let Some((&constant, rest)) = self.coefficients.split_first() else {
                    return 0.0;
                };
                let u = (2.0 * x - low - high) / (high - low);
                let step = |(b1, b2): (f64, f64), &c: &f64| (2.0 * u * b1 - b2 + c, b1);
                let (b1, b2) = rest.iter().rev().fold((0.0, 0.0), step);
                u * b1 - b2 + constant
            }
        }
    }
}

fn sigmoid(x: f64) -> f64 {
    if x >= 0.0 {
        1.0 / (1.0 + (-x).exp())
    } else {
        let e = x.exp();
        e / (1.0 + e)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn close(found: f64, expected: f64) {
        let tolerance = 1e-14 * expected.abs().max(1e-300);
        assert!(
            (found - expected).abs() <= tolerance,
            "found {found:e}, expected {expected:e}"
        );
    }

    #[test]
    fn values_match_tables() {
        // Abramowitz and Stegun, table 7.1, and 30-digit evaluations.
        close(Activation::Erf.eval(0.5), 0.520_499_877_813_046_5);
        close(Activation::Erf.eval(-1.0), -0.842_700_792_949_714_9);
        close(Activation::Erf.eval(2.0), 0.995_322_265_018_952_7);
        close(Activation::Tanh.eval(0.5), 0.462_117_157_260_009_8);
        close(Activation::Sigmoid.eval(1.0), 0.731_058_578_630_004_9);
        close(Activation::Sigmoid.eval(-1.0), 0.268_941_421_369_995_1);
        close(Activation::Softplus.eval(1.0), 1.313_261_687_518_222_8);
        close(
            Activation::Silu { beta: 2.0 }.eval(0.5),
            0.365_529_289_315_002_4,
        );
        close(
            Activation::Gelu { tanh: false }.eval(1.0),
            0.841_344_746_068_542_9,
        );
        close(
            Activation::Gelu { tanh: true }.eval(1.0),
            0.841_191_990_608_276_7,
        );
        close(
            Activation::Elu { alpha: 2.0 }.eval(-1.0),
            -1.264_241_117_657_115_4,
        );
        close(Activation::Exp.eval(1.0), std::f64::consts::E);
        close(Activation::Sqrt.eval(2.0), SQRT_2);
    }

    #[test]
    fn piecewise_functions() {
        assert_eq!(
            [-2.0, 0.0, 3.0].map(|x| Activation::Relu.eval(x)),
            [0.0, 0.0, 3.0]
        );
        assert_eq!(Activation::LeakyRelu { slope: 0.25 }.eval(-2.0), -0.5);
        assert_eq!(Activation::Elu { alpha: 1.0 }.eval(3.0), 3.0);
        let clip = Activation::Clip {
            low: -1.0,
            high: 6.0,
        };
        assert_eq!([-2.0, 0.5, 7.0].map(|x| clip.eval(x)), [-1.0, 0.5, 6.0]);
        let hard = Activation::HardSigmoid {
            alpha: 0.25,
            beta: 0.5,
        };
        assert_eq!([-4.0, 1.0, 4.0].map(|x| hard.eval(x)), [0.0, 0.75, 1.0]);
        assert_eq!(
            [-4.0, 1.5, 4.0].map(|x| Activation::HardSwish.eval(x)),
            [-0.0, 1.125, 4.0]
        );
        assert_eq!(Activation::Softsign.eval(-3.0), -0.75);
        assert_eq!(Activation::Abs.eval(-3.0), 3.0);
        assert_eq!(Activation::Reciprocal.eval(-4.0), -0.25);
        assert_eq!(Activation::Log.eval(1.0), 0.0);
        let threshold = Activation::ThresholdedRelu { threshold: 1.0 };
        assert_eq!([-4.0, 1.0, 1.5].map(|x| threshold.eval(x)), [0.0, 0.0, 1.5]);
        close(Activation::Mish.eval(1.0), 0.865_098_388_267_310_3);
    }

    #[test]
    fn far_arguments_stay_finite() {
        for activation in Activation::all() {
            for x in [-1e300, -800.0, -40.0, 0.0, 40.0, 700.0] {
                let value = activation.eval(x);
                let refused = match activation {
                    Activation::Sqrt => x < 0.0,
                    Activation::Log => x <= 0.0,
                    Activation::Reciprocal => x == 0.0,
                    _ => false,
                };
                assert!(
                    value.is_finite() || refused,
                    "{activation:?} at {x} is {value}"
                );
            }
        }
        assert_eq!(Activation::Softplus.eval(800.0), 800.0);
        close(Activation::Softplus.eval(-40.0), 4.248_354_255_291_589e-18);
    }

    #[test]
    fn parameters_are_set_in_their_order() {
        for activation in Activation::all() {
            let values: Vec<f64> = activation
                .parameters()
                .iter()
                .map(|(_, value)| *value)
                .collect();
            assert_eq!(activation.with_parameters(&values), activation);
        }
        let clip = Activation::Clip {
            low: 0.0,
            high: 6.0,
        };
        assert_eq!(
            clip.with_parameters(&[-1.0]),
            Activation::Clip {
                low: -1.0,
                high: 6.0
            }
        );
    }

    #[test]
    fn polynomials_in_both_bases() {
        let power = Polynomial {
            basis: Basis::Power,
            coefficients: vec![1.0, -2.0, 0.0, 3.0],
        };
        assert_eq!(power.eval(2.0), 21.0);
        // On [0, 4] at x = 3, u = 1/2: T_0..T_3 are 1, 1/2, -1/2, -1.
        let basis = Basis::Chebyshev {
            low: 0.0,
            high: 4.0,
        };
        let chebyshev = Polynomial {
            basis,
            coefficients: vec![1.0, 2.0, 4.0, 8.0],
        };
        assert_eq!(chebyshev.eval(3.0), 1.0 + 1.0 - 2.0 - 8.0);
        assert_eq!(
            Polynomial {
                basis,
                coefficients: vec![]
            }
            .eval(1.0),
            0.0
        );
        assert_eq!(Polynomial::square().eval(-1.5), 2.25);
    }
}
