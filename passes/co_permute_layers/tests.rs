use super::masks::{Mask, Masks};
use super::tiles::{Orders, clustered, empty_tiles, gather};
use super::{CoPermuteLayers, diagonals};
use crate::util::axes::Axes;
use ::graph::{Graph, Op, Values, evaluate, parse};
use pass::{Changed, Packing, Pass, PassCx, Settings};

struct Random(u64);

impl Random {
    /// Uniform in 0..1, by splitmix.
    fn uniform(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) >> 11) as f64 / (1u64 << 53) as f64
    }

    fn normal(&mut self) -> f64 {
        let radius = (-2.0 * (1.0 - self.uniform()).ln()).sqrt();
        radius * (std::f64::consts::TAU * self.uniform()).cos()
    }
}

/// A chain of layers whose smallest weights are gone; neurons differ by log-normal factors of deviation `skew`.
fn chain(sizes: &[usize], skew: f64, sparsity: f64, seed: u64) -> Masks {
    let mut random = Random(seed);
    let mut factors =
        |n: &usize| -> Vec<f64> { (0..*n).map(|_| (skew * random.normal()).exp()).collect() };
    let neurons: Vec<Vec<f64>> = sizes.iter().map(&mut factors).collect();
    let layer = |(k, pair): (usize, &[Vec<f64>])| {
        let (v, u) = (&pair[0], &pair[1]);
        let mut weights: Vec<(f64, u32, u32)> = Vec::new();
        for (row, u) in u.iter().enumerate() {
            for (col, v) in v.iter().enumerate() {
                weights.push((u * v * random.normal().abs(), row as u32, col as u32));
            }
        }
        weights.sort_by(|a, b| a.0.total_cmp(&b.0));
        let gone = (sparsity * weights.len() as f64) as usize;
        let entries = weights[gone..]
            .iter()
            .map(|&(_, row, col)| (row, col))
            .collect();
        Mask {
            rows: k + 1,
            cols: k,
            entries,
        }
    };
    Masks {
        sizes: sizes.to_vec(),
        phases: (0..sizes.len()).map(|k| k % 2).collect(),
        masks: neurons.windows(2).enumerate().map(layer).collect(),
        classes: (0..sizes.len()).collect(),
    }
}

fn identity(masks: &Masks) -> Orders {
    masks
        .sizes
        .iter()
        .map(|&n| (0..n as u32).collect())
        .collect()
}

/// Tile sparsity in percent: as it comes, after clustering, after swaps.
fn sparsity(masks: &Masks, grid: [usize; 2]) -> [f64; 3] {
    let tiles: Vec<usize> = masks.phases.iter().map(|&p| grid[p]).collect();
    let movable = vec![true; tiles.len()];
    let start = identity(masks);
    let share = |orders: &Orders| {
        let (empty, total) = empty_tiles(masks, &tiles, orders);
        100.0 * empty as f64 / total as f64
    };
    let (clusters, _) = clustered(masks, &tiles, start.clone(), &movable);
    let best = gather(masks, &tiles, start.clone(), &movable);
    for order in &best {
        let mut sorted = order.clone();
        sorted.sort_unstable();
        assert!(
            sorted.into_iter().eq(0..order.len() as u32),
            "a permutation"
        );
    }
    [share(&start), share(&clusters), share(&best)]
}

#[test]
fn an_autoencoder_reaches_the_tile_sparsity_of_its_weights_skew() {
    let sizes = [784, 256, 64, 256, 784];
    // Grid, skew, share of zeros; tile sparsity of a reference implementation before, after clustering, after swaps.
    let table = [
        ([4, 8], 0.0, 0.90, [3.8, 11.1, 18.0]),
        ([4, 8], 0.7, 0.90, [15.9, 62.2, 66.6]),
        ([8, 8], 0.7, 0.90, [4.6, 59.4, 64.0]),
    ];
    for (grid, skew, zeros, reference) in table {
        let found = sparsity(&chain(&sizes, skew, zeros, 1), grid);
        assert!(
            (found[0] - reference[0]).abs() < 1.5,
            "the same kind of network: {found:?}"
        );
        assert!(
            found[2] >= reference[1],
            "no worse than clustering: {found:?}"
        );
        assert!(
            found[2] >= reference[2] - 1.5,
            "about as good as with swaps: {found:?}"
        );
        assert!(found[0] <= found[1] && found[1] <= found[2]);
    }
}

#[test]
fn no_better_than_the_best_of_all_orders() {
    for seed in 0..20 {
        let masks = chain(&[4, 8], 0.5, 0.6, seed);
        let tiles = [2, 2];
        let start = identity(&masks);
        let found = empty_tiles(
            &masks,
            &tiles,
            &gather(&masks, &tiles, start.clone(), &[true, true]),
        )
        .0;
        let best = pairings(4)
            .into_iter()
            .flat_map(|a| pairings(8).into_iter().map(move |b| vec![a.clone(), b]))
            .map(|orders| empty_tiles(&masks, &tiles, &orders).0)
            .max()
            .unwrap();
        assert!(
            found <= best && found >= empty_tiles(&masks, &tiles, &start).0,
            "seed {seed}"
        );
        assert!(
            found + 1 >= best,
            "seed {seed}: {found} of {best} empty tiles"
        );
    }
}

/// All ways to split units into pairs.
fn pairings(n: u32) -> Vec<Vec<u32>> {
    fn rest(left: Vec<u32>) -> Vec<Vec<u32>> {
        let Some((&first, others)) = left.split_first() else {
            return vec![Vec::new()];
        };
        let with = |k: usize| {
            let mut left = others.to_vec();
            let pair = [first, left.remove(k)];
            rest(left)
                .into_iter()
                .map(move |tail| [&pair[..], &tail].concat())
        };
        (0..others.len()).flat_map(with).collect()
    }
    rest((0..n).collect())
}

#[test]
fn a_class_that_stays_stays() {
    let masks = chain(&[16, 16, 16], 0.7, 0.8, 3);
    let orders = gather(&masks, &[4, 4, 4], identity(&masks), &[false, true, false]);
    assert_eq!(
        [&orders[0], &orders[2]],
        [&identity(&masks)[0], &identity(&masks)[2]]
    );
}

/// A chain of layers of diagonals `0..kept`, its units shuffled.
fn shuffled(n: usize, kept: usize) -> String {
    let order = |seed: usize| -> Vec<usize> { (0..n).map(|k| (k * seed + 3) % n).collect() };
    let (hidden, out) = (order(5), order(3));
    let dense = |rows: &[usize], cols: &dyn Fn(usize) -> usize| -> String {
        let row = |&r: &usize| {
            let cell = |c: usize| {
                if (r..r + kept).contains(&cols(c)) {
                    ((r + 2 * c) % 7 + 1).to_string()
                } else {
                    "0".to_owned()
                }
            };
            format!("[{}]", (0..n).map(cell).collect::<Vec<_>>().join(", "))
        };
        format!("[{}]", rows.iter().map(row).collect::<Vec<_>>().join(", "))
    };
    let zeros = vec!["0"; n].join(", ");
    format!(
        "graph \"g\" {{
         %0 \"x\" = input -> [{n}]
         %1 \"a\" = dense %0 weight {} bias [{zeros}]
         %2 \"s\" = polynomial %1 power [0, 0, 1]
         %3 \"b\" = dense %2 weight {} bias [{zeros}]
         return %3\n}}",
        dense(&hidden, &|c| c),
        dense(&out, &|c| hidden[c])
    )
}

fn run(graph: &mut Graph, pass: CoPermuteLayers) -> (Changed, Vec<String>) {
    let settings = Settings::default();
    let mut cx = PassCx::new(&settings);
    let changed = pass.run(graph, &mut cx).unwrap();
    (changed, cx.notes().to_vec())
}

fn results(graph: &Graph) -> Values {
    let n = graph.n_elements(graph.inputs()[0]);
    let x: Values = (0..n).map(|k| (k as f64 * 0.7).sin()).collect();
    evaluate(graph, &[x]).unwrap().remove(0)
}

#[test]
fn shuffled_diagonals_are_found_again() {
    let before = parse(&shuffled(16, 3)).unwrap();
    let mut after = before.clone();
    let (changed, _) = run(&mut after, CoPermuteLayers::default());
    assert_eq!(changed, Changed::Yes);
    after.verify().unwrap();
    let gap = results(&before)
        .iter()
        .zip(results(&after))
        .map(|(a, b)| (a - b).abs())
        .fold(0.0, f64::max);
    assert!(gap < 1e-9, "results moved by {gap}");
    assert_eq!(run(&mut after, CoPermuteLayers::default()).0, Changed::No);
    assert!(
        after
            .order()
            .iter()
            .any(|&id| matches!(after.node(id).op, Op::Select(_))),
        "the client reorders"
    );
}

#[test]
fn what_is_kept_is_never_dearer() {
    let settings = Settings::default();
    for seed in 0..6 {
        for zeros in [0.5, 0.9, 0.99] {
            let masks = chain(&[48, 32, 16], 0.5, zeros, seed);
            let start = identity(&masks);
            let (_, before, after) = diagonals::gather(&masks, start, &[true; 3], &settings);
            assert!(after <= before);
        }
    }
}

#[test]
fn dense_weights_stay() {
    let mut graph = parse(
        "graph \"g\" {
         %0 \"x\" = input -> [2]
         %1 \"a\" = dense %0 weight [[1, 2], [3, 4]] bias [0, 0]
         return %1\n}",
    )
    .unwrap();
    assert_eq!(run(&mut graph, CoPermuteLayers::default()).0, Changed::No);
}

#[test]
fn tiles_are_an_option() {
    let before = parse(&shuffled(16, 3)).unwrap();
    let mut after = before.clone();
    let _ = run(
        &mut after,
        CoPermuteLayers {
            tiles: Some([4, 4]),
        },
    );
    after.verify().unwrap();
    let gap = results(&before)
        .iter()
        .zip(results(&after))
        .map(|(a, b)| (a - b).abs())
        .fold(0.0, f64::max);
    assert!(gap < 1e-9, "results moved by {gap}");
    let mut graph = before.clone();
    let settings = Settings::default();
    let refusal = CoPermuteLayers {
        tiles: Some([0, 4]),
    }
    .run(&mut graph, &mut PassCx::new(&settings));
    assert!(refusal.is_err());
}

#[test]
fn tiles_that_a_packing_asks_for_are_gathered_with_either_size_first() {
    let packed = |sizes: Vec<u32>| Settings {
        packing: Packing::Tile(Some(sizes)),
        ..Settings::default()
    };
    let before = parse(&shuffled(16, 2)).unwrap();
    let empty = |graph: &Graph| {
        let masks = Masks::new(graph, &Axes::new(graph));
        let with = |grid: [usize; 2]| {
            let tiles: Vec<usize> = masks.phases.iter().map(|&p| grid[p]).collect();
            empty_tiles(&masks, &tiles, &identity(&masks)).0
        };
        with([2, 4]).max(with([4, 2]))
    };
    let settings = packed(vec![2, 4, 1]);
    let mut after = before.clone();
    let mut cx = PassCx::new(&settings);
    let pass = CoPermuteLayers::default();
    assert_eq!(pass.run(&mut after, &mut cx).unwrap(), Changed::Yes);
    assert!(empty(&after) > empty(&before));
    let mut again = after.clone();
    let mut cx = PassCx::new(&settings);
    let _ = pass.run(&mut again, &mut cx).unwrap();
    assert!(empty(&again) >= empty(&after), "what is gathered stays so");
}
