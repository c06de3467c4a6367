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
    /// The circuit's own order, products moved into their sums. Where nothing is rotated, each value is instead made when
    /// it is first needed, if so fewer are alive at once: results of a layer that the next one reads in groups, as a pool
    /// does, then need not all be there.
    pub fn new(circuit: &Circuit) -> Self {
        let steps = steps(circuit);
        let is_rotated = circuit.ops().any(|(_, op)| op.is_rotation());
        let reordered = (!is_rotated).then(|| depth_first(circuit, &steps));
        let own = Self::of(circuit, steps);
        match reordered.map(|steps| Self::of(circuit, steps)) {
            Some(other) if other.most_alive() < own.most_alive() => other,
            _ => own,
        }
    }

    /// Most values alive at once.
    fn most_alive(&self) -> usize {
        let mut alive = 0;
        let counts = self.dying.iter().map(|dying| {
            alive += 1;
            let most = alive;
            alive -= dying.len();
            most
        });
        counts.max().unwrap_or(0)
    }

    /// Steps in an order that computes operands before users.
    fn of(circuit: &Circuit, steps: Vec<Step>) -> Self {
        let mut is_output = vec![false; circuit.values().len()];
        circuit
            .outputs()
            .iter()
            .for_each(|o| is_output[o.index()] = true);
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
            if !is_output[v] {
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

    /// First and last step of every value's life, by value; inputs are there from the start, results to the end. `None` for
    /// values made in sums.
    pub(crate) fn lives(&self, circuit: &Circuit) -> Vec<Option<(usize, usize)>> {
        let mut lives = vec![None; circuit.values().len()];
        for (i, step) in self.steps.iter().enumerate() {
            let is_input = matches!(circuit.op(step.result()), Op::Input { .. });
            let first = if is_input { 0 } else { i };
            lives[step.result().index()] = Some((first, self.steps.len()));
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

/// The circuit's operations in its own order, products moved into their sums.
fn steps(circuit: &Circuit) -> Vec<Step> {
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
    steps
}

/// The same steps, each as late as the first that reads its result allows, results of the circuit in their order.
fn depth_first(circuit: &Circuit, steps: &[Step]) -> Vec<Step> {
    let mut maker = vec![usize::MAX; circuit.values().len()];
    for (i, step) in steps.iter().enumerate() {
        maker[step.result().index()] = i;
    }
    let mut is_placed = vec![false; steps.len()];
    let mut order = Vec::with_capacity(steps.len());
    let wanted = circuit.outputs().iter().map(|o| maker[o.index()]);
    // What no result needs, such as an unused input, comes last.
    for from in wanted.chain(0..steps.len()) {
        let mut stack = vec![(from, false)];
        while let Some((at, is_ready)) = stack.pop() {
            if is_placed[at] {
                continue;
            }
            if is_ready {
                is_placed[at] = true;
                order.push(steps[at].clone());
                continue;
            }
            stack.push((at, true));
            let reads = steps[at].reads(circuit).into_iter().rev();
            stack.extend(
                reads
                    .map(|v| (maker[v.index()], false))
                    .filter(|(m, _)| !is_placed[*m]),
            );
        }
    }
    order
}
