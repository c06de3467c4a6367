//! Convolutions, with and without pools folded into them.

use privet::extend::{Graph, Settings, graph};
use privet::prelude::Packing;
use privet_prune::aligned::{Pricer, layers, options};
use std::collections::BTreeMap;
use train::{parameters, set_parameter};

/// A convolution, and one that a pool is folded into.
fn network() -> Graph {
    let number = |k: usize| (k * 37 % 101) as f64 / 101.0 + 0.1;
    let kernels = |filters: usize, channels: usize| {
        let tap = |at: usize| format!("[{}, {}, {}]", number(at), number(at + 1), number(at + 2));
        let kernel = |at: usize| format!("[{}, {}, {}]", tap(at), tap(at + 3), tap(at + 6));
        let filter = |f: usize| {
            let of = (0..channels).map(|c| kernel((f * channels + c) * 9));
            format!("[{}]", of.collect::<Vec<_>>().join(", "))
        };
        (0..filters).map(filter).collect::<Vec<_>>().join(", ")
    };
    let text = format!(
        "graph \"g\" {{
         %0 \"x\" = input -> [1, 12, 12]
         %1 \"a\" = conv %0 out 2 kernel 3x3 stride 1,1 weight [{}] bias [0, 1]
         %2 \"s\" = polynomial %1 power [0, 0, 1]
         %3 \"p\" = avg_pool %2 kernel 2x2 stride 2,2
         %4 \"b\" = conv %3 out 4 kernel 3x3 stride 1,1 weight [{}] bias [0, 1, 2, 3]
         return %4
         }}",
        kernels(2, 1),
        kernels(4, 2)
    );
    graph::parse(&text).unwrap()
}

fn pricer() -> Pricer {
    Pricer::with(Settings {
        log_n: 13,
        packing: Packing::Diagonal,
        ..Settings::default()
    })
}

#[test]
fn entries_are_made_of_the_taps_that_reach_them() {
    let layers = layers(&pricer(), &network()).unwrap();
    let [first, pooled] = &layers[..] else {
        panic!("{} layers", layers.len())
    };
    assert!(first.made_of.iter().all(|weights| weights.len() == 1));
    assert_eq!(first.made_of.len(), 2 * 100 * 9);
    // A pooled pixel lies in one window: each entry has one tap, each tap four entries per output.
    assert!(pooled.made_of.iter().all(|weights| weights.len() == 1));
    let mut entries = pooled.numbered.entries();
    let (row, col, number) = entries.find(|&(row, ..)| row == 2 * 9 + 4).unwrap();
    // Filter 2 at (1, 1) of 3 x 3; its first window begins at pooled (1, 1), pixel (2, 2).
    assert_eq!((row, col), (22, 2 * 10 + 2));
    assert_eq!(pooled.made_of[number as usize - 1], [2 * 2 * 9]);
    assert_eq!(pooled.made_of.len(), 4 * 9 * 2 * 9 * 4);
}

#[test]
fn a_choice_costs_what_the_masked_convolution_costs() {
    let (graph, pricer) = (network(), pricer());
    let all = parameters(&graph).into_iter();
    let squares = all.map(|(id, values)| (id, values.map(|v| v * v).values().to_vec()));
    let importance: BTreeMap<_, Vec<f64>> = squares.collect();
    let curves = options(&pricer, &graph, &importance).unwrap();
    assert_eq!(curves.len(), 2);
    for (at, curve) in curves.iter().enumerate() {
        assert!(curve.choices.len() > 4, "{}", curve.name);
        for choice in &curve.choices {
            let mut masked = graph.clone();
            for (id, values) in parameters(&graph) {
                if let Some(mask) = choice.masks.get(&id) {
                    assert!(set_parameter(&mut masked, &id, mask.apply(values.values())));
                }
            }
            let priced = pricer.price_in_place(&masked).unwrap();
            let ratio = priced.layers[at].us / choice.us;
            assert!(ratio < 1.001, "{}: {ratio} at {}", curve.name, choice.us);
        }
        let (first, last) = (&curve.choices[0], curve.choices.last().unwrap());
        assert!(last.us < first.us / 2.0, "{}", curve.name);
    }
}
