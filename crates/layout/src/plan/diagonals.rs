//! The diagonals of a matrix, for plans with several layouts.

use super::cells::build_cells;
use super::copies::{Copies, Rule};
use super::linear::check_arguments;
use super::outline::{PlanOutline, outline};
use super::period::{Period, least_total, periods};
use super::shifts::Shifts;
use super::{LinearPlan, PlanCosts, PlanOptions};
use crate::{Copy, LayoutError, Periodic, SparseMatrix};
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

/// The diagonals of a matrix on the base positions of two layouts, whatever their copies and periods: what planning the
/// same layer for several of these reads once.
#[derive(Clone, Debug)]
pub struct Diagonals<'a> {
    matrix: &'a SparseMatrix,
    input: Periodic,
    output: Periodic,
    shifts: Shifts,
    /// Per power of two up to the slots, the residues in use modulo it.
    n_residues: Vec<u64>,
    /// First positions of rows, ascending, and the weights other than zero up to each.
    weights: Vec<(u32, u64)>,
    /// Most weights other than zero in one row.
    longest_row: u64,
    /// Shifts of some of the rows, by their first and last base position.
    parts: RefCell<BTreeMap<(u32, u32), Rc<Shifts>>>,
}

impl<'a> Diagonals<'a> {
    /// Reads a matrix.
    ///
    /// # Errors
    /// Those of [`Periodic::check`], [`LayoutError::ShapeMismatch`], [`LayoutError::SlotMismatch`].
    pub fn new(
        matrix: &'a SparseMatrix,
        input: &Periodic,
        output: &Periodic,
    ) -> Result<Self, LayoutError> {
        let output = fitted(output);
        check_arguments(matrix, input, &output)?;
        if let Some(tensor) = output
            .as_tiles()
            .filter(|t| t.is_dirty() || t.replicas().len() > 1)
        {
            return Err(tensor.bad("values in one slot of a period and zeros around them"));
        }
        let shifts = Shifts::new(matrix, input, &output, 0..u32::MAX);
        let moduli = 0..=input.n_slots.ilog2();
        let weights = weights(matrix, &output);
        let sums = std::iter::once(0).chain(weights.iter().map(|&(_, sum)| sum));
        let in_row = weights
            .iter()
            .zip(sums)
            .map(|(&(_, sum), before)| sum - before);
        Ok(Self {
            longest_row: in_row.max().unwrap_or(0),
            n_residues: moduli.map(|k| shifts.n_residues(1 << k).1).collect(),
            shifts,
            input: input.clone(),
            weights,
            output,
            matrix,
            parts: RefCell::default(),
        })
    }

    /// Shifts of the rows at base positions `from..to`.
    fn part(&self, from: u32, to: u32) -> Rc<Shifts> {
        let mut parts = self.parts.borrow_mut();
        let made = || {
            Rc::new(Shifts::new(
                self.matrix,
                &self.input,
                &self.output,
                from..to,
            ))
        };
        parts.entry((from, to)).or_insert_with(made).clone()
    }

    /// The input's base layout.
    pub fn input(&self) -> &Periodic {
        &self.input
    }

    /// The output's base layout.
    pub fn output(&self) -> &Periodic {
        &self.output
    }

    /// What no plan for these copies and periods can be cheaper than.
    pub fn least_cost(&self, input: &Periodic, output: &Periodic, costs: &PlanCosts) -> f64 {
        let copied = |copy: &Copy| self.weights_below(copy.to) - self.weights_below(copy.from);
        let weights = self.weights_below(u32::MAX) + output.copies.iter().map(copied).sum::<u64>();
        let least = |period: Period| {
            let copies = Copies::new(input, output, period.m(), Rule::Nearest);
            let used = self.n_residues[period.m().ilog2() as usize].div_ceil(copies.most());
            // A diagonal holds one weight in each slot of the longer period.
            let full = weights.div_ceil(period.largest().into());
            // And one for each slot that is added up to a row's result.
            let added = u64::from((period.input / period.output).max(1) * input.n_ciphertexts);
            let row = self.longest_row.div_ceil(added);
            least_total(input, output, period, used.max(full).max(row), costs)
        };
        let (narrowest, wide) = periods(input, output);
        let narrowest = least(narrowest);
        wide.map_or(narrowest, |wide| least(wide).min(narrowest))
    }

    /// A higher bound than [`Diagonals::least_cost`]: what the diagonals that remain once every entry has chosen among the
    /// copies cost at least.
    pub fn least_cost_of_choices(
        &self,
        input: &Periodic,
        output: &Periodic,
        costs: &PlanCosts,
    ) -> f64 {
        let (narrowest, wide) = periods(input, output);
        let parts = self.parts(output);
        let places = self.places(&parts);
        let mut least = f64::INFINITY;
        for period in std::iter::once(narrowest).chain(wide) {
            for rule in self.rules(input, output, period) {
                let mut copies = Copies::new(input, output, period.m(), rule);
                let used = copies.applied(&places).n_residues(period.m()).1;
                least = least.min(least_total(input, output, period, used, costs));
            }
        }
        least
    }

    /// Shifts of the rows that each copy of the output holds.
    fn parts(&self, output: &Periodic) -> Vec<Rc<Shifts>> {
        let end = self.output.extent();
        let part = |copy: &Copy| self.part(copy.from.min(end), copy.to.min(end));
        output.copies.iter().map(part).collect()
    }

    fn places<'b>(&'b self, parts: &'b [Rc<Shifts>]) -> Vec<&'b Shifts> {
        let parts = parts.iter().map(Rc::as_ref);
        std::iter::once(&self.shifts).chain(parts).collect()
    }

    /// Ways to choose among copies that may differ.
    fn rules(
        &self,
        input: &Periodic,
        output: &Periodic,
        period: Period,
    ) -> impl Iterator<Item = Rule> {
        let is_single = self.shifts.pairs.len() == 1;
        let is_choice = !Copies::new(input, output, period.m(), Rule::Nearest).is_forced();
        let useful = move |rule: &Rule| match rule {
            Rule::Nearest => true,
            Rule::Above | Rule::Around => is_choice,
            Rule::Fewest => is_choice && is_single,
        };
        Rule::ALL.into_iter().filter(useful)
    }

    /// Weights other than zero in rows whose first position is below `position`.
    fn weights_below(&self, position: u32) -> u64 {
        let rows = self.weights.partition_point(|&(at, _)| at < position);
        rows.checked_sub(1).map_or(0, |last| self.weights[last].1)
    }

    /// Plans the layer for layouts that differ from those of [`Diagonals::new`] in copies and period only; see
    /// [`crate::plan_linear`]. Nothing if no plan costs at most `limit`.
    ///
    /// # Errors
    /// Those of [`Periodic::check`], [`LayoutError::BadCost`]; [`LayoutError::OtherPositions`] if base positions differ.
    pub fn outline(
        &self,
        input: &Periodic,
        output: &Periodic,
        options: &PlanOptions,
        limit: f64,
    ) -> Result<Option<PlanOutline>, LayoutError> {
        options.costs.check()?;
        let output = fitted(output);
        for (layout, known) in [(input, &self.input), (&output, &self.output)] {
            layout.check()?;
            let same = layout.index == known.index
                && layout.n_elements == known.n_elements
                && layout.n_slots == known.n_slots
                && layout.n_ciphertexts == known.n_ciphertexts;
            if !same {
                return Err(LayoutError::OtherPositions);
            }
        }
        let mut best = None;
        let (narrowest, wide) = periods(input, &output);
        for period in std::iter::once(narrowest).chain(wide) {
            self.best_rule(input, &output, period, options, limit, &mut best);
        }
        Ok(best)
    }

    /// The plan with its weights.
    pub fn fill(&self, outline: PlanOutline) -> LinearPlan {
        let PlanOutline {
            input,
            output,
            copies,
            period,
            assigned,
            ..
        } = outline;
        LinearPlan {
            cells: build_cells(self.matrix, &input, &output, &copies, period, &assigned),
            input,
            output,
            plan: outline.plan,
            collapse: outline.collapse,
            mask: None,
            duplicate: Vec::new(),
            counts: outline.counts,
        }
    }

    /// Replaces `best` by the cheapest outline over the ways to choose among copies, if that is cheaper and within `limit`.
    fn best_rule(
        &self,
        input: &Periodic,
        output: &Periodic,
        period: Period,
        options: &PlanOptions,
        limit: f64,
        best: &mut Option<PlanOutline>,
    ) {
        let costs = &options.costs;
        let parts = self.parts(output);
        let places = self.places(&parts);
        let used = self.n_residues[period.m().ilog2() as usize];
        let mut seen: Vec<Shifts> = Vec::new();
        let is_single = self.shifts.pairs.len() == 1;
        for rule in self.rules(input, output, period) {
            let mut copies = Copies::new(input, output, period.m(), rule);
            let limit = best.as_ref().map_or(limit, |best| best.total(costs));
            // The first place alone takes as many diagonals.
            let diagonals = match rule {
                Rule::Nearest => used,
                _ => used.div_ceil(copies.most()),
            };
            if is_single && least_total(input, output, period, diagonals, costs) >= limit {
                continue;
            }
            let shifts = copies.applied(&places);
            if !seen.contains(&shifts) {
                let made = outline(input, output, copies, &shifts, period, options, limit);
                let cheaper = |made: &PlanOutline| {
                    best.as_ref()
                        .is_none_or(|best| made.total(costs) < best.total(costs))
                };
                if let Some(made) = made.filter(cheaper) {
                    *best = Some(made);
                }
                seen.push(shifts);
            }
        }
    }
}

fn weights(matrix: &SparseMatrix, output: &Periodic) -> Vec<(u32, u64)> {
    let of_row = |row| matrix.row(row).filter(|&(_, value)| value != 0.0).count() as u64;
    let rows = (0..matrix.rows()).map(|row| (output.position(row), of_row(row)));
    let mut weights: Vec<(u32, u64)> = rows.collect();
    weights.sort_unstable();
    let mut sum = 0;
    for (_, n) in &mut weights {
        sum += *n;
        *n = sum;
    }
    weights
}

fn fitted(output: &Periodic) -> Periodic {
    let mut output = output.clone();
    output.fit();
    output
}
