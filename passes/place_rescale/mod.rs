#![doc = include_str!("README.md")]

use crate::util::units::{multiplies, units};
use ::circuit::{Circuit, Kind, LayerId, Op, Value, ValueId};
use pass::{Changed, Pass, PassCx, PassInfo, Refusal};
use serde::{Deserialize, Serialize};

/// See the module.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct PlaceRescale {}

impl Pass<Circuit> for PlaceRescale {
    fn info(&self) -> PassInfo {
        PassInfo::new(
            "place-rescale",
            "products are rescaled after sums, as early as one rescale serves all",
        )
        .needs("products of ciphertexts are relinearized where something but a sum reads them")
        .gives("whatever is multiplied or returned has one scale, not a product of scales")
        .source("Cheon et al., ePrint 2018/931; placement by dominators is ours")
    }

    fn run(&self, circuit: &mut Circuit, cx: &mut PassCx<'_>) -> Result<Changed, Refusal> {
        let before = ::circuit::counts(circuit).rescale;
        // A value that leaves a group of products rescaled may be summed with one that is not: then that one is next.
        while let Some(next) = place(circuit) {
            *circuit = next;
        }
        let after = ::circuit::counts(circuit).rescale;
        if after > before {
            cx.note(format!("{} rescales", after - before));
        }
        Ok((after > before).into())
    }
}

/// One round; `None` when nothing needs a rescale.
fn place(old: &Circuit) -> Option<Circuit> {
    let units = units(old);
    let kinds = old.kinds();
    let parent = dominators(old, &units);
    let needs_one = |user: &Op, of: ValueId, user_units: u8| {
        multiplies(user) || (user_units == 1 && units[of.index()] == 2 && !is_rescale(user))
    };
    let n = old.values().len();
    let mut exits = vec![false; n];
    for (id, op) in old.ops() {
        for operand in op.operands() {
            exits[operand.index()] |=
                units[operand.index()] == 2 && needs_one(op, operand, units[id.index()]);
        }
    }
    old.outputs()
        .iter()
        .for_each(|o| exits[o.index()] |= units[o.index()] == 2);
    let mut rescaled = vec![false; n];
    for exit in (0..n).filter(|&i| exits[i]) {
        let mut best = exit;
        let mut at = exit;
        while let Some(up) = parent[at] {
            at = up;
            if kinds[at] == Some(Kind::Ct) {
                best = at;
            }
        }
        rescaled[best] = true;
    }
    let rescaled = placed_now(old, &units, &parent, rescaled)?;
    // Values downstream of a rescaled one, in its group and through nothing else, are computed from it.
    let mut below = vec![false; n];
    for i in 0..n {
        below[i] = units[i] == 2 && parent[i].is_some_and(|p| below[p] || rescaled[p]);
    }
    let mut next = old.emptied();
    let mut raw: Vec<ValueId> = Vec::with_capacity(n);
    let mut down: Vec<Option<ValueId>> = vec![None; n];
    let users = old.users();
    for (value, (id, op)) in old.values().iter().zip(old.ops()) {
        let i = id.index();
        let reads_rescaled = |o: ValueId| below[i] || needs_one(op, o, units[i]);
        let op = op.clone().map_operands(|o| {
            if reads_rescaled(o) {
                down[o.index()].unwrap_or(raw[o.index()])
            } else {
                raw[o.index()]
            }
        });
        let all_read_rescaled = || {
            users[i]
                .iter()
                .all(|u| below[u.index()] || needs_one(old.op(*u), id, units[u.index()]))
        };
        match op {
            Op::ModDown { x, rescale: false } if rescaled[i] && all_read_rescaled() => {
                let merged = next.push(Value {
                    op: Op::ModDown { x, rescale: true },
                    ..value.clone()
                });
                raw.push(merged);
                down[i] = Some(merged);
            }
            op => {
                let made = next.push(Value {
                    op,
                    ..value.clone()
                });
                raw.push(made);
                if rescaled[i] {
                    down[i] = Some(rescaled_form(&mut next, made, kinds[i], value.layer));
                }
            }
        }
    }
    next.set_outputs(
        old.outputs()
            .iter()
            .map(|o| down[o.index()].unwrap_or(raw[o.index()]))
            .collect(),
    );
    Some(next)
}

/// Which of the rescales to place in this round: all that leave every sum's units as they are, or else the first. Any
/// other changes which sums are mixed, and so what the next one has to be.
fn placed_now(
    circuit: &Circuit,
    units: &[u8],
    parent: &[Option<usize>],
    mut rescaled: Vec<bool>,
) -> Option<Vec<bool>> {
    let first = rescaled.iter().position(|r| *r)?;
    let mut is_alone = rescaled.clone();
    let mut root: Vec<Option<usize>> = vec![None; units.len()];
    let mut follows = vec![false; units.len()];
    for (id, op) in circuit.ops().filter(|(id, _)| units[id.index()] == 2) {
        let i = id.index();
        let reached = |o: &ValueId| rescaled[o.index()] || follows[o.index()];
        follows[i] = !multiplies(op) && op.operands().iter().any(reached);
        // What is made of rescaled values may need no rescale of its own.
        is_alone[i] &= !follows[i];
        let above = parent[i].and_then(|p| root[p]);
        root[i] = above.or(rescaled[i].then_some(i));
    }
    for (id, op) in circuit.ops() {
        let i = id.index();
        let stays = multiplies(op) || (units[i] == 1 && !is_rescale(op));
        for from in op.operands().iter().filter_map(|o| root[o.index()]) {
            is_alone[from] &= stays || root[i] == Some(from);
        }
    }
    if is_alone.contains(&true) {
        return Some(is_alone);
    }
    rescaled.fill(false);
    rescaled[first] = true;
    Some(rescaled)
}

/// A value divided by its last prime; one in QP is brought down for it and extended again.
fn rescaled_form(
    next: &mut Circuit,
    x: ValueId,
    kind: Option<Kind>,
    layer: Option<LayerId>,
) -> ValueId {
    if kind == Some(Kind::Ext) {
        let down = next.push_op(Op::ModDown { x, rescale: true }, layer);
        return next.push_op(Op::Extend(down), layer);
    }
    next.push_op(Op::Rescale(x), layer)
}

fn is_rescale(op: &Op) -> bool {
    matches!(op, Op::Rescale(_) | Op::ModDown { rescale: true, .. })
}

/// For each value that waits for a rescale, the nearest value that all its products pass through; `None` for products
/// and for sums of unrelated ones.
fn dominators(circuit: &Circuit, units: &[u8]) -> Vec<Option<usize>> {
    let mut parent: Vec<Option<usize>> = vec![None; units.len()];
    let mut depth = vec![0u32; units.len()];
    for (id, op) in circuit.ops() {
        let i = id.index();
        if units[i] != 2 || multiplies(op) {
            continue;
        }
        let mut common: Option<Option<usize>> = None;
        for operand in op.operands() {
            let mut a = Some(operand.index());
            common = Some(match common {
                None => a,
                Some(mut b) => {
                    while a != b {
                        let (da, db) =
                            (a.map_or(0, |v| depth[v] + 1), b.map_or(0, |v| depth[v] + 1));
                        if da >= db {
                            a = a.and_then(|v| parent[v]);
                        } else {
                            b = b.and_then(|v| parent[v]);
                        }
                    }
                    a
                }
            });
        }
        parent[i] = common.flatten();
        depth[i] = parent[i].map_or(0, |p| depth[p] + 1);
    }
    parent
}
