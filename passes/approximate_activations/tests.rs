use super::ApproximateActivations;
use ::graph::{Activation, Basis, Graph, Op, Polynomial, Tensor, Values, evaluate, parse};
use layout::ConvGeometry;
use pass::{Calibration, Changed, Pass, PassCx, Settings};
use std::sync::Arc;

mod signs;
mod units;

/// Numbers in `-1..1`, the same on every run.
fn noise(n: usize, seed: u32) -> Values {
    let mut state = seed;
    let next = |_| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        f64::from(state >> 8) / f64::from(1 << 23) - 1.0
    };
    (0..n).map(next).collect()
}

fn settings(samples: Vec<Vec<Values>>) -> Settings {
    Settings {
        calibration: Some(Arc::new(Calibration { samples })),
        ..Settings::default()
    }
}

fn run(graph: &mut Graph, settings: &Settings) -> (Changed, Vec<String>) {
    let mut cx = PassCx::new(settings);
    let changed = ApproximateActivations::default()
        .run(graph, &mut cx)
        .unwrap();
    graph.verify().unwrap();
    (changed, cx.notes().to_vec())
}

/// Conv, activation, padded conv, activation, dense.
fn network(activation: Activation) -> Graph {
    let mut graph = Graph::new("net");
    let conv = |in_channels: u32, out_channels: u32, pad: u32| {
        let n = (out_channels * in_channels * 9) as usize;
        Op::Conv {
            geometry: ConvGeometry {
                in_channels,
                in_height: 6,
                in_width: 6,
                out_channels,
                kernel: (3, 3),
                stride: (1, 1),
                pad: [pad; 4],
                dilation: (1, 1),
                groups: 1,
            },
            weight: Tensor::new(
                &[out_channels as usize, in_channels as usize, 3, 3],
                noise(n, 5),
            )
            .unwrap(),
            bias: Tensor::vector(noise(out_channels as usize, 6)),
        }
    };
    let x = graph
        .add(
            "x",
            Op::Input {
                shape: vec![1, 6, 6],
            },
            &[],
        )
        .unwrap();
    let c1 = graph.add("c1", conv(1, 2, 1), &[x]).unwrap();
    let a1 = graph.add("a1", Op::Activation(activation), &[c1]).unwrap();
    let c2 = graph.add("c2", conv(2, 3, 1), &[a1]).unwrap();
    let a2 = graph.add("a2", Op::Activation(activation), &[c2]).unwrap();
    let flat = graph
        .add("flat", Op::Reshape { shape: vec![108] }, &[a2])
        .unwrap();
    let dense = Op::Dense {
        weight: Tensor::new(&[4, 108], noise(432, 7)).unwrap(),
        bias: Tensor::vector(noise(4, 8)),
    };
    let d = graph.add("d", dense, &[flat]).unwrap();
    graph.set_outputs(&[d]);
    graph
}

fn samples(n: u32) -> Vec<Vec<Values>> {
    (0..n).map(|k| vec![noise(36, 100 + k)]).collect()
}

fn relative_error(a: &Graph, b: &Graph, samples: &[Vec<Values>]) -> f64 {
    let (mut difference, mut size) = (0.0, 0.0);
    for x in samples {
        let (a, b) = (evaluate(a, x).unwrap(), evaluate(b, x).unwrap());
        for (a, b) in a[0].iter().zip(&b[0]) {
            difference += (a - b).powi(2);
            size += b.powi(2);
        }
    }
    (difference / size).sqrt()
}

#[test]
fn every_activation_is_replaced_within_the_budget() {
    for activation in [
        Activation::Relu,
        Activation::Tanh,
        Activation::Silu { beta: 1.0 },
    ] {
        for budget in [0.3, 0.1] {
            let before = network(activation);
            let settings = Settings {
                activation_error: budget,
                ..settings(samples(60))
            };
            let mut after = before.clone();
            let (changed, notes) = run(&mut after, &settings);
            assert_eq!(changed, Changed::Yes);
            assert_eq!(after.len(), before.len(), "{after}");
            let kept = !notes.iter().any(|note| note.starts_with("the budget"));
            let error = relative_error(&after, &before, &samples(60));
            assert!(
                error < 1.01 * budget || !kept,
                "{activation:?}: {error}, {notes:?}"
            );
            assert!(kept, "{notes:?}");
            assert_eq!(run(&mut after, &settings).0, Changed::No);
        }
    }
}

#[test]
fn a_loose_budget_gives_squares_in_the_neighbours() {
    let mut graph = network(Activation::Relu);
    let settings = Settings {
        activation_error: 10.0,
        ..settings(samples(60))
    };
    run(&mut graph, &settings);
    let op = |name| &graph.node(graph.find(name).unwrap()).op;
    assert_eq!(op("a1"), &Op::Polynomial(Polynomial::square()));
    assert_eq!(op("c1").word(), "conv");
    // The shift behind the first square meets zero padding.
    assert_eq!(op("c2").word(), "linear");
    assert_eq!(op("d").word(), "dense");
    assert!(
        graph
            .order()
            .iter()
            .all(|&id| graph.node(id).facts.range.is_some())
    );
}

#[test]
fn samples_are_asked_for() {
    let settings = Settings::default();
    let mut cx = PassCx::new(&settings);
    let mut graph = network(Activation::Relu);
    let refusal = ApproximateActivations::default()
        .run(&mut graph, &mut cx)
        .unwrap_err();
    assert_eq!(
        refusal.message,
        "2 activations (first relu 'a1') need samples of their inputs"
    );
}

fn given(polynomial: &str, last: &str) -> Graph {
    let text = format!(
        "graph \"g\" {{
  %0 \"x\" = input -> [2]
  %1 \"a\" = dense %0 weight [[1, 2], [3, -4]] bias [0.5, 1] range -4..8
  %2 \"p\" = polynomial %1 {polynomial}
  {last}
}}"
    );
    parse(&text).unwrap()
}

#[test]
fn given_polynomials_keep_their_meaning() {
    let dense = "%3 \"b\" = dense %2 weight [[1, 2]] bias [3]\n  return %3";
    let cases = [
        ("power [1, 2]", dense, "dense"),
        ("power [1, 2, -3]", dense, "square"),
        ("power [0, 0, 1]", dense, "square"),
        ("chebyshev -2..3 [1, 2, 3]", dense, "square"),
        ("chebyshev -1..1 [1, 2, 3]", "return %2", "square"),
        ("power [1, 2, 3, 4, 5]", dense, "series"),
        ("chebyshev -2..5 [1, 0.5, 0.25, 1]", "return %2", "series"),
    ];
    let samples: Vec<Vec<Values>> = (0..20).map(|k| vec![noise(2, k)]).collect();
    for (polynomial, last, form) in cases {
        let before = given(polynomial, last);
        let mut after = before.clone();
        run(&mut after, &settings(samples.clone()));
        let error = relative_error(&after, &before, &samples);
        assert!(error < 1e-9, "{polynomial}: {error}");
        assert_eq!(run(&mut after, &settings(samples.clone())).0, Changed::No);
        let op = after.find("p").map(|id| after.node(id).op.clone());
        let series = Basis::Chebyshev {
            low: -1.0,
            high: 1.0,
        };
        match (form, op) {
            ("square", Some(Op::Polynomial(p))) => assert!(p.is_square(), "{polynomial}"),
            ("series", Some(Op::Polynomial(p))) => assert_eq!(p.basis, series, "{polynomial}"),
            ("dense", None) => {}
            (_, op) => panic!("{polynomial} became {op:?}"),
        }
    }
}

#[test]
fn exact_squares_are_left_alone() {
    let mut graph = given("power [0, 0, 1]", "return %2");
    assert_eq!(run(&mut graph, &Settings::default()).0, Changed::No);
}
