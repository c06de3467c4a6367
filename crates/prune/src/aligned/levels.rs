//! Levels of a planned network, before there is a circuit.

use privet::extend::graph::Op;
use privet::extend::{Graph, NodeId};
use privet::passes::util::chebyshev::depth_of;
use std::collections::BTreeMap;

/// Levels that are left below each node's result at least.
pub(super) fn below(graph: &Graph) -> BTreeMap<NodeId, u32> {
    let mut below: BTreeMap<NodeId, u32> = BTreeMap::new();
    for id in graph.order().into_iter().rev() {
        let own = below.get(&id).copied().unwrap_or(0) + taken(graph, id);
        below.entry(id).or_default();
        for operand in graph.operands(id) {
            let needed = below.entry(operand).or_default();
            *needed = (*needed).max(own);
        }
    }
    below
}

/// Levels that one node takes.
pub(super) fn taken(graph: &Graph, id: NodeId) -> u32 {
    let node = graph.node(id);
    match &node.op {
        Op::Conv { .. } | Op::Dense { .. } | Op::Linear { .. } | Op::ConvTranspose { .. } => {
            let plan = node.facts.plan.as_ref();
            1 + u32::from(plan.is_some_and(|plan| plan.counts.masks > 0))
        }
        Op::Mul => 1,
        Op::Affine { scale, .. } => u32::from(scale.values().iter().any(|v| *v != 1.0)),
        Op::Polynomial(p) if p.is_square() => 1,
        Op::Polynomial(p) => depth_of(p.degree()),
        _ => 0,
    }
}
