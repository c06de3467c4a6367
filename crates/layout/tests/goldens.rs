//! Counts of known layers, every plan also run on plain vectors.
//!
//! Counts are results: they may fall, with a line saying why, but never rise.
//! Each layer reads `diagonals babies/giants/collapse`; a network ends with `= rotations, products`.

mod common;
#[path = "common/shapes.rs"]
mod shapes;

use common::run;
use privet_layout::{ConvGeometry, LinearPlan, Periodic, PlanOptions, SparseMatrix, plan_linear};
use shapes::{dense, feature_map, pool, random, square};

/// A chain of linear layers, each reading what the one before wrote.
struct Net {
    at: Periodic,
    plans: Vec<LinearPlan>,
}

impl Net {
    fn new(input: Periodic) -> Self {
        let plans = Vec::new();
        Self { at: input, plans }
    }

    /// A 28x28 image in a frame of its own size or larger.
    fn image(frame: u32, n_slots: u32) -> Self {
        Self::new(Periodic::image(1, 28, 28, (1, 1), (frame, frame), n_slots))
    }

    fn layer(mut self, matrix: &SparseMatrix, output: Periodic) -> Self {
        let options = PlanOptions::default();
        let plan = plan_linear(matrix, &self.at, &output, &options).expect("a plan");
        run(matrix, &plan, 7);
        self.at = plan.output.clone();
        self.plans.push(plan);
        self
    }

    fn dense(self, rows: u32) -> Self {
        let (cols, n_slots) = (self.at.n_elements, self.at.n_slots);
        self.layer(&dense(rows, cols), Periodic::vector(rows, n_slots))
    }

    /// A convolution that keeps the frame; its output has the given gap.
    fn conv(self, geometry: &ConvGeometry, gap: u32, frame: u32) -> Self {
        let output = feature_map(geometry, gap, frame, self.at.n_slots);
        self.layer(&random(geometry), output)
    }

    fn rotations(&self) -> u64 {
        self.plans.iter().map(|plan| plan.counts.rotations()).sum()
    }

    fn text(&self) -> String {
        let layer = |plan: &LinearPlan| {
            let counts = plan.counts;
            let (diagonals, collapse) = (counts.diagonals_total, counts.collapse);
            format!("{diagonals} {}/{}/{collapse}", counts.babies, counts.giants)
        };
        let layers: Vec<String> = self.plans.iter().map(layer).collect();
        let products: u64 = self
            .plans
            .iter()
            .map(|plan| plan.counts.plain_products)
            .sum();
        format!("{} = {}, {products}", layers.join(", "), self.rotations())
    }
}

/// A full set of `n` diagonals costs `min_a (a + ceil(n/a) - 2)`.
#[test]
fn full_sets() {
    let expected = [
        (8, 4),
        (10, 5),
        (16, 6),
        (32, 10),
        (64, 14),
        (100, 18),
        (128, 21),
        (256, 30),
        (512, 44),
        (784, 54),
        (1024, 62),
        (2048, 89),
        (4096, 126),
    ];
    for (n, rotations) in expected {
        let row = (0..n).map(|col| (0, col, 1.0));
        let net = Net::new(Periodic::vector(8192, 8192));
        let layout = net.at.clone();
        let net = net.layer(&SparseMatrix::from_triplets(8192, 8192, row), layout);
        assert_eq!(net.rotations(), rotations, "{n} diagonals");
    }
}

/// No split of `n` consecutive diagonals takes fewer than that, and ours takes no more.
#[test]
fn full_sets_of_any_size() {
    for n in 1..=128 {
        let row = (0..n).map(|col| (0, col, 1.0));
        let net = Net::new(Periodic::vector(256, 256));
        let layout = net.at.clone();
        let net = net.layer(&SparseMatrix::from_triplets(256, 256, row), layout);
        let least = (1..=n).map(|a| a + n.div_ceil(a) - 2).min();
        assert_eq!(Some(net.rotations() as u32), least, "{n} diagonals");
    }
}

/// 784-128-128-10 from a plain periodic input: no shifted replicas, so the first layer pays 21 + 3.
#[test]
fn mlp() {
    let net = Net::new(Periodic::vector(784, 4096))
        .dense(128)
        .dense(128)
        .dense(10);
    assert_eq!(net.text(), "128 12/9/3, 128 12/9/0, 16 3/3/3 = 54, 272");
}

/// LoLA: 5@2x2/2, 100, 10. A 32x32 frame makes the channel blocks as long as the period, so diagonals merge.
#[test]
fn lola() {
    let net = |frame, n_slots| {
        let conv = square([1, 5], 28, 2, 2, 0);
        Net::image(frame, n_slots)
            .conv(&conv, 2, frame)
            .dense(100)
            .dense(10)
            .text()
    };
    for n_slots in [4096, 8192] {
        assert_eq!(net(28, n_slots), "13 4/2/0, 128 12/9/4, 16 3/3/3 = 40, 157");
        assert_eq!(net(32, n_slots), "9 2/2/0, 128 12/9/4, 16 3/3/3 = 38, 153");
    }
}

/// CryptoNets: 5@5x5/2 p1, 100, 10.
#[test]
fn cryptonets() {
    let net = |frame| {
        let conv = square([1, 5], 28, 5, 2, 1);
        Net::image(frame, 4096)
            .conv(&conv, 2, frame)
            .dense(100)
            .dense(10)
            .text()
    };
    assert_eq!(net(28), "61 10/5/0, 128 12/9/4, 16 3/3/3 = 49, 205");
    assert_eq!(net(32), "36 5/5/0, 128 12/9/4, 16 3/3/3 = 44, 180");
}

/// LeNet with strided convolutions: 32@5x5/2 p2, 64@5x5/2 p2, 512, 10. Splits with one digit leave 121 in the larger frame.
#[test]
fn lenet() {
    let net = |frame| {
        Net::image(frame, 8192)
            .conv(&square([1, 32], 28, 5, 2, 2), 2, frame)
            .conv(&square([32, 64], 14, 5, 2, 2), 4, frame)
            .dense(512)
            .dense(10)
            .text()
    };
    let expected = "288 17/15/0, 1649 51/38/1, 512 24/20/3, 16 3/3/5 = 180, 2465";
    assert_eq!(net(28), expected);
    let expected = "36 5/5/0, 676 25/25/1, 512 24/20/3, 16 3/3/5 = 119, 1240";
    assert_eq!(net(32), expected);
}

/// LeNet-5, average pooling folded into the layer after it: 6@5x5 p2, 16@5x5, 120, 84, 10.
/// Splits with one digit leave 109 at 8,192 slots and 131 at 4,096, where the first feature map takes two ciphertexts.
#[test]
fn lenet5() {
    let net = |frame, n_slots| {
        let second = square([6, 16], 14, 5, 1, 0);
        Net::image(frame, n_slots)
            .conv(&square([1, 6], 28, 5, 1, 2), 1, frame)
            .layer(
                &random(&second).product(&pool(6, 28)),
                feature_map(&second, 2, frame, n_slots),
            )
            .layer(
                &dense(120, 400).product(&pool(16, 10)),
                Periodic::vector(120, n_slots),
            )
            .dense(84)
            .dense(10)
    };
    assert_eq!(net(28, 8192).rotations(), 149);
    let expected = "25 4/4/0, 484 21/21/1, 128 12/9/5, 128 12/9/0, 16 3/3/3 = 107, 781";
    assert_eq!(net(32, 8192).text(), expected);
    let expected = "50 4/8/0, 968 30/32/0, 128 12/9/5, 128 12/9/0, 16 3/3/3 = 130, 1290";
    assert_eq!(net(32, 4096).text(), expected);
}

/// Rotations of one input that two plans both make.
fn shared(first: &Net, second: &Net) -> u64 {
    let [a, b] = [first, second].map(|net| &net.plans[0].plan.babies);
    let both = a.iter().zip(b).map(|(a, b)| {
        let common = a.iter().filter(|&k| *k != 0 && b.contains(k));
        common.count() as u64
    });
    both.sum()
}

/// ResNet-20 by kinds of layer: rotations, products. Splits with one digit need 11, 23, 11, 23, 42, 21, 37, 60, 14: 765 in
/// all from 16,384 slots on. The convolution and the shortcut at the head of a stage read one value, so that a circuit makes
/// the babies they have in common once.
#[test]
fn resnet20() {
    let net = |n_slots| {
        let image = Periodic::image(3, 32, 32, (1, 1), (32, 32), n_slots);
        let conv = |at: &Periodic, channels, size, kernel, stride, gap| {
            let geometry = square(channels, size, kernel, stride, kernel / 2);
            Net::new(at.clone()).conv(&geometry, gap, 32)
        };
        let stem = conv(&image, [3, 16], 32, 3, 1, 1);
        let stage1 = conv(&stem.at, [16, 16], 32, 3, 1, 1);
        let shortcut2 = conv(&stage1.at, [16, 32], 32, 1, 2, 2);
        let first2 = conv(&stage1.at, [16, 32], 32, 3, 2, 2);
        let stage2 = conv(&first2.at, [32, 32], 16, 3, 1, 2);
        let shortcut3 = conv(&stage2.at, [32, 64], 16, 1, 2, 4);
        let first3 = conv(&stage2.at, [32, 64], 16, 3, 2, 4);
        let stage3 = conv(&first3.at, [64, 64], 8, 3, 1, 4);
        let last = Net::new(stage3.at.clone()).dense(10);
        let common = shared(&shortcut2, &first2) + shared(&shortcut3, &first3);
        let layers = [
            (stem, 1),
            (stage1, 6),
            (shortcut2, 1),
            (first2, 1),
            (stage2, 5),
            (shortcut3, 1),
            (first3, 1),
            (stage3, 5),
            (last, 1),
        ];
        let total: u64 = layers
            .iter()
            .map(|(net, times)| times * net.rotations())
            .sum();
        (layers.map(|(net, _)| net.text()), total, total - common)
    };
    for n_slots in [16384, 32768] {
        let (layers, total, with_shared) = net(n_slots);
        assert_eq!(
            layers,
            [
                "36 5/5/0 = 10, 36",
                "144 11/11/0 = 22, 144",
                "32 7/3/1 = 11, 32",
                "128 15/7/1 = 23, 128",
                "392 27/13/0 = 40, 392",
                "100 9/9/1 = 19, 100",
                "324 17/17/1 = 35, 324",
                "900 29/29/0 = 58, 900",
                "16 3/3/8 = 14, 16",
            ]
        );
        assert_eq!((total, with_shared), (734, 725));
    }
    let (layers, total, with_shared) = net(8192);
    assert_eq!(
        layers,
        [
            "72 8/6/0 = 14, 72",
            "288 16/14/0 = 30, 288",
            "64 6/7/0 = 13, 64",
            "256 14/15/0 = 29, 256",
            "392 27/13/0 = 40, 392",
            "100 9/9/1 = 19, 100",
            "324 17/17/1 = 35, 324",
            "900 29/29/0 = 58, 900",
            "16 3/3/8 = 14, 16",
        ]
    );
    assert_eq!((total, with_shared), (794, 785));
}
