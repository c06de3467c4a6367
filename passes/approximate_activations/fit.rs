//! Polynomials in the place of activations.

use ::graph::{Polynomial, Values};

/// What replaces an activation: `y = P(x · scale_in + shift_in) · scale_out + shift_out`, the four per unit.
///
/// A unit is a channel of an image and an element of a vector. The affine maps on both sides become part of the linear
/// layers there, so a unit's own interval costs nothing.
#[derive(Clone, Debug)]
pub(super) struct Fit {
    pub(super) scale_in: Vec<f64>,
    pub(super) shift_in: Vec<f64>,
    pub(super) polynomial: Polynomial,
    pub(super) scale_out: Vec<f64>,
    pub(super) shift_out: Vec<f64>,
    /// Least and largest input the fit is made for, over all units.
    pub(super) interval: (f64, f64),
    /// Root-mean-square error over the inputs seen and the floor.
    pub(super) rms: f64,
}

impl Fit {
    /// The replacement's values.
    pub(super) fn eval(&self, x: &[f64]) -> Values {
        let plane = x.len() / self.scale_in.len();
        let of = |(i, &x): (usize, &f64)| {
            let u = i / plane;
            let z = x * self.scale_in[u] + self.shift_in[u];
            self.polynomial.eval(z) * self.scale_out[u] + self.shift_out[u]
        };
        x.iter().enumerate().map(of).collect()
    }

    /// Without units yet.
    pub(super) fn of(polynomial: Polynomial, intervals: &[(f64, f64)]) -> Self {
        let none = || Vec::with_capacity(intervals.len());
        let low = intervals.iter().map(|i| i.0).fold(f64::INFINITY, f64::min);
        let high = intervals
            .iter()
            .map(|i| i.1)
            .fold(f64::NEG_INFINITY, f64::max);
        Self {
            scale_in: none(),
            shift_in: none(),
            polynomial,
            scale_out: none(),
            shift_out: none(),
            interval: (low, high),
            rms: 0.0,
        }
    }
}

/// Factor and summand that map an interval to `[-1, 1]`.
pub(super) fn to_unit((low, high): (f64, f64)) -> (f64, f64) {
    (2.0 / (high - low), -(high + low) / (high - low))
}
