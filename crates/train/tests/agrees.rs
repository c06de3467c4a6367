//! What training computes is what the evaluator computes, and its gradients are those of finite differences.

mod common;

use common::Builder;
use graph::{Activation, Basis, Graph, Op, Polynomial, PoolGeometry, Selection, Tensor};
use privet_train::{
    Dataset, Optimizer, Recipe, Schedule, WeightMasks, outputs, parameters, score, set_parameter,
    train,
};

/// Numbers between -1 and 1 that look random.
fn numbers(n: usize, seed: u64) -> Vec<f64> {
    let mut x = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut next = || {
        x ^= x << 13;
        x ^= x >> 7;
        x ^= x << 17;
        (x >> 11) as f64 / (1u64 << 52) as f64 - 1.0
    };
    (0..n).map(|_| next()).collect()
}

/// The graph with all parameters replaced by numbers.
fn filled(graph: &Graph, seed: u64) -> Graph {
    let mut next = graph.clone();
    for (k, (id, tensor)) in parameters(graph).into_iter().enumerate() {
        let values = numbers(tensor.len(), seed + k as u64);
        let values = values.iter().map(|v| f64::from(*v as f32) * 0.5).collect();
        assert!(set_parameter(&mut next, &id, values), "{id}");
    }
    next
}

fn pool(kernel: u32, stride: u32, pad: [u32; 4], count_include_pad: bool) -> PoolGeometry {
    PoolGeometry {
        kernel: (kernel, kernel),
        stride: (stride, stride),
        pad,
        count_include_pad,
    }
}

fn polynomial(basis: Basis, n: usize) -> Op {
    Op::Polynomial(Polynomial {
        basis,
        coefficients: vec![0.0; n],
    })
}

/// Networks that have every operation between them.
fn networks() -> Vec<Graph> {
    let affine = |shape: &[usize]| Op::Affine {
        scale: Tensor::zeros(shape),
        shift: Tensor::zeros(&[]),
    };
    let mut all = vec![
        Builder::new(&[2, 7, 6])
            .conv("conv", 3, 3, 2, 1)
            .add("scale", affine(&[3, 1, 1]))
            .add("act", polynomial(Basis::Power, 4))
            .add("pool", Op::AvgPool(pool(2, 1, [1, 0, 1, 0], false)))
            .dense("fc", 4)
            .done(1),
        Builder::new(&[2, 6, 6])
            .add("pool", Op::AvgPool(pool(3, 2, [1, 1, 1, 1], true)))
            .add("max", Op::MaxPool(pool(2, 1, [0; 4], false)))
            .add("pad", Op::Pad([1, 0, 2, 1]))
            .add("mean", Op::Mean { axes: vec![2] })
            .add(
                "act",
                polynomial(
                    Basis::Chebyshev {
                        low: -2.0,
                        high: 3.0,
                    },
                    5,
                ),
            )
            .add("flat", Op::Reshape { shape: vec![10] })
            .dense("fc", 3)
            .done(1),
        Builder::new(&[3, 5])
            .add(
                "pick",
                Op::Select(Selection {
                    fill: 0.5,
                    ..Selection::all(&[3, 5]).along(1, [Some(4), None, Some(0)])
                }),
            )
            .add("all", Op::GlobalAvgPool)
            .dense("fc", 2)
            .done(1),
    ];
    for activation in Activation::all() {
        let positive = matches!(
            activation,
            Activation::Log | Activation::Sqrt | Activation::Reciprocal
        );
        let mut built = Builder::new(&[6]);
        if positive {
            // exp of the input, so that arguments are positive.
            built = built.add("exp", Op::Activation(Activation::Exp));
        }
        all.push(
            built
                .add("act", Op::Activation(activation))
                .dense("fc", 2)
                .done(1),
        );
    }
    let mut branch = Builder::new(&[2, 4, 4]).conv("conv", 2, 3, 1, 1);
    let first = branch.at;
    branch = branch.conv("again", 2, 3, 1, 1);
    let second = branch.at;
    let sum = branch.graph.add("sum", Op::Add, &[first, second]).unwrap();
    let product = branch.graph.add("product", Op::Mul, &[first, sum]).unwrap();
    let joined = branch
        .graph
        .add("joined", Op::Concat { axis: 1 }, &[product, first])
        .unwrap();
    branch.at = joined;
    all.push(branch.dense("fc", 3).done(1));
    let mut spread = Builder::new(&[3, 3, 2]);
    let geometry = layout::ConvGeometry {
        in_channels: 2,
        in_height: 6,
        in_width: 5,
        out_channels: 3,
        kernel: (3, 2),
        stride: (2, 2),
        pad: [1, 0, 0, 0],
        dilation: (1, 1),
        groups: 1,
    };
    assert_eq!(geometry.out_size(), (3, 2));
    spread = spread.add(
        "up",
        Op::ConvTranspose {
            geometry,
            weight: Tensor::zeros(&[3, 2, 3, 2]),
            bias: Tensor::zeros(&[2]),
        },
    );
    all.push(spread.dense("fc", 2).done(1));
    all.iter()
        .enumerate()
        .map(|(k, g)| filled(g, 7 * k as u64 + 3))
        .collect()
}

#[test]
fn batches_give_what_the_evaluator_gives() {
    for graph in networks() {
        let n = graph.n_elements(graph.inputs()[0]);
        let inputs: Vec<f32> = numbers(5 * n, 11).iter().map(|v| *v as f32).collect();
        let data = Dataset::classes(n, inputs.clone(), vec![0; 5]).unwrap();
        let found = outputs(&graph, &data).unwrap();
        let expected: Vec<f64> = inputs
            .chunks(n)
            .flat_map(|x| {
                let x = x.iter().map(|&v| f64::from(v)).collect();
                graph::evaluate(&graph, &[x]).unwrap().concat()
            })
            .collect();
        for (found, expected) in found.iter().zip(&expected) {
            let gap = (f64::from(*found) - expected).abs();
            assert!(
                gap < 2e-5 * expected.abs().max(1.0),
                "{graph}: {found} is not {expected}"
            );
        }
    }
}

/// Plain gradient descent by one step of rate 1 moves every parameter by its gradient.
#[test]
fn gradients_are_those_of_finite_differences() {
    for graph in networks() {
        let n = graph.n_elements(graph.inputs()[0]);
        let inputs: Vec<f32> = numbers(4 * n, 5).iter().map(|v| *v as f32).collect();
        let n_out: usize = graph.outputs().iter().map(|&id| graph.n_elements(id)).sum();
        let targets: Vec<f32> = numbers(4 * n_out, 6).iter().map(|v| *v as f32).collect();
        let data = Dataset::values(n, inputs.clone(), n_out, targets.clone()).unwrap();
        let recipe = Recipe {
            epochs: 1,
            batch: 4,
            optimizer: Optimizer::Sgd { momentum: 0.0 },
            rate: RATE,
            schedule: Schedule::Constant,
            clip: None,
            ..Recipe::default()
        };
        let mut masks = WeightMasks::new();
        let mut last = Last::default();
        train(&graph, &data, &data, &masks, &recipe, &mut last, None).unwrap();
        masks.clear();
        let moved = last.0.unwrap();
        let after = parameters(&moved);
        for ((id, old), (_, new)) in parameters(&graph).iter().zip(&after) {
            let picks: Vec<usize> = (0..old.len()).step_by(old.len().div_ceil(4)).collect();
            for k in picks {
                let gradient = (old.values()[k] - new.values()[k]) / RATE;
                let at = |step: f64| {
                    let mut values = old.values().to_vec();
                    values[k] += step;
                    let mut other = graph.clone();
                    set_parameter(&mut other, id, values);
                    exact_loss(&other, &inputs, &targets, n, n_out)
                };
                let h = 1e-5;
                let expected = (at(h) - at(-h)) / (2.0 * h);
                let gap = (gradient - expected).abs();
                assert!(
                    gap < 2e-3 * expected.abs().max(0.1),
                    "{graph}: {id}[{k}] has gradient {gradient}, expected {expected}"
                );
            }
        }
    }
}

const RATE: f64 = 1e-2;

/// Keeps the weights after the first step.
#[derive(Default)]
struct Last(Option<Graph>);

impl privet_train::Watch for Last {
    fn masks(&mut self, _: usize, weights: &dyn Fn() -> Graph) -> Option<WeightMasks> {
        self.0 = Some(weights());
        None
    }
}

fn exact_loss(graph: &Graph, inputs: &[f32], targets: &[f32], n: usize, n_out: usize) -> f64 {
    let samples = inputs.chunks(n).zip(targets.chunks(n_out));
    let sum: f64 = samples
        .map(|(x, t)| {
            let x = x.iter().map(|&v| f64::from(v)).collect();
            let y = graph::evaluate(graph, &[x]).unwrap().concat();
            y.iter()
                .zip(t)
                .map(|(y, t)| (y - f64::from(*t)).powi(2))
                .sum::<f64>()
        })
        .sum();
    sum / targets.len() as f64
}

#[test]
fn scores_are_means_over_samples() {
    let graph = &networks()[0];
    let n = graph.n_elements(graph.inputs()[0]);
    let inputs: Vec<f32> = numbers(7 * n, 2).iter().map(|v| *v as f32).collect();
    let labels: Vec<u32> = inputs
        .chunks(n)
        .map(|x| {
            let x = x.iter().map(|&v| f64::from(v)).collect();
            let y = graph::evaluate(graph, &[x]).unwrap().concat();
            let best = (0..y.len()).max_by(|&a, &b| y[a].total_cmp(&y[b]));
            best.unwrap() as u32
        })
        .collect();
    let all = Dataset::classes(n, inputs.clone(), labels.clone()).unwrap();
    assert_eq!(score(graph, &all).unwrap().accuracy, Some(1.0));
    let wrong: Vec<u32> = labels
        .iter()
        .enumerate()
        .map(|(k, &l)| if k < 3 { (l + 1) % 4 } else { l })
        .collect();
    let some = Dataset::classes(n, inputs, wrong).unwrap();
    assert_eq!(score(graph, &some).unwrap().accuracy, Some(4.0 / 7.0));
}
