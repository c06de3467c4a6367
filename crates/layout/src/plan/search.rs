//! The planner: the best split of a set of shifts into babies and giants.

use super::linear::Period;
use super::shifts::{Pair, Shifts, residue};
use super::{DigitRange, PlanCosts, PlanOptions};

/// Per residue modulo `m` in use, ascending: the residue, its baby and its giant.
pub(super) type Assigned = Vec<(u32, u32, u32)>;

/// The chosen split and what it makes of the shifts.
pub(super) struct Found {
    pub split: Split,
    /// Per pair of `Shifts::pairs`.
    pub assigned: Vec<Assigned>,
}

/// How shifts are split; the fields are explained at [`super::BsgsPlan`].
#[derive(Clone, Copy)]
pub(super) struct Split {
    pub n1: u32,
    pub n2: u32,
    pub lift: u32,
    pub signed: bool,
    pub digits: DigitRange,
    pub exchanged: bool,
}

/// Tries every lift, sign, range of digits, exchange and split; nothing if none costs at most `limit`.
///
/// With a finite limit it is the cost that matters: the first split that can not be beaten ends the search, though another
/// of that cost may need fewer keys.
///
/// `pitches`: distances in the layouts, such as between rows of an image; digits are tried at their multiples.
pub(super) fn search(
    shifts: &Shifts,
    period: Period,
    pitches: &[u32],
    n_slots: u32,
    options: &PlanOptions,
    limit: f64,
) -> Option<Found> {
    let m = period.m();
    let mut best: Option<(Rank, Split)> = None;
    let limit = Rank::limit(limit);
    let mut trial = Trial::new(shifts, m, period.collapse(), options);
    let least = least_cost(shifts, m, &options.costs);
    if least > limit.cost {
        return None;
    }
    let most = shifts.pairs.iter().map(|pair| n_residues(pair, m)).max();
    'all: for lift in lifts(m, period.largest(), n_slots) {
        let splits = splits(lift, options.max_n1, pitches);
        for signed in [false, true] {
            let lifted = lift_shifts(shifts, lift, signed);
            let ranges = [DigitRange::Above, DigitRange::Around, DigitRange::Mixed];
            let ways = ranges.into_iter().flat_map(|d| [(d, false), (d, true)]);
            for (digits, exchanged) in ways {
                let useful = |n2: u32| n2 != 0 || digits != DigitRange::Mixed;
                for &(n1, n2) in splits.iter().filter(|split| useful(split.1)) {
                    let split = Split {
                        n1,
                        n2,
                        lift,
                        signed,
                        digits,
                        exchanged,
                    };
                    let limit = best.as_ref().map_or(&limit, |(rank, _)| rank);
                    if split.least_cost(most.unwrap_or(0), &options.costs) > limit.cost {
                        continue;
                    }
                    if let Some(rank) = trial.rank(&lifted, split, limit) {
                        best = Some((rank, split));
                    }
                }
                let reached = best.as_ref().is_some_and(|(rank, _)| rank.cost <= least);
                if reached && limit.cost.is_finite() {
                    break 'all;
                }
            }
        }
    }
    let (_, split) = best?;
    let lifted = lift_shifts(shifts, split.lift, split.signed);
    let assigned = assign(shifts, &lifted, Digits::new(split, m));
    Some(Found { split, assigned })
}

/// Cost first; then fewer keys, fewer giants, the plainer and the smaller split.
#[derive(Clone, Copy, PartialEq, PartialOrd)]
struct Rank {
    cost: f64,
    keys: usize,
    giants: usize,
    n2: u32,
    n1: u32,
}

impl Rank {
    /// Above every rank of that cost.
    fn limit(cost: f64) -> Self {
        Self {
            cost,
            keys: usize::MAX,
            giants: usize::MAX,
            n2: u32::MAX,
            n1: u32::MAX,
        }
    }
}

/// What no split can be cheaper than: sets of `a` and `b` amounts reach at most `a·b` shifts, one amount of each may be 0.
fn least_cost(shifts: &Shifts, m: u32, costs: &PlanCosts) -> f64 {
    let [pair] = &shifts.pairs[..] else {
        return 0.0;
    };
    least_cost_of(n_residues(pair, m), costs)
}

/// Different residues modulo `m` among the shifts in use.
fn n_residues(pair: &Pair, m: u32) -> u32 {
    let mut residues: Vec<u32> = pair.used.iter().map(|&d| residue(d, m)).collect();
    residues.sort_unstable();
    residues.dedup();
    residues.len() as u32
}

impl Split {
    /// What the split of `n` residues between one pair of ciphertexts can not be cheaper than, as each side has only so many
    /// digits.
    fn least_cost(&self, n: u32, costs: &PlanCosts) -> f64 {
        let (digits, rests) = match self.n2 {
            0 => (self.n1, self.lift / self.n1 + 2),
            n2 => (u32::MAX, n2 + 1),
        };
        let [digits, rests] = [n.div_ceil(rests), n.div_ceil(digits)];
        let (babies, giants) = match self.exchanged {
            true => (rests, digits),
            false => (digits, rests),
        };
        let moved = |n: u32| f64::from(n.saturating_sub(1));
        moved(babies) * costs.k_h + moved(giants) * costs.k_g
    }
}

/// The same for a number of diagonals between one pair of ciphertexts.
pub(super) fn least_cost_of(n: u32, costs: &PlanCosts) -> f64 {
    let split = |a: u32| {
        f64::from(a - 1) * costs.k_h + f64::from(n.div_ceil(a).saturating_sub(1)) * costs.k_g
    };
    (1..=n.max(1)).map(split).fold(f64::INFINITY, f64::min)
}

fn lifts(m: u32, largest: u32, n_slots: u32) -> Vec<u32> {
    let mut lifts = vec![m, largest, 2 * largest, 4 * largest, n_slots];
    lifts.sort_unstable();
    lifts.dedup();
    lifts.retain(|&lift| lift >= m);
    lifts
}

/// Every `(n1, n2)` to try: first those of one digit, then those of two.
fn splits(lift: u32, max_n1: u32, pitches: &[u32]) -> Vec<(u32, u32)> {
    let dense = max_n1.clamp(1, lift);
    let powers = |odd: u32| {
        (0..27)
            .map(move |k| odd << k)
            .take_while(move |&n| n <= lift)
    };
    let mut strided: Vec<u32> = [1, 3, 5, 7].into_iter().flat_map(powers).collect();
    let multiples = |&pitch: &u32| (1..=8).map(move |k: u32| pitch.saturating_mul(k));
    let pitched = pitches.iter().flat_map(multiples);
    strided.extend(pitched.filter(|&n1| n1 <= lift));
    let mut seen = vec![false; lift as usize + 1];
    strided.retain(|&n1| !std::mem::replace(&mut seen[n1 as usize], true));
    let mut splits: Vec<_> = (1..=dense).map(|n1| (n1, 0)).collect();
    splits.extend(strided.iter().filter(|&&n1| n1 > dense).map(|&n1| (n1, 0)));
    splits.push((2 * lift, 0)); // no giants
    for &n1 in strided.iter().filter(|&&n1| n1 > 1) {
        let inside = |&n2: &u32| n1 * n2 < lift;
        splits.extend(
            (1..27)
                .map(|k| 1 << k)
                .take_while(inside)
                .map(|n2| (n1, n2)),
        );
        let longer = |&&pitch: &&u32| pitch > n1 && pitch.is_multiple_of(n1);
        let up_to = pitches.iter().filter(longer);
        let other = up_to.flat_map(|&pitch| (1..=4).map(move |k| k * (pitch / n1)));
        let other = other.filter(|n2| !n2.is_power_of_two());
        splits.extend(other.filter(inside).map(|n2| (n1, n2)));
    }
    splits
}

/// The representatives of each pair's used shifts modulo `lift`, ascending, without repeats.
fn lift_shifts(shifts: &Shifts, lift: u32, signed: bool) -> Vec<Vec<i32>> {
    let origin = if signed { lift as i32 / 2 } else { 0 };
    let one = |d: i32| residue(d + origin, lift) as i32 - origin;
    let all = shifts.pairs.iter().map(|pair| {
        let mut lifted: Vec<i32> = pair.used.iter().map(|&d| one(d)).collect();
        lifted.sort_unstable();
        lifted.dedup();
        lifted
    });
    all.collect()
}

/// The split of one lifted shift.
#[derive(Clone, Copy)]
struct Digits {
    first: Modulus,
    both: Option<Modulus>,
    exchanged: bool,
    m: u32,
}

impl Digits {
    fn new(split: Split, m: u32) -> Self {
        let (first, second) = match split.digits {
            DigitRange::Above => (0, 0),
            DigitRange::Around => (2, 2),
            DigitRange::Mixed => (2, 4),
        };
        let modulus =
            |n: u32, part: u32| Modulus::new(n, split.lift, n.checked_div(part).unwrap_or(0));
        Self {
            first: modulus(split.n1, first),
            both: (split.n2 != 0).then(|| modulus(split.n1 * split.n2, second)),
            exchanged: split.exchanged,
            m,
        }
    }

    /// Baby and giant, residues modulo `m` whose sum is congruent to `shift`.
    #[inline]
    fn of(self, shift: i32) -> (u32, u32) {
        let first = self.first.digit(shift);
        let rest = match self.both {
            Some(both) => both.digit(shift - first),
            None => shift - first,
        };
        let (digit, rest) = (residue(shift - rest, self.m), residue(rest, self.m));
        if self.exchanged {
            (rest, digit)
        } else {
            (digit, rest)
        }
    }
}

/// Digits modulo `n`, from `-origin` on.
#[derive(Clone, Copy)]
struct Modulus {
    n: u32,
    origin: i32,
    /// A multiple of `n` that makes every dividend positive.
    offset: i32,
}

impl Modulus {
    fn new(n: u32, lift: u32, origin: u32) -> Self {
        Self {
            n,
            origin: origin as i32,
            offset: ((2 * lift).div_ceil(n) * n) as i32,
        }
    }

    #[inline]
    fn digit(self, shift: i32) -> i32 {
        ((shift + self.origin + self.offset) as u32 % self.n) as i32 - self.origin
    }
}

/// Counts the rotations of splits, one after another.
struct Trial<'a> {
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
    fn new(shifts: &'a Shifts, m: u32, collapse: Vec<u32>, options: &'a PlanOptions) -> Self {
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
    fn rank(&mut self, lifted: &[Vec<i32>], split: Split, limit: &Rank) -> Option<Rank> {
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
fn assign(shifts: &Shifts, lifted: &[Vec<i32>], digits: Digits) -> Vec<Vec<(u32, u32, u32)>> {
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
