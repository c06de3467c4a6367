//! Layouts before copies: images in frames, vectors in order.

use super::Layouts;
use crate::util::ports;
use graph::{Graph, NodeId, Op};
use layout::{IndexMap, Periodic};
use pass::Refusal;

/// One layout per node; frames as large as the image, or padded to powers of two.
pub(super) fn assign(
    graph: &Graph,
    order: &[NodeId],
    n_slots: u32,
    padded: bool,
) -> Result<Layouts, Refusal> {
    let mut layouts = Layouts::new();
    for &id in order {
        let node = graph.node(id);
        let operands = graph.operands(id);
        let first = operands.first().and_then(|o| layouts.get(o)).cloned();
        let layout = match (&node.op, first) {
            (Op::Input { shape }, _) => match ports::picked_from(graph, id) {
                Some(select) => {
                    let picked = fresh(graph.shape(select), n_slots, padded);
                    ports::before(graph, select, &picked)
                }
                None => fresh(shape, n_slots, padded),
            },
            (Op::Select(_), Some(_)) if ports::picks_input(graph, id) => {
                fresh(&node.shape, n_slots, padded)
            }
            (Op::Select(_), Some(input)) if ports::is_port(graph, id) => {
                ports::behind(graph, id, &input)
            }
            (op, Some(input)) if linear_map_stride(op).is_some() => {
                let in_shape = graph.shape(operands[0]);
                output_layout(
                    &input,
                    in_shape,
                    &node.shape,
                    linear_map_stride(op).flatten(),
                    n_slots,
                )
            }
            (Op::Add | Op::Mul, Some(a)) => {
                let b = layouts[&operands[1]].clone();
                if a.index == b.index {
                    if a.period >= b.period { a } else { b }
                } else if let Some(shared) = super::align::align(graph, id, &mut layouts) {
                    shared
                } else {
                    return Err(Refusal::new(format!(
                        "{} combines two tensors packed differently: {a} and {b}",
                        node.origin
                            .first()
                            .map_or(node.name.as_str(), String::as_str)
                    ))
                    .help("both branches must reduce the image by the same strides, or one of them be read here only"));
                }
            }
            (_, Some(input)) => input,
            (_, None) => return Err(Refusal::new(format!("{} reads nothing", node.name))),
        };
        layouts.insert(id, layout);
    }
    Ok(layouts)
}

/// `Some(stride)` for linear nodes.
fn linear_map_stride(op: &Op) -> Option<Option<(u32, u32)>> {
    match op {
        Op::Conv { geometry, .. } => Some(Some(geometry.stride)),
        Op::Linear { stride, .. } => Some(*stride),
        Op::Dense { .. } => Some(None),
        _ => None,
    }
}

fn dims(shape: &[usize]) -> Option<[u32; 3]> {
    match *shape {
        [c, h, w] => Some([c as u32, h as u32, w as u32]),
        [c, w] => Some([c as u32, 1, w as u32]),
        _ => None,
    }
}

fn fresh(shape: &[usize], n_slots: u32, padded: bool) -> Periodic {
    match dims(shape) {
        Some([c, h, w]) => {
            let frame = if padded {
                (h.next_power_of_two(), w.next_power_of_two())
            } else {
                (h, w)
            };
            Periodic::image(c, h, w, (1, 1), frame, n_slots)
        }
        None => Periodic::vector(shape.iter().product::<usize>() as u32, n_slots),
    }
}

/// A convolution keeps the frame and widens the gaps by its stride, so that no compaction is needed.
fn output_layout(
    input: &Periodic,
    in_shape: &[usize],
    out_shape: &[usize],
    stride: Option<(u32, u32)>,
    n_slots: u32,
) -> Periodic {
    let elements = out_shape.iter().product::<usize>() as u32;
    let (Some((sy, sx)), Some([co, ho, wo])) = (stride, dims(out_shape)) else {
        return Periodic::vector(elements, n_slots);
    };
    let (gap, frame) = match (&input.index, dims(in_shape)) {
        (
            IndexMap::Image {
                channels,
                height,
                width,
                gap,
                frame,
            },
            Some([c, h, w]),
        ) if (*channels, *height, *width) == (c, h, w) => (
            (gap.0 * sy, gap.1 * sx),
            (frame.0.max(ho * gap.0 * sy), frame.1.max(wo * gap.1 * sx)),
        ),
        _ => ((1, 1), (ho, wo)),
    };
    Periodic::image(co, ho, wo, gap, frame, n_slots)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_strided_convolution_widens_the_gaps_and_keeps_the_frame() {
        let input = Periodic::image(1, 28, 28, (1, 1), (32, 32), 8192);
        let out = output_layout(&input, &[1, 28, 28], &[6, 14, 14], Some((2, 2)), 8192);
        let IndexMap::Image { gap, frame, .. } = out.index else {
            panic!("{out}")
        };
        assert_eq!((gap, frame, out.period), ((2, 2), (32, 32), 2048));
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
        let layouts = assign(&graph, &graph.order(), 64, true).unwrap();
        let [linear, image, sum] = ["l", "p", "s"].map(|name| &layouts[&graph.find(name).unwrap()]);
        assert!(matches!(image.index, IndexMap::Image { .. }));
        assert_eq!((linear, sum), (image, image));
    }
}
