//! The plain interpreter: every value is its slot vector.

use crate::{Added, Circuit, CircuitError, NoiseModel, Op, PlainId, ValueId, facts};

/// Gaussian errors added where CKKS would make them, from a seed: the slow twin of [`crate::predict()`].
///
/// Variances are those of [`NoiseModel`].
pub struct SlotNoise {
    state: u64,
}

impl SlotNoise {
    /// A reproducible stream of errors.
    pub fn new(seed: u64) -> Self {
        Self {
            state: seed ^ 0x9e37_79b9_7f4a_7c15,
        }
    }

    fn uniform(&mut self) -> f64 {
        // SplitMix64 (Steele, Lea, Flood 2014); quality needs are modest, reproducibility is what counts.
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.state;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) >> 11) as f64 / (1u64 << 53) as f64
    }

    fn gaussian(&mut self) -> f64 {
        let radius = (-2.0 * (1.0 - self.uniform()).ln()).sqrt();
        radius * (std::f64::consts::TAU * self.uniform()).cos()
    }
}

/// One operation on slot vectors; an input is its only operand.
///
/// # Shapes
/// Operands have `n_slots` values, or one for every `stride` slots where [`Circuit::moves_by`] allows that.
///
/// # Panics
/// If an operand is missing, lengths differ, or the circuit does not act alike on the slots of a group.
pub fn apply_slots(circuit: &Circuit, op: &Op, operands: &[&[f64]]) -> Vec<f64> {
    let x = operands[0];
    let stride = (circuit.n_slots() / x.len()) as u32;
    let zip = |f: fn(f64, f64) -> f64| -> Vec<f64> {
        x.iter().zip(operands[1]).map(|(a, b)| f(*a, *b)).collect()
    };
    let with_plain = |plain: PlainId, f: fn(f64, f64) -> f64| -> Vec<f64> {
        let values = circuit.plain(plain).strided_values(stride);
        x.iter()
            .enumerate()
            .map(|(i, v)| f(*v, values[i & (values.len() - 1)]))
            .collect()
    };
    match op {
        Op::Add(..) => zip(|a, b| a + b),
        Op::Sub(..) => zip(|a, b| a - b),
        Op::Mul(..) => zip(|a, b| a * b),
        Op::Sum(_) => {
            let mut total = x.to_vec();
            for term in &operands[1..] {
                total.iter_mut().zip(*term).for_each(|(t, v)| *t += v);
            }
            total
        }
        Op::Neg(_) => x.iter().map(|v| -v).collect(),
        Op::Square(_) => x.iter().map(|v| v * v).collect(),
        Op::AddPlain { plain, .. } => with_plain(*plain, |a, b| a + b),
        Op::MulPlain { plain, .. } => with_plain(*plain, |a, b| a * b),
        Op::MulScalar { factor, .. } => x.iter().map(|v| v * factor).collect(),
        Op::Rotate { by, .. } | Op::RotateHoisted { by, .. } => {
            let mut moved = x.to_vec();
            moved.rotate_left((by.amount() / stride) as usize);
            moved
        }
        Op::Input { .. }
        | Op::Relinearize(_)
        | Op::Rescale(_)
        | Op::DropLevel { .. }
        | Op::Conjugate(_)
        | Op::Decompose(_)
        | Op::Extend(_)
        | Op::ModDown { .. }
        | Op::Refresh { .. } => x.to_vec(),
    }
}

/// Slots that each value of the inputs stands for.
///
/// # Panics
/// If lengths differ or do not divide the slots.
pub(crate) fn stride_of(circuit: &Circuit, inputs: &[Vec<f64>]) -> u32 {
    let n = circuit.n_slots();
    let len = inputs.first().map_or(n, Vec::len).max(1);
    assert!(
        inputs.iter().all(|i| i.len() == len) && n.is_multiple_of(len),
        "input vectors have n_slots values, or one for as many slots each"
    );
    (n / len) as u32
}

/// Runs the circuit on plain slot vectors, one per input ciphertext.
///
/// # Shapes
/// Each input and each result has `n_slots` values, or one for every `stride` slots where [`Circuit::moves_by`] allows
/// that.
///
/// # Errors
/// [`CircuitError::Invalid`] if the circuit does not verify. With `noise`, parameters, levels and scales must be set.
///
/// # Panics
/// If the number or the length of the inputs is wrong.
pub fn run_slots(
    circuit: &Circuit,
    inputs: &[Vec<f64>],
    mut noise: Option<&mut SlotNoise>,
) -> Result<Vec<Vec<f64>>, CircuitError> {
    assert_eq!(
        inputs.len(),
        circuit.inputs().len(),
        "one slot vector per input ciphertext"
    );
    let stride = stride_of(circuit, inputs);
    assert!(
        circuit.moves_by(stride),
        "the circuit tells slots of a group apart"
    );
    let facts = facts(circuit)?;
    let mut left: Vec<usize> = vec![0; circuit.values().len()];
    circuit
        .ops()
        .flat_map(|(_, op)| op.operands())
        .chain(circuit.outputs().iter().copied())
        .for_each(|o| left[o.index()] += 1);
    let mut slots: Vec<Option<Vec<f64>>> = vec![None; circuit.values().len()];
    for (id, op) in circuit.ops() {
        let mut result = match op {
            Op::Input { index } => inputs[*index as usize].clone(),
            _ => {
                let operands = op.operands();
                let get = |v: &ValueId| {
                    slots[v.index()]
                        .as_deref()
                        .expect("operands come before users")
                };
                let operands: Vec<&[f64]> = operands.iter().map(get).collect();
                apply_slots(circuit, op, &operands)
            }
        };
        if let (Some(noise), Some(params)) = (noise.as_deref_mut(), circuit.params()) {
            let added = NoiseModel::new(params).added(circuit, &facts, op, &facts[id.index()]);
            let operand = op
                .operands()
                .first()
                .and_then(|o| slots[o.index()].as_deref());
            add_noise(noise, added, operand, &mut result);
        }
        for operand in op.operands() {
            left[operand.index()] -= 1;
            if left[operand.index()] == 0 {
                slots[operand.index()] = None;
            }
        }
        if left[id.index()] > 0 {
            slots[id.index()] = Some(result);
        }
    }
    Ok(circuit
        .outputs()
        .iter()
        .map(|o| slots[o.index()].clone().expect("outputs are kept"))
        .collect())
}

fn add_noise(noise: &mut SlotNoise, added: Added, operand: Option<&[f64]>, slots: &mut [f64]) {
    if added.flat > 0.0 {
        let deviation = added.flat.sqrt();
        slots
            .iter_mut()
            .for_each(|s| *s += deviation * noise.gaussian());
    }
    if let (Some(operand), true) = (operand, added.relative > 0.0) {
        let deviation = added.relative.sqrt();
        slots
            .iter_mut()
            .zip(operand)
            .for_each(|(s, v)| *s += *v * deviation * noise.gaussian());
    }
}
