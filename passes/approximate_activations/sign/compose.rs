//! Compositions of nearest odd polynomials: the image of one is the interval of the next.

use super::remez::{LEAST_ERROR, nearest};
use crate::util::chebyshev::{Plan, depth_of};
use ::graph::{Basis, Polynomial};

/// Highest degree of a factor.
const MOST_DEGREE: usize = 31;

/// Least values told apart, as shares of the range: halves of octaves down to `2^-9`.
const N_LOWS: i32 = 16;

/// An approximation of the sign on `[-1, -low]` and `[low, 1]`, odd and growing from one to the other.
#[derive(Clone, Debug)]
pub(crate) struct Composition {
    /// Odd, in Chebyshev basis on `[-1, 1]`, in the order in which they are applied.
    pub(crate) factors: Vec<Polynomial>,
    /// Least positive number that is told from its negative.
    pub(crate) low: f64,
    /// Largest distance from 1 on `[low, 1]`.
    pub(crate) error: f64,
    /// Levels.
    pub(crate) depth: usize,
    /// Products of two ciphertexts.
    pub(crate) products: usize,
}

/// A degree and what it costs.
struct Factor {
    degree: usize,
    depth: usize,
    products: usize,
}

/// Odd degrees, without those that cost as much as a higher one.
fn factors() -> Vec<Factor> {
    let factor = |degree: usize| {
        let depth = depth_of(degree);
        // No coefficient is left out by chance.
        let any = |k: usize| (k % 2) as f64 / (k as f64 + 1.7);
        let odd: Vec<f64> = (0..=degree).map(any).collect();
        Factor {
            degree,
            depth: depth as usize,
            products: Plan::new(&odd, depth).products(),
        }
    };
    let all: Vec<Factor> = (3..=MOST_DEGREE).step_by(2).map(factor).collect();
    let mut kept: Vec<Factor> = Vec::new();
    for factor in all.into_iter().rev() {
        let dominates = |k: &Factor| k.depth <= factor.depth && k.products <= factor.products;
        if !kept.iter().any(dominates) {
            kept.push(factor);
        }
    }
    kept
}

/// Factors so far: they map `[low, 1]` to `[reached, 1]`, or to `1 ± error` where the last one is not scaled.
#[derive(Clone)]
struct Partial {
    /// Coefficients and error of each factor.
    factors: Vec<(Vec<f64>, f64)>,
    reached: f64,
    products: usize,
}

/// Every composition of two and more factors within `most_depth` levels for which no other one with the same least
/// value and depth has a smaller error at no more products.
///
/// A narrower interval never makes a later factor worse, so the widest reach per depth and number of products is all
/// that the rest of a composition needs to know.
///
/// # Source
/// Lee, Lee, No and Kim, ePrint 2020/834, for the composition; the search over products too is our own.
pub(crate) fn compositions(most_depth: usize) -> Vec<Composition> {
    let factors = factors();
    let low = |k: i32| f64::exp2(-0.5 * f64::from(k + 2));
    (0..=N_LOWS)
        .flat_map(|k| from(low(k), most_depth, &factors))
        .collect()
}

fn from(low: f64, most_depth: usize, factors: &[Factor]) -> Vec<Composition> {
    let start = Partial {
        factors: Vec::new(),
        reached: low,
        products: 0,
    };
    let mut fronts: Vec<Vec<Partial>> = vec![Vec::new(); most_depth + 1];
    fronts[0].push(start);
    for depth in 0..=most_depth {
        let front = undominated(std::mem::take(&mut fronts[depth]));
        for partial in &front {
            for factor in factors.iter().filter(|f| depth + f.depth <= most_depth) {
                if let Some(next) = partial.then(factor) {
                    fronts[depth + factor.depth].push(next);
                }
            }
        }
        fronts[depth] = front;
    }
    let composed = |(depth, front): (usize, Vec<Partial>)| {
        let several = front
            .into_iter()
            .filter(|partial| partial.factors.len() > 1);
        several.map(move |partial| partial.composition(low, depth))
    };
    fronts.into_iter().enumerate().flat_map(composed).collect()
}

impl Partial {
    fn then(&self, factor: &Factor) -> Option<Self> {
        let found = nearest(factor.degree, self.reached)?;
        let mut next = self.clone();
        next.reached = (1.0 - found.error) / (1.0 + found.error);
        next.products += factor.products;
        next.factors.push((found.coefficients, found.error));
        Some(next)
    }

    /// Every factor but the last is scaled so that it maps to `[-1, 1]`.
    fn composition(self, low: f64, depth: usize) -> Composition {
        let last = self.factors.len() - 1;
        let error = self.factors[last].1;
        let scaled = |(k, (coefficients, error)): (usize, (Vec<f64>, f64))| {
            let factor = if k < last { 1.0 / (1.0 + error) } else { 1.0 };
            Polynomial {
                basis: Basis::Chebyshev {
                    low: -1.0,
                    high: 1.0,
                },
                coefficients: coefficients.iter().map(|c| c * factor).collect(),
            }
        };
        Composition {
            factors: self.factors.into_iter().enumerate().map(scaled).collect(),
            low,
            error,
            depth,
            products: self.products,
        }
    }
}

/// Those that reach further than every one with no more products; differences below every precision do not count.
fn undominated(mut all: Vec<Partial>) -> Vec<Partial> {
    all.sort_by(|a, b| {
        let reach = b.reached.total_cmp(&a.reached);
        a.products.cmp(&b.products).then(reach)
    });
    let mut kept: Vec<Partial> = Vec::new();
    for partial in all {
        let further = |k: &Partial| partial.reached > k.reached + LEAST_ERROR;
        if kept.last().is_none_or(further) {
            kept.push(partial);
        }
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    fn degrees(composition: &Composition) -> Vec<usize> {
        composition.factors.iter().map(Polynomial::degree).collect()
    }

    fn sign(composition: &Composition, x: f64) -> f64 {
        composition.factors.iter().fold(x, |x, p| p.eval(x))
    }

    #[test]
    fn compositions_keep_their_error_and_never_exceed_it() {
        let all = compositions(9);
        assert!(all.len() > 50, "{}", all.len());
        for c in &all {
            let degrees = degrees(c);
            assert_eq!(
                c.depth,
                degrees.iter().map(|&d| depth_of(d) as usize).sum::<usize>()
            );
            for k in 0..=400 {
                let x = c.low + (1.0 - c.low) * f64::from(k) / 400.0;
                let gap = (1.0 - sign(c, x)).abs();
                assert!(
                    gap <= c.error * (1.0 + 1e-6) + 1e-9,
                    "{degrees:?} at {x}: {gap}"
                );
                assert!((sign(c, -x) + sign(c, x)).abs() < 1e-12);
                let below = sign(c, c.low * f64::from(k) / 400.0);
                assert!(
                    (-1e-9..=1.0 + c.error + 1e-9).contains(&below),
                    "{degrees:?}: {below}"
                );
            }
        }
    }

    #[test]
    fn more_levels_and_more_products_are_smaller_errors() {
        let all = compositions(9);
        let low = all[0].low;
        let of = |depth: usize| -> Vec<&Composition> {
            let fits = |c: &&Composition| c.low == low && c.depth == depth;
            all.iter().filter(fits).collect()
        };
        let least = |depth| {
            of(depth)
                .iter()
                .map(|c| c.error)
                .fold(f64::INFINITY, f64::min)
        };
        assert!(least(5) < least(4) && least(6) < least(5));
        for depth in 4..8 {
            for pair in of(depth).windows(2) {
                assert!(pair[0].products < pair[1].products && pair[0].error > pair[1].error);
            }
        }
    }

    #[test]
    fn the_search_finds_no_worse_than_the_usual_degrees() {
        // Orion's default degrees 15, 15, 27 take 13 levels.
        let low = f64::exp2(-7.0);
        let factor = |degree: usize| Factor {
            degree,
            depth: depth_of(degree) as usize,
            products: 0,
        };
        let start = Partial {
            factors: Vec::new(),
            reached: low,
            products: 0,
        };
        let usual = [15, 15, 27]
            .iter()
            .try_fold(start, |p, &d| p.then(&factor(d)));
        let usual = usual.map(|p| p.composition(low, 13).error);
        let found = from(low, 13, &factors());
        let least = found.iter().filter(|c| c.depth <= 13).map(|c| c.error);
        let least = least.fold(f64::INFINITY, f64::min);
        assert!(
            usual.is_none_or(|usual| least <= usual * 1.001),
            "{least} {usual:?}"
        );
        assert!(least < 1e-6, "{least}");
    }
}
