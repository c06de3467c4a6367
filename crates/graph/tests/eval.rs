//! Every operation against values computed by hand, convolution against its matrix.

mod common;

use common::{conv, geometry, input, pool, small_network, tensor};
use layout::{ConvGeometry, SparseMatrix};
use privet_graph::{Activation, EvalError, Graph, Op, Polynomial, Tensor, evaluate, evaluate_all};
use proptest::prelude::*;
use std::sync::Arc;

/// The result of one operation on one input.
fn apply(op: Op, shape: &[usize], x: Vec<f64>) -> Vec<f64> {
    let mut graph = Graph::new("one");
    let wire = input(&mut graph, "x", shape);
    let y = graph.add("y", op, &[wire]).unwrap();
    graph.set_outputs(&[y]);
    graph.verify().unwrap();
    evaluate(&graph, &[x]).unwrap().remove(0)
}

fn counted(n: usize) -> Vec<f64> {
    (1..=n).map(|k| k as f64).collect()
}

fn conv_of_ones(geometry: ConvGeometry, bias: f64) -> Op {
    let g = &geometry;
    let shape = [
        g.out_channels,
        g.in_channels / g.groups,
        g.kernel.0,
        g.kernel.1,
    ]
    .map(|n| n as usize);
    let (weight, bias) = (
        Tensor::filled(&shape, 1.0),
        Tensor::filled(&shape[..1], bias),
    );
    Op::Conv {
        geometry,
        weight,
        bias,
    }
}

#[test]
fn conv_sums_windows() {
    let op = conv_of_ones(geometry([1, 3, 3], 1, (2, 2)), 0.5);
    assert_eq!(apply(op, &[1, 3, 3], counted(9)), [12.5, 16.5, 24.5, 28.5]);
}

#[test]
fn conv_weights_are_not_flipped() {
    let weight = Tensor::new(&[1, 1, 1, 3], vec![1.0, 10.0, 100.0]).unwrap();
    let op = Op::Conv {
        geometry: geometry([1, 1, 4], 1, (1, 3)),
        weight,
        bias: Tensor::zeros(&[1]),
    };
    assert_eq!(apply(op, &[1, 4], counted(4)), [321.0, 432.0]);
}

#[test]
fn conv_pads_strides_and_dilates() {
    let geometry = ConvGeometry {
        stride: (2, 2),
        pad: [1, 0, 0, 1],
        dilation: (1, 2),
        ..geometry([1, 3, 4], 1, (2, 2))
    };
    // Rows (pad, 1..4) and (5..8, 9..12), columns (0, 2) and (2, pad).
    let op = conv_of_ones(geometry, 0.0);
    assert_eq!(apply(op, &[1, 3, 4], counted(12)), [4.0, 3.0, 32.0, 18.0]);
}

#[test]
fn conv_groups_do_not_mix() {
    let op = conv_of_ones(
        ConvGeometry {
            groups: 2,
            ..geometry([4, 1, 1], 2, (1, 1))
        },
        0.0,
    );
    assert_eq!(
        apply(op, &[4, 1, 1], vec![1.0, 2.0, 10.0, 20.0]),
        [3.0, 30.0]
    );
}

#[test]
fn dense_reads_all_elements() {
    let weight = tensor(&[2, 10]);
    let x = counted(10);
    let row = |k: usize| {
        weight.values()[10 * k..][..10]
            .iter()
            .zip(&x)
            .map(|(w, x)| w * x)
            .sum::<f64>()
    };
    let expected = [row(0) + 0.5, row(1) - 1.0];
    let bias = Tensor::vector(vec![0.5, -1.0]);
    let found = apply(
        Op::Dense {
            weight: weight.clone(),
            bias,
        },
        &[2, 5, 1],
        x.clone(),
    );
    assert!(
        found
            .iter()
            .zip(expected)
            .all(|(a, b)| (a - b).abs() < 1e-13),
        "{found:?} {expected:?}"
    );
}

#[test]
fn linear_adds_its_bias() {
    let matrix = Arc::new(SparseMatrix::from_triplets(
        2,
        3,
        [(0, 0, 2.0), (0, 2, -1.0), (1, 1, 0.5)],
    ));
    let bias = Tensor::new(&[2, 1], vec![1.0, 0.0]).unwrap();
    assert_eq!(
        apply(
            Op::Linear {
                matrix,
                bias,
                stride: None
            },
            &[3],
            counted(3)
        ),
        [0.0, 1.0]
    );
}

#[test]
fn average_pool_with_and_without_padding() {
    let op = |pad, include| Op::AvgPool(pool((2, 2), (2, 2), pad, include));
    assert_eq!(apply(op([0; 4], false), &[1, 2, 4], counted(8)), [3.5, 5.5]);
    // Windows see 1; 2, 3; 4, 5; 6, 7 below a row of padding.
    let row = counted(7);
    let pad = [1, 1, 0, 0];
    assert_eq!(
        apply(op(pad, false), &[1, 1, 7], row.clone()),
        [1.0, 2.5, 4.5, 6.5]
    );
    assert_eq!(
        apply(op(pad, true), &[1, 1, 7], row),
        [0.25, 1.25, 2.25, 3.25]
    );
}

#[test]
fn maximum_ignores_padding() {
    let op = Op::MaxPool(pool((2, 2), (1, 1), [0, 0, 1, 1], false));
    let x = vec![-4.0, -3.0, -2.0, -1.0];
    assert_eq!(apply(op, &[1, 2, 2], x), [-1.0, -1.0, -1.0, -1.0]);
}

#[test]
fn pooling_in_one_dimension() {
    let op = Op::AvgPool(pool((1, 2), (1, 2), [0; 4], false));
    assert_eq!(apply(op, &[2, 4], counted(8)), [1.5, 3.5, 5.5, 7.5]);
    assert_eq!(apply(Op::GlobalAvgPool, &[2, 4], counted(8)), [2.5, 6.5]);
}

#[test]
fn global_average_per_channel() {
    assert_eq!(apply(Op::GlobalAvgPool, &[2, 2, 2], counted(8)), [2.5, 6.5]);
}

#[test]
fn affine_broadcasts() {
    let affine =
        |scale: Tensor, shift: Tensor| apply(Op::Affine { scale, shift }, &[2, 2, 2], counted(8));
    let by = |shape: &[usize], values: &[f64]| Tensor::new(shape, values.to_vec()).unwrap();
    let zero = || Tensor::zeros(&[]);
    let channel = affine(by(&[2, 1, 1], &[1.0, 2.0]), Tensor::filled(&[1, 1], 0.5));
    assert_eq!(channel, [1.5, 2.5, 3.5, 4.5, 10.5, 12.5, 14.5, 16.5]);
    let row = affine(by(&[2], &[1.0, 10.0]), zero());
    assert_eq!(row, [1.0, 20.0, 3.0, 40.0, 5.0, 60.0, 7.0, 80.0]);
    let middle = affine(by(&[1, 2, 1], &[1.0, 10.0]), zero());
    assert_eq!(middle, [1.0, 2.0, 30.0, 40.0, 5.0, 6.0, 70.0, 80.0]);
    let apart = affine(by(&[2, 1, 2], &[1.0, 2.0, 3.0, 4.0]), zero());
    assert_eq!(apart, [1.0, 4.0, 3.0, 8.0, 15.0, 24.0, 21.0, 32.0]);
    let full = affine(Tensor::filled(&[2, 2, 2], 1.0), by(&[2, 2, 2], &counted(8)));
    assert_eq!(full, [2.0, 4.0, 6.0, 8.0, 10.0, 12.0, 14.0, 16.0]);
}

#[test]
fn padding_surrounds_every_channel() {
    let padded = apply(Op::Pad([1, 0, 0, 1]), &[2, 1, 2], counted(4));
    assert_eq!(
        padded,
        [0.0, 0.0, 0.0, 1.0, 2.0, 0.0, 0.0, 0.0, 0.0, 3.0, 4.0, 0.0]
    );
    assert_eq!(
        apply(Op::Pad([0, 2, 0, 0]), &[1, 1], vec![5.0]),
        [0.0, 0.0, 5.0]
    );
}

#[test]
fn element_wise_operations() {
    let x = vec![-1.0, 3.0];
    assert_eq!(
        apply(Op::Activation(Activation::Relu), &[2], x.clone()),
        [0.0, 3.0]
    );
    assert_eq!(
        apply(Op::Polynomial(Polynomial::square()), &[2], x.clone()),
        [1.0, 9.0]
    );
    assert_eq!(apply(Op::Reshape { shape: vec![2, 1] }, &[2], x.clone()), x);
    let mut graph = Graph::new("two");
    let (a, b) = (input(&mut graph, "a", &[2]), input(&mut graph, "b", &[2]));
    let sum = graph.add("sum", Op::Add, &[a, b]).unwrap();
    let square = graph.add("square", Op::Mul, &[sum, sum]).unwrap();
    graph.set_outputs(&[square, sum]);
    let found = evaluate(&graph, &[x, vec![0.5, 1.0]]).unwrap();
    assert_eq!(found, [[0.25, 16.0], [-0.5, 4.0]]);
}

#[test]
fn all_values_by_node() {
    let graph = small_network();
    let x = tensor(&[1, 8, 8]).values().to_vec();
    let all = evaluate_all(&graph, std::slice::from_ref(&x)).unwrap();
    assert_eq!(all.len(), graph.len());
    assert!(
        all.iter()
            .all(|(id, values)| values.len() == graph.n_elements(*id))
    );
    assert_eq!(all[&graph.inputs()[0]], x);
    assert_eq!(
        vec![all[&graph.outputs()[0]].clone()],
        evaluate(&graph, &[x]).unwrap()
    );
}

#[test]
fn inputs_that_do_not_fit() {
    let graph = small_network();
    let message = |inputs: &[Vec<f64>]| evaluate(&graph, inputs).unwrap_err().to_string();
    assert_eq!(message(&[]), "found 0 inputs, expected 1");
    assert_eq!(
        message(&[vec![0.0; 3]]),
        "input 'image' has 3 elements, expected 64"
    );
    let mut x = vec![0.0; 64];
    x[5] = f64::NAN;
    assert_eq!(
        message(&[x.clone()]),
        "input 'image' has NaN at element 5, expected a finite number"
    );
    x[5] = f64::NEG_INFINITY;
    let error = EvalError::NonFinite {
        name: "image".into(),
        index: 5,
        value: "-inf".into(),
    };
    assert_eq!(evaluate(&graph, &[x]), Err(error));
}

fn any_geometry() -> impl Strategy<Value = ConvGeometry> {
    let sizes = (1u32..3, 1u32..3, 1u32..3, 1u32..8, 1u32..8);
    let window = (
        (1u32..4, 1u32..4),
        (1u32..4, 1u32..4),
        (1u32..3, 1u32..3),
        [0u32..3, 0..3, 0..3, 0..3],
    );
    (sizes, window).prop_map(
        |((groups, i, o, height, width), (kernel, stride, dilation, pad))| ConvGeometry {
            in_channels: i * groups,
            in_height: height,
            in_width: width,
            out_channels: o * groups,
            kernel,
            stride,
            pad,
            dilation,
            groups,
        },
    )
}

proptest! {
    /// The slow twin of direct convolution is the matrix that lowering uses.
    #[test]
    fn conv_is_its_matrix(geometry in any_geometry().prop_filter("fits", |g| g.check().is_ok())) {
        let shape = [geometry.in_channels, geometry.in_height, geometry.in_width].map(|n| n as usize);
        let x = tensor(&shape).values().to_vec();
        let op = conv(geometry.clone());
        let Op::Conv { weight, bias, .. } = &op else { unreachable!() };
        let mut expected = geometry.matrix(weight.values()).matvec(&x);
        let plane = expected.len() / bias.len();
        expected.iter_mut().enumerate().for_each(|(k, y)| *y += bias.values()[k / plane]);
        let found = apply(op, &shape, x);
        prop_assert_eq!(found.len(), expected.len());
        for (a, b) in found.iter().zip(&expected) {
            prop_assert!((a - b).abs() < 1e-12, "{} {}", a, b);
        }
    }
}
