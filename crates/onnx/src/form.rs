//! Functions of one value, tracked through the element-wise nodes that exporters take them apart into.
//!
//! A form is `p(x) + q(x) · f(r(x))` with polynomials `p`, `q`, `r` and one activation `f`. Polynomials written as
//! sums and products, and GELU, SiLU and hard-swish written as five or more nodes, are forms.

use graph::{Activation, Basis, NodeId, Op, Polynomial, Tensor};
use std::collections::BTreeSet;
use std::f64::consts::{FRAC_1_SQRT_2, FRAC_2_SQRT_PI};

/// Highest degree kept; beyond it, nodes stay products.
pub(crate) const MAX_DEGREE: usize = 63;

/// Exporters write constants with few digits.
const TOLERANCE: f64 = 5e-4;

/// A function of the base value.
#[derive(Clone, Debug)]
pub(crate) struct Form {
    /// The graph node `x`.
    pub(crate) base: NodeId,
    /// ONNX nodes passed since.
    pub(crate) origin: BTreeSet<String>,
    /// Basis of `sum`; a Chebyshev one is without a term.
    basis: Basis,
    sum: Vec<f64>,
    term: Option<Term>,
}

#[derive(Clone, Debug, PartialEq)]
struct Term {
    factor: Vec<f64>,
    function: Activation,
    inner: Vec<f64>,
}

impl Form {
    /// `x` itself.
    pub(crate) fn identity(base: NodeId) -> Self {
        Self {
            base,
            origin: BTreeSet::new(),
            basis: Basis::Power,
            sum: vec![0.0, 1.0],
            term: None,
        }
    }

    /// `scale · form + shift`.
    pub(crate) fn affine(&self, scale: f64, shift: f64) -> Self {
        let mut form = self.clone();
        form.sum = add(&times(&form.sum, &[scale]), &[shift]);
        if let Some(term) = &mut form.term {
            term.factor = times(&term.factor, &[scale]);
        }
        form
    }

    /// Sum of two functions of one value.
    pub(crate) fn add(&self, other: &Self) -> Option<Self> {
        let term = match (&self.term, &other.term) {
            (Some(a), Some(b)) if a.function == b.function && a.inner == b.inner => Some(Term {
                factor: add(&a.factor, &b.factor),
                ..a.clone()
            }),
            (Some(_), Some(_)) => return None,
            (term, None) | (None, term) => term.clone(),
        };
        self.join(other, add(&self.sum, &other.sum), term)
    }

    /// Product of two functions of one value, one of them a polynomial.
    pub(crate) fn mul(&self, other: &Self) -> Option<Self> {
        let (term, factor) = match (&self.term, &other.term) {
            (Some(_), Some(_)) => return None,
            (term, None) => (term, &other.sum),
            (None, term) => (term, &self.sum),
        };
        let term = term.as_ref().map(|t| Term {
            factor: times(&t.factor, factor),
            ..t.clone()
        });
        let product = match self.basis {
            Basis::Power => times(&self.sum, &other.sum),
            Basis::Chebyshev { .. } => chebyshev_times(&self.sum, &other.sum),
        };
        self.join(other, product, term)
    }

    /// An integer power of a polynomial.
    pub(crate) fn power(&self, exponent: usize) -> Option<Self> {
        (1..exponent)
            .try_fold(self.clone(), |form, _| form.mul(self))
            .filter(|form| form.term.is_none())
    }

    /// `function` of a polynomial.
    pub(crate) fn apply(&self, function: Activation) -> Option<Self> {
        let term = Term {
            factor: vec![1.0],
            function,
            inner: self.sum.clone(),
        };
        let is_plain = self.term.is_none() && self.basis == Basis::Power;
        is_plain.then(|| Self {
            sum: vec![0.0],
            term: Some(term),
            ..self.clone()
        })
    }

    fn join(&self, other: &Self, sum: Vec<f64>, term: Option<Term>) -> Option<Self> {
        let degree = sum.len().max(term.as_ref().map_or(0, |t| t.factor.len())) - 1;
        let origin = self.origin.union(&other.origin).cloned().collect();
        let fits = self.base == other.base && self.basis == other.basis;
        (fits && degree <= MAX_DEGREE).then_some(Self {
            base: self.base,
            basis: self.basis,
            origin,
            sum,
            term,
        })
    }

    /// The one operation on the base that computes this, if there is one.
    pub(crate) fn recognize(&self) -> Option<Op> {
        let Some(Term {
            factor,
            function,
            inner,
        }) = &self.term
        else {
            return match self.sum.iter().rposition(|&c| c != 0.0) {
                Some(1) if self.basis == Basis::Power => Some(Op::Affine {
                    scale: Tensor::filled(&[], self.sum[1]),
                    shift: Tensor::filled(&[], self.sum[0]),
                }),
                Some(0) | None => None,
                Some(degree) => Some(Op::Polynomial(Polynomial {
                    basis: self.basis,
                    coefficients: self.sum[..=degree].to_vec(),
                })),
            };
        };
        let sum_is = |p: &[f64]| close(&self.sum, p);
        let product_of = |q: &[f64], r: &[f64]| close(factor, q) && close(inner, r);
        let tanh_scale = FRAC_2_SQRT_PI * FRAC_1_SQRT_2;
        let gelu_tanh = [0.0, tanh_scale, 0.0, tanh_scale * 0.044715];
        let found = match *function {
            Activation::Erf
                if sum_is(&[0.0, 0.5]) && product_of(&[0.0, 0.5], &[0.0, FRAC_1_SQRT_2]) =>
            {
                Activation::Gelu { tanh: false }
            }
            Activation::Tanh if sum_is(&[0.0, 0.5]) && product_of(&[0.0, 0.5], &gelu_tanh) => {
                Activation::Gelu { tanh: true }
            }
            Activation::Sigmoid
                if sum_is(&[])
                    && close(factor, &[0.0, 1.0])
                    && inner.len() == 2
                    && inner[0] == 0.0 =>
            {
                Activation::Silu { beta: inner[1] }
            }
            Activation::HardSigmoid { alpha, beta }
                if sum_is(&[])
                    && close(&[alpha, beta], &[1.0 / 6.0, 0.5])
                    && product_of(&[0.0, 1.0], &[0.0, 1.0]) =>
            {
                Activation::HardSwish
            }
            Activation::Clip {
                low: 0.0,
                high: 6.0,
            } if sum_is(&[]) && product_of(&[0.0, 1.0 / 6.0], &[3.0, 1.0]) => Activation::HardSwish,
            _ => return None,
        };
        Some(Op::Activation(found))
    }

    /// The base, where this is its positive part.
    pub(crate) fn relu_of(&self) -> Option<NodeId> {
        let term = self
            .term
            .as_ref()
            .filter(|t| t.function == Activation::Relu)?;
        (close(&self.sum, &[]) && close(&term.factor, &[1.0]) && close(&term.inner, &[0.0, 1.0]))
            .then_some(self.base)
    }

    /// Base, factor and summand, where this is the sigmoid of an affine map of the base.
    pub(crate) fn sigmoid_of(&self) -> Option<(NodeId, (f64, f64))> {
        let inner = self.plain(Activation::Sigmoid, &[])?;
        Some((self.base, inner))
    }

    /// Base, factor and summand of `z`, where this is `1 + e^−z`.
    pub(crate) fn logistic(&self) -> Option<(NodeId, (f64, f64))> {
        let (scale, shift) = self.plain(Activation::Exp, &[1.0])?;
        Some((self.base, (-scale, -shift)))
    }

    /// Base, factor and summand of `z`, where this is `1 + e^z`.
    pub(crate) fn one_plus_exp(&self) -> Option<(NodeId, (f64, f64))> {
        let inner = self.plain(Activation::Exp, &[1.0])?;
        Some((self.base, inner))
    }

    /// Factor and summand of the function's argument, where this is `sum + function(argument)`.
    fn plain(&self, function: Activation, sum: &[f64]) -> Option<(f64, f64)> {
        let term = self.term.as_ref().filter(|t| t.function == function)?;
        let at = |k: usize| term.inner.get(k).copied().unwrap_or(0.0);
        let is_affine = term.inner.iter().skip(2).all(|&c| c == 0.0) && at(1) != 0.0;
        (is_affine && close(&self.sum, sum) && close(&term.factor, &[1.0])).then(|| (at(1), at(0)))
    }

    /// Whether this is a polynomial of degree 2 or more, or a series.
    pub(crate) fn is_curved_polynomial(&self) -> bool {
        let is_curved = self.sum.iter().skip(2).any(|&c| c != 0.0);
        self.term.is_none() && (is_curved || self.basis != Basis::Power)
    }

    /// This as one polynomial of the base, whatever its degree and with all coefficients, if it is one.
    pub(crate) fn polynomial(&self) -> Option<Op> {
        self.term.is_none().then(|| {
            Op::Polynomial(Polynomial {
                basis: self.basis,
                coefficients: self.sum.clone(),
            })
        })
    }

    /// The variable of a Chebyshev series, where this maps an interval to `[-1, 1]`.
    pub(crate) fn series(&self) -> Option<Self> {
        let (&[shift, scale], None) = (self.sum.as_slice(), &self.term) else {
            return None;
        };
        let basis = Basis::Chebyshev {
            low: (-1.0 - shift) / scale,
            high: (1.0 - shift) / scale,
        };
        (scale != 0.0 && self.basis == Basis::Power).then(|| Self {
            basis,
            sum: vec![0.0, 1.0],
            ..self.clone()
        })
    }
}

fn add(a: &[f64], b: &[f64]) -> Vec<f64> {
    let at = |p: &[f64], k: usize| p.get(k).copied().unwrap_or(0.0);
    (0..a.len().max(b.len()))
        .map(|k| at(a, k) + at(b, k))
        .collect()
}

fn times(a: &[f64], b: &[f64]) -> Vec<f64> {
    let mut product = vec![0.0; (a.len() + b.len()).saturating_sub(1)];
    for (i, x) in a.iter().enumerate() {
        for (k, y) in b.iter().enumerate() {
            product[i + k] += x * y;
        }
    }
    product
}

/// Product of Chebyshev series: `T_i · T_k = (T_{i+k} + T_{|i−k|}) / 2`.
fn chebyshev_times(a: &[f64], b: &[f64]) -> Vec<f64> {
    let mut product = vec![0.0; (a.len() + b.len()).saturating_sub(1)];
    for (i, x) in a.iter().enumerate() {
        for (k, y) in b.iter().enumerate() {
            product[i + k] += x * y / 2.0;
            product[i.abs_diff(k)] += x * y / 2.0;
        }
    }
    product
}

/// Whether two polynomials agree, trailing zeros aside.
fn close(a: &[f64], b: &[f64]) -> bool {
    let at = |p: &[f64], k: usize| p.get(k).copied().unwrap_or(0.0);
    (0..a.len().max(b.len())).all(|k| (at(a, k) - at(b, k)).abs() <= TOLERANCE * at(b, k).abs())
}
