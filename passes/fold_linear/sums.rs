//! Linear nodes around sums: what a concatenation becomes.

use crate::util::linear::{LinearMap, is_linear, linear_map, read_alone};
use ::graph::{Graph, NodeId, Op, Patch, Tensor, Wire};
use layout::SparseMatrix;
use std::sync::Arc;

/// One step of folding at a node: the patch, and the names of the nodes it makes one.
pub(super) fn fold(graph: &Graph, id: NodeId) -> Option<(Patch, [String; 2])> {
    match &graph.node(id).op {
        Op::Add => merged(graph, id),
        _ => distributed(graph, id),
    }
}

/// A sum of two linear maps of one value is one linear map.
fn merged(graph: &Graph, id: NodeId) -> Option<(Patch, [String; 2])> {
    let [first, second] = graph.operands(id)[..] else {
        return None;
    };
    let is_own = |operand| graph.feeds_only(operand, id) && is_linear(&graph.node(operand).op);
    if first == second || !is_own(first) || !is_own(second) {
        return None;
    }
    let source = graph.operands(first)[0];
    if graph.operands(second)[0] != source {
        return None;
    }
    let [a, b] = [first, second].map(|id| linear_map(&graph.node(id).op, graph.shape(source)));
    let (a, b) = (a?, b?);
    let bias = a.bias.iter().zip(&b.bias).map(|(x, y)| x + y).collect();
    let op = Op::Linear {
        matrix: Arc::new(a.matrix.sum(&b.matrix)),
        bias: Tensor::new(graph.shape(id), bias)?,
        stride: a.stride.filter(|stride| b.stride == Some(*stride)),
    };
    let names = [first, second].map(|id| graph.node(id).name.clone());
    let mut patch = Patch::new();
    let new = patch.add(&names[0], op, &[source.into()]);
    patch.replace(id, new);
    Some((patch, names))
}

/// A linear map of a sum of linear maps is the sum of the products, if those are sparse enough.
fn distributed(graph: &Graph, id: NodeId) -> Option<(Patch, [String; 2])> {
    let sum = sum_before(graph, id)?;
    let leaves = leaves(graph, sum)?;
    let operand = graph.operands(id)[0];
    let outer = map_of(&graph.node(id).op, graph.shape(operand))?;
    let mut n_entries = outer.matrix.nnz();
    let mut products = Vec::new();
    for &leaf in &leaves {
        let source = graph.operands(leaf)[0];
        let inner = linear_map(&graph.node(leaf).op, graph.shape(source))?;
        n_entries += inner.matrix.nnz();
        products.push((source, inner));
    }
    let same_image = graph.shape(sum) == graph.shape(operand);
    let mut n_after = 0;
    for (_, inner) in &mut products {
        inner.matrix = outer.matrix.product(&inner.matrix);
        inner.bias = outer.matrix.matvec(&inner.bias);
        let strides = inner.stride.zip(outer.stride).filter(|_| same_image);
        inner.stride = strides.map(|(a, b)| (a.0 * b.0, a.1 * b.1));
        n_after += inner.matrix.nnz();
    }
    if n_after > 2 * n_entries {
        return None;
    }
    let names = [sum, id].map(|id| graph.node(id).name.clone());
    let patch = sum_of(graph, id, products, &outer.bias)?;
    Some((patch, names))
}

/// The sum of linear maps in the place of `id`; `shift` is added once.
fn sum_of(
    graph: &Graph,
    id: NodeId,
    mut parts: Vec<(NodeId, LinearMap)>,
    shift: &[f64],
) -> Option<Patch> {
    // Terms of a sum are packed alike: as one image, or as vectors.
    let stride = parts[0].1.stride;
    let stride = stride.filter(|_| parts.iter().all(|(_, map)| map.stride == stride));
    let (_, first) = parts.first_mut()?;
    first.bias.iter_mut().zip(shift).for_each(|(b, s)| *b += s);
    let (name, shape) = (&graph.node(id).name, graph.shape(id));
    let mut patch = Patch::new();
    let mut whole: Option<Wire> = None;
    for (k, (source, map)) in parts.into_iter().enumerate() {
        let op = Op::Linear {
            matrix: Arc::new(map.matrix),
            bias: Tensor::new(shape, map.bias)?,
            stride,
        };
        let part = patch.add(&format!("{name}.part{k}"), op, &[source.into()]);
        whole = Some(match whole {
            Some(sum) => patch.add(&format!("{name}.sum{k}"), Op::Add, &[sum, part]),
            None => part,
        });
    }
    patch.replace(id, whole?);
    Some(patch)
}

/// The sum that alone feeds a linear or affine node, directly or through reshapes.
fn sum_before(graph: &Graph, id: NodeId) -> Option<NodeId> {
    if !is_linear(&graph.node(id).op) && !matches!(graph.node(id).op, Op::Affine { .. }) {
        return None;
    }
    read_alone(graph, id).filter(|&operand| matches!(graph.node(operand).op, Op::Add))
}

/// The linear nodes that a sum adds up, if it adds nothing else and nothing else reads them.
fn leaves(graph: &Graph, sum: NodeId) -> Option<Vec<NodeId>> {
    let mut leaves = Vec::new();
    for operand in graph.operands(sum) {
        if !graph.feeds_only(operand, sum) {
            return None;
        }
        match &graph.node(operand).op {
            Op::Add => leaves.extend(self::leaves(graph, operand)?),
            op if is_linear(op) => leaves.push(operand),
            _ => return None,
        }
    }
    Some(leaves)
}

/// As [`linear_map`], and the diagonal map that an affine node is.
fn map_of(op: &Op, shape: &[usize]) -> Option<LinearMap> {
    let Op::Affine { scale, shift } = op else {
        return linear_map(op, shape);
    };
    let scale = scale.broadcast_to(shape)?;
    let mut matrix = SparseMatrix::identity(u32::try_from(scale.len()).ok()?);
    matrix.scale_rows(scale.values());
    Some(LinearMap {
        matrix,
        bias: shift.broadcast_to(shape)?.values().to_vec(),
        stride: Some((1, 1)),
    })
}
