//! What zeros spare: counts foretold from the mask alone, costs that never rise, and an encrypted run.

use privet::extend::{CkksBackend, Counts, Graph, PassCx, Settings, counts, silent};
use privet::prelude::{Compiled, Model, Objective, Options};
use privet::{Comparison, compile, passes, run_encrypted};
use privet_tests::networks::Net;
use privet_tests::rng::Rng;
use std::collections::BTreeSet;

/// A square layer of `n` neurons in a ring of `n` slots, so that no copy of its input fits, and its rotations and
/// products after planning for rotations.
fn layer(n: usize, is_zero: impl Fn(usize) -> bool) -> Counts {
    let diagonal = |r: usize, c: usize| (c + n - r) % n;
    let net = Net::new("layer", &[n], 1).dense(n);
    let graph = net.without(|r, c| is_zero(diagonal(r, c))).done();
    planned(graph, n, &["cull-dead-units", "co-permute-layers"])
}

fn planned(mut graph: Graph, n_slots: usize, left_out: &[&str]) -> Counts {
    let settings = Settings {
        log_n: n_slots.ilog2() as u8 + 1,
        objective: Objective::Rotations,
        ..Settings::default()
    };
    let mut compiler = passes::standard();
    for name in left_out {
        compiler.graph = compiler.graph.without(name).expect("it is there");
    }
    let silent = &mut |_: usize, _: &str, _: &Graph| {};
    compiler
        .graph
        .run(&mut graph, &settings, silent)
        .expect("it plans");
    let circuit = compiler.lower.lower(&graph, &mut PassCx::new(&settings));
    let mut circuit = circuit.expect("it lowers");
    let common = compiler
        .circuit
        .up_to("eliminate-common")
        .expect("it is there");
    common
        .run(&mut circuit, &settings, &mut |_, _, _| {})
        .expect("it runs");
    counts(&circuit)
}

/// Fewest rotations that split the diagonals into `a + b`, by one digit modulo every `n1`, around zero or above it.
fn fewest(n: i64, kept: &[i64]) -> u64 {
    let mut best = u64::MAX;
    for lift in [0, n / 2] {
        for n1 in 1..=n {
            for centre in [0, n1 / 2] {
                let (mut babies, mut giants) = (BTreeSet::new(), BTreeSet::new());
                for &d in kept {
                    let d = (d + lift).rem_euclid(n) - lift;
                    let baby = (d + centre).rem_euclid(n1) - centre;
                    babies.insert(baby.rem_euclid(n));
                    giants.insert((d - baby).rem_euclid(n));
                }
                let rotations =
                    |set: &BTreeSet<i64>| set.iter().filter(|k| **k != 0).count() as u64;
                best = best.min(rotations(&babies) + rotations(&giants));
            }
        }
    }
    best
}

#[test]
fn half_the_diagonals_of_a_layer() {
    // A block of k diagonals takes min (a + ⌈k / a⌉ - 2) rotations: 14 for 64, 10 for 32, 6 for 16.
    let block = |k: usize| (1..=k).map(|a| a + k.div_ceil(a) - 2).min().unwrap_or(0) as u64;
    for kept in [64, 32, 16] {
        let found = layer(64, |d| d >= kept);
        assert_eq!(
            (found.rotations, found.mul_plain),
            (block(kept), kept as u64),
            "{kept}"
        );
    }
    let every_other = layer(64, |d| d % 2 == 1);
    assert_eq!(
        (every_other.rotations, every_other.mul_plain),
        (block(32), 32)
    );
}

#[test]
fn a_whole_giant_row() {
    let dense = layer(64, |_| false);
    let found = layer(64, |d| (24..32).contains(&d));
    assert_eq!((dense.rotations, dense.mul_plain), (14, 64));
    assert_eq!((found.rotations, found.mul_plain), (13, 56));
    let column = layer(64, |d| d % 8 == 3);
    assert_eq!(
        (column.rotations, column.mul_plain),
        (13, 56),
        "a baby column"
    );
    let one_block_only = layer(64, |d| d == 24);
    assert_eq!(
        (one_block_only.rotations, one_block_only.mul_plain),
        (14, 63),
        "one cell spares its product"
    );
}

#[test]
fn random_diagonals_cost_what_the_mask_says() {
    let mut rng = Rng::new(5);
    for share in [0.5, 0.75, 0.9, 0.97] {
        for _ in 0..4 {
            let zero: Vec<bool> = rng
                .vector(64, 1.0)
                .iter()
                .map(|v| v.abs() < share)
                .collect();
            let kept: Vec<i64> = (0..64).filter(|&d| !zero[d as usize]).collect();
            let found = layer(64, |d| zero[d]);
            assert_eq!(found.mul_plain.max(1), kept.len().max(1) as u64);
            let bound = fewest(64, &kept);
            assert!(
                found.rotations <= bound,
                "{} rotations, {bound} by one digit",
                found.rotations
            );
        }
    }
}

/// An image in two ciphertexts, the channels of one of them unread: the client sends one, and nothing reads the other.
#[test]
fn an_unread_ciphertext_is_not_sent() {
    let net = |is_zero: fn(usize, usize) -> bool| {
        let graph = Net::new("channels", &[8, 4, 4], 3).conv(2, (3, 3), (1, 1), [1; 4], 1);
        let mut graph = graph.without(is_zero).done();
        let settings = Settings {
            log_n: 7,
            ..Settings::default()
        };
        let silent = &mut |_: usize, _: &str, _: &Graph| {};
        passes::standard()
            .graph
            .run(&mut graph, &settings, silent)
            .expect("it plans");
        let layout = graph.node(graph.inputs()[0]).facts.layout.clone();
        layout.expect("a layout").n_ciphertexts
    };
    assert_eq!(net(|_, _| false), 2);
    assert_eq!(net(|_, channel| channel % 2 == 1), 1);
}

/// Random weights of a share gone.
fn pruned(sizes: &[usize], share: f64, seed: u64) -> Graph {
    let mut net = Net::new("pruned", &sizes[..1], seed);
    let mut rng = Rng::new(seed + 100);
    for (k, pair) in sizes.windows(2).enumerate() {
        let gone = rng.vector(pair[0] * pair[1], 1.0);
        net = if k > 0 { net.square() } else { net };
        net = net
            .dense(pair[1])
            .without(|r, c| gone[r * pair[0] + c].abs() < share);
    }
    net.done()
}

fn made(graph: Graph) -> Compiled {
    let options = Options {
        log_n: Some(14),
        ..Options::default()
    };
    compile(
        &Model::from_graph(graph),
        &options,
        &passes::standard(),
        &mut |_, _, _, _| {},
    )
    .expect("it compiles")
}

fn predicted_ms(compiled: &Compiled) -> f64 {
    compiled
        .report
        .time
        .as_ref()
        .and_then(|t| t.predicted_ms)
        .expect("a prediction")
}

#[test]
fn zeros_never_make_a_network_dearer() {
    for sizes in [vec![48, 32, 10], vec![64, 64]] {
        let dense = made(pruned(&sizes, 0.0, 1));
        for share in [0.1, 0.5, 0.9, 0.99] {
            for seed in 1..3 {
                let sparse = made(pruned(&sizes, share, seed));
                let (most, found) = (predicted_ms(&dense), predicted_ms(&sparse));
                assert!(
                    found <= most * (1.0 + 1e-9),
                    "{sizes:?}, {share} gone, seed {seed}: {found} ms, {most} ms dense"
                );
            }
        }
    }
}

#[test]
fn a_pruned_network_runs_encrypted() {
    let graph = pruned(&[48, 32, 10], 0.97, 2);
    let compiled = made(graph.clone());
    let changed = |name: &str| {
        compiled
            .report
            .passes
            .iter()
            .any(|p| p.name == name && p.changed)
    };
    assert!(
        changed("cull-dead-units") || changed("co-permute-layers"),
        "something moved"
    );
    let fails = |e: &dyn std::fmt::Display| -> ! { panic!("{e}") };
    let client = &compiled.client;
    let ctx = client.context().unwrap_or_else(|e| fails(&e));
    let keys = client.keygen(&ctx, &silent);
    let encoded = CkksBackend::encode_ahead(&ctx, &compiled.circuit, 0, &silent)
        .unwrap_or_else(|e| fails(&e));
    let sample = Rng::new(9).vector(48, 1.0);
    let input = client
        .encrypt(&ctx, &keys.secret, &sample)
        .unwrap_or_else(|e| fails(&e));
    let run = run_encrypted(&ctx, &compiled, &keys.evaluation, &encoded, &input, &silent);
    let (output, _, executed) = run.unwrap_or_else(|e| fails(&e));
    assert_eq!(executed.named(), counts(&compiled.circuit).named());
    let found = client
        .decrypt(&ctx, &keys.secret, &output)
        .unwrap_or_else(|e| fails(&e));
    // The network as it was before any pass, in the user's order.
    let expected = Model::from_graph(graph)
        .evaluate(&sample)
        .unwrap_or_else(|e| fails(&e));
    let mut gap = Comparison::default();
    gap.add(&expected, &found);
    assert!(gap.max_rel() < 1e-3, "{}", gap.max_rel());
}

/// Constant neurons and unread ones are gone from the circuit, exactly as many as the mask says.
#[test]
fn dead_neurons_shorten_the_next_layer() {
    let n = 32;
    let net = Net::new("dead", &[n], 4)
        .dense(n)
        .without(|r, _| r % 2 == 1)
        .square()
        .dense(n);
    let graph = net.done();
    let dense = Net::new("dead", &[n], 4).dense(n).square().dense(n).done();
    let [sparse, dense] = [graph, dense].map(|g| planned(g, n, &["co-permute-layers"]));
    // 16 neurons are left: both layers have 16 diagonals, the first a collapse to period 16.
    assert_eq!((dense.mul_plain, sparse.mul_plain), (64, 32));
    assert!(sparse.rotations < dense.rotations);
}

/// A branch of squares of different depths that no weight reads: nothing of it is computed, and scales still meet.
#[test]
fn a_branch_that_nobody_reads_disappears() {
    let net = Net::new("branches", &[8], 3).dense(8);
    let stem = net.last();
    let net = net.square();
    let shared = net.last();
    let net = net.dense(8).square();
    let deep = net.last();
    let net = net.from(shared).dense(8).plus(deep).square().dense(4);
    let dead = net.without(|_, _| true);
    let unread = dead.last();
    let graph = dead.from(stem).dense(4).plus(unread).done();
    let sample: Vec<f64> = (0..8).map(|i| f64::from(i) / 8.0 - 0.4).collect();
    let model = Model::from_graph(graph);
    let exact = model.evaluate(&sample).expect("it evaluates");
    let made = compile(
        &model,
        &Options::default(),
        &passes::standard(),
        &mut |_, _, _, _| {},
    )
    .expect("it compiles");
    assert_eq!(counts(&made.circuit).mul, 0);
    let found = made.run_slots(&sample).expect("it runs");
    let mut error = Comparison::default();
    error.add(&exact, &found);
    assert!(error.max_abs < 1e-12);
}
