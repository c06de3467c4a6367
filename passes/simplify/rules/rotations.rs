//! Rotations among themselves, and past everything else.

use super::{
    Graph, Id, Node, equate, of, plus, plus_of, product, rot, rotations_of, sum, sums_of, times,
    times_of,
};

pub(super) fn compose(graph: &mut Graph, class: Id, node: &Node) {
    let &Node::Rot(a, [x]) = node else { return };
    for (b, y) in rotations_of(graph, x) {
        let made = rot(graph, a.wrapping_add(b), y);
        equate(graph, class, made);
    }
}

pub(super) fn reduce(graph: &mut Graph, class: Id, node: &Node) {
    let &Node::Rot(by, [x]) = node else { return };
    if by >= graph[x].data.period {
        let made = rot(graph, by, x);
        equate(graph, class, made);
    }
}

/// Only where most of the rotated terms are there already: else it is the start of multiplying everything out.
pub(super) fn over_sum(graph: &mut Graph, class: Id, node: &Node) {
    let &Node::Rot(by, [x]) = node else { return };
    for terms in sums_of(graph, x) {
        let n_known = terms.iter().filter(|t| is_known(graph, by, **t)).count();
        if 2 * n_known >= terms.len() {
            let moved = terms.into_iter().map(|t| rot(graph, by, t)).collect();
            let made = sum(graph, moved);
            equate(graph, class, made);
        }
    }
    let negated = of(graph, x, |n| match n {
        Node::Neg([y]) => Some(*y),
        _ => None,
    });
    for y in negated {
        let moved = rot(graph, by, y);
        let made = graph.add(Node::Neg([moved]));
        equate(graph, class, made);
    }
}

/// Whether a rotation of a class needs no new rotation.
fn is_known(graph: &Graph, by: u32, x: Id) -> bool {
    let known = |by: u32, x: Id| match by & (graph[x].data.period - 1) {
        0 => true,
        by => graph.lookup(Node::Rot(by, [x])).is_some(),
    };
    let mut rotations = rotations_of(graph, x).into_iter();
    known(by, x) || rotations.any(|(inner, y)| known(by.wrapping_add(inner), y))
}

pub(super) fn over_times(graph: &mut Graph, class: Id, node: &Node) {
    let &Node::Rot(by, [x]) = node else { return };
    for (pt, y) in times_of(graph, x) {
        if let Some(pt) = graph.analysis.constants.rotate(pt, by) {
            let moved = rot(graph, by, y);
            let made = times(graph, pt, moved);
            equate(graph, class, made);
        }
    }
}

pub(super) fn over_product(graph: &mut Graph, class: Id, node: &Node) {
    let &Node::Rot(by, [x]) = node else { return };
    let pairs = of(graph, x, |n| match n {
        Node::Prod(pair) => Some(*pair),
        _ => None,
    });
    for [a, b] in pairs {
        if !is_known(graph, by, a) || !is_known(graph, by, b) {
            continue;
        }
        let (a, b) = (rot(graph, by, a), rot(graph, by, b));
        let made = product(graph, a, b);
        equate(graph, class, made);
    }
}

pub(super) fn out_of_product(graph: &mut Graph, class: Id, node: &Node) {
    let &Node::Prod([a, b]) = node else { return };
    for (by, x) in rotations_of(graph, a) {
        for (_, y) in rotations_of(graph, b).into_iter().filter(|r| r.0 == by) {
            let inner = product(graph, x, y);
            let made = rot(graph, by, inner);
            equate(graph, class, made);
        }
    }
}

pub(super) fn over_plus(graph: &mut Graph, class: Id, node: &Node) {
    let &Node::Rot(by, [x]) = node else { return };
    for (pt, y) in plus_of(graph, x) {
        if let Some(pt) = graph.analysis.constants.rotate(pt, by) {
            let moved = rot(graph, by, y);
            let made = plus(graph, pt, moved);
            equate(graph, class, made);
        }
    }
}
