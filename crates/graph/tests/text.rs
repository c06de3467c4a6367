//! The text form: as it looks, and that it parses back.

mod common;

use common::{everything, input, small_network, tensor};
use layout::{Periodic, PlanOptions, SparseMatrix, plan_linear};
use privet_graph::{Detail, Graph, Op, evaluate, parse, print};
use std::sync::Arc;

fn assert_round_trip(graph: &Graph) {
    let text = print(graph, Detail::Values);
    let again = parse(&text).unwrap_or_else(|error| panic!("{error}\n{text}"));
    assert_eq!(print(&again, Detail::Values), text);
    assert_eq!(again.name, graph.name);
    let order = graph.order();
    let place = |id| order.iter().position(|&other| other == id).unwrap();
    assert_eq!(again.order().len(), order.len());
    for (&id, new) in order.iter().zip(again.order()) {
        assert_eq!(again.node(new), graph.node(id));
        let operands: Vec<usize> = graph.operands(id).into_iter().map(place).collect();
        let found: Vec<usize> = again
            .operands(new)
            .into_iter()
            .map(|id| id.index())
            .collect();
        assert_eq!(found, operands);
    }
    let outputs: Vec<usize> = graph.outputs().iter().map(|&id| place(id)).collect();
    assert_eq!(
        again
            .outputs()
            .iter()
            .map(|id| id.index())
            .collect::<Vec<_>>(),
        outputs
    );
}

#[test]
fn every_operation_parses_back() {
    assert_round_trip(&everything());
}

#[test]
fn a_network_parses_back_and_means_the_same() {
    let graph = small_network();
    assert_round_trip(&graph);
    let again = parse(&print(&graph, Detail::Values)).unwrap();
    let x = [tensor(&[64]).values().to_vec()];
    assert_eq!(evaluate(&again, &x), evaluate(&graph, &x));
}

#[test]
fn an_empty_graph_parses_back() {
    assert_round_trip(&Graph::new("nothing"));
}

#[test]
fn ids_are_printed_in_order_whatever_they_are() {
    let text = "; an edge case\n\ngraph \"g\" { ; opens\n %7 \"x\" = input -> [2]\n %3 \"y\" = relu %7\n return %3\n}\n; end\n";
    let graph = parse(text).unwrap();
    let expected =
        "graph \"g\" {\n  %0 \"x\" = input -> [2]\n  %1 \"y\" = relu %0 -> [2]\n  return %1\n}\n";
    assert_eq!(print(&graph, Detail::Shapes), expected);
    assert_eq!(graph.to_string(), expected);
}

#[test]
fn the_form_without_values() {
    let expected = r#"graph "small" {
  %0 "image" = input -> [1, 8, 8]
  %1 "conv1" = conv %0 out 2 kernel 3x3 stride 1,1 weight @conv1.weight bias [-0.125, 0.75] -> [2, 6, 6] from "Conv 'conv1'" ; weight [2, 1, 3, 3] fnv HASH
  %2 "relu1" = relu %1 -> [2, 6, 6] from "Relu 'relu1'"
  %3 "pool1" = avg_pool %2 kernel 2x2 stride 2,2 -> [2, 3, 3]
  %4 "fc1" = dense %3 weight @fc1.weight bias [-0.125, 0.75, 0.25, -0.25] -> [4] ; weight [4, 18] fnv HASH
  %5 "square" = polynomial %4 power [0, 0, 1] -> [4]
  %6 "fc2" = dense %5 weight [[-0.125, 0.75, 0.25, -0.25], [0.625, 0.125, -0.375, 0.5], [0, -0.5, 0.375, -0.125]] bias [-0.125, 0.75, 0.25] -> [3]
  return %6
}
"#;
    let text = print(&small_network(), Detail::Shapes);
    let hashes = text
        .lines()
        .filter_map(|line| line.split_once("fnv "))
        .map(|(_, hash)| hash);
    let hashes: Vec<String> = hashes.map(str::to_owned).collect();
    assert_eq!(hashes.len(), 2);
    let without = hashes
        .iter()
        .fold(text, |text, hash| text.replace(hash, "HASH"));
    assert_eq!(without, expected);
    let error = parse(expected).unwrap_err().to_string();
    assert_eq!(
        error,
        "line 3: @conv1.weight has no values here; print the graph with values to parse it back"
    );
}

#[test]
fn the_form_with_values_defines_constants_first() {
    let text = print(&everything(), Detail::Values);
    let starts: Vec<&str> = text
        .lines()
        .skip(1)
        .take(4)
        .map(|line| line.split('=').next().unwrap())
        .collect();
    let expected = [
        "  tensor @\"conv; one.weight\" [4, 1, 3, 3] ",
        "  tensor @/conv/1d.weight [3, 2, 1, 3] ",
        "  tensor @größe.weight [6, 168] ",
        "  matrix @linear.matrix 6x6 ",
    ];
    assert_eq!(starts, expected);
}

#[test]
fn a_changed_weight_changes_the_form_without_values() {
    let mut graph = small_network();
    let before = graph.to_string();
    let id = graph.find("fc1").unwrap();
    let Op::Dense { weight, .. } = &mut graph.node_mut(id).op else {
        unreachable!()
    };
    *weight = weight.map(|x| if x == 0.75 { 0.76 } else { x });
    let after = graph.to_string();
    assert_eq!(
        before
            .lines()
            .zip(after.lines())
            .filter(|(a, b)| a != b)
            .count(),
        1
    );
}

#[test]
fn a_plan_is_a_comment() {
    let mut graph = Graph::new("planned");
    let x = input(&mut graph, "x", &[4]);
    let matrix = SparseMatrix::identity(4);
    let layout = Periodic::vector(4, 8);
    let plan = plan_linear(&matrix, &layout, &layout, &PlanOptions::default()).unwrap();
    let bias = tensor(&[4]);
    let y = graph
        .add(
            "y",
            Op::Linear {
                matrix: Arc::new(matrix),
                bias,
                stride: None,
            },
            &[x],
        )
        .unwrap();
    graph.set_outputs(&[y]);
    graph.node_mut(y).facts.layout = Some(layout);
    graph.node_mut(y).facts.plan = Some(Arc::new(plan));
    let text = graph.to_string();
    let line = text.lines().nth(2).unwrap();
    let facts = "-> [4] layout periodic 4/8 x1 [4] ; plan diagonals 1 zero 0 baby 0 giant 0 collapse 0 mul_plain 1";
    assert!(line.ends_with(facts), "{line}");
    let again = parse(&text).unwrap();
    assert_eq!(again.node(again.outputs()[0]).facts.plan, None);
    assert_eq!(
        again.node(again.outputs()[0]).facts.layout,
        graph.node(y).facts.layout
    );
}
