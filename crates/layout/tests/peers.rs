//! Rotations of known networks by a peer's rule, by a plain planner, and by ours: never more than either.
//!
//! The first two are counted from geometry alone, without the crate: they keep the comparison honest.

mod peer;

use peer::{Kind, Layer, Net, Plan, count, lenet, lifted, lola, mlp, optima, replicas, resnet20};
use peer::{unlifted, vgg16};
use privet_layout::{Diagonals, PlanCounts, PlanOptions, SparseMatrix};
use std::collections::BTreeSet;

/// Of all layers, each as often as the network has it.
fn total(net: &Net, layers: &[u32]) -> u32 {
    let layers = layers.iter().zip(&net.layers);
    layers.map(|(n, layer)| n * layer.times).sum()
}

fn rotations(plans: &[Plan]) -> Vec<u32> {
    plans.iter().map(|plan| plan.rotations()).collect()
}

/// What our planner makes of each layer: of a matrix with one entry per diagonal, as splits depend on diagonals and layouts.
fn ours(net: &Net) -> Vec<PlanCounts> {
    let options = PlanOptions::default();
    let plan = |layer: &Layer| {
        let [rows, cols] = [layer.output, layer.input].map(|map| map.elements());
        let entries = layer.blocks.values().flat_map(|block| block.values());
        let entries = entries.map(|&(row, col)| (row, col, 1.0));
        let matrix = SparseMatrix::from_triplets(rows, cols, entries);
        let [input, output] = [layer.input, layer.output].map(|map| map.layout(net.n_slots));
        let diagonals = Diagonals::new(&matrix, &input, &output).expect("diagonals");
        let outline = diagonals.outline(&input, &output, &options, f64::INFINITY);
        outline.expect("layouts fit").expect("a plan").counts
    };
    net.layers.iter().map(plan).collect()
}

fn our_rotations(net: &Net) -> Vec<u32> {
    rotations_of(&ours(net))
}

fn rotations_of(plans: &[PlanCounts]) -> Vec<u32> {
    let rotations = |counts: &PlanCounts| counts.rotations() as u32;
    plans.iter().map(rotations).collect()
}

fn assert_at_most(ours: &[u32], theirs: &[u32]) {
    assert_eq!(ours.len(), theirs.len());
    let all = ours.iter().zip(theirs).all(|(ours, theirs)| ours <= theirs);
    assert!(all, "{ours:?}, not at most {theirs:?}");
}

/// Totals by the released rule, by the documented one, with the best split per block, and per layer.
///
/// Layer by layer, the best per block is at most either rule's, the best per layer at most that, and our plans at most that.
fn by_rule(net: &Net) -> [u32; 4] {
    let kinds = [Kind::Ratio(0), Kind::Ratio(1), Kind::Best, Kind::Shared];
    let [released, documented, best, shared] = kinds.map(|kind| count(net, kind));
    assert_at_most(&best, &released);
    assert_at_most(&best, &documented);
    assert_at_most(&shared, &best);
    assert_at_most(&our_rotations(net), &shared);
    [released, documented, best, shared].map(|layers| total(net, &layers))
}

#[test]
fn dense_networks_by_rule() {
    assert_eq!(by_rule(&mlp(4096)), [78, 77, 75, 75]);
    assert_eq!(by_rule(&mlp(8192)), [80, 79, 77, 77]);
    assert_eq!(by_rule(&mlp(16384)), [82, 81, 79, 79]);
    assert_eq!(count(&mlp(4096), Kind::Ratio(0)), [27, 27, 24]);
    assert_eq!(count(&mlp(8192), Kind::Ratio(0)), [28, 28, 24]);
}

#[test]
fn convolutions_by_rule() {
    assert_eq!(by_rule(&lola(4096)), [59, 62, 53, 53]);
    assert_eq!(by_rule(&lola(8192)), [61, 64, 55, 55]);
    assert_eq!(by_rule(&lenet(4096)), [403, 410, 329, 288]);
    assert_eq!(by_rule(&lenet(8192)), [295, 283, 248, 248]);
    assert_eq!(count(&lenet(8192), Kind::Ratio(0)), [74, 124, 50, 47]);
}

#[test]
fn resnet20_by_rule() {
    let net = |n_slots| resnet20(n_slots, false);
    assert_eq!(by_rule(&net(8192)), [1310, 1092, 1076, 874]);
    assert_eq!(by_rule(&net(16384)), [848, 838, 830, 830]);
    assert_eq!(by_rule(&net(32768)), [870, 860, 852, 852]);
    let released = [24, 24, 12, 32, 46, 23, 39, 63, 35, 16];
    assert_eq!(count(&net(32768), Kind::Ratio(0)), released);
}

#[test]
fn vgg16_by_rule() {
    assert_eq!(by_rule(&vgg16(32768)), [1887, 1782, 1729, 1632]);
}

/// The plain planner's diagonals, rotations and rotate-and-adds by layer, and all its rotations. Ours has the same diagonals
/// and at most as many rotations, layer by layer.
fn by_plan(net: &Net) -> (Vec<[u32; 3]>, u32) {
    let (plans, ours) = (lifted(net), ours(net));
    assert_at_most(&rotations_of(&ours), &rotations(&plans));
    for (ours, plan) in ours.iter().zip(&plans) {
        assert_eq!(ours.diagonals_total, u64::from(plan.diagonals));
    }
    let row = |plan: &Plan| [plan.diagonals, plan.babies_and_giants, plan.collapse];
    (
        plans.iter().map(row).collect(),
        total(net, &rotations(&plans)),
    )
}

/// Shifts above zero or around it, modulo more than the period, are worth 33 rotations to LeNet.
#[test]
fn convolutions_by_plan() {
    for n_slots in [4096, 8192] {
        let (layers, total) = by_plan(&lola(n_slots));
        assert_eq!(layers, [[13, 6, 0], [128, 21, 4], [16, 6, 3]]);
        assert_eq!(total, 40);
    }
    let net = lenet(8192);
    let (layers, all) = by_plan(&net);
    let expected = [[288, 37, 0], [1649, 92, 1], [512, 44, 3], [16, 6, 5]];
    assert_eq!((layers, all), (expected.to_vec(), 188));
    assert_eq!(total(&net, &rotations(&unlifted(&net))), 221);
    // As of the full matrices.
    assert_eq!(total(&net, &our_rotations(&net)), 180);
}

/// Dense networks whose input comes in shifted copies. Chains planned as a whole need fewer still.
#[test]
fn dense_networks_by_plan() {
    let all = |sizes: &[u32], n_slots| {
        let mut net = Net::vector(sizes[1], n_slots);
        for &rows in &sizes[2..] {
            net = net.dense(rows);
        }
        let (_, inner) = by_plan(&net);
        replicas(sizes[0], sizes[1], n_slots).rotations() + inner
    };
    let mlp = [4096, 8192, 16384].map(|n_slots| all(&[784, 128, 128, 10], n_slots));
    assert_eq!(mlp, [45, 42, 41]);
    let autoencoder = [4096, 8192].map(|n_slots| all(&[784, 256, 64, 256, 784], n_slots));
    assert_eq!(autoencoder, [85, 79]);
}

/// Each split named is one of those that need fewest rotations, and what a shortcut needs the convolution beside it makes.
#[test]
fn resnet20_by_plan() {
    // Diagonals, babies, giants, rotate-and-adds.
    let expected = [
        [36, 8, 3, 0],
        [144, 8, 15, 0],
        [32, 3, 7, 1],
        [128, 15, 7, 1],
        [392, 27, 15, 0],
        [100, 9, 11, 1],
        [324, 17, 19, 1],
        [900, 29, 31, 0],
        [16, 3, 3, 8],
    ];
    let sums = expected
        .map(|[diagonals, babies, giants, collapse]| [diagonals, babies + giants, collapse]);
    for n_slots in [16384, 32768] {
        let net = resnet20(n_slots, true);
        assert_eq!(by_plan(&net), (sums.to_vec(), 765));
        // As of the full matrices.
        assert_eq!(total(&net, &our_rotations(&net)), 734);
    }
    let net = resnet20(32768, true);
    let layers = net.layers.iter().zip(expected);
    let splits: Vec<_> = layers.map(|(layer, row)| named(layer, row)).collect();
    for shortcut in [2, 5] {
        let mut both = product(&splits[shortcut], &splits[shortcut + 1]);
        assert!(both.any(|(shortcut, sibling)| shortcut[0].is_subset(&sibling[0])));
    }
    let [shortcut2, shortcut3] = [2, 5].map(|at| expected[at][1]);
    assert_eq!(765 - shortcut2 - shortcut3, 753);
}

/// Splits of fewest rotations with so many babies and giants.
fn named(layer: &Layer, [_, babies, giants, _]: [u32; 4]) -> Vec<[BTreeSet<i32>; 2]> {
    let mut splits = optima(layer);
    let moved = |side: &BTreeSet<i32>| side.iter().filter(|&&amount| amount != 0).count() as u32;
    splits.retain(|split| split.each_ref().map(moved) == [babies, giants]);
    assert!(!splits.is_empty(), "{babies} babies and {giants} giants");
    splits
}

fn product<'a, T>(a: &'a [T], b: &'a [T]) -> impl Iterator<Item = (&'a T, &'a T)> {
    a.iter().flat_map(|a| b.iter().map(move |b| (a, b)))
}
