use super::ChoosePacking;
use super::chain::chain;
use crate::util::linear::linear_map;
use crate::util::plan;
use crate::util::price::Prices;
use ::graph::{Graph, NodeId, Op, Polynomial, Tensor, evaluate};
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

fn rotations(graph: &Graph) -> Vec<u64> {
    counts(graph).iter().map(PlanCounts::rotations).collect()
}

/// The slots of every linear node, plan by plan, are the network's values.
fn check_values(graph: &Graph) {
    let order = graph.order();
    let input = order[0];
    let layout = |id: NodeId| graph.node(id).facts.layout.as_ref().unwrap();
    let x = noise(layout(input).n_elements as usize, 9);
    let mut slots: Vec<Vec<f64>> = layout(input).pack(&x);
    for &id in &order[1..] {
        let node = graph.node(id);
        if let Some(plan) = &node.facts.plan {
            let bias = linear_map(&node.op, graph.shape(graph.operands(id)[0]))
                .unwrap()
                .bias;
            slots = plan.simulate(&slots).0;
            for (slots, bias) in slots.iter_mut().zip(plan.output.pack(&bias)) {
                slots
                    .iter_mut()
                    .zip(bias.iter().cycle())
                    .for_each(|(slot, bias)| *slot += bias);
            }
        } else if let Op::Polynomial(_) = node.op {
            slots.iter_mut().flatten().for_each(|slot| *slot *= *slot);
        }
    }
    let output = graph.outputs()[0];
    let found = layout(output).unpack(&slots);
    let expected = evaluate(graph, &[x]).unwrap().remove(0);
    let largest = expected.iter().fold(0.0f64, |most, v| most.max(v.abs()));
    for (found, expected) in found.iter().zip(&expected) {
        assert!(
            (found - expected).abs() <= 1e-9 * largest,
            "{found}, not {expected}"
        );
    }
}

#[test]
fn tiles_of_given_sizes() {
    let graph = mlp(&[784, 128, 128, 10]);
    for (sizes, log_n, expected) in [
        ([128, 128, 1], 15, vec![7, 11, 7]),
        ([128, 64, 1], 14, vec![14, 10, 7]),
        ([64, 64, 1], 13, vec![12, 20, 6]),
    ] {
        let packing = Packing::Tile(Some(sizes.to_vec()));
        let settings = settings(packing, Objective::Rotations, log_n, 1);
        let (graph, _) = packed(&graph, &settings);
        assert_eq!(rotations(&graph), expected);
        check_values(&graph);
    }
}

#[test]
fn tiles_of_other_sizes_are_refused() {
    let packing = Packing::Tile(Some(vec![4, 8, 512]));
    let settings = settings(packing, Objective::Rotations, 14, 512);
    let mut cx = PassCx::new(&settings);
    let refusal = ChoosePacking::default()
        .run(&mut mlp(&[16, 8]), &mut cx)
        .unwrap_err();
    assert_eq!(
        refusal.to_string(),
        "tiles of 4 x 8 x 512 have 16384 slots, a ciphertext has 8192"
    );
}

/// One input ciphertext: diagonals from replicas of the input, then form B, then form A.
#[test]
fn families_mix() {
    let settings = settings(Packing::Auto, Objective::Rotations, 15, 1);
    let (graph, notes) = packed(&mlp(&[784, 128, 128, 10]), &settings);
    assert_eq!(rotations(&graph).iter().sum::<u64>(), 29, "{notes:?}");
    assert!(
        notes[1].starts_with("d0: diagonals") && notes[2].starts_with("d1: form B"),
        "{notes:?}"
    );
    check_values(&graph);
}

/// The search never takes what it predicts to be slower than one family alone.
#[test]
fn auto_is_never_slower() {
    for (graph, log_n, batch) in [
        (mlp(&[784, 128, 10]), 14, 1),
        (mlp(&[784, 128, 10]), 14, 512),
        (mlp(&[60, 20, 20, 7]), 13, 1),
        (lenet(), 14, 512),
    ] {
        let cost = |packing: Packing| {
            let settings = settings(packing, Objective::Latency, log_n, batch);
            let (graph, _) = packed(&graph, &settings);
            check_values(&graph);
            price(&graph, &settings)
        };
        let auto = cost(Packing::Auto);
        for packing in [Packing::Diagonal, Packing::Tile(None)] {
            let fixed = cost(packing.clone());
            assert!(
                auto <= fixed * (1.0 + 1e-9),
                "{packing:?}: {fixed}, auto: {auto}"
            );
        }
    }
}

/// The predicted cost of a planned chain.
fn price(graph: &Graph, settings: &Settings) -> f64 {
    let chain = chain(graph).unwrap();
    let prices = Prices::new(settings, chain.levels());
    let layout = |tensor: usize| {
        graph
            .node(chain.tensors[tensor].nodes[0])
            .facts
            .layout
            .as_ref()
            .unwrap()
    };
    let (mut levels, mut cost) = (0, 0.0);
    for (i, tensor) in chain.tensors.iter().enumerate().rev() {
        if let Some((id, _)) = chain.layers.get(i) {
            let plan = graph.node(*id).facts.plan.as_ref().unwrap();
            cost += prices.layer(&plan.output, &plan.counts, levels);
            levels += 1 + u32::from(plan.mask.is_some());
        }
        cost += f64::from(tensor.products)
            * f64::from(layout(i).n_ciphertexts)
            * prices.product(levels);
        levels += tensor.levels;
    }
    cost
}

#[test]
fn images_in_tiles() {
    let mut settings = settings(Packing::Tile(None), Objective::Latency, 14, 64);
    settings.max_input_ciphertexts = Some(56);
    let (graph, notes) = packed(&lenet(), &settings);
    assert!(notes[0].contains("c0: interleaved"), "{notes:?}");
    check_values(&graph);
}

#[test]
fn networks_that_are_no_chain() {
    let mut graph = mlp(&[8, 8]);
    let (x, y) = (graph.inputs()[0], graph.outputs()[0]);
    let sum = graph.add("sum", Op::Add, &[x, y]).unwrap();
    graph.set_outputs(&[sum]);
    let tile = settings(Packing::Tile(None), Objective::Latency, 13, 1);
    let mut cx = PassCx::new(&tile);
    let refusal = ChoosePacking::default()
        .run(&mut graph.clone(), &mut cx)
        .unwrap_err();
    assert_eq!(refusal.to_string(), "the network has no packing in tiles");
    packed(&graph, &settings(Packing::Auto, Objective::Latency, 13, 1));
}
