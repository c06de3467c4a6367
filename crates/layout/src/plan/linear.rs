//! From matrix and layouts to a plan.

use super::cells::build_cells;
use super::copies::{Copies, Rule};
use super::search::{Assigned, Found, least_cost_of, search};
use super::shifts::Shifts;
use super::{BsgsPlan, LinearPlan, PlanCosts, PlanCounts, PlanOptions};
use crate::{Copy, IndexMap, LayoutError, Periodic, SparseMatrix};
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

/// Plans one linear layer.
///
/// Let `p` be the input's period, `h` the least power of two that holds the output, `m = min(h, p)`.
/// An entry uses a shift `d ≡ col - row (mod m)`, which splits into a baby `a` and a giant `b`, both residues modulo `m`.
/// - Wide, `h >= p`: the weight goes to slot `row`, repeated every `h` slots. There `rot(x, d)` holds `x[col]`, because `x`
///   repeats every `p` slots and `p` divides both `h` and `d - (col - row)`. Nothing is left to add.
/// - Narrow, `h < p`: the weight goes to slot `(col - d) mod p`, the one slot of the period where `rot(x, d)` holds `x[col]`;
///   it is congruent to `row` modulo `h`. Adding up the slots congruent modulo `h`, by rotations `p/2, …, h`, completes the sum
///   in every slot.
///
/// Where the input has copies, an entry may use the shift to any of them, and so fewer diagonals serve the matrix; where
/// the output has copies, each is a row of its own. Several ways to choose are tried, the cheapest is kept.
///
/// A giant rotation acts on plaintexts rotated back by as much, so it changes no slot, only which baby serves it.
///
/// # Shapes
/// - `matrix`: rows as `output` has elements, columns as `input` has.
/// - `output`: its period and its number of ciphertexts are recomputed.
/// - Several input ciphertexts count as `p = n_slots`, several output ciphertexts as `h = n_slots`. Babies are shared by all
///   outputs, giants by all inputs. With several inputs and one output, wide and narrow are compared.
///
/// # Cost
/// `counts` of the result. Planning reads the matrix twice; the search itself sees sets of shifts only.
///
/// # Errors
/// Those of [`Periodic::check`], [`LayoutError::ShapeMismatch`], [`LayoutError::SlotMismatch`], [`LayoutError::BadCost`].
///
/// # Source
/// Halevi and Shoup, ePrint 2014/106, for diagonals; ePrint 2018/244 for baby and giant steps. Unlike both, we split
/// representatives modulo several powers of two, signed or not, and baby counts need not divide anything.
pub fn plan_linear(
    matrix: &SparseMatrix,
    input: &Periodic,
    output: &Periodic,
    options: &PlanOptions,
) -> Result<LinearPlan, LayoutError> {
    let diagonals = Diagonals::new(matrix, input, output)?;
    let outline = diagonals.outline(input, output, options, f64::INFINITY)?;
    Ok(diagonals.fill(outline.expect("some plan is cheaper than infinity")))
}

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
    /// [`plan_linear`]. Nothing if no plan costs at most `limit`.
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
    period: Period,
    copies: Copies,
    /// Per pair of an output and an input ciphertext.
    assigned: Vec<((usize, usize), Assigned)>,
}

impl PlanOutline {
    /// The cost of the plan.
    pub fn total(&self, costs: &PlanCosts) -> f64 {
        costs.of(&self.output, &self.counts)
    }
}

/// Periods of input and output of one candidate plan.
#[derive(Clone, Copy, Debug)]
pub(super) struct Period {
    pub input: u32,
    pub output: u32,
}

impl Period {
    pub fn m(self) -> u32 {
        self.input.min(self.output)
    }

    pub fn largest(self) -> u32 {
        self.input.max(self.output)
    }

    pub fn collapse(self) -> Vec<u32> {
        let halve = |&k: &u32| Some(k / 2);
        std::iter::successors(Some(self.input / 2), halve)
            .take_while(|&k| k >= self.output && k > 0)
            .collect()
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

/// Periods to plan for: the shortest, and with several inputs the widest too, which leaves nothing to add up.
fn periods(input: &Periodic, output: &Periodic) -> (Period, Option<Period>) {
    let narrowest = Period {
        input: input.period,
        output: output.period,
    };
    let wide = Period {
        output: input.n_slots,
        ..narrowest
    };
    let is_choice = input.n_ciphertexts > 1 && output.period < input.n_slots;
    (narrowest, is_choice.then_some(wide))
}

/// What a plan of so many diagonals costs at least.
fn least_total(
    input: &Periodic,
    output: &Periodic,
    period: Period,
    diagonals: u64,
    costs: &PlanCosts,
) -> f64 {
    let counts = PlanCounts {
        decomposed: u64::from(input.n_ciphertexts),
        // Ciphertexts that no weight reaches are not added up.
        collapse: period.collapse().len() as u64 * diagonals.min(1),
        plain_products: diagonals,
        ..PlanCounts::default()
    };
    let is_single = input.n_ciphertexts == 1 && output.n_ciphertexts == 1;
    let split = match is_single {
        true => least_cost_of(diagonals as u32, costs),
        false => 0.0,
    };
    split + costs.of(output, &counts)
}

fn fitted(output: &Periodic) -> Periodic {
    let mut output = output.clone();
    output.fit();
    output
}

pub(super) fn check_arguments(
    matrix: &SparseMatrix,
    input: &Periodic,
    output: &Periodic,
) -> Result<(), LayoutError> {
    if output.n_slots != input.n_slots {
        return Err(LayoutError::SlotMismatch {
            input: input.n_slots,
            output: output.n_slots,
        });
    }
    input.check()?;
    output.check()?;
    if input.is_partial() || output.is_partial() {
        let what = "a layer on elements that sit nowhere";
        return Err(LayoutError::BadGeometry { what });
    }
    let same = |side, found, layout: &Periodic| match found == layout.n_elements {
        true => Ok(()),
        false => Err(LayoutError::ShapeMismatch {
            side,
            expected: layout.n_elements,
            found,
        }),
    };
    same("columns", matrix.cols(), input)?;
    same("rows", matrix.rows(), output)
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

fn outline(
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
