//! Pooling.

use super::conv::{Window, number};
use super::shape::image_axes;
use crate::lower::{Data, Fault, Lowering};
use crate::node::OnnxNode;
use graph::{Op, PoolGeometry};

/// `AveragePool`.
pub(super) fn average_pool<'a>(cx: &mut Lowering<'a>, node: OnnxNode<'a>) -> Result<Data, Fault> {
    let (geometry, overhang) = geometry(cx, node)?;
    if overhang && geometry.count_include_pad {
        // ONNX counts declared padding but not what rounding up adds; one divisor can not say both.
        return Err(Fault::unsupported(
            "ceil_mode adds windows beyond padding that counts",
            "set ceil_mode or count_include_pad to 0",
        ));
    }
    let x = cx.data(node, 0)?;
    cx.unary(node, Op::AvgPool(geometry), x.id)
}

/// `MaxPool` without indices.
pub(super) fn max_pool<'a>(cx: &mut Lowering<'a>, node: OnnxNode<'a>) -> Result<Data, Fault> {
    let (geometry, _) = geometry(cx, node)?;
    let x = cx.data(node, 0)?;
    cx.unary(node, Op::MaxPool(geometry), x.id)
}

/// `GlobalAveragePool`.
pub(super) fn global_average_pool<'a>(
    cx: &mut Lowering<'a>,
    node: OnnxNode<'a>,
) -> Result<Data, Fault> {
    let (_, sizes) = image_axes(cx, node)?;
    if sizes.len() > 2 {
        return Err(too_many_axes(sizes));
    }
    let x = cx.data(node, 0)?;
    cx.unary(node, Op::GlobalAvgPool, x.id)
}

/// `GlobalMaxPool`: one window.
pub(super) fn global_max_pool<'a>(
    cx: &mut Lowering<'a>,
    node: OnnxNode<'a>,
) -> Result<Data, Fault> {
    let (_, sizes) = image_axes(cx, node)?;
    let (height, width) = match *sizes {
        [width] => (1, width),
        [height, width] => (height, width),
        _ => return Err(too_many_axes(sizes)),
    };
    let kernel = (number(height)?, number(width)?);
    let x = cx.data(node, 0)?;
    cx.unary(
        node,
        Op::MaxPool(PoolGeometry {
            kernel,
            stride: (1, 1),
            pad: [0; 4],
            count_include_pad: false,
        }),
        x.id,
    )
}

fn too_many_axes(sizes: &[usize]) -> Fault {
    Fault::unsupported(
        format!("found {} spatial axes, expected 1 or 2", sizes.len()),
        "use one- or two-dimensional layers",
    )
}

/// The windows, and whether rounding up lets some reach beyond the declared padding.
fn geometry<'a>(cx: &Lowering<'a>, node: OnnxNode<'a>) -> Result<(PoolGeometry, bool), Fault> {
    let (_, sizes) = image_axes(cx, node)?;
    let kernel: Vec<usize> = node
        .ints("kernel_shape")
        .unwrap_or_default()
        .iter()
        .map(|&n| n as usize)
        .collect();
    let window = Window::of(node, &kernel, sizes)?;
    if window.dilation != (1, 1) {
        return Err(Fault::unsupported(
            format!("found dilations {:?}, expected 1", window.dilation),
            "pool without dilation",
        ));
    }
    if node.int("storage_order", 0) != 0 {
        return Err(Fault::unsupported(
            "found storage_order 1, expected 0",
            "use row-major order",
        ));
    }
    let mut pad = window.pad;
    let mut overhang = false;
    let out = cx.shape(node.output())?.get(2..).unwrap_or_default();
    let out = match *out {
        [across] => (1, across),
        [down, across] => (down, across),
        _ => return Err(too_many_axes(out)),
    };
    let axes = [
        (window.size.0, window.kernel.0, window.stride.0, out.0),
        (window.size.1, window.kernel.1, window.stride.1, out.1),
    ];
    for (k, (size, kernel, stride, out)) in axes.into_iter().enumerate() {
        if pad[k] >= kernel || pad[k + 2] >= kernel {
            return Err(Fault::Shape(format!(
                "found padding {pad:?}, expected less than the window {:?}",
                window.kernel
            )));
        }
        let end = (out.max(1) - 1) * stride as usize + kernel as usize;
        let covered = size + pad[k] as usize + pad[k + 2] as usize;
        if end > covered {
            pad[k + 2] += number(end - covered)?;
            overhang = true;
        }
    }
    let count_include_pad = node.int("count_include_pad", 0) != 0;
    Ok((
        PoolGeometry {
            kernel: window.kernel,
            stride: window.stride,
            pad,
            count_include_pad,
        },
        overhang,
    ))
}
