#![doc = include_str!("README.md")]

mod fit;
mod histogram;
mod moments;
mod network;
mod ranges;
mod rewrite;
mod search;
mod sign;
mod target;
#[cfg(test)]
mod tests;

use crate::util::linear::label;
use ::graph::{Graph, Values};
use network::{Network, State, output_error};
use pass::{Activations, Changed, Pass, PassCx, PassInfo, Refusal};
use search::{Class, Search};
use serde::{Deserialize, Serialize};

/// Most samples the search for degrees looks at.
const SEARCH_SAMPLES: usize = 200;

/// Products the search may spend, about.
const SEARCH_MACS: usize = 6_000_000_000;

/// See the module.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ApproximateActivations {}

impl Pass<Graph> for ApproximateActivations {
    fn info(&self) -> PassInfo {
        PassInfo::new(
            "approximate-activations",
            "activations become squares or Chebyshev series of the least depth in the error budget",
        )
        .needs("ranges; calibration samples where activations are left")
        .gives("only squares and Chebyshev series of degree 3 and more on [-1, 1]; fresh ranges")
        .source("weighted least squares in the Chebyshev basis; squares as in CryptoNets (Gilad-Bachrach et al., ICML 2016)")
    }

    fn run(&self, graph: &mut Graph, cx: &mut PassCx<'_>) -> Result<Changed, Refusal> {
        let settings = cx.settings;
        let mut changed = approximate(graph, cx)?;
        if changed {
            rewrite::absorb(graph)?;
            ranges::refresh(graph, settings)?;
        }
        let mut n_given = 0;
        while let Some((id, polynomial)) = rewrite::next_given(graph) {
            rewrite::rewrite_given(graph, id, &polynomial)?;
            n_given += 1;
        }
        if n_given > 0 {
            rewrite::absorb(graph)?;
            ranges::refresh(graph, settings)?;
            cx.note(format!("{n_given} given polynomials kept exactly"));
            changed = true;
        }
        Ok(changed.into())
    }
}

/// Replaces every activation by a fit.
fn approximate(graph: &mut Graph, cx: &mut PassCx<'_>) -> Result<bool, Refusal> {
    let settings = cx.settings;
    let Some(network) = Network::new(graph, settings) else {
        return Err(Refusal::new("the graph is not valid"));
    };
    let Some(first) = network.layers.first() else {
        return Ok(false);
    };
    let samples = match &settings.calibration {
        Some(calibration) if !calibration.samples.is_empty() => &calibration.samples[..],
        _ => {
            let (n, who) = (network.layers.len(), label(graph.node(first.id)));
            return Err(Refusal::new(format!(
                "{n} activations (first {who}) need samples of their inputs"
            ))
            .help("--calibration FILE with a few hundred typical inputs"));
        }
    };
    let sizes: Vec<usize> = graph
        .inputs()
        .iter()
        .map(|&id| graph.n_elements(id))
        .collect();
    let fits = |sample: &Vec<Values>| sample.iter().map(Vec::len).eq(sizes.iter().copied());
    if let Some(odd) = samples.iter().position(|sample| !fits(sample)) {
        let found: Vec<usize> = samples[odd].iter().map(Vec::len).collect();
        return Err(Refusal::new(format!(
            "calibration sample {} has inputs of {found:?} elements, expected {sizes:?}",
            odd + 1
        ))
        .help("give every network input its elements, row-major, as finite numbers"));
    }
    if settings.max_degree < 2 {
        let found = settings.max_degree;
        return Err(Refusal::new(format!(
            "activations may have degree {found}, expected at least 2"
        ))
        .help("--max-degree 2"));
    }
    let overflow = || {
        Refusal::new("values of the network are not finite on the calibration samples")
            .help("leave out samples that the network can not process")
    };
    let (chosen, expected, found) =
        within_budget(&network, samples, settings.activation_error).ok_or_else(overflow)?;
    notes(graph, &network, (&expected, &found), &chosen, cx);
    let names = network
        .layers
        .iter()
        .map(|layer| graph.node(layer.id).name.clone());
    let names: Vec<String> = names.collect();
    for (name, fit) in names.iter().zip(&found.fits) {
        if let Some(fit) = fit {
            rewrite::put(graph, name, fit)?;
        }
    }
    Ok(true)
}

/// The class of every layer, and the original and the replaced network on all samples.
///
/// The search sees a part of the samples; if all of them exceed the budget, it aims lower, twice at most.
fn within_budget(
    network: &Network,
    samples: &[Vec<Values>],
    budget: f64,
) -> Option<(Vec<Class>, State, State)> {
    let mut chosen = choose(network, samples, budget)?;
    let (mut expected, mut found) = network.both(samples, &chosen)?;
    let mut aim = budget;
    for _ in 0..2 {
        let error = output_error(&network.outputs(&found), &network.outputs(&expected));
        if error <= budget {
            break;
        }
        aim *= 0.98 * budget / error;
        let next = choose(network, samples, aim)?;
        if next == chosen {
            break;
        }
        chosen = next;
        (expected, found) = network.both(samples, &chosen)?;
    }
    Some((chosen, expected, found))
}

/// The class of every layer, found on a part of the samples.
fn choose(network: &Network, samples: &[Vec<Values>], budget: f64) -> Option<Vec<Class>> {
    let n_layers = network.layers.len();
    let n_classes: usize = network.layers.iter().map(|l| l.classes.len()).sum();
    let work = network.macs.saturating_mul(n_layers * n_classes / 2).max(1);
    let n = (SEARCH_MACS / work).clamp(16, SEARCH_SAMPLES);
    let step = samples.len().div_ceil(n).max(1);
    let part: Vec<Vec<Values>> = samples.iter().step_by(step).cloned().collect();
    let exact = network.exact(&part)?;
    let search = Search {
        network,
        samples: &part,
        exact: &exact,
        budget,
    };
    let at = search.run()?;
    let layers = network.layers.iter();
    Some(layers.zip(at).map(|(l, k)| l.classes[k]).collect())
}

fn notes(
    graph: &Graph,
    network: &Network,
    (expected, found): (&State, &State),
    chosen: &[Class],
    cx: &mut PassCx<'_>,
) {
    for (layer, fit) in network.layers.iter().zip(&found.fits) {
        if let Some(fit) = fit {
            let who = label(graph.node(layer.id));
            let ((low, high), degrees, rms) = (fit.interval, fit.form.degrees(), fit.rms);
            cx.note(format!(
                "{who}: {degrees} on {low:.3}..{high:.3}, rms error {rms:.4}"
            ));
        }
    }
    let (expected, found) = (network.outputs(expected), network.outputs(found));
    let error = output_error(&found, &expected);
    let levels: usize = chosen.iter().map(|class| class.depth()).sum();
    let budget = cx.settings.activation_error;
    cx.note(format!(
        "{levels} levels of activations; the output is off by {:.2} % (budget {:.2} %)",
        100.0 * error,
        100.0 * budget
    ));
    if let (Some(found), Some(expected)) = (found.first(), expected.first()) {
        let agrees = |(a, b): &(&Values, &Values)| argmax(a) == argmax(b);
        let n = found.iter().zip(expected.iter()).filter(agrees).count();
        let total = expected.len();
        cx.note(format!(
            "the largest output is the same on {n} of {total} samples"
        ));
    }
    if error > budget {
        let wider = match cx.settings.activations {
            Activations::Polynomial => "a larger --max-degree or --activations sign may keep it",
            Activations::Sign => "a smaller --activation-error or more --calibration may keep it",
        };
        cx.note(format!("the error budget is not kept: {wider}"));
    }
}

fn argmax(values: &[f64]) -> Option<usize> {
    let mut best: Option<usize> = None;
    for (k, x) in values.iter().enumerate() {
        if best.is_none_or(|at| *x > values[at]) {
            best = Some(k);
        }
    }
    best
}
