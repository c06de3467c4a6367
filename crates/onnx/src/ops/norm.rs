//! Normalization by stored statistics.

use crate::lower::{Data, Fault, Lowering};
use crate::node::OnnxNode;
use graph::{Op, Tensor};

/// `BatchNormalization` at inference: `scale · (x − mean) / √(variance + epsilon) + bias`, an affine map per channel.
pub(super) fn batch_normalization<'a>(
    cx: &mut Lowering<'a>,
    node: OnnxNode<'a>,
) -> Result<Data, Fault> {
    let x = cx.data(node, 0)?;
    if node.int("training_mode", 0) != 0 || node.opset < 9 && node.int("spatial", 1) == 0 {
        return Err(Fault::unsupported(
            "it computes statistics at inference, or per pixel",
            "call model.eval() before export",
        ));
    }
    let shape = cx.graph.shape(x.id);
    let trailing = shape.len().saturating_sub(1);
    let n_channels = shape.first().copied().unwrap_or(0);
    let read = |k: usize, role: &str| {
        let tensor = cx.weight(node, k, role)?;
        match tensor.len() {
            n if n == n_channels => Ok(tensor.values().to_vec()),
            n => Err(Fault::Shape(format!(
                "found {n} elements in its {role}, expected {n_channels}"
            ))),
        }
    };
    let (gain, offset) = (read(1, "scale")?, read(2, "bias")?);
    let (mean, variance) = (read(3, "mean")?, read(4, "variance")?);
    let epsilon = node.float("epsilon", 1e-5);
    if let Some(v) = variance.iter().find(|&&v| v + epsilon <= 0.0) {
        return Err(Fault::Shape(format!(
            "found a variance of {v}, expected a positive one"
        )));
    }
    let scale: Vec<f64> = gain
        .iter()
        .zip(&variance)
        .map(|(g, v)| g / (v + epsilon).sqrt())
        .collect();
    let shift = offset
        .iter()
        .zip(&mean)
        .zip(&scale)
        .map(|((b, m), s)| b - m * s)
        .collect();
    let mut channels = vec![1; trailing + 1];
    channels[0] = n_channels;
    let tensor = |values| {
        Tensor::new(&channels, values)
            .ok_or_else(|| Fault::Shape("found no channel axis".to_owned()))
    };
    cx.unary(
        node,
        Op::Affine {
            scale: tensor(scale)?,
            shift: tensor(shift)?,
        },
        x.id,
    )
}
