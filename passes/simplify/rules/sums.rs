//! Sums of any number of terms.

use super::{
    Graph, Id, Node, equate, inverse, plus, plus_of, rest, rot, rotations_of, shared, sum, sums_of,
    times, times_of,
};

/// Sums are not flattened beyond so many terms.
const MAX_TERMS: usize = 128;
/// Sums looked at for each term of another one.
const MAX_READERS: usize = 16;
/// Amounts tried for splitting a sum into a part and its rotation.
const MAX_SHIFTS: usize = 8;

pub(super) fn flatten(graph: &mut Graph, class: Id, node: &Node) {
    let Node::Sum(terms) = node else { return };
    let mut flat = Vec::with_capacity(terms.len());
    for &term in terms {
        match sums_of(graph, term).pop() {
            Some(inner) if terms.len() + inner.len() <= MAX_TERMS => flat.extend(inner),
            _ => flat.push(term),
        }
    }
    if flat != *terms {
        let made = sum(graph, flat);
        equate(graph, class, made);
    }
}

pub(super) fn constant_outside(graph: &mut Graph, class: Id, node: &Node) {
    let Node::Sum(terms) = node else { return };
    for (i, &term) in terms.iter().enumerate() {
        if let Some((pt, x)) = plus_of(graph, term).pop() {
            let mut others = terms.clone();
            others[i] = x;
            let inner = sum(graph, others);
            let made = plus(graph, pt, inner);
            equate(graph, class, made);
        }
    }
}

/// For each term, what `parts` finds in it.
fn parts<K, T>(
    graph: &Graph,
    terms: &[Id],
    find: impl Fn(&Graph, Id) -> Vec<(K, T)>,
) -> Vec<(usize, K, T)> {
    let found = terms.iter().enumerate().flat_map(|(i, &term)| {
        let found = find(graph, term);
        found.into_iter().map(move |(key, part)| (i, key, part))
    });
    found.collect()
}

pub(super) fn merge_products(graph: &mut Graph, class: Id, node: &Node) {
    let Node::Sum(terms) = node else { return };
    let by_value = |g: &Graph, t| -> Vec<_> {
        let pairs = times_of(g, t).into_iter();
        pairs.map(|(pt, x)| (g.find(x), pt)).collect()
    };
    for (x, group) in shared(parts(graph, terms, by_value).into_iter()) {
        let constants = &mut graph.analysis.constants;
        let total = group[1..]
            .iter()
            .try_fold(group[0].1, |total, part| constants.add(total, part.1));
        let Some(total) = total else { return };
        let mut others = rest(terms, &group);
        others.push(times(graph, total, x));
        let made = sum(graph, others);
        equate(graph, class, made);
    }
}

pub(super) fn factor_times(graph: &mut Graph, class: Id, node: &Node) {
    let Node::Sum(terms) = node else { return };
    for (pt, group) in shared(parts(graph, terms, times_of).into_iter()) {
        let inner = sum(graph, group.iter().map(|g| g.1).collect());
        let mut others = rest(terms, &group);
        others.push(times(graph, pt, inner));
        let made = sum(graph, others);
        equate(graph, class, made);
    }
}

pub(super) fn factor_rotation(graph: &mut Graph, class: Id, node: &Node) {
    let Node::Sum(terms) = node else { return };
    for (by, group) in shared(parts(graph, terms, rotations_of).into_iter()) {
        let inner_terms: Vec<Id> = group.iter().map(|g| graph.find(g.1)).collect();
        let inner = sum(graph, inner_terms.clone());
        let moved = rot(graph, by, inner);
        let mut others = rest(terms, &group);
        let mut all = others.clone();
        all.push(moved);
        let made = sum(graph, all);
        equate(graph, class, made);
        // Rotate-and-adds of both terms become one of their sum.
        if take_all(graph, &mut others, &inner_terms) {
            others.extend([inner, moved]);
            let made = sum(graph, others);
            equate(graph, class, made);
        }
    }
}

/// Products of rotations by one amount are rotated once, as a sum of products.
pub(super) fn factor_rotated_products(graph: &mut Graph, class: Id, node: &Node) {
    let Node::Sum(terms) = node else { return };
    let by_amount = |g: &Graph, t| -> Vec<_> {
        let products = times_of(g, t).into_iter();
        let rotated = products.flat_map(|(pt, x)| {
            let rotations = rotations_of(g, x).into_iter();
            rotations.map(move |(by, y)| (by, (pt, y)))
        });
        rotated.collect()
    };
    for (by, group) in shared(parts(graph, terms, by_amount).into_iter()) {
        let back = inverse(graph, by);
        let mut inner = Vec::with_capacity(group.len());
        for &(_, (pt, y)) in &group {
            let Some(pt) = graph.analysis.constants.rotate(pt, back) else {
                return;
            };
            inner.push(times(graph, pt, y));
        }
        let inner = sum(graph, inner);
        let mut others = rest(terms, &group);
        others.push(rot(graph, by, inner));
        let made = sum(graph, others);
        equate(graph, class, made);
    }
}

/// Takes terms out of a list, if all of them are there.
fn take_all(graph: &Graph, from: &mut Vec<Id>, terms: &[Id]) -> bool {
    let mut left = from.clone();
    for term in terms {
        match left.iter().position(|t| graph.find(*t) == *term) {
            Some(at) => left.remove(at),
            None => return false,
        };
    }
    *from = left;
    true
}

/// Some terms of a sum that are a sum elsewhere.
pub(super) fn collect(graph: &mut Graph, class: Id, node: &Node) {
    let Node::Sum(terms) = node else { return };
    let mut found = Vec::new();
    for &term in terms {
        let first = graph.find(term);
        for reader in graph[first].parents().take(MAX_READERS) {
            // Each inner sum is met once, from its first term.
            let Node::Sum(inner) = graph.id_to_node(reader) else {
                continue;
            };
            let mut inner: Vec<Id> = inner.iter().map(|t| graph.find(*t)).collect();
            inner.sort_unstable();
            let reader = graph.find(reader);
            let smaller = inner.len() > 1 && inner.len() < terms.len() && inner[0] == first;
            let mut others = terms.clone();
            if smaller && reader != graph.find(class) && take_all(graph, &mut others, &inner) {
                others.push(reader);
                found.push(others);
            }
        }
    }
    found.truncate(MAX_READERS);
    for others in found {
        let made = sum(graph, others);
        equate(graph, class, made);
    }
}

/// A sum whose terms are some terms and those terms rotated.
pub(super) fn fold_shifted(graph: &mut Graph, class: Id, node: &Node) {
    let Node::Sum(terms) = node else { return };
    if terms.len() < 4 || terms.len() % 2 == 1 {
        return;
    }
    // Every term as itself rotated by 0, and as rotations of other values.
    let views: Vec<Vec<(Id, u32)>> = terms
        .iter()
        .map(|&t| {
            let rotated = rotations_of(graph, t).into_iter();
            let rotated = rotated.map(|(by, x)| (graph.find(x), by));
            std::iter::once((graph.find(t), 0)).chain(rotated).collect()
        })
        .collect();
    let mask = graph.analysis.n_slots - 1;
    let mut shifts: Vec<u32> = views[1..]
        .iter()
        .flatten()
        .flat_map(|&(x, by)| {
            let first = views[0].iter().filter(move |v| v.0 == x);
            first.flat_map(move |v| [by.wrapping_sub(v.1) & mask, v.1.wrapping_sub(by) & mask])
        })
        .filter(|by| *by != 0)
        .collect();
    shifts.sort_unstable();
    shifts.dedup();
    for by in shifts.into_iter().take(MAX_SHIFTS) {
        if let Some(part) = halves(&views, by, mask) {
            let inner = sum(graph, part.into_iter().map(|i| terms[i]).collect());
            let moved = rot(graph, by, inner);
            let made = sum(graph, vec![inner, moved]);
            equate(graph, class, made);
        }
    }
}

/// Positions of terms such that the others are these rotated by `by`.
fn halves(views: &[Vec<(Id, u32)>], by: u32, mask: u32) -> Option<Vec<usize>> {
    let is_moved = |from: usize, to: usize| {
        let wanted = |v: &(Id, u32)| (v.0, v.1.wrapping_add(by) & mask);
        views[from].iter().any(|v| views[to].contains(&wanted(v)))
    };
    // Chains of terms that are `by` apart are paired from their ends.
    let n = views.len();
    let mut next: Vec<Option<usize>> = vec![None; n];
    let mut has_before = vec![false; n];
    for (from, next) in next.iter_mut().enumerate() {
        let free = |to: &usize| *to != from && !has_before[*to] && is_moved(from, *to);
        *next = (0..n).find(free);
        next.iter().for_each(|to| has_before[*to] = true);
    }
    let mut part = Vec::with_capacity(n / 2);
    let mut n_paired = 0;
    for start in (0..n).filter(|i| !has_before[*i]) {
        let mut at = Some(start);
        while let Some(low) = at {
            let high = next[low]?;
            part.push(low);
            n_paired += 2;
            at = next[high];
        }
    }
    (n_paired == n).then_some(part)
}
