//! Networks that pick, join, average and spread elements: compiled, they compute what the graph says.

use privet::extend::graph::{Op, Selection};
use privet::extend::{Graph, NodeId, counts};
use privet::prelude::{Compiled, Model, Options, compile};
use privet_tests::networks::{Net, samples};

/// Compiles a network and runs its circuit on plain slots.
fn compiled(graph: Graph) -> Compiled {
    let name = graph.name.clone();
    let sample = |seed| samples(&graph, 1, seed).remove(0).remove(0);
    let options = Options {
        calibration: Some((0..12).map(sample).collect()),
        ..Options::default()
    };
    let x = sample(77);
    let model = Model::from_graph(graph);
    let compiled = compile(
        &model,
        &options,
        &privet::passes::standard(),
        &mut |_, _, _, _| {},
    )
    .unwrap_or_else(|error| panic!("{name}: {error} {:?}", error.help()));
    let plain = model.evaluate(&x).expect("a finite sample");
    let slots = compiled.run_slots(&x).expect("a compiled circuit runs");
    assert_eq!(slots.len(), plain.len(), "{name}");
    let largest = plain.iter().fold(1.0f64, |m, v| m.max(v.abs()));
    for (k, (a, b)) in slots.iter().zip(&plain).enumerate() {
        assert!(
            (a - b).abs() <= 1e-6 * largest,
            "{name}: result {k} is {a}, not {b}"
        );
    }
    compiled
}

fn image() -> Net {
    Net::new("image", &[2, 8, 8], 5)
}

fn same(net: Net, outputs: u32) -> Net {
    net.conv(outputs, (3, 3), (1, 1), [1; 4], 1)
}

fn concat(net: Net, others: &[NodeId]) -> Net {
    net.then(Op::Concat { axis: 0 }, others)
}

/// Every place twice, along rows and columns.
fn doubled(shape: &[usize]) -> Op {
    let twice = |n: usize| (0..2 * n as u32).map(|k| Some(k / 2));
    let all = Selection::all(shape);
    Op::Select(all.along(1, twice(shape[1])).along(2, twice(shape[2])))
}

#[test]
fn a_network_that_narrows_and_widens_again() {
    let net = same(image(), 2).square();
    let skip = net.last();
    let net = net
        .average(2, 2, 0, false)
        .conv(4, (3, 3), (1, 1), [1; 4], 1)
        .square();
    let net = net.enlarge(2, 2);
    let net = concat(net, &[skip]);
    let _ = compiled(same(net, 1).done());
}

#[test]
fn nearest_enlargement() {
    let net = same(image(), 2).square().average(2, 2, 0, false).square();
    let net = net.then(doubled(&[2, 4, 4]), &[]);
    let _ = compiled(same(net, 2).done());
}

#[test]
fn branches_of_one_value_are_one_layer() {
    let branches = |with_concat: bool| {
        let net = same(image(), 2).square();
        let stem = net.last();
        let net = same(net, 2);
        if !with_concat {
            return net.square().dense(3).done();
        }
        let first = net.last();
        let net = net.from(stem).conv(3, (1, 1), (1, 1), [0; 4], 1);
        concat(net, &[first]).square().dense(3).done()
    };
    let depth = |graph| counts(&compiled(graph).circuit).rescale;
    assert_eq!(depth(branches(true)), depth(branches(false)));
}

#[test]
fn dense_connections() {
    let net = same(image(), 2).square();
    let first = net.last();
    let net = same(net, 2).square();
    let net = concat(net, &[first]).affine().square();
    let second = net.last();
    let net = same(net, 2).square();
    let _ = compiled(concat(net, &[second]).global_average().dense(3).done());
}

#[test]
fn slices_transposes_and_paddings() {
    let picked = Selection::transposed(&[2, 8, 8], &[2, 0, 1])
        .along(0, (0..4).map(|k| Some(7 - 2 * k)))
        .along(2, [None, Some(3), Some(0), Some(7)]);
    let picked = Selection {
        fill: 0.25,
        ..picked
    };
    let net = same(image(), 2).square().then(Op::Select(picked), &[]);
    let _ = compiled(net.square().dense(3).done());
    // Every other row and column keeps the layout of a stride.
    let strided = Selection::all(&[2, 8, 8]);
    let strided = [1, 2].into_iter().fold(strided, |s, axis| {
        s.along(axis, (0..4).map(|k| Some(2 * k)))
    });
    let net = same(image(), 2).square();
    let stem = net.last();
    let net = net.average(2, 2, 0, false);
    let halved = net.last();
    let net = net.from(stem).then(Op::Select(strided), &[]).plus(halved);
    let _ = compiled(net.square().dense(3).done());
}

#[test]
fn means_and_broadcasts() {
    let net = same(image(), 2).square();
    let stem = net.last();
    // Squeeze and excite: a mean per channel scales the image.
    let net = net.global_average().dense(2).square().reshape(&[2, 1, 1]);
    let wide = Selection::all(&[2, 1, 1])
        .along(1, vec![Some(0); 8])
        .along(2, vec![Some(0); 8]);
    let net = net.then(Op::Select(wide), &[]).times(stem);
    let _ = compiled(same(net, 2).done());
    let rows = same(image(), 2)
        .square()
        .then(Op::Mean { axes: vec![0, 2] }, &[]);
    let _ = compiled(rows.square().dense(3).done());
}

#[test]
fn unlike_layouts_meet() {
    // The image keeps its frame, the widened one is packed row by row: the linear layer before the sum decides.
    let net = Net::new("odd", &[1, 6, 6], 3)
        .conv(2, (3, 3), (1, 1), [1; 4], 1)
        .square();
    let stem = net.last();
    let net = net
        .average(2, 2, 0, false)
        .square()
        .then(doubled(&[2, 3, 3]), &[]);
    let _ = compiled(net.plus(stem).square().dense(2).done());
}
