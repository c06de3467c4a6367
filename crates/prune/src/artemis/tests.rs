use super::*;
use crate::mofhei::Score;
use privet::extend::graph::Op;
use privet::extend::layout::ConvGeometry;
use privet::extend::{Graph, Tensor};
use rand_chacha::ChaCha8Rng;
use rand_core::{Rng, SeedableRng};
use train::{ParameterId, WeightMasks};

/// Image side, kernel, channels read and written, of each convolution of a residual network on 32 x 32 images.
fn resnet(widths: &[usize], blocks: usize, shortcuts: bool) -> Vec<(usize, usize, usize, usize)> {
    let (mut side, mut channels) = (32, widths[0]);
    let mut layers = vec![(side, 3, 3, channels)];
    for (stage, &width) in widths.iter().enumerate() {
        for block in 0..blocks {
            let halves = stage > 0 && block == 0;
            layers.push((side, 3, channels, width));
            if halves && shortcuts {
                layers.push((side, 1, channels, width));
            }
            if halves {
                side /= 2;
            }
            layers.push((side, 3, width, width));
            channels = width;
        }
    }
    layers
}

fn packing((side, kernel, i, o): (usize, usize, usize, usize), n_slots: usize) -> ChannelPacking {
    ChannelPacking::new((i, o), (kernel, kernel), (side, side), n_slots).expect("a channel fits")
}

fn dense_total(layers: &[(usize, usize, usize, usize)], n_slots: usize) -> Rotations {
    let each = layers.iter().map(|l| packing(*l, n_slots).dense());
    each.fold(Rotations::default(), Rotations::plus)
}

#[test]
fn residual_networks_rotate_as_counted_by_the_rules() {
    let resnet18 = resnet(&[64, 128, 256, 512], 2, true);
    let resnet20 = resnet(&[16, 32, 64], 3, false);
    let golden = [
        (&resnet18, 4096, [2256, 4376, 42_656, 5078, 412_800]),
        (&resnet18, 8192, [1128, 4584, 23_492, 3532, 206_418]),
        (&resnet18, 32_768, [288, 4730, 6564, 1865, 52_306]),
        (&resnet20, 16_384, [208, 656, 768, 691, 7362]),
    ];
    for (layers, n_slots, wanted) in golden {
        let r = dense_total(layers, n_slots);
        let found = [r.positional, r.combined, r.per_block, r.bsgs, r.products];
        assert_eq!(found, wanted, "{n_slots} slots");
    }
    let error = ChannelPacking::new((1, 1), (3, 3), (64, 64), 4096).expect_err("66 x 66");
    assert_eq!(
        error.to_string(),
        "a channel takes 8192 slots, found 4096, expected at least as many"
    );
}

#[test]
fn masks_without_zeros_count_as_the_formulas_say() {
    for layer in resnet(&[16, 32, 64], 3, true) {
        for n_slots in [4096, 16_384, 65_536] {
            let packing = packing(layer, n_slots);
            let all = Occupied::new(packing, vec![true; packing.len()]);
            assert_eq!(
                all.rotations(),
                packing.dense(),
                "{layer:?}, {n_slots} slots"
            );
            let none = Occupied::new(packing, vec![false; packing.len()]);
            assert_eq!(none.rotations(), Rotations::default());
        }
    }
}

#[test]
fn a_network_counts_its_convolutions_under_masks() {
    let mut graph = Graph::new("net");
    let shape = vec![3, 32, 32];
    let mut at = graph.add("x", Op::Input { shape }, &[]).expect("an input");
    let layers = [(32, 3, 3, 16), (32, 3, 16, 32)];
    for (k, (side, kernel, i, o)) in layers.into_iter().enumerate() {
        let (side, kernel) = (side as u32, kernel as u32);
        let geometry = ConvGeometry {
            in_channels: i as u32,
            in_height: side,
            in_width: side,
            out_channels: o as u32,
            kernel: (kernel, kernel),
            stride: (1, 1),
            pad: [1; 4],
            dilation: (1, 1),
            groups: 1,
        };
        let weight = Tensor::filled(&[o, i, 3, 3], 1.0);
        let bias = Tensor::zeros(&[o]);
        let op = Op::Conv {
            geometry,
            weight,
            bias,
        };
        at = graph.add(&format!("n{k}"), op, &[at]).expect("it fits");
    }
    graph.set_outputs(&[at]);
    let whole = network_rotations(&graph, &WeightMasks::new(), 16_384).expect("it fits");
    assert_eq!(whole, dense_total(&layers, 16_384));
    assert_eq!(whole.without_bsgs(), whole.positional + whole.combined);
    let layer = (Scope::Layer, 0.5);
    let positional = group_masks(&graph, 16_384, Grouping::Positional, layer, &Score::l2());
    let pruned = network_rotations(&graph, &positional.expect("it fits"), 16_384).expect("it fits");
    assert!(pruned.positional < whole.positional && pruned.combined == whole.combined);
    let shared = group_masks(
        &graph,
        16_384,
        Grouping::DiagonalShared,
        layer,
        &Score::l2(),
    );
    let pruned = network_rotations(&graph, &shared.expect("it fits"), 16_384).expect("it fits");
    assert!(pruned.positional == whole.positional && pruned.combined < whole.combined);
}

/// Two input and two output blocks of eight channels, one tap.
fn small() -> ChannelPacking {
    let packing = ChannelPacking::new((16, 16), (1, 1), (1, 1), 8).expect("it fits");
    assert_eq!((packing.blocks_in(), packing.blocks_out()), (2, 2));
    packing
}

/// Rotations with four babies once some places are empty.
fn without(packing: ChannelPacking, empty: impl Fn(Place) -> bool) -> usize {
    let kept = (0..packing.len()).map(|k| !empty(packing.place(k)));
    Occupied::new(packing, kept).bsgs(4)
}

#[test]
fn a_baby_goes_when_every_block_row_lets_it_go() {
    let packing = small();
    let all = without(packing, |_| false);
    assert_eq!(all, 2 * 3 + 2);
    let baby = |p: Place| p.block_in == 0 && p.diagonal % 4 == 1;
    assert_eq!(without(packing, |p| baby(p) && p.block_out == 0), all);
    assert_eq!(without(packing, baby), all - 1);
    // Giants are shared the other way round: over input blocks.
    let giant = |p: Place| p.block_out == 1 && p.diagonal >= 4;
    assert_eq!(without(packing, |p| giant(p) && p.block_in == 0), all);
    assert_eq!(without(packing, giant), all - 1);
}

#[test]
fn each_rule_has_its_own_group() {
    let packing = ChannelPacking::new((4, 4), (3, 3), (4, 4), 128).expect("it fits");
    assert_eq!(packing.channels, 2);
    let full = packing.dense();
    let without = |empty: &dyn Fn(Place) -> bool| {
        let kept = (0..packing.len()).map(|k| !empty(packing.place(k)));
        Occupied::new(packing, kept).rotations()
    };
    let tap = without(&|p| p.block_in == 1 && p.tap == 0);
    assert_eq!(tap.positional, full.positional - 1);
    assert_eq!(
        (tap.per_block, tap.combined),
        (full.per_block, full.combined)
    );
    let cell = |p: Place| (p.block_out, p.block_in, p.diagonal) == (0, 1, 1);
    let one = without(&cell);
    assert_eq!(one.per_block, full.per_block - 1);
    assert_eq!(
        (one.positional, one.combined),
        (full.positional, full.combined)
    );
    let row = without(&|p| p.block_out == 0 && p.diagonal == 1);
    assert_eq!(row.per_block, full.per_block - 2);
    assert_eq!(row.combined, full.combined - 1);
}

#[test]
fn groups_partition_the_weight() {
    let packing = ChannelPacking::new((4, 6), (3, 3), (4, 4), 128).expect("it fits");
    let parameter = ParameterId::weight("n1");
    for (grouping, n) in [
        (Grouping::Filter, 6),
        (Grouping::Positional, 2 * 9),
        (Grouping::DiagonalPerBlock, 3 * 2 * 2),
        (Grouping::DiagonalShared, 2),
    ] {
        let found = groups(&packing, &parameter, grouping);
        assert_eq!(found.len(), n, "{grouping:?}");
        let mut all: Vec<u32> = found.into_iter().flat_map(|g| g.members).collect();
        all.sort_unstable();
        assert_eq!(all, (0..packing.len() as u32).collect::<Vec<u32>>());
    }
}

/// `0..n` in random order.
fn shuffled(n: usize, rng: &mut ChaCha8Rng) -> Vec<usize> {
    let mut order: Vec<usize> = (0..n).collect();
    for last in (1..n).rev() {
        let k = (u64::from(rng.next_u32()) * (last as u64 + 1)) >> 32;
        order.swap(last, k as usize);
    }
    order
}

const N: usize = 64;
const BLOCKS: usize = 4;

/// Rotations of 4 x 4 blocks of 64 channels under kept diagonals by block.
fn diagonals_kept(kept: impl Fn(usize, usize) -> bool, baby: usize) -> usize {
    let channels = N * BLOCKS;
    let packing = ChannelPacking::new((channels, channels), (1, 1), (1, 1), N).expect("it fits");
    let kept = (0..packing.len()).map(|e| {
        let place = packing.place(e);
        kept(place.block_out * BLOCKS + place.block_in, place.diagonal)
    });
    Occupied::new(packing, kept).bsgs(baby)
}

/// Mean and deviation of counts.
fn spread(counts: &[usize]) -> (f64, f64) {
    let n = counts.len() as f64;
    let counts = || counts.iter().map(|&c| c as f64);
    let mean = counts().sum::<f64>() / n;
    let squares: f64 = counts().map(|c| (c - mean).powi(2)).sum();
    (mean, (squares / (n - 1.0)).sqrt())
}

/// Holds counts to a rounded mean of as many: three deviations of the difference of two such means, and the rounding.
fn assert_near(counts: &[usize], golden: f64) {
    let (mean, deviation) = spread(counts);
    let tolerance = 0.5 + 3.0 * deviation * (2.0 / counts.len() as f64).sqrt();
    assert!(tolerance < 6.0, "deviation {deviation} says nothing");
    assert!(
        (mean - golden).abs() <= tolerance,
        "{mean} is not {golden} to {tolerance}"
    );
}

/// The same share of diagonals, chosen at random, spares very different numbers of rotations by how it is chosen.
#[test]
fn grouping_decides_how_many_rotations_go() {
    let mut rng = ChaCha8Rng::seed_from_u64(20);
    let golden = [
        (8, 56, [56.0, 56.0, 54.0], [56.0, 52.0, 33.0], [40, 32, 20]),
        (
            1,
            252,
            [236.0, 173.0, 83.0],
            [126.0, 63.0, 24.0],
            [124, 60, 20],
        ),
    ];
    for (baby, dense, per_block, shared, giants) in golden {
        assert_eq!(diagonals_kept(|_, _| true, baby), dense);
        for (column, n_kept) in [32, 16, 6].into_iter().enumerate() {
            let (mut apart, mut alike) = (Vec::new(), Vec::new());
            for _ in 0..20 {
                let ranks: Vec<Vec<usize>> = (0..BLOCKS * BLOCKS)
                    .map(|_| shuffled(N, &mut rng))
                    .collect();
                apart.push(diagonals_kept(|b, d| ranks[b][d] < n_kept, baby));
                alike.push(diagonals_kept(|_, d| ranks[0][d] < n_kept, baby));
            }
            assert_near(&apart, per_block[column]);
            assert_near(&alike, shared[column]);
            // Whole giants from the first on, so that what is kept shares its babies.
            assert_eq!(diagonals_kept(|_, d| d < n_kept, baby), giants[column]);
        }
    }
}

#[test]
fn blocks_layers_or_the_network_lose_the_share() {
    let mut graph = Graph::new("net");
    let x = graph.add("x", Op::Input { shape: vec![8] }, &[]);
    let mut at = x.expect("an input");
    for (name, factor) in [("a", 1.0), ("b", 100.0), ("c", 1.0)] {
        let values = (0..64).map(|k| factor * f64::from(k + 1)).collect();
        let weight = Tensor::new(&[8, 8], values).expect("64 values");
        let bias = Tensor::zeros(&[8]);
        at = graph
            .add(name, Op::Dense { weight, bias }, &[at])
            .expect("it fits");
    }
    graph.set_outputs(&[at]);
    let dropped = |grouping, scope| {
        let masks = group_masks(&graph, 4, grouping, (scope, 0.5), &Score::mean_abs());
        let masks = masks.expect("it fits");
        assert!(
            !masks.contains_key(&ParameterId::weight("c")),
            "the last dense layer"
        );
        ["a", "b"].map(|n| 64 - masks[&ParameterId::weight(n)].n_kept())
    };
    assert_eq!(dropped(Grouping::DiagonalPerBlock, Scope::Block), [32, 32]);
    assert_eq!(dropped(Grouping::Filter, Scope::Layer), [32, 32]);
    // One layer's weights are a hundred times the other's, which loses all filters but one.
    assert_eq!(dropped(Grouping::Filter, Scope::Network), [56, 0]);
    let lasso = lasso_groups(&graph, 4, Grouping::DiagonalPerBlock, 0.5).expect("it fits");
    // Two layers of four blocks with four diagonals of four weights.
    assert_eq!(lasso.len(), 2 * 4 * 4);
    assert!(
        lasso
            .iter()
            .all(|g| g.strength == 1.0 && g.members[0].1.len() == 4)
    );
}
