//! What a circuit will cost once later passes are through with it, estimated before they ran.

use super::units::{multiplies, units};
use ::circuit::{Circuit, CostTable, Measured, Op, ValueId};
use std::collections::{BTreeMap, BTreeSet};

/// Microseconds of the parts that circuits are compared by, at one level: 8 limbs, 3 special primes, 3 digits.
#[derive(Clone, Copy, Debug)]
pub struct Prices {
    /// Digits of a value, once for all its rotations.
    pub decompose: f64,
    /// One rotation of digits.
    pub rotate: f64,
    /// A division by P, once for a sum.
    pub mod_down: f64,
    /// A product with an encoded vector, inside a sum.
    pub mul_plain: f64,
    /// A product with a number.
    pub mul_scalar: f64,
    /// A product of two values.
    pub mul: f64,
    /// A relinearization.
    pub relinearize: f64,
    /// An addition.
    pub add: f64,
    /// A rescale.
    pub rescale: f64,
    /// A rotation key, once for the circuit: it has to be made, held and read.
    pub key: f64,
}

impl Prices {
    /// Prices at one ring degree.
    pub fn new(costs: &CostTable, log_n: u8) -> Self {
        let us = |what| costs.us(what, log_n, 8, 3, 3);
        let rotate = us(Measured::RotateHoisted);
        Self {
            decompose: us(Measured::Decompose),
            rotate,
            mod_down: us(Measured::ModDown),
            mul_plain: costs.fused_us(log_n, 8, 3, 3).each,
            mul_scalar: us(Measured::MulScalar),
            mul: us(Measured::Mul),
            relinearize: us(Measured::Relinearize),
            add: us(Measured::Add),
            rescale: us(Measured::Rescale),
            key: rotate,
        }
    }

    /// The price of a circuit that has no levels and no hoisted rotations yet.
    ///
    /// Rotations of one value are taken to share a decomposition, sums of rotated values and of their plain products
    /// one mod down, sums of products one rescale; a term that needs no rescale, among terms that do, gets a product
    /// with a number. Each different amount pays for a key. Levels are left out: all operations have the price of one.
    pub fn of(&self, circuit: &Circuit) -> f64 {
        let units = units(circuit);
        let users = circuit.users();
        let mut amounts = BTreeSet::new();
        let mut fans: BTreeMap<ValueId, usize> = BTreeMap::new();
        for (_, op) in circuit.ops() {
            if let Op::Rotate { x, by } = op {
                amounts.insert(by.amount());
                *fans.entry(*x).or_default() += 1;
            }
        }
        let basis = basis(circuit, &units, &fans);
        let sources: f64 = fans
            .keys()
            .map(|x| match basis[x.index()] {
                Basis::Q | Basis::Rotation => self.decompose,
                Basis::Qp => self.decompose + self.mod_down / 2.0,
            })
            .sum();
        let mut total = amounts.len() as f64 * self.key + sources;
        let mut is_output = vec![false; users.len()];
        circuit
            .outputs()
            .iter()
            .for_each(|o| is_output[o.index()] = true);
        for (id, op) in circuit.ops() {
            let i = id.index();
            total += self.op(op, &units);
            let in_q = |u: &ValueId| {
                basis[u.index()] == Basis::Q || matches!(circuit.op(*u), Op::MulPlain { .. })
            };
            let strict =
                |u: &ValueId| !matches!(circuit.op(*u), Op::Rotate { .. }) && !is_qp(&basis, *u);
            if basis[i] != Basis::Q && (is_output[i] || users[i].iter().any(strict)) {
                total += self.mod_down;
            }
            let rescales = |u: &ValueId| in_q(u) && needs_one_unit(circuit.op(*u), &units);
            if units[i] == 2 && (is_output[i] || users[i].iter().any(rescales)) {
                total += self.rescale;
            }
        }
        total
    }

    fn op(&self, op: &Op, units: &[u8]) -> f64 {
        match op {
            Op::Rotate { .. } => self.rotate,
            Op::MulPlain { .. } => self.mul_plain,
            Op::MulScalar { .. } => self.mul_scalar,
            Op::Mul(..) | Op::Square(_) => self.mul,
            Op::Relinearize(_) => self.relinearize,
            Op::AddPlain { .. } | Op::Neg(_) => self.add,
            Op::Add(..) | Op::Sub(..) | Op::Sum(_) => {
                let terms = op.operands();
                let n_single = terms.iter().filter(|t| units[t.index()] == 1).count();
                let mixed = if n_single < terms.len() { n_single } else { 0 };
                (terms.len() - 1) as f64 * self.add + mixed as f64 * self.mul_scalar
            }
            _ => 0.0,
        }
    }
}

/// The basis a value will have.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Basis {
    Q,
    /// A rotation on its own, whose mod down can be left to a sum.
    Rotation,
    Qp,
}

fn is_qp(basis: &[Basis], id: ValueId) -> bool {
    basis[id.index()] == Basis::Qp
}

fn basis(circuit: &Circuit, units: &[u8], fans: &BTreeMap<ValueId, usize>) -> Vec<Basis> {
    let mut basis: Vec<Basis> = Vec::with_capacity(units.len());
    for (_, op) in circuit.ops() {
        let operands = op.operands();
        let qp = |v: &ValueId| is_qp(&basis, *v);
        let n_rotations = operands
            .iter()
            .filter(|o| basis[o.index()] != Basis::Q)
            .count();
        basis.push(match op {
            Op::Rotate { x, .. } if fans.get(x).is_some_and(|n| *n > 1) => Basis::Qp,
            Op::Rotate { .. } => Basis::Rotation,
            Op::MulPlain { x, .. } | Op::MulScalar { x, .. } if units[x.index()] == 1 && qp(x) => {
                Basis::Qp
            }
            Op::Neg(x) if qp(x) => Basis::Qp,
            Op::Add(..) | Op::Sub(..) | Op::Sum(_)
                if !needs_one_unit(op, units) && (operands.iter().any(qp) || n_rotations > 1) =>
            {
                Basis::Qp
            }
            _ => Basis::Q,
        });
    }
    basis
}

/// Whether the operation reads values that must have been rescaled.
fn needs_one_unit(op: &Op, units: &[u8]) -> bool {
    let of = op.operands();
    multiplies(op) || of.iter().any(|o| units[o.index()] != units[of[0].index()])
}

/// Products on the longest path to each value: the levels it will use.
pub fn depths(circuit: &Circuit) -> Vec<u32> {
    let mut depths: Vec<u32> = Vec::with_capacity(circuit.values().len());
    for (_, op) in circuit.ops() {
        let of = op.operands();
        let below = of.iter().map(|o| depths[o.index()]).max().unwrap_or(0);
        depths.push(below + u32::from(multiplies(op)));
    }
    depths
}
