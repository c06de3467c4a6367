//! Deletion of filters and neurons without weights.

mod known;

use crate::PruneError;
use crate::engine::Pruned;
use known::Known;
use privet::extend::graph::Op;
use privet::extend::{Graph, GraphError, NodeId, Tensor};
use privet::passes::util::axes::{Axes, ClassId};
use privet::passes::util::reindex::{Chosen, reindexed};
use privet::{Operations, operations};
use std::ops::Range;
use train::WeightMasks;

/// The network without the units that are constant, their bias and what follows from it moving into the readers' biases,
/// and without those that nobody reads.
///
/// Works on imported networks: layers stay convolutions and dense layers, and constants keep their names, so that the
/// result can be trained again. It computes what the network did. A unit stays where that needs another kind of layer:
/// one that is constant but not zero before a padded convolution, and those of grouped convolutions that are not
/// depthwise. Units of inputs and outputs stay.
///
/// # Errors
/// [`PruneError::Graph`] if the network was not valid.
///
/// # Source
/// Culling as in MOFHEI, where biases vanish with their filters; masks of [`super::block_masks`] do the same.
pub fn cull(graph: &Graph) -> Result<Graph, PruneError> {
    let axes = Axes::new(graph);
    let known = Known::new(graph);
    let chosen = alive(graph, &axes, &known);
    if chosen.is_empty() {
        return Ok(graph.clone());
    }
    let mut folded = graph.clone();
    for id in graph.order() {
        fold(&mut folded, &axes, &known, &chosen, id);
    }
    let misfit = |why: GraphError| PruneError::Graph {
        why: why.to_string(),
    };
    let mut culled = reindexed(&folded, &axes, &chosen).map_err(misfit)?;
    culled.compact();
    Ok(culled)
}

/// Operations in the published model after masking and culling; `None` if the model does not know all of the network.
///
/// # Errors
/// As [`cull`], and [`PruneError::Mask`] if a mask fits no parameter.
pub fn culled_operations(
    graph: &Graph,
    masks: &WeightMasks,
) -> Result<Option<Operations>, PruneError> {
    let masked = Pruned::new(graph.clone()).with_masks(masks.clone())?;
    Ok(operations(&cull(&masked.graph)?))
}

/// The units that stay, for every class that loses some; at least one each.
fn alive(graph: &Graph, axes: &Axes, known: &Known) -> Chosen {
    let mut chosen = Chosen::new();
    for class in axes.classes() {
        let (size, members) = (axes.size(class), axes.members(class));
        let is_port = |id: NodeId| {
            graph.outputs().contains(&id) || matches!(graph.node(id).op, Op::Input { .. })
        };
        if axes.group(class) <= 1 || members.iter().any(|&(id, ..)| is_port(id)) {
            continue;
        }
        let is_needed = |u: &usize| {
            members.iter().any(|&(id, start, segment)| {
                let first = start + u * segment.block;
                known.needed(id)[first..first + segment.block].contains(&true)
            })
        };
        let mut units: Vec<u32> = (0..size).filter(is_needed).map(|u| u as u32).collect();
        if units.is_empty() {
            units.push(0);
        }
        if units.len() < size {
            chosen.insert(class, units);
        }
    }
    chosen
}

/// Adds to a linear node's bias what the units contribute that its operand loses.
fn fold(graph: &mut Graph, axes: &Axes, known: &Known, chosen: &Chosen, id: NodeId) {
    let Some(&operand) = graph.operands(id).first() else {
        return;
    };
    let lost = lost_elements(axes, chosen, operand);
    if lost.is_empty() {
        return;
    }
    let constant = known.constant(operand);
    let plane = plane(graph.shape(operand));
    match &mut graph.node_mut(id).op {
        Op::Dense { weight, bias } => {
            let cols = weight.shape()[1];
            let add = |(row, b): (&[f64], &f64)| {
                let moved = lost.iter().flat_map(Clone::clone);
                b + moved
                    .map(|e| row[e] * constant[e].unwrap_or(0.0))
                    .sum::<f64>()
            };
            let rows = weight.values().chunks(cols.max(1));
            *bias = Tensor::vector(rows.zip(bias.values()).map(add).collect());
        }
        Op::Conv {
            geometry,
            weight,
            bias,
        } if geometry.groups == 1 => {
            let taps = (geometry.kernel.0 * geometry.kernel.1) as usize;
            let filter = weight.len() / weight.shape()[0];
            let channels = lost.iter().flat_map(Clone::clone).step_by(plane);
            let moved: Vec<(usize, f64)> = channels
                .map(|e| (e / plane * taps, constant[e].unwrap_or(0.0)))
                .collect();
            let add = |(row, b): (&[f64], &f64)| {
                let of = |&(at, v): &(usize, f64)| v * row[at..at + taps].iter().sum::<f64>();
                b + moved.iter().map(of).sum::<f64>()
            };
            let rows = weight.values().chunks(filter.max(1));
            *bias = Tensor::vector(rows.zip(bias.values()).map(add).collect());
        }
        _ => {}
    }
}

/// Elements of a tensor in units that go.
fn lost_elements(axes: &Axes, chosen: &Chosen, id: NodeId) -> Vec<Range<usize>> {
    let mut lost = Vec::new();
    let mut start = 0;
    for segment in axes.segments(id) {
        let (class, block): (ClassId, usize) = (segment.class, segment.block);
        let size = axes.size(class);
        if let Some(units) = chosen.get(&class) {
            let goes = |u: &usize| !units.contains(&(*u as u32));
            let unit = |u: usize| start + u * block..start + (u + 1) * block;
            lost.extend((0..size).filter(goes).map(unit));
        }
        start += size * block;
    }
    lost
}

/// Elements of a tensor per channel.
fn plane(shape: &[usize]) -> usize {
    shape.iter().skip(1).product::<usize>().max(1)
}
