//! Weights to begin with.

use crate::rng::Gaussian;
use crate::{parameters, set_parameter};
use graph::{Graph, Op};

/// The graph with fresh weights: normal with variance 2 over the values that each output reads, biases 0, scales 1,
/// shifts 0; polynomials stay.
///
/// # Source
/// He, Zhang, Ren and Sun, arXiv 1502.01852.
#[must_use]
pub fn initialized(graph: &Graph, seed: u64) -> Graph {
    let mut next = graph.clone();
    for (k, (id, tensor)) in parameters(graph).into_iter().enumerate() {
        let mut normal = Gaussian::new(seed.wrapping_mul(1_000_003).wrapping_add(k as u64));
        let values = match id.word.as_str() {
            "weight" => {
                let n_out = match graph.find(&id.node).map(|at| &graph.node(at).op) {
                    Some(Op::ConvTranspose { geometry, .. }) => {
                        (geometry.in_channels / geometry.groups) as usize
                    }
                    _ => tensor.shape()[0],
                };
                let fan = tensor.len() / n_out.max(1);
                let deviation = (2.0 / fan.max(1) as f64).sqrt();
                tensor.map(|_| f64::from((normal.draw() * deviation) as f32))
            }
            "bias" | "shift" => tensor.map(|_| 0.0),
            "scale" => tensor.map(|_| 1.0),
            _ => tensor,
        };
        set_parameter(&mut next, &id, values.values().to_vec());
    }
    next
}
