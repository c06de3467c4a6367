use super::super::*;
use super::networks::{Net, lenet};
use std::collections::BTreeMap;
use train::{ParameterId, Watch, parameters};

fn weight_of(graph: &privet::extend::Graph, node: &str) -> Vec<f64> {
    let wanted = ParameterId::weight(node);
    let mut all = parameters(graph).into_iter();
    let (_, tensor) = all.find(|(p, _)| *p == wanted).expect("a weight");
    tensor.values().to_vec()
}

#[test]
fn blocks_partition_every_matrix() {
    let graph = Net::new(&[3, 6, 6]).conv(4, 3, 1, 0).dense(5).build();
    let conv = &prunable(&graph)[0];
    assert_eq!((conv.rows, conv.cols, conv.taps), (27, 4, 9));
    let sized = Block::Sized { rows: 10, cols: 3 };
    for (block, n) in [
        (Block::Column, 4),
        (Block::Row, 27),
        (Block::Scalar, 108),
        (sized, 6),
    ] {
        let mut all: Vec<u32> = block.blocks(conv).concat();
        assert_eq!(block.blocks(conv).len(), n);
        all.sort_unstable();
        assert_eq!(all, (0..108).collect::<Vec<u32>>());
    }
    // Row 4 is tap 1 of channel 1, in [out, in, kernel rows, kernel columns].
    let row: Vec<u32> = (0..4).map(|out| out * 27 + 9 + 1).collect();
    assert_eq!(Block::Row.blocks(conv)[4], row);
}

#[test]
fn the_best_columns_stay_and_their_biases_with_them() {
    let graph = lenet([6, 16, 120, 84]);
    let masks = block_masks(&graph, Block::Column, 0.5, &Score::mean_abs());
    assert!(
        !masks.contains_key(&ParameterId::weight("n12")),
        "the last dense layer"
    );
    let weight = weight_of(&graph, "n1");
    let means: Vec<f64> = weight
        .chunks(25)
        .map(|f| f.iter().map(|w| w.abs()).sum())
        .collect();
    let kept = &masks[&ParameterId::new("n1", "bias")].kept;
    let least_kept = kept
        .iter()
        .zip(&means)
        .filter(|(k, _)| **k)
        .map(|(_, m)| *m);
    let most_lost = kept
        .iter()
        .zip(&means)
        .filter(|(k, _)| !**k)
        .map(|(_, m)| *m);
    assert!(least_kept.fold(f64::MAX, f64::min) > most_lost.fold(0.0, f64::max));
    let per_column = masks[&ParameterId::weight("n1")].kept.chunks(25);
    for (column, kept) in per_column.zip(kept) {
        assert!(column.iter().all(|k| k == kept));
    }
    let n_kept: Vec<usize> = ["n1", "n4", "n7", "n10"]
        .map(|n| masks[&ParameterId::new(n, "bias")].n_kept())
        .to_vec();
    assert_eq!(n_kept, [3, 8, 60, 42]);
    // At the highest sparsity a filter stays: 0.05 · 6 is less than one.
    let few = block_masks(&graph, Block::Column, 0.95, &Score::mean_abs());
    assert_eq!(few[&ParameterId::new("n1", "bias")].n_kept(), 1);
}

#[test]
fn importance_from_outside_decides_and_must_fit() {
    let graph = Net::new(&[4]).dense(3).square().dense(2).build();
    let mut importance: BTreeMap<ParameterId, Vec<f64>> = parameters(&graph)
        .into_iter()
        .map(|(p, t)| (p, vec![1.0; t.len()]))
        .collect();
    let first = ParameterId::weight("n1");
    importance.insert(first.clone(), (0..12).map(f64::from).collect());
    let score = Score::given(&graph, importance.clone()).expect("it fits");
    let masks = block_masks(&graph, Block::Scalar, 0.75, &score);
    let kept: Vec<usize> = (0..12).filter(|&k| masks[&first].kept[k]).collect();
    assert_eq!(kept, [9, 10, 11]);
    importance.remove(&first);
    let error = Score::given(&graph, importance).expect_err("one is missing");
    assert_eq!(
        error.to_string(),
        "n1.weight has 0 values of importance, expected 12"
    );
}

#[test]
fn schedules_say_when_and_how_much() {
    let iterative = Schedule::iterative(0.8);
    let due: Vec<usize> = (0..12).filter(|&s| iterative.at(s).is_some()).collect();
    assert_eq!(due, [0, 5, 10]);
    let decay = Schedule::PolynomialDecay {
        from: 0.2,
        to: 0.9,
        begin: 10,
        end: 30,
        power: 3.0,
        every: 10,
    };
    assert_eq!(decay.at(9), None);
    assert!((decay.at(10).expect("due") - 0.2).abs() < 1e-12);
    // 0.9 − 0.7 / 8.
    assert!((decay.at(20).expect("due") - 0.8125).abs() < 1e-12);
    assert_eq!(decay.at(30), Some(0.9));
    assert_eq!(decay.at(40), None);
    let graph = Net::new(&[4]).dense(10).square().dense(2).build();
    let mut masker = Masker {
        block: Block::Column,
        score: Score::l2(),
        schedule: decay,
    };
    let masks = masker.masks_at(30, &graph).expect("due");
    assert_eq!(masks[&ParameterId::new("n1", "bias")].n_kept(), 1);
    assert_eq!(masker.masks_at(31, &graph), None);
    // Watching a training, it looks at weights only when masks are due.
    assert_eq!(masker.masks(30, &|| graph.clone()), Some(masks));
    assert_eq!(masker.masks(31, &|| unreachable!("not due")), None);
}
