//! Convolutions.

use super::shape::image_axes;
use crate::lower::{Data, Fault, Lowering};
use crate::node::OnnxNode;
use graph::{Op, Tensor};
use layout::ConvGeometry;

/// `Conv`, one- or two-dimensional, with constant weight and bias.
pub(super) fn conv<'a>(cx: &mut Lowering<'a>, node: OnnxNode<'a>) -> Result<Data, Fault> {
    let x = cx.data(node, 0)?;
    let weight = cx.weight(node, 1, "weight")?;
    let bias = cx.constant(node, 2, "bias")?;
    let (channels, sizes) = image_axes(cx, node)?;
    let [out, group_in, kernel @ ..] = weight.shape() else {
        return Err(Fault::Shape(format!(
            "found a weight of shape {:?}, expected [out, in, kernel ...]",
            weight.shape()
        )));
    };
    let (out, group_in) = (*out, *group_in);
    let window = Window::of(node, kernel, sizes)?;
    let groups = node.int("group", 1);
    let geometry = ConvGeometry {
        in_channels: number(channels)?,
        in_height: number(window.size.0)?,
        in_width: number(window.size.1)?,
        out_channels: number(out)?,
        kernel: window.kernel,
        stride: window.stride,
        pad: window.pad,
        dilation: window.dilation,
        groups: u32::try_from(groups)
            .map_err(|_| Fault::Shape(format!("found {groups} groups")))?,
    };
    geometry.check().map_err(|e| Fault::Shape(e.to_string()))?;
    let shape = [
        out,
        group_in,
        window.kernel.0 as usize,
        window.kernel.1 as usize,
    ];
    let weight = Tensor::new(&shape, weight.values().to_vec())
        .ok_or_else(|| Fault::Shape(format!("found a weight of shape {:?}", weight.shape())))?;
    let bias = bias.unwrap_or_else(|| Tensor::zeros(&[out]));
    cx.unary(
        node,
        Op::Conv {
            geometry,
            weight,
            bias,
        },
        x.id,
    )
}

pub(super) fn number(n: usize) -> Result<u32, Fault> {
    u32::try_from(n)
        .map_err(|_| Fault::Shape(format!("found a size of {n}, expected less than 2^32")))
}

/// A window that moves over an image, one dimension being height 1.
pub(super) struct Window {
    /// Image height and width.
    pub(super) size: (usize, usize),
    pub(super) kernel: (u32, u32),
    pub(super) stride: (u32, u32),
    pub(super) dilation: (u32, u32),
    /// Top, left, bottom, right.
    pub(super) pad: [u32; 4],
}

impl Window {
    /// Reads strides, dilations and padding of a node whose kernel and spatial sizes are known.
    pub(super) fn of(node: OnnxNode<'_>, kernel: &[usize], sizes: &[usize]) -> Result<Self, Fault> {
        let rank = sizes.len();
        if let Some(ints) = node.ints("kernel_shape")
            && !ints.iter().map(|&n| n as usize).eq(kernel.iter().copied())
        {
            return Err(Fault::Shape(format!(
                "found kernel_shape {ints:?}, expected the weight's {kernel:?}"
            )));
        }
        if kernel.len() != rank {
            return Err(Fault::Shape(format!(
                "found a kernel of {} axes, expected {rank}",
                kernel.len()
            )));
        }
        let ints = |name: &str, default: usize, n: usize| match node.ints(name) {
            Some(ints) if ints.len() == n => Ok(ints.iter().map(|&k| k.max(0) as usize).collect()),
            Some(ints) if !ints.is_empty() => Err(Fault::Shape(format!(
                "found {name} {ints:?}, expected {n} numbers"
            ))),
            _ => Ok(vec![default; n]),
        };
        let (strides, dilations) = (ints("strides", 1, rank)?, ints("dilations", 1, rank)?);
        let mut pads: Vec<usize> = ints("pads", 0, 2 * rank)?;
        for axis in 0..rank {
            let reach = (kernel[axis].max(1) - 1) * dilations[axis] + 1;
            let automatic = match node.text("auto_pad") {
                Some("VALID") => Some((0, 0)),
                Some(same @ ("SAME_UPPER" | "SAME_LOWER")) => {
                    let steps = sizes[axis].div_ceil(strides[axis].max(1));
                    let total = (steps.max(1) - 1) * strides[axis] + reach;
                    let total = total.saturating_sub(sizes[axis]);
                    let (small, large) = (total / 2, total - total / 2);
                    Some(if same == "SAME_UPPER" {
                        (small, large)
                    } else {
                        (large, small)
                    })
                }
                _ => None,
            };
            if let Some((before, after)) = automatic {
                (pads[axis], pads[rank + axis]) = (before, after);
            }
        }
        let pair = |of: &[usize], fill: usize| match *of {
            [across] => Ok((fill, across)),
            [down, across] => Ok((down, across)),
            _ => Err(Fault::unsupported(
                format!("found {rank} spatial axes, expected 1 or 2"),
                "use one- or two-dimensional layers",
            )),
        };
        let numbers = |(a, b): (usize, usize)| Ok::<_, Fault>((number(a)?, number(b)?));
        let (before, after) = (pair(&pads[..rank], 0)?, pair(&pads[rank..], 0)?);
        Ok(Self {
            size: pair(sizes, 1)?,
            kernel: numbers(pair(kernel, 1)?)?,
            stride: numbers(pair(&strides, 1)?)?,
            dilation: numbers(pair(&dilations, 1)?)?,
            pad: [
                number(before.0)?,
                number(before.1)?,
                number(after.0)?,
                number(after.1)?,
            ],
        })
    }
}
