//! Elements picked, joined and averaged along axes.

use crate::Selection;

/// The picked elements of `x`.
pub(super) fn select(selection: &Selection, shape: &[usize], x: &[f64]) -> Vec<f64> {
    let read = |source: Option<u32>| source.map_or(selection.fill, |at| x[at as usize]);
    selection.sources(shape).into_iter().map(read).collect()
}

/// Tensors one after the other along an axis.
pub(super) fn concat(axis: usize, parts: &[(&[usize], &[f64])]) -> Vec<f64> {
    let block = |shape: &[usize]| shape[axis..].iter().product::<usize>();
    let n_blocks = parts
        .first()
        .map_or(0, |(shape, _)| shape[..axis].iter().product());
    let mut out = Vec::with_capacity(parts.iter().map(|(_, x)| x.len()).sum());
    for k in 0..n_blocks {
        for (shape, x) in parts {
            let size = block(shape);
            out.extend_from_slice(&x[k * size..(k + 1) * size]);
        }
    }
    out
}

/// Averages over axes, which keep the size 1.
pub(super) fn mean(axes: &[usize], shape: &[usize], x: &[f64]) -> Vec<f64> {
    let targets = mean_targets(axes, shape);
    let n_out = targets.iter().max().map_or(0, |last| last + 1);
    let mut out = vec![0.0; n_out];
    targets.iter().zip(x).for_each(|(&at, x)| out[at] += x);
    let n = x.len() as f64 / n_out as f64;
    out.iter_mut().for_each(|y| *y /= n);
    out
}

/// The average over `axes` that each element of a tensor goes into; both row-major.
pub fn mean_targets(axes: &[usize], shape: &[usize]) -> Vec<usize> {
    let mut targets = vec![0];
    for (axis, &size) in shape.iter().enumerate() {
        let kept = if axes.contains(&axis) { 0 } else { 1 };
        let width = if kept == 1 { size } else { 1 };
        let step = |before: usize| (0..size).map(move |k| before * width + kept * k);
        targets = targets.into_iter().flat_map(step).collect();
    }
    targets
}
