//! Random networks, evaluated, simulated with CKKS's noise, and encrypted: the three agree.
//!
//! Noise matters here: the exact simulator can not see a scale that leaves no precision.

use privet::extend::{
    Basis, CkksBackend, Graph, NodeId, Polynomial, SlotNoise, Tensor, counts, graph::Op, predict,
    run_slots, silent,
};
use privet::prelude::{Model, Options, compile};
use privet::run_encrypted;

/// Xorshift (Marsaglia 2003): small, seeded, the same everywhere.
struct Random(u64);

impl Random {
    fn unit(&mut self) -> f64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) as f64 / (1u64 << 53) as f64
    }

    fn below(&mut self, n: usize) -> usize {
        (self.unit() * n as f64) as usize
    }

    fn values(&mut self, n: usize, largest: f64) -> Vec<f64> {
        (0..n)
            .map(|_| (2.0 * self.unit() - 1.0) * largest)
            .collect()
    }
}

/// An operation on one or two values of width `n`, and the levels it takes at most.
fn operation(r: &mut Random, n: usize) -> (Op, usize, u32) {
    let shift = if r.unit() < 0.5 { 0.0 } else { 0.3 };
    let affine = |scale: Vec<f64>, shift: Vec<f64>| Op::Affine {
        scale: Tensor::vector(scale),
        shift: Tensor::vector(shift),
    };
    match r.below(9) {
        0 => {
            let weight =
                Tensor::new(&[n, n], r.values(n * n, 1.0 / (n as f64).sqrt())).expect("n by n");
            (
                Op::Dense {
                    weight,
                    bias: Tensor::vector(r.values(n, shift)),
                },
                1,
                1,
            )
        }
        1 => (Op::Polynomial(Polynomial::square()), 1, 1),
        2 | 3 => (Op::Add, 2, 0),
        4 => (Op::Mul, 2, 1),
        5 => (affine(r.values(n, 1.0), r.values(n, shift)), 1, 1),
        6 => (affine(r.values(1, 1.0), r.values(1, shift)), 1, 1),
        7 => (affine(vec![1.0; n], r.values(n, 0.3)), 1, 0),
        _ => {
            let degree = 1 + r.below(6);
            let mut coefficients = r.values(degree + 1, 0.4);
            coefficients.iter_mut().for_each(|c| {
                if r.unit() < 0.3 {
                    *c = 0.0;
                }
            });
            (
                Op::Polynomial(Polynomial {
                    basis: Basis::Power,
                    coefficients,
                }),
                1,
                3,
            )
        }
    }
}

/// A random directed acyclic network, and a sample for it.
fn network(seed: u64) -> (Graph, Vec<f64>, Options) {
    let mut r = Random(0x9e37_79b9_7f4a_7c15u64.wrapping_mul(seed + 1) | 1);
    (0..5).for_each(|_| {
        r.unit();
    });
    let n = [4, 8, 12, 16][r.below(4)];
    let mut graph = Graph::new(format!("random {seed}"));
    let input = graph
        .add("x", Op::Input { shape: vec![n] }, &[])
        .expect("an input");
    let mut nodes: Vec<(NodeId, u32)> = vec![(input, 0)];
    for i in 0..2 + r.below(7) {
        let mut pick = || {
            let last = nodes.len() - 1;
            nodes[if r.unit() < 0.5 {
                last
            } else {
                r.below(nodes.len())
            }]
        };
        let ((a, da), (b, db)) = (pick(), pick());
        let (op, arity, levels) = operation(&mut r, n);
        let (operands, depth) = if arity == 2 {
            (vec![a, b], da.max(db))
        } else {
            (vec![a], da)
        };
        if depth + levels <= 12 {
            let id = graph
                .add(&format!("v{i}"), op, &operands)
                .expect("shapes agree");
            nodes.push((id, depth + levels));
        }
    }
    let mut outputs = vec![nodes[nodes.len() - 1].0];
    if r.unit() < 0.3 {
        outputs.push(nodes[r.below(nodes.len())].0);
    }
    graph.set_outputs(&outputs);
    let sample = r.values(n, 1.0);
    let calibration = (0..20)
        .map(|_| r.values(n, 1.0))
        .chain([sample.clone()])
        .collect();
    (
        graph,
        sample,
        Options {
            calibration: Some(calibration),
            log_n: Some(15),
            ..Options::default()
        },
    )
}

fn distance(a: &[f64], b: &[f64]) -> f64 {
    assert_eq!(a.len(), b.len());
    a.iter()
        .zip(b)
        .map(|(a, b)| (a - b).abs())
        .fold(
            0.0,
            |m: f64, d| if d.is_nan() { f64::INFINITY } else { m.max(d) },
        )
}

/// Checks one network; returns by what its simulated squared errors exceed the predicted variances, or nothing if it
/// was refused, which must be said in words.
fn check(seed: u64, encrypted: bool) -> Option<Vec<f64>> {
    let (graph, sample, options) = network(seed);
    let model = Model::from_graph(graph);
    let plain = model.evaluate(&sample).expect("a finite sample");
    let compiled = match compile(
        &model,
        &options,
        &privet::passes::standard(),
        &mut |_, _, _, _| {},
    ) {
        Ok(compiled) => compiled,
        Err(error) => {
            assert_eq!(
                error.exit_code(),
                1,
                "network {seed} broke the compiler: {error}"
            );
            assert!(
                error.help().is_some(),
                "network {seed}: a refusal without help: {error}"
            );
            return None;
        }
    };
    let largest = plain.iter().fold(1e-3f64, |m, v| m.max(v.abs()));
    let slots = compiled
        .run_slots(&sample)
        .expect("a compiled circuit runs");
    assert!(
        distance(&slots, &plain) <= 1e-6 * largest.max(1.0),
        "network {seed}: simulator {slots:?}, evaluator {plain:?}"
    );
    let n_slots = compiled.circuit.n_slots();
    let packed = compiled
        .client
        .input
        .pack(&[&sample], 1)
        .expect("the sample fits");
    let inputs: Vec<Vec<f64>> = packed
        .into_iter()
        .map(|p| p.iter().copied().cycle().take(n_slots).collect())
        .collect();
    let mut noise = SlotNoise::new(seed);
    let noisy =
        run_slots(&compiled.circuit, &inputs, Some(&mut noise)).expect("a compiled circuit runs");
    let prediction = predict(&compiled.circuit, &inputs).expect("a compiled circuit runs");
    let mut ratios = Vec::new();
    for (output, (noisy, exact)) in noisy.iter().zip(prediction.outputs()).enumerate() {
        assert!(
            distance(noisy, exact) <= 1e-2 * largest,
            "network {seed}: noise of {}",
            distance(noisy, exact)
        );
        for slot in 0..4 {
            let variance = prediction.slot(output, slot).0.variance;
            ratios.push((noisy[slot] - exact[slot]).powi(2) / variance.max(f64::MIN_POSITIVE));
        }
    }
    if encrypted {
        let ctx = compiled.client.context().expect("secure parameters");
        let keys = compiled.client.keygen(&ctx, &silent);
        let input = compiled
            .client
            .encrypt(&ctx, &keys.secret, &sample)
            .expect("the sample fits");
        let encoded = CkksBackend::encode_ahead(&ctx, &compiled.circuit, 0, &silent)
            .expect("weights can be encoded");
        let (output, _, executed) =
            run_encrypted(&ctx, &compiled, &keys.evaluation, &encoded, &input, &silent)
                .expect("the circuit runs");
        let decrypted = compiled
            .client
            .decrypt(&ctx, &keys.secret, &output)
            .expect("our own result");
        assert!(
            distance(&decrypted, &plain) <= 1e-2 * largest,
            "network {seed}: decrypted {decrypted:?}, evaluator {plain:?}"
        );
        assert_eq!(executed, counts(&compiled.circuit), "network {seed}");
    }
    Some(ratios)
}

#[test]
fn random_networks_survive_the_noise_of_ckks() {
    let (mut refused, mut ratios) = (Vec::new(), Vec::new());
    for seed in 0..240 {
        match check(seed, false) {
            Some(found) => ratios.extend(found),
            None => refused.push(seed),
        }
    }
    assert!(refused.len() <= 12, "refused: {refused:?}");
    // A simulated error has the predicted variance.
    let n = ratios.len() as f64;
    let mean = ratios.iter().sum::<f64>() / n;
    assert!(
        (0.85..=1.15).contains(&mean),
        "{n} squared errors are {mean:.3} of the predicted ones"
    );
    let beyond = ratios.iter().filter(|r| **r > 16.0).count() as f64 / n;
    assert!(
        beyond < 0.002,
        "{beyond:.4} of the errors exceed four deviations"
    );
}

#[test]
fn random_networks_decrypt_to_what_they_compute() {
    // Among them 19, 27, 60, 89, 135 and 163, whose skips once made a value be rescaled twice.
    let seeds = [1, 2, 3, 5, 8, 13, 19, 21, 27, 34, 60, 89, 135, 163];
    assert!(
        seeds
            .iter()
            .filter(|&&seed| check(seed, true).is_none())
            .count()
            <= 2
    );
}
