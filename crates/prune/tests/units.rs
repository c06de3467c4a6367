//! Units of networks, and what they cost.

use privet::extend::{Graph, evaluate, graph};
use privet::prelude::{Model, Options};
use privet_prune::aligned::{Pricer, unit_classes, unit_options, without_units};
use std::collections::BTreeMap;
use train::{ParameterId, WeightMasks, parameters, set_parameter};

fn mlp() -> Model {
    let root = concat!(env!("CARGO_MANIFEST_DIR"), "/../../examples/models/");
    Model::import(format!("{root}mlp_784_128_10.onnx")).unwrap()
}

fn masked(graph: &Graph, masks: &WeightMasks) -> Graph {
    let mut masked = graph.clone();
    for (id, values) in parameters(graph) {
        if let Some(mask) = masks.get(&id) {
            assert!(set_parameter(&mut masked, &id, mask.apply(values.values())));
        }
    }
    masked
}

/// Channels, a pool, neurons: everything that removing a channel touches.
fn small() -> Graph {
    let numbers = |n: usize| -> Vec<String> { (0..n).map(|k| format!("{}", k % 7 + 1)).collect() };
    let kernel: Vec<String> = numbers(4).iter().map(|w| format!("[[[{w}]]]")).collect();
    let rows: Vec<String> = (0..3)
        .map(|_| format!("[{}]", numbers(16).join(", ")))
        .collect();
    let text = format!(
        "graph \"g\" {{
         %0 \"x\" = input -> [1, 4, 4]
         %1 \"c\" = conv %0 out 4 kernel 1x1 stride 1,1 weight [{}] bias [1, 2, 3, 4]
         %2 \"s\" = polynomial %1 power [0, 0, 1]
         %3 \"p\" = avg_pool %2 kernel 2x2 stride 2,2
         %4 \"f\" = reshape %3 -> [16]
         %5 \"d\" = dense %4 weight [{}] bias [0, 1, 2]
         return %5
         }}",
        kernel.join(", "),
        rows.join(", ")
    );
    graph::parse(&text).unwrap()
}

#[test]
fn a_channel_takes_along_all_that_makes_or_reads_it() {
    let graph = small();
    let [class] = &unit_classes(&graph).unwrap()[..] else {
        panic!("one class")
    };
    assert_eq!((class.name.as_str(), class.elements.len()), ("c", 4));
    let of = |word, layer| class.elements[2][&ParameterId::new(layer, word)].clone();
    assert_eq!((of("weight", "c"), of("bias", "c")), (vec![2], vec![2]));
    let columns: Vec<u32> = (0..3)
        .flat_map(|row| (8..12).map(move |col| row * 16 + col))
        .collect();
    assert_eq!(of("weight", "d"), columns);
}

#[test]
fn networks_without_units_compute_what_masked_ones_do() {
    let graph = small();
    let class = unit_classes(&graph).unwrap().remove(0);
    let full: BTreeMap<_, _> = parameters(&graph).into_iter().collect();
    let mut masks = WeightMasks::new();
    for unit in [1, 3] {
        for (id, elements) in &class.elements[unit] {
            let new = || train::WeightMask::full(full[id].len());
            let mask = masks.entry(id.clone()).or_insert_with(new);
            elements
                .iter()
                .for_each(|&at| mask.kept[at as usize] = false);
        }
    }
    let cut = without_units(&graph, &masks).unwrap();
    assert_eq!(cut.shape(cut.find("c").unwrap()), [2, 4, 4]);
    let sample: Vec<f64> = (0..16).map(f64::from).collect();
    let [found, expected] = [&cut, &masked(&graph, &masks)]
        .map(|graph| evaluate(graph, std::slice::from_ref(&sample)).unwrap());
    assert_eq!(found, expected);
}

#[test]
fn removing_units_costs_what_the_pruned_network_costs() {
    let model = mlp();
    let pricer = Pricer::new(&model, &Options::default()).unwrap();
    let importance: BTreeMap<_, Vec<f64>> = parameters(&model.graph)
        .into_iter()
        .map(|(id, values)| (id, values.map(|v| v * v).values().to_vec()))
        .collect();
    let curves = unit_options(&pricer, &model.graph, &importance).unwrap();
    assert_eq!(curves.len(), 1);
    let choices = &curves[0].choices;
    assert!(choices.len() > 2);
    let last = choices.last().unwrap();
    let pruned = masked(&model.graph, &last.masks);
    let priced = pricer.price_culled(&pruned).unwrap();
    assert_eq!((priced.us, priced.rotations), (last.us, last.rotations));
    let cut = without_units(&model.graph, &last.masks).unwrap();
    assert_eq!(pricer.price_in_place(&cut).unwrap().us, last.us);
    assert!(last.us < 0.9 * choices[0].us);
}
