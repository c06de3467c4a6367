#![doc = include_str!("README.md")]

use ::circuit::{Circuit, Op, Value, ValueId};
use pass::{Changed, Pass, PassCx, PassInfo, Refusal};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, HashMap};

/// See the module.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct HoistRotations {}

impl Pass<Circuit> for HoistRotations {
    fn info(&self) -> PassInfo {
        PassInfo::new(
            "hoist-rotations",
            "rotations of one value share one decomposition",
        )
        .needs("rotations are not repeated")
        .gives("a value is rotated at most once without hoisting")
        .source("Halevi and Shoup, ePrint 2018/244")
    }

    fn run(&self, circuit: &mut Circuit, cx: &mut PassCx<'_>) -> Result<Changed, Refusal> {
        let mut fans: BTreeMap<ValueId, usize> = BTreeMap::new();
        for (_, op) in circuit.ops() {
            if let Op::Rotate { x, .. } = op {
                *fans.entry(*x).or_default() += 1;
            }
        }
        fans.retain(|_, n| *n > 1);
        if fans.is_empty() {
            return Ok(Changed::No);
        }
        let mut digits: HashMap<ValueId, ValueId> = HashMap::new();
        let old = &*circuit;
        let next = old.rebuild(|next, id, value| match (old.op(id), &value.op) {
            (Op::Rotate { x: old_x, .. }, &Op::Rotate { x, by }) if fans.contains_key(old_x) => {
                let digits = *digits
                    .entry(*old_x)
                    .or_insert_with(|| next.push_op(Op::Decompose(x), value.layer));
                let ext = next.push(Value {
                    op: Op::RotateHoisted { digits, by },
                    ..value
                });
                next.push_op(
                    Op::ModDown {
                        x: ext,
                        rescale: false,
                    },
                    value.layer,
                )
            }
            _ => next.push(value),
        });
        *circuit = next;
        for n in fans.values() {
            cx.note(format!("{n} rotations share one decomposition"));
        }
        Ok(Changed::Yes)
    }
}
