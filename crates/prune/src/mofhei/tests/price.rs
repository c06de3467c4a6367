use super::super::price::select::select;
use super::super::*;
use super::networks::{Net, apply_masks, lenet};
use privet::extend::{CostTable, Graph, Params, ParamsSpec};
use privet::operations;
use std::collections::BTreeMap;
use train::{ParameterId, parameters};

/// The square of each weight.
fn squares(graph: &Graph) -> BTreeMap<ParameterId, Vec<f64>> {
    let of = |t: &privet::extend::Tensor| t.values().iter().map(|w| w * w).collect();
    parameters(graph)
        .iter()
        .map(|(p, t)| (p.clone(), of(t)))
        .collect()
}

#[test]
fn the_price_of_a_selection_is_the_count_of_the_culled_network() {
    let graph = lenet([6, 16, 30, 20]);
    let prices = Prices::published(&graph).expect("known");
    let before = operations(&graph).expect("known").total() as f64;
    assert_eq!(prices.total(&graph, &Default::default()), before);
    for target in [0.3, 0.6, 0.9] {
        let (masks, saved) = select(&graph, &squares(&graph), &prices, target).expect("it fits");
        assert!(saved >= target * before && saved < before);
        let culled = culled_operations(&graph, &masks).expect("it culls");
        let after = culled.expect("known").total();
        assert_eq!(after as f64, before - saved);
    }
}

#[test]
fn padded_taps_pay_for_the_positions_they_meet() {
    let graph = Net::new(&[1, 4, 4])
        .conv(2, 3, 1, 1)
        .square()
        .dense(2)
        .build();
    let prices = Prices::published(&graph).expect("known");
    let first = &prices.weights[&ParameterId::weight("n1")][..9];
    let corner = 2.0 * 9.0;
    assert_eq!((first[0], first[1], first[4]), (corner, 24.0, 32.0));
    let counted = operations(&graph).expect("known").total() as f64;
    assert_eq!(prices.total(&graph, &Default::default()), counted);
}

#[test]
fn a_unit_goes_for_its_activation_where_that_is_dear() {
    let graph = Net::new(&[4])
        .dense(6)
        .square()
        .dense(5)
        .square()
        .dense(2)
        .build();
    // Every neuron has one weight too important to lose on either side, and the others are cheap.
    let important = |node: &str, k: usize| match node {
        "n1" => k % 4 == (k / 4) % 4,
        "n3" => k < 6 || k.is_multiple_of(6),
        _ => true,
    };
    let of = |p: &ParameterId, n: usize| -> Vec<f64> {
        let each = |k| if important(&p.node, k) { 100.0 } else { 1.0 };
        (0..n).map(each).collect()
    };
    let all = parameters(&graph);
    let importance = all
        .iter()
        .map(|(p, t)| (p.clone(), of(p, t.len())))
        .collect();
    let lost = |activation: f64| {
        let mut prices = Prices::published(&graph).expect("known");
        prices.elements.insert("n2".to_owned(), activation);
        let masks = select_by_price(&graph, &importance, &prices, 0.1).expect("it fits");
        let dropped = |node: &str| {
            let mask = masks.get(&ParameterId::weight(node));
            mask.map_or(0, |m| m.kept.len() - m.n_kept())
        };
        let biases = masks.get(&ParameterId::new("n1", "bias"));
        let neurons = biases.map_or(0, |m| m.kept.len() - m.n_kept());
        (neurons, dropped("n1") + dropped("n3"))
    };
    // A tenth of 139 operations is seven weights; of 6133, one neuron with its 4 + 5 weights.
    assert_eq!(lost(1.0), (0, 7));
    assert_eq!(lost(1000.0), (1, 9));
}

#[test]
fn measured_prices_follow_levels_and_positions() {
    let graph = lenet([6, 16, 30, 20]);
    let params = Params::new(ParamsSpec {
        log_n: 14,
        chain_bits: [vec![45], vec![36; 9]].concat(),
        special_bits: vec![48],
        digits: vec![1; 10],
        scale_bits: 36,
    });
    let params = params.expect("sound");
    let prices = Prices::measured(&graph, &CostTable::default(), &params).expect("known");
    let weight = |node: &str| prices.weights[&ParameterId::weight(node)][0];
    // The first convolution's weights pay 784 times, eight levels above the classifier's.
    assert!(weight("n1") > 2.0 * 784.0 * weight("n12"));
    assert!(prices.elements["n2"] > 2.0 * prices.elements["n11"]);
    let total = prices.total(&graph, &Default::default());
    let masks = select_by_price(&graph, &squares(&graph), &prices, 0.5).expect("it fits");
    let culled = cull(&apply_masks(&graph, &masks)).expect("it culls");
    let left = prices.total(&culled, &Default::default());
    assert!(left <= 0.5 * total, "{left} of {total}");
}
