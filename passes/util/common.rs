//! Equal values as one, without changing the circuit that asks.

use ::circuit::{Circuit, Op, Operands, PlainId, ValueId};
use std::collections::HashMap;
use std::mem::{Discriminant, discriminant};

/// What tells operations apart that nothing is known of but their text.
#[derive(PartialEq, Eq, Hash)]
struct Key {
    op: Discriminant<Op>,
    operands: Operands,
    plain: Option<PlainId>,
    /// Amount, factor or index, whichever the operation has.
    number: u64,
}

/// A circuit without levels in which no operation is repeated on the same operands; the first stays.
#[must_use]
pub fn without_repeats(circuit: &Circuit) -> Circuit {
    let mut seen: HashMap<Key, ValueId> = HashMap::new();
    let mut next = circuit.rebuild(|next, _, value| {
        let key = Key {
            op: discriminant(&value.op),
            operands: value.op.operands(),
            plain: match value.op {
                Op::MulPlain { plain, .. } | Op::AddPlain { plain, .. } => Some(plain),
                _ => None,
            },
            number: match value.op {
                Op::Rotate { by, .. } => u64::from(by.amount()),
                Op::MulScalar { factor, .. } => factor.to_bits(),
                Op::Input { index } => u64::from(index),
                _ => 0,
            },
        };
        *seen.entry(key).or_insert_with(|| next.push(value))
    });
    next.compact();
    next
}
