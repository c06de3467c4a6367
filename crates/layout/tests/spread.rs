//! Counts of networks whose values have copies: each chain planned as a whole, every plan run on plain vectors.
//!
//! Counts are results: they may fall, with a line saying why, but never rise.

mod common;
#[path = "common/shapes.rs"]
mod shapes;

use common::run;
use privet_layout::{
    ConvGeometry, Diagonals, Periodic, PlanCosts, PlanOptions, SparseMatrix, spread_chain,
};
use shapes::{dense, feature_map, pool, random, square};

/// Copies chosen along a chain: `rotations products`.
fn spread(tensors: &[Periodic], matrices: &[SparseMatrix]) -> String {
    let costs = PlanCosts {
        c_mul: 1e-3,
        ..PlanCosts::default()
    };
    let options = PlanOptions {
        costs,
        ..PlanOptions::default()
    };
    let pairs = matrices.iter().zip(tensors.windows(2));
    let layers: Vec<Diagonals<'_>> = pairs
        .map(|(matrix, at)| Diagonals::new(matrix, &at[0], &at[1]).expect("diagonals"))
        .collect();
    let found = spread_chain(&layers, true, &options, f64::INFINITY).expect("layouts");
    let (chosen, cost) = found.expect("a path");
    let (mut rotations, mut products) = (0, 0);
    for ((matrix, at), layer) in matrices.iter().zip(chosen.windows(2)).zip(&layers) {
        let made = layer.outline(&at[0], &at[1], &options, f64::INFINITY);
        let plan = layer.fill(made.expect("layouts fit").expect("a plan"));
        run(matrix, &plan, 7);
        rotations += plan.counts.rotations();
        products += plan.counts.plain_products;
    }
    assert!((cost - rotations as f64 - products as f64 * 1e-3).abs() < 1e-6);
    format!("{rotations} {products}")
}

/// Fully connected networks with copies of the input from the client and of what layers write.
#[test]
fn spread_dense() {
    let net = |sizes: &[u32], n_slots| {
        let tensors: Vec<Periodic> = sizes
            .iter()
            .map(|&n| Periodic::vector(n, n_slots))
            .collect();
        let layers = sizes.windows(2).map(|pair| dense(pair[1], pair[0]));
        spread(&tensors, &layers.collect::<Vec<_>>())
    };
    assert_eq!(net(&[784, 128, 10], 4096), "23 42");
    assert_eq!(net(&[784, 128, 10], 8192), "21 32");
    assert_eq!(net(&[784, 128, 10], 16384), "20 24");
    assert_eq!(net(&[784, 32, 784], 4096), "21 39");
    assert_eq!(net(&[784, 32, 784], 8192), "20 36");
    assert_eq!(net(&[784, 128, 128, 10], 4096), "41 132");
    assert_eq!(net(&[784, 128, 128, 10], 8192), "38 106");
    assert_eq!(net(&[784, 128, 128, 10], 16384), "36 80");
    assert_eq!(net(&[784, 256, 64, 256, 784], 4096), "76 385");
    assert_eq!(net(&[784, 256, 64, 256, 784], 8192), "68 282");
}

/// Convolutional networks in frames of 32x32.
#[test]
fn spread_convolutions() {
    let lola = |conv: ConvGeometry, n_slots| {
        let map = feature_map(&conv, 2, 32, n_slots);
        let image = Periodic::image(1, 28, 28, (1, 1), (32, 32), n_slots);
        let first = dense(100, map.n_elements);
        let vectors = [100, 10].map(|n| Periodic::vector(n, n_slots));
        let [hidden, output] = vectors;
        spread(
            &[image, map, hidden, output],
            &[random(&conv), first, dense(10, 100)],
        )
    };
    assert_eq!(lola(square([1, 5], 28, 2, 2, 0), 4096), "33 92");
    assert_eq!(lola(square([1, 5], 28, 2, 2, 0), 8192), "31 61");
    assert_eq!(lola(square([1, 5], 28, 5, 2, 1), 4096), "39 122");
    assert_eq!(lola(square([1, 5], 28, 5, 2, 1), 8192), "38 102");
}

/// LoLA and CryptoNets with the image cut into planes by the convolution's stride, in frames of their size.
#[test]
fn spread_planes() {
    let net = |conv: ConvGeometry, n_slots| {
        let image = Periodic::planes([1, 28, 28], (2, 2), (1, 1), (14, 14), n_slots);
        let map = feature_map(&conv, 1, 14, n_slots);
        let first = dense(100, map.n_elements);
        let [hidden, output] = [100, 10].map(|n| Periodic::vector(n, n_slots));
        spread(
            &[image, map, hidden, output],
            &[random(&conv), first, dense(10, 100)],
        )
    };
    let lola = [4096, 8192, 16384].map(|n| net(square([1, 5], 28, 2, 2, 0), n));
    let cryptonets = [4096, 8192, 16384].map(|n| net(square([1, 5], 28, 5, 2, 1), n));
    assert_eq!(lola, ["28 56", "25 40", "24 32"]);
    assert_eq!(cryptonets, ["38 116", "34 78", "32 68"]);
}

/// LeNet-5 and the LeNet with strided convolutions, see [`lenet5`] and [`lenet`]; frames of 32x32, or the image cut into
/// planes in frames of 16x16.
#[test]
fn spread_lenets() {
    let frame = |phases| 32 / phases;
    let image = |phases, n_slots| {
        let frame = (frame(phases), frame(phases));
        Periodic::planes([1, 28, 28], (phases, phases), (1, 1), frame, n_slots)
    };
    let map = |conv: &ConvGeometry, phases: u32, stride: u32, n_slots| {
        let (height, width) = conv.out_size();
        let shape = [conv.out_channels, height, width];
        let (cut, gap) = if phases >= stride {
            (phases / stride, 1)
        } else {
            (1, stride / phases)
        };
        let frame = (frame(phases), frame(phases));
        Periodic::planes(shape, (cut, cut), (gap, gap), frame, n_slots)
    };
    let lenet5 = |phases, n_slots| {
        let (first, second) = (square([1, 6], 28, 5, 1, 2), square([6, 16], 14, 5, 1, 0));
        let [a, b, c] = [120, 84, 10].map(|n| Periodic::vector(n, n_slots));
        let maps = [(&first, 1), (&second, 2)];
        let [near, far] = maps.map(|(conv, stride)| map(conv, phases, stride, n_slots));
        let matrices = [
            random(&first),
            random(&second).product(&pool(6, 28)),
            dense(120, 400).product(&pool(16, 10)),
            dense(84, 120),
            dense(10, 84),
        ];
        spread(&[image(phases, n_slots), near, far, a, b, c], &matrices)
    };
    assert_eq!(lenet5(1, 4096), "128 1275");
    assert_eq!(lenet5(1, 8192), "105 766");
    assert_eq!(lenet5(2, 4096), "122 1129");
    assert_eq!(lenet5(2, 8192), "103 693");
    let lenet = |phases, n_slots| {
        let (first, second) = (square([1, 32], 28, 5, 2, 2), square([32, 64], 14, 5, 2, 2));
        let [hidden, output] = [512, 10].map(|n| Periodic::vector(n, n_slots));
        let maps = [(&first, 2), (&second, 4)];
        let [near, far] = maps.map(|(conv, stride)| map(conv, phases, stride, n_slots));
        let matrices = [
            random(&first),
            random(&second),
            dense(512, far.n_elements),
            dense(10, 512),
        ];
        spread(
            &[image(phases, n_slots), near, far, hidden, output],
            &matrices,
        )
    };
    assert_eq!(lenet(1, 4096), "148 1952");
    assert_eq!(lenet(1, 8192), "119 1240");
    assert_eq!(lenet(2, 4096), "137 1752");
    assert_eq!(lenet(2, 8192), "115 1140");
}
