//! The error of results, predicted without random numbers.
//!
//! Errors are followed to first order: every operation adds one ([`NoiseModel`]), independent of all others and from
//! slot to slot, and everything after it acts on that error by its derivative. So the variance of one slot of a result
//! is the sum, over operations and slots, of the squared derivative times the variance added there. One backward pass
//! per slot gives it; a forward pass that takes the errors of operands as independent gives an estimate for all slots
//! at once.
//!
//! A division's error in a slot is the product of a rounding and of the secret in that slot, both near Gaussian: given
//! the secret it is Gaussian, with a variance that is exponentially distributed over keys. A sum over many slots levels
//! that out, a single slot does not; [`SlotError::spread`] says how much is left.

use crate::slots::apply_slots;
use crate::{Circuit, CircuitError, NoiseModel, Op, ValueId, facts};

/// Error of one slot of one result: Gaussian, its variance a random number that belongs to the key.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SlotError {
    /// Variance of the real part, the mean over keys.
    pub variance: f64,
    /// Relative variance of that variance over keys: 0 where it is the same for all, 1 where it is exponential.
    pub spread: f64,
}

/// A circuit evaluated on one input, with what is needed to predict the error of any slot of its results.
pub struct Prediction<'a> {
    circuit: &'a Circuit,
    /// Slots of each result.
    outputs: Vec<Vec<f64>>,
    /// Estimated variance of each slot of each result.
    estimates: Vec<Vec<f64>>,
    /// Factors of products between ciphertexts; other values are dropped.
    factors: Vec<Option<Vec<f64>>>,
    /// Per value, the variance its operation adds to a slot; the mean over slots where they differ.
    added: Vec<f64>,
}

/// Evaluates the circuit and follows the variance of every slot.
///
/// # Shapes
/// One vector of `n_slots` values per input ciphertext.
///
/// # Cost
/// Twice that of [`crate::run_slots`].
///
/// # Errors
/// [`CircuitError::Invalid`] if the circuit does not verify.
///
/// # Panics
/// If the circuit has no parameters, or the inputs are of another number or length.
pub fn predict<'a>(
    circuit: &'a Circuit,
    inputs: &[Vec<f64>],
) -> Result<Prediction<'a>, CircuitError> {
    let facts = facts(circuit)?;
    let model = NoiseModel::new(circuit.params().expect("the circuit has parameters"));
    let n_values = circuit.values().len();
    let mut last_use = vec![0; n_values];
    let mut is_factor = vec![false; n_values];
    for (id, op) in circuit.ops() {
        for operand in op.operands() {
            last_use[operand.index()] = id.index();
            is_factor[operand.index()] |= matches!(op, Op::Mul(..) | Op::Square(_));
        }
    }
    for output in circuit.outputs() {
        last_use[output.index()] = n_values;
    }
    let mut values: Vec<Option<Vec<f64>>> = vec![None; n_values];
    let mut variances: Vec<Option<Vec<f64>>> = vec![None; n_values];
    let mut added = vec![0.0; n_values];
    for (id, op) in circuit.ops() {
        let operands = op.operands();
        let value = match op {
            Op::Input { index } => inputs[*index as usize].clone(),
            _ => apply_slots(circuit, op, &all(&values, &operands)),
        };
        assert_eq!(
            value.len(),
            circuit.n_slots(),
            "vectors have n_slots values"
        );
        let own = model.added(circuit, &facts, op, &facts[id.index()]);
        let of = all(&values, &operands);
        let mut variance = carried(circuit, op, &of, &all(&variances, &operands));
        variance.iter_mut().for_each(|v| *v += own.flat);
        added[id.index()] = own.flat;
        if own.relative > 0.0 {
            let squares = variance.iter_mut().zip(of[0]);
            squares.for_each(|(v, x)| *v += own.relative * x * x);
            let mean = of[0].iter().map(|x| x * x).sum::<f64>() / of[0].len() as f64;
            added[id.index()] += own.relative * mean;
        }
        for i in operands
            .iter()
            .map(|o| o.index())
            .filter(|&i| last_use[i] == id.index())
        {
            variances[i] = None;
            if !is_factor[i] {
                values[i] = None;
            }
        }
        values[id.index()] = Some(value);
        variances[id.index()] = Some(variance);
    }
    let results = |list: &[Option<Vec<f64>>]| -> Vec<Vec<f64>> {
        let outputs = all(list, circuit.outputs()).into_iter();
        outputs.map(<[f64]>::to_vec).collect()
    };
    Ok(Prediction {
        circuit,
        outputs: results(&values),
        estimates: results(&variances),
        factors: values,
        added,
    })
}

fn all<'v>(list: &'v [Option<Vec<f64>>], ids: &[ValueId]) -> Vec<&'v [f64]> {
    let get = |id: &ValueId| {
        let found = list[id.index()].as_deref();
        found.expect("operands come before users")
    };
    ids.iter().map(get).collect()
}

/// Variances that the operands' errors have in the result, as if they were independent of each other.
fn carried(circuit: &Circuit, op: &Op, values: &[&[f64]], variances: &[&[f64]]) -> Vec<f64> {
    let n = circuit.n_slots();
    match op {
        Op::Input { .. } => vec![0.0; n],
        Op::Add(..) | Op::Sub(..) | Op::Sum(_) => {
            let mut total = variances[0].to_vec();
            for term in &variances[1..] {
                total.iter_mut().zip(*term).for_each(|(t, v)| *t += v);
            }
            total
        }
        Op::Mul(..) => (0..n)
            .map(|i| {
                let ([a, b], [u, v]) = (
                    [values[0][i], values[1][i]],
                    [variances[0][i], variances[1][i]],
                );
                a * a * v + b * b * u + u * v
            })
            .collect(),
        Op::Square(_) => (0..n)
            .map(|i| (4.0 * values[0][i] * values[0][i] + 2.0 * variances[0][i]) * variances[0][i])
            .collect(),
        Op::MulPlain { plain, .. } => {
            let factors = circuit.plain(*plain).period_values();
            let pairs = variances[0].iter().zip(factors.iter().cycle());
            pairs.map(|(v, f)| v * f * f).collect()
        }
        Op::MulScalar { factor, .. } => variances[0].iter().map(|v| v * factor * factor).collect(),
        Op::Rotate { by, .. } | Op::RotateHoisted { by, .. } => {
            let mut moved = variances[0].to_vec();
            moved.rotate_left(by.amount() as usize);
            moved
        }
        _ => variances[0].to_vec(),
    }
}

impl Prediction<'_> {
    /// Slots of each result, without error.
    pub fn outputs(&self) -> &[Vec<f64>] {
        &self.outputs
    }

    /// Estimated variance of each slot of each result: right where no error reaches a slot on two ways.
    pub fn estimates(&self) -> &[Vec<f64>] {
        &self.estimates
    }

    /// The error of one slot of one result, exact to first order.
    ///
    /// # Cost
    /// That of [`crate::run_slots`].
    pub fn slot(&self, output: usize, slot: usize) -> SlotError {
        let (circuit, n) = (self.circuit, self.circuit.n_slots());
        let mut derivatives: Vec<Option<Vec<f64>>> = vec![None; circuit.values().len()];
        let mut seed = vec![0.0; n];
        seed[slot] = 1.0;
        derivatives[circuit.outputs()[output].index()] = Some(seed);
        let mut variance = 0.0;
        // Per slot, the variance that divisions add there: the secret in that slot is a factor of all of it.
        let mut by_secret = vec![0.0; n];
        for (id, op) in circuit.ops().rev() {
            let Some(mut g) = derivatives[id.index()].take() else {
                continue;
            };
            let own = self.added[id.index()];
            if own > 0.0 {
                variance += own * g.iter().map(|g| g * g).sum::<f64>();
                if divides(op) {
                    by_secret
                        .iter_mut()
                        .zip(&g)
                        .for_each(|(s, g)| *s += own * g * g);
                }
            }
            let mut give = |to: ValueId, g: Vec<f64>| match &mut derivatives[to.index()] {
                Some(sum) => sum.iter_mut().zip(g).for_each(|(s, g)| *s += g),
                empty => *empty = Some(g),
            };
            let times = |of: &ValueId, factor: f64| -> Vec<f64> {
                let values = self.factors[of.index()].as_deref();
                let values = values.expect("factors of products are kept");
                g.iter().zip(values).map(|(g, v)| factor * g * v).collect()
            };
            match op {
                Op::Input { .. } => {}
                Op::Add(..) | Op::Sum(_) => {
                    op.operands().into_iter().for_each(|to| give(to, g.clone()));
                }
                Op::Sub(a, b) => {
                    give(*a, g.clone());
                    give(*b, g.iter().map(|g| -g).collect());
                }
                Op::Mul(a, b) => {
                    give(*a, times(b, 1.0));
                    give(*b, times(a, 1.0));
                }
                Op::Square(x) => give(*x, times(x, 2.0)),
                Op::Neg(x) => give(*x, g.iter().map(|g| -g).collect()),
                Op::MulPlain { x, plain, .. } => {
                    let factors = circuit.plain(*plain).period_values();
                    g.iter_mut()
                        .zip(factors.iter().cycle())
                        .for_each(|(g, f)| *g *= f);
                    give(*x, g);
                }
                Op::MulScalar { x, factor, .. } => {
                    g.iter_mut().for_each(|g| *g *= factor);
                    give(*x, g);
                }
                Op::Rotate { x, by } | Op::RotateHoisted { digits: x, by } => {
                    g.rotate_right(by.amount() as usize);
                    give(*x, g);
                }
                _ => give(op.operands()[0], g),
            }
        }
        let squares: f64 = by_secret.iter().map(|s| s * s).sum();
        SlotError {
            variance,
            spread: squares / (variance * variance).max(f64::MIN_POSITIVE),
        }
    }
}

/// Whether the operation's own error is mostly that of a division.
fn divides(op: &Op) -> bool {
    matches!(
        op,
        Op::Rescale(_)
            | Op::ModDown { .. }
            | Op::Decompose(_)
            | Op::Rotate { .. }
            | Op::Conjugate(_)
            | Op::Relinearize(_)
    )
}

/// The error that `runs` results, each with these errors and all under one key, stay below with a probability.
///
/// Each result is that of one of several equally likely inputs; `inputs` has the factor by which an input's variances
/// exceed those of `errors`.
///
/// # Source
/// Wilson and Hilferty, 1931, for the variance as a Gamma variate.
pub fn worst_error(errors: &[SlotError], inputs: &[f64], runs: usize, probability: f64) -> f64 {
    /// Slots of similar errors are treated alike.
    const GROUPS: usize = 64;
    let mut sorted = errors.to_vec();
    sorted.sort_by(|a, b| b.variance.total_cmp(&a.variance));
    let groups: Vec<(SlotError, f64)> = sorted
        .chunks(sorted.len().div_ceil(GROUPS).max(1))
        .map(|group| (group[0], group.len() as f64))
        .collect();
    let log_all_below = |t: f64| -> f64 {
        let each = groups.iter();
        each.map(|(error, n)| n * below(error, t, inputs, runs).ln())
            .sum()
    };
    let most = inputs.iter().copied().fold(0.0, f64::max);
    let largest = groups
        .first()
        .map_or(0.0, |(e, _)| (e.variance * most).sqrt());
    let (mut low, mut high) = (0.0, 64.0 * largest);
    for _ in 0..24 {
        let middle = (low + high) / 2.0;
        if log_all_below(middle) < probability.ln() {
            low = middle;
        } else {
            high = middle;
        }
    }
    high
}

/// Probability that `runs` errors of one slot under one key stay below `t`.
fn below(error: &SlotError, t: f64, inputs: &[f64], runs: usize) -> f64 {
    const STEP: f64 = 0.5;
    let spread = error.spread.clamp(0.0, 1.0);
    let (mut sum, mut weights) = (0.0, 0.0);
    for i in -10..=10 {
        let z = STEP * f64::from(i);
        let weight = (-z * z / 2.0).exp();
        let factor = (1.0 - spread / 9.0 + z * (spread / 9.0).sqrt())
            .max(0.0)
            .powi(3);
        let beyond = |input: &f64| {
            let deviation = (factor * input * error.variance).sqrt();
            erfc(t / deviation.max(f64::MIN_POSITIVE) / std::f64::consts::SQRT_2)
        };
        let beyond = inputs.iter().map(beyond).sum::<f64>() / inputs.len() as f64;
        sum += weight * (runs as f64 * (-beyond).ln_1p()).exp();
        weights += weight;
    }
    sum / weights
}

/// Complementary error function of `x >= 0`, to a relative error of 1.2e-7.
///
/// # Source
/// Press et al., Numerical Recipes, a Chebyshev fit.
fn erfc(x: f64) -> f64 {
    const C: [f64; 10] = [
        -1.265_512_23,
        1.000_023_68,
        0.374_091_96,
        0.096_784_18,
        -0.186_288_06,
        0.278_868_07,
        -1.135_203_98,
        1.488_515_87,
        -0.822_152_23,
        0.170_872_77,
    ];
    let t = 1.0 / (1.0 + 0.5 * x);
    let fit = C.iter().rev().fold(0.0, |sum, c| sum * t + c);
    (t * (-x * x + fit).exp()).min(1.0 - f64::EPSILON)
}
