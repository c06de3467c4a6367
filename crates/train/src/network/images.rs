//! Operations on `[channels, height, width]`, or on `[channels, width]`.

use super::{Batch, flat};
use burn::tensor::Tensor;
use burn::tensor::module;
use burn::tensor::ops::{
    AvgPoolOptions, ConvOptions, ConvTransposeOptions, MaxPoolOptions, PadMode,
};
use graph::PoolGeometry;
use layout::ConvGeometry;

fn pair((a, b): (u32, u32)) -> [usize; 2] {
    [a as usize, b as usize]
}

fn padding([top, left, bottom, right]: [u32; 4]) -> [(usize, usize); 2] {
    [
        (top as usize, bottom as usize),
        (left as usize, right as usize),
    ]
}

fn image(shape: &[usize], x: Batch) -> Tensor<4> {
    let [n, _] = x.dims();
    match *shape {
        [channels, width] => x.reshape([n, channels, 1, width]),
        _ => x.reshape([n, shape[0], shape[1], shape[2]]),
    }
}

fn kernel(g: &ConvGeometry, shape: &[usize], weight: Tensor<1>) -> Tensor<4> {
    let [height, width] = pair(g.kernel);
    weight.reshape([shape[0], shape[1], height, width])
}

pub(super) fn conv(
    g: &ConvGeometry,
    shape: &[usize],
    weight: Tensor<1>,
    bias: Tensor<1>,
    x: Batch,
) -> Batch {
    let [n, _] = x.dims();
    let size = [g.in_channels, g.in_height, g.in_width].map(|s| s as usize);
    let x = x.reshape([n, size[0], size[1], size[2]]);
    let options = ConvOptions {
        stride: pair(g.stride),
        padding: padding(g.pad),
        dilation: pair(g.dilation),
        groups: g.groups as usize,
    };
    flat(module::conv2d(
        x,
        kernel(g, shape, weight),
        Some(bias),
        options,
    ))
}

/// `g` is the convolution whose adjoint this is: it reads the result and writes the operand.
pub(super) fn conv_transpose(
    g: &ConvGeometry,
    shape: &[usize],
    weight: Tensor<1>,
    bias: Tensor<1>,
    x: Batch,
) -> Batch {
    let [n, _] = x.dims();
    let (height, width) = g.out_size();
    let x = x.reshape([n, g.out_channels as usize, height as usize, width as usize]);
    let options = ConvTransposeOptions {
        stride: pair(g.stride),
        padding: [0, 0],
        padding_out: [0, 0],
        dilation: pair(g.dilation),
        groups: g.groups as usize,
    };
    let bias_row = bias.reshape([1, g.in_channels as usize, 1, 1]);
    let full = module::conv_transpose2d(x, kernel(g, shape, weight), None, options);
    // The result starts behind the padding, and may reach beyond what any window covers.
    let mut out = full;
    for (axis, before, wanted) in [
        (2, g.pad[0] as usize, g.in_height as usize),
        (3, g.pad[1] as usize, g.in_width as usize),
    ] {
        let have = out.dims()[axis];
        let take = wanted.min(have.saturating_sub(before));
        out = out.narrow(axis, before, take);
        if take < wanted {
            let mut dims = out.dims();
            dims[axis] = wanted - take;
            let rest = Tensor::zeros(dims, &out.device());
            out = Tensor::cat(vec![out, rest], axis);
        }
    }
    flat(out + bias_row)
}

pub(super) fn average(g: &PoolGeometry, shape: &[usize], x: Batch) -> Batch {
    let options = AvgPoolOptions {
        kernel_size: pair(g.kernel),
        stride: pair(g.stride),
        padding: padding(g.pad),
        count_include_pad: g.count_include_pad,
        ceil_mode: false,
    };
    flat(module::avg_pool2d(image(shape, x), options))
}

pub(super) fn maximum(g: &PoolGeometry, shape: &[usize], x: Batch) -> Batch {
    let options = MaxPoolOptions {
        kernel_size: pair(g.kernel),
        stride: pair(g.stride),
        padding: padding(g.pad),
        dilation: [1, 1],
        ceil_mode: false,
    };
    flat(module::max_pool2d(image(shape, x), options))
}

pub(super) fn pad(pad: [u32; 4], shape: &[usize], x: Batch) -> Batch {
    flat(image(shape, x).pad(padding(pad), PadMode::Constant(0.0)))
}
