//! The order of steps and how long values live.

use crate::{KeyId, key_of};
use circuit::{Circuit, Op, ValueId, fused_products};

/// How many steps, from the first that is not done, may be under way with so many threads.
///
/// Wide enough that the few steps of one giant step do not leave a thread idle, narrow enough that little more is held
/// than in order.
pub fn window(n_threads: usize) -> usize {
    if n_threads == 1 { 1 } else { 4 * n_threads }
}

/// One step of a run.
#[derive(Clone, Debug, PartialEq)]
pub enum Step {
    /// One operation.
    One(ValueId),
    /// A sum together with those of its terms that are plain products nothing else reads.
    MultiplySum {
        /// The sum.
        sum: ValueId,
        /// Terms that are executed here.
        products: Vec<ValueId>,
        /// Terms that exist already.
        others: Vec<ValueId>,
    },
}

impl Step {
    /// The value the step makes.
    pub fn result(&self) -> ValueId {
        match self {
            Self::One(id) | Self::MultiplySum { sum: id, .. } => *id,
        }
    }

    /// The values the step reads.
    pub fn reads(&self, circuit: &Circuit) -> Vec<ValueId> {
        match self {
            Self::One(id) => circuit.op(*id).operands().to_vec(),
            Self::MultiplySum {
                products, others, ..
            } => products
                .iter()
                .flat_map(|p| circuit.op(*p).operands())
                .chain(others.iter().copied())
                .collect(),
        }
    }
}

/// Steps in order, and for each the values that die with it.
#[derive(Clone, Debug, PartialEq)]
pub struct Schedule {
    /// Steps in order of execution.
    pub steps: Vec<Step>,
    /// Values that no later step reads, by step.
    pub dying: Vec<Vec<ValueId>>,
}

impl Schedule {
    /// The circuit's own order, plain products moved into their sums.
    pub fn new(circuit: &Circuit) -> Self {
        let fused = fused_products(circuit);
        let absorbed = |id: &ValueId| fused[id.index()];
        let mut steps = Vec::new();
        for (id, op) in circuit.ops() {
            if absorbed(&id) {
                continue;
            }
            let terms = op.operands();
            let sums = matches!(op, Op::Sum(_)) || matches!(op, Op::Add(a, b) if a != b);
            if sums && terms.iter().any(absorbed) {
                let (products, others) = terms.iter().copied().partition(absorbed);
                steps.push(Step::MultiplySum {
                    sum: id,
                    products,
                    others,
                });
            } else {
                steps.push(Step::One(id));
            }
        }
        let mut last = vec![None; circuit.values().len()];
        for (i, step) in steps.iter().enumerate() {
            step.reads(circuit)
                .iter()
                .for_each(|v| last[v.index()] = Some(i));
        }
        let mut dying = vec![Vec::new(); steps.len()];
        for (i, step) in steps.iter().enumerate() {
            // A value that nothing reads dies where it is made.
            last[step.result().index()].get_or_insert(i);
        }
        for (v, step) in last
            .iter()
            .enumerate()
            .filter_map(|(v, s)| s.map(|s| (v, s)))
        {
            let id = ValueId(v as u32);
            if !circuit.outputs().contains(&id) {
                dying[step].push(id);
            }
        }
        Self { steps, dying }
    }

    /// The key that a step needs.
    pub fn key(&self, circuit: &Circuit, step: usize) -> Option<KeyId> {
        match &self.steps[step] {
            Step::One(id) => key_of(
                circuit.op(*id),
                circuit.n_slots().trailing_zeros() as u8 + 1,
            ),
            Step::MultiplySum { .. } => None,
        }
    }

    /// First and last step of every value's life, by value; results live to the end. `None` for values made in sums.
    pub(crate) fn lives(&self, circuit: &Circuit) -> Vec<Option<(usize, usize)>> {
        let mut lives = vec![None; circuit.values().len()];
        for (i, step) in self.steps.iter().enumerate() {
            lives[step.result().index()] = Some((i, self.steps.len()));
        }
        for (i, dying) in self.dying.iter().enumerate() {
            for v in dying {
                if let Some((_, last)) = &mut lives[v.index()] {
                    *last = i;
                }
            }
        }
        lives
    }
}
