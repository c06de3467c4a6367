#![doc = include_str!("README.md")]

mod samples;
#[cfg(test)]
mod tests;

use crate::util::linear::label;
use ::graph::{Graph, NodeId, Op, ValueRange, evaluate_all};
use pass::{Changed, Pass, PassCx, PassInfo, Refusal};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// See the module.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct CalibrateRanges {}

impl Pass<Graph> for CalibrateRanges {
    fn info(&self) -> PassInfo {
        PassInfo::new(
            "calibrate-ranges",
            "every value gets the range it has on calibration samples, with a margin",
        )
        .needs("calibration samples where activations are left")
        .gives("a range on every value")
        .source("observed extremes with a margin, as Orion (Ebel et al., ASPLOS 2025) fits ranges")
    }

    fn run(&self, graph: &mut Graph, cx: &mut PassCx<'_>) -> Result<Changed, Refusal> {
        let samples = samples::samples(graph, cx)?;
        let mut seen: BTreeMap<NodeId, ValueRange> = BTreeMap::new();
        for (number, sample) in samples.iter().enumerate() {
            let values =
                evaluate_all(graph, sample).map_err(|fault| samples::misfit(number + 1, &fault))?;
            for (id, values) in values {
                if let Some(x) = values.iter().find(|x| !x.is_finite()) {
                    let (who, number) = (label(graph.node(id)), number + 1);
                    return Err(Refusal::new(format!(
                        "{who} is {x} on calibration sample {number}, expected a finite number"
                    ))
                    .help("leave out samples that the network can not process"));
                }
                let low = values.iter().copied().fold(f64::INFINITY, f64::min);
                let high = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
                let range = seen.entry(id).or_insert(ValueRange { low, high });
                range.low = range.low.min(low);
                range.high = range.high.max(high);
            }
        }
        let mut changed = false;
        let mut widest: Option<(NodeId, ValueRange)> = None;
        for (id, range) in seen {
            let margin = cx.settings.range_margin * 0.5 * (range.high - range.low);
            let range = ValueRange {
                low: range.low - margin,
                high: range.high + margin,
            };
            let facts = &mut graph.node_mut(id).facts;
            changed |= facts.range != Some(range);
            facts.range = Some(range);
            if widest.is_none_or(|(_, most)| range.high - range.low > most.high - most.low) {
                widest = Some((id, range));
            }
        }
        if let Some((id, ValueRange { low, high })) = widest {
            let (n, who) = (samples.len(), label(graph.node(id)));
            let s = if n == 1 { "" } else { "s" };
            cx.note(format!(
                "{n} sample{s}; widest range {low:.3}..{high:.3} at {who}"
            ));
        }
        Ok(changed.into())
    }
}

/// Activations, which need to know the range of their inputs.
fn activations(graph: &Graph) -> Vec<NodeId> {
    let is_activation = |id: &NodeId| matches!(graph.node(*id).op, Op::Activation(_));
    graph.order().into_iter().filter(is_activation).collect()
}
