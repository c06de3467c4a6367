//! Units of a network with the weights that write and read them.

use super::Prices;
use privet::extend::graph::Op;
use privet::extend::{Graph, NodeId};
use privet::passes::util::axes::{Axes, ClassId};
use std::collections::BTreeMap;
use std::ops::Range;
use train::ParameterId;

/// Positions of all weights of a network in one list.
pub(super) struct Offsets {
    first: BTreeMap<NodeId, usize>,
    /// Weights in order, each with its node and where it begins.
    pub layers: Vec<(NodeId, ParameterId, Range<usize>)>,
    /// All of them.
    pub len: usize,
}

impl Offsets {
    pub(super) fn new(graph: &Graph) -> Self {
        let mut offsets = Self {
            first: BTreeMap::new(),
            layers: Vec::new(),
            len: 0,
        };
        for id in graph.order() {
            let node = graph.node(id);
            let (Op::Conv { weight, .. } | Op::Dense { weight, .. }) = &node.op else {
                continue;
            };
            let range = offsets.len..offsets.len + weight.len();
            offsets.first.insert(id, range.start);
            offsets.len = range.end;
            let parameter = ParameterId::weight(&node.name);
            offsets.layers.push((id, parameter, range));
        }
        offsets
    }
}

/// A filter or neuron, or several that a residual sum ties.
#[derive(Default)]
pub(super) struct Unit {
    /// Units of one class: one of them has to stay.
    pub class: ClassId,
    /// Weights that write it.
    pub columns: Vec<usize>,
    /// Weights that read it.
    pub rows: Vec<usize>,
    /// What it costs apart from weights.
    pub price: f64,
}

/// The units that can be culled.
pub(super) fn units(graph: &Graph, offsets: &Offsets, prices: &Prices) -> Vec<Unit> {
    let axes = Axes::new(graph);
    let mut units = Vec::new();
    for class in axes.classes() {
        let members = axes.members(class);
        let stays = members.iter().any(|&(id, ..)| holds(graph, id));
        if axes.group(class) <= 1 || stays {
            continue;
        }
        for u in 0..axes.size(class) {
            let mut unit = Unit {
                class,
                ..Unit::default()
            };
            for &(id, start, segment) in &members {
                let first = start + u * segment.block;
                let elements = first..first + segment.block;
                let price = prices.elements.get(&graph.node(id).name);
                unit.price += price.unwrap_or(&0.0) * segment.block as f64;
                unit.columns
                    .extend(written_by(graph, offsets, id, &elements));
                for reader in graph.consumers(id) {
                    unit.rows
                        .extend(read_by(graph, offsets, reader, id, &elements));
                }
            }
            unit.columns.sort_unstable();
            unit.columns.dedup();
            unit.rows.sort_unstable();
            unit.rows.dedup();
            units.push(unit);
        }
    }
    units
}

/// Whether a tensor's units can not be culled: a port, or beside an operation that keeps its units.
fn holds(graph: &Graph, id: NodeId) -> bool {
    let keeps = |id: NodeId| match &graph.node(id).op {
        Op::Conv { geometry, .. } => {
            let depthwise =
                geometry.groups == geometry.in_channels && geometry.groups == geometry.out_channels;
            geometry.groups > 1 && !depthwise
        }
        Op::Linear { .. } | Op::ConvTranspose { .. } => true,
        _ => false,
    };
    graph.outputs().contains(&id)
        || matches!(graph.node(id).op, Op::Input { .. })
        || keeps(id)
        || graph.consumers(id).into_iter().any(keeps)
}

/// Channels that elements of a tensor belong to.
fn channels(shape: &[usize], elements: &Range<usize>) -> Range<usize> {
    let plane = shape.iter().skip(1).product::<usize>().max(1);
    elements.start / plane..elements.end.div_ceil(plane)
}

/// Weights of a node that write some elements of its result.
fn written_by(
    graph: &Graph,
    offsets: &Offsets,
    id: NodeId,
    elements: &Range<usize>,
) -> Range<usize> {
    let node = graph.node(id);
    let (weight, outputs) = match &node.op {
        Op::Dense { weight, .. } => (weight, elements.clone()),
        Op::Conv { weight, .. } => (weight, channels(&node.shape, elements)),
        _ => return 0..0,
    };
    let row = weight.len() / weight.shape()[0].max(1);
    let first = offsets.first[&id];
    first + outputs.start * row..first + outputs.end * row
}

/// Weights of a node that read some elements of an operand.
fn read_by(
    graph: &Graph,
    offsets: &Offsets,
    reader: NodeId,
    operand: NodeId,
    elements: &Range<usize>,
) -> Vec<usize> {
    let (weight, inputs, taps, groups) = match &graph.node(reader).op {
        Op::Dense { weight, .. } => (weight, elements.clone(), 1, 1),
        Op::Conv {
            weight, geometry, ..
        } => {
            let taps = (geometry.kernel.0 * geometry.kernel.1) as usize;
            let inputs = channels(graph.shape(operand), elements);
            (weight, inputs, taps, geometry.groups)
        }
        _ => return Vec::new(),
    };
    let first = offsets.first[&reader];
    if groups > 1 {
        // Depthwise: a channel's only filter.
        return (first + inputs.start * taps..first + inputs.end * taps).collect();
    }
    let row = weight.len() / weight.shape()[0].max(1);
    let starts = (0..weight.shape()[0]).map(|o| first + o * row);
    starts
        .flat_map(|start| start + inputs.start * taps..start + inputs.end * taps)
        .collect()
}
