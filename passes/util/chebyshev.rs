//! Chebyshev series with as few products as their levels allow.

use std::collections::{BTreeMap, BTreeSet};

/// Coefficients below this share of the largest are left out: they are below every precision CKKS has.
const NEGLIGIBLE: f64 = 1e-15;

/// Most baby steps that are tried.
const MOST_BABIES: usize = 32;

/// A series, taken apart.
#[derive(Clone, Debug, PartialEq)]
pub enum Part {
    /// `Σ c_k·T_k`, term by term.
    Terms(Vec<f64>),
    /// `quotient · T_m + rest`.
    Split {
        /// Degree of the giant step.
        m: usize,
        /// What it multiplies.
        quotient: Box<Part>,
        /// What is added.
        rest: Box<Part>,
    },
}

/// How a series is evaluated.
#[derive(Clone, Debug, PartialEq)]
pub struct Plan {
    /// The whole series.
    pub root: Part,
    /// `T_k` as `2·T_a·T_b − T_{a−b}`: `a >= b` by `k`, for every `T_k` that is used but `T_0` and `T_1`.
    pub terms: BTreeMap<usize, (usize, usize)>,
}

impl Plan {
    /// The plan of fewest products within `depth` levels, of which coefficients cost one; at least
    /// [`depth_of`] the degree. `coefficients` belong to `T_0`, `T_1` and so on, the last is not zero.
    ///
    /// # Cost
    /// A dense series of degree `k·2^s − 1` takes `(k − 1) + (s − 1) + (2^s − 1)` products with a level to spare.
    ///
    /// # Source
    /// Paterson and Stockmeyer, 1973, in Chebyshev basis as in Chen, Chillotti and Song, ePrint 2018/1043; leading
    /// coefficients split further for minimal depth as in Bossuat et al., ePrint 2020/1203. The search over the number
    /// of baby steps, any number and not powers of two alone, is our own.
    pub fn new(coefficients: &[f64], depth: u32) -> Self {
        let degree = coefficients.len().saturating_sub(1);
        let usual = if degree < 32 { 4 } else { 8 };
        let others = (2..=degree.clamp(2, MOST_BABIES)).filter(|&k| k != usual);
        let mut best = Self::with(coefficients, depth, usual);
        for babies in others {
            let plan = Self::with(coefficients, depth, babies);
            if plan.products() < best.products() {
                best = plan;
            }
        }
        best
    }

    fn with(coefficients: &[f64], depth: u32, babies: usize) -> Self {
        let root = split(coefficients, depth, babies);
        let mut used = BTreeSet::new();
        root.collect(&mut used);
        Self {
            root,
            terms: terms(used),
        }
    }

    /// Products of two ciphertexts.
    pub fn products(&self) -> usize {
        self.terms.len() + self.root.products()
    }

    /// Levels below the variable.
    pub fn depth(&self) -> u32 {
        self.root.depth()
    }
}

impl Part {
    /// The number, if nothing else is left.
    pub fn constant(&self) -> Option<f64> {
        match self {
            Self::Terms(coefficients) if coefficients.len() == 1 => Some(coefficients[0]),
            _ => None,
        }
    }

    fn collect(&self, used: &mut BTreeSet<usize>) {
        match self {
            Self::Terms(c) => used.extend((2..c.len()).filter(|&k| c[k] != 0.0)),
            Self::Split { m, quotient, rest } => {
                used.insert(*m);
                quotient.collect(used);
                rest.collect(used);
            }
        }
    }

    fn products(&self) -> usize {
        match self {
            Self::Terms(_) => 0,
            Self::Split { quotient, rest, .. } => {
                let own = usize::from(quotient.constant().is_none());
                own + quotient.products() + rest.products()
            }
        }
    }

    fn depth(&self) -> u32 {
        match self {
            Self::Terms(c) => {
                let used = (1..c.len()).filter(|&k| c[k] != 0.0);
                used.map(|k| depth_of_term(k) + 1).max().unwrap_or(0)
            }
            Self::Split { m, quotient, rest } => {
                let product = quotient.depth().max(depth_of_term(*m)) + 1;
                product.max(rest.depth())
            }
        }
    }
}

/// Levels that a series of that degree needs at least, its coefficients included: `ceil(log2(d + 1))`.
pub fn depth_of(degree: usize) -> u32 {
    (degree + 1).next_power_of_two().trailing_zeros()
}

/// Levels below the variable at which `T_k` can be had.
fn depth_of_term(k: usize) -> u32 {
    k.next_power_of_two().trailing_zeros()
}

/// The series within `depth` levels below the variable; `coefficients` has no trailing zero.
fn split(coefficients: &[f64], depth: u32, babies: usize) -> Part {
    let degree = coefficients.len() - 1;
    let fits = (1..=degree)
        .filter(|&k| coefficients[k] != 0.0)
        .all(|k| depth_of_term(k) < depth);
    if degree <= 1 || degree < babies && fits {
        return Part::Terms(coefficients.to_vec());
    }
    let giants = std::iter::successors(Some(babies), |m| Some(2 * m));
    let giant = giants.take_while(|&m| m <= degree).last();
    let in_time = |&m: &usize| depth_of_term(m) < depth && depth_of(degree - m) < depth;
    // A power of two is always in time.
    let m = giant
        .filter(in_time)
        .unwrap_or((degree + 1).next_power_of_two() / 2);
    let (quotient, rest) = divide(coefficients, m);
    Part::Split {
        m,
        quotient: Box::new(split(trimmed(&quotient), depth - 1, babies)),
        rest: Box::new(split(trimmed(&rest), depth, babies)),
    }
}

/// How each `T_k` that is used is made, and those that it is made of.
fn terms(mut used: BTreeSet<usize>) -> BTreeMap<usize, (usize, usize)> {
    let mut made = BTreeMap::new();
    while let Some(k) = used.pop_last().filter(|&k| k > 1) {
        let in_time = |&b: &usize| depth_of_term(k - b) < depth_of_term(k);
        let missing = |b: &usize| {
            let parts: BTreeSet<usize> = [*b, k - b, k - 2 * b].into();
            let known = |j: &&usize| **j > 1 && !used.contains(*j);
            parts.iter().filter(known).count()
        };
        // The nearest to the middle wins among equals; it is always in time.
        let b = (1..=k / 2)
            .rev()
            .filter(in_time)
            .min_by_key(missing)
            .unwrap_or(k / 2);
        made.insert(k, (k - b, b));
        used.extend([b, k - b, k - 2 * b]);
    }
    made
}

/// `p = q·T_m + r` with `deg r < m`, for `deg p < 2m`.
///
/// From `T_m·T_j = (T_{m+j} + T_{m−j}) / 2`: `q_0 = p_m`, `q_j = 2·p_{m+j}`, and `r_{m−j}` loses `p_{m+j}`.
fn divide(p: &[f64], m: usize) -> (Vec<f64>, Vec<f64>) {
    let mut rest = p[..m].to_vec();
    let mut quotient = vec![p[m]];
    for j in 1..p.len() - m {
        quotient.push(2.0 * p[m + j]);
        rest[m - j] -= p[m + j];
    }
    (quotient, rest)
}

/// Without trailing coefficients that are negligible; at least one stays.
fn trimmed(coefficients: &[f64]) -> &[f64] {
    let largest = coefficients.iter().fold(0.0f64, |m, c| m.max(c.abs()));
    let end = coefficients
        .iter()
        .rposition(|c| c.abs() > largest * NEGLIGIBLE)
        .unwrap_or(0);
    &coefficients[..=end]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn dense(degree: usize) -> Vec<f64> {
        (0..=degree).map(|k| 1.0 / (k as f64 + 1.7)).collect()
    }

    fn odd(degree: usize) -> Vec<f64> {
        let c = dense(degree).into_iter().enumerate();
        c.map(|(k, c)| if k % 2 == 1 { c } else { 0.0 }).collect()
    }

    /// Products, depth kept and meaning kept.
    fn products(coefficients: &[f64], depth: u32) -> usize {
        let plan = Plan::new(coefficients, depth);
        assert!(plan.depth() <= depth, "{plan:?}");
        for x in [-1.0, -0.73, 0.01, 0.5] {
            let term = |k: usize| (k as f64 * f64::acos(x)).cos();
            let direct: f64 = coefficients
                .iter()
                .enumerate()
                .map(|(k, c)| c * term(k))
                .sum();
            assert!(
                (value(&plan.root, &term) - direct).abs() < 1e-10,
                "{plan:?}"
            );
        }
        for (&k, &(a, b)) in &plan.terms {
            assert_eq!(a + b, k);
            let known = [a, b, a - b];
            assert!(known.iter().all(|j| *j < 2 || plan.terms.contains_key(j)));
            assert!(depth_of_term(a).max(depth_of_term(b)) < depth_of_term(k));
        }
        plan.products()
    }

    fn value(part: &Part, term: &impl Fn(usize) -> f64) -> f64 {
        match part {
            Part::Terms(c) => c.iter().enumerate().map(|(k, c)| c * term(k)).sum(),
            Part::Split { m, quotient, rest } => {
                value(quotient, term) * term(*m) + value(rest, term)
            }
        }
    }

    #[test]
    fn dense_series_take_the_fewest_products() {
        let degrees = [3, 7, 15, 31, 63, 127];
        let fewest = degrees.map(|d| products(&dense(d), depth_of(d) + 2));
        assert_eq!(fewest, [2, 4, 7, 11, 16, 24]);
        let at_least_depth = degrees.map(|d| products(&dense(d), depth_of(d)));
        assert_eq!(at_least_depth, [2, 5, 8, 13, 18, 27]);
    }

    #[test]
    fn odd_series_take_fewer() {
        assert_eq!(products(&odd(7), 3), 5);
        assert_eq!(products(&odd(7), 4), 4);
        assert_eq!(products(&odd(5), 3), 3);
        for degree in (3..64).step_by(2) {
            let depth = depth_of(degree);
            assert!(products(&odd(degree), depth) <= products(&dense(degree), depth));
        }
    }

    #[test]
    fn every_degree_keeps_its_depth_and_meaning() {
        for degree in 1..130 {
            products(&dense(degree), depth_of(degree));
        }
    }

    #[test]
    fn division_by_a_chebyshev_polynomial_is_exact() {
        let p: Vec<f64> = (0..12).map(|i| f64::from(i) * 0.37 - 1.0).collect();
        let at = |c: &[f64], x: f64| {
            let term = |k: usize| (k as f64 * x.acos()).cos();
            c.iter().enumerate().map(|(k, c)| c * term(k)).sum::<f64>()
        };
        for m in [6, 8, 11] {
            let (q, r) = divide(&p, m);
            for x in [-0.9, -0.2, 0.4, 1.0] {
                let tm = (m as f64 * f64::acos(x)).cos();
                assert!((at(&q, x) * tm + at(&r, x) - at(&p, x)).abs() < 1e-12);
            }
        }
    }
}
