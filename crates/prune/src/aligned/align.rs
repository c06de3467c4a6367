//! A network thinned out and arranged for a target.

use super::assign::{Link, Placement};
use super::layer::{Curve, worth};
use super::units::refused;
use super::{Error, Pricer, Target, choose, options, unit_options, without_units};
use privet::extend::graph::Op;
use privet::extend::{Graph, NodeId};
use privet::passes::util::axes::{Axes, ClassId, Segment};
use privet::passes::util::reindex::{Chosen, reindexed};
use std::collections::BTreeMap;
use train::{ParameterId, WeightMask, WeightMasks, parameters, set_parameter};

/// Rounds of choosing grids and placing units.
const ROUNDS: usize = 2;
/// Shares of what has to be spared that units are removed for; grids spare the rest.
const BY_UNITS: [f64; 4] = [0.0, 0.35, 0.7, 1.0];

/// What each element of each parameter is worth.
pub type Importance = BTreeMap<ParameterId, Vec<f64>>;

/// A network to be trained on under masks.
#[derive(Clone, Debug)]
pub struct Aligned {
    /// The network without removed units, the others arranged; no weight is zeroed yet.
    pub graph: Graph,
    /// What is kept of its weights.
    pub masks: WeightMasks,
    /// Microseconds, as estimated from plans.
    pub us: f64,
    /// Rotations.
    pub rotations: u64,
    /// Importance of all that is dropped, removed units included.
    pub lost: f64,
}

/// Prunes a network to at most so many microseconds with little loss: some units are removed, grids of babies and giants are
/// chosen in what is left, and units change places so that what is important falls inside. Several shares of both are tried.
///
/// # Errors
/// [`Error::Target`] if nothing is so cheap; those of [`options`] and [`unit_options`].
pub fn align(
    pricer: &Pricer,
    graph: &Graph,
    importance: &Importance,
    us: f64,
) -> Result<Aligned, Error> {
    let whole = pricer.price_in_place(graph)?.us;
    let mut units = unit_options(pricer, graph, importance)?;
    let spared = |curve: &mut Curve| curve.choices.iter_mut().for_each(|c| c.us -= whole);
    units.iter_mut().for_each(spared);
    let mut best: Result<Aligned, Error> = Err(Error::Target {
        target: Target::Us(us),
        least: whole,
    });
    for share in BY_UNITS {
        let wanted = Target::Us((us - whole).min(0.0) * share);
        let Ok(removed) = choose(&units, wanted) else {
            continue;
        };
        let cut = without_units(graph, &removed.masks)?;
        let worths = without_units(&valued(graph, importance)?, &removed.masks)?;
        let left = values(&worths, importance);
        match align_layers(pricer, &cut, &left, us) {
            Ok(found) => {
                let lost = found.lost + removed.lost;
                if best
                    .as_ref()
                    .map_or(true, |best: &Aligned| lost < best.lost)
                {
                    best = Ok(Aligned { lost, ..found });
                }
            }
            Err(error @ Error::Target { .. }) if best.is_err() => best = Err(error),
            Err(Error::Target { .. }) => {}
            Err(error) => return Err(error),
        }
    }
    best
}

/// As [`align`], with all units.
///
/// # Errors
/// As [`align`].
pub fn align_layers(
    pricer: &Pricer,
    graph: &Graph,
    importance: &Importance,
    us: f64,
) -> Result<Aligned, Error> {
    let (mut graph, mut importance) = (graph.clone(), importance.clone());
    let mut best: Option<Aligned> = None;
    for _ in 0..ROUNDS {
        let whole = pricer.price_in_place(&graph)?;
        let curves = options(pricer, &graph, &importance)?;
        let of_curves: f64 = curves.iter().map(|curve| curve.choices[0].us).sum();
        let of_curves_rotations: u64 = curves.iter().map(|curve| curve.choices[0].rotations).sum();
        let fixed = whole.us - of_curves;
        let chosen = choose(&curves, Target::Us(us - fixed))?;
        let found = Aligned {
            graph: graph.clone(),
            us: chosen.us + fixed,
            rotations: whole.rotations - of_curves_rotations + chosen.rotations,
            lost: chosen.lost,
            masks: chosen.masks,
        };
        if best.as_ref().is_some_and(|best| best.lost <= found.lost) {
            break;
        }
        let arranged = arranged(&graph, &importance, &found.masks)?;
        best = Some(found);
        match arranged {
            Some(next) => (graph, importance) = next,
            None => break,
        }
    }
    Ok(best.expect("the first round ended with a choice"))
}

/// The network with neurons in an order by which masks drop less, and importances in that order; nothing if there is none.
/// Inputs, outputs and channels stay.
///
/// # Errors
/// [`Error::Importance`] for one of another length.
pub fn arranged(
    graph: &Graph,
    importance: &Importance,
    masks: &WeightMasks,
) -> Result<Option<(Graph, Importance)>, Error> {
    let axes = Axes::new(graph);
    let classes = axes.classes();
    let place = |class: ClassId| classes.binary_search(&class).ok();
    let is_free = |&class: &ClassId| {
        let is_inside = |&(node, _, segment): &(NodeId, usize, Segment)| {
            let is_input = matches!(graph.node(node).op, Op::Input { .. });
            segment.block == 1 && !is_input && !graph.outputs().contains(&node)
        };
        axes.group(class) == axes.size(class) && axes.members(class).iter().all(is_inside)
    };
    let mut placement = Placement {
        sizes: classes.iter().map(|&class| axes.size(class)).collect(),
        movable: classes.iter().map(is_free).collect(),
        links: Vec::new(),
    };
    for id in graph.order() {
        let node = graph.node(id);
        let Op::Dense { weight, .. } = &node.op else {
            continue;
        };
        let segments = [graph.operands(id)[0], id].map(|id| axes.segments(id));
        let ([x], [y]) = (&segments[0][..], &segments[1][..]) else {
            continue;
        };
        let (Some(cols), Some(rows), 1, 1) = (place(x.class), place(y.class), x.block, y.block)
        else {
            continue;
        };
        let name = ParameterId::weight(&node.name);
        let full = || WeightMask::full(weight.len());
        placement.links.push(Link {
            rows,
            cols,
            importance: worth(importance, &name, weight.len())?,
            kept: masks.get(&name).cloned().unwrap_or_else(full).kept,
        });
    }
    let start = placement.identity();
    let orders = placement.improved(start.clone());
    let moved = classes.iter().zip(orders).zip(&start);
    let moved = moved.filter(|((_, order), start)| order != *start);
    let chosen: Chosen = moved.map(|((&class, order), _)| (class, order)).collect();
    if chosen.is_empty() {
        return Ok(None);
    }
    let next = reindexed(graph, &axes, &chosen).map_err(refused)?;
    let worths = reindexed(&valued(graph, importance)?, &axes, &chosen).map_err(refused)?;
    Ok(Some((next, values(&worths, importance))))
}

/// The graph with importances for values.
fn valued(graph: &Graph, importance: &Importance) -> Result<Graph, Error> {
    let mut valued = graph.clone();
    for (id, values) in parameters(graph) {
        set_parameter(&mut valued, &id, worth(importance, &id, values.len())?);
    }
    Ok(valued)
}

/// A graph's values of the parameters that have an importance.
fn values(graph: &Graph, importance: &Importance) -> Importance {
    let all = parameters(graph).into_iter();
    let known = all.filter(|(id, _)| importance.contains_key(id));
    known
        .map(|(id, values)| (id, values.values().to_vec()))
        .collect()
}
