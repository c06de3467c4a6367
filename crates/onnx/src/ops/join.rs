//! Operators that join values.

use super::axes::axis;
use super::rearrange;
use crate::lower::{Data, Fault, Lowering, per_sample};
use crate::node::OnnxNode;
use graph::{NodeId, Op, Selection, Tensor};

/// A part of a joined tensor.
enum Part {
    Data(NodeId, Vec<usize>),
    Constant(Tensor),
}

impl Part {
    fn shape(&self) -> &[usize] {
        match self {
            Self::Data(_, shape) => shape,
            Self::Constant(tensor) => tensor.shape(),
        }
    }
}

/// `Concat` of computed values and constants, along any axis but the batch.
pub(super) fn concat<'a>(cx: &mut Lowering<'a>, node: OnnxNode<'a>) -> Result<Data, Fault> {
    let out = cx.shape(node.output())?;
    let along = axis(node.int("axis", 0), out.len())?;
    let mut parts = Vec::new();
    for k in 0..node.proto.input.len() {
        let shape = cx.shape(node.input(k).unwrap_or_default())?.to_vec();
        parts.push(match cx.optional_data(node, k) {
            Some(x) => Part::Data(x.id, shape),
            None => Part::Constant(cx.weight(node, k, "part")?),
        });
    }
    let joins_samples = along == 0 && out.len() > 1 && parts.iter().all(|p| p.shape()[0] == 1);
    if joins_samples {
        return Err(Fault::unsupported(
            "it joins samples along the batch axis",
            "join along another axis",
        ));
    }
    // The batch axis stays out of the graph's shapes.
    let dropped = out.len() - per_sample(out).len();
    let dropped = if along < dropped { 0 } else { dropped };
    let mut joined = Vec::new();
    for part in &parts {
        if let Part::Data(id, shape) = part {
            joined.push(rearrange::shaped(cx, node, *id, &shape[dropped..], "part")?);
        }
    }
    let axis = along - dropped;
    let whole = match joined.as_slice() {
        [one] => *one,
        _ if parts.len() == joined.len() => cx.emit(node, Op::Concat { axis }, &joined)?,
        _ => cx.emit_part(node, "computed", Op::Concat { axis }, &joined)?,
    };
    if parts.len() == joined.len() {
        return Ok(Data::new(whole));
    }
    with_constants(cx, node, whole, axis, &parts)
}

/// Puts constants between the joined values: zeros first, then the constants as a shift.
fn with_constants<'a>(
    cx: &mut Lowering<'a>,
    node: OnnxNode<'a>,
    whole: NodeId,
    axis: usize,
    parts: &[Part],
) -> Result<Data, Fault> {
    let shape = cx.graph.shape(whole).to_vec();
    let lead = parts[0].shape().len() - shape.len();
    let mut places = Vec::new();
    let mut next = 0;
    for part in parts {
        let size = part.shape()[lead + axis] as u32;
        match part {
            Part::Data(..) => {
                places.extend((next..next + size).map(Some));
                next += size;
            }
            Part::Constant(_) => places.extend(std::iter::repeat_n(None, size as usize)),
        }
    }
    let selection = Selection::all(&shape).along(axis, places);
    let full = selection.sizes();
    let spread = cx.emit_part(node, "spread", Op::Select(selection), &[whole])?;
    let n_blocks: usize = full[..axis].iter().product();
    let mut shift = Vec::with_capacity(full.iter().product());
    for block in 0..n_blocks {
        for part in parts {
            let size: usize = part.shape()[lead + axis..].iter().product();
            match part {
                Part::Data(..) => shift.extend(std::iter::repeat_n(0.0, size)),
                Part::Constant(c) => shift.extend_from_slice(&c.values()[block * size..][..size]),
            }
        }
    }
    let shift = Tensor::new(&full, shift)
        .ok_or_else(|| Fault::Shape("found parts that do not fit together".to_owned()))?;
    let scale = Tensor::filled(&[], 1.0);
    cx.unary(node, Op::Affine { scale, shift }, spread)
}
