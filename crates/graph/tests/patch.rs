//! Edits: what moves, what stays, what is refused.

mod common;

use common::{input, small_network, tensor};
use privet_graph::{Activation, Graph, Op, Patch, Polynomial, Tensor, Wire, evaluate};

fn find(graph: &Graph, name: &str) -> privet_graph::NodeId {
    graph.find(name).unwrap_or_else(|| panic!("no node {name}"))
}

#[test]
fn a_replacement_inherits_name_origin_and_readers() {
    let mut graph = small_network();
    let (conv, relu) = (find(&graph, "conv1"), find(&graph, "relu1"));
    let mut patch = Patch::new();
    let new = patch.add(
        "anything",
        Op::Polynomial(Polynomial::square()),
        &[conv.into()],
    );
    patch.replace(relu, new);
    patch.apply(&mut graph).unwrap();
    graph.verify().unwrap();
    let relu = find(&graph, "relu1");
    assert_eq!(graph.node(relu).op, Op::Polynomial(Polynomial::square()));
    assert_eq!(
        graph.node(relu).origin.iter().collect::<Vec<_>>(),
        ["Relu 'relu1'"]
    );
    assert_eq!(graph.consumers(relu), [find(&graph, "pool1")]);
    assert_eq!((graph.len(), graph.find("anything")), (7, None));
}

#[test]
fn a_replaced_output_stays_the_output() {
    let mut graph = small_network();
    let (square, output) = (find(&graph, "square"), graph.outputs()[0]);
    let mut patch = Patch::new();
    let dense = Op::Dense {
        weight: Tensor::filled(&[3, 4], 1.0),
        bias: Tensor::zeros(&[3]),
    };
    let new = patch.add("fc2", dense, &[square.into()]);
    patch.replace(output, new);
    patch.apply(&mut graph).unwrap();
    graph.verify().unwrap();
    assert_eq!(graph.outputs(), [find(&graph, "fc2")]);
    assert_eq!(graph.len(), 7);
}

#[test]
fn wrapping_a_node_keeps_it_and_both_names() {
    let mut graph = small_network();
    let conv = find(&graph, "conv1");
    let mut patch = Patch::new();
    let clip = Op::Activation(Activation::Clip {
        low: 0.0,
        high: 1.0,
    });
    let first = patch.add("clip", clip, &[conv.into()]);
    let second = patch.add("clip", Op::Activation(Activation::Abs), &[first]);
    patch.replace(conv, second);
    patch.apply(&mut graph).unwrap();
    graph.verify().unwrap();
    let (conv, clip, abs) = (
        find(&graph, "conv1"),
        find(&graph, "clip.2"),
        find(&graph, "clip"),
    );
    let ops = [clip, abs].map(|id| graph.node(id).op.word());
    assert_eq!(ops, ["clip", "abs"]);
    assert_eq!(graph.consumers(conv), [clip]);
    assert_eq!(graph.operands(find(&graph, "relu1")), [abs]);
}

#[test]
fn bypassing_drops_the_node_and_keeps_its_origin() {
    let mut graph = small_network();
    let (conv, relu) = (find(&graph, "conv1"), find(&graph, "relu1"));
    let mut patch = Patch::new();
    patch.replace(relu, conv);
    patch.apply(&mut graph).unwrap();
    graph.verify().unwrap();
    assert_eq!(graph.find("relu1"), None);
    assert_eq!(graph.node(find(&graph, "conv1")).origin.len(), 2);
}

#[test]
fn both_operands_of_one_reader_move() {
    let mut graph = Graph::new("twice");
    let x = input(&mut graph, "x", &[2]);
    let relu = graph
        .add("relu", Op::Activation(Activation::Relu), &[x])
        .unwrap();
    let y = graph.add("y", Op::Mul, &[relu, relu]).unwrap();
    graph.set_outputs(&[y, relu]);
    let mut patch = Patch::new();
    let new = patch.add("abs", Op::Activation(Activation::Abs), &[x.into()]);
    patch.replace(relu, new);
    patch.apply(&mut graph).unwrap();
    graph.verify().unwrap();
    assert_eq!(
        evaluate(&graph, &[vec![-2.0, 3.0]]).unwrap(),
        [[4.0, 9.0], [2.0, 3.0]]
    );
}

#[test]
fn two_replacements_in_one_patch() {
    let mut graph = small_network();
    let (pool, fc1, fc2) = (
        find(&graph, "pool1"),
        find(&graph, "fc1"),
        find(&graph, "fc2"),
    );
    let mut patch = Patch::new();
    let dense = |out, cols| Op::Dense {
        weight: tensor(&[out, cols]).map(|x| 2.0 * x),
        bias: tensor(&[out]),
    };
    let a = patch.add("a", dense(4, 18), &[pool.into()]);
    let square = patch.add("b", Op::Polynomial(Polynomial::square()), &[a]);
    let b = patch.add("c", dense(3, 4), &[square]);
    patch.replace(fc2, b);
    patch.replace(fc1, a);
    patch.apply(&mut graph).unwrap();
    graph.verify().unwrap();
    let names: Vec<&str> = graph
        .order()
        .into_iter()
        .map(|id| graph.node(id).name.as_str())
        .collect();
    assert_eq!(
        names,
        ["image", "conv1", "relu1", "pool1", "fc1", "b", "fc2"]
    );
}

#[test]
fn another_shape_is_refused_and_nothing_changes() {
    let mut graph = small_network();
    let before = graph.to_string();
    let (pool, fc1) = (find(&graph, "pool1"), find(&graph, "fc1"));
    let mut patch = Patch::new();
    patch.replace(fc1, pool);
    let error = patch.apply(&mut graph).unwrap_err();
    assert_eq!(
        error.to_string(),
        "fc1: replacement has shape [2, 3, 3], expected [4]"
    );
    assert_eq!(graph.to_string(), before);

    let mut patch = Patch::new();
    let flat = patch.add("flat", Op::Reshape { shape: vec![17] }, &[pool.into()]);
    patch.replace(pool, flat);
    let error = patch.apply(&mut graph).unwrap_err();
    assert_eq!(error.to_string(), "flat: can not reshape [2, 3, 3] to [17]");
    assert_eq!(graph.to_string(), before);
}

#[test]
fn an_empty_patch_changes_nothing() {
    let mut graph = small_network();
    let before = graph.to_string();
    let mut patch = Patch::new();
    assert!(patch.is_empty());
    patch.add(
        "unread",
        Op::Activation(Activation::Abs),
        &[Wire::Old(graph.inputs()[0])],
    );
    assert!(!patch.is_empty());
    patch.apply(&mut graph).unwrap();
    assert_eq!(graph.to_string(), before);
}
