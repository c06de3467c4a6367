//! Prices from plans against prices of finished circuits.

use privet::extend::Graph;
use privet::prelude::{Model, Options, Packing};
use privet_prune::aligned::{Error, Pricer};
use train::{ParameterId, parameters, set_parameter};

fn model(name: &str) -> Model {
    let root = concat!(env!("CARGO_MANIFEST_DIR"), "/../../examples/models/");
    Model::import(format!("{root}{name}.onnx")).unwrap()
}

/// Milliseconds that the finished circuit is predicted to take.
fn compiled_ms(model: &Model, options: &Options) -> f64 {
    let compiler = privet::passes::standard();
    let compiled = privet::compile(model, options, &compiler, &mut |_, _, _, _| {}).unwrap();
    compiled.report.time.unwrap().predicted_ms.unwrap()
}

/// The graph with those weights of a layer that `keep` chooses by row and column.
fn masked(graph: &Graph, layer: &str, keep: impl Fn(usize, usize) -> bool) -> Graph {
    let mut graph = graph.clone();
    let id = ParameterId::weight(layer);
    let (_, tensor) = parameters(&graph)
        .into_iter()
        .find(|(at, _)| *at == id)
        .unwrap();
    let width = tensor.shape()[1];
    let values = tensor.values().iter().enumerate();
    let values = values.map(|(i, &v)| if keep(i / width, i % width) { v } else { 0.0 });
    assert!(set_parameter(&mut graph, &id, values.collect()));
    graph
}

#[test]
fn prices_are_near_those_of_circuits() {
    for name in ["mlp_784_128_10", "ae_784_32_784", "lola", "cryptonets"] {
        let (model, options) = (model(name), Options::default());
        let priced = Pricer::new(&model, &options)
            .unwrap()
            .price(&model.graph)
            .unwrap();
        let ratio = priced.us / 1000.0 / compiled_ms(&model, &options);
        assert!((0.85..1.15).contains(&ratio), "{name}: {ratio}");
        let of_layers: f64 = priced.layers.iter().map(|layer| layer.us).sum();
        assert!(of_layers <= priced.us, "{name}");
    }
}

#[test]
fn pruned_networks_rank_as_their_circuits_do() {
    let model = model("mlp_784_128_10");
    let first = "/0/Gemm";
    let variants = [
        model.graph.clone(),
        masked(&model.graph, first, |row, _| row < 96),
        masked(&model.graph, first, |row, col| {
            (col + 1024 - row) % 128 < 64
        }),
        masked(&model.graph, first, |row, _| row < 64),
        masked(&model.graph, first, |row, col| {
            (col + 1024 - row) % 128 < 16
        }),
    ];
    let pricer = Pricer::new(&model, &Options::default()).unwrap();
    let log_n = Some(pricer.settings().log_n);
    let options = Options {
        log_n,
        ..Options::default()
    };
    let pairs = variants.map(|graph| {
        let us = pricer.price(&graph).unwrap().us;
        (
            us / 1000.0,
            compiled_ms(&Model::from_graph(graph), &options),
        )
    });
    for (i, a) in pairs.iter().enumerate() {
        for b in &pairs[..i] {
            let same = (a.0 < b.0) == (a.1 < b.1) || (a.1 / b.1 - 1.0).abs() < 0.02;
            assert!(same, "{pairs:?}");
        }
    }
}

#[test]
fn the_batch_layout_has_no_plans() {
    let options = Options {
        packing: Packing::Batch,
        ..Options::default()
    };
    let made = Pricer::new(&model("ae_784_32_784"), &options);
    assert!(matches!(made, Err(Error::NoPlans { .. })));
}
