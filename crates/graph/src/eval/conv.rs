//! Direct convolution.

use layout::ConvGeometry;
use std::ops::Range;

/// `out[o, y, x] = bias[o] + Σ weight[o, i, ky, kx] · in[…]`, one weight at a time over rows of the output.
pub(super) fn conv(g: &ConvGeometry, weight: &[f64], bias: &[f64], x: &[f64]) -> Vec<f64> {
    let (height, width) = (g.in_height as usize, g.in_width as usize);
    let (out_height, out_width) = g.out_size();
    let (out_height, out_width) = (out_height as usize, out_width as usize);
    let in_group = (g.in_channels / g.groups) as usize;
    let out_group = (g.out_channels / g.groups) as usize;
    let rows = taps(
        g.kernel.0,
        g.dilation.0,
        g.stride.0,
        g.pad[0],
        height,
        out_height,
    );
    let cols = taps(
        g.kernel.1,
        g.dilation.1,
        g.stride.1,
        g.pad[1],
        width,
        out_width,
    );
    let (row_step, col_step) = (g.stride.0 as usize, g.stride.1 as usize);

    let mut out = Vec::with_capacity(bias.len() * out_height * out_width);
    for &b in bias {
        out.extend(std::iter::repeat_n(b, out_height * out_width));
    }
    let filter = in_group * rows.len() * cols.len();
    let filters = weight.chunks_exact(filter);
    for (o, (out, filter)) in out
        .chunks_exact_mut(out_height * out_width)
        .zip(filters)
        .enumerate()
    {
        let first_in = o / out_group * in_group;
        for (i, kernel) in filter.chunks_exact(rows.len() * cols.len()).enumerate() {
            let image = &x[(first_in + i) * height * width..][..height * width];
            for (kernel_row, row_tap) in kernel.chunks_exact(cols.len()).zip(&rows) {
                for (&w, col_tap) in kernel_row.iter().zip(&cols) {
                    if w == 0.0 || col_tap.out.is_empty() {
                        continue;
                    }
                    for (step, oy) in row_tap.out.clone().enumerate() {
                        let iy = row_tap.first_in + step * row_step;
                        let input = &image[iy * width + col_tap.first_in..(iy + 1) * width];
                        let output = &mut out[oy * out_width..][col_tap.out.clone()];
                        add_row(output, input, col_step, w);
                    }
                }
            }
        }
    }
    out
}

/// What the convolution `g` reads, spread from what it writes: `out[…] += weight[o, i, ky, kx] · x[o, y, x]`.
pub(super) fn transposed(g: &ConvGeometry, weight: &[f64], bias: &[f64], x: &[f64]) -> Vec<f64> {
    let (height, width) = (g.in_height as usize, g.in_width as usize);
    let (x_height, x_width) = g.out_size();
    let (x_height, x_width) = (x_height as usize, x_width as usize);
    let in_group = (g.in_channels / g.groups) as usize;
    let out_group = (g.out_channels / g.groups) as usize;
    let (stride, dilation, pad) = (g.stride, g.dilation, g.pad);
    let rows = taps(g.kernel.0, dilation.0, stride.0, pad[0], height, x_height);
    let cols = taps(g.kernel.1, dilation.1, stride.1, pad[1], width, x_width);
    let (row_step, col_step) = (stride.0 as usize, stride.1 as usize);

    let plane = height * width;
    let mut out: Vec<f64> = Vec::with_capacity(bias.len() * plane);
    for &b in bias {
        out.extend(std::iter::repeat_n(b, plane));
    }
    let filters = weight.chunks_exact(in_group * rows.len() * cols.len());
    for (o, (image, filter)) in x.chunks_exact(x_height * x_width).zip(filters).enumerate() {
        let first = o / out_group * in_group;
        for (i, kernel) in filter.chunks_exact(rows.len() * cols.len()).enumerate() {
            let out = &mut out[(first + i) * plane..][..plane];
            for (kernel_row, row_tap) in kernel.chunks_exact(cols.len()).zip(&rows) {
                for (&w, col_tap) in kernel_row.iter().zip(&cols).filter(|(w, _)| **w != 0.0) {
                    for (step, y) in row_tap.out.clone().enumerate() {
                        let line = (row_tap.first_in + step * row_step) * width;
                        let input = &image[y * x_width..][col_tap.out.clone()];
                        let spread = out[line + col_tap.first_in..line + width].iter_mut();
                        spread
                            .step_by(col_step)
                            .zip(input)
                            .for_each(|(out, x)| *out += w * x);
                    }
                }
            }
        }
    }
    out
}

/// `out[k] += w · input[k · step]`
fn add_row(out: &mut [f64], input: &[f64], step: usize, w: f64) {
    if step == 1 {
        out.iter_mut().zip(input).for_each(|(out, x)| *out += w * x);
    } else {
        out.iter_mut()
            .zip(input.iter().step_by(step))
            .for_each(|(out, x)| *out += w * x);
    }
}

/// Where one kernel tap falls inside the image along one axis.
struct Tap {
    /// Outputs that read the image, not the padding, through this tap.
    out: Range<usize>,
    /// Image coordinate read by the first of them.
    first_in: usize,
}

fn taps(
    kernel: u32,
    dilation: u32,
    stride: u32,
    pad: u32,
    size: usize,
    out_size: usize,
) -> Vec<Tap> {
    let (dilation, stride, pad) = (dilation as usize, stride as usize, pad as usize);
    let tap = |k: usize| {
        let offset = k * dilation;
        let first = pad.saturating_sub(offset).div_ceil(stride);
        let end = (size + pad)
            .saturating_sub(offset)
            .div_ceil(stride)
            .min(out_size);
        if first >= end {
            return Tap {
                out: 0..0,
                first_in: 0,
            };
        }
        Tap {
            out: first..end,
            first_in: first * stride + offset - pad,
        }
    };
    (0..kernel as usize).map(tap).collect()
}
