//! Polynomials: squares, and series in the Chebyshev basis at minimal depth.

use super::Site;
use crate::util::chebyshev::{Part, Plan, depth_of};
use ::circuit::{Circuit, Op, PlainVector, ValueId};
use graph::{Basis, Polynomial};
use pass::Refusal;
use std::collections::BTreeMap;

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
    let plan = Plan::new(&coefficients[..=degree], depth_of(degree));
    let mut evaluator = Evaluator {
        circuit,
        site,
        plan: &plan,
        terms: BTreeMap::from([(1, x)]),
    };
    Ok(evaluator.evaluate(&plan.root))
}

struct Evaluator<'a, 'b> {
    circuit: &'a mut Circuit,
    site: &'a Site<'b>,
    plan: &'a Plan,
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
        let (a, b) = self.plan.terms[&k];
        let made = if a == b {
            let half = self.term(a);
            let square = self.product(Op::Square(half));
            let twice = self.push(Op::Add(square, square));
            self.add_constant(twice, -1.0)
        } else {
            let (ta, tb) = (self.term(a), self.term(b));
            let rest = self.term(a - b);
            let product = self.product(Op::Mul(ta, tb));
            let twice = self.push(Op::Add(product, product));
            let rest = self.scaled(rest, -1.0);
            self.push(Op::Add(twice, rest))
        };
        self.terms.insert(k, made);
        made
    }

    fn scaled(&mut self, x: ValueId, factor: f64) -> ValueId {
        self.push(Op::MulScalar {
            x,
            factor,
            scale: None,
        })
    }

    fn evaluate(&mut self, part: &Part) -> ValueId {
        let (m, quotient, rest) = match part {
            Part::Terms(coefficients) => return self.combine(coefficients),
            Part::Split { m, quotient, rest } => (*m, quotient, rest),
        };
        let main = match quotient.constant() {
            Some(constant) => {
                let x = self.term(m);
                self.scaled(x, constant)
            }
            None => {
                let q = self.evaluate(quotient);
                let t = self.term(m);
                self.product(Op::Mul(q, t))
            }
        };
        match rest.constant() {
            Some(constant) => self.add_constant(main, constant),
            None => {
                let rest = self.evaluate(rest);
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
                self.scaled(x, factor)
            })
            .collect();
        let sum = self.circuit.push_sum(&products, Some(self.site.layer));
        self.add_constant(sum, coefficients[0])
    }
}
