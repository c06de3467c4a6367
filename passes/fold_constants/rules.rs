//! One rewrite each; every one removes a node.

use ::graph::{Graph, NodeId, Op, Patch, PoolGeometry, Tensor};
use layout::ConvGeometry;

/// The first rewrite that applies at a node.
pub(super) fn first(graph: &Graph, id: NodeId) -> Option<Patch> {
    match &graph.node(id).op {
        Op::Pad(pad) => padding(graph, id, *pad),
        Op::Reshape { shape } => reshape(graph, id, shape),
        Op::Affine { scale, shift } => affine(graph, id, scale, shift),
        _ => None,
    }
}

fn bypass(graph: &Graph, id: NodeId) -> Patch {
    let mut patch = Patch::new();
    patch.replace(id, graph.operands(id)[0]);
    patch
}

/// `op` in the place of `reader`, reading what `id` reads.
fn merged(graph: &Graph, id: NodeId, reader: NodeId, op: Op) -> Patch {
    let mut patch = Patch::new();
    let new = patch.add(
        &graph.node(reader).name,
        op,
        &[graph.operands(id)[0].into()],
    );
    patch.replace(reader, new);
    patch
}

fn padding(graph: &Graph, id: NodeId, pad: [u32; 4]) -> Option<Patch> {
    if pad == [0; 4] {
        return Some(bypass(graph, id));
    }
    let [reader] = graph.consumers(id)[..] else {
        return None;
    };
    if !graph.feeds_only(id, reader) {
        return None;
    }
    let shape = graph.shape(graph.operands(id)[0]);
    let op = match &graph.node(reader).op {
        Op::Pad(outer) => Op::Pad(sum(pad, *outer)?),
        Op::Conv {
            geometry,
            weight,
            bias,
        } => Op::Conv {
            geometry: padded(geometry, pad, shape)?,
            weight: weight.clone(),
            bias: bias.clone(),
        },
        Op::AvgPool(pool) => Op::AvgPool(averaged(pool, pad)?),
        _ => return None,
    };
    op.infer_shape(&[shape]).ok()?;
    Some(merged(graph, id, reader, op))
}

fn sum(a: [u32; 4], b: [u32; 4]) -> Option<[u32; 4]> {
    let mut total = [0; 4];
    for (total, (a, b)) in total.iter_mut().zip(a.into_iter().zip(b)) {
        *total = a.checked_add(b)?;
    }
    Some(total)
}

fn padded(geometry: &ConvGeometry, pad: [u32; 4], shape: &[usize]) -> Option<ConvGeometry> {
    let (height, width) = match *shape {
        [_, height, width] => (height, width),
        [_, width] => (1, width),
        _ => return None,
    };
    Some(ConvGeometry {
        in_height: u32::try_from(height).ok()?,
        in_width: u32::try_from(width).ok()?,
        pad: sum(geometry.pad, pad)?,
        ..geometry.clone()
    })
}

/// The zeros of the padding count in the divisor, those of a pool that does not count its own do not: both at once is
/// not a pool.
fn averaged(pool: &PoolGeometry, pad: [u32; 4]) -> Option<PoolGeometry> {
    let counts_all = pool.count_include_pad || pool.pad == [0; 4];
    Some(PoolGeometry {
        pad: sum(pool.pad, pad)?,
        count_include_pad: true,
        ..pool.clone()
    })
    .filter(|_| counts_all)
}

fn reshape(graph: &Graph, id: NodeId, shape: &[usize]) -> Option<Patch> {
    let operand = graph.operands(id)[0];
    if graph.shape(operand) == shape {
        return Some(bypass(graph, id));
    }
    if !matches!(graph.node(operand).op, Op::Reshape { .. }) {
        return None;
    }
    Some(merged(graph, operand, id, graph.node(id).op.clone()))
}

fn affine(graph: &Graph, id: NodeId, scale: &Tensor, shift: &Tensor) -> Option<Patch> {
    let all = |tensor: &Tensor, value: f64| tensor.values().iter().all(|&x| x == value);
    if all(scale, 1.0) && all(shift, 0.0) {
        return Some(bypass(graph, id));
    }
    let operand = graph.operands(id)[0];
    let Op::Affine {
        scale: inner_scale,
        shift: inner_shift,
    } = &graph.node(operand).op
    else {
        return None;
    };
    if !graph.feeds_only(operand, id) {
        return None;
    }
    let shape = graph.shape(id);
    let op = Op::Affine {
        scale: zip(inner_scale, scale, shape, |a, b| a * b)?,
        shift: zip(
            &zip(inner_shift, scale, shape, |a, b| a * b)?,
            shift,
            shape,
            |a, b| a + b,
        )?,
    };
    Some(merged(graph, operand, id, op))
}

/// Element by element, in the shape of the larger constant, or in `shape` if neither fits the other.
fn zip(a: &Tensor, b: &Tensor, shape: &[usize], f: impl Fn(f64, f64) -> f64) -> Option<Tensor> {
    let both = |shape: &[usize]| Some((a.broadcast_to(shape)?, b.broadcast_to(shape)?));
    let (a, b) = both(a.shape())
        .or_else(|| both(b.shape()))
        .or_else(|| both(shape))?;
    let values = a.values().iter().zip(b.values()).map(|(&a, &b)| f(a, b));
    Tensor::new(a.shape(), values.collect())
}
