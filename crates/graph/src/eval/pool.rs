//! Pooling and padding.

use crate::PoolGeometry;

/// Averages over windows.
pub(super) fn average(g: &PoolGeometry, shape: &[usize], x: &[f64]) -> Vec<f64> {
    let whole = f64::from(g.kernel.0) * f64::from(g.kernel.1);
    windows(g, shape, x, |rows| {
        let (mut sum, mut n) = (0.0, 0);
        for row in rows {
            sum += row.iter().sum::<f64>();
            n += row.len();
        }
        sum / if g.count_include_pad { whole } else { n as f64 }
    })
}

/// Maxima over windows; padding does not count.
pub(super) fn maximum(g: &PoolGeometry, shape: &[usize], x: &[f64]) -> Vec<f64> {
    windows(g, shape, x, |rows| {
        rows.flatten().copied().fold(f64::NEG_INFINITY, f64::max)
    })
}

/// Zeros around an image.
pub(super) fn pad([top, left, bottom, right]: [u32; 4], shape: &[usize], x: &[f64]) -> Vec<f64> {
    let (channels, height, width) = image(shape);
    let (top, left) = (top as usize, left as usize);
    let (out_height, out_width) = (
        top + height + bottom as usize,
        left + width + right as usize,
    );
    let mut out = vec![0.0; channels * out_height * out_width];
    for (from, to) in x
        .chunks_exact(height * width)
        .zip(out.chunks_exact_mut(out_height * out_width))
    {
        for (row, to) in from
            .chunks_exact(width)
            .zip(to.chunks_exact_mut(out_width).skip(top))
        {
            to[left..left + width].copy_from_slice(row);
        }
    }
    out
}

/// `f` of the parts of rows that each window has inside the image.
fn windows<'a>(
    g: &PoolGeometry,
    shape: &[usize],
    x: &'a [f64],
    f: impl Fn(&mut dyn Iterator<Item = &'a [f64]>) -> f64,
) -> Vec<f64> {
    let (channels, height, width) = image(shape);
    let out = g.out_size(height as u32, width as u32);
    let (out_height, out_width) = out.expect("verified windows fit");
    let span = |o: u32, stride: u32, pad: u32, kernel: u32, size: usize| {
        let start = o as usize * stride as usize;
        let end = (start + kernel as usize)
            .saturating_sub(pad as usize)
            .min(size);
        start.saturating_sub(pad as usize).min(end)..end
    };
    let mut result = Vec::with_capacity(channels * out_height as usize * out_width as usize);
    for plane in x.chunks_exact(height * width) {
        for oy in 0..out_height {
            let rows = span(oy, g.stride.0, g.pad[0], g.kernel.0, height);
            for ox in 0..out_width {
                let cols = span(ox, g.stride.1, g.pad[1], g.kernel.1, width);
                result.push(f(&mut rows
                    .clone()
                    .map(|y| &plane[y * width..][cols.clone()])));
            }
        }
    }
    result
}

fn image(shape: &[usize]) -> (usize, usize, usize) {
    match *shape {
        [channels, width] => (channels, 1, width),
        _ => (shape[0], shape[1], shape[2]),
    }
}
