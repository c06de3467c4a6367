//! Refreshes by the client, where the user allows them and the chain is too short without.

use super::prices::{Prices, most_levels};
use super::search::{Plan, Site, Tensors};
use super::{Needed, needed_levels};
use crate::util::chain::MAX_BITS;
use ::circuit::{Circuit, ValueId};
use pass::{PassCx, Refusal, Settings};

/// Sign, and a factor of four for values larger than any seen.
const GUARD_BITS: f64 = 3.0;

/// Levels with refreshes; `None` where none are allowed, or none are needed.
pub fn plan(circuit: &Circuit, cx: &mut PassCx<'_>) -> Result<Option<Vec<Needed>>, Refusal> {
    let most = most_levels(cx.settings);
    let deepest = needed_levels(circuit, &[])?.iter().map(|n| n.made).max();
    if cx.settings.refresh.is_none() || deepest.is_none_or(|d| d <= most) {
        return Ok(None);
    }
    let tensors = Tensors::new(circuit);
    let source = source_level(cx.settings);
    let mut best: Option<(u8, Plan, Option<Plan>)> = None;
    for top in source + 1..=most {
        let Some(prices) = Prices::new(circuit, cx.settings, top, source) else {
            continue;
        };
        let site = Site {
            circuit,
            tensors: &tensors,
            prices: &prices,
            source,
        };
        let Some(plan) = site.cheapest() else {
            continue;
        };
        if best.as_ref().is_none_or(|(_, least, _)| plan.us < least.us) {
            let everywhere = site.plan_of(&vec![true; tensors.len()]);
            best = Some((top, plan, everywhere));
        }
    }
    let (top, plan, everywhere) = best.ok_or_else(|| too_deep(circuit, cx.settings, most))?;
    let refreshed: Vec<(ValueId, u8)> = circuit
        .ops()
        .filter(|(id, _)| tensors.of(*id).is_some_and(|t| plan.refreshed[t]))
        .map(|(id, _)| (id, source))
        .collect();
    let needed = needed_levels(circuit, &refreshed)?;
    let count = needed.iter().filter(|n| n.read > n.made).count();
    let n_tensors = plan.refreshed.iter().filter(|r| **r).count();
    cx.note(format!(
        "{count} ciphertexts of {n_tensors} tensors are refreshed by the client, from level {source} to at most {top}"
    ));
    let seconds = |plan: &Plan| format!("{:.2} s", plan.us * 1e-6);
    let trivial = everywhere.map_or_else(String::new, |all| {
        format!(
            "; refreshing all {} would take {}",
            tensors.len(),
            seconds(&all)
        )
    });
    cx.note(format!("predicted time {}{trivial}", seconds(&plan)));
    Ok(Some(needed))
}

/// The lowest level that holds every value between layers: 0 where the last prime is large enough for what calibration
/// saw, else 1.
fn source_level(settings: &Settings) -> u8 {
    let largest = settings.refresh.and_then(|r| r.largest);
    let bits =
        |largest: f64| f64::from(settings.scale_bits) + largest.max(1.0).log2().ceil() + GUARD_BITS;
    u8::from(largest.is_none_or(|l| bits(l) > f64::from(MAX_BITS)))
}

fn too_deep(circuit: &Circuit, settings: &Settings, most: u8) -> Refusal {
    let log_n = settings.log_n;
    let layers = circuit.layers().len();
    Refusal::new(format!(
        "ring degree 2^{log_n} has {most} levels at 128-bit security, fewer than one of the {layers} layers takes; values are refreshed between layers only"
    ))
    .help("a larger --log-n, or activations of lower degree (--max-degree 3)")
}
