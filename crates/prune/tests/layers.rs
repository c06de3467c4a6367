//! Curves of layers of a trained network.

use privet::extend::Graph;
use privet::prelude::{Model, Options};
use privet_prune::aligned::{Choice, Error, Family, Pricer, groups, layers, options};
use std::collections::BTreeMap;
use train::{ParameterId, parameters, set_parameter};

fn model(name: &str) -> Model {
    let root = concat!(env!("CARGO_MANIFEST_DIR"), "/../../examples/models/");
    Model::import(format!("{root}{name}.onnx")).unwrap()
}

fn squares(graph: &Graph) -> BTreeMap<ParameterId, Vec<f64>> {
    let all = parameters(graph).into_iter();
    all.map(|(id, values)| (id, values.map(|v| v * v).values().to_vec()))
        .collect()
}

fn masked(graph: &Graph, choices: &[&Choice]) -> Graph {
    let mut masked = graph.clone();
    for (id, values) in parameters(graph) {
        let mask = choices.iter().find_map(|choice| choice.masks.get(&id));
        if let Some(mask) = mask {
            assert!(set_parameter(&mut masked, &id, mask.apply(values.values())));
        }
    }
    masked
}

#[test]
fn what_a_choice_costs_is_what_the_pruned_network_costs() {
    for name in ["mlp_784_128_10", "ae_784_32_784"] {
        let model = model(name);
        let pricer = Pricer::new(&model, &Options::default()).unwrap();
        let dense = pricer.price(&model.graph).unwrap();
        let curves = options(&pricer, &model.graph, &squares(&model.graph)).unwrap();
        assert_eq!(curves.len(), 2, "{name}");
        for (curve, layer) in curves.iter().zip(&dense.layers) {
            let first = &curve.choices[0];
            assert_eq!((first.us, first.lost), (layer.us, 0.0));
            let falls = |pair: &[Choice]| pair[0].us > pair[1].us && pair[0].lost <= pair[1].lost;
            assert!(curve.choices.windows(2).all(falls), "{name} {}", curve.name);
        }
        for share in [4, 2] {
            let chosen = curves
                .iter()
                .map(|curve| &curve.choices[curve.choices.len() / share]);
            let chosen: Vec<&Choice> = chosen.collect();
            let expected: u64 = chosen.iter().map(|choice| choice.rotations).sum();
            let priced = pricer.price(&masked(&model.graph, &chosen)).unwrap();
            // Layouts are chosen anew, and may be cheaper.
            assert!(
                priced.rotations <= expected,
                "{name}: {} of {expected}",
                priced.rotations
            );
            assert!(
                priced.rotations + 3 >= expected,
                "{name}: {} of {expected}",
                priced.rotations
            );
        }
    }
}

#[test]
fn a_baby_is_spared_only_where_all_its_cells_are_empty() {
    let model = model("mlp_784_128_10");
    let pricer = Pricer::new(&model, &Options::default()).unwrap();
    let layer = layers(&pricer, &model.graph).unwrap().remove(0);
    let baby = layer.cells.iter().map(|cell| cell.baby).max().unwrap();
    let column: Vec<_> = layer
        .cells
        .iter()
        .filter(|cell| cell.baby == baby)
        .collect();
    assert!(column.len() > 1);
    let weight = parameters(&model.graph);
    let (id, values) = weight.iter().find(|(id, _)| *id == layer.weight).unwrap();
    let babies_without = |n: usize| {
        let mut values = values.values().to_vec();
        let dropped = column[..n].iter().flat_map(|cell| &cell.weights);
        dropped.for_each(|&w| values[w as usize] = 0.0);
        let mut graph = model.graph.clone();
        assert!(set_parameter(&mut graph, id, values));
        pricer.price_in_place(&graph).unwrap().layers[0].counts
    };
    let (all, some, none) = (
        babies_without(0),
        babies_without(column.len() - 1),
        babies_without(column.len()),
    );
    assert_eq!(some.rotations(), all.rotations());
    assert_eq!(none.rotations() + 1, all.rotations());
    assert!(some.plain_products < all.plain_products);
}

#[test]
fn importances_of_another_length_are_refused() {
    let model = model("mlp_784_128_10");
    let pricer = Pricer::new(&model, &Options::default()).unwrap();
    let short = BTreeMap::from([(ParameterId::weight("/0/Gemm"), vec![1.0; 3])]);
    let error = options(&pricer, &model.graph, &short).unwrap_err();
    assert!(
        matches!(error, Error::Importance { found: 3, .. }),
        "{error}"
    );
    let said = "the importance of /0/Gemm.weight has 3 values, expected 100352";
    assert_eq!(error.to_string(), said);
}

#[test]
fn groups_hold_every_weight_and_count_every_rotation() {
    let model = model("mlp_784_128_10");
    let pricer = Pricer::new(&model, &Options::default()).unwrap();
    let priced = pricer.price_in_place(&model.graph).unwrap();
    let layers = layers(&pricer, &model.graph).unwrap();
    let groups = groups(&pricer, &layers);
    for (layer, price) in layers.iter().zip(&priced.layers) {
        let of = |family| {
            let own = |group: &&_| {
                let group: &privet_prune::aligned::Group = group;
                group.family == family && group.layer == price.name
            };
            groups.iter().filter(own).collect::<Vec<_>>()
        };
        let paid = |family| of(family).iter().filter(|group| !group.exempt).count() as u64;
        assert_eq!(paid(Family::Baby), price.counts.babies);
        assert_eq!(paid(Family::Giant), price.counts.giants);
        assert_eq!(paid(Family::Cell), price.counts.plain_products);
        for family in [Family::Baby, Family::Giant] {
            let members = of(family).into_iter().flat_map(|group| &group.members[0].1);
            let mut all: Vec<u32> = members.copied().collect();
            all.sort_unstable();
            all.dedup();
            assert_eq!(all.len(), layer.n_weights);
        }
    }
}
