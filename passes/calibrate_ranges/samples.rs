//! What the network is evaluated on.

use super::activations;
use crate::util::linear::label;
use ::graph::{EvalError, Graph, Values};
use pass::{PassCx, Refusal};
use std::borrow::Cow;

/// Stand-in samples where none are needed for accuracy.
const N_RANDOM: usize = 32;

/// The calibration samples, or pseudo-random ones in `[0, 1]` if no activation depends on them.
pub(super) fn samples<'a>(
    graph: &Graph,
    cx: &mut PassCx<'a>,
) -> Result<Cow<'a, [Vec<Values>]>, Refusal> {
    let settings = cx.settings;
    if let Some(calibration) = &settings.calibration {
        if calibration.samples.is_empty() {
            return Err(
                Refusal::new("found no calibration samples, expected at least one")
                    .help("--calibration FILE with a few hundred typical inputs"),
            );
        }
        return Ok(Cow::Borrowed(&calibration.samples));
    }
    let activations = activations(graph);
    if let Some(&first) = activations.first() {
        let (n, who) = (activations.len(), label(graph.node(first)));
        let message = match n {
            1 => format!("{who} needs the range of its inputs"),
            _ => format!("{n} activations (first {who}) need the range of their inputs"),
        };
        return Err(
            Refusal::new(message).help("--calibration FILE with a few hundred typical inputs")
        );
    }
    cx.note(format!(
        "no calibration: {N_RANDOM} pseudo-random samples in 0..1 stand in"
    ));
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut sample = || {
        let sizes = graph.inputs().iter().map(|&id| graph.n_elements(id));
        sizes
            .map(|n| (0..n).map(|_| uniform(&mut state)).collect())
            .collect()
    };
    Ok(Cow::Owned((0..N_RANDOM).map(|_| sample()).collect()))
}

/// A refusal of the sample of that number.
pub(super) fn misfit(number: usize, fault: &EvalError) -> Refusal {
    Refusal::new(format!("calibration sample {number}: {fault}"))
        .help("give every network input its elements, row-major, as finite numbers")
}

/// The next number in `[0, 1)` of a xorshift generator (Marsaglia 2003).
fn uniform(state: &mut u64) -> f64 {
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    (*state >> 11) as f64 / (1u64 << 53) as f64
}
