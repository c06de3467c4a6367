//! What each operation adds to the error of a value, as variances.
//!
//! Variances per coefficient, with `h = 2N/3` nonzero coefficients of the secret and `σ² = 10.5`:
//!
//! | source | variance |
//! | --- | --- |
//! | encoding | 1/12 for each coefficient that is not 0 by construction, and counted twice |
//! | encryption under the secret key, that of a refresh too | σ² |
//! | rescale, mod down | (1 + h)/12, or (1 + h + 8N²/9)/12 for a `ct3`, whose third part meets the square of the secret |
//! | mod down of one part, in `decompose` of an `ext` | h/12 |
//! | key switch, before its mod down | `Σ_d N·σ²/12·(D_d/P)²` over the digits `D_d` of the operand's level |
//!
//! The real part of a slot is a sum of N coefficients times cosines, so its variance is N/2 times that of a
//! coefficient, over the scale squared. A vector of period `n` has `2n` coefficients that are not 0. As its values are
//! real, its polynomial has `m(X) = m(1/X)`, and so has what rounding adds: the whole error is in the real parts.
//!
//! # Source
//! Cheon et al., ePrint 2016/421, for the propagation; Halevi, Polyakov and Shoup, ePrint 2018/117, for the divisions
//! and the corrected lift of digits.

use crate::{Circuit, Fact, Kind, Op, PlainVector};
use params::{Level, Params, Scale};

/// Variance of a coefficient of a fresh error: centred binomial with 42 coins.
const ERROR: f64 = 10.5;
/// Variance of rounding to an integer.
const ROUNDING: f64 = 1.0 / 12.0;

/// The error an operation adds by itself, apart from what its operands bring along.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Added {
    /// Variance of the real part of every slot.
    pub flat: f64,
    /// Variance as a multiple of the squared value of the operand in the same slot: encoded factors are rounded.
    pub relative: f64,
}

/// Variances for one parameter set.
#[derive(Clone, Copy, Debug)]
pub struct NoiseModel<'a> {
    params: &'a Params,
}

impl<'a> NoiseModel<'a> {
    /// The model of a parameter set.
    pub fn new(params: &'a Params) -> Self {
        Self { params }
    }

    fn ring_degree(&self) -> f64 {
        self.params.ring_degree() as f64
    }

    /// Coefficient variance of a fresh encryption under the secret key.
    pub fn encryption(&self) -> f64 {
        ERROR
    }

    /// Coefficient variance of rounding all parts of a ciphertext of this kind.
    pub fn division(&self, kind: Kind) -> f64 {
        let n = self.ring_degree();
        let square = if kind == Kind::Ct3 {
            8.0 * n * n / 9.0
        } else {
            0.0
        };
        ROUNDING * (1.0 + 2.0 * n / 3.0 + square)
    }

    /// Coefficient variance of rounding the second part alone.
    fn half_division(&self) -> f64 {
        ROUNDING * 2.0 * self.ring_degree() / 3.0
    }

    /// Coefficient variance of a key switch at a level, before its mod down and relative to P.
    pub fn key_switch(&self, level: Level) -> f64 {
        let log2 = |primes: &[u64]| primes.iter().map(|&p| (p as f64).log2()).sum::<f64>();
        let special = log2(self.params.special());
        let digits = self
            .params
            .digits_at(level)
            .into_iter()
            .map(|r| (2.0 * (log2(&self.params.q()[r]) - special)).exp2());
        self.ring_degree() * ERROR * ROUNDING * digits.sum::<f64>()
    }

    /// Variance of a slot's real part for a coefficient variance at a scale.
    pub fn slots(&self, coefficient: f64, scale: &Scale) -> f64 {
        self.ring_degree() / 2.0 * coefficient / self.squared(scale)
    }

    fn squared(&self, scale: &Scale) -> f64 {
        (2.0 * scale.log2(self.params.q())).exp2()
    }

    /// Variance of a slot of an encoded vector; that of a single number is known exactly.
    fn encoding(&self, plain: &PlainVector, scale: &Scale) -> f64 {
        match plain.as_splat() {
            Some(value) => self.number(value, scale),
            None => 2.0 * f64::from(plain.period) * ROUNDING / self.squared(scale),
        }
    }

    /// Squared error of an encoded number.
    fn number(&self, value: f64, scale: &Scale) -> f64 {
        let product = value * scale.log2(self.params.q()).exp2();
        (product - product.round()).powi(2) / self.squared(scale)
    }

    /// What an operation adds; `facts` are those of the whole circuit, `at` the value's own.
    ///
    /// Nothing while levels or scales are unknown.
    pub fn added(&self, circuit: &Circuit, facts: &[Fact], op: &Op, at: &Fact) -> Added {
        let flat = |variance: f64| Added {
            flat: variance,
            relative: 0.0,
        };
        let relative = |variance: f64| Added {
            flat: 0.0,
            relative: variance,
        };
        let (Some(level), Some(scale)) = (at.level, at.scale.as_ref()) else {
            return Added::default();
        };
        match op {
            Op::Input { .. } | Op::Refresh { .. } => {
                flat(self.slots(self.encryption() + 2.0 * ROUNDING, scale))
            }
            Op::Rescale(_) | Op::ModDown { .. } => flat(self.slots(self.division(at.kind), scale)),
            Op::Decompose(x) if facts[x.index()].kind == Kind::Ext => {
                flat(self.slots(self.half_division(), scale))
            }
            // Key switches keep the level of their operand.
            Op::Rotate { .. } | Op::Conjugate(_) | Op::Relinearize(_) => {
                flat(self.slots(self.division(Kind::Ct) + self.key_switch(level), scale))
            }
            Op::RotateHoisted { .. } => flat(self.slots(self.key_switch(level), scale)),
            Op::AddPlain { plain, .. } => flat(self.encoding(circuit.plain(*plain), scale)),
            Op::MulPlain {
                plain,
                scale: Some(s),
                ..
            } => relative(self.encoding(circuit.plain(*plain), s)),
            Op::MulScalar {
                factor,
                scale: Some(s),
                ..
            } => relative(self.number(*factor, s)),
            _ => Added::default(),
        }
    }
}
