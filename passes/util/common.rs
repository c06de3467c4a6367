//! Equal values as one.

use ::circuit::{Circuit, Op, Operands, PlainId, ValueId};
use params::Scale;
use std::collections::HashMap;
use std::mem::{Discriminant, discriminant};

/// What tells operations apart.
#[derive(PartialEq, Eq, Hash)]
struct Key {
    op: Discriminant<Op>,
    operands: Operands,
    plain: Option<PlainId>,
    /// Amount, factor, index, level or flag, whichever the operation has.
    number: u64,
    scale: Option<Scale>,
}

impl Key {
    fn of(op: &Op) -> Self {
        Self {
            op: discriminant(op),
            operands: op.operands(),
            plain: match op {
                Op::MulPlain { plain, .. } | Op::AddPlain { plain, .. } => Some(*plain),
                _ => None,
            },
            number: match op {
                Op::Rotate { by, .. } | Op::RotateHoisted { by, .. } => u64::from(by.amount()),
                Op::MulScalar { factor, .. } => factor.to_bits(),
                Op::Input { index } => u64::from(*index),
                Op::DropLevel { to, .. } | Op::Refresh { to, .. } => u64::from(to.0),
                Op::ModDown { rescale, .. } => u64::from(*rescale),
                _ => 0,
            },
            scale: match op {
                Op::MulPlain { scale, .. }
                | Op::MulScalar { scale, .. }
                | Op::Refresh { scale, .. } => scale.clone(),
                _ => None,
            },
        }
    }
}

/// A circuit in which no operation is repeated on the same operands, the first stays; and how many were.
///
/// Products with 0 stay apart: they cost next to nothing, and each takes the scale of what it is added to.
#[must_use]
pub fn without_repeats(circuit: &Circuit) -> (Circuit, u64) {
    let mut seen: HashMap<Key, ValueId> = HashMap::new();
    let mut merged = 0;
    let mut next = circuit.rebuild(|next, _, value| {
        if matches!(value.op, Op::MulScalar { factor: 0.0, .. }) {
            return next.push(value);
        }
        *seen
            .entry(Key::of(&value.op))
            .and_modify(|_| merged += 1)
            .or_insert_with(|| next.push(value))
    });
    next.compact();
    (next, merged)
}
