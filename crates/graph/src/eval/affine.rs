//! Broadcast constants.

use crate::Tensor;

/// Applies `f` to every element of `y`, of shape `shape`, and its partner in the broadcast `constant`.
///
/// Scalars, rows and channel vectors are read in place: their axes longer than 1 are neighbours and match.
pub(super) fn broadcast(y: &mut [f64], shape: &[usize], constant: &Tensor, f: fn(&mut f64, f64)) {
    let values = constant.values();
    if let [c] = *values {
        return y.iter_mut().for_each(|y| f(y, c));
    }
    let axes = constant.shape();
    let lead = shape.len() - axes.len();
    let first = axes.iter().position(|&size| size != 1).unwrap_or(0);
    let end = axes
        .iter()
        .rposition(|&size| size != 1)
        .map_or(0, |last| last + 1);
    if axes[first..end] != shape[lead + first..lead + end] {
        let full = constant
            .broadcast_to(shape)
            .expect("verified constants broadcast");
        return y.iter_mut().zip(full.values()).for_each(|(y, &c)| f(y, c));
    }
    let inner: usize = shape[lead + end..].iter().product();
    for block in y.chunks_exact_mut(inner * values.len()) {
        for (run, &c) in block.chunks_exact_mut(inner).zip(values) {
            run.iter_mut().for_each(|y| f(y, c));
        }
    }
}
