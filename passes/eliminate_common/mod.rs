#![doc = include_str!("README.md")]

use ::circuit::{Circuit, Op};
use pass::{Changed, Pass, PassCx, PassInfo, Refusal};
use serde::{Deserialize, Serialize};
use std::collections::HashMap;

/// See the module.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct EliminateCommon {}

impl Pass<Circuit> for EliminateCommon {
    fn info(&self) -> PassInfo {
        PassInfo::new("eliminate-common", "equal values become one value")
            .gives("no two values have the same operation on the same operands")
    }

    fn run(&self, circuit: &mut Circuit, cx: &mut PassCx<'_>) -> Result<Changed, Refusal> {
        let mut seen = HashMap::new();
        let mut merged = 0u64;
        let next = circuit.rebuild(|next, _, value| {
            // Zeros cost next to nothing, and each takes the scale of what it is added to.
            if matches!(value.op, Op::MulScalar { factor: 0.0, .. }) {
                return next.push(value);
            }
            // Debug output of an operation names every field, floats exactly.
            *seen
                .entry(format!("{:?}", value.op))
                .and_modify(|_| merged += 1)
                .or_insert_with(|| next.push(value))
        });
        if merged == 0 {
            return Ok(Changed::No);
        }
        *circuit = next;
        cx.note(format!("{merged} values were computed twice"));
        Ok(Changed::Yes)
    }
}
