#![doc = include_str!("README.md")]

mod prices;
mod refresh;
mod search;
#[cfg(test)]
mod tests;

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
            "every operation runs at the lowest level that suffices; refreshes where the chain is too short",
        )
        .needs("rescales are placed")
        .gives("every value has a level; results are at level 0")
        .source(
            "lowest levels by one backward walk; Dathathri et al., EVA, PLDI 2020, for the checker; refreshes by shortest path after Orion, Ebel et al., ASPLOS 2025",
        )
    }

    fn run(&self, circuit: &mut Circuit, cx: &mut PassCx<'_>) -> Result<Changed, Refusal> {
        if circuit.inputs().iter().all(|i| i.level.is_some()) {
            return Ok(Changed::No);
        }
        if circuit
            .ops()
            .any(|(_, op)| matches!(op, Op::Refresh { .. }))
        {
            return Err(Refusal::new("values are refreshed before levels are known")
                .help("leave refreshes to this pass, or give the inputs levels"));
        }
        let needed = match refresh::plan(circuit, cx)? {
            Some(needed) => needed,
            None => needed_levels(circuit, &[])?,
        };
        let top = needed.iter().map(|n| n.read).max().unwrap_or(0);
        *circuit = at_levels(circuit, &needed);
        cx.note(format!("{top} levels"));
        Ok(Changed::Yes)
    }
}

/// The levels of a value.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Needed {
    /// At which it is computed.
    made: u8,
    /// At which it is read first; higher where it is refreshed.
    read: u8,
}

/// The circuit with inputs, drops and refreshes at these levels.
fn at_levels(old: &Circuit, needed: &[Needed]) -> Circuit {
    let mut levels: Vec<u8> = Vec::new();
    let mut dropped: HashMap<(ValueId, u8), ValueId> = HashMap::new();
    let mut next = old.rebuild(|next, id, value| {
        let Needed { made, read } = needed[id.index()];
        let to = executed_at(&value.op, made);
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
        let x = next.push(Value { op, ..value });
        if read == made {
            return x;
        }
        levels.push(read);
        let to = Level(read);
        next.push_op(Op::Refresh { x, to, scale: None }, layer)
    });
    next.inputs_mut()
        .iter_mut()
        .zip(needed)
        .for_each(|(input, level)| input.level = Some(Level(level.made)));
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
    next
}

fn rescales(op: &Op) -> bool {
    matches!(op, Op::Rescale(_) | Op::ModDown { rescale: true, .. })
}

/// Level of the operands when the result is needed at `level`.
fn executed_at(op: &Op, level: u8) -> u8 {
    level + u8::from(rescales(op))
}

/// The lowest levels at which each value can be had and still serve all that reads it; `refreshed` values are made at the
/// level beside them, whatever they are read at.
fn needed_levels(circuit: &Circuit, refreshed: &[(ValueId, u8)]) -> Result<Vec<Needed>, Refusal> {
    let source: HashMap<ValueId, u8> = refreshed.iter().copied().collect();
    let none = Needed { made: 0, read: 0 };
    let mut needed = vec![none; circuit.values().len()];
    for (id, op) in circuit.ops().rev() {
        let Needed { made, read } = &mut needed[id.index()];
        if *read == u8::MAX {
            return Err(Refusal::new("the network needs more than 254 levels")
                .help("split it, or lower the degree of its activations"));
        }
        *made = source.get(&id).map_or(*read, |&level| level.min(*read));
        let level = executed_at(op, *made);
        for operand in op.operands() {
            let slot = &mut needed[operand.index()].read;
            *slot = (*slot).max(level);
        }
    }
    // One sample's ciphertexts are encrypted alike; the circuit drops what it does not need.
    let inputs = &mut needed[..circuit.inputs().len()];
    let top = inputs.iter().map(|n| n.read).max().unwrap_or(0);
    let top = Needed {
        made: top,
        read: top,
    };
    inputs.fill(top);
    Ok(needed)
}
