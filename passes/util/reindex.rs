//! A graph whose tensors keep some of their units, in another order.

use super::axes::{Axes, ClassId, slice};
use super::linear::linear_map;
use ::graph::{Graph, GraphError, NodeId, Op, Selection, Tensor};
use layout::{ConvGeometry, SparseMatrix};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Units kept per class, in their new order.
pub type Chosen = BTreeMap<ClassId, Vec<u32>>;

/// The graph with the chosen units of every class. Inputs and outputs stay as they are: a selection behind an input
/// picks from it, one behind an output puts elements back into their order.
///
/// What is dropped must not be needed; what outputs are made of must be kept.
///
/// # Errors
/// [`GraphError`] if an operation does not fit any more.
pub fn reindexed(graph: &Graph, axes: &Axes, chosen: &Chosen) -> Result<Graph, GraphError> {
    let mut next = Graph::new(graph.name.clone());
    let mut moved: BTreeMap<NodeId, NodeId> = BTreeMap::new();
    let mut kept: BTreeMap<NodeId, Vec<u32>> = BTreeMap::new();
    let mut outputs = Vec::new();
    for id in graph.order() {
        let node = graph.node(id);
        let keep = axes.elements(id, chosen);
        let operands = graph.operands(id);
        let reads: Vec<NodeId> = operands.iter().map(|o| moved[o]).collect();
        let from = operands
            .first()
            .map(|o| (graph.shape(*o), kept[o].as_slice()));
        let is_input = matches!(node.op, Op::Input { .. });
        let same = is_identity(&keep, graph.n_elements(id));
        let op = match from {
            Some((shape, elements))
                if !(same
                    && operands
                        .iter()
                        .all(|o| is_identity(&kept[o], graph.n_elements(*o)))) =>
            {
                picked(&node.op, shape, elements, &node.shape, &keep)
            }
            _ => node.op.clone(),
        };
        let is_output = graph.outputs().contains(&id);
        let name = if is_output && !same {
            format!("{}.inner", node.name)
        } else {
            node.name.clone()
        };
        let mut at = next.add(&name, op, &reads)?;
        let copy = next.node_mut(at);
        copy.origin.clone_from(&node.origin);
        copy.facts.range = node.facts.range;
        if is_input && !same {
            at = select(
                &mut next,
                &format!("{}.read", node.name),
                at,
                &node.shape,
                &keep,
                &new_shape(&node.shape, &keep),
            )?;
        }
        if is_output {
            let mut result = at;
            if !same {
                let shape = next.shape(at).to_vec();
                result = select(
                    &mut next,
                    &node.name,
                    at,
                    &shape,
                    &inverse(&keep),
                    &node.shape,
                )?;
                let copy = next.node_mut(result);
                copy.origin.clone_from(&node.origin);
            }
            next.node_mut(result).facts.range = node.facts.range;
            outputs.push((id, result));
        }
        moved.insert(id, at);
        kept.insert(id, keep);
    }
    let results: Vec<NodeId> = graph
        .outputs()
        .iter()
        .filter_map(|o| {
            outputs
                .iter()
                .find(|(old, _)| old == o)
                .map(|(_, new)| *new)
        })
        .collect();
    next.set_outputs(&results);
    Ok(next)
}

fn is_identity(elements: &[u32], n: usize) -> bool {
    elements.len() == n && elements.iter().enumerate().all(|(k, &e)| k == e as usize)
}

/// Where each element went.
pub fn inverse(elements: &[u32]) -> Vec<u32> {
    let mut places = vec![0; elements.len()];
    for (place, &element) in elements.iter().enumerate() {
        places[element as usize] = place as u32;
    }
    places
}

/// Positions on the first axis, if whole slices are picked in order.
fn slices(elements: &[u32], slice: usize) -> Option<Vec<u32>> {
    let whole = |block: &[u32]| {
        let first = block[0];
        let fits = (first as usize).is_multiple_of(slice)
            && block.len() == slice
            && block
                .iter()
                .enumerate()
                .all(|(k, &e)| e == first + k as u32);
        fits.then_some(first / slice as u32)
    };
    elements.chunks(slice).map(whole).collect()
}

/// The shape of the picked elements: fewer slices, or else a vector.
fn new_shape(shape: &[usize], elements: &[u32]) -> Vec<usize> {
    match slices(elements, slice(shape)) {
        Some(slices) => [&[slices.len()], &shape[1..]].concat(),
        None => vec![elements.len()],
    }
}

/// Adds a node that picks elements of a tensor of `shape`, in `result` shape.
fn select(
    graph: &mut Graph,
    name: &str,
    mut at: NodeId,
    shape: &[usize],
    elements: &[u32],
    result: &[usize],
) -> Result<NodeId, GraphError> {
    let (shape, places) = match slices(elements, slice(shape)) {
        Some(slices) => (shape.to_vec(), slices),
        None => {
            let shape = vec![shape.iter().product()];
            at = graph.add(
                &format!("{name}.flat"),
                Op::Reshape {
                    shape: shape.clone(),
                },
                &[at],
            )?;
            (shape, elements.to_vec())
        }
    };
    let selection = Selection::all(&shape).along(0, places.into_iter().map(Some));
    let flat = selection.sizes();
    if flat == result {
        return graph.add(name, Op::Select(selection), &[at]);
    }
    let picked = graph.add(&format!("{name}.vector"), Op::Select(selection), &[at])?;
    graph.add(
        name,
        Op::Reshape {
            shape: result.to_vec(),
        },
        &[picked],
    )
}

/// `op` between the picked elements of its operands and of its result.
fn picked(op: &Op, shape: &[usize], from: &[u32], result: &[usize], to: &[u32]) -> Op {
    match op {
        Op::Dense { weight, bias } => {
            let cols = weight.shape()[1];
            let row = |&r: &u32| {
                from.iter()
                    .map(move |&c| weight.values()[r as usize * cols + c as usize])
            };
            let values = to.iter().flat_map(row).collect();
            let biases = to.iter().map(|&r| bias.values()[r as usize]).collect();
            match Tensor::new(&[to.len(), from.len()], values) {
                Some(weight) => Op::Dense {
                    weight,
                    bias: Tensor::vector(biases),
                },
                None => op.clone(),
            }
        }
        Op::Conv {
            geometry,
            weight,
            bias,
        } => conv(geometry, weight, bias, shape, from, result, to)
            .unwrap_or_else(|| matrix(op, shape, from, result, to)),
        Op::Linear { .. } => matrix(op, shape, from, result, to),
        Op::Affine { scale, shift } => {
            let pick = |t: &Tensor| match t.len() {
                1 => t.clone(),
                _ => pick_constant(t, result, to).unwrap_or_else(|| t.clone()),
            };
            Op::Affine {
                scale: pick(scale),
                shift: pick(shift),
            }
        }
        Op::Reshape { .. } => Op::Reshape {
            shape: new_shape(result, to),
        },
        Op::Select(selection) => {
            let places =
                BTreeMap::from_iter(from.iter().enumerate().map(|(place, &e)| (e, place as u32)));
            let sources = selection.sources(shape);
            let read = |&e: &u32| {
                sources[e as usize]
                    .and_then(|s| places.get(&s).copied())
                    .unwrap_or(0)
            };
            let elements: Vec<u32> = to.iter().map(read).collect();
            let now = new_shape(shape, from);
            match slices(&elements, slice(&now)) {
                Some(slices) => {
                    Op::Select(Selection::all(&now).along(0, slices.into_iter().map(Some)))
                }
                None => op.clone(),
            }
        }
        _ => op.clone(),
    }
}

/// The picked elements of a constant that broadcasts to `shape`: one per slice if it has no more, else all.
fn pick_constant(constant: &Tensor, shape: &[usize], to: &[u32]) -> Option<Tensor> {
    let full = constant.broadcast_to(shape)?;
    let values = to.iter().map(|&e| full.values()[e as usize]).collect();
    let whole = Tensor::new(&new_shape(shape, to), values)?;
    let per_slice = constant.len() == shape[0] && whole.shape().len() == shape.len();
    if !per_slice {
        return Some(whole);
    }
    let firsts = whole.values().chunks(slice(shape)).map(|c| c[0]).collect();
    let mut sizes = vec![1; shape.len()];
    sizes[0] = whole.shape()[0];
    Tensor::new(&sizes, firsts)
}

/// The matrix between the picked elements.
fn matrix(op: &Op, shape: &[usize], from: &[u32], result: &[usize], to: &[u32]) -> Op {
    let Some(map) = linear_map(op, shape) else {
        return op.clone();
    };
    let mut places = vec![u32::MAX; map.matrix.cols() as usize];
    from.iter()
        .enumerate()
        .for_each(|(place, &e)| places[e as usize] = place as u32);
    let entries = to.iter().enumerate().flat_map(|(row, &old)| {
        let cells = map
            .matrix
            .row(old)
            .map(|(col, value)| (row as u32, places[col as usize], value));
        cells
            .filter(|&(_, col, _)| col != u32::MAX)
            .collect::<Vec<_>>()
    });
    let picked = SparseMatrix::from_triplets(to.len() as u32, from.len() as u32, entries);
    let bias = to.iter().map(|&r| map.bias[r as usize]).collect();
    match Tensor::new(&new_shape(result, to), bias) {
        Some(bias) => Op::Linear {
            matrix: Arc::new(picked),
            bias,
            stride: map.stride,
        },
        None => op.clone(),
    }
}

/// The convolution between the picked channels; `None` if its groups do not stay equal.
fn conv(
    geometry: &ConvGeometry,
    weight: &Tensor,
    bias: &Tensor,
    shape: &[usize],
    from: &[u32],
    result: &[usize],
    to: &[u32],
) -> Option<Op> {
    let (inputs, outputs) = (slices(from, slice(shape))?, slices(to, slice(result))?);
    let is_depthwise = geometry.groups > 1
        && geometry.groups == geometry.in_channels
        && geometry.in_channels == geometry.out_channels;
    let groups = if is_depthwise {
        inputs.len() as u32
    } else {
        geometry.groups
    };
    let (old_in, old_out) = (
        geometry.in_channels / geometry.groups,
        geometry.out_channels / geometry.groups,
    );
    let (new_in, new_out) = (inputs.len() as u32 / groups, outputs.len() as u32 / groups);
    if inputs.len() as u32 != new_in * groups || outputs.len() as u32 != new_out * groups {
        return None;
    }
    let taps = (geometry.kernel.0 * geometry.kernel.1) as usize;
    let mut values = Vec::with_capacity(outputs.len() * new_in as usize * taps);
    for (place, &o) in outputs.iter().enumerate() {
        let group = place as u32 / new_out;
        let old_group = o / old_out;
        for &i in &inputs[(group * new_in) as usize..((group + 1) * new_in) as usize] {
            if i / old_in != old_group {
                return None;
            }
            let at = (o * old_in + i % old_in) as usize * taps;
            values.extend_from_slice(&weight.values()[at..at + taps]);
        }
    }
    let biases = outputs.iter().map(|&o| bias.values()[o as usize]).collect();
    let (kernel_height, kernel_width) = (geometry.kernel.0 as usize, geometry.kernel.1 as usize);
    Some(Op::Conv {
        geometry: ConvGeometry {
            in_channels: inputs.len() as u32,
            out_channels: outputs.len() as u32,
            groups,
            ..geometry.clone()
        },
        weight: Tensor::new(
            &[outputs.len(), new_in as usize, kernel_height, kernel_width],
            values,
        )?,
        bias: Tensor::vector(biases),
    })
}
