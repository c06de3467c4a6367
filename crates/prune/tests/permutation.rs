//! Co-permutation against exhaustive search, and the tile sparsity that it reaches.

mod networks;

use networks::{Random, chain};
use privet::extend::Graph;
use privet::passes::co_permute_layers::masks::Masks;
use privet::passes::co_permute_layers::tiles::empty_tiles;
use privet::passes::util::axes::Axes;
use privet_prune::engine::{Change, Pruned};
use privet_prune::hepex::{Criterion, Permute, Prune, Scope, TileShape, Tiles};
use train::{WeightMask, WeightMasks};

fn empty(pruned: &Pruned, tiles: TileShape) -> usize {
    Tiles::new(&pruned.graph, tiles)
        .unwrap()
        .empty(pruned)
        .dropped
}

/// Masks that keep each weight with a chance.
fn randomly_masked(graph: Graph, kept: f64, seed: u64) -> Pruned {
    let mut random = Random(seed);
    let pruned = Pruned::new(graph);
    let mut mask = |len: usize| WeightMask {
        kept: (0..len).map(|_| random.uniform() < kept).collect(),
    };
    let weights = pruned.weights().into_iter();
    let masks: WeightMasks = weights.map(|(id, w)| (id, mask(w.len()))).collect();
    pruned.with_masks(masks).unwrap()
}

/// All ways to split units into pairs.
fn pairings(left: &[u32]) -> Vec<Vec<u32>> {
    let Some((&first, others)) = left.split_first() else {
        return vec![Vec::new()];
    };
    let with = |k: usize| {
        let mut rest = others.to_vec();
        let partner = rest.remove(k);
        let pairs = pairings(&rest).into_iter();
        pairs.map(move |pairs| [&[first, partner][..], &pairs].concat())
    };
    (0..others.len()).flat_map(with).collect()
}

/// Empty tiles of the best of all orders.
fn brute_force(pruned: &Pruned) -> usize {
    let axes = Axes::new(&pruned.graph);
    let masks = Masks::by_position(&pruned.graph, &axes);
    let tiles = vec![2; masks.sizes.len()];
    let mut all: Vec<Vec<Vec<u32>>> = vec![Vec::new()];
    for &n in &masks.sizes {
        let orders = pairings(&(0..n as u32).collect::<Vec<_>>());
        let with = |before: &Vec<Vec<u32>>| {
            let before = before.clone();
            let add = move |order: &Vec<u32>| [&before[..], std::slice::from_ref(order)].concat();
            orders.iter().map(add).collect::<Vec<_>>()
        };
        all = all.iter().flat_map(with).collect();
    }
    let empty = all
        .iter()
        .map(|orders| empty_tiles(&masks, &tiles, orders).0);
    empty.max().unwrap()
}

#[test]
fn between_the_start_and_the_best_of_all_orders() {
    let mut reached = 0;
    for seed in 0..6 {
        // 54 of 88 weights gone, as in the published example.
        let pruned = randomly_masked(chain(&[6, 4, 8, 4], 0.0, seed), 34.0 / 88.0, seed);
        let permuted = Permute { tiles: [2, 2] }.apply(pruned.clone()).unwrap();
        let [before, after] = [&pruned, &permuted].map(|p| empty(p, [2, 2]));
        let best = brute_force(&pruned);
        assert!(before <= after && after <= best, "{before} {after} {best}");
        reached += usize::from(after == best);
    }
    assert!(reached >= 3, "the best was reached {reached} times of 6");
}

#[test]
fn never_worse_than_leaving_units_where_they_are() {
    for seed in 0..8 {
        let tiles = [[2, 4], [4, 2], [3, 5], [16, 1]][seed as usize % 4];
        let kept = [0.02, 0.3, 0.9, 1.0][seed as usize / 2];
        let pruned = randomly_masked(chain(&[16, 12, 10], 0.0, seed), kept, seed);
        let permuted = Permute { tiles }.apply(pruned.clone()).unwrap();
        assert!(empty(&permuted, tiles) >= empty(&pruned, tiles));
        let again = Permute { tiles }.apply(pruned).unwrap();
        assert_eq!(again.masks, permuted.masks);
    }
}

/// Tile sparsity of the auto-encoder in percent, with 90 % of the weights pruned.
fn pruned_autoencoder(skew: f64) -> Pruned {
    let prune = Prune {
        criterion: Criterion::Weights,
        scope: Scope::Local,
        fraction: 0.9,
        convolutions: 0.0,
        tiles: [1, 1],
    };
    let graph = chain(&[784, 256, 64, 256, 784], skew, 1);
    prune.apply(Pruned::new(graph)).unwrap()
}

fn sparsity(pruned: &Pruned, tiles: TileShape) -> f64 {
    100.0
        * Tiles::new(&pruned.graph, tiles)
            .unwrap()
            .empty(pruned)
            .share()
}

#[test]
fn pruned_weights_alone_empty_as_many_tiles_as_chance_and_skew_make() {
    // Shares in percent of a reference implementation, for weights without skew and with 0.7.
    let table = [
        ([4, 4], [19.0, 32.2]),
        ([4, 8], [3.8, 15.9]),
        ([8, 8], [0.1, 4.6]),
        ([16, 16], [0.0, 0.0]),
    ];
    let networks = [0.0, 0.7].map(pruned_autoencoder);
    for (tiles, reference) in table {
        for (network, reference) in networks.iter().zip(reference) {
            let found = sparsity(network, tiles);
            assert!(
                (found - reference).abs() < 2.0,
                "{tiles:?}: {found}, {reference}"
            );
        }
    }
}

#[test]
fn permuted_skewed_weights_empty_most_tiles() {
    let tiles = [4, 4];
    let permuted = Permute { tiles }.apply(pruned_autoencoder(0.7)).unwrap();
    let found = sparsity(&permuted, tiles);
    assert!((found - 70.2).abs() < 2.0, "{found} % of the tiles");
}
