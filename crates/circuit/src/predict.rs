//! The error of results, predicted without random numbers.
//!
//! Errors are followed to first order: every operation adds one ([`NoiseModel`]), independent of all others and from
//! slot to slot, and everything after it acts on that error by its derivative. So the variance of one slot of a result
//! is the sum, over operations and slots, of the squared derivative times the variance added there. One backward pass
//! per slot gives it; a forward pass that takes the errors of operands as independent gives an estimate for all slots
//! at once.
//!
//! Errors of several slots of a result depend on each other, since most operations are upstream of all of them: their
//! covariance is the sum of the products of both derivatives. It is taken from a sketch of each slot's derivatives, a
//! projection on few dimensions with signs that are fixed once for all, so that one pass per slot is enough.
//!
//! A division's error in a slot is the product of a rounding and of the secret in that slot, both near Gaussian: given
//! the secret it is Gaussian, with a variance that is exponentially distributed over keys. A sum over many slots levels
//! that out, a single slot does not; [`SlotError::spread`] says how much is left.
//!
//! # Source
//! Charikar, Chen and Farach-Colton, 2002, for the sketch.

use crate::slots::{apply_slots, stride_of};
use crate::{Circuit, CircuitError, NoiseModel, Op, ValueId, facts};

/// Error of one slot of one result: Gaussian, its variance a random number that belongs to the key.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SlotError {
    /// Variance of the real part, the mean over keys.
    pub variance: f64,
    /// Relative variance of that variance over keys: 0 where it is the same for all, 1 where it is exponential.
    pub spread: f64,
}

/// The derivatives of one slot of one result, each times the deviation of the error that meets it, in a few numbers:
/// the inner product of two sketches is close to the covariance of the two errors.
#[derive(Clone, Debug, PartialEq)]
pub struct Sketch(pub(crate) Vec<f64>);

impl Sketch {
    /// Numbers per sketch; a correlation is off by about one over its square root.
    const LEN: usize = 1024;

    fn new() -> Self {
        Self(vec![0.0; Self::LEN])
    }

    /// Adds the derivatives to the errors, of this deviation, of one operation.
    fn add(&mut self, source: usize, derivatives: &[f64], deviation: f64) {
        let start = mix(source as u64) as usize;
        for (at, part) in derivatives.chunks(64).enumerate() {
            let signs = mix(((source as u64) << 32) + at as u64 + 1);
            for (i, derivative) in part.iter().enumerate() {
                let place = start.wrapping_add(64 * at + i) % Self::LEN;
                let sign = 1.0 - 2.0 * (signs >> i & 1) as f64;
                self.0[place] += sign * deviation * derivative;
            }
        }
    }

    fn times(&self, other: &Self) -> f64 {
        self.0.iter().zip(&other.0).map(|(a, b)| a * b).sum()
    }

    /// Correlation of two errors.
    pub fn correlation(&self, other: &Self) -> f64 {
        let sizes = self.times(self) * other.times(other);
        self.times(other) / sizes.sqrt().max(f64::MIN_POSITIVE)
    }
}

/// A number as good as random that follows from another.
///
/// # Source
/// Steele, Lea and Flood, 2014: SplitMix64.
pub(crate) fn mix(from: u64) -> u64 {
    let mut z = from.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
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
/// One vector per input ciphertext, of `n_slots` values, or of one for every `stride` slots where [`Circuit::moves_by`]
/// allows that.
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
    let stride = stride_of(circuit, inputs);
    assert!(
        circuit.moves_by(stride),
        "the circuit tells slots of a group apart"
    );
    let len = circuit.n_slots() / stride as usize;
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
        let own = model.added(circuit, &facts, op, &facts[id.index()]);
        let of = all(&values, &operands);
        let mut variance = carried(circuit, op, len, &of, &all(&variances, &operands));
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
fn carried(
    circuit: &Circuit,
    op: &Op,
    n: usize,
    values: &[&[f64]],
    variances: &[&[f64]],
) -> Vec<f64> {
    let stride = (circuit.n_slots() / n) as u32;
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
            let factors = circuit.plain(*plain).strided_values(stride);
            let pairs = variances[0].iter().zip(factors.iter().cycle());
            pairs.map(|(v, f)| v * f * f).collect()
        }
        Op::MulScalar { factor, .. } => variances[0].iter().map(|v| v * factor * factor).collect(),
        Op::Rotate { by, .. } | Op::RotateHoisted { by, .. } => {
            let mut moved = variances[0].to_vec();
            moved.rotate_left((by.amount() / stride) as usize);
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

    /// The error of one slot of one result, exact to first order, and what it has in common with that of others.
    ///
    /// # Cost
    /// That of [`crate::run_slots`].
    pub fn slot(&self, output: usize, slot: usize) -> (SlotError, Sketch) {
        let (circuit, n) = (self.circuit, self.outputs[output].len());
        let stride = (circuit.n_slots() / n) as u32;
        let mut derivatives: Vec<Option<Vec<f64>>> = vec![None; circuit.values().len()];
        let mut seed = vec![0.0; n];
        seed[slot] = 1.0;
        derivatives[circuit.outputs()[output].index()] = Some(seed);
        let mut variance = 0.0;
        let mut sketch = Sketch::new();
        // Per slot, the variance that divisions add there: the secret in that slot is a factor of all of it.
        let mut by_secret = vec![0.0; n];
        for (id, op) in circuit.ops().rev() {
            let Some(mut g) = derivatives[id.index()].take() else {
                continue;
            };
            let own = self.added[id.index()];
            if own > 0.0 {
                variance += own * g.iter().map(|g| g * g).sum::<f64>();
                sketch.add(id.index(), &g, own.sqrt());
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
                    let factors = circuit.plain(*plain).strided_values(stride);
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
                    g.rotate_right((by.amount() / stride) as usize);
                    give(*x, g);
                }
                _ => give(op.operands()[0], g),
            }
        }
        let squares: f64 = by_secret.iter().map(|s| s * s).sum();
        let error = SlotError {
            variance,
            spread: squares / (variance * variance).max(f64::MIN_POSITIVE),
        };
        (error, sketch)
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
