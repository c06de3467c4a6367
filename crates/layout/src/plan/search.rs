//! The planner: the best split of a set of shifts into babies and giants.

use super::digits::{Digits, Split};
use super::period::Period;
use super::shifts::{Pair, Shifts, residue};
use super::trial::{Rank, Trial, assign};
use super::{DigitRange, PlanCosts, PlanOptions};

/// Per residue modulo `m` in use, ascending: the residue, its baby and its giant.
pub(super) type Assigned = Vec<(u32, u32, u32)>;

/// The chosen split and what it makes of the shifts.
pub(super) struct Found {
    pub split: Split,
    /// Per pair of `Shifts::pairs`.
    pub assigned: Vec<Assigned>,
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
