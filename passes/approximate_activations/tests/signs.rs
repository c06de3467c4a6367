//! Activations as products with signs.

use super::{network, noise, relative_error, run, samples, settings};
use crate::approximate_activations::fit::{Fit, Form};
use crate::approximate_activations::search::Class;
use crate::approximate_activations::sign::{Composition, compositions};
use crate::approximate_activations::target::Target;
use ::graph::{Activation, Graph, Op, Values, evaluate, parse};
use pass::{Activations, Settings};

fn fitted(activation: Activation, inputs: &[Values], class: Class, all: &[Composition]) -> Fit {
    let exact = |x: &Values| x.iter().map(|&x| activation.eval(x)).collect();
    let wanted: Vec<Values> = inputs.iter().map(exact).collect();
    let target = Target {
        activation,
        inputs,
        wanted: &wanted,
        n_units: 1,
        scales_out: false,
        margin: 0.1,
    };
    target.fit(class, all)
}

const PIECEWISE: [Activation; 5] = [
    Activation::Relu,
    Activation::LeakyRelu { slope: 0.2 },
    Activation::Abs,
    Activation::Clip {
        low: -1.0,
        high: 2.5,
    },
    Activation::HardSigmoid {
        alpha: 0.2,
        beta: 0.5,
    },
];

#[test]
fn each_level_brings_piecewise_functions_nearer() {
    let all = compositions(11);
    let inputs: Vec<Values> = noise(800, 5).iter().map(|x| vec![4.0 * x]).collect();
    let worst = |activation: Activation, fit: &Fit| {
        let gap = |x: &Values| (fit.eval(x)[0] - activation.eval(x[0])).abs();
        inputs.iter().map(gap).fold(0.0, f64::max)
    };
    let series = Class::Series {
        depth: 4,
        low: 8,
        high: 15,
    };
    for activation in PIECEWISE {
        let before = worst(activation, &fitted(activation, &inputs, series, &all));
        let at = |depth| fitted(activation, &inputs, Class::Sign { depth }, &all);
        let rms: Vec<f64> = (6..=12).map(|depth| at(depth).rms).collect();
        // What a bin of the histogram holds is told no further apart.
        let no_worse = rms.windows(2).all(|w| w[1] <= 1.05 * w[0]);
        assert!(no_worse && rms[6] < 0.5 * rms[0], "{activation:?}: {rms:?}");
        let after = worst(activation, &at(12));
        assert!(after < 0.25 * before, "{activation:?}: {before} to {after}");
    }
}

#[test]
fn fewer_products_are_taken_where_they_are_as_good() {
    let all = compositions(9);
    let inputs: Vec<Values> = noise(400, 5).iter().map(|x| vec![*x]).collect();
    let fit = fitted(Activation::Relu, &inputs, Class::Sign { depth: 10 }, &all);
    let Form::Signs { terms, .. } = &fit.form else {
        panic!("{:?}", fit.form)
    };
    let degrees: Vec<usize> = terms[0].factors.iter().map(|p| p.degree()).collect();
    let same = |c: &&Composition| c.factors.iter().map(|p| p.degree()).eq(degrees.clone());
    let products = all.iter().filter(same).map(|c| c.products).max();
    let most = all
        .iter()
        .filter(|c| c.depth == 9)
        .map(|c| c.products)
        .max();
    assert!(products < most, "{degrees:?}");
}

#[test]
fn values_somewhat_outside_the_samples_stay_near() {
    let all = compositions(11);
    let inputs: Vec<Values> = noise(400, 5).iter().map(|x| vec![3.0 * x]).collect();
    for activation in PIECEWISE {
        let fit = fitted(activation, &inputs, Class::Sign { depth: 12 }, &all);
        for k in 0..=100 {
            // What was seen ends near 3; margin and room widen it by 1.1 · 2.
            let x = 6.5 * (f64::from(k) / 50.0 - 1.0);
            let gap = (fit.eval(&[x])[0] - activation.eval(x)).abs();
            assert!(gap < 0.15, "{activation:?} at {x}: {gap}");
        }
    }
}

fn with_signs(budget: f64) -> Settings {
    Settings {
        activation_error: budget,
        activations: Activations::Sign,
        max_degree: 3,
        ..settings(samples(60))
    }
}

fn words(graph: &Graph, word: &str) -> usize {
    let is = |id: &&::graph::NodeId| graph.node(**id).op.word() == word;
    graph.order().iter().filter(is).count()
}

#[test]
fn budgets_that_polynomials_miss_are_kept_by_signs() {
    for activation in [Activation::Relu, PIECEWISE[3]] {
        let before = network(activation);
        let settings = with_signs(0.005);
        let polynomial = Settings {
            activations: Activations::Polynomial,
            ..settings.clone()
        };
        let mut after = before.clone();
        let (_, notes) = run(&mut after, &polynomial);
        assert!(relative_error(&after, &before, &samples(60)) > 0.005);
        assert!(notes.iter().any(|note| note.contains("--activations sign")));
        let mut after = before.clone();
        let (_, notes) = run(&mut after, &settings);
        let error = relative_error(&after, &before, &samples(60));
        assert!(error <= 0.005, "{activation:?}: {error} {notes:?}");
        assert!(notes.iter().any(|note| note.contains("sign of degrees")));
        // Maps on both sides are part of the convolutions.
        let scales =
            |id| matches!(&after.node(id).op, Op::Affine { scale, .. } if scale.values() != [1.0]);
        assert!(!after.order().into_iter().any(scales), "{after}");
        let one_bend = activation == Activation::Relu;
        assert_eq!(words(&after, "mul"), if one_bend { 2 } else { 4 });
        assert_eq!(run(&mut after, &settings).0, pass::Changed::No);
    }
}

#[test]
fn loose_budgets_still_give_squares() {
    let mut graph = network(Activation::Relu);
    run(&mut graph, &with_signs(10.0));
    assert_eq!((words(&graph, "mul"), words(&graph, "polynomial")), (0, 2));
}

#[test]
fn smooth_activations_stay_polynomials() {
    let mut graph = network(Activation::Tanh);
    let (_, notes) = run(&mut graph, &with_signs(1e-9));
    assert_eq!((words(&graph, "mul"), words(&graph, "polynomial")), (0, 2));
    assert!(notes.iter().any(|note| note.contains("not kept")));
}

#[test]
fn a_sum_before_and_behind_keeps_its_maps() {
    // Nothing takes in the range's factor, so an affine stays in front; behind it is part of the last factor.
    let text = "graph \"g\" {
  %0 \"x\" = input -> [3]
  %1 \"y\" = add %0, %0
  %2 \"r\" = leaky_relu %1 slope 0.1
  %3 \"s\" = add %2, %0
  return %3
}";
    let before = parse(text).unwrap();
    let inputs: Vec<Vec<Values>> = (0..80).map(|k| vec![noise(3, k)]).collect();
    let settings = Settings {
        calibration: settings(inputs.clone()).calibration,
        ..with_signs(0.003)
    };
    let mut after = before.clone();
    run(&mut after, &settings);
    assert_eq!((words(&after, "affine"), words(&after, "mul")), (1, 1));
    for x in &inputs {
        let (a, b) = (evaluate(&after, x).unwrap(), evaluate(&before, x).unwrap());
        let gaps = a[0].iter().zip(&b[0]).map(|(a, b)| (a - b).abs());
        assert!(gaps.fold(0.0, f64::max) < 0.03);
    }
}
