//! Copies of tensors along chains of linear layers.

use super::Layouts;
use crate::util::linear::{self, LinearMap};
use crate::util::{plan, ports};
use graph::{Graph, NodeId, Op};
use layout::{Diagonals, spread_chain};
use pass::{Refusal, Settings};
use std::collections::BTreeMap;

/// Chooses copies for every tensor between linear layers that one of them writes, or the client, and only one reads.
/// Returns the cost of all plans, or nothing if they cost `limit` or more.
///
/// # Errors
/// A [`Refusal`] naming the node that can not be planned.
pub(super) fn spread(
    graph: &Graph,
    order: &[NodeId],
    maps: &BTreeMap<NodeId, LinearMap>,
    layouts: &mut Layouts,
    settings: &Settings,
    limit: f64,
) -> Result<Option<f64>, Refusal> {
    let is_linear = |id: &&NodeId| linear::is_linear(&graph.node(**id).op);
    let mut planned: Vec<NodeId> = Vec::new();
    let mut cost = 0.0;
    for &first in order.iter().filter(is_linear) {
        if planned.contains(&first) {
            continue;
        }
        let mut chain = vec![first];
        while let Some(next) = next_linear(graph, chain[chain.len() - 1]) {
            chain.push(next);
        }
        planned.extend(&chain);
        match spread_one(graph, &chain, maps, layouts, settings, limit - cost)? {
            Some(more) => cost += more,
            None => return Ok(None),
        }
    }
    Ok(Some(cost))
}

fn spread_one(
    graph: &Graph,
    chain: &[NodeId],
    maps: &BTreeMap<NodeId, LinearMap>,
    layouts: &mut Layouts,
    settings: &Settings,
    limit: f64,
) -> Result<Option<f64>, Refusal> {
    let refuse =
        |id: NodeId, why: String| Refusal::new(format!("{}: {why}", linear::label(graph.node(id))));
    let mut diagonals = Vec::with_capacity(chain.len());
    for &id in chain {
        let input = &layouts[&graph.operands(id)[0]];
        let read = Diagonals::new(&maps[&id].matrix, input, &layouts[&id]);
        diagonals.push(read.map_err(|e| refuse(id, e.to_string()))?);
    }
    let source = only_source(graph, chain[0]);
    let is_free = source.is_some_and(|id| matches!(graph.node(id).op, Op::Input { .. }));
    let options = plan::options(settings);
    let chosen = spread_chain(&diagonals, is_free, &options, limit);
    let Some((chosen, cost)) = chosen.map_err(|e| refuse(chain[0], e.to_string()))? else {
        return Ok(None);
    };
    for (&id, layout) in chain.iter().zip(chosen) {
        let mut at = graph.operands(id)[0];
        layouts.insert(at, layout.clone());
        let mut layout = layout;
        while !layout.copies.is_empty() && passes_through(graph, at) {
            if ports::picks_input(graph, at) {
                layout = ports::before(graph, at, &layout);
            }
            at = graph.operands(at)[0];
            layouts.insert(at, layout.clone());
        }
    }
    Ok(Some(cost))
}

/// Whether a node has one operand and its values stay where they are.
fn passes_through(graph: &Graph, id: NodeId) -> bool {
    let op = &graph.node(id).op;
    matches!(
        op,
        Op::Polynomial(_) | Op::Affine { .. } | Op::Reshape { .. }
    ) || ports::picks_input(graph, id)
}

/// The node that first holds what `reader` reads, if nothing else reads it on the way.
fn only_source(graph: &Graph, mut reader: NodeId) -> Option<NodeId> {
    loop {
        let operand = graph.operands(reader)[0];
        if !graph.feeds_only(operand, reader) {
            return None;
        }
        if !passes_through(graph, operand) {
            return Some(operand);
        }
        reader = operand;
    }
}

/// The linear node that alone reads what a linear node writes.
fn next_linear(graph: &Graph, id: NodeId) -> Option<NodeId> {
    let mut at = id;
    loop {
        let [reader] = graph.consumers(at)[..] else {
            return None;
        };
        if !graph.feeds_only(at, reader) {
            return None;
        }
        if linear::is_linear(&graph.node(reader).op) {
            return Some(reader);
        }
        if !passes_through(graph, reader) {
            return None;
        }
        at = reader;
    }
}
