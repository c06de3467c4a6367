//! Units change places so that zeros fill tiles.

use super::tiles::{TileShape, check_shape};
use crate::PruneError;
use crate::engine::{Change, Pruned};
use privet::extend::graph::Op;
use privet::extend::{Graph, NodeId};
use privet::passes::co_permute_layers::masks::Masks;
use privet::passes::co_permute_layers::tiles::{Orders, empty_tiles, gather};
use privet::passes::util::axes::Axes;
use privet::passes::util::reindex::{Chosen, reindexed};
use train::{WeightMask, WeightMasks};

/// Co-permutation: one order of units per class, applied to all that holds them. Inputs and outputs keep their order,
/// by selections at the ends, and the network computes what it did. Masks are what differs from zero afterwards.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Permute {
    /// The tiles to be emptied.
    pub tiles: TileShape,
}

impl Change for Permute {
    fn name(&self) -> String {
        "permute".to_owned()
    }

    fn apply(&self, pruned: Pruned) -> Result<Pruned, PruneError> {
        let Some(orders) = orders(&pruned.graph, self.tiles)? else {
            return Ok(pruned);
        };
        let graph = moved(&pruned.graph, &orders)?;
        let moved = Pruned::new(graph);
        let is_masked = |id: &_| pruned.masks.contains_key(id);
        let weights = moved.weights().into_iter();
        let masks: WeightMasks = weights
            .filter(|(id, _)| is_masked(id))
            .map(|(id, values)| (id, WeightMask::of(&values)))
            .collect();
        moved.with_masks(masks)
    }
}

/// Orders of units that leave more tiles of a graph empty, if there are any.
///
/// # Errors
/// [`PruneError::Setting`] for tiles without extent.
pub fn orders(graph: &Graph, tiles: TileShape) -> Result<Option<Chosen>, PruneError> {
    check_shape(tiles)?;
    let axes = Axes::new(graph);
    let masks = Masks::by_position(graph, &axes);
    let sizes: Vec<usize> = masks.phases.iter().map(|&phase| tiles[phase]).collect();
    let start: Orders = masks
        .sizes
        .iter()
        .map(|&n| (0..n as u32).collect())
        .collect();
    let is_free = |&class: &usize| axes.group(class) == axes.size(class);
    let movable: Vec<bool> = masks.classes.iter().map(is_free).collect();
    let orders = gather(&masks, &sizes, start.clone(), &movable);
    if empty_tiles(&masks, &sizes, &orders).0 <= empty_tiles(&masks, &sizes, &start).0 {
        return Ok(None);
    }
    let moved = masks.classes.iter().zip(orders).zip(&start);
    let moved = moved.filter(|((_, order), start)| order != *start);
    Ok(Some(
        moved.map(|((&class, order), _)| (class, order)).collect(),
    ))
}

/// The graph with its units in such orders; they may come from another graph of the same layers.
///
/// # Errors
/// [`PruneError::Graph`] if they do not fit.
pub fn moved(graph: &Graph, orders: &Chosen) -> Result<Graph, PruneError> {
    let axes = Axes::new(graph);
    let mut next = reindexed(graph, &axes, orders).map_err(|error| PruneError::Graph {
        why: error.to_string(),
    })?;
    next.compact();
    for &output in graph.outputs() {
        keep_name(&mut next, &graph.node(output).name);
    }
    Ok(next)
}

/// Gives a layer whose results are put back into order its name again, by which its parameters are known.
fn keep_name(graph: &mut Graph, name: &str) {
    let named = |wanted: &str| graph.find(wanted);
    let (Some(ordered), Some(inner)) = (named(name), named(&format!("{name}.inner"))) else {
        return;
    };
    if !reads(graph, ordered, inner) {
        return;
    }
    let free = (1..).map(|k| match k {
        1 => format!("{name}.ordered"),
        _ => format!("{name}.ordered.{k}"),
    });
    let free = free.into_iter().find(|name| graph.find(name).is_none());
    graph.node_mut(ordered).name = free.unwrap_or_default();
    graph.node_mut(inner).name = name.to_owned();
}

/// Whether a node only reorders what `inner` computes.
fn reads(graph: &Graph, mut id: NodeId, inner: NodeId) -> bool {
    while id != inner {
        match (&graph.node(id).op, &graph.operands(id)[..]) {
            (Op::Select(_) | Op::Reshape { .. }, &[operand]) => id = operand,
            _ => return false,
        }
    }
    true
}
