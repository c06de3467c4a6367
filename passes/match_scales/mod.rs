#![doc = include_str!("README.md")]

mod solve;

use ::circuit::{Circuit, Op, ValueId, facts};
use params::{Level, Scale};
use pass::{Changed, Pass, PassCx, PassInfo, Refusal};
use serde::{Deserialize, Serialize};
use solve::{Conflict, Solution};

/// See the module.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct MatchScales {}

impl Pass<Circuit> for MatchScales {
    fn info(&self) -> PassInfo {
        PassInfo::new("match-scales", "plaintext scales are chosen so that only equal scales are ever added")
            .needs("levels are assigned")
            .gives("every value has an exact scale")
            .source("Kim, Papadimitriou and Polyakov, ePrint 2020/1118 (reduced-error CKKS), as one backward solve")
    }

    fn run(&self, circuit: &mut Circuit, cx: &mut PassCx<'_>) -> Result<Changed, Refusal> {
        if facts(circuit).is_ok_and(|f| f.iter().all(|f| f.scale.is_some())) {
            return Ok(Changed::No);
        }
        let fresh = Scale::power_of_two(i32::from(cx.settings.scale_bits));
        let mut adjusted = 0u64;
        let solution = loop {
            match solve::solve(circuit, &fresh) {
                Ok(solution) => break solution,
                Err(Conflict { sums, mismatch }) => {
                    let better = sums.iter().find_map(|&at| adjust(circuit, at));
                    *circuit = better.ok_or_else(|| conflict(circuit, &sums, &mismatch))?;
                    adjusted += 1;
                }
            }
        };
        apply(circuit, &solution, &fresh);
        let facts = facts(circuit).map_err(|e| Refusal::new(e.to_string()))?;
        if let Some(i) = facts.iter().position(|f| f.scale.is_none()) {
            let id = ValueId(i as u32);
            return Err(conflict(circuit, &[id], "that depend on each other"));
        }
        if adjusted > 0 {
            cx.note(format!("{adjusted} values adjusted to the scale they are added to, in a level they had to spare"));
        }
        Ok(Changed::Yes)
    }
}

/// Names the layer whose sum can not be brought to one scale.
fn conflict(circuit: &Circuit, sums: &[ValueId], mismatch: &str) -> Refusal {
    let layer = sums.first().and_then(|&at| circuit.value(at).layer);
    let name = layer
        .and_then(|l| circuit.layers().get(usize::from(l.0)))
        .map_or("the network", |l| l.name.as_str());
    Refusal::new(format!("{name} adds values of scales {mismatch}, and none of them has a level to spare for bringing them together"))
        .help("multiply one of the branches by a constant such as 1.0 in the model, or put a linear layer on it")
}

fn apply(circuit: &mut Circuit, solution: &Solution, fresh: &Scale) {
    for input in circuit.inputs_mut() {
        input.scale = Some(fresh.clone());
    }
    for (i, value) in circuit.values_mut().iter_mut().enumerate() {
        if let Op::MulPlain { scale, .. } | Op::MulScalar { scale, .. } = &mut value.op {
            scale.clone_from(&solution.factors[i]);
        }
        if let Op::Refresh { scale, .. } = &mut value.op {
            *scale = Some(fresh.clone());
        }
    }
}

/// Turns a level drop among the operands of `at`, or among what they are sums of, into a product with one and a
/// rescale: the same level, but a scale that can be chosen. `None` without such a drop.
fn adjust(old: &Circuit, at: ValueId) -> Option<Circuit> {
    let mut stack: Vec<ValueId> = old.op(at).operands().to_vec();
    let mut chosen = None;
    while let Some(id) = stack.pop() {
        match old.op(id) {
            Op::DropLevel { .. } => {
                chosen = Some(id);
                break;
            }
            op if solve::keeps_scale(op) => stack.extend(op.operands()),
            _ => {}
        }
    }
    let chosen = chosen?;
    Some(old.rebuild(|next, id, value| match value.op {
        Op::DropLevel { x, to } if id == chosen => {
            let above = Level(to.0 + 1);
            let layer = value.layer;
            let x = match next.op(x) {
                Op::DropLevel { x, .. } => *x,
                _ => x,
            };
            let level = facts(next).ok().and_then(|f| f[x.index()].level);
            let x = if level == Some(above) {
                x
            } else {
                next.push_op(Op::DropLevel { x, to: above }, layer)
            };
            let product = next.push_op(
                Op::MulScalar {
                    x,
                    factor: 1.0,
                    scale: None,
                },
                layer,
            );
            next.push_op(Op::Rescale(product), layer)
        }
        _ => next.push(value),
    }))
}
