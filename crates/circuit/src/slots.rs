//! The plain interpreter: every value is its slot vector.

use crate::{Circuit, CircuitError, Kind, Op, PlainId, ValueId, facts};
use params::{Params, Scale};

/// Gaussian errors added where CKKS would make them, from a seed.
///
/// Variances per coefficient, `h = 2N/3`, `σ² = 10.5`: encoding 1/12, encryption under the secret key σ², rescale and
/// mod down (1 + h)/12, key switch `Σ_d N·σ²/12·(D_d/P)²` before its mod down. A slot's error is √(N/2) times that
/// deviation over the scale.
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

    fn disturb(&mut self, slots: &mut [f64], deviation: f64) {
        slots
            .iter_mut()
            .for_each(|s| *s += deviation * self.gaussian());
    }
}

/// Slot deviation of a coefficient variance at a scale.
fn slot_deviation(params: &Params, variance: f64, scale: &Scale) -> f64 {
    let half = params.ring_degree() as f64 / 2.0;
    (half * variance).sqrt() / scale.log2(params.q()).exp2()
}

fn division_variance(params: &Params) -> f64 {
    (1.0 + 2.0 * params.ring_degree() as f64 / 3.0) / 12.0
}

fn key_switch_variance(params: &Params, level: params::Level) -> f64 {
    let log2 = |primes: &[u64]| primes.iter().map(|&p| (p as f64).log2()).sum::<f64>();
    let special = log2(params.special());
    let digits = params
        .digits_at(level)
        .into_iter()
        .map(|r| (2.0 * (log2(&params.q()[r]) - special)).exp2());
    params.ring_degree() as f64 * 10.5 / 12.0 * digits.sum::<f64>()
}

/// One operation on slot vectors; an input is its only operand.
///
/// # Panics
/// If an operand is missing or lengths differ from the slot count.
pub fn apply_slots(circuit: &Circuit, op: &Op, operands: &[&[f64]]) -> Vec<f64> {
    let x = operands[0];
    let zip = |f: fn(f64, f64) -> f64| -> Vec<f64> {
        x.iter().zip(operands[1]).map(|(a, b)| f(*a, *b)).collect()
    };
    let with_plain = |plain: PlainId, f: fn(f64, f64) -> f64| -> Vec<f64> {
        let values = circuit.plain(plain).period_values();
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
            moved.rotate_left(by.amount() as usize);
            moved
        }
        Op::Input { .. }
        | Op::Relinearize(_)
        | Op::Rescale(_)
        | Op::DropLevel { .. }
        | Op::Conjugate(_)
        | Op::Decompose(_)
        | Op::Extend(_)
        | Op::ModDown { .. } => x.to_vec(),
    }
}

/// Runs the circuit on plain slot vectors, one per input ciphertext.
///
/// # Shapes
/// Each input and each result has `n_slots` values.
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
    let n = circuit.n_slots();
    assert_eq!(
        inputs.len(),
        circuit.inputs().len(),
        "one slot vector per input ciphertext"
    );
    assert!(
        inputs.iter().all(|i| i.len() == n),
        "input vectors have n_slots values"
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
            add_noise(noise, params, op, &facts, id, &mut result);
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

fn add_noise(
    noise: &mut SlotNoise,
    params: &Params,
    op: &Op,
    facts: &[crate::Fact],
    id: ValueId,
    slots: &mut [f64],
) {
    let fact = &facts[id.index()];
    let (Some(level), Some(scale)) = (fact.level, fact.scale.as_ref()) else {
        return;
    };
    let division = division_variance(params);
    // A key switch is made at its operand's level; its error is counted with the division that follows it.
    let variance = match op {
        Op::Input { .. } => 10.5 + 1.0 / 12.0,
        Op::Rescale(_) | Op::ModDown { .. } => division,
        Op::Decompose(x) if facts[x.index()].kind == Kind::Ext => division,
        Op::Rotate { .. } | Op::Conjugate(_) | Op::Relinearize(_) => {
            division + key_switch_variance(params, level)
        }
        Op::RotateHoisted { .. } => key_switch_variance(params, level),
        Op::AddPlain { .. } => 1.0 / 12.0,
        Op::MulPlain { scale: Some(s), .. } => {
            let deviation = slot_deviation(params, 1.0 / 12.0, s);
            slots
                .iter_mut()
                .for_each(|v| *v += *v * deviation * noise.gaussian());
            return;
        }
        _ => return,
    };
    noise.disturb(slots, slot_deviation(params, variance, scale));
}
