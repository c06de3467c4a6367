//! Operators that rename elements or pad them.

use super::rearrange::{self, Moved, Pick};
use crate::lower::{Data, Fault, Lowering, per_sample};
use crate::node::OnnxNode;
use graph::{Op, Run};

/// Channels and spatial sizes of operand 0, `[1, channels, size ...]`.
pub(super) fn image_axes<'a>(
    cx: &Lowering<'a>,
    node: OnnxNode<'a>,
) -> Result<(usize, &'a [usize]), Fault> {
    let shape = cx.shape(node.input(0).unwrap_or_default())?;
    match shape {
        [1, channels, sizes @ ..] if !sizes.is_empty() => Ok((*channels, sizes)),
        _ => Err(Fault::Shape(format!(
            "found an operand of shape {shape:?}, expected [1, channels, height, width]"
        ))),
    }
}

/// `Reshape`, `Flatten`, `Squeeze`, `Unsqueeze`: the same elements in the result's shape.
pub(super) fn reshape<'a>(cx: &mut Lowering<'a>, node: OnnxNode<'a>) -> Result<Data, Fault> {
    let x = cx.data(node, 0)?;
    let shape = per_sample(cx.shape(node.output())?).to_vec();
    if cx.graph.shape(x.id) == shape {
        return Ok(x);
    }
    // Of reshapes in a row, the last one counts, but for those that Privet wrote.
    let mut source = x.id;
    while node.step().is_none()
        && let (Op::Reshape { .. }, [before]) = (
            &cx.graph.node(source).op,
            cx.graph.operands(source).as_slice(),
        )
    {
        source = *before;
    }
    if cx.graph.shape(source) == shape {
        return Ok(Data::new(source));
    }
    cx.unary(node, Op::Reshape { shape }, source)
}

/// `Identity`.
pub(super) fn identity<'a>(cx: &mut Lowering<'a>, node: OnnxNode<'a>) -> Result<Data, Fault> {
    cx.data(node, 0)
}

/// `Dropout`, which does nothing at inference.
pub(super) fn dropout<'a>(cx: &mut Lowering<'a>, node: OnnxNode<'a>) -> Result<Data, Fault> {
    let training = cx
        .constant(node, 2, "training mode")?
        .is_some_and(|t| t.values().iter().any(|&x| x != 0.0));
    if training {
        return Err(Fault::unsupported(
            "it is in training mode",
            "call model.eval() before export",
        ));
    }
    cx.data(node, 0)
}

/// `Cast` between floating-point types.
pub(super) fn cast<'a>(cx: &mut Lowering<'a>, node: OnnxNode<'a>) -> Result<Data, Fault> {
    use tract_onnx::pb::tensor_proto::DataType;
    let to = DataType::try_from(node.int("to", 0) as i32).unwrap_or(DataType::Undefined);
    match to {
        DataType::Float | DataType::Double | DataType::Float16 => cx.data(node, 0),
        other => {
            let why = format!(
                "it casts to {}, expected FLOAT, DOUBLE or FLOAT16",
                other.as_str_name()
            );
            Err(Fault::unsupported(
                why,
                "keep the network in floating point",
            ))
        }
    }
}

/// `Pad`: zeros around images are an operation of their own, all else is a selection.
pub(super) fn pad<'a>(cx: &mut Lowering<'a>, node: OnnxNode<'a>) -> Result<Data, Fault> {
    let x = cx.data(node, 0)?;
    let mut moved = rearrange::results(node, cx.facts)
        .ok_or_else(|| Fault::Shape("found no padding".to_owned()))??;
    let Some(moved) = moved.pop() else {
        return Err(Fault::Shape("found no result".to_owned()));
    };
    match around(node, &moved)? {
        Some([0, 0, 0, 0]) => Ok(x),
        Some(pad) => cx.unary(node, Op::Pad(pad), x.id),
        None => rearrange::emit(cx, node, x.id, &moved).map(Data::new),
    }
}

/// Amounts around height and width, if that is all and the padding is zeros.
fn around(node: OnnxNode<'_>, moved: &Moved) -> Result<Option<[u32; 4]>, Fault> {
    let (Pick::One(selection), 3 | 4) = (&moved.pick, moved.from.len()) else {
        return Ok(None);
    };
    let is_constant = node.text("mode").unwrap_or("constant") == "constant";
    if !is_constant || selection.fill != 0.0 {
        return Ok(None);
    }
    let mut around = [0; 4];
    for (axis, runs) in selection.places.iter().enumerate() {
        let size = u32::try_from(moved.from[axis]).unwrap_or(u32::MAX);
        let (before, after) = match runs.as_slice() {
            [whole] if is_whole(whole, size) => (0, 0),
            [first, whole] if first.start.is_none() && is_whole(whole, size) => (first.count, 0),
            [whole, last] if last.start.is_none() && is_whole(whole, size) => (0, last.count),
            [first, whole, last]
                if first.start.is_none() && last.start.is_none() && is_whole(whole, size) =>
            {
                (first.count, last.count)
            }
            _ => return Ok(None),
        };
        // The last axis is across; the one before it, of images, is down.
        match moved.from.len() - axis {
            1 => (around[1], around[3]) = (before, after),
            2 if moved.from.len() == 4 => (around[0], around[2]) = (before, after),
            _ if (before, after) == (0, 0) => {}
            _ => return Ok(None),
        }
    }
    Ok(Some(around))
}

fn is_whole(run: &Run, size: u32) -> bool {
    run.start == Some(0) && run.count == size && (run.step == 1 || size == 1)
}
