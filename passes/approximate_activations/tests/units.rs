//! Fits, least squares and classes by themselves.

use super::noise;
use crate::approximate_activations::fit::Fit;
use crate::approximate_activations::search::{Class, classes};
use crate::approximate_activations::target::Target;
use crate::util::least_squares::Triangular;
use ::graph::{Activation, Values};

fn fitted(activation: Activation, low: usize, high: usize, inputs: &[Values]) -> Fit {
    let exact = |x: &Values| x.iter().map(|&x| activation.eval(x)).collect();
    let wanted: Vec<Values> = inputs.iter().map(exact).collect();
    let target = Target {
        activation,
        inputs,
        wanted: &wanted,
        n_units: 2,
        scales_out: true,
        margin: 0.1,
    };
    target.fit(
        Class::Series {
            depth: 0,
            low,
            high,
        },
        &[],
    )
}

#[test]
fn units_have_their_own_quadratics() {
    let inputs: Vec<Values> = noise(400, 3)
        .iter()
        .map(|x| vec![*x, 50.0 * x - 10.0])
        .collect();
    let fit = fitted(Activation::Relu, 2, 2, &inputs);
    for x in &inputs {
        let y = fit.eval(x);
        assert!((y[0] - x[0].max(0.0)).abs() < 0.2);
        assert!((y[1] - x[1].max(0.0)).abs() < 10.0);
    }
}

#[test]
fn dead_and_always_active_units_stay_bounded() {
    let inputs: Vec<Values> = noise(400, 3)
        .iter()
        .map(|x| vec![x - 3.0, x + 3.0])
        .collect();
    let fit = fitted(Activation::Relu, 2, 2, &inputs);
    assert_eq!((fit.scale_in[0], fit.shift_out[0]), (0.0, 0.0));
    assert!(inputs.iter().all(|x| (fit.eval(x)[1] - x[1]).abs() < 0.05));
    assert!(fit.shift_out[1].abs() < 50.0);
}

#[test]
fn odd_functions_take_the_lower_degree_of_a_class() {
    let inputs: Vec<Values> = (0..200)
        .map(|k| vec![f64::from(k) / 50.0 - 1.99; 2])
        .collect();
    let fit = fitted(Activation::Abs, 4, 7, &inputs);
    assert_eq!(fit.form.degrees(), "degree 6");
    let series = fitted(Activation::Sqrt, 4, 7, &[vec![0.0, 4.0], vec![1.0, 2.0]]);
    assert!(series.eval(&[0.0, 3.0]).iter().all(|y| y.is_finite()));
}

#[test]
fn reflections_solve_every_leading_problem() {
    let columns = vec![
        vec![1.0; 4],
        vec![0.0, 1.0, 2.0, 3.0],
        vec![0.0, 1.0, 4.0, 9.0],
    ];
    let system = Triangular::new(columns, vec![1.0, 2.0, 5.0, 10.0]);
    let close = |a: &[f64], b: &[f64]| a.iter().zip(b).all(|(a, b)| (a - b).abs() < 1e-12);
    assert!(close(&system.solve(1), &[4.5]));
    assert!(close(&system.solve(2), &[0.0, 3.0]));
    assert!(close(&system.solve(3), &[1.0, 0.0, 1.0]));
    assert!((system.residual(2) - 2.0).abs() < 1e-12 && system.residual(3) < 1e-12);
    let twice = Triangular::new(vec![vec![1.0; 3], vec![2.0; 3]], vec![1.0, 2.0, 3.0]);
    assert!(close(&twice.solve(2), &[2.0, 0.0]));
}

#[test]
fn classes_follow_the_depth() {
    let class = |depth, low, high| Class::Series { depth, low, high };
    let expected = [
        class(1, 2, 2),
        class(2, 3, 3),
        class(3, 4, 7),
        class(4, 8, 11),
    ];
    assert_eq!(classes(11, false), expected);
    assert_eq!(classes(1, false), []);
    let mixed: Vec<usize> = classes(31, true).iter().map(|c| c.depth()).collect();
    assert_eq!(mixed, [1, 2, 3, 4, 5, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14]);
}
