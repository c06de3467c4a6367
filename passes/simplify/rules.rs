//! The rules, and how they are applied.

mod products;
mod rotations;
mod sums;

use super::analysis::{Graph, Support};
use super::constants::Pt;
use super::language::Node;
use egg::{Id, Language};
use std::collections::HashMap;

/// Looks at one node of a class and adds what equals it.
type Apply = fn(&mut Graph, Id, &Node);

#[derive(Clone, Copy, PartialEq, Eq)]
enum When {
    Always,
    /// On what is there, more or less: such rules undo what others do, and would multiply everything out.
    Early,
}
use When::{Always, Early};

#[rustfmt::skip]
const RULES: [(&str, When, Apply); 19] = [
    // rotations
    ("rot a (rot b x) = rot (a+b) x",                   Always, rotations::compose),
    ("rot k x = rot (k mod p) x",                       Always, rotations::reduce),
    ("rot k (x + y) = rot k x + rot k y",               Early,  rotations::over_sum),
    ("rot k (p*x) = (rot k p) * rot k x",               Early,  rotations::over_times),
    ("rot k (x*y) = rot k x * rot k y",                 Early,  rotations::over_product),
    ("rot k x * rot k y = rot k (x*y)",                 Always, rotations::out_of_product),
    ("rot k (x + p) = rot k x + rot k p",               Early,  rotations::over_plus),
    // products with constants
    ("p*(q*x) = (p*q)*x",                               Always, products::compose),
    ("p*x = 0 or x, by support",                        Always, products::on_support),
    ("p*(x + y) = p*x + p*y",                           Early,  products::over_sum),
    ("p + (q + x) = (p+q) + x",                         Always, products::compose_plus),
    // sums
    ("x + (y + z) = x + y + z",                         Always, sums::flatten),
    ("x + y + z = S + z with S = x + y",                Always, sums::collect),
    ("p + x + y, the constant outside",                 Always, sums::constant_outside),
    ("p*x + q*x = (p+q)*x",                             Always, sums::merge_products),
    ("p*x + p*y = p*(x + y)",                           Always, sums::factor_times),
    ("rot k x + rot k y = rot k (x + y)",               Always, sums::factor_rotation),
    ("p*rot k x + q*rot k y = rot k (p'*x + q'*y)",     Always, sums::factor_rotated_products),
    ("S + rot k S = x + rot k x with x = S",            Always, sums::fold_shifted),
];

/// Iterations, unless nothing new is found before.
const MAX_ITERATIONS: usize = 8;
/// Iterations in which early rules take part.
const N_EARLY: usize = 2;
/// Nodes of the graph.
const MAX_NODES: usize = 3_000;
/// Nodes a rule may look at in one iteration; a rule that meets more sits out and may look at twice as many next time.
const MAX_MATCHES: usize = 600;

/// Why saturation stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Stop {
    Saturated,
    Iterations,
    Nodes,
    /// A fault that forbids the use of the window.
    Fault,
}

impl Stop {
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Saturated => "saturated",
            Self::Iterations => "iteration limit",
            Self::Nodes => "node limit",
            Self::Fault => "fault",
        }
    }
}

/// Applies all rules until nothing new is found or a limit is met.
pub(super) fn saturate(graph: &mut Graph) -> Stop {
    let mut limits = [MAX_MATCHES; RULES.len()];
    graph.rebuild();
    for iteration in 0..MAX_ITERATIONS {
        let before = (graph.total_size(), graph.number_of_classes());
        let mut nodes: Vec<(Id, Node)> = graph
            .classes()
            .flat_map(|c| c.nodes.iter().map(|n| (c.id, n.clone())))
            .collect();
        nodes.sort_unstable();
        let mut sat_out = false;
        for ((_, when, apply), limit) in RULES.iter().zip(&mut limits) {
            if *when == Early && iteration >= N_EARLY {
                continue;
            }
            let n_before = graph.total_size();
            for (class, node) in &nodes {
                if is_empty(graph, *class) {
                    let zero = graph.add(Node::Sum(vec![]));
                    equate(graph, *class, zero);
                    continue;
                }
                if graph.total_size() - n_before > *limit {
                    *limit *= 2;
                    sat_out = true;
                    break;
                }
                apply(graph, *class, node);
                if graph.analysis.fault.is_some() {
                    return Stop::Fault;
                }
            }
            if graph.total_size() > MAX_NODES {
                graph.rebuild();
                return Stop::Nodes;
            }
        }
        graph.rebuild();
        if graph.analysis.fault.is_some() {
            return Stop::Fault;
        }
        if before == (graph.total_size(), graph.number_of_classes()) && !sat_out {
            return Stop::Saturated;
        }
    }
    Stop::Iterations
}

/// Whether a class is zero: nothing more about it is worth knowing.
fn is_empty(graph: &Graph, class: Id) -> bool {
    graph[class].data.support.is_empty()
}

// ---- what rules are written with; each returns a class

/// Merges two classes. A difference of fingerprints is a fault.
fn equate(graph: &mut Graph, a: Id, b: Id) {
    if graph[a].data.fingerprint == graph[b].data.fingerprint {
        graph.union(a, b);
    } else {
        graph.analysis.fault = Some("a rule related values that differ");
    }
}

fn rot(graph: &mut Graph, by: u32, x: Id) -> Id {
    match by & (graph[x].data.period - 1) {
        0 => x,
        by => graph.add(Node::Rot(by, [x])),
    }
}

/// The inverse amount.
fn inverse(graph: &Graph, by: u32) -> u32 {
    by.wrapping_neg() & (graph.analysis.n_slots - 1)
}

fn times(graph: &mut Graph, pt: Pt, x: Id) -> Id {
    if graph.analysis.constants.is_zero(pt) || is_empty(graph, x) {
        graph.add(Node::Sum(vec![]))
    } else {
        graph.add(Node::Times(pt, [x]))
    }
}

fn plus(graph: &mut Graph, pt: Pt, x: Id) -> Id {
    if graph.analysis.constants.is_zero(pt) {
        x
    } else {
        graph.add(Node::Plus(pt, [x]))
    }
}

fn sum(graph: &mut Graph, mut terms: Vec<Id>) -> Id {
    terms.retain(|t| !is_empty(graph, *t));
    match terms[..] {
        [x] => x,
        _ => {
            terms.iter_mut().for_each(|t| *t = graph.find(*t));
            terms.sort_unstable();
            graph.add(Node::Sum(terms))
        }
    }
}

fn product(graph: &mut Graph, a: Id, b: Id) -> Id {
    let mut pair = [graph.find(a), graph.find(b)];
    pair.sort_unstable();
    graph.add(Node::Prod(pair))
}

/// Nodes of a class that `pick` likes; none that read the class itself.
fn of<T>(graph: &Graph, class: Id, pick: impl Fn(&Node) -> Option<T>) -> Vec<T> {
    let class = &graph[class];
    let others = |n: &&Node| n.children().iter().all(|c| graph.find(*c) != class.id);
    class.nodes.iter().filter(others).filter_map(pick).collect()
}

fn rotations_of(graph: &Graph, class: Id) -> Vec<(u32, Id)> {
    of(graph, class, |n| match n {
        Node::Rot(by, [x]) => Some((*by, *x)),
        _ => None,
    })
}

fn times_of(graph: &Graph, class: Id) -> Vec<(Pt, Id)> {
    of(graph, class, |n| match n {
        Node::Times(pt, [x]) => Some((*pt, *x)),
        _ => None,
    })
}

fn plus_of(graph: &Graph, class: Id) -> Vec<(Pt, Id)> {
    of(graph, class, |n| match n {
        Node::Plus(pt, [x]) => Some((*pt, *x)),
        _ => None,
    })
}

fn sums_of(graph: &Graph, class: Id) -> Vec<Vec<Id>> {
    of(graph, class, |n| match n {
        Node::Sum(terms) => Some(terms.clone()),
        _ => None,
    })
}

/// Positions of terms by what they have in common, first met first, where two or more share it.
fn shared<K: Copy + Eq + std::hash::Hash, T>(
    parts: impl Iterator<Item = (usize, K, T)>,
) -> Vec<(K, Vec<(usize, T)>)> {
    let mut place: HashMap<K, usize> = HashMap::new();
    let mut groups: Vec<(K, Vec<(usize, T)>)> = Vec::new();
    for (position, key, part) in parts {
        let at = *place.entry(key).or_insert_with(|| {
            groups.push((key, Vec::new()));
            groups.len() - 1
        });
        // A term counts once.
        if groups[at].1.last().is_none_or(|last| last.0 != position) {
            groups[at].1.push((position, part));
        }
    }
    groups.retain(|g| g.1.len() > 1);
    groups
}

/// The terms whose positions are not in the group.
fn rest<T>(terms: &[Id], group: &[(usize, T)]) -> Vec<Id> {
    let is_left = |i: &usize| group.iter().all(|g| g.0 != *i);
    (0..terms.len()).filter(is_left).map(|i| terms[i]).collect()
}

/// Whether a constant is one wherever a value is not zero.
fn is_one_on(graph: &Graph, pt: Pt, support: &Support) -> bool {
    let constants = &graph.analysis.constants;
    let one = super::field::of(1.0);
    let period = constants.period(pt).max(support.period());
    (0..period).all(|s| !support.holds(s) || constants.at(pt, s) == one)
}

/// Whether a constant is zero wherever a value is not.
fn is_zero_on(graph: &Graph, pt: Pt, support: &Support) -> bool {
    let constants = &graph.analysis.constants;
    let period = constants.period(pt).max(support.period());
    (0..period).all(|s| !support.holds(s) || constants.at(pt, s) == 0)
}

#[cfg(test)]
mod tests;
