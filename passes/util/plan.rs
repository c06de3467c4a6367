//! Kernel plans for all linear nodes of a graph.

use super::linear::linear_map;
use super::ports;
use ::circuit::{CostTable, Measured};
use graph::Graph;
use layout::{
    Diagonals, LayoutError, LinearPlan, Periodic, PlanCosts, PlanOptions, PlanOutline,
    SparseMatrix, plan_tiles,
};
use pass::{Objective, Refusal, Settings};
use std::sync::Arc;

/// A plan may have this many times the rotations of the one with fewest: each needs a key, in memory and in the time to
/// make it, which the price of a run does not see.
const ROTATION_SLACK: f64 = 1.08;

/// Prices of a plan's parts, in full rotations' worth, from the cost table.
fn prices(costs: &CostTable) -> PlanCosts {
    // A ciphertext of 8 limbs with 3 special primes in 3 digits at ring degree 2^14; only ratios matter.
    let us = |what| costs.us(what, 14, 8, 3, 3);
    let decompose = us(Measured::Decompose);
    let hoisted = us(Measured::RotateHoisted);
    let mod_down = us(Measured::ModDown);
    let giant = decompose + hoisted + mod_down / 2.0;
    PlanCosts {
        k_dec: decompose / giant,
        k_h: hoisted / giant,
        k_g: 1.0,
        k_md: mod_down / giant,
        k_rs: 0.0,
        c_mul: costs.fused_us(14, 8, 3, 3).each / giant,
    }
}

/// What plans are compared by.
pub fn options(settings: &Settings) -> PlanOptions {
    let costs = match settings.objective {
        Objective::Latency | Objective::Throughput | Objective::Memory => prices(&settings.costs),
        // Products decide between plans of as many rotations.
        Objective::Rotations => PlanCosts {
            c_mul: 1e-4,
            ..PlanCosts::default()
        },
    };
    PlanOptions {
        costs,
        ..PlanOptions::default()
    }
}

/// The matrix with every stored weight set to 1.
pub fn without_zeros(matrix: &SparseMatrix) -> SparseMatrix {
    let ones = matrix.entries().map(|(row, col, _)| (row, col, 1.0));
    SparseMatrix::from_triplets(matrix.rows(), matrix.cols(), ones)
}

/// The cheapest plan of a layer: between tile tensors where the output is one, else by diagonals.
///
/// # Errors
/// A [`LayoutError`] if the layouts do not fit the matrix or each other.
pub fn plan_one(
    matrix: &SparseMatrix,
    input: &Periodic,
    output: &Periodic,
    settings: &Settings,
) -> Result<LinearPlan, LayoutError> {
    if output.as_tiles().is_some() {
        return plan_tiles(matrix, input, output);
    }
    plan_diagonals(matrix, input, output, settings)
}

/// The cheapest plan among those with few more rotations than the fewest possible.
fn plan_diagonals(
    matrix: &SparseMatrix,
    input: &Periodic,
    output: &Periodic,
    settings: &Settings,
) -> Result<LinearPlan, LayoutError> {
    let diagonals = Diagonals::new(matrix, input, output)?;
    let outline = |costs: PlanCosts| -> Result<PlanOutline, LayoutError> {
        let options = PlanOptions {
            costs,
            ..PlanOptions::default()
        };
        let outline = diagonals.outline(input, output, &options, f64::INFINITY)?;
        Ok(outline.expect("some plan is cheaper than infinity"))
    };
    let fewest = outline(PlanCosts::default())?;
    if settings.objective == Objective::Rotations {
        return Ok(diagonals.fill(fewest));
    }
    let costs = prices(&settings.costs);
    let allowed = (fewest.counts.rotations() as f64 * ROTATION_SLACK) as u64;
    for surcharge in [0.0, 0.2, 0.5, 1.0, 2.0, 5.0] {
        let plan = outline(PlanCosts {
            k_h: costs.k_h + surcharge,
            k_g: costs.k_g + surcharge,
            ..costs
        })?;
        if plan.counts.rotations() <= allowed {
            return Ok(diagonals.fill(plan));
        }
    }
    Ok(diagonals.fill(fewest))
}

/// Plans every linear node on its layout facts, in order, and carries the resulting periods along. Returns the cost.
///
/// # Errors
/// A [`Refusal`] naming the node whose layout or matrix can not be planned.
pub fn plan_all(graph: &mut Graph, settings: &Settings) -> Result<f64, Refusal> {
    let costs = options(settings).costs;
    let mut total = 0.0;
    for id in graph.order() {
        let operands = graph.operands(id);
        let Some(&first) = operands.first() else {
            continue;
        };
        let name = graph.node(id).name.clone();
        if ports::picks_input(graph, id) {
            continue;
        }
        let missing =
            || Refusal::new(format!("{name} has no layout")).help("run choose-packing first");
        let input = graph.node(first).facts.layout.clone().ok_or_else(missing)?;
        let Some(map) = linear_map(&graph.node(id).op, graph.shape(first)) else {
            let layouts = operands
                .iter()
                .filter_map(|o| graph.node(*o).facts.layout.as_ref());
            let places = |l: &Periodic| (l.index.clone(), l.copies.clone());
            let mut all = layouts.clone().map(places);
            let one = all.next();
            if all.any(|other| Some(other) != one) {
                return Err(Refusal::new(format!(
                    "{name} combines values that sit in different places"
                ))
                .help("run choose-packing again, or give both operands one layout"));
            }
            let longest = layouts.max_by_key(|l| l.period).cloned();
            let carried = longest.map(|l| match ports::is_port(graph, id) {
                true => ports::behind(graph, id, &l),
                false => l,
            });
            graph.node_mut(id).facts.layout = carried;
            continue;
        };
        let output = graph.node(id).facts.layout.clone().ok_or_else(missing)?;
        let plan = plan_one(&map.matrix, &input, &output, settings)
            .map_err(|e: LayoutError| Refusal::new(format!("{name}: {e}")))?;
        total += costs.total(&plan);
        let facts = &mut graph.node_mut(id).facts;
        facts.layout = Some(plan.output.clone());
        facts.plan = Some(Arc::new(plan));
    }
    Ok(total)
}
