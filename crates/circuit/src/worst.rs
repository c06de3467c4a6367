//! A bound on the error of results that holds for every admissible input, but for a negligible set of keys and errors.
//!
//! Unlike [`crate::predict()`] nothing is taken as independent and nothing as average. What is sampled (secret, errors of
//! encryption and of keys) is bounded in every slot by its tail; what is rounded is taken as rounded the worst way in
//! every coefficient; everything else is the triangle inequality.
//!
//! With `L = ln(2 · events · 2^128)`, where events counts real and imaginary parts of all slots of all sampled
//! polynomials, those of 2^32 encryptions of each input among them, every slot of a sampled polynomial of coefficient variance `v` is below `sqrt(2 N v L)` in size: its
//! coefficients are strictly sub-Gaussian (centred binomial, uniform ternary) and the squared cosines sum to N/2. All of
//! that fails with probability at most 2^-128.
//! A polynomial with coefficients of at most 1/2 is below `N/π` in every slot, since Σ|cos| ≤ 2N/π for equally spaced angles.
//!
//! Encoding rounds every coefficient to an integer, which moves a slot by at most half their number over the scale, after
//! a Fourier transform in double precision: of `n` slots, its relative error in the Euclidean norm is below
//! `log2(n) · 2^-50` and that of its operands and of the scaling below `2^-50`, so a slot moves by at most
//! `(log2(n) + 2) · sqrt(n) · 2^-50` of the largest value.
//!
//! The exact result is that of the circuit on the encoded input and with the encoded weights: encoding is a map that
//! encryption and evaluation share, and adds no error here.
//!
//! # Source
//! Strictly sub-Gaussian variables: Buldygin and Kozachenko, 2000. Use of the bound: Li, Micciancio, Schultz and
//! Sorrell, ePrint 2022/816; Guo et al., USENIX Security 2024, for why it has to be a worst case. Transforms in double
//! precision: Higham, Accuracy and Stability of Numerical Algorithms, theorem 24.2.

use crate::{Circuit, CircuitError, Kind, Op, PlainVector, facts};
use params::{Level, Params, Scale};

/// Bounds for one slot vector.
#[derive(Clone, Debug, PartialEq)]
pub struct SlotBounds {
    /// Of the magnitude of the exact value, per slot.
    pub value: Vec<f64>,
    /// Of the magnitude of the error, per slot.
    pub error: Vec<f64>,
}

/// Why no bound holds.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum WorstError {
    /// The circuit is not finished.
    #[error(transparent)]
    Circuit(#[from] CircuitError),
    /// The client sees a value in between, so nothing is bounded; the user decides between sharing and refreshes.
    #[error("{value} is refreshed by the client, which no bound on shared results covers")]
    Refreshed {
        /// The value.
        value: crate::ValueId,
    },
    /// A value could wrap around its modulus; a larger modulus or smaller inputs are needed.
    #[error("{value} can reach {size_bits:.1} bits, its modulus holds {modulus_bits:.1}")]
    Wraps {
        /// The value.
        value: crate::ValueId,
        /// log2 of the largest coefficient, scale included.
        size_bits: f64,
        /// log2 of half the modulus.
        modulus_bits: f64,
    },
}

/// Failure probability of the tails is 2 to minus this.
const FAILURE_BITS: f64 = 128.0;
/// Slack for remainders that are rounded a little off the middle, and for the sum of cosines.
const SLACK: f64 = 1.0 + 1.0 / 512.0;
/// Encryptions of each input under one key that the bound covers.
const ENCRYPTIONS: f64 = (1u64 << 32) as f64;

/// Share of the largest value by which the transform of so many slots may move one.
fn transform(n_slots: f64) -> f64 {
    (n_slots.log2() + 2.0) * n_slots.sqrt() / (1u64 << 50) as f64
}

/// Bounds on what is sampled and rounded, for one circuit.
struct Sizes<'a> {
    params: &'a Params,
    /// In any slot, of an error polynomial.
    error: f64,
    /// In any slot, of the secret.
    secret: f64,
    /// In any slot, of a polynomial with coefficients of at most 1/2.
    rounding: f64,
}

impl<'a> Sizes<'a> {
    fn new(circuit: &Circuit, params: &'a Params) -> Self {
        let n = params.ring_degree() as f64;
        let n_keys = circuit.keys().map_or(0, |k| {
            k.rotations.len()
                + usize::from(k.conjugation.is_some())
                + usize::from(k.relinearization.is_some())
        });
        let errors = (n_keys * params.spec().digits.len()) as f64
            + ENCRYPTIONS * circuit.inputs().len() as f64;
        // The secret is one more; real and imaginary parts of N/2 slots each.
        let events = (1.0 + errors) * n;
        let l = (2.0 * events).ln() + FAILURE_BITS * std::f64::consts::LN_2;
        let tail = |variance: f64| (2.0 * n * variance * l).sqrt();
        Self {
            params,
            error: tail(10.5),
            secret: tail(2.0 / 3.0),
            rounding: n * std::f64::consts::FRAC_1_PI * SLACK,
        }
    }

    /// Rounding all parts of a ciphertext.
    fn division(&self, kind: Kind) -> f64 {
        let third = if kind == Kind::Ct3 {
            self.secret * self.secret
        } else {
            0.0
        };
        self.rounding * (1.0 + self.secret + third)
    }

    /// A key switch before its mod down: every digit meets its own key's error.
    fn key_switch(&self, level: Level) -> f64 {
        let log2 = |primes: &[u64]| primes.iter().map(|&p| (p as f64).log2()).sum::<f64>();
        let special = log2(self.params.special());
        let digits = self.params.digits_at(level).into_iter();
        let share = digits.map(|r| (log2(&self.params.q()[r]) - special).exp2());
        share.sum::<f64>() * self.rounding * self.error
    }
}

/// Bounds on values and errors of all results, for inputs of magnitude up to `input_bound` and up to 2^32 encryptions of
/// each under one key.
///
/// # Cost
/// Twice that of [`crate::run_slots`].
///
/// # Errors
/// [`WorstError::Wraps`] if a value may exceed its modulus, [`WorstError::Refreshed`] at the first refresh.
///
/// # Panics
/// If the circuit has no parameters.
pub fn worst_case(circuit: &Circuit, input_bound: f64) -> Result<Vec<SlotBounds>, WorstError> {
    let facts = facts(circuit)?;
    let params = circuit.params().expect("the circuit has parameters");
    let sizes = Sizes::new(circuit, params);
    let n = circuit.n_slots();
    let users = circuit.users();
    let mut left: Vec<usize> = users.iter().map(Vec::len).collect();
    circuit.outputs().iter().for_each(|o| left[o.index()] += 1);
    let mut bounds: Vec<Option<SlotBounds>> = vec![None; circuit.values().len()];
    for (id, op) in circuit.ops() {
        if matches!(op, Op::Refresh { .. }) {
            return Err(WorstError::Refreshed { value: id });
        }
        let at = &facts[id.index()];
        let operands = op.operands();
        let of: Vec<&SlotBounds> = operands
            .iter()
            .map(|o| {
                bounds[o.index()]
                    .as_ref()
                    .expect("operands come before users")
            })
            .collect();
        let delta = at.scale.as_ref().map_or(1.0, |s| size(params, s));
        let mut next = match op {
            Op::Input { .. } => SlotBounds {
                value: vec![input_bound * (1.0 + transform(n as f64)) + n as f64 / delta; n],
                error: vec![0.0; n],
            },
            _ => carried(circuit, params, op, at.scale.as_ref(), &of),
        };
        let level = at.level.unwrap_or(Level(0));
        let own = match op {
            Op::Input { .. } => sizes.error,
            Op::Rescale(_) | Op::ModDown { .. } => sizes.division(at.kind),
            Op::Decompose(x) if facts[x.index()].kind == Kind::Ext => sizes.rounding * sizes.secret,
            Op::Rotate { .. } | Op::Conjugate(_) | Op::Relinearize(_) => {
                sizes.division(Kind::Ct) + sizes.key_switch(level)
            }
            Op::RotateHoisted { .. } => sizes.key_switch(level),
            _ => 0.0,
        } / delta;
        next.error.iter_mut().for_each(|e| *e += own);
        let sums = next.value.iter().zip(&next.error).map(|(v, e)| v + e);
        let size_bits = (sums.fold(0.0, f64::max) * delta).log2();
        let live = &params.q()[..level.n_limbs()];
        let modulus_bits = live.iter().map(|&q| (q as f64).log2()).sum::<f64>() - 1.0;
        // Not a number is refused as well.
        if size_bits.is_nan() || size_bits >= modulus_bits {
            return Err(WorstError::Wraps {
                value: id,
                size_bits,
                modulus_bits,
            });
        }
        bounds[id.index()] = Some(next);
        let mut read = operands.to_vec();
        read.sort_unstable();
        read.dedup();
        for operand in read {
            left[operand.index()] = left[operand.index()].saturating_sub(1);
            if left[operand.index()] == 0 {
                bounds[operand.index()] = None;
            }
        }
    }
    let outputs = circuit.outputs().iter();
    Ok(outputs
        .map(|o| bounds[o.index()].clone().expect("outputs are kept"))
        .collect())
}

fn size(params: &Params, scale: &Scale) -> f64 {
    scale.log2(params.q()).exp2()
}

/// Magnitudes of an encoded vector's slots.
fn encoded(plain: &PlainVector, params: &Params, scale: Option<&Scale>) -> Vec<f64> {
    let n = f64::from(plain.period);
    let slack = plain.max_abs() * transform(n) + scale.map_or(0.0, |s| n / size(params, s));
    let values = plain.period_values().into_iter();
    values.map(|v| v.abs() + slack).collect()
}

/// Bounds of the result, of this scale, from bounds of the operands; what the operation adds by itself comes on top.
fn carried(
    circuit: &Circuit,
    params: &Params,
    op: &Op,
    scale: Option<&Scale>,
    of: &[&SlotBounds],
) -> SlotBounds {
    let mut next = of[0].clone();
    let SlotBounds { value, error } = &mut next;
    let add = |to: &mut [f64], from: &[f64]| to.iter_mut().zip(from).for_each(|(t, f)| *t += f);
    match op {
        Op::Add(..) | Op::Sub(..) | Op::Sum(_) => {
            for term in &of[1..] {
                add(value, &term.value);
                add(error, &term.error);
            }
        }
        Op::Mul(..) | Op::Square(_) => {
            let (a, b) = (of[0], of.get(1).unwrap_or(&of[0]));
            for i in 0..value.len() {
                value[i] = a.value[i] * b.value[i];
                error[i] =
                    a.value[i] * b.error[i] + b.value[i] * a.error[i] + a.error[i] * b.error[i];
            }
        }
        Op::AddPlain { plain, .. } => {
            // It is encoded at the sum's own scale.
            let summand = encoded(circuit.plain(*plain), params, scale);
            let cycle = value.iter_mut().zip(summand.iter().cycle());
            cycle.for_each(|(v, s)| *v += s);
        }
        Op::MulPlain { plain, scale, .. } => {
            let factor = encoded(circuit.plain(*plain), params, scale.as_ref());
            for list in [value, error] {
                let cycle = list.iter_mut().zip(factor.iter().cycle());
                cycle.for_each(|(v, f)| *v *= f);
            }
        }
        Op::MulScalar { factor, scale, .. } => {
            let slack = scale.as_ref().map_or(0.0, |s| 1.0 / size(params, s));
            let factor = factor.abs() * (1.0 + transform(1.0)) + slack;
            value.iter_mut().chain(error).for_each(|v| *v *= factor);
        }
        Op::Rotate { by, .. } | Op::RotateHoisted { by, .. } => {
            value.rotate_left(by.amount() as usize);
            error.rotate_left(by.amount() as usize);
        }
        _ => {}
    }
    next
}
