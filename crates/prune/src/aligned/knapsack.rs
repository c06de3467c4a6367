//! One choice per part, so that all together meet a target.

use super::Error;
use super::layer::Curve;
use std::fmt;
use train::WeightMasks;

/// Combinations that are kept in mind while parts are added; beyond it those of much the same cost are thinned out.
const MOST_COMBINATIONS: usize = 20_000;

/// What choices together have to meet.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Target {
    /// At most so many microseconds for all parts, with the least loss.
    Us(f64),
    /// At most so much importance lost, with the least cost.
    Lost(f64),
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Us(most) => write!(f, "{most:.1} us"),
            Self::Lost(most) => write!(f, "a loss of {most}"),
        }
    }
}

/// A choice for every part.
#[derive(Clone, Debug, PartialEq)]
pub struct Combination {
    /// Per curve, the place of its choice.
    pub picks: Vec<usize>,
    /// Masks of all parts; where parts share a parameter, what all of them keep.
    pub masks: WeightMasks,
    /// Microseconds of all parts.
    pub us: f64,
    /// Rotations of all parts.
    pub rotations: u64,
    /// Importance of what is dropped.
    pub lost: f64,
}

#[derive(Clone, Copy)]
struct Entry {
    us: f64,
    lost: f64,
    /// The entry of the parts before, and the pick of this one.
    before: usize,
    pick: usize,
}

/// The best choices, one per curve. Costs and losses of parts add up.
///
/// All combinations that no other beats in both are followed, part by part. One price for all parts, and a point on the
/// convex envelope of each, would leave most choices out: cost falls with the square root of what is kept, so that curves
/// of layers bend the other way.
///
/// # Errors
/// [`Error::Target`] if no combination is so cheap.
pub fn choose(curves: &[Curve], target: Target) -> Result<Combination, Error> {
    let start = Entry {
        us: 0.0,
        lost: 0.0,
        before: 0,
        pick: 0,
    };
    let mut fronts = vec![vec![start]];
    for curve in curves {
        let next = front(&fronts[fronts.len() - 1], curve);
        fronts.push(next);
    }
    let last = &fronts[fronts.len() - 1];
    // Costs fall and losses rise along a front.
    let found = match target {
        Target::Us(most) => last.iter().position(|entry| entry.us <= most),
        Target::Lost(most) => last.iter().rposition(|entry| entry.lost <= most),
    };
    let Some(mut at) = found else {
        let least = match target {
            Target::Us(_) => last.last().map_or(0.0, |entry| entry.us),
            Target::Lost(_) => last.first().map_or(0.0, |entry| entry.lost),
        };
        return Err(Error::Target { target, least });
    };
    let (us, lost) = (last[at].us, last[at].lost);
    let mut picks = vec![0; curves.len()];
    for (pick, front) in picks.iter_mut().zip(&fronts[1..]).rev() {
        *pick = front[at].pick;
        at = front[at].before;
    }
    let mut masks = WeightMasks::new();
    let mut rotations = 0;
    for (curve, &pick) in curves.iter().zip(&picks) {
        let choice = &curve.choices[pick];
        rotations += choice.rotations;
        merge(&mut masks, &choice.masks);
    }
    Ok(Combination {
        picks,
        masks,
        us,
        rotations,
        lost,
    })
}

/// Adds masks to masks; where both know a parameter, what both keep.
fn merge(masks: &mut WeightMasks, more: &WeightMasks) {
    for (id, mask) in more {
        match masks.get_mut(id) {
            Some(held) => held
                .kept
                .iter_mut()
                .zip(&mask.kept)
                .for_each(|(a, b)| *a &= b),
            None => {
                masks.insert(id.clone(), mask.clone());
            }
        }
    }
}

/// What is not beaten among the combinations with one more part, the dearest first.
fn front(before: &[Entry], curve: &Curve) -> Vec<Entry> {
    let mut all = Vec::with_capacity(before.len() * curve.choices.len());
    for (at, entry) in before.iter().enumerate() {
        all.extend(
            curve
                .choices
                .iter()
                .enumerate()
                .map(|(pick, choice)| Entry {
                    us: entry.us + choice.us,
                    lost: entry.lost + choice.lost,
                    before: at,
                    pick,
                }),
        );
    }
    all.sort_by(|a, b| a.lost.total_cmp(&b.lost).then(a.us.total_cmp(&b.us)));
    let mut front: Vec<Entry> = Vec::new();
    for entry in all {
        if front.last().is_none_or(|last| entry.us < last.us) {
            front.push(entry);
        }
    }
    if front.len() > MOST_COMBINATIONS {
        let (dearest, cheapest) = (front[0].us, front[front.len() - 1].us);
        let step = (dearest - cheapest) / MOST_COMBINATIONS as f64;
        let bucket = |entry: &Entry| ((entry.us - cheapest) / step) as usize;
        front.dedup_by_key(|entry| bucket(entry));
    }
    front
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::aligned::Choice;
    use rand_chacha::ChaCha8Rng;
    use rand_core::{Rng, SeedableRng};

    fn curves(rng: &mut ChaCha8Rng) -> Vec<Curve> {
        let mut unit = || f64::from(rng.next_u32()) / f64::from(u32::MAX);
        let curve = |at: usize| {
            let (mut us, mut lost) = (10.0, 0.0);
            let choices = (0..5).map(|step| {
                if step > 0 {
                    us -= 2.0 * unit();
                    lost += unit();
                }
                let masks = WeightMasks::new();
                Choice {
                    masks,
                    us,
                    rotations: 5 - step,
                    lost,
                }
            });
            Curve {
                name: at.to_string(),
                choices: choices.collect(),
            }
        };
        (0..4).map(curve).collect()
    }

    /// Sums of cost and loss over all combinations.
    fn all(curves: &[Curve]) -> Vec<(f64, f64)> {
        curves.iter().fold(vec![(0.0, 0.0)], |sums, curve| {
            let with = |&(us, lost): &(f64, f64)| {
                let of = curve.choices.iter();
                of.map(move |c| (us + c.us, lost + c.lost))
                    .collect::<Vec<_>>()
            };
            sums.iter().flat_map(with).collect()
        })
    }

    #[test]
    fn choices_are_the_best_of_all_combinations() {
        let mut rng = ChaCha8Rng::seed_from_u64(3);
        for _ in 0..10 {
            let curves = curves(&mut rng);
            let all = all(&curves);
            for most in [36.0, 30.0, 28.0] {
                let least = all.iter().filter(|sum| sum.0 <= most).map(|sum| sum.1);
                let least = least.fold(f64::INFINITY, f64::min);
                match choose(&curves, Target::Us(most)) {
                    Ok(found) => assert!((found.lost - least).abs() < 1e-9 && found.us <= most),
                    Err(error) => assert!(least.is_infinite(), "{error}"),
                }
            }
            let least = all.iter().filter(|sum| sum.1 <= 2.0).map(|sum| sum.0);
            let least = least.fold(f64::INFINITY, f64::min);
            let found = choose(&curves, Target::Lost(2.0)).unwrap();
            assert!((found.us - least).abs() < 1e-9 && found.lost <= 2.0);
            let picked = curves
                .iter()
                .zip(&found.picks)
                .map(|(c, &p)| c.choices[p].rotations);
            assert_eq!(found.rotations, picked.sum::<u64>());
        }
    }

    #[test]
    fn a_target_that_nothing_meets_is_refused_with_what_can_be_met() {
        let mut rng = ChaCha8Rng::seed_from_u64(4);
        let curves = curves(&mut rng);
        let least: f64 = curves.iter().map(|c| c.choices[4].us).sum();
        let error = choose(&curves, Target::Us(1.0)).unwrap_err();
        assert!(
            matches!(error, Error::Target { least: found, .. } if (found - least).abs() < 1e-9)
        );
    }
}
