//! Layouts before copies: images in frames, vectors in order.

use super::Layouts;
use super::frames::Frames;
use crate::util::ports;
use graph::{Graph, NodeId, Op};
use layout::{IndexMap, Periodic};
use pass::Refusal;

/// Why there are no layouts.
#[derive(Debug)]
pub(super) enum Stop {
    /// A sum or product whose operands sit in different places.
    Differ(NodeId),
    /// Anything else.
    Refused(Refusal),
}

/// One layout per node.
pub(super) fn assign(
    graph: &Graph,
    order: &[NodeId],
    n_slots: u32,
    frames: Frames,
) -> Result<Layouts, Stop> {
    let mut layouts = Layouts::new();
    for &id in order {
        let node = graph.node(id);
        let operands = graph.operands(id);
        let first = operands.first().and_then(|o| layouts.get(o)).cloned();
        let layout = match (&node.op, first) {
            (Op::Input { shape }, _) => match ports::picked_from(graph, id) {
                Some(select) => {
                    let picked = fresh(graph.shape(select), n_slots, frames);
                    ports::before(graph, select, &picked)
                }
                None => fresh(shape, n_slots, frames),
            },
            (Op::Select(_), Some(_)) if ports::picks_input(graph, id) => {
                fresh(&node.shape, n_slots, frames)
            }
            (Op::Select(_), Some(input)) if ports::is_port(graph, id) => {
                ports::behind(graph, id, &input)
            }
            (Op::Conv { .. } | Op::Linear { .. } | Op::Dense { .. }, Some(input)) => {
                let shapes = [graph.shape(operands[0]), &node.shape];
                output_layout(&input, shapes, steps(&node.op, shapes), n_slots)
            }
            (Op::Add | Op::Mul, Some(a)) => {
                let b = layouts[&operands[1]].clone();
                match a.index == b.index {
                    true if a.period >= b.period => a,
                    true => b,
                    false => {
                        super::align::align(graph, id, &mut layouts).ok_or(Stop::Differ(id))?
                    }
                }
            }
            (_, Some(input)) => input,
            (_, None) => {
                let why = Refusal::new(format!("{} reads nothing", node.name));
                return Err(Stop::Refused(why));
            }
        };
        layouts.insert(id, layout);
    }
    Ok(layouts)
}

/// How far one step of an image's rows or columns moves in what it was made of: `down / up`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Step {
    pub down: u32,
    pub up: u32,
}

/// The steps between rows and columns that a linear node writes, if it writes an image.
///
/// A node that enlarges its image, such as a transposed convolution, has no stride; its step is the ratio of the sizes.
pub(super) fn steps(op: &Op, [from, to]: [&[usize]; 2]) -> Option<[Step; 2]> {
    let stride = match op {
        Op::Conv { geometry, .. } => Some(geometry.stride),
        Op::Linear { stride, .. } => *stride,
        _ => return None,
    };
    if let Some((rows, columns)) = stride {
        return Some([rows, columns].map(|down| Step { down, up: 1 }));
    }
    let ([_, h, w], [_, ho, wo]) = (dims(from)?, dims(to)?);
    let enlarged = |small: u32, large: u32| Step {
        down: 1,
        up: ((large + small / 2) / small.max(1)).max(1),
    };
    (ho >= h && wo >= w && (ho, wo) != (h, w)).then(|| [enlarged(h, ho), enlarged(w, wo)])
}

/// Channels, rows and columns of an image or a sequence.
pub(super) fn dims(shape: &[usize]) -> Option<[u32; 3]> {
    match *shape {
        [c, h, w] => Some([c as u32, h as u32, w as u32]),
        [c, w] => Some([c as u32, 1, w as u32]),
        _ => None,
    }
}

fn fresh(shape: &[usize], n_slots: u32, frames: Frames) -> Periodic {
    let Some([c, h, w]) = dims(shape) else {
        return Periodic::vector(shape.iter().product::<usize>() as u32, n_slots);
    };
    let phases = (frames.phases.0.min(h), frames.phases.1.min(w));
    let (rows, columns) = (h.div_ceil(phases.0), w.div_ceil(phases.1));
    let frame = match frames.padded {
        true => (rows.next_power_of_two(), columns.next_power_of_two()),
        false => (rows, columns),
    };
    Periodic::planes([c, h, w], phases, (1, 1), frame, n_slots)
}

/// A convolution keeps the frame, so that no compaction is needed: its stride makes of fewer phases, then of wider gaps;
/// a layer that enlarges makes of narrower gaps, then of more phases.
fn output_layout(
    input: &Periodic,
    [from, to]: [&[usize]; 2],
    steps: Option<[Step; 2]>,
    n_slots: u32,
) -> Periodic {
    let elements = to.iter().product::<usize>() as u32;
    let (Some([down, across]), Some([co, ho, wo]), Some(from)) = (steps, dims(to), dims(from))
    else {
        return Periodic::vector(elements, n_slots);
    };
    let (phases, gap, frame) = match &input.index {
        IndexMap::Image {
            channels,
            height,
            width,
            phases,
            gap,
            frame,
        } if [*channels, *height, *width] == from => (*phases, *gap, *frame),
        // An image in order.
        _ => ((1, 1), (1, 1), (from[1], from[2])),
    };
    let (rows, columns) = (moved(phases.0, gap.0, down), moved(phases.1, gap.1, across));
    let frame = (
        frame.0.max(ho.div_ceil(rows.0) * rows.1),
        frame.1.max(wo.div_ceil(columns.0) * columns.1),
    );
    let (phases, gap) = ((rows.0, columns.0), (rows.1, columns.1));
    Periodic::planes([co, ho, wo], phases, gap, frame, n_slots)
}

/// Phases and gap after a step, one of them 1 where possible.
fn moved(phases: u32, gap: u32, step: Step) -> (u32, u32) {
    let (mut a, mut b) = (phases * step.up, gap * step.down);
    while b != 0 {
        (a, b) = (b, a % b);
    }
    (phases * step.up / a.max(1), gap * step.down / a.max(1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_strided_convolution_widens_the_gaps_and_keeps_the_frame() {
        let input = Periodic::image(1, 28, 28, (1, 1), (32, 32), 8192);
        let twice = Some([Step { down: 2, up: 1 }; 2]);
        let out = output_layout(&input, [&[1, 28, 28], &[6, 14, 14]], twice, 8192);
        let IndexMap::Image { gap, frame, .. } = out.index else {
            panic!("{out}")
        };
        assert_eq!((gap, frame, out.period), ((2, 2), (32, 32), 2048));
    }

    #[test]
    fn phases_take_strides_and_enlarging_layers_give_them() {
        let image = |text: &str| {
            let layout: Periodic = text.parse().unwrap();
            layout
        };
        let written = |input: &str, from: &[usize], to: &[usize], down, up| {
            let steps = Some([Step { down, up }; 2]);
            let layout = output_layout(&image(input), [from, to], steps, 4096);
            layout.check().unwrap();
            layout.to_string()
        };
        let cut = "periodic 1024/4096 x1 [1x28x28 phases 2,2 gap 1,1 frame 16x16]";
        let whole = "periodic 1024/4096 x1 [4x14x14 gap 1,1 frame 16x16]";
        let wide = "periodic 1024/4096 x1 [4x7x7 gap 2,2 frame 16x16]";
        let (large, half, small) = ([1, 28, 28], [4, 14, 14], [4, 7, 7]);
        assert_eq!(written(cut, &large, &half, 2, 1), whole);
        assert_eq!(
            written(whole, &half, &small, 2, 1),
            wide.replace("1024/", "256/")
        );
        assert_eq!(
            written(&wide.replace("1024/", "256/"), &small, &half, 1, 2),
            whole
        );
        assert_eq!(written(whole, &half, &large, 1, 2), cut);
    }

    #[test]
    fn steps_of_enlarging_layers_follow_from_sizes() {
        let op = Op::Linear {
            matrix: std::sync::Arc::new(layout::SparseMatrix::identity(1)),
            bias: graph::Tensor::vector(vec![0.0]),
            stride: None,
        };
        let up = |from: usize, to: usize| {
            steps(&op, [&[1, from, from], &[1, to, to]]).map(|[rows, _]| (rows.down, rows.up))
        };
        assert_eq!(up(7, 14), Some((1, 2)));
        assert_eq!(up(7, 15), Some((1, 2)));
        assert_eq!(up(7, 13), Some((1, 2)));
        assert_eq!(up(1, 4), Some((1, 4)));
        assert_eq!((up(7, 7), up(14, 7)), (None, None));
    }

    #[test]
    fn a_linear_node_writes_the_layout_that_its_sum_needs() {
        let text = |second: &str| {
            format!(
                "graph \"g\" {{\n %0 \"x\" = input -> [1, 3, 3]\n %1 \"p\" = polynomial %0 power [0, 0, 1]\n %2 \"f\" = reshape %1 -> [9]\n {second}\n %4 \"i\" = reshape %3 -> [1, 3, 3]\n %5 \"s\" = add %4, %1\n return %5\n}}"
            )
        };
        let identity: Vec<String> = (0..9).map(|k| format!("{k} {k} 1")).collect();
        let linear = format!(
            "%3 \"l\" = linear %2 bias [0, 0, 0, 0, 0, 0, 0, 0, 0] matrix 9x9 = [{}]",
            identity.join(", ")
        );
        let graph = graph::parse(&text(&linear)).unwrap();
        let layouts = assign(&graph, &graph.order(), 64, Frames::default()).unwrap();
        let [linear, image, sum] = ["l", "p", "s"].map(|name| &layouts[&graph.find(name).unwrap()]);
        assert!(matches!(image.index, IndexMap::Image { .. }));
        assert_eq!((linear, sum), (image, image));
    }
}
