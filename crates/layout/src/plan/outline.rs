//! Plans without weights.

use super::copies::Copies;
use super::period::Period;
use super::search::{Assigned, Found, search};
use super::shifts::Shifts;
use super::{BsgsPlan, PlanCosts, PlanCounts, PlanOptions};
use crate::{IndexMap, Periodic};

/// A plan without its weights.
#[derive(Clone, Debug)]
pub struct PlanOutline {
    /// The input's layout.
    pub input: Periodic,
    /// The output's layout with its resulting period.
    pub output: Periodic,
    /// Rotation amounts.
    pub plan: BsgsPlan,
    /// Rotate-and-add amounts.
    pub collapse: Vec<u32>,
    /// What the plan costs.
    pub counts: PlanCounts,
    pub(super) period: Period,
    pub(super) copies: Copies,
    /// Per pair of an output and an input ciphertext.
    pub(super) assigned: Vec<((usize, usize), Assigned)>,
}

impl PlanOutline {
    /// The cost of the plan.
    pub fn total(&self, costs: &PlanCosts) -> f64 {
        costs.of(&self.output, &self.counts)
    }
}

/// The cheapest plan for shifts between layouts of these periods; nothing if none costs at most `limit`.
pub(super) fn outline(
    input: &Periodic,
    output: &Periodic,
    copies: Copies,
    shifts: &Shifts,
    period: Period,
    options: &PlanOptions,
    limit: f64,
) -> Option<PlanOutline> {
    let collapse = period.collapse();
    let (stored, used) = shifts.n_residues(period.m());
    let mut counts = PlanCounts {
        diagonals_total: stored.max(used),
        diagonals_zero: stored.saturating_sub(used),
        decomposed: u64::from(input.n_ciphertexts),
        collapse: collapse.len() as u64 * used.min(1),
        plain_products: used,
        ..PlanCounts::default()
    };
    let left = limit - options.costs.of(output, &counts);
    let pitches = pitches([input, output]);
    let Found { split, assigned } = search(shifts, period, &pitches, input.n_slots, options, left)?;
    let mut babies = vec![Vec::new(); shifts.n_inputs];
    let mut giants = vec![Vec::new(); shifts.n_outputs];
    for (pair, assigned) in shifts.pairs.iter().zip(&assigned) {
        babies[pair.input].extend(assigned.iter().map(|&(_, baby, _)| baby));
        giants[pair.output].extend(assigned.iter().map(|&(_, _, giant)| giant));
    }
    for amounts in babies.iter_mut().chain(&mut giants) {
        amounts.sort_unstable();
        amounts.dedup();
    }
    let rotations = |sets: &[Vec<u32>]| sets.iter().flatten().filter(|&&k| k != 0).count() as u64;
    let n_reached = giants.iter().filter(|giants| !giants.is_empty()).count();
    counts.collapse = (collapse.len() * n_reached) as u64;
    counts.babies = rotations(&babies);
    counts.giants = rotations(&giants);
    let spread = BsgsPlan {
        babies,
        giants,
        n1: split.n1,
        n2: split.n2,
        lift: split.lift,
        signed: split.signed,
        digits: split.digits,
        exchanged: split.exchanged,
        nested: false,
    };
    let nested = BsgsPlan {
        nested: true,
        ..spread.clone()
    };
    let n_keys = |plan: &BsgsPlan| plan.amounts(&collapse).len();
    let plan = match n_keys(&nested) < n_keys(&spread) {
        true => nested,
        false => spread,
    };
    counts.rotation_keys = n_keys(&plan) as u64;
    let mut output = output.clone();
    output.period = period.output;
    let pairs = shifts.pairs.iter().map(|pair| (pair.output, pair.input));
    Some(PlanOutline {
        input: input.clone(),
        output,
        plan,
        collapse,
        counts,
        period,
        copies,
        assigned: pairs.zip(assigned).collect(),
    })
}

/// Distances between rows and between blocks of channels, other than powers of two.
fn pitches(layouts: [&Periodic; 2]) -> Vec<u32> {
    let of = |layout: &Periodic| match layout.index {
        IndexMap::Image { gap, frame, .. } => {
            let row = gap.0.saturating_mul(frame.1);
            vec![row, frame.0.saturating_mul(frame.1)]
        }
        _ => Vec::new(),
    };
    let mut pitches: Vec<u32> = layouts.into_iter().flat_map(of).collect();
    pitches.sort_unstable();
    pitches.dedup();
    pitches.retain(|pitch| !pitch.is_power_of_two() && *pitch > 0);
    pitches
}
