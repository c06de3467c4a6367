//! Writing graphs: what comes back is the same graph, and what tract computes is the same function.

mod common;

use common::noise;
use graph::{
    Activation, Basis, Graph, NodeId, Op, Polynomial, PoolGeometry, Selection, Tensor, evaluate,
};
use layout::{ConvGeometry, SparseMatrix};
use privet_onnx::{ExportError, PortNames, export, import_bytes};

/// A graph of one input, under construction.
struct Net {
    graph: Graph,
    last: NodeId,
}

impl Net {
    fn new(shape: &[usize]) -> Self {
        let mut graph = Graph::new("test");
        let input = Op::Input {
            shape: shape.to_vec(),
        };
        let last = graph.add("x", input, &[]).unwrap();
        Self { graph, last }
    }

    fn then(mut self, name: &str, op: Op, others: &[NodeId]) -> Self {
        let operands = [&[self.last], others].concat();
        self.last = self.graph.add(name, op, &operands).unwrap();
        self
    }

    fn done(mut self) -> Graph {
        self.graph.set_outputs(&[self.last]);
        self.graph.verify().unwrap();
        self.graph
    }
}

fn random(shape: &[usize], seed: usize) -> Tensor {
    let values = noise(shape.iter().product(), seed);
    Tensor::new(shape, values.into_iter().map(f64::from).collect()).unwrap()
}

fn again(graph: &Graph) -> Graph {
    let bytes = export(graph, &PortNames::default()).unwrap();
    let read = import_bytes(&bytes, &graph.name, None)
        .unwrap_or_else(|e| panic!("{e}\nhelp: {}", e.help()))
        .graph;
    read.verify().unwrap();
    read
}

fn text(graph: &Graph) -> String {
    graph::print(graph, graph::Detail::Values)
}

fn without_origin(mut graph: Graph) -> Graph {
    for id in graph.order() {
        graph.node_mut(id).origin.clear();
    }
    graph
}

fn alike(found: &[f64], expected: &[f64], tolerance: f64, what: &str) {
    assert_eq!(found.len(), expected.len(), "{what}");
    let largest = expected.iter().fold(1e-3f64, |m, v| m.max(v.abs()));
    for (k, (a, b)) in found.iter().zip(expected).enumerate() {
        let same = a == b || (a - b).abs() <= tolerance * largest;
        assert!(same, "element {k}: found {a}, expected {b}\n{what}");
    }
}

/// Checks that reading what is written gives a graph that computes the same, as does tract, and that from then on
/// nothing changes.
fn survives(graph: &Graph) -> Graph {
    let values = noise(graph.n_elements(graph.inputs()[0]), 3);
    let sample: Vec<f64> = values.iter().map(|&v| f64::from(v)).collect();
    let expected = evaluate(graph, std::slice::from_ref(&sample))
        .unwrap()
        .concat();
    let once = again(graph);
    let found = evaluate(&once, &[sample]).unwrap().concat();
    alike(&found, &expected, 1e-6, &text(&once));
    let twice = again(&once);
    assert_eq!(
        text(&without_origin(once.clone())),
        text(&without_origin(twice))
    );
    let bytes = export(graph, &PortNames::default()).unwrap();
    let shape = [&[1], graph.shape(graph.inputs()[0])].concat();
    let reference = common::reference(&bytes, &shape, &values);
    alike(&reference, &expected, 1e-4, &text(graph));
    once
}

/// [`survives`], and nothing changes at all.
fn stays(graph: &Graph) {
    let once = survives(graph);
    assert_eq!(
        text(&without_origin(once)),
        text(&without_origin(graph.clone()))
    );
}

fn conv(shape: [u32; 3], out: u32, kernel: (u32, u32), groups: u32) -> ConvGeometry {
    ConvGeometry {
        in_channels: shape[0],
        in_height: shape[1],
        in_width: shape[2],
        out_channels: out,
        kernel,
        stride: (1, 1),
        pad: [0; 4],
        dilation: (1, 1),
        groups,
    }
}

fn conv_op(geometry: ConvGeometry) -> Op {
    let g = &geometry;
    let shape = [
        g.out_channels,
        g.in_channels / g.groups,
        g.kernel.0,
        g.kernel.1,
    ];
    let weight = random(&shape.map(|n| n as usize), 5);
    let bias = random(&[g.out_channels as usize], 6);
    Op::Conv {
        geometry,
        weight,
        bias,
    }
}

#[test]
fn convolutions_stay() {
    let mut strided = conv([4, 7, 9], 6, (3, 2), 2);
    (strided.stride, strided.dilation, strided.pad) = ((2, 1), (1, 2), [1, 0, 2, 1]);
    stays(&Net::new(&[4, 7, 9]).then("c", conv_op(strided), &[]).done());
    let mut row = conv([3, 1, 11], 4, (1, 3), 1);
    (row.stride, row.pad) = ((1, 2), [0, 2, 0, 1]);
    stays(&Net::new(&[3, 11]).then("c", conv_op(row), &[]).done());
    let mut high = conv([3, 1, 11], 4, (3, 3), 1);
    high.pad = [1, 1, 1, 1];
    survives(&Net::new(&[3, 11]).then("c", conv_op(high), &[]).done());
}

#[test]
fn transposed_convolutions_stay() {
    for (size, stride, groups) in [((9, 8), (2, 3), 1), ((10, 7), (3, 1), 2)] {
        let mut geometry = conv([4, size.0, size.1], 6, (3, 3), groups);
        (geometry.stride, geometry.pad) = (stride, [1, 0, 1, 1]);
        let (height, width) = geometry.out_size();
        let weight = random(&[6, 4 / groups as usize, 3, 3], 5);
        let bias = random(&[4], 6);
        let op = Op::ConvTranspose {
            geometry,
            weight,
            bias,
        };
        let shape = [6, height as usize, width as usize];
        stays(&Net::new(&shape).then("t", op, &[]).done());
    }
    let mut row = conv([4, 1, 9], 3, (1, 3), 1);
    row.stride = (1, 2);
    let op = Op::ConvTranspose {
        geometry: row,
        weight: random(&[3, 4, 1, 3], 5),
        bias: random(&[4], 6),
    };
    stays(&Net::new(&[3, 4]).then("t", op, &[]).done());
}

#[test]
fn dense_and_linear_maps() {
    let dense = |n: usize| Op::Dense {
        weight: random(&[5, n], 1),
        bias: random(&[5], 2),
    };
    stays(&Net::new(&[7]).then("fc", dense(7), &[]).done());
    stays(&Net::new(&[2, 3, 4]).then("fc", dense(24), &[]).done());
    let matrix = SparseMatrix::from_triplets(6, 4, [(0, 1, 0.5), (3, 3, -2.0), (5, 0, 1.5)]);
    let linear = Op::Linear {
        matrix: matrix.into(),
        bias: random(&[2, 3], 3),
        stride: None,
    };
    survives(&Net::new(&[2, 2]).then("lin", linear, &[]).done());
    let huge = Op::Linear {
        matrix: SparseMatrix::from_triplets(10_000, 10_000, []).into(),
        bias: Tensor::zeros(&[10_000]),
        stride: None,
    };
    let graph = Net::new(&[10_000]).then("lin", huge, &[]).done();
    let refused = export(&graph, &PortNames::default()).unwrap_err();
    assert_eq!(
        refused.to_string(),
        "lin: a dense matrix of 10000 by 10000 has more than 67108864 elements"
    );
}

#[test]
fn pools_and_padding_stay() {
    for count_include_pad in [false, true] {
        let pool = PoolGeometry {
            kernel: (3, 2),
            stride: (2, 1),
            pad: [1, 0, 2, 1],
            count_include_pad,
        };
        stays(
            &Net::new(&[2, 6, 5])
                .then("p", Op::AvgPool(pool.clone()), &[])
                .done(),
        );
        let row = PoolGeometry {
            kernel: (1, 3),
            stride: (1, 2),
            pad: [0, 1, 0, 0],
            ..pool
        };
        stays(&Net::new(&[2, 8]).then("p", Op::AvgPool(row), &[]).done());
    }
    let pool = PoolGeometry {
        kernel: (2, 2),
        stride: (2, 1),
        pad: [0, 1, 1, 0],
        count_include_pad: false,
    };
    stays(
        &Net::new(&[2, 6, 5])
            .then("p", Op::MaxPool(pool), &[])
            .done(),
    );
    stays(
        &Net::new(&[2, 6, 5])
            .then("p", Op::GlobalAvgPool, &[])
            .done(),
    );
    stays(&Net::new(&[2, 6]).then("p", Op::GlobalAvgPool, &[]).done());
    stays(
        &Net::new(&[2, 6, 5])
            .then("p", Op::Pad([1, 0, 2, 3]), &[])
            .done(),
    );
    stays(
        &Net::new(&[2, 6])
            .then("p", Op::Pad([0, 2, 0, 3]), &[])
            .done(),
    );
    stays(
        &Net::new(&[2, 6, 5])
            .then("m", Op::Mean { axes: vec![0, 2] }, &[])
            .done(),
    );
}

#[test]
fn affine_maps_stay() {
    let number = |value| Tensor::filled(&[], value);
    for (scale, shift) in [
        (random(&[3, 1, 1], 1), random(&[3, 1, 1], 2)),
        (random(&[3, 4, 5], 1), random(&[3, 1, 5], 2)),
        (number(0.5), number(0.25)),
        (number(1.0), random(&[3, 1, 1], 2)),
        (random(&[3, 1, 1], 2), number(0.0)),
        (number(1.0), number(0.0)),
        (Tensor::filled(&[3, 1, 1], 1.0), Tensor::zeros(&[3, 1, 1])),
    ] {
        let affine = || Op::Affine {
            scale: scale.clone(),
            shift: shift.clone(),
        };
        let net = Net::new(&[3, 4, 5]).then("a", affine(), &[]);
        stays(&net.then("b", affine(), &[]).done());
    }
}

#[test]
fn activations_stay() {
    let more = [
        Activation::Gelu { tanh: true },
        Activation::Silu { beta: 1.75 },
        Activation::Clip {
            low: -1.5,
            high: 0.5,
        },
    ];
    for activation in Activation::all().into_iter().chain(more) {
        // Functions that need it read positive values.
        let positive = Op::Activation(Activation::Exp);
        let net = Net::new(&[2, 30]).then("e", positive, &[]);
        let op = || Op::Activation(activation);
        let scale = Op::Affine {
            scale: Tensor::filled(&[], 0.5),
            shift: Tensor::filled(&[], 0.25),
        };
        stays(&net.then("act1", op(), &[]).then("a", scale, &[]).done());
        stays(
            &Net::new(&[2, 30])
                .then("e", Op::Activation(Activation::Exp), &[])
                .then("f", op(), &[])
                .done(),
        );
    }
}

fn polynomial(basis: Basis, coefficients: &[f64]) -> Op {
    Op::Polynomial(Polynomial {
        basis,
        coefficients: coefficients.to_vec(),
    })
}

#[test]
fn polynomials_stay_one_node() {
    let lists: [&[f64]; 12] = [
        &[0.0, 0.0, 1.0],
        &[0.5, 1.0, -0.25],
        &[0.0, 1.5, 0.25],
        &[0.5, 1.0, 0.0],
        &[0.0, 0.0, 0.0],
        &[0.0, 0.0, 0.75],
        &[0.25, 0.5],
        &[0.0, 1.0],
        &[0.0, 0.0],
        &[0.125, 0.0, -0.5, 1.0],
        &[0.0, 1.0, 0.0, -0.25, 0.0, 0.125],
        &[1.0, 0.0, 0.0, 0.0, 0.0],
    ];
    let series = Basis::Chebyshev {
        low: -4.0,
        high: 4.0,
    };
    for coefficients in lists {
        for basis in [Basis::Power, series] {
            let op = || polynomial(basis, coefficients);
            stays(&Net::new(&[2, 6]).then("act1", op(), &[]).done());
            // Polynomials and affine maps in a row do not become one.
            let scale = Op::Affine {
                scale: Tensor::filled(&[], 0.5),
                shift: Tensor::filled(&[], 0.25),
            };
            let net = Net::new(&[6]).then("a", scale, &[]).then("act1", op(), &[]);
            stays(&net.then("act2", op(), &[]).done());
        }
    }
}

#[test]
fn polynomials_of_high_degree_stay_exact() {
    for degree in [5, 9, 17, 31, 63] {
        let coefficients: Vec<f64> = noise(degree + 1, degree)
            .into_iter()
            .map(f64::from)
            .collect();
        let unit = Basis::Chebyshev {
            low: -1.0,
            high: 1.0,
        };
        for basis in [Basis::Power, unit] {
            let op = polynomial(basis, &coefficients);
            stays(&Net::new(&[40]).then("act1", op, &[]).done());
        }
        // An interval whose bounds f32 numbers do not map exactly.
        let basis = Basis::Chebyshev {
            low: -3.7,
            high: 5.1,
        };
        let once = survives(
            &Net::new(&[40])
                .then("act1", polynomial(basis, &coefficients), &[])
                .done(),
        );
        let Op::Polynomial(found) = &once.node(once.find("act1").unwrap()).op else {
            panic!("{}", text(&once))
        };
        assert_eq!(found.coefficients, coefficients);
        let Basis::Chebyshev { low, high } = found.basis else {
            panic!("{}", text(&once))
        };
        assert!(
            (low + 3.7).abs() < 1e-6 && (high - 5.1).abs() < 1e-6,
            "{low}..{high}"
        );
    }
}

#[test]
fn moves_survive() {
    let shape = [2, 3, 4];
    let all = Selection::all(&shape);
    let mut filled = all
        .clone()
        .along(1, [None, Some(2), Some(0), None, Some(2)]);
    filled.fill = 2.5;
    let selections = [
        Selection::transposed(&shape, &[2, 0, 1]),
        Selection::transposed(&shape, &[1, 0, 2]).along(2, [Some(3), Some(1)]),
        all.clone()
            .along(0, [Some(1), Some(1), Some(0)])
            .along(2, (0..4).rev().map(Some)),
        filled.clone(),
        filled.along(0, [None, Some(0), Some(1), None]),
        all,
    ];
    for selection in selections {
        let net = Net::new(&shape).then("s", Op::Select(selection), &[]);
        survives(
            &net.then("act1", polynomial(Basis::Power, &[0.0, 0.5, 1.0]), &[])
                .done(),
        );
    }
    let net = Net::new(&shape);
    let x = net.last;
    let net = net.then("sq", polynomial(Basis::Power, &[0.0, 0.0, 1.0]), &[]);
    stays(&net.then("cat", Op::Concat { axis: 1 }, &[x]).done());
    let net = Net::new(&shape).then("r", Op::Reshape { shape: vec![6, 4] }, &[]);
    stays(
        &net.then("act1", polynomial(Basis::Power, &[0.0, 0.0, 1.0]), &[])
            .done(),
    );
}

#[test]
fn sums_and_products_stay() {
    let net = Net::new(&[6]).then("e", Op::Activation(Activation::Sigmoid), &[]);
    let x = graph_input(&net);
    // A product with a sigmoid stays one, not a SiLU.
    stays(
        &Net { ..net }
            .then("m", Op::Mul, &[x])
            .then("s", Op::Add, &[x])
            .done(),
    );
}

fn graph_input(net: &Net) -> NodeId {
    net.graph.inputs()[0]
}

#[test]
fn names_of_ports_and_nodes_are_kept() {
    let op = || polynomial(Basis::Power, &[0.5, 1.0, 0.25]);
    let net = Net::new(&[3]).then("y", op(), &[]).then("y.sum", op(), &[]);
    let early = graph_output(&net);
    let mut graph = net
        .then("y.sum.2", Op::Reshape { shape: vec![1, 3] }, &[])
        .done();
    let last = graph.outputs()[0];
    graph.set_outputs(&[last, early, last, graph.inputs()[0]]);
    survives_names(&graph);
    let ports = PortNames {
        inputs: vec!["image".to_owned()],
        outputs: ["y.sum", "y", "z", "w"].map(str::to_owned).to_vec(),
    };
    let bytes = export(&graph, &ports).unwrap();
    let read = import_bytes(&bytes, "test", None).unwrap();
    assert_eq!(read.info.inputs[0].name, "image");
    let outputs: Vec<&str> = read.info.outputs.iter().map(|p| p.name.as_str()).collect();
    assert_eq!(outputs, ["y.sum", "y", "z", "w"]);
    assert_eq!(read.info.outputs[0].shape, "[batch, 1, 3]");
    let few = PortNames {
        outputs: vec!["y".to_owned(); 4],
        ..PortNames::default()
    };
    assert!(matches!(
        export(&graph, &few),
        Err(ExportError::Ports { .. })
    ));
}

fn graph_output(net: &Net) -> NodeId {
    net.last
}

fn survives_names(graph: &Graph) {
    let names = |graph: &Graph| -> Vec<String> {
        let order = graph.order().into_iter();
        order.map(|id| graph.node(id).name.clone()).collect()
    };
    assert_eq!(names(graph), names(&again(graph)));
}

#[test]
fn numbers_that_no_f32_is_are_refused() {
    let op = Op::Dense {
        weight: Tensor::new(&[1, 2], vec![1.0, 1e39]).unwrap(),
        bias: Tensor::zeros(&[1]),
    };
    let graph = Net::new(&[2]).then("fc", op, &[]).done();
    let refused = export(&graph, &PortNames::default()).unwrap_err();
    assert_eq!(
        refused.to_string(),
        "fc: its weight has the element 1e39, expected a finite number below 3.4e38"
    );
}
