//! Sums and means over the whole image.

use super::shape::image_axes;
use crate::lower::{Data, Fault, Lowering};
use crate::node::OnnxNode;
use graph::{Op, Tensor};

/// `ReduceMean` and `ReduceSum` over all spatial axes.
pub(super) fn reduce<'a>(cx: &mut Lowering<'a>, node: OnnxNode<'a>) -> Result<Data, Fault> {
    let x = cx.data(node, 0)?;
    let is_mean = node.operator() == "ReduceMean";
    let first_with_operand = if is_mean { 18 } else { 13 };
    let axes: Vec<i64> = match node.opset {
        n if n < first_with_operand => node.ints("axes").unwrap_or_default().to_vec(),
        _ => cx
            .constant(node, 1, "axes")?
            .map(|t| t.values().iter().map(|&a| a as i64).collect())
            .unwrap_or_default(),
    };
    if axes.is_empty() && node.int("noop_with_empty_axes", 0) != 0 {
        return Ok(x);
    }
    let (_, sizes) = image_axes(cx, node)?;
    let rank = sizes.len() as i64 + 2;
    let mut found: Vec<i64> = axes
        .iter()
        .map(|&a| if a < 0 { a + rank } else { a })
        .collect();
    found.sort_unstable();
    if sizes.len() > 2 || !found.iter().copied().eq(2..rank) {
        let why = format!("it reduces axes {axes:?} of {rank}, expected all spatial ones");
        return Err(Fault::unsupported(
            why,
            "use GlobalAveragePool, AveragePool, or MatMul with a constant",
        ));
    }
    if is_mean {
        return cx.unary(node, Op::GlobalAvgPool, x.id);
    }
    let mean = cx.emit_part(node, "mean", Op::GlobalAvgPool, &[x.id])?;
    let n = sizes.iter().product::<usize>() as f64;
    cx.unary(
        node,
        Op::Affine {
            scale: Tensor::filled(&[], n),
            shift: Tensor::filled(&[], 0.0),
        },
        mean,
    )
}
