//! Refreshes by the client, where the user allows them and the chain is too short without.

use super::prices::{Prices, most_levels};
use super::search::{Plan, Site, Tensors};
use super::{Needed, needed_levels};
use crate::util::chain::{GUARD_BITS, MAX_BITS, base_bits};
use ::circuit::{Circuit, ValueId};
use pass::{PassCx, Refusal, Settings};

/// Levels with refreshes; `None` where none are allowed, or none are needed.
pub fn plan(circuit: &Circuit, cx: &mut PassCx<'_>) -> Result<Option<Vec<Needed>>, Refusal> {
    if cx.settings.refresh.is_none() {
        return Ok(None);
    }
    let deepest = needed_levels(circuit, &[])?.iter().map(|n| n.made).max();
    let base_bits = base_bits(cx.settings.scale_bits, circuit.bound())?;
    if deepest.is_none_or(|deepest| deepest <= most_levels(cx.settings, base_bits)) {
        return Ok(None);
    }
    // The last prime holds whatever is refreshed, not results alone.
    let most = most_levels(cx.settings, MAX_BITS);
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
        "refreshed by the client: ciphertexts {count}, tensors {n_tensors} of {}, from level {source} to at most {top}",
        tensors.len()
    ));
    if let Some(everywhere) = everywhere {
        let share = 100.0 * plan.us / everywhere.us;
        cx.note(format!(
            "with all of them refreshed the run would take longer; this takes {share:.0} % of that"
        ));
    }
    Ok(Some(needed))
}

/// The lowest level that holds every value between layers: 0 where the last prime is large enough for what calibration
/// saw, else 1.
fn source_level(settings: &Settings) -> u8 {
    let largest = settings.refresh.and_then(|r| r.largest);
    let bits = |largest: f64| {
        f64::from(settings.scale_bits) + largest.max(1.0).log2().ceil() + f64::from(GUARD_BITS)
    };
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
