//! Neurons and channels: what a network costs without some of them.

use super::layer::{Choice, Curve, worth};
use super::{Error, Pricer};
use privet::extend::graph::Op;
use privet::extend::{Graph, PipelineError, Refusal};
use privet::passes::util::axes::{Axes, ClassId};
use privet::passes::util::reindex::{Chosen, reindexed};
use std::collections::{BTreeMap, BTreeSet};
use train::{ParameterId, WeightMask, WeightMasks, parameters, set_parameter};

/// Layouts grow with powers of two and a little between them: numbers of units that are tried are these times powers of
/// two, down to this part of all.
const QUARTERS: [usize; 4] = [7, 6, 5, 4];
const LEAST_PART: usize = 4;

/// Units that can be removed together with all that makes or reads them: neurons, or channels of images.
#[derive(Clone, Debug)]
pub struct UnitClass {
    /// The first layer that makes them.
    pub name: String,
    /// The class.
    pub id: ClassId,
    /// Per unit, the elements that only serve it, by parameter.
    pub elements: Vec<BTreeMap<ParameterId, Vec<u32>>>,
}

/// The classes of a network's units that neither the client sends nor the result is made of.
///
/// # Errors
/// [`Error::Compile`] if the graph can not be taken apart.
pub fn unit_classes(graph: &Graph) -> Result<Vec<UnitClass>, Error> {
    let axes = Axes::new(graph);
    let numbered = numbered(graph);
    let mut classes = Vec::new();
    for id in axes.classes() {
        let members = axes.members(id);
        let is_end = |node| {
            matches!(graph.node(node).op, Op::Input { .. }) || graph.outputs().contains(&node)
        };
        let maker = members.iter().map(|&(node, ..)| graph.node(node));
        let mut maker = maker.filter(|node| matches!(node.op, Op::Dense { .. } | Op::Conv { .. }));
        let n = axes.size(id);
        let (true, Some(maker)) = (axes.group(id) == n && n > 1, maker.next()) else {
            continue;
        };
        if members.iter().any(|&(node, ..)| is_end(node)) {
            continue;
        }
        let without = |unit: u32| {
            let rest = (0..n as u32).filter(|&other| other != unit).collect();
            missing(&numbered, &reindexed_by(&numbered, &axes, id, rest)?)
        };
        let elements: Result<_, Error> = (0..n as u32).map(without).collect();
        classes.push(UnitClass {
            name: maker.name.clone(),
            id,
            elements: elements?,
        });
    }
    Ok(classes)
}

/// The curve of every class: the network's cost without its least important units.
///
/// # Errors
/// As [`unit_classes`] and [`Pricer::price`]; [`Error::Importance`] for one of another length.
pub fn unit_options(
    pricer: &Pricer,
    graph: &Graph,
    importance: &BTreeMap<ParameterId, Vec<f64>>,
) -> Result<Vec<Curve>, Error> {
    let worths = parameters(graph).into_iter().map(|(id, values)| {
        let worth = worth(importance, &id, values.len())?;
        Ok((id, worth))
    });
    let worths: BTreeMap<ParameterId, Vec<f64>> = worths.collect::<Result<_, Error>>()?;
    let axes = Axes::new(graph);
    let whole = pricer.price_in_place(graph)?;
    let curve = |class: UnitClass| {
        let order = by_worth(&class, &worths);
        let n = order.len();
        let mut choices = vec![Choice {
            masks: WeightMasks::new(),
            us: whole.us,
            rotations: whole.rotations,
            lost: 0.0,
        }];
        for n_kept in counts(n) {
            let dropped = &order[..n - n_kept];
            let mut kept = order[n - n_kept..].to_vec();
            kept.sort_unstable();
            let priced = pricer.price_in_place(&reindexed_by(graph, &axes, class.id, kept)?)?;
            let masks = masks(&class, dropped, &worths);
            choices.push(Choice {
                us: priced.us,
                rotations: priced.rotations,
                lost: lost(&masks, &worths),
                masks,
            });
        }
        Ok(Curve::new(class.name, choices))
    };
    unit_classes(graph)?.into_iter().map(curve).collect()
}

/// The network without the units all of whose elements masks drop.
///
/// # Errors
/// As [`unit_classes`].
pub fn without_units(graph: &Graph, masks: &WeightMasks) -> Result<Graph, Error> {
    let axes = Axes::new(graph);
    let mut chosen = Chosen::new();
    for class in unit_classes(graph)? {
        let is_dropped =
            |id: &ParameterId, at: &u32| masks.get(id).is_some_and(|mask| !mask.kept[*at as usize]);
        let is_kept = |unit: &u32| {
            let elements = class.elements[*unit as usize].iter();
            let mut elements = elements.flat_map(|(id, all)| all.iter().map(move |at| (id, at)));
            elements.any(|(id, at)| !is_dropped(id, at))
        };
        let n = class.elements.len() as u32;
        let kept: Vec<u32> = (0..n).filter(is_kept).collect();
        if kept.len() < n as usize && !kept.is_empty() {
            chosen.insert(class.id, kept);
        }
    }
    reindexed(graph, &axes, &chosen).map_err(refused)
}

/// The graph with the number of each element for its value, from 1.
fn numbered(graph: &Graph) -> Graph {
    let mut numbered = graph.clone();
    for (id, values) in parameters(graph) {
        let numbers = (1..=values.len()).map(|n| n as f64).collect();
        set_parameter(&mut numbered, &id, numbers);
    }
    numbered
}

fn reindexed_by(graph: &Graph, axes: &Axes, id: ClassId, kept: Vec<u32>) -> Result<Graph, Error> {
    reindexed(graph, axes, &Chosen::from([(id, kept)])).map_err(refused)
}

/// Elements of a graph's parameters that another, made of a part of its units, lacks.
fn missing(numbered: &Graph, rest: &Graph) -> Result<BTreeMap<ParameterId, Vec<u32>>, Error> {
    let left: BTreeMap<_, _> = parameters(rest).into_iter().collect();
    let mut missing = BTreeMap::new();
    for (id, all) in parameters(numbered) {
        let mut gone = vec![true; all.len()];
        for &number in left.get(&id).map_or(&[][..], |left| left.values()) {
            gone[number as usize - 1] = false;
        }
        let gone: Vec<u32> = (0..all.len() as u32)
            .filter(|&at| gone[at as usize])
            .collect();
        if !gone.is_empty() {
            missing.insert(id, gone);
        }
    }
    Ok(missing)
}

/// Units from the least important to the most.
fn by_worth(class: &UnitClass, worths: &BTreeMap<ParameterId, Vec<f64>>) -> Vec<u32> {
    let of = |elements: &BTreeMap<ParameterId, Vec<u32>>| -> f64 {
        let of = |(id, all): (&ParameterId, &Vec<u32>)| -> f64 {
            all.iter().map(|&at| worths[id][at as usize]).sum()
        };
        elements.iter().map(of).sum()
    };
    let sums: Vec<f64> = class.elements.iter().map(of).collect();
    let mut order: Vec<u32> = (0..sums.len() as u32).collect();
    order.sort_by(|&a, &b| sums[a as usize].total_cmp(&sums[b as usize]));
    order
}

fn masks(
    class: &UnitClass,
    dropped: &[u32],
    worths: &BTreeMap<ParameterId, Vec<f64>>,
) -> WeightMasks {
    let mut masks = WeightMasks::new();
    for &unit in dropped {
        for (id, elements) in &class.elements[unit as usize] {
            let full = || WeightMask::full(worths[id].len());
            let mask = masks.entry(id.clone()).or_insert_with(full);
            elements
                .iter()
                .for_each(|&at| mask.kept[at as usize] = false);
        }
    }
    masks
}

/// What masks drop.
pub(super) fn lost(masks: &WeightMasks, worths: &BTreeMap<ParameterId, Vec<f64>>) -> f64 {
    let of = |(id, mask): (&ParameterId, &WeightMask)| {
        let pairs = mask.kept.iter().zip(&worths[id]);
        pairs
            .filter(|(kept, _)| !**kept)
            .fold(0.0, |sum, (_, worth)| sum + worth)
    };
    masks.iter().map(of).sum()
}

/// Numbers of units below `n` that matter, falling.
fn counts(n: usize) -> Vec<usize> {
    let mut counts = BTreeSet::new();
    for power in 0..usize::BITS - n.leading_zeros() {
        counts.extend(QUARTERS.iter().map(|quarter| (quarter << power) / 4));
    }
    let inside = |&k: &usize| k < n && k > 0 && k * LEAST_PART >= n;
    counts.into_iter().filter(inside).rev().collect()
}

pub(super) fn refused(error: privet::extend::GraphError) -> Error {
    let refusal = Refusal::new(format!("units can not be removed: {error}"));
    Error::Compile(PipelineError::Refused(refusal).into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_are_quarters_between_powers_of_two() {
        assert_eq!(counts(32), [28, 24, 20, 16, 14, 12, 10, 8]);
        assert_eq!(counts(6), [5, 4, 3, 2]);
        assert!(counts(1).is_empty());
    }
}
