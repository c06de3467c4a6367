use crate::{Activation, Basis, Graph, NodeId, Op, Polynomial, Tensor, ValueRange, parse};
use layout::{Periodic, SparseMatrix};
use petgraph::stable_graph::NodeIndex;
use std::sync::Arc;

const TEXT: &str = r#"graph "g" {
  %0 "x" = input -> [2, 4, 4]
  %1 "conv" = conv %0 out 1 kernel 3x3 stride 1,1 pad 1,1,1,1 groups 1 weight @conv.weight bias [0.5]
  %2 "relu" = relu %1
  %3 "sum" = add %2, %1
  %4 "linear" = linear %3 bias [1, 2] matrix 2x16 = [0 0 1, 1 15 -1]
  %5 "poly" = polynomial %4 power [0, 1]
  return %5
}
"#;

fn graph() -> Graph {
    let weight = ["0.25"; 18].join(", ");
    let define = format!("{{\n  tensor @conv.weight [1, 2, 3, 3] = [{weight}]");
    parse(&TEXT.replacen('{', &define, 1)).unwrap()
}

fn id(graph: &Graph, name: &str) -> NodeId {
    graph.find(name).unwrap()
}

/// All faults of the graph after `damage`.
fn faults(damage: impl FnOnce(&mut Graph)) -> Vec<String> {
    let mut graph = graph();
    graph.verify().unwrap();
    damage(&mut graph);
    graph
        .verify()
        .unwrap_err()
        .iter()
        .map(ToString::to_string)
        .collect()
}

fn with_node(name: &str, damage: impl FnOnce(&mut crate::Node)) -> Vec<String> {
    faults(|graph| damage(graph.node_mut(id(graph, name))))
}

#[test]
fn cycles() {
    let found = faults(|graph| {
        let (relu, conv) = (id(graph, "relu"), id(graph, "conv"));
        let edge = graph.nodes.find_edge(conv.0, relu.0).unwrap();
        graph.nodes.remove_edge(edge);
        graph.nodes.add_edge(id(graph, "sum").0, relu.0, 0);
        assert!(graph.to_string().contains("%2 \"relu\" = relu %3"));
    });
    let expected = ["relu", "sum", "linear", "poly"]
        .map(|name| format!("{name}: is on a cycle or behind one"));
    assert_eq!(found, expected);
}

#[test]
fn operands() {
    let found = faults(|graph| {
        let edge = graph
            .nodes
            .find_edge(id(graph, "conv").0, id(graph, "sum").0)
            .unwrap();
        graph.nodes.remove_edge(edge);
    });
    assert_eq!(
        found,
        ["sum: add takes 2 operands, found them at places [0]"]
    );
    let found = faults(|graph| {
        let edge = graph
            .nodes
            .find_edge(id(graph, "conv").0, id(graph, "sum").0)
            .unwrap();
        graph.nodes[edge] = 2;
    });
    assert_eq!(
        found,
        ["sum: add takes 2 operands, found them at places [0, 2]"]
    );
}

#[test]
fn shapes() {
    let found = with_node("poly", |node| node.shape = vec![1, 2]);
    assert_eq!(found, ["poly: has shape [1, 2], expected [2]"]);
    let found = with_node("linear", |node| {
        let Op::Linear { matrix, .. } = &mut node.op else {
            unreachable!()
        };
        *matrix = Arc::new(SparseMatrix::identity(2));
    });
    assert_eq!(
        found,
        ["linear: a 2 by 2 matrix does not map 16 elements to 2"]
    );
}

#[test]
fn geometry() {
    let with_geometry = |damage: fn(&mut layout::ConvGeometry)| {
        with_node("conv", |node| {
            let Op::Conv { geometry, .. } = &mut node.op else {
                unreachable!()
            };
            damage(geometry);
        })
    };
    assert_eq!(
        with_geometry(|g| g.in_width = 5),
        ["conv: conv expects an input of 2x4x5, found [2, 4, 4]"]
    );
    assert_eq!(
        with_geometry(|g| g.kernel = (1, 1)),
        ["conv: conv weight has shape [1, 2, 3, 3], expected [1, 2, 1, 1]"]
    );
    assert_eq!(
        with_geometry(|g| g.pad = [0; 4]),
        ["conv: has shape [1, 4, 4], expected [1, 2, 2]"]
    );
    for damage in [
        |g: &mut layout::ConvGeometry| g.stride.0 = 0,
        |g: &mut layout::ConvGeometry| g.groups = 3,
        |g: &mut layout::ConvGeometry| g.dilation = (9, 1),
    ] {
        assert!(with_geometry(damage)[0].contains("convolution"));
    }
}

#[test]
fn names() {
    assert_eq!(
        with_node("relu", |node| node.name = "conv".into()),
        ["conv: 2 nodes have this name"]
    );
    assert_eq!(
        with_node("relu", |node| node.name.clear()),
        [": %2 has no name"]
    );
}

#[test]
fn ends() {
    assert_eq!(
        faults(|graph| graph.outputs.clear()),
        ["g: it has no output"]
    );
    let gone = NodeId(NodeIndex::new(99));
    assert_eq!(
        faults(|graph| {
            graph.outputs.push(gone);
            assert!(graph.to_string().contains("return %5, %99"));
        }),
        ["g: its output %99 does not exist"]
    );
    assert_eq!(
        faults(|graph| graph.inputs.clear()),
        ["g: its inputs are [], its input nodes [%0]"]
    );
}

#[test]
fn constants() {
    let found = with_node("conv", |node| {
        let Op::Conv { bias, .. } = &mut node.op else {
            unreachable!()
        };
        *bias = Tensor::vector(vec![f64::NAN]);
    });
    assert_eq!(
        found,
        ["conv: bias has NaN at element 0, expected a finite number"]
    );
    let found = with_node("linear", |node| {
        let Op::Linear { matrix, .. } = &mut node.op else {
            unreachable!()
        };
        *matrix = Arc::new(SparseMatrix::from_triplets(2, 16, [(1, 3, f64::INFINITY)]));
    });
    assert_eq!(
        found,
        ["linear: the matrix has inf at row 1, column 3, expected a finite number"]
    );
}

#[test]
fn polynomials() {
    let with = |basis, coefficients: &[f64]| {
        let coefficients = coefficients.to_vec();
        with_node("poly", |node| {
            node.op = Op::Polynomial(Polynomial {
                basis,
                coefficients,
            })
        })
    };
    assert_eq!(
        with(Basis::Power, &[]),
        ["poly: the polynomial has no coefficients"]
    );
    assert_eq!(
        with(Basis::Power, &[1.0, f64::NAN]),
        ["poly: coefficient 1 is NaN, expected a finite number"]
    );
    let found = with(
        Basis::Chebyshev {
            low: 1.0,
            high: 1.0,
        },
        &[1.0],
    );
    assert_eq!(
        found,
        ["poly: the basis is for 1..1, expected finite bounds in order"]
    );
}

#[test]
fn activations() {
    let with = |activation| with_node("relu", |node| node.op = Op::Activation(activation));
    let found = with(Activation::Elu {
        alpha: f64::INFINITY,
    });
    assert_eq!(found, ["relu: alpha is inf, expected a finite number"]);
    let found = with(Activation::Clip {
        low: 1.0,
        high: 0.0,
    });
    assert_eq!(found, ["relu: clips to 1..0, expected bounds in order"]);
    let found = with(Activation::Clip {
        low: f64::NAN,
        high: 0.0,
    });
    assert_eq!(found, ["relu: clips to NaN..0, expected bounds in order"]);
}

#[test]
fn facts() {
    let with = |low, high| {
        with_node("relu", |node| {
            node.facts.range = Some(ValueRange { low, high })
        })
    };
    assert_eq!(
        with(1.0, 0.0),
        ["relu: has range 1..0, expected finite bounds in order"]
    );
    assert_eq!(
        with(f64::NAN, 0.0),
        ["relu: has range NaN..0, expected finite bounds in order"]
    );
    assert_eq!(
        with(0.0, f64::INFINITY),
        ["relu: has range 0..inf, expected finite bounds in order"]
    );
    let found = with_node("poly", |node| {
        node.facts.layout = Some(Periodic::vector(3, 8))
    });
    assert_eq!(found, ["poly: has 2 elements, its layout 3"]);
    let found = with_node("poly", |node| {
        node.facts.layout = Some(Periodic::table(vec![1, 1], 8))
    });
    assert_eq!(found.len(), 1);
    assert!(found[0].starts_with("poly: layout: "), "{found:?}");
}

#[test]
fn all_faults_are_listed() {
    let found = faults(|graph| {
        graph.outputs.clear();
        graph.node_mut(id(graph, "relu")).shape = vec![7];
        graph.node_mut(id(graph, "poly")).name.clear();
    });
    let starts: Vec<&str> = found
        .iter()
        .map(|fault| fault.split(' ').next().unwrap())
        .collect();
    assert_eq!(starts, ["g:", "relu:", "sum:", ":"]);
}
