//! Windows: convex parts of a circuit around places where something could be saved, as circuits of their own.

use ::circuit::{Circuit, Kind, Op, PlainId, PlainVector, Value, ValueId};
use std::collections::{BTreeSet, HashMap};

/// Operations of one window.
const MAX_OPS: usize = 300;
/// Distances from its seeds up to which a window may reach, longest first.
const REACHES: [u32; 9] = [64, 32, 24, 16, 12, 8, 6, 4, 2];
/// Steps back from a seed that are looked at for operands it shares with another one.
const NEAR: u32 = 4;
/// Values looked at for that.
const MAX_NEAR: usize = 96;

/// A part of a circuit such that no path leaves it and comes back.
#[derive(Debug)]
pub(super) struct Window {
    /// Members, rising.
    pub members: Vec<ValueId>,
    /// Values outside that members read, in the order of the part's inputs.
    pub leaves: Vec<ValueId>,
    /// Members that are read outside, in the order of the part's outputs.
    pub outputs: Vec<ValueId>,
    /// Plain vectors of the circuit, in the order of the part's.
    plains: Vec<PlainId>,
    /// The window by itself.
    pub part: Circuit,
}

/// Seeds that share what they read, in groups; later ones first.
pub(super) fn groups(circuit: &Circuit, seeds: &[ValueId]) -> Vec<Vec<ValueId>> {
    let mut owner: HashMap<ValueId, usize> = HashMap::new();
    let mut groups: Vec<Vec<ValueId>> = Vec::new();
    for &seed in seeds.iter().rev() {
        let near = near(circuit, seed);
        let group = near.iter().find_map(|v| owner.get(v)).copied();
        let group = group.unwrap_or_else(|| {
            groups.push(Vec::new());
            groups.len() - 1
        });
        groups[group].push(seed);
        for value in near {
            owner.entry(value).or_insert(group);
        }
    }
    groups
}

/// A seed and some of what it is computed from, inputs of the circuit left out.
fn near(circuit: &Circuit, seed: ValueId) -> Vec<ValueId> {
    let mut found = vec![seed];
    let mut ring = vec![seed];
    for _ in 0..NEAR {
        let mut next: BTreeSet<ValueId> = BTreeSet::new();
        for id in ring {
            next.extend(circuit.op(id).operands());
        }
        ring = next.into_iter().collect();
        found.extend(ring.iter().take(MAX_NEAR.saturating_sub(found.len())));
    }
    found.sort_unstable();
    found.dedup();
    found
}

/// Whether rules know the operation.
fn is_plain(op: &Op) -> bool {
    matches!(
        op,
        Op::Add(..)
            | Op::Sub(..)
            | Op::Neg(_)
            | Op::Sum(_)
            | Op::AddPlain { .. }
            | Op::MulPlain { .. }
            | Op::MulScalar { .. }
            | Op::Rotate { .. }
    )
}

/// The largest window that computes the roots and is small enough.
pub(super) fn around(circuit: &Circuit, roots: &[ValueId]) -> Option<Window> {
    let users = circuit.users();
    let mut is_output = vec![false; users.len()];
    circuit
        .outputs()
        .iter()
        .for_each(|o| is_output[o.index()] = true);
    let sets = REACHES
        .iter()
        .map(|&reach| members(circuit, &users, &is_output, roots, reach));
    let members = sets.into_iter().find(|m| m.len() <= MAX_OPS)?;
    (members.len() > 1).then(|| Window::new(circuit, &users, &is_output, members))
}

/// Everything known that is at most `reach` steps from a root by every path, as far as no unknown operation is between.
fn members(
    circuit: &Circuit,
    users: &[Vec<ValueId>],
    is_output: &[bool],
    roots: &[ValueId],
    reach: u32,
) -> Vec<ValueId> {
    /// Neither reached nor in the way.
    const NONE: i64 = -1;
    /// Some path from here to a root leaves the window.
    const OUT: i64 = i64::MAX;
    let Some(last) = roots.iter().max() else {
        return Vec::new();
    };
    let kinds = circuit.kinds();
    let mut distance = vec![NONE; circuit.values().len()];
    roots.iter().for_each(|r| distance[r.index()] = 0);
    let mut members = Vec::new();
    for i in (0..=last.index()).rev() {
        let id = ValueId(i as u32);
        let op = circuit.op(id);
        if distance[i] == NONE || matches!(op, Op::Input { .. }) {
            continue;
        }
        let inside = |u: &ValueId| (0..=i64::from(reach)).contains(&distance[u.index()]);
        let known = match op {
            // A product and its relinearization are one operation.
            Op::Mul(..) | Op::Square(_) => {
                let relinearized = |u: &ValueId| matches!(circuit.op(*u), Op::Relinearize(_));
                !is_output[i] && users[i].iter().all(|u| relinearized(u) && inside(u))
            }
            Op::Relinearize(x) => {
                let alone = users[x.index()].len() == 1 && !is_output[x.index()];
                let product = matches!(circuit.op(*x), Op::Mul(..) | Op::Square(_));
                product && alone && distance[i] < i64::from(reach)
            }
            op => is_plain(op) && kinds[i] == Some(Kind::Ct),
        };
        let next = if known && distance[i] <= i64::from(reach) {
            members.push(id);
            distance[i] + 1
        } else {
            distance[i] = OUT;
            OUT
        };
        for operand in op.operands() {
            let d = &mut distance[operand.index()];
            *d = (*d).max(next);
        }
    }
    members.reverse();
    members
}

impl Window {
    fn new(
        circuit: &Circuit,
        users: &[Vec<ValueId>],
        is_output: &[bool],
        members: Vec<ValueId>,
    ) -> Self {
        let inside: BTreeSet<ValueId> = members.iter().copied().collect();
        let read: BTreeSet<ValueId> = members
            .iter()
            .flat_map(|&m| circuit.op(m).operands())
            .filter(|o| !inside.contains(o))
            .collect();
        let leaves: Vec<ValueId> = read.into_iter().collect();
        let leaves_window = |m: &ValueId| {
            is_output[m.index()] || users[m.index()].iter().any(|u| !inside.contains(u))
        };
        let outputs: Vec<ValueId> = members.iter().copied().filter(leaves_window).collect();
        let mut part = Circuit::new(circuit.n_slots(), leaves.len());
        let mut moved: HashMap<ValueId, ValueId> = (0..)
            .zip(&leaves)
            .map(|(i, &leaf)| (leaf, ValueId(i)))
            .collect();
        let mut plains: Vec<PlainId> = Vec::new();
        let mut local: HashMap<PlainId, PlainId> = HashMap::new();
        for &member in &members {
            let mut value = circuit.value(member).clone();
            value.op = value.op.map_operands(|o| moved[&o]);
            if let Op::MulPlain { plain, .. } | Op::AddPlain { plain, .. } = &mut value.op {
                *plain = *local.entry(*plain).or_insert_with(|| {
                    plains.push(*plain);
                    part.add_plain(circuit.plain(*plain).as_ref().clone())
                });
            }
            moved.insert(member, part.push(value));
        }
        part.set_outputs(outputs.iter().map(|o| moved[o]).collect());
        Self {
            members,
            leaves,
            outputs,
            plains,
            part,
        }
    }

    /// The circuit with another part in the window's place: as many inputs and outputs, and the window's plain vectors
    /// first.
    pub(super) fn replaced(&self, circuit: &Circuit, part: &Circuit) -> Circuit {
        let mut next = circuit.emptied();
        let made = part.plains()[self.plains.len()..]
            .iter()
            .map(|p| next.add_plain(named(circuit, p)));
        let plains: Vec<PlainId> = self.plains.iter().copied().chain(made).collect();
        let mut splice = Splice {
            circuit,
            window: self,
            part,
            plains,
            outputs: self.outputs.iter().copied().zip(0..).collect(),
            old: vec![None; circuit.values().len()],
            new: vec![None; part.values().len()],
            next,
        };
        let inside: BTreeSet<ValueId> = self.members.iter().copied().collect();
        for (id, _) in circuit.ops() {
            if !inside.contains(&id) || splice.outputs.contains_key(&id) {
                splice.old(id);
            }
        }
        let outputs = circuit.outputs().iter().map(|&o| splice.old(o)).collect();
        let mut next = splice.next;
        next.set_outputs(outputs);
        next.compact();
        next
    }
}

/// A made vector under a name that no other has.
fn named(circuit: &Circuit, plain: &PlainVector) -> PlainVector {
    let taken = |name: &str| circuit.plains().iter().any(|p| p.name == name);
    let mut name = plain.name.clone();
    while taken(&name) {
        name.push('\'');
    }
    PlainVector {
        name,
        ..plain.clone()
    }
}

struct Splice<'a> {
    circuit: &'a Circuit,
    window: &'a Window,
    part: &'a Circuit,
    plains: Vec<PlainId>,
    /// Place of a member among the window's outputs.
    outputs: HashMap<ValueId, usize>,
    old: Vec<Option<ValueId>>,
    new: Vec<Option<ValueId>>,
    next: Circuit,
}

impl Splice<'_> {
    /// The new value of an old one that is outside or read from outside. What the window reads never depends on it.
    fn old(&mut self, id: ValueId) -> ValueId {
        if let Some(done) = self.old[id.index()] {
            return done;
        }
        let made = match self.outputs.get(&id) {
            Some(&place) => self.made(self.part.outputs()[place]),
            None => {
                let value = self.circuit.value(id).clone();
                let op = value.op.map_operands(|o| self.old(o));
                self.next.push(Value { op, ..value })
            }
        };
        self.old[id.index()] = Some(made);
        made
    }

    fn made(&mut self, id: ValueId) -> ValueId {
        if let Some(done) = self.new[id.index()] {
            return done;
        }
        let value = self.part.value(id).clone();
        let made = match value.op {
            Op::Input { index } => self.old(self.window.leaves[index as usize]),
            op => {
                let mut op = op.map_operands(|o| self.made(o));
                if let Op::MulPlain { plain, .. } | Op::AddPlain { plain, .. } = &mut op {
                    *plain = self.plains[plain.0 as usize];
                }
                self.next.push(Value { op, ..value })
            }
        };
        self.new[id.index()] = Some(made);
        made
    }
}

#[cfg(test)]
mod tests;
