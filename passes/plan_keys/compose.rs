//! Rotations made of other rotations, so that their keys can be left out.

use ::circuit::{Circuit, CostTable, Fact, KeyManifest, Measured, Op, Value, ValueId};
use params::{Level, Params, Rotation};
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

/// Most key switches that one rotation may become.
const MAX_STEPS: usize = 8;

/// Most ways to replace one key that are compared.
const MAX_WAYS: usize = 16;

/// How an amount is used.
#[derive(Clone, Copy, Debug)]
struct Use {
    level: Level,
    /// Microseconds that one key switch more would take, over all its uses.
    step_us: f64,
}

/// For each amount a circuit rotates by, the amounts of keys that add up to it.
#[derive(Clone, Debug)]
pub(super) struct Sums<'a> {
    params: &'a Params,
    n_slots: u32,
    uses: BTreeMap<u32, Use>,
    /// Bytes of keys that are no rotation's.
    other_bytes: u64,
    steps: BTreeMap<u32, Vec<u32>>,
}

impl<'a> Sums<'a> {
    /// One key per amount, as the circuit has it.
    pub fn new(
        circuit: &Circuit,
        facts: &[Fact],
        keys: &KeyManifest,
        params: &'a Params,
        costs: &CostTable,
    ) -> Self {
        let mut uses: BTreeMap<u32, Use> = BTreeMap::new();
        for (_, op) in circuit.ops() {
            let (source, by) = match *op {
                Op::Rotate { x, by } => (x, by),
                Op::RotateHoisted { digits, by } => (digits, by),
                _ => continue,
            };
            let Some(level) = facts[source.index()].level else {
                continue;
            };
            let (special, digits) = (params.special().len(), params.digits_at(level).len());
            let (log_n, limbs) = (params.log_n(), level.n_limbs());
            let us = costs.us(Measured::Rotate, log_n, limbs, special, digits);
            let entry = uses.entry(by.amount());
            let found = entry.or_insert(Use {
                level,
                step_us: 0.0,
            });
            found.level = found.level.max(level);
            found.step_us += us;
        }
        let others = keys.conjugation.iter().chain(&keys.relinearization);
        Self {
            params,
            n_slots: circuit.n_slots() as u32,
            other_bytes: others.map(|&l| params.key_bytes(l)).sum(),
            steps: uses.keys().map(|&k| (k, vec![k])).collect(),
            uses,
        }
    }

    /// Every amount as a sum of powers of two and their negatives, as few as there can be.
    fn of_powers(&self) -> Self {
        let steps = |k: u32| {
            let below = non_adjacent(k.into(), self.n_slots);
            let above = non_adjacent(i64::from(k) - i64::from(self.n_slots), self.n_slots);
            if above.len() < below.len() {
                above
            } else {
                below
            }
        };
        Self {
            steps: self.uses.keys().map(|&k| (k, steps(k))).collect(),
            ..self.clone()
        }
    }

    /// The keys, each with the highest level it is used at.
    pub fn keys(&self) -> BTreeMap<u32, Level> {
        let mut keys = BTreeMap::new();
        for (amount, steps) in &self.steps {
            let level = self.uses[amount].level;
            for &step in steps {
                let highest = keys.entry(step).or_insert(level);
                *highest = level.max(*highest);
            }
        }
        keys
    }

    /// Bytes of all keys of the circuit.
    pub fn bytes(&self) -> u64 {
        let keys = self.keys();
        let rotations = keys.values().map(|&l| self.params.key_bytes(l));
        self.other_bytes + rotations.sum::<u64>()
    }

    /// Microseconds that the added key switches take.
    fn added_us(&self) -> f64 {
        let added = |(k, steps): (&u32, &Vec<u32>)| (steps.len() - 1) as f64 * self.uses[k].step_us;
        self.steps.iter().map(added).sum()
    }

    /// Without the key of `amount`, which becomes `sum`; nothing if a rotation would take too many steps.
    fn without(&self, amount: u32, sum: &[u32]) -> Option<Self> {
        let mut next = self.clone();
        for steps in next.steps.values_mut() {
            let uses = steps.iter().filter(|&&step| step == amount).count();
            if uses > 0 {
                steps.retain(|&step| step != amount);
                steps.extend(std::iter::repeat_n(sum, uses).flatten());
            }
            if steps.len() > MAX_STEPS {
                return None;
            }
        }
        Some(next)
    }

    /// The cheapest way found to need at most `cap` bytes; else the way of least bytes, as error.
    pub fn fit(&self, cap: u64) -> Result<Self, Self> {
        let starts = [self.clone(), self.of_powers()];
        let ends = starts.map(|start| start.shrunk(cap));
        let fitting = ends.iter().filter(|end| end.bytes() <= cap);
        match fitting.min_by(|a, b| a.added_us().total_cmp(&b.added_us())) {
            Some(found) => Ok(found.clone()),
            None => {
                let [a, b] = ends;
                Err(if b.bytes() < a.bytes() { b } else { a })
            }
        }
    }

    /// Gives up key by key, always the one that spares most bytes per added microsecond, while there are too many bytes.
    fn shrunk(mut self, cap: u64) -> Self {
        while self.bytes() > cap {
            let bytes = self.bytes();
            let us = self.added_us();
            let keys = self.keys();
            let amounts: Vec<u32> = keys.keys().copied().collect();
            let mut best: Option<(f64, Self)> = None;
            for &amount in &amounts {
                for sum in self.ways(amount, &keys) {
                    let Some(next) = self.without(amount, &sum) else {
                        continue;
                    };
                    let spared = bytes.saturating_sub(next.bytes());
                    if spared == 0 {
                        continue;
                    }
                    let worth = spared as f64 / (next.added_us() - us).max(1e-3);
                    if best.as_ref().is_none_or(|(most, _)| worth > *most) {
                        best = Some((worth, next));
                    }
                }
            }
            match best {
                Some((_, next)) => self = next,
                None => break,
            }
        }
        self
    }

    /// Sums of two other keys that make an amount, else of three, else of four; those first whose keys grow least.
    fn ways(&self, amount: u32, keys: &BTreeMap<u32, Level>) -> Vec<Vec<u32>> {
        let others: BTreeSet<u32> = keys.keys().copied().filter(|&k| k != amount).collect();
        let mask = self.n_slots - 1;
        let rest = |k: u32| amount.wrapping_sub(k) & mask;
        let pairs_of = |target: u32| -> Vec<Vec<u32>> {
            let pair = |&k: &u32| {
                let other = target.wrapping_sub(k) & mask;
                (k <= other && others.contains(&other)).then(|| vec![k, other])
            };
            others.iter().filter_map(pair).collect()
        };
        let mut ways = pairs_of(amount);
        if ways.is_empty() {
            let triple = |&k: &u32| pairs_of(rest(k)).into_iter().map(move |p| (k, p));
            let triples = others.iter().flat_map(triple);
            let ordered = triples.filter(|(k, pair)| k <= &pair[0]);
            ways = ordered.map(|(k, pair)| [vec![k], pair].concat()).collect();
        }
        if ways.is_empty() {
            ways = self.fours(amount, &others);
        }
        let growth = |sum: &Vec<u32>| {
            let level = keys[&amount];
            let grows = |k: &u32| u32::from(level.0.saturating_sub(keys[k].0));
            sum.iter().map(grows).sum::<u32>()
        };
        ways.sort_by_key(growth);
        ways.truncate(MAX_WAYS);
        ways
    }

    /// Two pairs of keys that make an amount.
    fn fours(&self, amount: u32, others: &BTreeSet<u32>) -> Vec<Vec<u32>> {
        let mask = self.n_slots - 1;
        let mut pairs: BTreeMap<u32, [u32; 2]> = BTreeMap::new();
        for (i, &a) in others.iter().enumerate() {
            for &b in others.iter().skip(i) {
                pairs.entry((a + b) & mask).or_insert([a, b]);
            }
        }
        let four = |(&sum, pair): (&u32, &[u32; 2])| {
            let other = amount.wrapping_sub(sum) & mask;
            let rest = pairs.get(&other).filter(|_| sum <= other)?;
            Some([*pair, *rest].concat())
        };
        pairs.iter().filter_map(four).collect()
    }

    /// The circuit with these steps. Steps that two rotations of one value begin with are made once.
    pub fn apply(&self, circuit: &Circuit) -> Circuit {
        let direct: HashSet<(ValueId, u32)> =
            circuit.ops().filter_map(|(_, op)| rotated(op)).collect();
        let mut rotations = Made::default();
        circuit.rebuild(|next, id, value| {
            let Some((source, amount)) = rotated(circuit.op(id)) else {
                return next.push(value);
            };
            let mut steps = self.steps[&amount].clone();
            // A rotation that is made anyway comes first.
            steps.sort_by_key(|&step| (!direct.contains(&(source, step)), step));
            rotations.emit(next, value, &steps)
        })
    }
}

/// What an operation rotates, and by how much.
fn rotated(op: &Op) -> Option<(ValueId, u32)> {
    match *op {
        Op::Rotate { x, by } => Some((x, by.amount())),
        Op::RotateHoisted { digits, by } => Some((digits, by.amount())),
        _ => None,
    }
}

/// Rotations that are there, by source and amount, and decompositions of them.
#[derive(Default)]
struct Made {
    rotations: HashMap<(ValueId, u32), ValueId>,
    digits: HashMap<ValueId, ValueId>,
}

impl Made {
    /// Appends the rotation `value` step by step, as far as it is not there.
    fn emit(&mut self, next: &mut Circuit, value: Value, steps: &[u32]) -> ValueId {
        let Some((source, _)) = rotated(&value.op) else {
            return next.push(value);
        };
        let n_slots = next.n_slots();
        let mut at = source;
        let mut sum = 0;
        for (i, &step) in steps.iter().enumerate() {
            sum = Rotation::new(i64::from(sum) + i64::from(step), n_slots).amount();
            if let Some(&there) = self.rotations.get(&(source, sum)) {
                at = there;
                continue;
            }
            let by = Rotation::new(step.into(), n_slots);
            let op = match value.op {
                Op::Rotate { .. } => Op::Rotate { x: at, by },
                _ if i == 0 => Op::RotateHoisted { digits: source, by },
                _ => {
                    let made = || next.push_op(Op::Decompose(at), value.layer);
                    let digits = *self.digits.entry(at).or_insert_with(made);
                    Op::RotateHoisted { digits, by }
                }
            };
            at = next.push(Value {
                op,
                ..value.clone()
            });
            self.rotations.insert((source, sum), at);
        }
        at
    }
}

/// Powers of two and their negatives, modulo `n_slots`, that add up to a number: none next to another.
fn non_adjacent(mut number: i64, n_slots: u32) -> Vec<u32> {
    let mut steps = Vec::new();
    let mut power: i64 = 1;
    while number != 0 {
        if number & 1 != 0 {
            // 1 or -1, so that the next digit is 0.
            let digit = 2 - (number & 3);
            steps.push(Rotation::new(digit * power, n_slots as usize).amount());
            number -= digit;
        }
        number /= 2;
        power *= 2;
    }
    steps.retain(|&step| step != 0);
    steps
}

#[cfg(test)]
mod tests {
    use super::non_adjacent;

    #[test]
    fn powers_add_up_to_every_amount() {
        for n in [16u32, 4096] {
            for k in 0..n {
                for number in [i64::from(k), i64::from(k) - i64::from(n)] {
                    let steps = non_adjacent(number, n);
                    let sum = steps.iter().fold(0, |sum, step| (sum + step) % n);
                    assert_eq!(sum, k, "{number} as {steps:?}");
                    let is_power = |&s: &u32| s.is_power_of_two() || (n - s).is_power_of_two();
                    assert!(steps.iter().all(is_power) && steps.len() <= 7, "{steps:?}");
                }
            }
        }
    }
}
