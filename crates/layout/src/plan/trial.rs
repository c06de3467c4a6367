//! What a split makes of a set of shifts.

use super::PlanOptions;
use super::digits::{Digits, Split};
use super::search::Assigned;
use super::shifts::{Shifts, residue};

/// Cost first; then fewer keys, fewer giants, the plainer and the smaller split.
#[derive(Clone, Copy, PartialEq, PartialOrd)]
pub(super) struct Rank {
    pub cost: f64,
    keys: usize,
    giants: usize,
    n2: u32,
    n1: u32,
}

impl Rank {
    /// Above every rank of that cost.
    pub fn limit(cost: f64) -> Self {
        Self {
            cost,
            keys: usize::MAX,
            giants: usize::MAX,
            n2: u32::MAX,
            n1: u32::MAX,
        }
    }
}

/// Counts the rotations of splits, one after another.
pub(super) struct Trial<'a> {
    shifts: &'a Shifts,
    m: u32,
    collapse: Vec<u32>,
    options: &'a PlanOptions,
    /// Number of the current trial: a stamp equal to it means the amount is used.
    now: u32,
    baby_stamp: Vec<u32>,
    giant_stamp: Vec<u32>,
    key_stamp: Vec<u32>,
    used: Vec<u32>,
}

impl<'a> Trial<'a> {
    pub fn new(shifts: &'a Shifts, m: u32, collapse: Vec<u32>, options: &'a PlanOptions) -> Self {
        let keys = collapse.iter().map(|&k| k + 1).max().unwrap_or(0).max(m);
        Self {
            shifts,
            m,
            collapse,
            options,
            now: 0,
            baby_stamp: vec![0; shifts.n_inputs * m as usize],
            giant_stamp: vec![0; shifts.n_outputs * m as usize],
            key_stamp: vec![0; keys as usize],
            used: Vec::new(),
        }
    }

    /// The rank of a split, or nothing if it is not below `limit`.
    pub fn rank(&mut self, lifted: &[Vec<i32>], split: Split, limit: &Rank) -> Option<Rank> {
        self.now += 1;
        self.used.clear();
        let digits = Digits::new(split, self.m);
        let costs = &self.options.costs;
        let (mut babies, mut giants) = (0, 0);
        let cost =
            |babies: usize, giants: usize| babies as f64 * costs.k_h + giants as f64 * costs.k_g;
        let m = self.m as usize;
        for (pair, lifted) in self.shifts.pairs.iter().zip(lifted) {
            let baby_stamp = &mut self.baby_stamp[pair.input * m..][..m];
            let giant_stamp = &mut self.giant_stamp[pair.output * m..][..m];
            for &shift in lifted {
                let (baby, giant) = digits.of(shift);
                let before = self.used.len();
                if baby != 0 && baby_stamp[baby as usize] != self.now {
                    baby_stamp[baby as usize] = self.now;
                    self.used.push(baby);
                    babies += 1;
                }
                if giant != 0 && giant_stamp[giant as usize] != self.now {
                    giant_stamp[giant as usize] = self.now;
                    self.used.push(giant);
                    giants += 1;
                }
                let grown = self.used.len() > before;
                if grown && cost(babies, giants) > limit.cost {
                    return None;
                }
            }
        }
        let mut keys = 0;
        for &amount in self.used.iter().chain(&self.collapse) {
            let stamp = &mut self.key_stamp[amount as usize];
            keys += usize::from(*stamp != self.now);
            *stamp = self.now;
        }
        let rank = Rank {
            cost: cost(babies, giants),
            keys,
            giants,
            n2: split.n2,
            n1: split.n1,
        };
        (rank < *limit).then_some(rank)
    }
}

/// Gives each residue of each pair one baby and one giant.
///
/// Several lifted shifts may share a residue, each with amounts of its own; one is enough.
/// Residues without a choice go first, the others take amounts already in use where they can.
pub(super) fn assign(shifts: &Shifts, lifted: &[Vec<i32>], digits: Digits) -> Vec<Assigned> {
    let m = digits.m as usize;
    let options = lifted.iter().map(|lifted| {
        let of = |&shift: &i32| {
            let (baby, giant) = digits.of(shift);
            (residue(shift, digits.m), baby, giant)
        };
        let mut options: Vec<_> = lifted.iter().map(of).collect();
        options.sort_unstable();
        options.dedup();
        options
    });
    let options: Vec<Vec<(u32, u32, u32)>> = options.collect();
    let mut baby_used = vec![false; shifts.n_inputs * m];
    let mut giant_used = vec![false; shifts.n_outputs * m];
    let mut assigned = vec![Vec::new(); options.len()];
    for choice in [false, true] {
        for ((pair, options), assigned) in shifts.pairs.iter().zip(&options).zip(&mut assigned) {
            let same_residue = options.chunk_by(|a, b| a.0 == b.0);
            for group in same_residue.filter(|group| (group.len() > 1) == choice) {
                let baby_at = |baby: u32| pair.input * m + baby as usize;
                let giant_at = |giant: u32| pair.output * m + giant as usize;
                let new_amounts = |&&(_, baby, giant): &&(u32, u32, u32)| {
                    let new_baby = baby != 0 && !baby_used[baby_at(baby)];
                    let new_giant = giant != 0 && !giant_used[giant_at(giant)];
                    u32::from(new_baby) + u32::from(new_giant)
                };
                let &taken = group
                    .iter()
                    .min_by_key(new_amounts)
                    .expect("a group has options");
                baby_used[baby_at(taken.1)] = true;
                giant_used[giant_at(taken.2)] = true;
                assigned.push(taken);
            }
        }
    }
    assigned
        .iter_mut()
        .for_each(|assigned| assigned.sort_unstable());
    assigned
}
