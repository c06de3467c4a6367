#![doc = include_str!("README.md")]

use ::circuit::{Circuit, Op, Value, ValueId};
use params::Level;
use pass::{Changed, Pass, PassCx, PassInfo, Refusal};
use serde::{Deserialize, Serialize};
use std::collections::HashMap;

/// See the module.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct AssignLevels {}

impl Pass<Circuit> for AssignLevels {
    fn info(&self) -> PassInfo {
        PassInfo::new(
            "assign-levels",
            "every operation runs at the lowest level that suffices",
        )
        .needs("rescales are placed")
        .gives("every value has a level; results are at level 0")
        .source(
            "lowest levels by one backward walk; Dathathri et al., EVA, PLDI 2020, for the checker",
        )
    }

    fn run(&self, circuit: &mut Circuit, cx: &mut PassCx<'_>) -> Result<Changed, Refusal> {
        if circuit.inputs().iter().all(|i| i.level.is_some()) {
            return Ok(Changed::No);
        }
        let old = &*circuit;
        let needed = needed_levels(old)?;
        let mut levels: Vec<u8> = Vec::new();
        let mut dropped: HashMap<(ValueId, u8), ValueId> = HashMap::new();
        let mut next = old.rebuild(|next, id, value| {
            let to = executed_at(&value.op, needed[id.index()]);
            let is_rotation = matches!(value.op, Op::RotateHoisted { .. });
            let layer = value.layer;
            let operands: Vec<ValueId> = value
                .op
                .operands()
                .iter()
                .map(|&x| {
                    // Digits keep the level they were made at; what is computed from them is dropped instead.
                    if levels[x.index()] == to || is_rotation {
                        return x;
                    }
                    *dropped.entry((x, to)).or_insert_with(|| {
                        levels.push(to);
                        next.push_op(Op::DropLevel { x, to: Level(to) }, layer)
                    })
                })
                .collect();
            let mut operands = operands.into_iter();
            let op = value
                .op
                .map_operands(|_| operands.next().expect("as many as before"));
            let below = op.operands().first().map_or(to, |x| levels[x.index()]);
            levels.push(below - u8::from(rescales(&op)));
            next.push(Value { op, ..value })
        });
        next.inputs_mut()
            .iter_mut()
            .zip(&needed)
            .for_each(|(input, level)| input.level = Some(Level(*level)));
        // An output above level 0 would only be longer to send.
        let outputs = next.outputs().to_vec();
        let outputs = outputs.into_iter().map(|o| {
            if levels[o.index()] == 0 {
                o
            } else {
                next.push_op(Op::DropLevel { x: o, to: Level(0) }, None)
            }
        });
        let outputs = outputs.collect();
        next.set_outputs(outputs);
        let top = needed
            .iter()
            .take(next.inputs().len())
            .max()
            .copied()
            .unwrap_or(0);
        *circuit = next;
        cx.note(format!("{top} levels"));
        Ok(Changed::Yes)
    }
}

fn rescales(op: &Op) -> bool {
    matches!(op, Op::Rescale(_) | Op::ModDown { rescale: true, .. })
}

/// Level of the operands when the result is needed at `level`.
fn executed_at(op: &Op, level: u8) -> u8 {
    level + u8::from(rescales(op))
}

/// The lowest level at which each value can be had and still serve all that reads it.
fn needed_levels(circuit: &Circuit) -> Result<Vec<u8>, Refusal> {
    let mut needed = vec![0u8; circuit.values().len()];
    for (id, op) in circuit.ops().rev() {
        let level = needed[id.index()];
        if level == u8::MAX {
            return Err(Refusal::new("the network needs more than 254 levels")
                .help("split it, or lower the degree of its activations"));
        }
        for operand in op.operands() {
            let slot = &mut needed[operand.index()];
            *slot = (*slot).max(executed_at(op, level));
        }
    }
    // One sample's ciphertexts are encrypted alike; the circuit drops what it does not need.
    let n_inputs = circuit.inputs().len();
    let top = needed[..n_inputs].iter().copied().max().unwrap_or(0);
    needed[..n_inputs].fill(top);
    Ok(needed)
}
