//! Ranges after the rewrite.

use ::graph::{Graph, NodeId, ValueRange, Values, evaluate_all};
use pass::{Refusal, Settings};
use std::borrow::Cow;
use std::collections::BTreeMap;

/// Gives every node the range it has on the samples, widened by the margin. Says whether one changed.
pub(super) fn refresh(graph: &mut Graph, settings: &Settings) -> Result<bool, Refusal> {
    let mut seen: BTreeMap<NodeId, ValueRange> = BTreeMap::new();
    for (number, sample) in samples(graph, settings).iter().enumerate() {
        let values = evaluate_all(graph, sample)
            .map_err(|fault| Refusal::new(format!("calibration sample {}: {fault}", number + 1)))?;
        for (id, values) in values {
            for x in values {
                let range = seen.entry(id).or_insert(ValueRange { low: x, high: x });
                range.low = range.low.min(x);
                range.high = range.high.max(x);
            }
        }
    }
    let mut changed = false;
    for (id, range) in seen {
        let margin = settings.range_margin * 0.5 * (range.high - range.low);
        let range = ValueRange {
            low: range.low - margin,
            high: range.high + margin,
        };
        let facts = &mut graph.node_mut(id).facts;
        changed |= facts.range != Some(range);
        facts.range = Some(range);
    }
    Ok(changed)
}

/// The calibration samples, else the same pseudo-random ones that `calibrate-ranges` takes.
fn samples<'a>(graph: &Graph, settings: &'a Settings) -> Cow<'a, [Vec<Values>]> {
    if let Some(calibration) = &settings.calibration {
        return Cow::Borrowed(&calibration.samples);
    }
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut uniform = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 11) as f64 / (1u64 << 53) as f64
    };
    let mut sample = || {
        let sizes = graph.inputs().iter().map(|&id| graph.n_elements(id));
        sizes.map(|n| (0..n).map(|_| uniform()).collect()).collect()
    };
    Cow::Owned((0..32).map(|_| sample()).collect())
}
