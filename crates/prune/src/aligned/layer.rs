//! What layers cost with fewer of their weights.

use super::cells::{PlannedLayer, layers};
use super::grids::{Placed, cell_worths, grids};
use super::select::Selection;
use super::{Error, Pricer};
use privet::extend::Graph;
use privet::extend::layout::SparseMatrix;
use privet::passes::util::plan::plan_one;
use privet::passes::util::price::Prices;
use std::collections::BTreeMap;
use train::{ParameterId, WeightMask, WeightMasks};

/// Prices of importance are this factor apart, and so many lie on either side of the mean one.
const LADDER_STEP: f64 = 2.0;
const LADDER_STEPS: i32 = 6;
/// Selections that are planned, at most.
const N_CHOICES: f64 = 32.0;

/// One way to thin out a part of a network.
#[derive(Clone, Debug, PartialEq)]
pub struct Choice {
    /// What is kept of the part's weights.
    pub masks: WeightMasks,
    /// Microseconds of the part.
    pub us: f64,
    /// Rotations of the part.
    pub rotations: u64,
    /// Importance of what is dropped.
    pub lost: f64,
}

/// Ways to thin out one part, from all of it to least: each costs less and loses more than the one before.
#[derive(Clone, Debug, PartialEq)]
pub struct Curve {
    /// The part.
    pub name: String,
    /// The ways.
    pub choices: Vec<Choice>,
}

impl Curve {
    /// Keeps what is neither dearer nor worse than another; the first stays.
    pub(super) fn new(name: String, mut choices: Vec<Choice>) -> Self {
        let mut rest = choices.split_off(1.min(choices.len()));
        rest.sort_by(|a, b| a.lost.total_cmp(&b.lost).then(a.us.total_cmp(&b.us)));
        for choice in rest {
            if choices.last().is_none_or(|last| choice.us < last.us) {
                choices.push(choice);
            }
        }
        Self { name, choices }
    }
}

/// The curve of every layer of a network that [`layers`] knows, given what each weight is worth. Weights without an
/// importance are worth nothing.
///
/// Babies and giants that stay are chosen by [`super::Grid::select`] and [`super::Grid::select_sized`] for several splits; what they cost is read off the compiler's plan of what is left.
///
/// # Errors
/// [`Error::Compile`] with the pass that refuses the network; [`Error::Importance`] for one of another length.
pub fn options(
    pricer: &Pricer,
    graph: &Graph,
    importance: &BTreeMap<ParameterId, Vec<f64>>,
) -> Result<Vec<Curve>, Error> {
    let of = |layer: PlannedLayer| {
        let worth = worth(importance, &layer.weight, layer.n_weights)?;
        Ok(curve(pricer, &layer, &worth))
    };
    layers(pricer, graph)?.into_iter().map(of).collect()
}

/// Importance of a weight's elements.
pub(super) fn worth(
    importance: &BTreeMap<ParameterId, Vec<f64>>,
    weight: &ParameterId,
    expected: usize,
) -> Result<Vec<f64>, Error> {
    match importance.get(weight) {
        None => Ok(vec![0.0; expected]),
        Some(values) if values.len() == expected => Ok(values.clone()),
        Some(values) => Err(Error::Importance {
            parameter: weight.clone(),
            expected,
            found: values.len(),
        }),
    }
}

/// The curve of one layer.
fn curve(pricer: &Pricer, layer: &PlannedLayer, worth: &[f64]) -> Curve {
    let prices = Prices::new(pricer.settings(), layer.levels);
    let costs = prices.plan(layer.below + 1);
    let grids = grids(layer, &cell_worths(layer, worth), &costs);
    let all = vec![true; layer.n_weights];
    let mut choices: Vec<Choice> = choice(pricer, layer, worth, all).into_iter().collect();
    let mut seen: Vec<Vec<bool>> = Vec::new();
    for trial in trials(&grids) {
        let kept = kept(layer, &trial);
        if kept.contains(&true) && !seen.contains(&kept) {
            choices.extend(choice(pricer, layer, worth, kept.clone()));
            seen.push(kept);
        }
    }
    Curve::new(layer.weight.node.clone(), choices)
}

/// A selection in one of the grids, before it is planned.
struct Trial<'a> {
    placed: &'a Placed,
    selection: Selection,
    lambda: f64,
    cost: f64,
    kept: f64,
}

/// Selections that promise most for what they cost, the dearest first, at most one for each step of the cost.
///
/// Where cells are worth much the same, no price of importance leads to anything between all and nothing: what is kept
/// falls with the square of the cost. So numbers of rows and columns are tried, beside a ladder of prices.
fn trials(grids: &[Placed]) -> Vec<Trial<'_>> {
    let mut trials: Vec<Trial<'_>> = Vec::new();
    for placed in grids {
        let grid = &placed.grid;
        let mean = grid.importance.iter().sum::<f64>() / placed.total().max(f64::MIN_POSITIVE);
        for step in -LADDER_STEPS..=LADDER_STEPS {
            let lambda = mean * LADDER_STEP.powi(step);
            trials.push(Trial::new(placed, grid.select(lambda), lambda));
        }
        let priced = |costs: &[f64]| costs.iter().filter(|cost| **cost > 0.0).count();
        for n_rows in sizes(priced(&grid.row_costs)) {
            for n_cols in sizes(priced(&grid.col_costs)) {
                trials.push(Trial::new(placed, grid.select_sized(n_rows, n_cols), 0.0));
            }
        }
    }
    trials.sort_by(|a, b| a.cost.total_cmp(&b.cost).then(b.kept.total_cmp(&a.kept)));
    let dearest = trials.last().map_or(0.0, |trial| trial.cost);
    let mut best: Vec<Trial<'_>> = Vec::new();
    for trial in trials {
        if best.last().is_some_and(|last| trial.kept <= last.kept) {
            continue;
        }
        let step = |trial: &Trial<'_>| (trial.cost / dearest * N_CHOICES) as usize;
        if best.last().is_some_and(|last| step(last) == step(&trial)) {
            best.pop();
        }
        best.push(trial);
    }
    best.reverse();
    best
}

impl<'a> Trial<'a> {
    fn new(placed: &'a Placed, selection: Selection, lambda: f64) -> Self {
        let grid = &placed.grid;
        let lines = |kept: &[bool], costs: &[f64]| -> f64 {
            let kept = kept.iter().zip(costs).filter(|(kept, _)| **kept);
            kept.map(|(_, cost)| cost).sum()
        };
        let mut cost =
            lines(&selection.rows, &grid.row_costs) + lines(&selection.cols, &grid.col_costs);
        let mut kept = 0.0;
        let n_cols = grid.col_costs.len();
        for row in (0..selection.rows.len()).filter(|&row| selection.rows[row]) {
            for col in (0..n_cols).filter(|&col| selection.cols[col]) {
                if grid.is_worth(row, col, lambda) {
                    cost += grid.cell_costs[row * n_cols + col];
                    kept += grid.importance[row * n_cols + col];
                }
            }
        }
        Self {
            placed,
            selection,
            lambda,
            cost,
            kept,
        }
    }
}

/// Numbers up to `most`: all small ones, then a quarter more each time.
fn sizes(most: usize) -> Vec<usize> {
    let next = |&n: &usize| (n < most).then(|| (n + 1).max(n * 5 / 4).min(most));
    std::iter::successors(Some(0), next).collect()
}

/// Weights all of whose cells are selected.
fn kept(layer: &PlannedLayer, trial: &Trial<'_>) -> Vec<bool> {
    let Trial {
        placed,
        selection,
        lambda,
        ..
    } = trial;
    let mut kept = vec![true; layer.n_weights];
    for (cell, &(row, col)) in layer.cells.iter().zip(&placed.places) {
        let inside = selection.rows[row] && selection.cols[col];
        if !inside || !placed.grid.is_worth(row, col, *lambda) {
            cell.weights.iter().for_each(|&w| kept[w as usize] = false);
        }
    }
    kept
}

/// What the layer costs with these weights; nothing if the layouts hold no plan.
fn choice(pricer: &Pricer, layer: &PlannedLayer, worth: &[f64], kept: Vec<bool>) -> Option<Choice> {
    let is_kept = |number: f64| {
        let made_of = &layer.made_of[number as usize - 1];
        made_of.iter().any(|&w| kept[w as usize])
    };
    let entries = layer
        .numbered
        .entries()
        .filter(|&(.., number)| is_kept(number));
    let (rows, cols) = (layer.numbered.rows(), layer.numbered.cols());
    let matrix = SparseMatrix::from_triplets(rows, cols, entries);
    let settings = pricer.settings();
    let plan = plan_one(&matrix, &layer.input, &layer.output, settings).ok()?;
    let prices = Prices::new(settings, layer.levels);
    let dropped = worth.iter().zip(&kept).filter(|(_, kept)| !**kept);
    Some(Choice {
        us: prices.layer(&plan.output, &plan.counts, layer.below),
        rotations: plan.counts.rotations(),
        lost: dropped.fold(0.0, |sum, (worth, _)| sum + worth),
        masks: WeightMasks::from([(layer.weight.clone(), WeightMask { kept })]),
    })
}
