//! Products and sums with constants.

use super::{
    Graph, Id, Node, Support, equate, is_one_on, is_zero_on, of, plus, plus_of, sum, sums_of,
    times, times_of,
};

pub(super) fn compose(graph: &mut Graph, class: Id, node: &Node) {
    let &Node::Times(p, [x]) = node else { return };
    for (q, y) in times_of(graph, x) {
        if let Some(pt) = graph.analysis.constants.multiply(p, q) {
            let made = times(graph, pt, y);
            equate(graph, class, made);
        }
    }
    let negated = of(graph, x, |n| match n {
        Node::Neg([y]) => Some(*y),
        _ => None,
    });
    for y in negated {
        if let Some(pt) = graph.analysis.constants.negate(p) {
            let made = times(graph, pt, y);
            equate(graph, class, made);
        }
    }
}

pub(super) fn on_support(graph: &mut Graph, class: Id, node: &Node) {
    let &Node::Times(pt, [x]) = node else { return };
    let support = graph[x].data.support.clone();
    if is_one_on(graph, pt, &support) {
        equate(graph, class, x);
    } else if is_zero_on(graph, pt, &support) {
        let zero = graph.add(Node::Sum(vec![]));
        equate(graph, class, zero);
    }
}

/// Only where a term is a product already, or is zero in some slots.
pub(super) fn over_sum(graph: &mut Graph, class: Id, node: &Node) {
    let &Node::Times(pt, [x]) = node else { return };
    for terms in sums_of(graph, x) {
        let joins =
            |t: &Id| !times_of(graph, *t).is_empty() || graph[*t].data.support != Support::All;
        if terms.iter().any(joins) {
            let products = terms.into_iter().map(|t| times(graph, pt, t)).collect();
            let made = sum(graph, products);
            equate(graph, class, made);
        }
    }
}

pub(super) fn compose_plus(graph: &mut Graph, class: Id, node: &Node) {
    let &Node::Plus(p, [x]) = node else { return };
    for (q, y) in plus_of(graph, x) {
        if let Some(pt) = graph.analysis.constants.add(p, q) {
            let made = plus(graph, pt, y);
            equate(graph, class, made);
        }
    }
}
