//! Predicted time of operations.

use crate::{Circuit, CircuitError, Kind, Op, facts};
use params::{Level, Params};
use serde::{Deserialize, Serialize};

/// Microseconds of the parts that every operation is made of, at ring degree 2^14, one thread; scaled by `N log N` for
/// transforms and by `N` for the rest.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CostTable {
    /// One transform of one limb.
    pub ntt_us: f64,
    /// One pass over one limb: a product, a sum.
    pub limb_us: f64,
    /// Encoding before its transforms: the floating-point transform and the rounding.
    pub encode_us: f64,
}

impl Default for CostTable {
    /// Measured with `cargo run --release -p privet-ckks --example timing` on an AVX-512 IFMA server core.
    fn default() -> Self {
        Self {
            ntt_us: 32.0,
            limb_us: 9.0,
            encode_us: 350.0,
        }
    }
}

impl CostTable {
    /// Microseconds of one operation whose operand is at `level`.
    ///
    /// # Source
    /// A key switch of `β` digits over `m` limbs and `K` specials needs `(β + 2)(m + K)` transforms (Han and Ki, ePrint
    /// 2019/688).
    pub fn op_us(
        &self,
        op: &Op,
        kind: Kind,
        operand_kind: Kind,
        level: Level,
        params: &Params,
    ) -> f64 {
        let size = params.ring_degree() as f64 / 16384.0;
        let ntt = self.ntt_us * size * f64::from(params.log_n()) / 14.0;
        let limb = self.limb_us * size;
        let m = level.n_limbs() as f64;
        let k = params.special().len() as f64;
        let beta = params.digits_at(level).len() as f64;
        let parts = if kind == Kind::Ct3 { 3.0 } else { 2.0 };
        let width = if kind == Kind::Ext || kind == Kind::Digits {
            m + k
        } else {
            m
        };
        let decompose = (beta * (m + k)) * (ntt + limb);
        let key_product = 2.0 * beta * (m + k) * limb;
        let mod_down = 2.0 * (m + k) * (ntt + limb);
        match op {
            Op::Input { .. } | Op::DropLevel { .. } => 0.0,
            Op::Add(..) | Op::Sub(..) | Op::Neg(_) | Op::AddPlain { .. } => parts * width * limb,
            Op::Sum(terms) => (terms.len() as f64 - 1.0) * parts * width * limb,
            Op::MulPlain { .. } | Op::MulScalar { .. } | Op::Extend(_) => parts * width * limb,
            Op::Mul(..) | Op::Square(_) => 4.0 * width * limb,
            Op::Relinearize(_) | Op::Rotate { .. } | Op::Conjugate(_) => {
                decompose + key_product + mod_down
            }
            Op::Rescale(_) => parts * m * (ntt + limb),
            Op::Decompose(_) if operand_kind == Kind::Ext => decompose + mod_down / 2.0,
            Op::Decompose(_) => decompose,
            Op::RotateHoisted { .. } => key_product + 2.0 * (m + k) * limb,
            Op::ModDown { .. } => mod_down,
        }
    }

    /// Microseconds of a run with weights encoded beforehand: the total, and per layer in layer order.
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
        for (value, (id, op)) in circuit.values().iter().zip(circuit.ops()) {
            let operand = op
                .operands()
                .first()
                .map_or(&facts[id.index()], |o| &facts[o.index()]);
            let Some(level) = operand.level else { continue };
            let us = self.op_us(op, facts[id.index()].kind, operand.kind, level, params);
            total += us;
            if let Some(slot) = value.layer.and_then(|l| layers.get_mut(usize::from(l.0))) {
                *slot += us;
            }
        }
        Ok((total, layers))
    }
}
