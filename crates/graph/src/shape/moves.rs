//! Shapes of operations that pick, join, average and spread elements.

use crate::Tensor;
use layout::ConvGeometry;

/// Operands that one node may join.
const MAX_OPERANDS: usize = 256;

/// Operands that agree but for `axis`, one after the other.
pub(super) fn concat(axis: usize, operands: &[&[usize]]) -> Result<Vec<usize>, String> {
    let first = operands.first().copied().unwrap_or_default();
    if operands.is_empty() || operands.len() > MAX_OPERANDS || axis >= first.len() {
        let n = operands.len();
        return Err(format!(
            "concat takes 1 to {MAX_OPERANDS} operands that have axis {axis}, found {n} of shape {first:?}"
        ));
    }
    let mut shape = first.to_vec();
    for operand in &operands[1..] {
        let mut fitting = operand.to_vec();
        if let Some(size) = fitting.get_mut(axis) {
            shape[axis] = shape[axis].saturating_add(std::mem::replace(size, first[axis]));
        }
        if fitting != first {
            return Err(format!(
                "concat along axis {axis} needs operands that agree elsewhere, found {first:?} and {operand:?}"
            ));
        }
    }
    Ok(shape)
}

/// The axes, in ascending order, keep the size 1.
pub(super) fn mean(axes: &[usize], x: &[usize]) -> Result<Vec<usize>, String> {
    let ascending = axes.windows(2).all(|pair| pair[0] < pair[1]);
    if axes.is_empty() || !ascending || axes.iter().any(|&axis| axis >= x.len()) {
        return Err(format!("mean over axes {axes:?} of {x:?}"));
    }
    let mut shape = x.to_vec();
    axes.iter().for_each(|&axis| shape[axis] = 1);
    Ok(shape)
}

/// What the convolution `g` reads, for an operand of the shape it writes.
pub(super) fn conv_transpose(
    g: &ConvGeometry,
    weight: &Tensor,
    bias: &Tensor,
    x: &[usize],
) -> Result<Vec<usize>, String> {
    g.check().map_err(|fault| fault.to_string())?;
    let (height, width) = g.out_size();
    let [c, h, w] = super::image(x, "conv_transpose")?;
    if [c, h, w] != [g.out_channels, height, width].map(|n| n as usize) {
        let channels = g.out_channels;
        return Err(format!(
            "conv_transpose expects an input of {channels}x{height}x{width}, found {x:?}"
        ));
    }
    let expected = [
        g.out_channels,
        g.in_channels / g.groups,
        g.kernel.0,
        g.kernel.1,
    ];
    let expected = expected.map(|n| n as usize);
    if weight.shape() != expected {
        let found = weight.shape();
        return Err(format!(
            "conv_transpose weight has shape {found:?}, expected {expected:?}"
        ));
    }
    let out = [g.in_channels, g.in_height, g.in_width].map(|n| n as usize);
    if bias.shape() != [out[0]] {
        let found = bias.shape();
        return Err(format!(
            "conv_transpose bias has shape {found:?}, expected [{}]",
            out[0]
        ));
    }
    match (x.len(), out[1]) {
        (2, 1) => Ok(vec![out[0], out[2]]),
        (2, _) => Err(format!(
            "conv_transpose of {x:?} must keep height 1, found {}",
            out[1]
        )),
        _ => Ok(out.to_vec()),
    }
}
