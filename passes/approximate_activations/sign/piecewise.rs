//! Piecewise linear functions as sums of absolute values.

use ::graph::{Activation, Polynomial};

/// `constant + slope · x + Σ weight · |x − at|` over one or two bends.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Piecewise {
    pub(crate) constant: f64,
    pub(crate) slope: f64,
    /// Weight and place of each bend, at least one.
    pub(crate) bends: Vec<(f64, f64)>,
}

impl Piecewise {
    /// The same function as an activation; `None` for one that is not continuous and piecewise linear.
    pub(crate) fn of(activation: Activation) -> Option<Self> {
        let new = |constant, slope, bends: &[(f64, f64)]| {
            let bends = bends.to_vec();
            Some(Self {
                constant,
                slope,
                bends,
            })
        };
        match activation {
            Activation::Relu => new(0.0, 0.5, &[(0.5, 0.0)]),
            Activation::LeakyRelu { slope } => {
                new(0.0, 0.5 * (1.0 + slope), &[(0.5 * (1.0 - slope), 0.0)])
            }
            Activation::Abs => new(0.0, 0.0, &[(1.0, 0.0)]),
            Activation::Clip { low, high } => match (low.is_finite(), high.is_finite()) {
                (true, true) if low < high => {
                    new(0.5 * (low + high), 0.0, &[(0.5, low), (-0.5, high)])
                }
                (true, false) => new(0.5 * low, 0.5, &[(0.5, low)]),
                (false, true) => new(0.5 * high, 0.5, &[(-0.5, high)]),
                _ => None,
            },
            Activation::HardSigmoid { alpha, beta } if alpha > 0.0 => {
                let half = 0.5 * alpha;
                new(
                    0.5,
                    0.0,
                    &[(half, -beta / alpha), (-half, (1.0 - beta) / alpha)],
                )
            }
            _ => None,
        }
    }
}

/// `(x + shift) · F(x + shift)`, `F` being polynomials applied one after the other.
#[derive(Clone, Debug)]
pub(crate) struct Term {
    pub(crate) shift: f64,
    pub(crate) factors: Vec<Polynomial>,
}

impl Term {
    /// `weight · |u| + slope · u` of `u = x + shift`, with factors that give its sign: the numbers become part of the
    /// last of them.
    pub(crate) fn new(factors: &[Polynomial], shift: f64, weight: f64, slope: f64) -> Self {
        let mut factors = factors.to_vec();
        if let Some(last) = factors.last_mut() {
            last.coefficients.iter_mut().for_each(|c| *c *= weight);
            last.coefficients[0] += slope;
        }
        Self { shift, factors }
    }

    pub(crate) fn eval(&self, x: f64) -> f64 {
        let u = x + self.shift;
        u * self.factors.iter().fold(u, |u, p| p.eval(u))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums_of_absolute_values_are_the_functions() {
        let infinite = f64::INFINITY;
        let more = [
            Activation::Clip {
                low: -1.0,
                high: infinite,
            },
            Activation::Clip {
                low: -infinite,
                high: 2.0,
            },
        ];
        let mut n = 0;
        for activation in Activation::all().into_iter().chain(more) {
            let Some(p) = Piecewise::of(activation) else {
                continue;
            };
            n += 1;
            for k in -40..=40 {
                let x = 0.2 * f64::from(k);
                let bends: f64 = p.bends.iter().map(|(w, t)| w * (x - t).abs()).sum();
                let found = p.constant + p.slope * x + bends;
                assert!(
                    (found - activation.eval(x)).abs() < 1e-12,
                    "{activation:?} at {x}"
                );
            }
        }
        assert_eq!(n, 7);
        let empty = Activation::Clip {
            low: 1.0,
            high: 0.0,
        };
        assert_eq!(Piecewise::of(empty), None);
    }
}
