//! Polynomials: squares, and Paterson-Stockmeyer in the Chebyshev basis at minimal depth.

use super::Site;
use ::circuit::{Circuit, Op, PlainVector, ValueId};
use graph::{Basis, Polynomial};
use pass::Refusal;
use std::collections::BTreeMap;

/// Coefficients below this share of the largest are left out: they are below every precision CKKS has.
const NEGLIGIBLE: f64 = 1e-15;

/// Degrees below this are summed term by term where depth allows.
fn baby_bound(degree: usize) -> usize {
    if degree < 32 { 4 } else { 8 }
}

pub(super) fn lower(
    circuit: &mut Circuit,
    site: &Site<'_>,
    polynomial: &Polynomial,
    x: ValueId,
) -> Result<ValueId, Refusal> {
    if polynomial.is_square() {
        let square = circuit.push_op(Op::Square(x), Some(site.layer));
        return Ok(circuit.push_op(Op::Relinearize(square), Some(site.layer)));
    }
    let coefficients = match polynomial.basis {
        Basis::Chebyshev { low, high } if low == -1.0 && high == 1.0 => {
            polynomial.coefficients.clone()
        }
        _ => {
            return Err(site
                .refuse("polynomial is neither a square nor in Chebyshev basis on [-1, 1]")
                .help("run approximate-activations first"));
        }
    };
    let degree = polynomial.degree();
    if degree == 0 {
        return Err(site
            .refuse("polynomial is constant")
            .help("remove the node from the model"));
    }
    let depth = depth_of(degree);
    let mut evaluator = Evaluator {
        circuit,
        site,
        bound: baby_bound(degree),
        terms: BTreeMap::from([(1, x)]),
    };
    Ok(evaluator.evaluate(&coefficients[..=degree], depth))
}

/// Levels that degree `d` needs at least, its coefficients included: `ceil(log2(d + 1))`.
fn depth_of(degree: usize) -> u32 {
    (degree + 1).next_power_of_two().trailing_zeros()
}

/// Levels below the variable at which `T_k` can be had.
fn depth_of_term(k: usize) -> u32 {
    k.next_power_of_two().trailing_zeros()
}

struct Evaluator<'a, 'b> {
    circuit: &'a mut Circuit,
    site: &'a Site<'b>,
    bound: usize,
    /// `T_k` by `k`.
    terms: BTreeMap<usize, ValueId>,
}

impl Evaluator<'_, '_> {
    fn push(&mut self, op: Op) -> ValueId {
        self.circuit.push_op(op, Some(self.site.layer))
    }

    /// A product at degree 1; `place-relinearize` moves the relinearization past sums.
    fn product(&mut self, op: Op) -> ValueId {
        let product = self.push(op);
        self.push(Op::Relinearize(product))
    }

    fn add_constant(&mut self, x: ValueId, constant: f64) -> ValueId {
        if constant == 0.0 {
            return x;
        }
        let plain = self.circuit.add_plain(PlainVector::splat("", constant));
        self.push(Op::AddPlain { x, plain })
    }

    /// `T_k` from `T_{2a} = 2·T_a² − 1` and `T_{a+b} = 2·T_a·T_b − T_{a−b}`.
    fn term(&mut self, k: usize) -> ValueId {
        if let Some(&done) = self.terms.get(&k) {
            return done;
        }
        let made = if k.is_multiple_of(2) {
            let half = self.term(k / 2);
            let square = self.product(Op::Square(half));
            let twice = self.push(Op::Add(square, square));
            self.add_constant(twice, -1.0)
        } else {
            // The larger part is a power of two, so that the depth is that of the next power of two.
            let a = (k + 1).next_power_of_two() / 2;
            let b = k - a;
            let (a, b, gap) = if a > b { (a, b, a - b) } else { (b, a, b - a) };
            let (ta, tb) = (self.term(a), self.term(b));
            let rest = self.term(gap);
            let product = self.product(Op::Mul(ta, tb));
            let twice = self.push(Op::Add(product, product));
            let rest = self.push(Op::MulScalar {
                x: rest,
                factor: -1.0,
                scale: None,
            });
            self.push(Op::Add(twice, rest))
        };
        self.terms.insert(k, made);
        made
    }

    /// The polynomial within `depth` levels below the variable; `coefficients` has no trailing zero.
    fn evaluate(&mut self, coefficients: &[f64], depth: u32) -> ValueId {
        let degree = coefficients.len() - 1;
        let fits = (1..=degree)
            .filter(|&k| coefficients[k] != 0.0)
            .all(|k| depth_of_term(k) < depth);
        if degree < self.bound && fits || degree == 1 {
            return self.combine(coefficients);
        }
        let m = (degree + 1).next_power_of_two() / 2;
        let (quotient, rest) = divide(coefficients, m);
        let main = match trimmed(&quotient) {
            [constant] => {
                let x = self.term(m);
                self.push(Op::MulScalar {
                    x,
                    factor: *constant,
                    scale: None,
                })
            }
            quotient => {
                let q = self.evaluate(quotient, depth - 1);
                let t = self.term(m);
                self.product(Op::Mul(q, t))
            }
        };
        match trimmed(&rest) {
            [constant] => self.add_constant(main, *constant),
            rest => {
                let rest = self.evaluate(rest, depth);
                self.push(Op::Add(main, rest))
            }
        }
    }

    /// `Σ c_k·T_k`, term by term.
    fn combine(&mut self, coefficients: &[f64]) -> ValueId {
        let used: Vec<(usize, f64)> = coefficients
            .iter()
            .copied()
            .enumerate()
            .skip(1)
            .filter(|(_, c)| *c != 0.0)
            .collect();
        let products: Vec<ValueId> = used
            .into_iter()
            .map(|(k, factor)| {
                let x = self.term(k);
                self.push(Op::MulScalar {
                    x,
                    factor,
                    scale: None,
                })
            })
            .collect();
        let sum = self.circuit.push_sum(&products, Some(self.site.layer));
        self.add_constant(sum, coefficients[0])
    }
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

    fn chebyshev(c: &[f64], x: f64) -> f64 {
        c.iter()
            .enumerate()
            .map(|(k, c)| c * (k as f64 * x.acos()).cos())
            .sum()
    }

    #[test]
    fn division_by_a_chebyshev_polynomial_is_exact() {
        let p: Vec<f64> = (0..12).map(|i| f64::from(i) * 0.37 - 1.0).collect();
        let (q, r) = divide(&p, 8);
        for x in [-0.9, -0.2, 0.4, 1.0] {
            let t8 = (8.0 * f64::acos(x)).cos();
            assert!((chebyshev(&q, x) * t8 + chebyshev(&r, x) - chebyshev(&p, x)).abs() < 1e-12);
        }
    }
}
