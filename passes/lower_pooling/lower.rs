//! The linear operation that a pool or padding is.

use ::graph::{Op, PoolGeometry, Tensor};
use layout::{ConvGeometry, SparseMatrix};
use std::sync::Arc;

/// The linear operation equal to a pool or padding of an image of that shape; `None` for other operations.
pub(super) fn lowered(op: &Op, shape: &[usize]) -> Option<Op> {
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

fn image(shape: &[usize]) -> Option<[u32; 3]> {
    let size = |n: usize| u32::try_from(n).ok();
    match *shape {
        [channels, height, width] => Some([size(channels)?, size(height)?, size(width)?]),
        [channels, width] => Some([size(channels)?, 1, size(width)?]),
        _ => None,
    }
}
