//! HE-PEx on networks made from seeds.

mod networks;

use networks::{chain, largest_gap, parse_network};
use privet::extend::Graph;
use privet_prune::PruneError;
use privet_prune::engine::{Change, Dropped, Pruned, Step, run};
use privet_prune::hepex::{
    AlmostZero, Criterion, Expand, HePex, Permute, Prune, Rank, Scheme, Scope, SecondPrune, Tiles,
};
use train::{ParameterId, WeightMask, WeightMasks, parameters, set_parameter};

const SCHEMES: [&str; 8] = [
    "P2", "P2T-min", "P2T-max", "P2T-mean", "P3", "P3E", "P4", "P4E",
];

fn empty(pruned: &Pruned, tiles: [usize; 2]) -> Dropped {
    Tiles::new(&pruned.graph, tiles).unwrap().empty(pruned)
}

/// No training, so that only the steps are seen.
fn as_it_is(graph: Graph, _: &WeightMasks) -> Result<Graph, PruneError> {
    Ok(graph)
}

/// Every weight that is kept becomes another one.
fn moved(mut graph: Graph, masks: &WeightMasks) -> Result<Graph, PruneError> {
    for (id, tensor) in parameters(&graph) {
        let values: Vec<f64> = tensor.values().iter().map(|v| v * 1.1 + 1e-3).collect();
        let kept = masks.get(&id).map(|mask| mask.apply(&values));
        assert!(set_parameter(&mut graph, &id, kept.unwrap_or(values)));
    }
    Ok(graph)
}

#[test]
fn tiles_of_the_autoencoder_are_counted() {
    let graph = chain(&[784, 256, 64, 256, 784], 0.0, 1);
    let shapes = [([4, 4], 27_136), ([4, 8], 13_568), ([8, 8], 6_784)];
    for (shape, n) in [([16, 16], 1_696)].into_iter().chain(shapes) {
        assert_eq!(Tiles::new(&graph, shape).unwrap().n_tiles(), n);
    }
}

#[test]
fn every_weight_is_in_one_tile_of_its_size() {
    let graph = chain(&[6, 4, 8, 4], 0.0, 1);
    let tiles = Tiles::new(&graph, [2, 2]).unwrap();
    assert_eq!(tiles.n_tiles(), 22);
    let n_weights: usize = tiles.layers.iter().map(|l| l.tile_of.len()).sum();
    assert_eq!(n_weights, 88);
    assert_eq!(tiles.layers[0].members()[1], [2, 3, 8, 9]);
    for layer in &tiles.layers {
        assert!(layer.members().iter().all(|members| members.len() == 4));
    }
}

#[test]
fn convolutions_have_tiles_per_tap_and_flattened_images_per_pixel() {
    let graph = parse_network(
        "%0 \"x\" = input -> [1, 4, 4]
         %1 \"c1\" = conv %0 out 4 kernel 1x1 stride 1,1 weight [[[[1]]], [[[2]]], [[[3]]], [[[4]]]] bias [0, 0, 0, 0]
         %2 \"c2\" = conv %1 out 2 kernel 2x2 stride 2,2 weight WEIGHTS bias [0, 0]
         %3 \"f\" = reshape %2 -> [8]
         %4 \"fc\" = dense %3 weight [[1, 2, 3, 4, 5, 6, 7, 8], [1, 2, 3, 4, 5, 6, 7, 8]] bias [0, 0]
         return %4",
        &["c2"],
    );
    let tiles = Tiles::new(&graph, [2, 2]).unwrap();
    let counts: Vec<usize> = tiles.layers.iter().map(|l| l.n_tiles).collect();
    // 4 filters of one channel; 4 taps of 2 x 4 channels; 2 units of 2 channels for each of 4 pixels.
    assert_eq!(counts, [2, 4 * 2, 4]);
    assert_eq!(tiles.layers[2].members()[0], [0, 4, 8, 12]);
    assert!(tiles.layers[1].is_convolution && !tiles.layers[2].is_convolution);
}

#[test]
fn shares_are_pruned_by_layer_or_over_all() {
    let graph = chain(&[16, 8, 4], 0.5, 3);
    for (criterion, scope) in [
        (Criterion::Weights, Scope::Local),
        (Criterion::Random { seed: 5 }, Scope::Global),
        (Criterion::Tiles(Rank::Mean), Scope::Global),
        (Criterion::Tiles(Rank::Max), Scope::Local),
        (Criterion::Tiles(Rank::Min), Scope::Local),
    ] {
        let prune = Prune {
            criterion,
            scope,
            fraction: 0.5,
            convolutions: 0.0,
            tiles: [2, 2],
        };
        let pruned = prune.apply(Pruned::new(graph.clone())).unwrap();
        let all = pruned.dropped_weights();
        assert_eq!((all.dropped, all.total), (80, 160), "{criterion:?}");
        if scope == Scope::Local {
            let kept: Vec<usize> = pruned.masks.values().map(WeightMask::n_kept).collect();
            assert_eq!(kept, [64, 16], "{criterion:?}");
        }
        for (id, values) in pruned.weights() {
            assert_eq!(WeightMask::of(&values), pruned.masks[&id], "{criterion:?}");
        }
        let biases = |graph: &Graph| -> Vec<_> {
            let all = parameters(graph).into_iter();
            all.filter(|(id, _)| id.word == "bias").collect()
        };
        assert_eq!(biases(&pruned.graph), biases(&graph));
        let again = prune.apply(Pruned::new(graph.clone())).unwrap();
        assert_eq!(again.masks, pruned.masks);
    }
}

#[test]
fn the_least_weights_go_first_and_ties_by_index() {
    let graph = parse_network(
        "%0 \"x\" = input -> [4]
         %1 \"fc\" = dense %0 weight [[1, -3, 2, 1], [1, 4, -1, 5]] bias [0, 0]
         return %1",
        &[],
    );
    let prune = |criterion| {
        let change = Prune {
            criterion,
            scope: Scope::Local,
            fraction: 0.25,
            convolutions: 0.0,
            tiles: [1, 2],
        };
        let pruned = change.apply(Pruned::new(graph.clone())).unwrap();
        pruned.weights().remove(0).1
    };
    let weights = prune(Criterion::Weights);
    assert_eq!(weights, [0.0, -3.0, 2.0, 0.0, 1.0, 4.0, -1.0, 5.0]);
    // Columns are cut by 1, rows by 2.
    let tiles = prune(Criterion::Tiles(Rank::Mean));
    assert_eq!(tiles, [0.0, -3.0, 2.0, 1.0, 0.0, 4.0, -1.0, 5.0]);
    let tiles = prune(Criterion::Tiles(Rank::Max));
    assert_eq!(tiles, [0.0, -3.0, 2.0, 1.0, 0.0, 4.0, -1.0, 5.0]);
    let tiles = prune(Criterion::Tiles(Rank::Min));
    assert_eq!(tiles, [0.0, -3.0, 2.0, 1.0, 0.0, 4.0, -1.0, 5.0]);
}

#[test]
fn permuted_networks_compute_the_same_and_keep_their_names() {
    for (graph, tiles) in networks::various() {
        let prune = Prune {
            criterion: Criterion::Weights,
            scope: Scope::Local,
            fraction: 0.7,
            convolutions: 0.6,
            tiles,
        };
        let pruned = prune.apply(Pruned::new(graph)).unwrap();
        let permuted = Permute { tiles }.apply(pruned.clone()).unwrap();
        permuted.graph.verify().unwrap();
        let name = &pruned.graph.name;
        let gap = largest_gap(&pruned.graph, &permuted.graph);
        assert!(gap < 1e-9, "{name} moved by {gap}");
        let (before, after) = (empty(&pruned, tiles), empty(&permuted, tiles));
        assert!(
            after.dropped > before.dropped,
            "{name}: {before:?} {after:?}"
        );
        assert_eq!(before.total, after.total, "{name}");
        let names = |pruned: &Pruned| -> Vec<ParameterId> {
            let mut all: Vec<_> = parameters(&pruned.graph).into_iter().map(|p| p.0).collect();
            all.sort();
            all
        };
        assert_eq!(names(&pruned), names(&permuted), "{name}");
        assert_eq!(pruned.dropped_weights(), permuted.dropped_weights());
    }
}

#[test]
fn almost_zero_tiles_go_by_density_or_by_rank() {
    let graph = chain(&[32, 32, 16], 0.5, 2);
    let tiles = [4, 4];
    let pruned = HePex::new(Scheme::P3, tiles, 0.8)
        .run(graph, &mut as_it_is)
        .unwrap()
        .0;
    let second = |which| SecondPrune { which, tiles }.apply(pruned.clone()).unwrap();
    let (held, total) = {
        let Dropped { dropped, total } = empty(&pruned, tiles);
        (total - dropped, total)
    };
    let by_density = second(AlmostZero::MaxDensity(1.0 / 16.0));
    for layer in Tiles::new(&by_density.graph, tiles).unwrap().layers {
        let kept = layer.kept(&by_density.masks[&layer.parameter]);
        let before = layer.kept(&pruned.masks[&layer.parameter]);
        for (now, before) in kept.into_iter().zip(before) {
            assert_eq!(now, if before <= 1 { 0 } else { before });
        }
    }
    let fraction = 0.25;
    let scope = Scope::Global;
    let by_rank = second(AlmostZero::Fraction { fraction, scope });
    let gone = (0.25 * held as f64).round() as usize;
    assert_eq!(empty(&by_rank, tiles).dropped, total - held + gone);
}

#[test]
fn expansion_leaves_the_tiles_in_use() {
    for seed in 0..4 {
        let tiles = [4, 2];
        let graph = chain(&[24, 32, 16], 0.6, seed);
        let (pruned, _) = HePex::new(Scheme::P4, tiles, 0.8)
            .run(graph, &mut moved)
            .unwrap();
        let expanded = Expand { tiles }.apply(pruned.clone()).unwrap();
        assert!(expanded.dropped_weights().dropped < pruned.dropped_weights().dropped);
        for layer in Tiles::new(&pruned.graph, tiles).unwrap().layers {
            let kept = |p: &Pruned| layer.kept(&p.masks[&layer.parameter]);
            let sizes: Vec<u32> = layer.members().iter().map(|m| m.len() as u32).collect();
            for ((before, after), size) in kept(&pruned).into_iter().zip(kept(&expanded)).zip(sizes)
            {
                assert_eq!(after, if before > 0 { size } else { 0 });
            }
        }
        assert_eq!(pruned.weights(), expanded.weights());
    }
}

#[test]
fn every_scheme_runs_and_reports_its_steps() {
    let tiles = [4, 4];
    for text in SCHEMES {
        let scheme: Scheme = text.parse().unwrap();
        assert_eq!(scheme.to_string(), text);
        let graph = chain(&[32, 24, 16], 0.5, 7);
        let hepex = HePex::new(scheme, tiles, 0.8);
        let (pruned, reports) = hepex.run(graph.clone(), &mut moved).unwrap();
        let (again, _) = hepex.run(graph, &mut moved).unwrap();
        assert_eq!(pruned.masks, again.masks, "{text}: one seed, one answer");
        assert_eq!(pruned.weights(), again.weights(), "{text}");
        let names: Vec<&str> = reports.iter().map(|r| r.name.as_str()).collect();
        let want: &[&str] = match text {
            "P2" => &["prune weights", "retrain"],
            "P3" => &["prune weights", "retrain", "permute"],
            "P3E" => &["prune weights", "retrain", "permute", "expand", "retrain"],
            "P4" => &[
                "prune weights",
                "retrain",
                "permute",
                "prune almost-zero tiles",
                "retrain",
            ],
            "P4E" => &[
                "prune weights",
                "retrain",
                "permute",
                "prune almost-zero tiles",
                "expand",
                "retrain",
            ],
            _ => &["prune tiles", "retrain"],
        };
        assert_eq!(names, want);
        let last = reports.last().unwrap();
        assert_eq!(last.groups, empty(&pruned, tiles));
        let growing = reports
            .windows(2)
            .all(|pair| pair[0].groups.dropped <= pair[1].groups.dropped);
        assert!(growing, "{text}: {reports:?}");
    }
    assert!("P5".parse::<Scheme>().is_err());
}

#[test]
fn tiles_in_use_of_a_scheme_are_those_of_its_expansion() {
    for (plain, expanded) in [(Scheme::P3, Scheme::P3E), (Scheme::P4, Scheme::P4E)] {
        let of = |scheme| {
            let graph = chain(&[32, 24, 16], 0.5, 9);
            let hepex = HePex::new(scheme, [4, 8], 0.8);
            hepex.run(graph, &mut moved).unwrap().1.pop().unwrap()
        };
        let (plain, expanded) = (of(plain), of(expanded));
        assert_eq!(plain.groups, expanded.groups);
        assert!(expanded.weights.dropped < plain.weights.dropped);
    }
}

#[test]
fn retraining_that_ignores_masks_revives_nothing() {
    let graph = chain(&[16, 8, 4], 0.0, 1);
    let mut careless = |graph, _: &WeightMasks| moved(graph, &WeightMasks::new());
    let (pruned, _) = HePex::new(Scheme::P2, [2, 2], 0.75)
        .run(graph, &mut careless)
        .unwrap();
    for (id, values) in pruned.weights() {
        assert_eq!(WeightMask::of(&values), pruned.masks[&id]);
    }
}

#[test]
fn what_can_not_be_pruned_says_why() {
    let graph = chain(&[16, 8], 0.0, 1);
    let fault = |fraction, tiles| {
        let hepex = HePex::new(Scheme::P4E, tiles, fraction);
        let made = hepex.run(graph.clone(), &mut as_it_is);
        made.map(|_| ()).unwrap_err().to_string()
    };
    assert_eq!(
        fault(1.5, [2, 2]),
        "the share of weights to prune is 1.5, expected a share from 0 to 1"
    );
    assert_eq!(
        fault(0.5, [0, 2]),
        "the tile shape is 0x2, expected two sizes of at least 1"
    );
    let bare = parse_network("%0 \"x\" = input -> [4]\n return %0", &[]);
    let nothing = HePex::new(Scheme::P2, [2, 2], 0.5).run(bare, &mut as_it_is);
    assert!(nothing.unwrap_err().to_string().contains("no weights"));
    let foreign = WeightMasks::from([(ParameterId::weight("elsewhere"), WeightMask::full(3))]);
    assert!(Pruned::new(graph.clone()).with_masks(foreign).is_err());
    let failing = run::<PruneError>(
        graph,
        &[Step::Retrain],
        &|_| Ok(Dropped::default()),
        &mut |_, _| {
            Err(PruneError::NoWeights {
                network: "g".to_owned(),
            })
        },
    );
    assert!(failing.is_err());
}
