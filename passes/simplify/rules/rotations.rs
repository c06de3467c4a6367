//! Rotations among themselves, and past everything else.

use super::{
    Graph, Id, Node, equate, inverse, of, plus, plus_of, product, rot, rotations_of, sum, sums_of,
    times, times_of,
};

/// Sums of more terms are not rotated term by term.
const MAX_TERMS: usize = 16;

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

pub(super) fn over_sum(graph: &mut Graph, class: Id, node: &Node) {
    let &Node::Rot(by, [x]) = node else { return };
    for terms in sums_of(graph, x) {
        if terms.len() <= MAX_TERMS {
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

pub(super) fn out_of_times(graph: &mut Graph, class: Id, node: &Node) {
    let &Node::Times(pt, [x]) = node else { return };
    for (by, y) in rotations_of(graph, x) {
        // What is itself a rotation has shorter ways to all of this.
        if !rotations_of(graph, y).is_empty() {
            continue;
        }
        let back = inverse(graph, by);
        if let Some(pt) = graph.analysis.constants.rotate(pt, back) {
            let inner = times(graph, pt, y);
            let made = rot(graph, by, inner);
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
