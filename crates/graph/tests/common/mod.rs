//! Graphs shared by tests.
#![allow(dead_code, reason = "each test program uses some of them")]

use layout::{ConvGeometry, Periodic, SparseMatrix};
use privet_graph::{
    Activation, Basis, Graph, NodeId, Op, Polynomial, PoolGeometry, Selection, Tensor, ValueRange,
};
use std::sync::Arc;

/// A tensor of unremarkable values.
pub fn tensor(shape: &[usize]) -> Tensor {
    let n: usize = shape.iter().product();
    Tensor::new(
        shape,
        (0..n)
            .map(|k| ((k * 7 + 3) % 11) as f64 / 8.0 - 0.5)
            .collect(),
    )
    .unwrap()
}

pub fn input(graph: &mut Graph, name: &str, shape: &[usize]) -> NodeId {
    graph
        .add(
            name,
            Op::Input {
                shape: shape.to_vec(),
            },
            &[],
        )
        .unwrap()
}

/// A convolution of an image of `[channels, height, width]`, stride 1, without padding.
pub fn geometry(
    [in_channels, in_height, in_width]: [u32; 3],
    out_channels: u32,
    kernel: (u32, u32),
) -> ConvGeometry {
    ConvGeometry {
        in_channels,
        in_height,
        in_width,
        out_channels,
        kernel,
        stride: (1, 1),
        pad: [0; 4],
        dilation: (1, 1),
        groups: 1,
    }
}

pub fn conv(geometry: ConvGeometry) -> Op {
    let g = &geometry;
    let shape = [
        g.out_channels,
        g.in_channels / g.groups,
        g.kernel.0,
        g.kernel.1,
    ]
    .map(|n| n as usize);
    let (weight, bias) = (tensor(&shape), tensor(&shape[..1]));
    Op::Conv {
        geometry,
        weight,
        bias,
    }
}

pub fn conv_transpose(geometry: ConvGeometry) -> Op {
    let bias = tensor(&[geometry.in_channels as usize]);
    let Op::Conv {
        geometry, weight, ..
    } = conv(geometry)
    else {
        unreachable!("conv makes a conv");
    };
    Op::ConvTranspose {
        geometry,
        weight,
        bias,
    }
}

pub fn pool(
    kernel: (u32, u32),
    stride: (u32, u32),
    pad: [u32; 4],
    count_include_pad: bool,
) -> PoolGeometry {
    PoolGeometry {
        kernel,
        stride,
        pad,
        count_include_pad,
    }
}

/// Convolution, activation, pooling, two dense layers; the second activation is a square.
pub fn small_network() -> Graph {
    let mut graph = Graph::new("small");
    let x = input(&mut graph, "image", &[1, 8, 8]);
    let c = graph
        .add("conv1", conv(geometry([1, 8, 8], 2, (3, 3))), &[x])
        .unwrap();
    let r = graph
        .add("relu1", Op::Activation(Activation::Relu), &[c])
        .unwrap();
    let p = graph
        .add(
            "pool1",
            Op::AvgPool(pool((2, 2), (2, 2), [0; 4], false)),
            &[r],
        )
        .unwrap();
    let dense = |out, cols| Op::Dense {
        weight: tensor(&[out, cols]),
        bias: tensor(&[out]),
    };
    let d = graph.add("fc1", dense(4, 18), &[p]).unwrap();
    let s = graph
        .add("square", Op::Polynomial(Polynomial::square()), &[d])
        .unwrap();
    let y = graph.add("fc2", dense(3, 4), &[s]).unwrap();
    graph.set_outputs(&[y]);
    graph.node_mut(c).origin.insert("Conv 'conv1'".to_owned());
    graph.node_mut(r).origin.insert("Relu 'relu1'".to_owned());
    graph
}

/// Every operation and every activation, all facts that parse back, names that need quotes.
pub fn everything() -> Graph {
    let mut graph = Graph::new("all \"ops\"\n; and \\ more");
    let g = &mut graph;
    let x = input(g, "image", &[2, 6, 6]);
    let signal = input(g, "signal", &[2, 9]);
    let big = ConvGeometry {
        stride: (2, 1),
        pad: [1, 2, 0, 1],
        dilation: (1, 2),
        groups: 2,
        ..geometry([2, 6, 6], 4, (3, 3))
    };
    let c = g.add("conv; one", conv(big), &[x]).unwrap();
    let line = conv(ConvGeometry {
        pad: [0, 1, 0, 1],
        ..geometry([2, 1, 9], 3, (1, 3))
    });
    let c1 = g.add("/conv/1d", line, &[signal]).unwrap();
    let c1 = g
        .add(
            "max1d",
            Op::MaxPool(pool((1, 3), (1, 2), [0, 1, 0, 1], false)),
            &[c1],
        )
        .unwrap();
    let c1 = g.add("mean1d", Op::GlobalAvgPool, &[c1]).unwrap();
    let mean = g
        .add(
            "mean",
            Op::AvgPool(pool((2, 2), (1, 2), [1, 0, 1, 1], true)),
            &[c],
        )
        .unwrap();
    let pad = g.add("padded", Op::Pad([0, 1, 2, 3]), &[mean]).unwrap();
    let scale = Tensor::new(&[4, 1, 1], vec![0.1, -0.0, 1e300, 5e-324]).unwrap();
    let affine = g
        .add(
            "affine",
            Op::Affine {
                scale,
                shift: Tensor::filled(&[], 1.0 / 3.0),
            },
            &[pad],
        )
        .unwrap();
    let shape = g.shape(affine).to_vec();
    let flat = g
        .add(
            "flat",
            Op::Reshape {
                shape: vec![shape.iter().product()],
            },
            &[affine],
        )
        .unwrap();
    let n = g.n_elements(flat);
    let dense = Op::Dense {
        weight: tensor(&[6, n]),
        bias: tensor(&[6]),
    };
    let d = g.add("größe", dense, &[flat]).unwrap();
    let entries = (0..18).map(|k| (k % 6, k / 6, f64::from(k) / 7.0));
    let matrix = Arc::new(SparseMatrix::from_triplets(6, 6, entries));
    let bias = tensor(&[2, 3, 1]);
    let l = g
        .add(
            "linear",
            Op::Linear {
                matrix,
                bias,
                stride: Some((2, 1)),
            },
            &[d],
        )
        .unwrap();
    let matrix = Arc::new(SparseMatrix::from_triplets(
        6,
        3,
        [(0, 1, -0.5), (5, 2, 1e-7)],
    ));
    let bias = tensor(&[2, 3, 1]);
    let small = g
        .add(
            "",
            Op::Linear {
                matrix,
                bias,
                stride: None,
            },
            &[c1],
        )
        .unwrap();
    let up = Selection::transposed(&[2, 3, 1], &[2, 0, 1])
        .along(1, [Some(1), None, Some(0)])
        .along(2, [Some(0), Some(2), Some(1), Some(1)]);
    let up = g
        .add("up", Op::Select(Selection { fill: 0.5, ..up }), &[small])
        .unwrap();
    let joined = g
        .add("joined", Op::Concat { axis: 0 }, &[up, up, up])
        .unwrap();
    let spread = conv_transpose(ConvGeometry {
        stride: (2, 1),
        pad: [1, 0, 0, 1],
        ..geometry([2, 5, 4], 3, (2, 2))
    });
    let spread = g.add("spread", spread, &[joined]).unwrap();
    let axes = vec![0, 2];
    let m = g.add("over axes", Op::Mean { axes }, &[spread]).unwrap();
    let sum = g.add("sum", Op::Add, &[l, small]).unwrap();
    let mut y = g.add("product", Op::Mul, &[sum, l]).unwrap();
    for (k, activation) in activations().into_iter().enumerate() {
        y = g
            .add(&format!("act{k}"), Op::Activation(activation), &[y])
            .unwrap();
        g.node_mut(y).facts.range = Some(ValueRange {
            low: -0.1 * k as f64,
            high: 2.0,
        });
    }
    let basis = Basis::Chebyshev {
        low: -4.5,
        high: 4.0,
    };
    for (name, basis) in [("power", Basis::Power), ("chebyshev", basis)] {
        let coefficients = vec![0.25, 1e-9, -3.0];
        y = g
            .add(
                name,
                Op::Polynomial(Polynomial {
                    basis,
                    coefficients,
                }),
                &[y],
            )
            .unwrap();
    }
    g.node_mut(y).facts.layout = Some(Periodic::vector(6, 16));
    g.node_mut(x).facts.layout = Some(Periodic::image(2, 6, 6, (1, 2), (6, 12), 64));
    g.node_mut(l).facts.layout = Some(Periodic::table(vec![3, 1, 4, 0, 5, 9], 16));
    g.node_mut(l)
        .origin
        .extend(["Conv 'a \"b\"'".to_owned(), "Gemm 'c'".to_owned()]);
    g.set_outputs(&[y, d, y, m]);
    graph
}

pub fn activations() -> Vec<Activation> {
    let mut all = Activation::all().to_vec();
    all.push(Activation::Gelu { tanh: true });
    all.push(Activation::Clip {
        low: f64::NEG_INFINITY,
        high: f64::INFINITY,
    });
    all.push(Activation::LeakyRelu { slope: 0.1 + 0.2 });
    all
}
