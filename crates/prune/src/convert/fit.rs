//! Polynomials to begin with.

use privet::extend::{Activation, Basis, Polynomial};
use privet::passes::util::least_squares::Triangular;

/// The polynomial of a degree that is nearest to an activation on the values it meets, least squares; at most `most` of
/// them are looked at.
pub(super) fn polynomial(
    activation: &Activation,
    seen: &[f32],
    degree: usize,
    most: usize,
) -> Polynomial {
    let step = seen.len().div_ceil(most).max(1);
    let picked = seen.iter().step_by(step).map(|&x| f64::from(x));
    let picked: Vec<(f64, f64)> = picked
        .map(|x| (x, activation.eval(x)))
        .filter(|(x, y)| x.is_finite() && y.is_finite())
        .collect();
    let largest = picked.iter().fold(0.0f64, |m, (x, _)| m.max(x.abs()));
    let scale = if largest > 0.0 { largest } else { 1.0 };
    let column = |k: usize| {
        let power = |&(x, _): &(f64, f64)| (x / scale).powi(k as i32);
        picked.iter().map(power).collect::<Vec<f64>>()
    };
    let mut columns: Vec<Vec<f64>> = (0..=degree).map(column).collect();
    let mut values: Vec<f64> = picked.iter().map(|(_, y)| *y).collect();
    // As many rows as columns at least.
    let n = values.len().max(degree + 1);
    columns.iter_mut().for_each(|c| c.resize(n, 0.0));
    values.resize(n, 0.0);
    let found = Triangular::new(columns, values).solve(degree + 1);
    let coefficient = |(k, c): (usize, &f64)| f64::from((c / scale.powi(k as i32)) as f32);
    Polynomial {
        basis: Basis::Power,
        coefficients: found.iter().enumerate().map(coefficient).collect(),
    }
}

/// The magnitude that a share of values stays below.
pub(super) fn quantile(values: &[f32], share: f64) -> f64 {
    let mut all: Vec<f32> = values.iter().map(|v| v.abs()).collect();
    all.sort_unstable_by(f32::total_cmp);
    let at = ((all.len() as f64 * share) as usize).min(all.len().saturating_sub(1));
    all.get(at).map_or(1.0, |&v| f64::from(v).max(1e-6))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fits_are_least_squares() {
        // On -1, -0.9, …, 1 the best quadratic for |x| is nearly 3/16 + 15/16 x².
        let seen: Vec<f32> = (-1000..=1000).map(|k| k as f32 / 1000.0).collect();
        let fitted = polynomial(&Activation::Abs, &seen, 2, 5000);
        let expected = [3.0 / 16.0, 0.0, 15.0 / 16.0];
        for (found, expected) in fitted.coefficients.iter().zip(expected) {
            assert!((found - expected).abs() < 2e-3, "{:?}", fitted.coefficients);
        }
        let relu = polynomial(&Activation::Relu, &seen, 2, 500).coefficients;
        assert!((relu[1] - 0.5).abs() < 1e-2);
        assert_eq!(quantile(&seen, 0.5), 0.5);
        assert!(
            polynomial(&Activation::Relu, &[], 2, 5)
                .coefficients
                .iter()
                .all(|c| c.is_finite())
        );
    }
}
