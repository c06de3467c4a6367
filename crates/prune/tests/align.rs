//! A network pruned to a target.

use privet::extend::{Graph, evaluate};
use privet::prelude::{Model, Options};
use privet_prune::aligned::{Aligned, Error, Importance, Pricer, align, align_layers};
use train::{parameters, set_parameter};

fn mlp() -> (Model, Pricer, Importance) {
    let root = concat!(env!("CARGO_MANIFEST_DIR"), "/../../examples/models/");
    let model = Model::import(format!("{root}mlp_784_128_10.onnx")).unwrap();
    let pricer = Pricer::new(&model, &Options::default()).unwrap();
    let all = parameters(&model.graph).into_iter();
    let squares = all.map(|(id, values)| (id, values.map(|v| v * v).values().to_vec()));
    let importance = squares.collect();
    (model, pricer, importance)
}

fn pruned(aligned: &Aligned) -> Graph {
    let mut graph = aligned.graph.clone();
    for (id, values) in parameters(&aligned.graph) {
        if let Some(mask) = aligned.masks.get(&id) {
            assert!(set_parameter(&mut graph, &id, mask.apply(values.values())));
        }
    }
    graph
}

#[test]
fn a_target_is_met_with_less_loss_by_more_means() {
    let (model, pricer, importance) = mlp();
    let whole = pricer.price(&model.graph).unwrap();
    let us = 0.7 * whole.us;
    let layers = align_layers(&pricer, &model.graph, &importance, us).unwrap();
    let both = align(&pricer, &model.graph, &importance, us).unwrap();
    for found in [&layers, &both] {
        assert!(found.us <= us && found.rotations < whole.rotations);
        let priced = pricer.price(&pruned(found)).unwrap();
        assert!(priced.us <= 1.02 * us, "{} of {us}", priced.us);
    }
    assert!(both.lost <= layers.lost);
}

#[test]
fn arranging_changes_no_result() {
    let (model, pricer, importance) = mlp();
    let us = 0.75 * pricer.price(&model.graph).unwrap().us;
    let found = align_layers(&pricer, &model.graph, &importance, us).unwrap();
    assert_ne!(parameters(&found.graph), parameters(&model.graph));
    let sample: Vec<f64> = (0..784).map(|i| f64::from(i % 17) / 17.0).collect();
    let results = [&model.graph, &found.graph].map(|graph| {
        evaluate(graph, std::slice::from_ref(&sample))
            .unwrap()
            .concat()
    });
    let pairs = results[0].iter().zip(&results[1]);
    let worst = pairs.map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
    assert!(worst < 1e-9, "{worst}");
}

#[test]
fn what_is_too_cheap_is_refused() {
    let (model, pricer, importance) = mlp();
    let refused = align(&pricer, &model.graph, &importance, 1.0);
    assert!(matches!(refused, Err(Error::Target { .. })));
}
