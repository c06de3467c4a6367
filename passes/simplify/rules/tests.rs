//! Each rule by what it makes equal, and faults by what they forbid.

use super::super::analysis::{Knowledge, Support};
use super::super::constants::Constants;
use super::*;
use ::circuit::{PlainValues, PlainVector};
use std::sync::Arc;

const N_SLOTS: usize = 16;

/// A graph of terms over two inputs and the vectors given.
fn graph(vectors: &[&[f64]]) -> (Graph, Vec<Pt>, Id, Id) {
    let plain = |values: &&[f64]| {
        Arc::new(PlainVector {
            name: String::new(),
            period: values.len() as u32,
            each: 1,
            values: PlainValues::Dense(values.to_vec()),
        })
    };
    let plains: Vec<_> = vectors.iter().map(plain).collect();
    let mut constants = Constants::new(&plains);
    let pts = (0..plains.len()).map(|i| constants.plain(i)).collect();
    let mut graph = Graph::new(Knowledge::new(constants, N_SLOTS));
    let (x, y) = (graph.add(Node::Leaf(0)), graph.add(Node::Leaf(1)));
    (graph, pts, x, y)
}

fn are_equal(graph: &mut Graph, a: Id, b: Id) -> bool {
    let stop = saturate(graph);
    assert_eq!(stop, Stop::Saturated);
    graph.find(a) == graph.find(b)
}

#[test]
fn rotations_add_up_modulo_the_period() {
    let (mut g, _, x, _) = graph(&[]);
    let five = graph_rot(&mut g, 5, x);
    let back = graph_rot(&mut g, 11, five);
    assert!(are_equal(&mut g, back, x));
    let (mut g, _, x, _) = graph(&[]);
    // x + rot 8 x has period 8.
    let half = graph_rot(&mut g, 8, x);
    let folded = g.add(Node::Sum(vec![x, half]));
    assert_eq!(g[folded].data.period, 8);
    let (three, eleven) = (graph_rot(&mut g, 3, folded), graph_rot(&mut g, 11, folded));
    assert!(are_equal(&mut g, three, eleven));
}

/// The node itself, without what `rot` leaves out.
fn graph_rot(graph: &mut Graph, by: u32, x: Id) -> Id {
    graph.add(Node::Rot(by, [x]))
}

#[test]
fn a_mask_moves_past_a_rotation() {
    let (mut g, pts, x, _) = graph(&[&[1.0, 2.0, 3.0, 4.0], &[3.0, 4.0, 1.0, 2.0]]);
    let product = g.add(Node::Times(pts[0], [x]));
    let outside = graph_rot(&mut g, 2, product);
    let moved = graph_rot(&mut g, 2, x);
    let inside = g.add(Node::Times(pts[1], [moved]));
    assert!(are_equal(&mut g, outside, inside));
}

#[test]
fn masks_by_support() {
    let (mut g, pts, x, _) = graph(&[&[2.0, 0.0], &[1.0, 7.0], &[0.0, 5.0]]);
    let masked = g.add(Node::Times(pts[0], [x]));
    let same = g.add(Node::Times(pts[1], [masked]));
    let nothing = g.add(Node::Times(pts[2], [masked]));
    let zero = g.add(Node::Sum(vec![]));
    assert!(are_equal(&mut g, same, masked));
    assert!(g.find(nothing) == g.find(zero) && g.find(zero) != g.find(masked));
    assert_eq!(g[masked].data.support, Support::of(vec![true, false]));
}

#[test]
fn products_of_one_value_are_one_product() {
    let (mut g, pts, x, y) = graph(&[&[1.0, 2.0], &[3.0, 4.0], &[4.0, 6.0]]);
    let terms = [(0, x), (1, x), (0, y), (1, y)];
    let terms = terms.map(|(p, v)| g.add(Node::Times(pts[p], [v])));
    let all = g.add(Node::Sum(terms.to_vec()));
    let both = g.add(Node::Sum(vec![x, y]));
    let once = g.add(Node::Times(pts[2], [both]));
    assert!(are_equal(&mut g, all, once));
}

#[test]
fn rotate_and_adds_of_two_values_are_one_of_their_sum() {
    let (mut g, _, x, y) = graph(&[]);
    let (moved_x, moved_y) = (graph_rot(&mut g, 4, x), graph_rot(&mut g, 4, y));
    let apart = g.add(Node::Sum(vec![x, y, moved_x, moved_y]));
    let both = g.add(Node::Sum(vec![x, y]));
    let moved = graph_rot(&mut g, 4, both);
    let together = sum(&mut g, vec![both, moved]);
    assert!(are_equal(&mut g, apart, together));
}

#[test]
fn eight_neighbors_are_summed_by_doubling() {
    let (mut g, _, x, _) = graph(&[]);
    let terms = (0..8).map(|k| rot(&mut g, k, x)).collect();
    let all = sum(&mut g, terms);
    let mut doubled = x;
    for by in [1, 2, 4] {
        let moved = rot(&mut g, by, doubled);
        doubled = sum(&mut g, vec![doubled, moved]);
    }
    saturate(&mut g);
    assert_eq!(g.find(all), g.find(doubled));
}

#[test]
fn what_differs_is_never_merged() {
    let (mut g, pts, x, y) = graph(&[&[1.0, 2.0]]);
    let product = g.add(Node::Times(pts[0], [x]));
    equate(&mut g, product, x);
    assert!(g.analysis.fault.is_some() && g.find(product) != g.find(x));
    // Merged by force, the analysis tells.
    let (mut g, _, x2, y2) = graph(&[]);
    assert_eq!((x, y), (x2, y2));
    g.union(x2, y2);
    assert!(g.analysis.fault.is_some());
    assert_eq!(saturate(&mut g), Stop::Fault);
}

#[test]
fn equalities_without_a_rule_are_found_by_value() {
    let (mut g, _, x, y) = graph(&[]);
    // (x + y) * y and x*y + y*y: no rule multiplies products of two values out.
    let both = g.add(Node::Sum(vec![x, y]));
    let factored = product(&mut g, both, y);
    let (xy, yy) = (product(&mut g, x, y), product(&mut g, y, y));
    let expanded = sum(&mut g, vec![xy, yy]);
    assert!(!are_equal(&mut g, factored, expanded));
    super::super::analysis::merge_equal(&mut g);
    assert_eq!(g.find(factored), g.find(expanded));
    assert!(g.analysis.fault.is_none());
}
