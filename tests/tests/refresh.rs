//! Networks deeper than the ring they are compiled for, with refreshes by the client: evaluated, simulated, simulated
//! with CKKS's noise, and encrypted.

use privet::extend::graph::Op as Node;
use privet::extend::{
    CkksBackend, Graph, NodeId, Op, PipelineError, Polynomial, SlotNoise, Tensor, counts,
    refresh_bytes, run_slots, silent,
};
use privet::prelude::{
    CheckOptions, Compiled, Error, Model, Options, ShareOptions, check, compile,
};
use privet::{ClientRefresh, run_encrypted, run_refreshed};
use privet_tests::rng::Rng;

fn below(rng: &mut Rng, n: usize) -> usize {
    (rng.unit() * n as f64) as usize
}

/// Residual blocks of squares, and a sample: each adds what went in, or a layer of it, to what came out.
fn residual(seed: u64, n_blocks: usize) -> (Graph, Vec<f64>) {
    let (mut rng, n) = (Rng::new(seed), 8);
    let mut graph = Graph::new(format!("residual {seed}"));
    let input = graph.add("x", Node::Input { shape: vec![n] }, &[]);
    let mut last = input.expect("an input");
    let dense = |graph: &mut Graph, rng: &mut Rng, name: String, x: NodeId| {
        let weight = Tensor::new(&[n, n], rng.vector(n * n, 1.0 / (n as f64).sqrt()));
        let op = Node::Dense {
            weight: weight.expect("n by n"),
            bias: Tensor::vector(rng.vector(n, 0.2)),
        };
        graph.add(&name, op, &[x]).expect("shapes agree")
    };
    for block in 0..n_blocks {
        let fork = last;
        for layer in 0..1 + below(&mut rng, 2) {
            last = dense(&mut graph, &mut rng, format!("dense{block}.{layer}"), last);
            let square = Node::Polynomial(Polynomial::square());
            let name = format!("square{block}.{layer}");
            last = graph.add(&name, square, &[last]).expect("shapes agree");
        }
        last = dense(&mut graph, &mut rng, format!("dense{block}.out"), last);
        let skip = match below(&mut rng, 3) {
            0 => dense(&mut graph, &mut rng, format!("skip{block}"), fork),
            _ => fork,
        };
        let name = format!("sum{block}");
        last = graph
            .add(&name, Node::Add, &[last, skip])
            .expect("shapes agree");
    }
    graph.set_outputs(&[last]);
    (graph, rng.vector(n, 0.7))
}

fn compiled(graph: &Graph, sample: &[f64], options: Options) -> Result<Compiled, Error> {
    let mut rng = Rng::new(7);
    let mut samples: Vec<Vec<f64>> = (0..20).map(|_| rng.vector(sample.len(), 0.7)).collect();
    samples.push(sample.to_vec());
    let options = Options {
        calibration: Some(samples),
        ..options
    };
    let model = Model::from_graph(graph.clone());
    compile(
        &model,
        &options,
        &privet::passes::standard(),
        &mut |_, _, _, _| {},
    )
}

fn small_ring() -> Options {
    Options {
        log_n: Some(13),
        client_refresh: true,
        ..Options::default()
    }
}

fn distance(a: &[f64], b: &[f64]) -> f64 {
    assert_eq!(a.len(), b.len());
    let gaps = a.iter().zip(b).map(|(a, b)| (a - b).abs());
    gaps.fold(
        0.0,
        |m: f64, d| if d.is_nan() { f64::INFINITY } else { m.max(d) },
    )
}

/// Whether the network had to be refreshed.
fn agrees(seed: u64, encrypted: bool) -> bool {
    let (graph, sample) = residual(seed, 2 + (seed % 4) as usize);
    let plain = Model::from_graph(graph.clone())
        .evaluate(&sample)
        .expect("finite");
    let made = compiled(&graph, &sample, small_ring());
    let made = made.unwrap_or_else(|e| panic!("network {seed}: {e}"));
    let largest = plain.iter().fold(1e-3f64, |m, v| m.max(v.abs()));
    let slots = made.run_slots(&sample).expect("it runs");
    let off = distance(&slots, &plain);
    assert!(
        off <= 1e-6 * largest.max(1.0),
        "network {seed}: simulated off by {off:e}"
    );
    let n_slots = made.circuit.n_slots();
    let packed = made
        .client
        .input
        .pack(&[&sample], 1)
        .expect("the sample fits");
    let fill = |p: Vec<f64>| p.iter().copied().cycle().take(n_slots).collect();
    let inputs: Vec<Vec<f64>> = packed.into_iter().map(fill).collect();
    let noisy = run_slots(&made.circuit, &inputs, Some(&mut SlotNoise::new(seed)));
    let exact = run_slots(&made.circuit, &inputs, None).expect("it runs");
    let off = distance(&noisy.expect("it runs")[0], &exact[0]);
    assert!(
        off > 0.0 && off <= 1e-2 * largest,
        "network {seed}: noise of {off:e}"
    );
    if encrypted {
        decrypts(&made, &sample, &plain, seed);
    }
    counts(&made.circuit).refresh > 0
}

fn decrypts(made: &Compiled, sample: &[f64], plain: &[f64], seed: u64) {
    let client = &made.client;
    let ctx = client.context().expect("secure parameters");
    let keys = client.keygen(&ctx, &silent);
    let input = client.encrypt(&ctx, &keys.secret, sample).expect("it fits");
    let encoded = CkksBackend::encode_ahead(&ctx, &made.circuit, 0, &silent).expect("it fits");
    let owner = ClientRefresh::new(&ctx, &keys.secret);
    let (evaluation, planned) = (&keys.evaluation, counts(&made.circuit));
    let done = run_refreshed(
        &ctx,
        made,
        evaluation,
        &encoded,
        &input,
        Some(&owner),
        &silent,
    );
    let (output, _, executed) = done.expect("the circuit runs");
    assert_eq!(executed, planned, "network {seed}");
    let bytes = made.report.ciphertexts.map_or(0, |c| c.refresh_bytes);
    assert_eq!(owner.bytes(), bytes, "network {seed}: bytes");
    assert_eq!(
        refresh_bytes(&made.circuit),
        Some(bytes),
        "network {seed}: bytes"
    );
    let values = client
        .decrypt(&ctx, &keys.secret, &output)
        .expect("our own result");
    let largest = plain.iter().fold(1e-3f64, |m, v| m.max(v.abs()));
    let off = distance(&values, plain);
    assert!(
        off <= 1e-2 * largest,
        "network {seed}: decrypted off by {off:e}"
    );
    if planned.refresh > 0 {
        let alone = run_encrypted(&ctx, made, evaluation, &encoded, &input, &silent);
        let error = alone.err().expect("nobody answers");
        assert_eq!(error.exit_code(), 1);
        let n = planned.refresh;
        let text = error.to_string();
        assert!(
            text.contains(&format!("{n} refreshes by the client")),
            "{text}"
        );
        assert!(error.help().is_some_and(|h| h.contains("--refresh client")));
    }
}

#[test]
fn residual_networks_simulate_right() {
    let refreshed = (0..24).filter(|&seed| agrees(seed, false)).count();
    assert!(refreshed >= 16, "only {refreshed} needed a refresh");
}

#[test]
fn residual_networks_decrypt_to_what_they_compute() {
    let refreshed = (2..7).filter(|&seed| agrees(seed, true)).count();
    assert!(refreshed >= 3, "only {refreshed} needed a refresh");
}

#[test]
fn a_check_answers_the_refreshes_itself() {
    let (graph, sample) = residual(3, 5);
    let made = compiled(&graph, &sample, small_ring()).expect("it compiles");
    let options = CheckOptions {
        encrypted: 1,
        ..CheckOptions::default()
    };
    let model = Model::from_graph(graph);
    let result = check(&model, &made, &[sample], &options, &silent).expect("it runs");
    assert!(
        result.counts_agree && result.encrypted.max_rel() < 1e-2,
        "{result:?}"
    );
    assert_eq!(Some(result.refresh_bytes), refresh_bytes(&made.circuit));
    assert!(result.refresh_bytes > 0);
}

#[test]
fn what_fits_a_ring_is_compiled_as_without_refreshes() {
    let (graph, sample) = residual(1, 5);
    let text = |client_refresh: bool| {
        let options = Options {
            client_refresh,
            ..Options::default()
        };
        let made = compiled(&graph, &sample, options).expect("it compiles");
        assert!(
            !made
                .circuit
                .ops()
                .any(|(_, op)| matches!(op, Op::Refresh { .. }))
        );
        made.client.circuit_id
    };
    assert_eq!(text(true), text(false));
}

#[test]
fn refreshes_are_asked_for_and_never_shared() {
    let (graph, sample) = residual(3, 5);
    let refusal = |options: Options| match compiled(&graph, &sample, options) {
        Err(Error::Compile(PipelineError::Refused(refusal))) => refusal,
        other => panic!(
            "expected a refusal, found {:?}",
            other.map(|c| c.report.counts)
        ),
    };
    let alone = refusal(Options {
        client_refresh: false,
        ..small_ring()
    });
    assert_eq!(alone.pass, Some("choose-params"));
    let shared = refusal(Options {
        share: Some(ShareOptions {
            results: 1,
            input_bound: Some(1.0),
        }),
        ..small_ring()
    });
    assert!(shared.to_string().contains("can not be shared"), "{shared}");
}
