use super::ChoosePacking;
use crate::util::plan;
use ::graph::{Graph, NodeId, Op, Polynomial, Tensor};
use layout::{ConvGeometry, PlanCounts};
use pass::{Objective, Packing, Pass, PassCx, Settings};

fn noise(n: usize, seed: u32) -> Vec<f64> {
    let mut state = seed;
    let next = |_| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        f64::from(state >> 8) / f64::from(1 << 23) - 1.0
    };
    (0..n).map(next).collect()
}

fn dense(rows: usize, cols: usize) -> Op {
    Op::Dense {
        weight: Tensor::new(&[rows, cols], noise(rows * cols, 3)).unwrap(),
        bias: Tensor::vector(noise(rows, 4)),
    }
}

fn square() -> Op {
    Op::Polynomial(Polynomial::square())
}

/// Dense layers with squares between them.
fn mlp(sizes: &[usize]) -> Graph {
    let mut graph = Graph::new("mlp");
    let shape = vec![sizes[0]];
    let mut at = graph.add("x", Op::Input { shape }, &[]).unwrap();
    for (i, pair) in sizes.windows(2).enumerate() {
        if i > 0 {
            at = graph.add(&format!("s{i}"), square(), &[at]).unwrap();
        }
        at = graph
            .add(&format!("d{i}"), dense(pair[1], pair[0]), &[at])
            .unwrap();
    }
    graph.set_outputs(&[at]);
    graph
}

/// Two strided convolutions and two dense layers.
fn lenet() -> Graph {
    let mut graph = Graph::new("lenet");
    let shape = vec![1, 28, 28];
    let mut at = graph.add("x", Op::Input { shape }, &[]).unwrap();
    for (i, (from, to, size)) in [(1u32, 8u32, 28u32), (8, 16, 14)].into_iter().enumerate() {
        let conv = Op::Conv {
            geometry: ConvGeometry {
                in_channels: from,
                in_height: size,
                in_width: size,
                out_channels: to,
                kernel: (5, 5),
                stride: (2, 2),
                pad: [2, 2, 1, 1],
                dilation: (1, 1),
                groups: 1,
            },
            weight: Tensor::new(
                &[to as usize, from as usize, 5, 5],
                noise((from * to * 25) as usize, 5),
            )
            .unwrap(),
            bias: Tensor::vector(noise(to as usize, 6)),
        };
        at = graph.add(&format!("c{i}"), conv, &[at]).unwrap();
        at = graph.add(&format!("s{i}"), square(), &[at]).unwrap();
    }
    let flat = graph.shape(at).iter().product();
    at = graph
        .add("f", Op::Reshape { shape: vec![flat] }, &[at])
        .unwrap();
    at = graph.add("d0", dense(64, flat), &[at]).unwrap();
    at = graph.add("s2", square(), &[at]).unwrap();
    at = graph.add("d1", dense(10, 64), &[at]).unwrap();
    graph.set_outputs(&[at]);
    graph
}

/// The packed and planned network, with what the pass says.
fn packed(graph: &Graph, settings: &Settings) -> (Graph, Vec<String>) {
    let mut graph = graph.clone();
    let mut cx = PassCx::new(settings);
    ChoosePacking::default().run(&mut graph, &mut cx).unwrap();
    plan::plan_all(&mut graph, settings).unwrap();
    (graph, cx.notes().to_vec())
}

fn counts(graph: &Graph) -> Vec<PlanCounts> {
    let plan = |id: NodeId| graph.node(id).facts.plan.as_ref().map(|plan| plan.counts);
    graph.order().into_iter().filter_map(plan).collect()
}

fn settings(packing: Packing, objective: Objective, log_n: u8, batch_width: u32) -> Settings {
    Settings {
        packing,
        objective,
        log_n,
        batch_width,
        ..Settings::default()
    }
}

#[test]
fn show() {
    for (name, graph) in [
        ("mlp", mlp(&[784, 128, 128, 10])),
        ("mlp3", mlp(&[784, 128, 10])),
        ("lenet", lenet()),
        ("ae", mlp(&[784, 256, 64, 256, 784])),
    ] {
        for (log_n, width) in [(14, 1), (15, 1), (14, 64), (14, 512)] {
            for objective in [Objective::Latency, Objective::Rotations] {
                for packing in [Packing::Diagonal, Packing::Tile(None), Packing::Auto] {
                    let t = std::time::Instant::now();
                    let settings = settings(packing.clone(), objective, log_n, width);
                    let (graph, notes) = packed(&graph, &settings);
                    let c = counts(&graph);
                    let r: Vec<_> = c
                        .iter()
                        .map(|c| format!("{}/{}", c.rotations(), c.plain_products))
                        .collect();
                    println!(
                        "{name} 2^{log_n} x{width} {objective:?} {packing:?}: {} = {} ({:?})",
                        r.join(" "),
                        c.iter().map(|c| c.rotations()).sum::<u64>(),
                        t.elapsed()
                    );
                    notes.iter().for_each(|n| println!("    {n}"));
                }
            }
        }
    }
}
