#![doc = include_str!("README.md")]

pub mod assignment;
pub mod diagonals;
pub mod masks;
#[cfg(test)]
mod tests;
pub mod tiles;

use crate::util::axes::Axes;
use crate::util::linear::refused;
use crate::util::reindex::{Chosen, reindexed};
use ::graph::{Graph, Op};
use masks::Masks;
use pass::{Changed, Pass, PassCx, PassInfo, Refusal};
use serde::{Deserialize, Serialize};
use tiles::Orders;

/// Share of zeros below which a layer has nothing to gather.
const FEWEST_ZEROS: f64 = 0.25;

/// See the module.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct CoPermuteLayers {
    /// Tiles of the layers' matrices, for layers an even and an odd number behind the input; diagonals if absent.
    pub tiles: Option<[usize; 2]>,
}

impl Pass<Graph> for CoPermuteLayers {
    fn info(&self) -> PassInfo {
        PassInfo::new(
            "co-permute-layers",
            "units change places so that zeros gather in whole diagonals or tiles",
        )
        .needs("activations are polynomials; no layouts yet")
        .gives("zeros where the layers' plans cost least")
        .source("HE-PEx, ePrint 2022/889; linear assignment for diagonals")
    }

    fn run(&self, graph: &mut Graph, cx: &mut PassCx<'_>) -> Result<Changed, Refusal> {
        let has_layouts = graph
            .order()
            .iter()
            .any(|&id| graph.node(id).facts.layout.is_some());
        if has_layouts || cx.settings.sample_slots() == 1 || !has_zeros(graph) {
            return Ok(Changed::No);
        }
        let axes = Axes::new(graph);
        let masks = Masks::new(graph, &axes);
        let start: Orders = masks
            .sizes
            .iter()
            .map(|&n| (0..n as u32).collect())
            .collect();
        let is_sparse = |class: usize| {
            masks
                .of(class)
                .any(|(mask, _)| zeros(&masks, mask) >= FEWEST_ZEROS)
        };
        let free = |class: usize| {
            let id = masks.classes[class];
            axes.group(id) == axes.size(id) && axes.size(id) > 1 && is_sparse(class)
        };
        let movable: Vec<bool> = (0..start.len()).map(free).collect();
        let orders = match self.tiles {
            Some(grid) if grid.iter().all(|&tile| tile > 0) => {
                let tile: Vec<usize> = masks.phases.iter().map(|&phase| grid[phase]).collect();
                let orders = tiles::gather(&masks, &tile, start.clone(), &movable);
                let [before, after] =
                    [&start, &orders].map(|o| tiles::empty_tiles(&masks, &tile, o));
                if after.0 <= before.0 {
                    return Ok(Changed::No);
                }
                cx.note(format!(
                    "{} of {} tiles were zero, {} are",
                    before.0, before.1, after.0
                ));
                orders
            }
            Some(grid) => {
                return Err(
                    Refusal::new(format!("tiles of {}x{} hold nothing", grid[0], grid[1]))
                        .help("give two sizes of at least 1"),
                );
            }
            None => {
                let vectors = movable_by_diagonals(&masks, &axes, &movable);
                if !vectors.contains(&true) {
                    return Ok(Changed::No);
                }
                let (orders, ..) = diagonals::gather(&masks, start.clone(), &vectors, cx.settings);
                if orders == start {
                    return Ok(Changed::No);
                }
                let [before, after] = [&start, &orders].map(|o| diagonals::in_use(&masks, o));
                cx.note(format!(
                    "{before} diagonals held weights, {after} do; plans cost less"
                ));
                orders
            }
        };
        let moved = masks
            .classes
            .iter()
            .zip(orders)
            .zip(&start)
            .filter(|((_, order), start)| order != *start);
        let chosen: Chosen = moved.map(|((&class, order), _)| (class, order)).collect();
        cx.note(format!(
            "{} of {} classes of units change places",
            chosen.len(),
            masks.classes.len()
        ));
        *graph = reindexed(graph, &axes, &chosen).map_err(refused)?;
        graph.compact();
        Ok(Changed::Yes)
    }
}

/// Whether some weight of some layer is zero: a quick look.
fn has_zeros(graph: &Graph) -> bool {
    graph.order().iter().any(|&id| match &graph.node(id).op {
        Op::Dense { weight, .. } | Op::Conv { weight, .. } => weight.values().contains(&0.0),
        Op::Linear { stride, .. } => stride.is_none(),
        _ => false,
    })
}

/// Share of the places of a mask without a weight.
fn zeros(masks: &Masks, mask: &masks::Mask) -> f64 {
    let places = masks.sizes[mask.rows] * masks.sizes[mask.cols];
    1.0 - mask.entries.len() as f64 / places.max(1) as f64
}

/// Classes of single elements: channels of images sit where their frames say.
fn movable_by_diagonals(masks: &Masks, axes: &Axes, movable: &[bool]) -> Vec<bool> {
    let single = |class: usize| {
        axes.members(masks.classes[class])
            .iter()
            .all(|(.., segment)| segment.block == 1)
    };
    (0..movable.len())
        .map(|class| movable[class] && single(class))
        .collect()
}
