//! The odd polynomial nearest to the sign function.
//!
//! An odd polynomial is `x·q(x²)`. On `[low, 1]` the search runs in the basis `x·T_j` of `x²` mapped to `[-1, 1]`, which
//! stays well conditioned on narrow intervals. Double precision suffices down to [`LEAST_ERROR`]: a coefficient's
//! rounding error, `2^-53`, grows near zero by the same factor by which the polynomial's error shrinks on the interval.

/// Errors below this are not asked for: CKKS is no more exact.
pub(super) const LEAST_ERROR: f64 = 1.0 / (1u64 << 30) as f64;

/// Exchanges tried; a handful suffices.
const MOST_EXCHANGES: usize = 60;

/// Two extremes that differ by less than this share are alike.
const LEVEL: f64 = 1e-9;

/// What rounding leaves of a difference.
const ROUNDING: f64 = 64.0 * f64::EPSILON;

/// The odd polynomial of a degree that is nearest to 1 on `[low, 1]`.
///
/// It grows from 0 to the interval, since its derivative has all its zeros there: nowhere in `[-1, 1]` is it larger
/// than `1 + error`.
#[derive(Clone, Debug)]
pub(super) struct Nearest {
    /// In Chebyshev basis on `[-1, 1]`; those of even terms are zero.
    pub(super) coefficients: Vec<f64>,
    /// Largest distance from 1 on `[low, 1]`.
    pub(super) error: f64,
}

/// `x·Σ c_j·T_j(u)`, `u` being `x²` mapped from `[low², 1]` to `[-1, 1]`.
struct Odd {
    low: f64,
    c: Vec<f64>,
}

impl Odd {
    fn unit(&self, x: f64) -> f64 {
        let low = self.low * self.low;
        (2.0 * x * x - 1.0 - low) / (1.0 - low)
    }

    fn eval(&self, x: f64) -> f64 {
        let u = self.unit(x);
        let step = |(b1, b2): (f64, f64), &c: &f64| (2.0 * u * b1 - b2 + c, b1);
        let (b1, b2) = self.c[1..].iter().rev().fold((0.0, 0.0), step);
        x * (u * b1 - b2 + self.c[0])
    }

    fn gap(&self, x: f64) -> f64 {
        1.0 - self.eval(x)
    }
}

/// The nearest polynomial of odd degree at least 3; `None` where the exchange finds none or an error below
/// [`LEAST_ERROR`].
///
/// # Range
/// `0 < low < 1`.
///
/// # Source
/// Remez's multiple exchange; minimax compositions: Lee et al., ePrint 2020/834.
pub(super) fn nearest(degree: usize, low: f64) -> Option<Nearest> {
    let n = degree.div_ceil(2);
    let mut points: Vec<f64> = (0..=n)
        .map(|i| {
            let at = (std::f64::consts::PI * i as f64 / n as f64).cos();
            0.5 * (1.0 + low) - 0.5 * (1.0 - low) * at
        })
        .collect();
    for _ in 0..MOST_EXCHANGES {
        let odd = levelled(n, low, &points)?;
        let next = extremes(&odd, &points)?;
        let gaps = next.iter().map(|&x| odd.gap(x).abs());
        let (least, most) = gaps.fold((f64::INFINITY, 0.0f64), |(a, b), g| (a.min(g), b.max(g)));
        if most < LEAST_ERROR || !most.is_finite() {
            return None;
        }
        if most - least <= LEVEL * most + ROUNDING {
            let coefficients = series(degree, |x| odd.eval(x));
            return Some(Nearest {
                coefficients,
                error: most,
            });
        }
        points = next;
    }
    None
}

/// The polynomial whose distances from 1 at the points are equal with alternating signs.
fn levelled(n: usize, low: f64, points: &[f64]) -> Option<Odd> {
    let mut odd = Odd {
        low,
        c: vec![0.0; n],
    };
    let row = |(i, &x): (usize, &f64)| {
        let u = odd.unit(x);
        let (mut before, mut now) = (u, 1.0);
        let mut row: Vec<f64> = Vec::with_capacity(n + 2);
        for _ in 0..n {
            row.push(x * now);
            (before, now) = (now, 2.0 * u * now - before);
        }
        row.extend([if i % 2 == 0 { 1.0 } else { -1.0 }, 1.0]);
        row
    };
    let mut solved = solve(points.iter().enumerate().map(row).collect())?;
    solved.truncate(n);
    odd.c = solved;
    Some(odd)
}

/// Solves a square system, each row with its right-hand side last, by elimination with pivots.
fn solve(mut rows: Vec<Vec<f64>>) -> Option<Vec<f64>> {
    let n = rows.len();
    for k in 0..n {
        let size = |&i: &usize| rows[i][k].abs();
        let pivot = (k..n).max_by(|a, b| size(a).total_cmp(&size(b)))?;
        rows.swap(k, pivot);
        let (done, rest) = rows.split_at_mut(k + 1);
        let first = &done[k];
        if first[k] == 0.0 {
            return None;
        }
        for row in rest {
            let factor = row[k] / first[k];
            let pairs = row[k..].iter_mut().zip(&first[k..]);
            pairs.for_each(|(x, f)| *x -= factor * f);
        }
    }
    let mut x = vec![0.0; n];
    for k in (0..n).rev() {
        let known: f64 = (k + 1..n).map(|j| rows[k][j] * x[j]).sum();
        x[k] = (rows[k][n] - known) / rows[k][k];
    }
    Some(x)
}

/// The extremes of the distance: both ends, and one between each pair of its zeros.
fn extremes(odd: &Odd, points: &[f64]) -> Option<Vec<f64>> {
    let pairs = points.windows(2);
    let zeros: Vec<f64> = pairs
        .map(|p| zero(odd, p[0], p[1]))
        .collect::<Option<_>>()?;
    let inner = zeros.windows(2).map(|z| summit(odd, z[0], z[1]));
    Some(std::iter::once(odd.low).chain(inner).chain([1.0]).collect())
}

/// A zero of the distance between two points where its signs differ, by regula falsi with halved weights.
fn zero(odd: &Odd, mut a: f64, mut b: f64) -> Option<f64> {
    let (mut fa, mut fb) = (odd.gap(a), odd.gap(b));
    if fa * fb > 0.0 {
        return None;
    }
    for _ in 0..60 {
        let x = b - fb * (b - a) / (fb - fa);
        let f = odd.gap(x);
        if f == 0.0 || (b - a).abs() < 1e-6 * (1.0 - odd.low) {
            return Some(x);
        }
        if f * fb < 0.0 {
            (a, fa) = (b, fb);
        } else {
            fa *= 0.5;
        }
        (b, fb) = (x, f);
    }
    Some(b)
}

/// Where the distance is largest between two of its zeros, by golden sections.
fn summit(odd: &Odd, mut a: f64, mut b: f64) -> f64 {
    const SECTION: f64 = 0.618_033_988_749_894_9;
    let size = |x: f64| odd.gap(x).abs();
    let (mut x, mut y) = (b - SECTION * (b - a), a + SECTION * (b - a));
    let (mut fx, mut fy) = (size(x), size(y));
    // The distance is flat at a summit: 1e-5 of the width away it is 1e-10 less.
    for _ in 0..24 {
        if fx > fy {
            (b, y, fy) = (y, x, fx);
            x = b - SECTION * (b - a);
            fx = size(x);
        } else {
            (a, x, fx) = (x, y, fy);
            y = a + SECTION * (b - a);
            fy = size(y);
        }
    }
    0.5 * (a + b)
}

/// Chebyshev coefficients on `[-1, 1]` of an odd polynomial of that degree.
fn series(degree: usize, f: impl Fn(f64) -> f64) -> Vec<f64> {
    let n = degree + 1;
    let angle = |j: usize| std::f64::consts::PI * (j as f64 + 0.5) / n as f64;
    let values: Vec<f64> = (0..n / 2).map(|j| f(angle(j).cos())).collect();
    let coefficient = |k: usize| {
        let terms = values.iter().enumerate();
        let sum: f64 = terms.map(|(j, v)| v * (k as f64 * angle(j)).cos()).sum();
        if k % 2 == 1 {
            4.0 * sum / n as f64
        } else {
            0.0
        }
    };
    (0..n).map(coefficient).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use ::graph::{Basis, Polynomial};

    fn polynomial(coefficients: Vec<f64>) -> Polynomial {
        let basis = Basis::Chebyshev {
            low: -1.0,
            high: 1.0,
        };
        Polynomial {
            basis,
            coefficients,
        }
    }

    #[test]
    fn the_distance_alternates_between_equal_extremes() {
        for degree in [3, 5, 7, 15, 27, 31] {
            for low in [0.003, 0.02, 0.1, 0.4] {
                let Some(found) = nearest(degree, low) else {
                    panic!("degree {degree} on {low}..1")
                };
                let p = polynomial(found.coefficients);
                let n = 40_000;
                let at = |k: usize| low + (1.0 - low) * k as f64 / n as f64;
                let gaps: Vec<f64> = (0..=n).map(|k| 1.0 - p.eval(at(k))).collect();
                let most = gaps.iter().fold(0.0f64, |m, g| m.max(g.abs()));
                assert!(
                    (most / found.error - 1.0).abs() < 1e-5,
                    "{most} {}",
                    found.error
                );
                // Chebyshev's theorem: degree/2 + 1 unknowns, so one more extreme of alternating sign.
                let mut signs: Vec<bool> = Vec::new();
                for g in gaps.iter().filter(|g| g.abs() > 0.999 * most) {
                    if signs.last() != Some(&(*g > 0.0)) {
                        signs.push(*g > 0.0);
                    }
                }
                assert_eq!(
                    signs.len(),
                    degree.div_ceil(2) + 1,
                    "degree {degree} on {low}..1"
                );
                let inside: Vec<f64> = (0..=100)
                    .map(|k| p.eval(low * f64::from(k) / 100.0))
                    .collect();
                assert!(
                    inside.windows(2).all(|w| w[0] < w[1]),
                    "grows up to the interval"
                );
            }
        }
    }

    #[test]
    fn degree_three_is_the_known_one() {
        // x·(a - b·x²) on [l, 1]: p(l) = p(1) = 1 - e and p = 1 + e at its summit.
        let low: f64 = 0.25;
        let found = nearest(3, low).map(|f| f.error).unwrap_or(0.0);
        // Equal ends: a = b·(1 + l + l²); the summit s² = a / 3b, p(s) = 2/3·a·s.
        let ratio = 1.0 + low + low * low;
        let summit = 2.0 / 3.0 * ratio * (ratio / 3.0).sqrt();
        let end = ratio - 1.0;
        assert!(
            (found - (summit - end) / (summit + end)).abs() < 1e-9,
            "{found}"
        );
    }

    #[test]
    fn errors_beyond_need_are_not_made() {
        assert!(nearest(31, 0.9).is_none());
        assert!(nearest(7, 0.9).is_some());
    }
}
