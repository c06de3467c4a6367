//! Where a rule could save something: a linear search for the left sides of rules that pay.

use ::circuit::{Circuit, Op, PlainId, PlainValues, ValueId};
use std::collections::{HashMap, HashSet};

/// Rotations of one value in one sum from which rotate-and-adds may be cheaper.
const MIN_ROTATIONS: usize = 4;

/// Whether the pass knows all operations and there is anything that rules are about: products with vectors or
/// rotations, and no levels yet.
pub(super) fn applies(circuit: &Circuit) -> bool {
    let known = circuit.ops().all(|(_, op)| match op {
        Op::Rescale(_)
        | Op::DropLevel { .. }
        | Op::Decompose(_)
        | Op::RotateHoisted { .. }
        | Op::Extend(_)
        | Op::ModDown { .. } => false,
        Op::MulPlain { scale, .. } | Op::MulScalar { scale, .. } => scale.is_none(),
        _ => true,
    });
    let levelled = circuit.inputs().iter().any(|i| i.level.is_some());
    let worth = |op: &Op| matches!(op, Op::Rotate { .. } | Op::MulPlain { .. });
    known
        && !levelled
        && circuit.params().is_none()
        && circuit.keys().is_none()
        && circuit.ops().any(|(_, op)| worth(op))
}

/// Values whose operation a rule may make cheaper, rising.
pub(super) fn seeds(circuit: &Circuit) -> Vec<ValueId> {
    let search = Search::new(circuit);
    let ops = circuit.ops().map(|(id, _)| id);
    ops.filter(|&id| search.is_seed(id)).collect()
}

struct Search<'a> {
    circuit: &'a Circuit,
    /// Readers of each value, outputs counted.
    n_readers: Vec<u32>,
    /// Whether a value is read by one sum alone.
    inside_sum: Vec<bool>,
    rotated: HashSet<(ValueId, u32)>,
}

fn is_sum(op: &Op) -> bool {
    matches!(
        op,
        Op::Add(..) | Op::Sub(..) | Op::Sum(_) | Op::AddPlain { .. } | Op::Neg(_)
    )
}

impl<'a> Search<'a> {
    fn new(circuit: &'a Circuit) -> Self {
        let n = circuit.values().len();
        let (mut n_readers, mut read_by_sum) = (vec![0u32; n], vec![false; n]);
        let mut rotated = HashSet::new();
        for (_, op) in circuit.ops() {
            for operand in op.operands() {
                n_readers[operand.index()] += 1;
                read_by_sum[operand.index()] |= is_sum(op);
            }
            if let Op::Rotate { x, by } = op {
                rotated.insert((*x, by.amount()));
            }
        }
        for output in circuit.outputs() {
            n_readers[output.index()] += 1;
        }
        let inside_sum = (0..n).map(|i| read_by_sum[i] && n_readers[i] == 1);
        let inside_sum = inside_sum.collect();
        Self {
            circuit,
            n_readers,
            inside_sum,
            rotated,
        }
    }

    fn is_single(&self, id: ValueId) -> bool {
        self.n_readers[id.index()] == 1
    }

    fn is_seed(&self, id: ValueId) -> bool {
        match self.circuit.op(id) {
            Op::Rotate { x, by } => self.rotates_late(*x, by.amount()),
            Op::MulPlain { x, plain, .. } => {
                self.is_trivial(*plain) || self.is_product(*x) || self.is_rotated_product(*x)
            }
            Op::MulScalar { x, .. } => {
                matches!(self.circuit.op(*x), Op::MulPlain { .. }) && self.is_single(*x)
            }
            op if is_sum(op) && !self.inside_sum[id.index()] => self.sum_saves(id),
            _ => false,
        }
    }

    fn is_trivial(&self, plain: PlainId) -> bool {
        let plain = self.circuit.plain(plain);
        plain.is_zero() || plain.as_splat() == Some(1.0)
    }

    fn is_product(&self, id: ValueId) -> bool {
        matches!(
            self.circuit.op(id),
            Op::MulPlain { .. } | Op::MulScalar { .. }
        )
    }

    fn is_rotated_product(&self, id: ValueId) -> bool {
        matches!(self.circuit.op(id), Op::Rotate { x, .. } if self.is_product(*x))
    }

    /// A rotation of `x` that could as well be one of what `x` is made from.
    fn rotates_late(&self, x: ValueId, by: u32) -> bool {
        let mask = self.circuit.n_slots() as u32 - 1;
        match *self.circuit.op(x) {
            Op::Rotate { .. } => true,
            Op::MulPlain { x: y, .. } | Op::AddPlain { x: y, .. } if self.is_single(x) => {
                match *self.circuit.op(y) {
                    Op::Rotate { x: z, by: inner } => {
                        let both = by.wrapping_add(inner.amount()) & mask;
                        self.is_single(y) || both == 0 || self.rotated.contains(&(z, both))
                    }
                    _ => self.rotated.contains(&(y, by)),
                }
            }
            _ => false,
        }
    }

    /// The terms of a sum and of the sums that only it reads, and how many constants are added on the way.
    fn terms(&self, id: ValueId) -> (Vec<ValueId>, usize) {
        let (mut terms, mut n_constants) = (Vec::new(), 0);
        let mut open = vec![id];
        while let Some(at) = open.pop() {
            let op = self.circuit.op(at);
            if is_sum(op) && (at == id || self.inside_sum[at.index()]) {
                n_constants += usize::from(matches!(op, Op::AddPlain { .. }));
                open.extend(op.operands());
            } else {
                terms.push(at);
            }
        }
        (terms, n_constants)
    }

    fn sum_saves(&self, id: ValueId) -> bool {
        let (terms, n_constants) = self.terms(id);
        let mut amounts: HashMap<u32, bool> = HashMap::new();
        let mut bases: HashMap<ValueId, usize> = HashMap::new();
        let mut factors = HashSet::new();
        let mut plains = Vec::new();
        for &term in &terms {
            match *self.circuit.op(term) {
                Op::Rotate { x, by } => {
                    *bases.entry(x).or_default() += 1;
                    let single = self.is_single(term);
                    match amounts.get(&by.amount()) {
                        Some(other) if *other || single => return true,
                        _ => amounts.insert(by.amount(), single),
                    };
                }
                Op::MulPlain { x, plain, .. } => {
                    plains.push(plain);
                    if !factors.insert(x) {
                        return true;
                    }
                }
                Op::MulScalar { x, .. } if !factors.insert(x) => return true,
                _ => *bases.entry(term).or_default() += 1,
            }
        }
        n_constants > 1 || bases.values().any(|n| *n >= MIN_ROTATIONS) || self.any_equal(&plains)
    }

    /// Whether two of the vectors have equal numbers.
    fn any_equal(&self, plains: &[PlainId]) -> bool {
        let mut seen: HashMap<(u32, usize, u64), Vec<PlainId>> = HashMap::new();
        plains.iter().any(|&id| {
            let plain = self.circuit.plain(id);
            let (n, first) = match &plain.values {
                PlainValues::Dense(values) => (values.len(), values.first().copied()),
                PlainValues::Sparse(entries) => (entries.len(), entries.first().map(|e| e.1)),
            };
            let alike = seen
                .entry((plain.period, n, first.unwrap_or(0.0).to_bits()))
                .or_default();
            let is_equal = |other: &PlainId| {
                let other = self.circuit.plain(*other);
                other.values == plain.values
            };
            let found = alike.iter().any(is_equal);
            alike.push(id);
            found
        })
    }
}
