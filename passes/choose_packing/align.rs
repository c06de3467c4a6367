//! One layout for both operands of a sum or product, where linear nodes leave the choice.

use super::Layouts;
use crate::util::linear::is_linear;
use graph::{Graph, NodeId, Op};
use layout::{IndexMap, Periodic};

/// Gives one operand of `id`, and what leads to it, the other's layout; returns that layout, or nothing if neither
/// operand can be packed otherwise. A linear node can write any layout; images stay images where both can move.
pub(super) fn align(graph: &Graph, id: NodeId, layouts: &mut Layouts) -> Option<Periodic> {
    let [a, b] = graph.operands(id)[..] else {
        return None;
    };
    let is_image = |id| matches!(layouts[&id].index, IndexMap::Image { .. });
    let order = if is_image(a) {
        [(b, a), (a, b)]
    } else {
        [(a, b), (b, a)]
    };
    for (moving, fixed) in order {
        let mut path = Vec::new();
        if a != b && movable(graph, moving, id, &mut path) {
            let target = layouts[&fixed].clone();
            path.into_iter().for_each(|node| {
                layouts.insert(node, target.clone());
            });
            return Some(target);
        }
    }
    None
}

/// Collects the nodes between linear nodes and `reader`; fails where one of them is read elsewhere too.
fn movable(graph: &Graph, id: NodeId, reader: NodeId, path: &mut Vec<NodeId>) -> bool {
    if !graph.feeds_only(id, reader) {
        return false;
    }
    path.push(id);
    let op = &graph.node(id).op;
    if is_linear(op) {
        return true;
    }
    match op {
        Op::Input { .. } | Op::Select(_) => false,
        _ => {
            let mut operands = graph.operands(id);
            operands.dedup();
            operands
                .into_iter()
                .all(|operand| movable(graph, operand, id, path))
        }
    }
}
