#![doc = include_str!("README.md")]

use ::circuit::{Circuit, Op, ValueId};
use pass::{Changed, Pass, PassCx, PassInfo, Refusal};
use serde::{Deserialize, Serialize};

/// See the module.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct PlaceRelinearize {}

/// Whether the operation leaves a degree-2 operand at degree 2 without extra work.
fn accepts_degree_2(op: &Op) -> bool {
    matches!(
        op,
        Op::Add(..) | Op::Sub(..) | Op::Sum(_) | Op::Neg(_) | Op::AddPlain { .. }
    )
}

impl Pass<Circuit> for PlaceRelinearize {
    fn info(&self) -> PassInfo {
        PassInfo::new(
            "place-relinearize",
            "products are relinearized after sums, once for a sum",
        )
        .needs("products are relinearized somewhere")
        .gives("only sums and relinearizations read values of degree 2")
        .source("Chowdhary et al., EVA, ePrint 2021/1505 (lazy relinearization)")
    }

    fn run(&self, circuit: &mut Circuit, cx: &mut PassCx<'_>) -> Result<Changed, Refusal> {
        // Without any relinearization first, so that those of single products can move past sums.
        let old = circuit.rebuild(|next, _, value| match value.op {
            Op::Relinearize(x) => x,
            _ => next.push(value),
        });
        let strict = strict(&old);
        let mut placed = 0u64;
        let next = old.rebuild(|next, id, value| {
            let layer = value.layer;
            let made: ValueId = next.push(value);
            if !strict[id.index()] {
                return made;
            }
            placed += 1;
            next.push_op(Op::Relinearize(made), layer)
        });
        // A product that several sums read would be relinearized in each of them.
        if next == *circuit || n_relinearize(&next) > n_relinearize(circuit) {
            return Ok(Changed::No);
        }
        *circuit = next;
        cx.note(format!("{placed} relinearizations"));
        Ok(Changed::Yes)
    }
}

fn n_relinearize(circuit: &Circuit) -> u64 {
    ::circuit::counts(circuit).relinearize
}

/// Values of degree 2 that something but a sum reads, operands of such being relinearized already.
fn strict(circuit: &Circuit) -> Vec<bool> {
    let users = circuit.users();
    let mut is_ct3 = vec![false; circuit.values().len()];
    let mut strict = vec![false; circuit.values().len()];
    for (id, op) in circuit.ops() {
        let i = id.index();
        let degree_2 = match op {
            Op::Mul(..) | Op::Square(_) => true,
            _ => accepts_degree_2(op) && op.operands().iter().any(|o| is_ct3[o.index()]),
        };
        let read_strictly = users[i].iter().any(|u| !accepts_degree_2(circuit.op(*u)))
            || circuit.outputs().contains(&id);
        strict[i] = degree_2 && read_strictly;
        is_ct3[i] = degree_2 && !read_strictly;
    }
    strict
}
