//! The largest of many errors, some of which depend on each other.
//!
//! Errors that were followed back are drawn jointly, with their correlations, as often as a quantile needs; numbers that
//! are as good as random but fixed make that the same everywhere. All others are taken as independent, which gives their
//! largest in closed form.

use crate::predict::mix;
use crate::{Sketch, SlotError};

/// Errors of several values of one result: jointly Gaussian, with variances that belong to the key.
#[derive(Clone, Debug, PartialEq)]
pub struct JointError {
    errors: Vec<SlotError>,
    /// Lower triangle that makes independent normals correlated as the errors are.
    errors_mix: Vec<Vec<f64>>,
    /// The same for the scores of their variances: those of equal errors are equal, of whatever sign.
    scores_mix: Vec<Vec<f64>>,
}

impl JointError {
    /// Errors with the correlations of their sketches.
    pub fn new(slots: &[(SlotError, Sketch)]) -> Self {
        let correlation = |i: usize, j: usize| slots[i].1.correlation(&slots[j].1);
        Self {
            errors: slots.iter().map(|(error, _)| *error).collect(),
            errors_mix: triangle(slots.len(), correlation),
            scores_mix: triangle(slots.len(), |i, j| correlation(i, j).powi(2)),
        }
    }

    /// Deviations under one key, from independent normals for it.
    fn deviations(&self, key: &[f64]) -> Vec<f64> {
        let pairs = self.errors.iter().zip(&self.scores_mix);
        let variances = pairs.map(|(e, mix)| e.variance * share(e.spread, dot(mix, key)));
        variances.map(f64::sqrt).collect()
    }

    /// The largest error of one result under a key with these deviations, from independent normals.
    fn largest(&self, deviations: &[f64], result: &[f64]) -> f64 {
        let pairs = deviations.iter().zip(&self.errors_mix);
        let sizes = pairs.map(|(deviation, mix)| deviation * dot(mix, result).abs());
        sizes.fold(0.0, f64::max)
    }
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

/// The lower triangle whose product with its transpose has ones on the diagonal and `off` elsewhere.
fn triangle(n: usize, off: impl Fn(usize, usize) -> f64) -> Vec<Vec<f64>> {
    let mut rows: Vec<Vec<f64>> = Vec::with_capacity(n);
    for i in 0..n {
        let mut row: Vec<f64> = Vec::with_capacity(i + 1);
        for (j, earlier) in rows.iter().enumerate() {
            let pivot = earlier[j];
            let rest = off(i, j) - dot(&row, &earlier[..j]);
            // What earlier rows determine already has no part of its own.
            row.push(if pivot > 1e-6 { rest / pivot } else { 0.0 });
        }
        row.push((1.0 - dot(&row, &row)).max(0.0).sqrt());
        rows.push(row);
    }
    rows
}

/// A variance that belongs to the key, as a multiple of its mean, from its spread and a normal score.
///
/// # Source
/// Wilson and Hilferty, 1931, for the variance as a Gamma variate.
fn share(spread: f64, score: f64) -> f64 {
    let ninth = spread.clamp(0.0, 1.0) / 9.0;
    (1.0 - ninth + score * ninth.sqrt()).max(0.0).powi(3)
}

/// Errors of all values of a result, on each of several inputs.
#[derive(Clone, Debug, PartialEq)]
pub struct ResultErrors {
    /// Of values that were followed back, on one input.
    pub followed: JointError,
    /// Of all other values, on the same.
    pub others: Vec<SlotError>,
    /// By input, the variances as a multiple of those on that one.
    pub inputs: Vec<f64>,
}

/// Results drawn for a quantile, all cases together.
const DRAWN: usize = 1 << 17;
/// Cases drawn, at least and at most.
const CASES: [usize; 2] = [1 << 9, 1 << 13];
/// Results drawn per case at most: the largest of more is larger by little.
const MOST_RUNS: usize = 1 << 12;

impl ResultErrors {
    /// The error that all values of `runs` results under one key stay below with a probability.
    ///
    /// The results are spread evenly over the inputs: with as many results as inputs, there is one of each.
    pub fn worst(&self, runs: usize, probability: f64) -> f64 {
        let runs = runs.max(1);
        let drawn = self.drawn(runs);
        let groups = self.groups();
        let most = self.inputs.iter().copied().fold(0.0, f64::max);
        let first = groups.first().map_or(0.0, |(e, _)| e.variance);
        let (mut low, mut high) = (0.0, 64.0 * (first * most).sqrt());
        high = drawn.last().copied().unwrap_or(0.0).max(high);
        let all_below = |t: f64| -> f64 {
            let each = groups.iter();
            let logs = each.map(|(error, n)| n * below(error, t, &self.inputs, runs).ln());
            let share = match drawn.len() {
                0 => 1.0,
                n => drawn.partition_point(|&d| d <= t) as f64 / n as f64,
            };
            share * logs.sum::<f64>().exp()
        };
        for _ in 0..24 {
            let middle = (low + high) / 2.0;
            if all_below(middle) < probability {
                low = middle;
            } else {
                high = middle;
            }
        }
        high
    }

    /// The largest error of all followed values of `runs` results, for many keys and errors, in rising order.
    fn drawn(&self, runs: usize) -> Vec<f64> {
        let (width, n_inputs) = (self.followed.errors.len(), self.inputs.len());
        if width == 0 || n_inputs == 0 {
            return Vec::new();
        }
        let runs = runs.min(MOST_RUNS);
        let mut normals = Normals { drawn: 0 };
        let mut case = |at: usize| -> f64 {
            let deviations = self.followed.deviations(&normals.take(width));
            let results = (0..runs).map(|run| {
                let size = self.inputs[(at + run) % n_inputs].sqrt();
                size * self.followed.largest(&deviations, &normals.take(width))
            });
            results.fold(0.0, f64::max)
        };
        let n_cases = (DRAWN / runs).clamp(CASES[0], CASES[1]);
        let mut largest: Vec<f64> = (0..n_cases).map(&mut case).collect();
        largest.sort_by(f64::total_cmp);
        largest
    }

    /// Errors of other values in falling order; similar ones are treated alike, as the largest of them.
    fn groups(&self) -> Vec<(SlotError, f64)> {
        const GROUPS: usize = 64;
        let mut sorted = self.others.clone();
        sorted.sort_by(|a, b| b.variance.total_cmp(&a.variance));
        sorted
            .chunks(sorted.len().div_ceil(GROUPS).max(1))
            .map(|group| (group[0], group.len() as f64))
            .collect()
    }
}

/// Normal variates, the same in every process.
struct Normals {
    drawn: u64,
}

impl Normals {
    fn uniform(&mut self) -> f64 {
        self.drawn += 1;
        ((mix(self.drawn) >> 11) as f64 + 0.5) / (1u64 << 53) as f64
    }

    /// # Source
    /// Box and Muller, 1958.
    fn take(&mut self, n: usize) -> Vec<f64> {
        let mut values = Vec::with_capacity(n + 1);
        while values.len() < n {
            let size = (-2.0 * self.uniform().ln()).sqrt();
            let (sin, cos) = (std::f64::consts::TAU * self.uniform()).sin_cos();
            values.extend([size * sin, size * cos]);
        }
        values.truncate(n);
        values
    }
}

/// Probability that `runs` errors of one slot under one key stay below `t`.
fn below(error: &SlotError, t: f64, inputs: &[f64], runs: usize) -> f64 {
    const STEP: f64 = 0.5;
    let (mut sum, mut weights) = (0.0, 0.0);
    for i in -10..=10 {
        let z = STEP * f64::from(i);
        let weight = (-z * z / 2.0).exp();
        let share = share(error.spread, z);
        let beyond = |input: &f64| {
            let deviation = (share * input * error.variance).sqrt();
            erfc(t / deviation.max(f64::MIN_POSITIVE) / std::f64::consts::SQRT_2)
        };
        let beyond = inputs.iter().map(beyond).sum::<f64>() / inputs.len() as f64;
        sum += weight * (runs as f64 * (-beyond).ln_1p()).exp();
        weights += weight;
    }
    sum / weights
}

/// Complementary error function of `x >= 0`, to a relative error of 1.2e-7.
///
/// # Source
/// Press et al., Numerical Recipes, a Chebyshev fit.
fn erfc(x: f64) -> f64 {
    const C: [f64; 10] = [
        -1.265_512_23,
        1.000_023_68,
        0.374_091_96,
        0.096_784_18,
        -0.186_288_06,
        0.278_868_07,
        -1.135_203_98,
        1.488_515_87,
        -0.822_152_23,
        0.170_872_77,
    ];
    let t = 1.0 / (1.0 + 0.5 * x);
    let fit = C.iter().rev().fold(0.0, |sum, c| sum * t + c);
    (t * (-x * x + fit).exp()).min(1.0 - f64::EPSILON)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Errors of variance 1 with these sketches, on one input.
    fn joint(sketches: &[Vec<f64>], spread: f64) -> ResultErrors {
        let error = SlotError {
            variance: 1.0,
            spread,
        };
        let slots: Vec<_> = sketches
            .iter()
            .map(|s| (error, Sketch(s.clone())))
            .collect();
        ResultErrors {
            followed: JointError::new(&slots),
            others: Vec::new(),
            inputs: vec![1.0],
        }
    }

    /// Of so many independent errors, without drawing any.
    fn independent(n: usize, spread: f64) -> ResultErrors {
        let error = SlotError {
            variance: 1.0,
            spread,
        };
        ResultErrors {
            others: vec![error; n],
            ..joint(&[], 0.0)
        }
    }

    fn unit(i: usize) -> Vec<f64> {
        (0..10).map(|j| f64::from(u8::from(i == j))).collect()
    }

    fn assert_close(found: f64, expected: f64) {
        let ratio = found / expected;
        assert!((0.96..1.04).contains(&ratio), "{found}, not {expected}");
    }

    #[test]
    fn equal_and_opposite_errors_count_once() {
        let sketches: Vec<_> = (0..10)
            .map(|i| vec![if i % 2 == 0 { 1.0 } else { -1.0 }])
            .collect();
        // Two-sided 99 % of one normal variate, and of the largest of 20.
        assert_close(joint(&sketches, 0.0).worst(1, 0.99), 2.5758);
        assert_close(joint(&sketches, 0.0).worst(20, 0.99), 3.4808);
        // Their variances are those of one key too.
        let one = independent(1, 1.0).worst(20, 0.99);
        assert_close(joint(&sketches, 1.0).worst(20, 0.99), one);
    }

    #[test]
    fn drawn_errors_agree_with_the_closed_form() {
        let sketches: Vec<_> = (0..10).map(unit).collect();
        for (spread, runs) in [(0.0, 1), (0.0, 20), (0.3, 5), (1.0, 3), (0.0, 3000)] {
            let drawn = joint(&sketches, spread).worst(runs, 0.99);
            let closed = independent(10, spread).worst(runs, 0.99);
            assert_close(drawn, closed);
        }
    }

    #[test]
    fn correlated_errors_lie_between() {
        // Of three directions, ten errors.
        let sketches: Vec<_> = (0..10)
            .map(|i| {
                let angle = f64::from(i) * 0.7;
                vec![angle.cos(), angle.sin() * 0.6, angle.sin() * 0.8]
            })
            .collect();
        let found = joint(&sketches, 0.0).worst(1, 0.99);
        assert!(found > 1.04 * independent(1, 0.0).worst(1, 0.99));
        assert!(found < 0.96 * independent(10, 0.0).worst(1, 0.99));
    }

    #[test]
    fn results_are_spread_over_inputs() {
        let mut errors = joint(&[unit(0)], 0.0);
        errors.inputs = vec![1.0, 0.01, 0.01, 0.01];
        // One of four results has errors that count, and so has one of one in a quarter of all cases.
        assert_close(errors.worst(4, 0.99), 2.5758);
        assert_close(errors.worst(1, 0.99), 2.0537);
    }
}
