//! Operators that move or rename elements.

use crate::lower::{Data, Fault, Lowering, per_sample};
use crate::node::OnnxNode;
use graph::Op;

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
    // Of reshapes in a row, the last one counts.
    let mut source = x.id;
    while let (Op::Reshape { .. }, [before]) = (
        &cx.graph.node(source).op,
        cx.graph.operands(source).as_slice(),
    ) {
        source = *before;
    }
    if cx.graph.shape(source) == shape {
        return Ok(Data::new(source));
    }
    cx.unary(node, Op::Reshape { shape }, source)
}

/// `Transpose` where only axes of size 1 pass others.
pub(super) fn transpose<'a>(cx: &mut Lowering<'a>, node: OnnxNode<'a>) -> Result<Data, Fault> {
    let shape = cx.shape(node.input(0).unwrap_or_default())?;
    let reversed: Vec<i64> = (0..shape.len() as i64).rev().collect();
    let perm = node.ints("perm").unwrap_or(&reversed);
    let moved: Vec<i64> = perm
        .iter()
        .copied()
        .filter(|&axis| shape.get(axis as usize).is_none_or(|&n| n != 1))
        .collect();
    if !moved.is_sorted() {
        let why =
            format!("it permutes axes {perm:?} of {shape:?}, expected to move axes of size 1 only");
        return Err(Fault::unsupported(
            why,
            "permute the columns of the next weight instead, and export again",
        ));
    }
    reshape(cx, node)
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

/// `Pad` with zeros around images.
pub(super) fn pad<'a>(cx: &mut Lowering<'a>, node: OnnxNode<'a>) -> Result<Data, Fault> {
    let x = cx.data(node, 0)?;
    let rank = cx.shape(node.input(0).unwrap_or_default())?.len();
    let mode = node.text("mode").unwrap_or("constant");
    if mode != "constant" {
        return Err(Fault::unsupported(
            format!("found mode '{mode}', expected constant"),
            "pad with zeros",
        ));
    }
    let value = match node.opset {
        ..11 => node.float("value", 0.0),
        _ => cx
            .bounds(node, 2, "value")?
            .and_then(|t| t.values().first().copied())
            .unwrap_or(0.0),
    };
    if value != 0.0 {
        return Err(Fault::unsupported(
            format!("found the value {value}, expected 0"),
            "pad with zeros",
        ));
    }
    let amounts: Vec<i64> = match node.opset {
        ..11 => node.ints("pads").unwrap_or_default().to_vec(),
        _ => cx
            .weight(node, 1, "amounts")?
            .values()
            .iter()
            .map(|&x| x as i64)
            .collect(),
    };
    let axes: Vec<usize> = match cx.constant(node, 3, "axes")? {
        Some(axes) => axes
            .values()
            .iter()
            .map(|&a| {
                if a < 0.0 {
                    (a + rank as f64) as usize
                } else {
                    a as usize
                }
            })
            .collect(),
        None => (0..rank).collect(),
    };
    if amounts.len() != 2 * axes.len() {
        return Err(Fault::Shape(format!(
            "found {} amounts, expected {}",
            amounts.len(),
            2 * axes.len()
        )));
    }
    let mut around = [0; 4];
    for (k, &axis) in axes.iter().enumerate() {
        for (side, amount) in [amounts[k], amounts[axes.len() + k]]
            .into_iter()
            .enumerate()
        {
            // The last axis is across; the one before it, of images, is down.
            let place = match rank.checked_sub(axis) {
                Some(1) if rank == 3 || rank == 4 => Some(1),
                Some(2) if rank == 4 => Some(0),
                _ => None,
            };
            match place {
                _ if amount == 0 => {}
                Some(place) if amount > 0 => {
                    around[place + 2 * side] = u32::try_from(amount).unwrap_or(u32::MAX)
                }
                _ => {
                    let why = format!(
                        "found {amount} at axis {axis} of {rank}, expected zeros around height and width"
                    );
                    return Err(Fault::unsupported(
                        why,
                        "pad images only, by positive amounts",
                    ));
                }
            }
        }
    }
    if around == [0; 4] {
        return Ok(x);
    }
    cx.unary(node, Op::Pad(around), x.id)
}
