//! Predicted time of operations.

mod table;

pub use table::{CostError, CostRow, CostTable, Link, Measured};

use crate::{Circuit, CircuitError, Kind, LayerId, Op, ValueId, facts};
use params::{Level, Params};
use std::collections::BTreeSet;

impl CostTable {
    /// Microseconds of one operation whose operand is at `level`, sums counted in full.
    ///
    /// A refresh is decrypted, decoded, encoded and encrypted by the client, whose machine is taken to be like the
    /// server's, and crosses the [`Link`] both ways; the round trip comes on top, once for all refreshes of a tensor.
    pub fn op_us(
        &self,
        op: &Op,
        kind: Kind,
        operand_kind: Kind,
        level: Level,
        params: &Params,
    ) -> f64 {
        let m = level.n_limbs();
        let k = params.special().len();
        let beta = params.digits_at(level).len();
        let us = |what| self.us(what, params.log_n(), m, k, beta);
        // Passes over limbs: as many limbs as the value has, however they are named.
        let wide = |what| self.us(what, params.log_n(), m + k, 0, beta);
        let pass = |what| match kind {
            Kind::Ext | Kind::Digits => wide(what),
            Kind::Ct3 => 1.5 * us(what),
            Kind::Ct => us(what),
        };
        match op {
            Op::Input { .. } | Op::DropLevel { .. } => 0.0,
            Op::Add(..) | Op::Sub(..) | Op::Neg(_) | Op::AddPlain { .. } => pass(Measured::Add),
            Op::Sum(terms) => (terms.len() as f64 - 1.0) * pass(Measured::Add),
            Op::MulPlain { .. } if kind == Kind::Ext => {
                let fused = self.fused_at(kind, level, params);
                fused.once + fused.each
            }
            Op::MulPlain { .. } => pass(Measured::MulPlain),
            Op::MulScalar { .. } | Op::Extend(_) => pass(Measured::MulScalar),
            Op::Mul(..) | Op::Square(_) => us(Measured::Mul),
            Op::Relinearize(_) => us(Measured::Relinearize),
            Op::Rotate { .. } | Op::Conjugate(_) => us(Measured::Rotate),
            Op::Rescale(_) => pass(Measured::Rescale),
            Op::Decompose(_) if operand_kind == Kind::Ext => {
                us(Measured::Decompose) + us(Measured::ModDown) / 2.0
            }
            Op::Decompose(_) => us(Measured::Decompose),
            Op::RotateHoisted { .. } => us(Measured::RotateHoisted),
            Op::ModDown { .. } => us(Measured::ModDown),
            Op::Refresh { to, .. } => {
                let fresh = |what| self.us(what, params.log_n(), to.n_limbs(), k, beta);
                let bytes = params.ciphertext_bytes(level) + params.ciphertext_bytes(*to);
                us(Measured::Decrypt)
                    + fresh(Measured::Encode)
                    + fresh(Measured::Encrypt)
                    + self.link().bytes_us(bytes)
            }
        }
    }

    /// Prices of a sum of plain products at `limbs` limbs, `special` special primes and `digits` live digits.
    pub fn fused_us(&self, log_n: u8, limbs: usize, special: usize, digits: usize) -> FusedUs {
        let us = |what| self.us(what, log_n, limbs, special, digits);
        let (two, eight) = (us(Measured::Sum2ProductsExt), us(Measured::Sum8ProductsExt));
        // Whatever the noise of the two rows, between half of the longer sum and all of it is its products'.
        let each = ((eight - two) / 6.0).clamp(eight / 16.0, eight / 8.0);
        FusedUs {
            each,
            once: eight - 8.0 * each,
        }
    }

    fn fused_at(&self, kind: Kind, level: Level, params: &Params) -> FusedUs {
        let special = match kind {
            Kind::Ext => params.special().len(),
            _ => 0,
        };
        let digits = params.digits_at(level).len();
        self.fused_us(params.log_n(), level.n_limbs(), special, digits)
    }

    /// Microseconds of encoding a plain vector of `period` different values to `limbs` limbs, special ones included.
    pub fn encode_us(&self, log_n: u8, limbs: usize, period: usize) -> f64 {
        let fill = self.us(Measured::EncodeScalar, log_n, limbs, 0, 1);
        if period <= 1 {
            return fill;
        }
        let full = self.us(Measured::Encode, log_n, limbs, 0, 1);
        let work = |log: f64| log.exp2() * log;
        let share = work((period as f64).log2() + 1.0) / work(f64::from(log_n));
        fill + (full - fill).max(0.0) * share.min(1.0)
    }

    /// Microseconds of a run with weights encoded beforehand: the total, and per layer in layer order.
    ///
    /// Sums are made together with the plain products that only they read, as [`fused_products`] tells.
    ///
    /// # Errors
    /// [`CircuitError::Invalid`] if the circuit does not verify.
    pub fn circuit_us(&self, circuit: &Circuit) -> Result<(f64, Vec<f64>), CircuitError> {
        let facts = facts(circuit)?;
        let mut total = 0.0;
        let mut layers = vec![0.0; circuit.layers().len()];
        let Some(params) = circuit.params() else {
            return Ok((total, layers));
        };
        let sites = PriceSites::new(circuit);
        let mut asked = BTreeSet::new();
        for (value, (id, op)) in circuit.values().iter().zip(circuit.ops()) {
            let operand = op.operands().first().copied().unwrap_or(id);
            let Some(level) = facts[operand.index()].level else {
                continue;
            };
            let mut us = sites.us(self, id, level, params);
            // Refreshes of one layer's values are asked for together.
            let first = |layer: LayerId| asked.insert(layer);
            if matches!(op, Op::Refresh { .. }) && value.layer.is_none_or(first) {
                us += self.link().round_trip_us();
            }
            total += us;
            if let Some(slot) = value.layer.and_then(|l| layers.get_mut(usize::from(l.0))) {
                *slot += us;
            }
        }
        Ok((total, layers))
    }
}

/// What the price of each value of a circuit depends on, apart from its level.
pub struct PriceSites<'a> {
    circuit: &'a Circuit,
    kinds: Vec<Option<Kind>>,
    fused: Vec<bool>,
}

impl<'a> PriceSites<'a> {
    /// Looks at a circuit, whose levels need not be known.
    pub fn new(circuit: &'a Circuit) -> Self {
        Self {
            circuit,
            kinds: circuit.kinds(),
            fused: fused_products(circuit),
        }
    }

    /// Microseconds of one value whose operand is at `level`, round trips of refreshes apart; sums are made together
    /// with the plain products that only they read.
    pub fn us(&self, costs: &CostTable, id: ValueId, level: Level, params: &Params) -> f64 {
        let op = self.circuit.op(id);
        let operands = op.operands();
        let kind_of = |id: ValueId| self.kinds[id.index()].unwrap_or(Kind::Ct);
        let kind = kind_of(id);
        let operand_kind = operands.first().map_or(kind, |o| kind_of(*o));
        let alone = || costs.op_us(op, kind, operand_kind, level, params);
        let prices = || costs.fused_at(kind, level, params);
        let n_fused = operands.iter().filter(|o| self.fused[o.index()]).count();
        match n_fused {
            _ if self.fused[id.index()] && matches!(op, Op::MulScalar { .. }) => {
                let special = match kind {
                    Kind::Ext => params.special().len(),
                    _ => 0,
                };
                let (limbs, digits) = (level.n_limbs() + special, params.digits_at(level).len());
                costs.us(Measured::ScalarProduct, params.log_n(), limbs, 0, digits)
            }
            _ if self.fused[id.index()] => prices().each,
            0 => alone(),
            _ => {
                let others = (operands.len() - n_fused) as f64;
                prices().once + alone() * others / (operands.len() - 1) as f64
            }
        }
    }

    /// Two values with equal keys have equal prices at every level; refreshes apart, which depend on where they lead.
    pub fn class(&self, id: ValueId) -> (&'static str, [usize; 5]) {
        let op = self.circuit.op(id);
        let operands = op.operands();
        let kind_of = |id: ValueId| self.kinds[id.index()].map_or(0, |k| 1 + k as usize);
        let n_fused = operands.iter().filter(|o| self.fused[o.index()]).count();
        (
            op.word(),
            [
                kind_of(id),
                operands.first().map_or(0, |o| kind_of(*o)),
                operands.len(),
                n_fused,
                usize::from(self.fused[id.index()]),
            ],
        )
    }
}

/// Microseconds of a sum of plain products that is made in one pass.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct FusedUs {
    /// Of each product.
    pub each: f64,
    /// Of the sum besides, however many products it has.
    pub once: f64,
}

/// For each value, whether it is a product with a plain vector or a number that only one sum reads: the two are computed
/// together.
pub fn fused_products(circuit: &Circuit) -> Vec<bool> {
    let users = circuit.users();
    let mut is_output = vec![false; circuit.values().len()];
    for output in circuit.outputs() {
        is_output[output.index()] = true;
    }
    let into_sum = |id: ValueId| match users[id.index()][..] {
        [user] => match circuit.op(user) {
            Op::Add(a, b) => a != b,
            Op::Sum(terms) => terms.iter().filter(|t| **t == id).count() == 1,
            _ => false,
        },
        _ => false,
    };
    circuit
        .ops()
        .map(|(id, op)| {
            matches!(op, Op::MulPlain { .. } | Op::MulScalar { .. })
                && !is_output[id.index()]
                && into_sum(id)
        })
        .collect()
}

#[cfg(test)]
mod tests;
