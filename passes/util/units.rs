//! How many scales a value's scale is made of, before scales are known.

use ::circuit::{Circuit, Op};

/// Units of every value, assuming that whatever is multiplied has been rescaled to one: 2 for a product that waits for
/// its rescale, and for sums of such; else 1. A sum of mixed terms has 1, because its products must be rescaled first.
pub fn units(circuit: &Circuit) -> Vec<u8> {
    let mut units: Vec<u8> = Vec::with_capacity(circuit.values().len());
    for (_, op) in circuit.ops() {
        let of = op.operands();
        let least = of.iter().map(|o| units[o.index()]).min().unwrap_or(1);
        units.push(match op {
            Op::MulPlain { .. } | Op::MulScalar { .. } | Op::Mul(..) | Op::Square(_) => 2,
            Op::Rescale(_) | Op::ModDown { rescale: true, .. } | Op::Refresh { .. } => 1,
            _ => least,
        });
    }
    units
}

/// Whether the operation multiplies: its operands must have one unit.
pub fn multiplies(op: &Op) -> bool {
    matches!(
        op,
        Op::MulPlain { .. } | Op::MulScalar { .. } | Op::Mul(..) | Op::Square(_)
    )
}
