//! Maxima over windows as sums of averages and absolute values.

use super::lower::image;
use ::graph::{Activation, Graph, NodeId, Op, Patch, PoolGeometry, Tensor, Wire};
use layout::SparseMatrix;
use std::sync::Arc;

/// A direction of an image.
#[derive(Clone, Copy)]
enum Axis {
    Across,
    Down,
}

/// One round: two neighbours `apart` places from each other, `step` places on per result.
struct Round {
    apart: u32,
    step: u32,
    count: u32,
}

/// Rounds whose maxima are those of windows of `kernel` places, `stride` apart.
///
/// A window of `w` places and the one `d ≤ w` places on make one of `w + d`, since a maximum may count a place twice.
fn rounds(kernel: u32, stride: u32, size: u32, count: u32) -> Vec<Round> {
    let needed = (count - 1) * stride + kernel;
    let (mut width, mut rounds) = (1, Vec::new());
    while width < kernel {
        let apart = width.min(kernel - width);
        width += apart;
        let (step, count) = match width == kernel {
            true => (stride, count),
            false => (1, needed - width + 1),
        };
        rounds.push(Round { apart, step, count });
    }
    if kernel == 1 && count < size {
        rounds.push(Round {
            apart: 0,
            step: stride,
            count,
        });
    }
    rounds
}

/// The maxima of a pool: `max(a, b) = (a + b) / 2 + |(a − b) / 2|`, round by round along each axis.
pub(super) fn tree(
    graph: &Graph,
    id: NodeId,
    pool: &PoolGeometry,
    patch: &mut Patch,
) -> Option<Wire> {
    let operand = graph.operands(id)[0];
    let name = &graph.node(id).name;
    let mut shape = graph.shape(operand).to_vec();
    let [_, height, width] = image(&shape)?;
    let [_, out_height, out_width] = image(graph.shape(id))?;
    let mut wire: Wire = operand.into();
    let (across, down) = (
        rounds(pool.kernel.1, pool.stride.1, width, out_width),
        rounds(pool.kernel.0, pool.stride.0, height, out_height),
    );
    let axes = [
        (Axis::Across, across, pool.pad[1]),
        (Axis::Down, down, pool.pad[0]),
    ];
    for (axis, rounds, mut before) in axes {
        for (k, round) in rounds.iter().enumerate() {
            let own = |what: &str| match axis {
                Axis::Across => format!("{name}.across{k}.{what}"),
                Axis::Down => format!("{name}.down{k}.{what}"),
            };
            let linear = |right: f64| pairs(&mut shape.clone(), axis, round, before, right);
            if round.apart == 0 {
                wire = patch.add(&own("pick"), linear(0.5)?, &[wire]);
            } else {
                let mean = patch.add(&own("mean"), linear(0.5)?, &[wire]);
                let half = patch.add(&own("half"), linear(-0.5)?, &[wire]);
                let distance = Op::Activation(Activation::Abs);
                let distance = patch.add(&own("distance"), distance, &[half]);
                wire = patch.add(&own("max"), Op::Add, &[mean, distance]);
            }
            pairs(&mut shape, axis, round, before, 0.5)?;
            before = 0;
        }
    }
    Some(wire)
}

/// Half of the left neighbour and `right` times the right one, per result; `shape` becomes the result's.
///
/// Positions count from `before` places outside the image. What lies outside is the nearest place inside, which every
/// window that reaches out has too.
fn pairs(shape: &mut [usize], axis: Axis, round: &Round, before: u32, right: f64) -> Option<Op> {
    let [channels, height, width] = image(shape)?;
    let inside = |at: u32, size: u32| at.saturating_sub(before).min(size - 1);
    let n = round.count;
    let (rows, cols) = match axis {
        Axis::Across => (height, n),
        Axis::Down => (n, width),
    };
    let place = |channel: u32, y: u32, x: u32| (channel * height + y) * width + x;
    let mut entries = Vec::new();
    for channel in 0..channels {
        for (y, x) in (0..rows).flat_map(|y| (0..cols).map(move |x| (y, x))) {
            let row = (channel * rows + y) * cols + x;
            let from = |k: u32| match axis {
                Axis::Across => place(channel, y, inside(x * round.step + k, width)),
                Axis::Down => place(channel, inside(y * round.step + k, height), x),
            };
            let (a, b) = (from(0), from(round.apart));
            match a == b {
                true if right > 0.0 => entries.push((row, a, 0.5 + right)),
                true => {}
                false => entries.extend([(row, a, 0.5), (row, b, right)]),
            }
        }
    }
    let matrix =
        SparseMatrix::from_triplets(channels * rows * cols, channels * height * width, entries);
    let last = shape.len() - 1;
    match axis {
        Axis::Across => shape[last] = cols as usize,
        Axis::Down => shape[last - 1] = rows as usize,
    }
    Some(Op::Linear {
        matrix: Arc::new(matrix),
        bias: Tensor::zeros(shape),
        stride: Some(match axis {
            Axis::Across => (1, round.step),
            Axis::Down => (round.step, 1),
        }),
    })
}
