//! The linear operation that a pool, padding, selection, mean or transposed convolution is.

use ::graph::{Op, PoolGeometry, Run, Selection, Tensor, mean_targets};
use layout::{ConvGeometry, SparseMatrix};
use std::sync::Arc;

/// The linear operation equal to `op` on an operand of that shape; `None` for other operations.
pub(super) fn lowered(op: &Op, shape: &[usize]) -> Option<Op> {
    match op {
        Op::Select(selection) => selected(op, selection, shape),
        Op::Mean { axes } => averaged(op, axes, shape),
        Op::ConvTranspose {
            geometry,
            weight,
            bias,
        } => {
            let out = op.infer_shape(&[shape]).ok()?;
            let plane = out.iter().product::<usize>() / bias.len();
            let over_pixels = |&b: &f64| std::iter::repeat_n(b, plane);
            let bias = bias.values().iter().flat_map(over_pixels).collect();
            let matrix = geometry.matrix(weight.values()).transposed();
            let is_dense = geometry.stride == (1, 1);
            linear(matrix, Tensor::new(&out, bias)?, is_dense.then_some((1, 1)))
        }
        _ => lowered_image(op, shape),
    }
}

fn linear(matrix: SparseMatrix, bias: Tensor, stride: Option<(u32, u32)>) -> Option<Op> {
    Some(Op::Linear {
        matrix: Arc::new(matrix),
        bias,
        stride,
    })
}

/// One entry per picked element; the fill is the bias of the others.
fn selected(op: &Op, selection: &Selection, shape: &[usize]) -> Option<Op> {
    let out = op.infer_shape(&[shape]).ok()?;
    let sources = selection.sources(shape);
    let fill = |source: &Option<u32>| {
        if source.is_none() {
            selection.fill
        } else {
            0.0
        }
    };
    let bias = Tensor::new(&out, sources.iter().map(fill).collect())?;
    let entry = |(row, source): (usize, &Option<u32>)| Some((row as u32, (*source)?, 1.0));
    let entries = sources.iter().enumerate().filter_map(entry);
    let cols = u32::try_from(shape.iter().product::<usize>()).ok()?;
    let matrix = SparseMatrix::from_triplets(sources.len() as u32, cols, entries);
    linear(matrix, bias, step(selection))
}

/// How many rows and columns of an image one step of the result moves, where its elements stay an image.
fn step(selection: &Selection) -> Option<(u32, u32)> {
    let along = |axis: usize| {
        let picked: Vec<&Run> = selection.places[axis]
            .iter()
            .filter(|run| run.start.is_some())
            .collect();
        match picked.as_slice() {
            // Every place is alike where there is one.
            [run] if run.count == 1 || run.step == 0 => Some(1),
            [run] => u32::try_from(run.step).ok(),
            _ => None,
        }
    };
    if !selection.axes.is_sorted() {
        return None;
    }
    match selection.axes.len() {
        2 => Some((1, along(1)?)),
        3 => Some((along(1)?, along(2)?)),
        _ => None,
    }
}

fn averaged(op: &Op, axes: &[usize], shape: &[usize]) -> Option<Op> {
    let out = op.infer_shape(&[shape]).ok()?;
    let targets = mean_targets(axes, shape);
    let rows = out.iter().product::<usize>();
    let share = rows as f64 / targets.len() as f64;
    let entry = |(col, &row): (usize, &usize)| (row as u32, col as u32, share);
    let entries = targets.iter().enumerate().map(entry);
    let matrix = SparseMatrix::from_triplets(rows as u32, targets.len() as u32, entries);
    linear(matrix, Tensor::zeros(&out), None)
}

/// The part of a concatenation that one operand makes; zeros elsewhere.
pub(super) fn placed(shape: &[usize], axis: usize, start: usize, size: usize) -> Option<Op> {
    let n = shape[axis];
    let place = |k: usize| (k.checked_sub(start)).filter(|&k| k < n).map(|k| k as u32);
    let selection = Selection::all(shape).along(axis, (0..size).map(place));
    let op = Op::Select(selection.clone());
    match selected(&op, &selection, shape)? {
        // Parts meet in a sum, and are placed alike only as vectors.
        Op::Linear { matrix, bias, .. } => Some(Op::Linear {
            matrix,
            bias,
            stride: None,
        }),
        _ => None,
    }
}

fn lowered_image(op: &Op, shape: &[usize]) -> Option<Op> {
    let [channels, height, width] = image(shape)?;
    let depthwise = |kernel, stride, pad| ConvGeometry {
        in_channels: channels,
        in_height: height,
        in_width: width,
        out_channels: channels,
        kernel,
        stride,
        pad,
        dilation: (1, 1),
        groups: channels,
    };
    let uniform = |geometry: ConvGeometry| {
        let (rows, cols) = geometry.kernel;
        let share = 1.0 / (f64::from(rows) * f64::from(cols));
        let n = channels as usize;
        Op::Conv {
            weight: Tensor::filled(&[n, 1, rows as usize, cols as usize], share),
            bias: Tensor::zeros(&[n]),
            geometry,
        }
    };
    match op {
        Op::AvgPool(pool) => {
            let geometry = depthwise(pool.kernel, pool.stride, pool.pad);
            if pool.count_include_pad || pool.pad == [0; 4] {
                return Some(uniform(geometry));
            }
            let bias = Tensor::zeros(&op.infer_shape(&[shape]).ok()?);
            Some(averages_inside(&geometry, bias, pool))
        }
        Op::GlobalAvgPool => Some(uniform(depthwise((height, width), (1, 1), [0; 4]))),
        Op::Pad([top, left, _, _]) => {
            let out = op.infer_shape(&[shape]).ok()?;
            let [_, out_height, out_width] = image(&out)?;
            let place = |at: u32| {
                let (x, y, channel) = (at % width, at / width % height, at / width / height);
                let row = (channel * out_height + y + top) * out_width + x + left;
                (row, at, 1.0)
            };
            let cols = channels * height * width;
            let rows = channels * out_height * out_width;
            Some(Op::Linear {
                matrix: Arc::new(SparseMatrix::from_triplets(
                    rows,
                    cols,
                    (0..cols).map(place),
                )),
                bias: Tensor::zeros(&out),
                stride: Some((1, 1)),
            })
        }
        _ => None,
    }
}

/// Averages whose divisor is the number of elements inside the image.
fn averages_inside(geometry: &ConvGeometry, bias: Tensor, pool: &PoolGeometry) -> Op {
    let taps = pool.kernel.0 as usize * pool.kernel.1 as usize;
    let ones = vec![1.0; geometry.in_channels as usize * taps];
    let mut matrix = geometry.matrix(&ones);
    let shares: Vec<f64> = (0..matrix.rows())
        .map(|row| 1.0 / matrix.row(row).count().max(1) as f64)
        .collect();
    matrix.scale_rows(&shares);
    Op::Linear {
        matrix: Arc::new(matrix),
        bias,
        stride: Some(pool.stride),
    }
}

pub(super) fn image(shape: &[usize]) -> Option<[u32; 3]> {
    let size = |n: usize| u32::try_from(n).ok();
    match *shape {
        [channels, height, width] => Some([size(channels)?, size(height)?, size(width)?]),
        [channels, width] => Some([size(channels)?, 1, size(width)?]),
        _ => None,
    }
}
