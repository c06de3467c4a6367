//! Transposed convolution.

use super::axes::operand_shape;
use super::conv::number;
use crate::facts::Facts;
use crate::lower::{Data, Fault, Lowering};
use crate::node::OnnxNode;
use graph::{Op, Tensor};
use layout::ConvGeometry;

const SMALLER: &str = "use pads and output_padding smaller than kernel and stride";

/// One spatial axis.
struct Axis {
    out: usize,
    kernel: usize,
    stride: usize,
    dilation: usize,
    before: usize,
    after: usize,
}

/// The axis of a result whose convolution would write `size`.
fn along(
    node: OnnxNode<'_>,
    k: usize,
    rank: usize,
    size: usize,
    kernel: usize,
) -> Result<Axis, Fault> {
    let int = |name: &str, at: usize, n: usize, default: i64| match node.ints(name) {
        Some(ints) if ints.len() == n => Ok(ints[at].max(0) as usize),
        Some(ints) if !ints.is_empty() => Err(Fault::Shape(format!(
            "found {name} {ints:?}, expected {n} numbers"
        ))),
        _ => Ok(default as usize),
    };
    let stride = int("strides", k, rank, 1)?;
    let dilation = int("dilations", k, rank, 1)?;
    let extra = int("output_padding", k, rank, 0)?;
    let (mut before, mut after) = (
        int("pads", k, 2 * rank, 0)?,
        int("pads", k + rank, 2 * rank, 0)?,
    );
    let reach = kernel
        .saturating_sub(1)
        .saturating_mul(dilation)
        .saturating_add(1);
    let whole = (size.max(1) - 1)
        .saturating_mul(stride)
        .saturating_add(reach);
    let whole = whole.saturating_add(extra);
    let auto = node.text("auto_pad").unwrap_or("NOTSET");
    let wanted = match (node.ints("output_shape"), auto) {
        (Some(shape), _) if shape.len() >= rank => {
            let spatial = &shape[shape.len() - rank..];
            Some(usize::try_from(spatial[k]).unwrap_or(0))
        }
        (_, "SAME_UPPER" | "SAME_LOWER") => Some(size.saturating_mul(stride)),
        _ => None,
    };
    let out = match wanted {
        Some(out) => {
            if out >= whole.saturating_add(stride) {
                let why = format!("its result of {out} is larger than its windows reach, {whole}");
                return Err(Fault::unsupported(why, "use ConvTranspose and then Pad"));
            }
            // A little beyond the windows is the bias alone, as with output_padding.
            let total = whole.saturating_sub(out);
            // The odd one goes to the end for SAME_UPPER, else to the start.
            let half = total / 2;
            (before, after) = match auto {
                "SAME_UPPER" => (half, total - half),
                _ => (total - half, half),
            };
            out
        }
        None if auto == "VALID" => {
            (before, after) = (0, 0);
            whole
        }
        None => whole.saturating_sub(before + after),
    };
    if extra >= stride.max(1) {
        let why = format!("found output_padding {extra} with stride {stride}");
        return Err(Fault::unsupported(why, SMALLER));
    }
    Ok(Axis {
        out,
        kernel,
        stride,
        dilation,
        before,
        after,
    })
}

/// The convolution whose adjoint the node is, its kernel's shape being `[in, out / groups, kernel ...]`.
fn geometry(node: OnnxNode<'_>, facts: &Facts) -> Result<ConvGeometry, Fault> {
    let shape = operand_shape(node, facts)?;
    let weight = node
        .input(1)
        .and_then(|name| facts.shape(name))
        .unwrap_or_default();
    let (&[1, channels, ref sizes @ ..], &[ins, group_out, ref kernel @ ..]) = (shape, weight)
    else {
        return Err(Fault::Shape(format!(
            "found an operand of shape {shape:?} and a weight of shape {weight:?}, expected [1, channels, size ...] and [channels, out, kernel ...]"
        )));
    };
    let rank = sizes.len();
    if !matches!(rank, 1 | 2) || kernel.len() != rank {
        let why = format!(
            "found {rank} spatial axes and {} of the kernel, expected 1 or 2",
            kernel.len()
        );
        return Err(Fault::unsupported(
            why,
            "use one- or two-dimensional layers",
        ));
    }
    let mut axes = Vec::new();
    for k in 0..rank {
        axes.push(along(node, k, rank, sizes[k], kernel[k])?);
    }
    let across = axes.remove(rank - 1);
    let down = axes.pop().unwrap_or(Axis {
        out: 1,
        kernel: 1,
        stride: 1,
        dilation: 1,
        before: 0,
        after: 0,
    });
    let groups = usize::try_from(node.int("group", 1)).unwrap_or(0);
    let pair = |f: fn(&Axis) -> usize| Ok::<_, Fault>((number(f(&down))?, number(f(&across))?));
    let (height, width) = pair(|axis| axis.out)?;
    let (before, after) = (pair(|axis| axis.before)?, pair(|axis| axis.after)?);
    let geometry = ConvGeometry {
        in_channels: number(group_out.saturating_mul(groups))?,
        in_height: height,
        in_width: width,
        out_channels: number(ins)?,
        kernel: pair(|axis| axis.kernel)?,
        stride: pair(|axis| axis.stride)?,
        pad: [before.0, before.1, after.0, after.1],
        dilation: pair(|axis| axis.dilation)?,
        groups: number(groups)?,
    };
    geometry.check().map_err(|e| Fault::Shape(e.to_string()))?;
    let size = [1, sizes[0]];
    let size = if rank == 1 { &size } else { sizes };
    let written = geometry.out_size();
    if channels != ins || [written.0 as usize, written.1 as usize] != size {
        let why = format!(
            "found {channels} channels of {sizes:?}, which no convolution writes from {height} by {width}"
        );
        return Err(Fault::unsupported(why, SMALLER));
    }
    Ok(geometry)
}

/// Shape of the result.
pub(crate) fn shape(node: OnnxNode<'_>, facts: &Facts) -> Result<Vec<usize>, Fault> {
    let g = geometry(node, facts)?;
    let rank = operand_shape(node, facts)?.len();
    let image = [1, g.in_channels, g.in_height, g.in_width].map(|n| n as usize);
    Ok(match rank {
        3 => vec![1, image[1], image[3]],
        _ => image.to_vec(),
    })
}

/// `ConvTranspose`, one- or two-dimensional, with constant weight and bias.
pub(super) fn conv_transpose<'a>(cx: &mut Lowering<'a>, node: OnnxNode<'a>) -> Result<Data, Fault> {
    let x = cx.data(node, 0)?;
    let weight = cx.weight(node, 1, "weight")?;
    let bias = cx.constant(node, 2, "bias")?;
    let geometry = geometry(node, cx.facts)?;
    let g = &geometry;
    let shape = [
        g.out_channels,
        g.in_channels / g.groups,
        g.kernel.0,
        g.kernel.1,
    ];
    let weight = Tensor::new(&shape.map(|n| n as usize), weight.values().to_vec())
        .ok_or_else(|| Fault::Shape(format!("found a weight of shape {:?}", weight.shape())))?;
    let bias = bias.unwrap_or_else(|| Tensor::zeros(&[g.in_channels as usize]));
    let op = Op::ConvTranspose {
        geometry,
        weight,
        bias,
    };
    cx.unary(node, op, x.id)
}
