//! Fully connected layers.

/// Partial sums of a dot product, so that additions do not wait for each other.
const LANES: usize = 8;

/// `weight · x + bias`, `weight` row-major.
pub(super) fn dense(weight: &[f64], bias: &[f64], x: &[f64]) -> Vec<f64> {
    weight
        .chunks_exact(x.len())
        .zip(bias)
        .map(|(row, b)| dot(row, x) + b)
        .collect()
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    let (a, b) = (a.chunks_exact(LANES), b.chunks_exact(LANES));
    let rest: f64 = a
        .remainder()
        .iter()
        .zip(b.remainder())
        .map(|(a, b)| a * b)
        .sum();
    let mut sums = [0.0; LANES];
    for (a, b) in a.zip(b) {
        for lane in 0..LANES {
            sums[lane] += a[lane] * b[lane];
        }
    }
    sums.iter().sum::<f64>() + rest
}
