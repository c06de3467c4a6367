//! The check of a window that was replaced: both programs on the same random inputs, slot by slot.

use ::circuit::{Circuit, CircuitError, run_slots};

/// Samples of all inputs of a window.
const N_SAMPLES: u64 = 2;
/// Largest difference, as a share of the largest value of the old program.
pub(super) const TOLERANCE: f64 = 1e-10;

/// Largest difference of any slot of any output, as a share of the largest value, over all samples.
///
/// # Errors
/// [`CircuitError`] if one of the programs is not valid.
pub(super) fn difference(old: &Circuit, new: &Circuit) -> Result<f64, CircuitError> {
    let mut worst = 0.0f64;
    for sample in 0..N_SAMPLES {
        let inputs = inputs(old, sample);
        let (before, after) = (
            run_slots(old, &inputs, None)?,
            run_slots(new, &inputs, None)?,
        );
        let values = before.iter().flatten();
        let largest = values.fold(f64::MIN_POSITIVE, |m, v| m.max(v.abs()));
        for (a, b) in before.iter().flatten().zip(after.iter().flatten()) {
            let share = (a - b).abs() / largest;
            // A value that is no number agrees with nothing.
            worst = if share.is_nan() {
                f64::INFINITY
            } else {
                worst.max(share)
            };
        }
    }
    Ok(worst)
}

/// Numbers between −1 and 1 for every slot of every input.
fn inputs(circuit: &Circuit, sample: u64) -> Vec<Vec<f64>> {
    // A multiplicative congruential generator (Steele and Vigna 2021), its upper bits.
    let mut state = sample.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut next = || {
        state = state.wrapping_mul(0xf135_7aea_2e62_a9c5);
        (state >> 11) as f64 / (1u64 << 52) as f64 - 1.0
    };
    let n_slots = circuit.n_slots();
    let inputs = circuit.inputs().iter();
    inputs
        .map(|_| (0..n_slots).map(|_| next()).collect())
        .collect()
}
