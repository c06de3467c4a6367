#![doc = include_str!("README.md")]

mod align;
mod base;
mod chain;
mod chains;
mod convert;
mod frames;
mod search;
mod states;
#[cfg(test)]
mod tests;

use crate::util::ports;
use frames::Frames;
use graph::{Graph, NodeId};
use layout::Periodic;
use pass::{Changed, Packing, Pass, PassCx, PassInfo, Refusal, Settings};
use search::{Found, Path};
use serde::{Deserialize, Serialize};
use states::Kernel;
use std::collections::BTreeMap;

/// See the module.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ChoosePacking {}

type Layouts = BTreeMap<NodeId, Periodic>;

impl Pass<Graph> for ChoosePacking {
    fn info(&self) -> PassInfo {
        PassInfo::new("choose-packing", "where each tensor's elements sit in slots")
            .needs("activations are polynomials")
            .gives("every node has a layout fact")
            .source("gaps and frames: Ebel et al., Orion, ASPLOS 2025 (single-shot multiplexed convolution)")
    }

    fn run(&self, graph: &mut Graph, cx: &mut PassCx<'_>) -> Result<Changed, Refusal> {
        let order = graph.order();
        if order
            .iter()
            .all(|&id| graph.node(id).facts.layout.is_some())
        {
            return Ok(Changed::No);
        }
        if cx.settings.sample_slots() == 1 {
            for &id in &order {
                let n_elements = graph.shape(id).iter().product::<usize>() as u32;
                graph.node_mut(id).facts.layout = Some(Periodic::vector(n_elements, 1));
            }
            ports::settle(graph);
            cx.note("one ciphertext per element, one sample per slot");
            return Ok(Changed::Yes);
        }
        let diagonal = match cx.settings.packing {
            Packing::Tile(_) => None,
            _ => Some(diagonal(graph, cx.settings)?),
        };
        let planned = diagonal.as_ref().map_or(&[][..], |d| &d.planned);
        let found = search::search(graph, planned, cx.settings)?;
        let layouts = match (diagonal, found.unwrap_or_default()) {
            (
                Some(diagonal),
                Found {
                    diagonal: known,
                    tiled,
                },
            ) => {
                let limit = known.map_or(f64::INFINITY, |path| path.cost);
                match tiled.filter(|path| path.cost < limit) {
                    Some(path) => tiles_win(graph, path, limit, cx),
                    None => diagonal.win(graph, cx),
                }
            }
            (None, Found { tiled, .. }) => match tiled {
                Some(path) => tiles_win(graph, path, f64::INFINITY, cx),
                None => return Err(not_tiled()),
            },
        };
        let in_tiles = layouts.values().any(|layout| layout.as_tiles().is_some());
        for (id, layout) in layouts {
            graph.node_mut(id).facts.layout = Some(layout);
        }
        if in_tiles {
            ports::settle(graph);
        }
        Ok(Changed::Yes)
    }
}

/// The cheapest packing by diagonals.
struct Diagonal {
    frames: Frames,
    layouts: Layouts,
    /// The network planned for each candidate: with every value in one place, then with copies if there are any.
    planned: Vec<Graph>,
}

fn diagonal(graph: &mut Graph, settings: &Settings) -> Result<Diagonal, Refusal> {
    let chosen = frames::choose(graph, settings)?;
    let differs = chosen.copied != chosen.single;
    let copied = differs.then_some(chosen.copied);
    let mut best: Option<(f64, Layouts)> = None;
    let mut planned = Vec::new();
    let candidates = std::iter::once(chosen.single)
        .chain(copied)
        .chain(chosen.filled);
    for layouts in candidates {
        let mut trial = graph.clone();
        layouts
            .iter()
            .for_each(|(id, l)| trial.node_mut(*id).facts.layout = Some(l.clone()));
        let cost = crate::util::plan::plan_all(&mut trial, settings)?;
        planned.push(trial);
        if best.as_ref().is_none_or(|(least, _)| cost < *least) {
            best = Some((cost, layouts));
        }
    }
    let (_, layouts) = best.ok_or_else(|| Refusal::new("the network has no layout to choose"))?;
    Ok(Diagonal {
        frames: chosen.frames,
        layouts,
        planned,
    })
}

impl Diagonal {
    /// Says what was chosen.
    fn win(self, graph: &Graph, cx: &mut PassCx<'_>) -> Layouts {
        if graph.inputs().iter().any(|&id| graph.shape(id).len() > 1) {
            cx.note(self.frames.to_string());
        }
        for (id, layout) in &self.layouts {
            if !layout.copies.is_empty() {
                cx.note(format!(
                    "{}: each value sits in {:.1} places",
                    graph.node(*id).name,
                    layout.n_places() as f64 / f64::from(layout.n_elements.max(1))
                ));
            }
        }
        self.layouts
    }
}

/// Says what tiles are chosen, and what diagonals would cost.
fn tiles_win(graph: &Graph, path: Path, diagonal: f64, cx: &mut PassCx<'_>) -> Layouts {
    if diagonal.is_finite() {
        cx.note(format!(
            "tiles, because diagonals alone would take {:.2} times as long",
            diagonal / path.cost
        ));
    }
    for (id, kernel, cost) in &path.kernels {
        let word = match kernel {
            Kernel::Diagonals => "diagonals",
            Kernel::Tiles(word) => word,
        };
        let share = 100.0 * cost / path.cost;
        cx.note(format!(
            "{}: {word}, {share:.0} % of the predicted time, writes {}",
            graph.node(*id).name,
            path.layouts[id]
        ));
    }
    path.layouts
}

fn not_tiled() -> Refusal {
    Refusal::new("the network has no packing in tiles").help(
        "--packing auto or diagonal; or more with --max-input-ciphertexts, for a chain of layers",
    )
}
