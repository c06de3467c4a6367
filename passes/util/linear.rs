//! Linear nodes: their matrices, their neighbours, and affine maps that they absorb.

use ::graph::{Graph, GraphError, Node, NodeId, Op, Patch, Tensor, Wire};
use layout::SparseMatrix;
use pass::Refusal;
use std::sync::Arc;

/// `matrix · x + bias` over row-major elements.
#[derive(Clone, Debug, PartialEq)]
pub struct LinearMap {
    /// Rows are output elements, columns input elements.
    pub matrix: SparseMatrix,
    /// One value per output element.
    pub bias: Vec<f64>,
    /// For images: how many input rows and columns one output step moves.
    pub stride: Option<(u32, u32)>,
}

/// The matrix, bias and stride of a linear operation on an input of that shape; `None` for any other operation, and if
/// the shape does not fit.
pub fn linear_map(op: &Op, input_shape: &[usize]) -> Option<LinearMap> {
    let map = match op {
        Op::Conv {
            geometry,
            weight,
            bias,
        } => {
            let (height, width) = geometry.out_size();
            let plane = height as usize * width as usize;
            let over_pixels = |&b: &f64| std::iter::repeat_n(b, plane);
            LinearMap {
                matrix: geometry.matrix(weight.values()),
                bias: bias.values().iter().flat_map(over_pixels).collect(),
                stride: Some(geometry.stride),
            }
        }
        Op::Dense { weight, bias } => {
            let cols = u32::try_from(input_shape.iter().product::<usize>()).ok()?;
            let rows = u32::try_from(bias.len()).ok()?;
            if weight.shape() != [rows as usize, cols as usize] {
                return None;
            }
            LinearMap {
                matrix: SparseMatrix::from_dense(rows, cols, weight.values()),
                bias: bias.values().to_vec(),
                stride: None,
            }
        }
        Op::Linear {
            matrix,
            bias,
            stride,
        } => LinearMap {
            matrix: matrix.as_ref().clone(),
            bias: bias.values().to_vec(),
            stride: *stride,
        },
        _ => return None,
    };
    (map.matrix.cols() as usize == input_shape.iter().product::<usize>()).then_some(map)
}

/// Whether the operation is a conv, dense or linear.
pub fn is_linear(op: &Op) -> bool {
    matches!(op, Op::Conv { .. } | Op::Dense { .. } | Op::Linear { .. })
}

/// The linear node that `id` reads, directly or through reshapes, if nothing else reads it or them.
pub fn linear_before(graph: &Graph, id: NodeId) -> Option<NodeId> {
    read_alone(graph, id).filter(|&operand| is_linear(&graph.node(operand).op))
}

/// What `id` reads, directly or through reshapes, if nothing else reads it or them.
pub fn read_alone(graph: &Graph, id: NodeId) -> Option<NodeId> {
    let mut reader = id;
    loop {
        let [operand] = graph.operands(reader)[..] else {
            return None;
        };
        if !graph.feeds_only(operand, reader) {
            return None;
        }
        match &graph.node(operand).op {
            Op::Reshape { .. } => reader = operand,
            _ => return Some(operand),
        }
    }
}

/// The linear node that alone reads `id`, directly or through reshapes.
pub fn linear_after(graph: &Graph, id: NodeId) -> Option<NodeId> {
    let mut read = id;
    loop {
        let [reader] = graph.consumers(read)[..] else {
            return None;
        };
        if !graph.feeds_only(read, reader) {
            return None;
        }
        match &graph.node(reader).op {
            Op::Reshape { .. } => read = reader,
            op => return is_linear(op).then_some(reader),
        }
    }
}

/// An edit that does not fit, as a refusal: the graph was not valid.
pub fn refused(error: GraphError) -> Refusal {
    Refusal::new(format!("the graph can not be edited: {error}"))
}

/// A node as refusals call it: the model's nodes it stands for, else its own name.
pub fn label(node: &Node) -> String {
    if node.origin.is_empty() {
        return format!("{} '{}'", node.op.word(), node.name);
    }
    let origins: Vec<&str> = node.origin.iter().map(String::as_str).collect();
    origins.join(", ")
}

/// `op` followed by `y · scale + shift`, one factor and one summand per output element; `None` if `op` is not linear.
///
/// A conv whose channels keep one factor and one summand stays a conv.
///
/// # Shapes
/// `input` and `output`: the operation's.
pub fn then_affine(
    op: &Op,
    input: &[usize],
    output: &[usize],
    scale: &[f64],
    shift: &[f64],
) -> Option<Op> {
    let (weight, bias, channels) = match op {
        Op::Conv { weight, bias, .. } => (weight, bias, bias.len()),
        Op::Dense { weight, bias } => (weight, bias, output.iter().product()),
        _ => return linear_then_affine(op, input, output, scale, shift),
    };
    let (Some(scale_of), Some(shift_of)) =
        (per_channel(scale, channels), per_channel(shift, channels))
    else {
        return linear_then_affine(op, input, output, scale, shift);
    };
    let rows = weight.values().chunks_exact(weight.len() / channels);
    let scaled = rows
        .zip(&scale_of)
        .flat_map(|(row, s)| row.iter().map(move |w| w * s));
    let weight = Tensor::new(weight.shape(), scaled.collect())?;
    let moved = bias.values().iter().zip(&scale_of).zip(&shift_of);
    let bias = Tensor::vector(moved.map(|((b, s), t)| b * s + t).collect());
    Some(match op {
        Op::Conv { geometry, .. } => Op::Conv {
            geometry: geometry.clone(),
            weight,
            bias,
        },
        _ => Op::Dense { weight, bias },
    })
}

fn linear_then_affine(
    op: &Op,
    input: &[usize],
    output: &[usize],
    scale: &[f64],
    shift: &[f64],
) -> Option<Op> {
    let mut map = linear_map(op, input)?;
    map.matrix.scale_rows(scale);
    let bias = map.bias.iter().zip(scale).zip(shift);
    let bias = bias.map(|((b, s), t)| b * s + t).collect();
    Some(Op::Linear {
        matrix: Arc::new(map.matrix),
        bias: Tensor::new(output, bias)?,
        stride: map.stride,
    })
}

/// `op` after `x · scale + shift`, one factor and one summand per input element; `None` if `op` is not linear.
///
/// A conv whose channels keep one factor stays a conv unless a shift would meet its zero padding.
///
/// # Shapes
/// `input` and `output`: the operation's.
pub fn after_affine(
    op: &Op,
    input: &[usize],
    output: &[usize],
    scale: &[f64],
    shift: &[f64],
) -> Option<Op> {
    match op {
        Op::Conv {
            geometry,
            weight,
            bias,
        } => {
            let channels = geometry.in_channels as usize;
            let padded = geometry.pad != [0; 4] && shift.iter().any(|&t| t != 0.0);
            let (Some(scale_of), Some(shift_of), false) = (
                per_channel(scale, channels),
                per_channel(shift, channels),
                padded,
            ) else {
                return linear_after_affine(op, input, output, scale, shift);
            };
            let in_group = (geometry.in_channels / geometry.groups) as usize;
            let out_group = (geometry.out_channels / geometry.groups) as usize;
            let taps = (geometry.kernel.0 * geometry.kernel.1) as usize;
            let mut values = weight.values().to_vec();
            let mut biases = bias.values().to_vec();
            for (o, (filter, b)) in values
                .chunks_exact_mut(in_group * taps)
                .zip(&mut biases)
                .enumerate()
            {
                let first = o / out_group * in_group;
                for (i, kernel) in filter.chunks_exact_mut(taps).enumerate() {
                    *b += kernel.iter().sum::<f64>() * shift_of[first + i];
                    kernel.iter_mut().for_each(|w| *w *= scale_of[first + i]);
                }
            }
            Some(Op::Conv {
                geometry: geometry.clone(),
                weight: Tensor::new(weight.shape(), values)?,
                bias: Tensor::vector(biases),
            })
        }
        Op::Dense { weight, bias } => {
            let mut values = weight.values().to_vec();
            let mut biases = bias.values().to_vec();
            for (row, b) in values.chunks_exact_mut(scale.len()).zip(&mut biases) {
                for ((w, s), t) in row.iter_mut().zip(scale).zip(shift) {
                    *b += *w * t;
                    *w *= s;
                }
            }
            Some(Op::Dense {
                weight: Tensor::new(weight.shape(), values)?,
                bias: Tensor::vector(biases),
            })
        }
        _ => linear_after_affine(op, input, output, scale, shift),
    }
}

fn linear_after_affine(
    op: &Op,
    input: &[usize],
    output: &[usize],
    scale: &[f64],
    shift: &[f64],
) -> Option<Op> {
    let mut map = linear_map(op, input)?;
    let added = map.matrix.matvec(shift);
    map.matrix.scale_cols(scale);
    let bias = map.bias.iter().zip(&added).map(|(b, a)| b + a).collect();
    Some(Op::Linear {
        matrix: Arc::new(map.matrix),
        bias: Tensor::new(output, bias)?,
        stride: map.stride,
    })
}

/// One value per channel, if every channel has only one.
fn per_channel(values: &[f64], channels: usize) -> Option<Vec<f64>> {
    let planes = values.chunks_exact(values.len() / channels);
    planes
        .map(|plane| plane.iter().all(|v| *v == plane[0]).then_some(plane[0]))
        .collect()
}

/// Folds an affine node into the linear node before it, else into the one after it. Says whether it did.
///
/// # Errors
/// [`GraphError`] if the graph is not valid.
pub fn absorb_affine(graph: &mut Graph, id: NodeId) -> Result<bool, GraphError> {
    let Op::Affine { scale, shift } = &graph.node(id).op else {
        return Ok(false);
    };
    let full = |constant: &Tensor| constant.broadcast_to(graph.shape(id));
    let (Some(scale), Some(shift)) = (full(scale), full(shift)) else {
        return Ok(false);
    };
    let operand = graph.operands(id)[0];
    let (linear, is_before) = match (linear_before(graph, id), linear_after(graph, id)) {
        (Some(before), _) => (before, true),
        (None, Some(after)) => (after, false),
        (None, None) => return Ok(false),
    };
    let source = graph.operands(linear)[0];
    let (input, output) = (graph.shape(source), graph.shape(linear));
    let fold = if is_before { then_affine } else { after_affine };
    let node = graph.node(linear);
    let Some(op) = fold(&node.op, input, output, scale.values(), shift.values()) else {
        return Ok(false);
    };
    let (name, origin) = (node.name.clone(), graph.node(id).origin.clone());
    let mut patch = Patch::new();
    if is_before {
        let new = patch.add(&name, op, &[source.into()]);
        patch.replace(linear, new);
        let last = if operand == linear {
            new
        } else {
            operand.into()
        };
        patch.replace(id, last);
    } else {
        let mut wire = Wire::Old(operand);
        for reshape in reshapes_between(graph, id, linear) {
            let node = graph.node(reshape);
            wire = patch.add(&node.name, node.op.clone(), &[wire]);
            patch.replace(reshape, wire);
        }
        let new = patch.add(&name, op, &[wire]);
        patch.replace(linear, new);
    }
    patch.apply(graph)?;
    if let Some(id) = graph.find(&name) {
        graph.node_mut(id).origin.extend(origin);
    }
    Ok(true)
}

/// The reshapes between a node and the linear node that alone reads it through them, in order.
pub fn reshapes_between(graph: &Graph, from: NodeId, to: NodeId) -> Vec<NodeId> {
    let mut path = Vec::new();
    let mut at = graph.operands(to)[0];
    while at != from && matches!(graph.node(at).op, Op::Reshape { .. }) {
        path.push(at);
        at = graph.operands(at)[0];
    }
    path.reverse();
    path
}
