//! Polynomials in the place of activations.

use super::sign::Term;
use ::graph::{Polynomial, Values};

/// The function in the middle of a fit.
#[derive(Clone, Debug)]
pub(super) enum Form {
    /// One polynomial.
    Series(Polynomial),
    /// A sum of products with signs, one for each bend, and a constant.
    Signs {
        terms: Vec<Term>,
        constant: f64,
        /// Share of the range from which signs are told.
        low: f64,
        /// Error of the signs there.
        error: f64,
    },
}

impl Form {
    pub(super) fn eval(&self, x: f64) -> f64 {
        match self {
            Self::Series(polynomial) => polynomial.eval(x),
            Self::Signs {
                terms, constant, ..
            } => constant + terms.iter().map(|term| term.eval(x)).sum::<f64>(),
        }
    }

    /// Its degrees, in words.
    pub(super) fn degrees(&self) -> String {
        match self {
            Self::Series(polynomial) => format!("degree {}", polynomial.degree()),
            Self::Signs {
                terms, low, error, ..
            } => {
                let factors = terms.first().map_or(&[][..], |term| &term.factors);
                let degrees: Vec<String> = factors.iter().map(|p| p.degree().to_string()).collect();
                let degrees = degrees.join(", ");
                let (low, error) = (100.0 * low, 100.0 * error);
                format!(
                    "sign of degrees {degrees} (off by {error:.2} % beyond {low:.1} % of the range)"
                )
            }
        }
    }
}

/// What replaces an activation: `y = F(x · scale_in + shift_in) · scale_out + shift_out`, the four per unit.
///
/// A unit is a channel of an image and an element of a vector. The affine maps on both sides become part of the linear
/// layers there, so a unit's own interval costs nothing.
#[derive(Clone, Debug)]
pub(super) struct Fit {
    pub(super) scale_in: Vec<f64>,
    pub(super) shift_in: Vec<f64>,
    pub(super) form: Form,
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
            self.form.eval(z) * self.scale_out[u] + self.shift_out[u]
        };
        x.iter().enumerate().map(of).collect()
    }

    /// Without units yet.
    pub(super) fn of(form: Form, intervals: &[(f64, f64)]) -> Self {
        let none = || Vec::with_capacity(intervals.len());
        let low = intervals.iter().map(|i| i.0).fold(f64::INFINITY, f64::min);
        let high = intervals
            .iter()
            .map(|i| i.1)
            .fold(f64::NEG_INFINITY, f64::max);
        Self {
            scale_in: none(),
            shift_in: none(),
            form,
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
