//! Keys under a cap: what is computed stays, and no cap is exceeded.

use privet::extend::{Circuit, Counting, PipelineError, Settings, counts, run, run_slots, silent};
use privet::prelude::{Client, Options};
use privet::{compile, passes};
use privet_tests::models::bundled;

/// Shares of the uncapped keys' bytes that are tried.
const SHARES: [f64; 6] = [0.8, 0.6, 0.45, 0.3, 0.2, 0.05];
/// Largest difference in any slot, as a share of the largest value.
const ROUNDING: f64 = 1e-9;

/// The circuit with keys planned under a cap, or what would be enough.
fn capped(circuit: &Circuit, cap: u64) -> Result<Circuit, u64> {
    let pipeline = passes::circuit()
        .pipeline("plan-keys")
        .expect("the pass is there");
    let settings = Settings {
        log_n: circuit.n_slots().trailing_zeros() as u8 + 1,
        key_memory: Some(cap),
        ..Settings::default()
    };
    let mut circuit = circuit.clone();
    match pipeline.run(&mut circuit, &settings, &mut |_, _, _| {}) {
        Ok(_) => Ok(circuit),
        Err(PipelineError::Refused(refusal)) => {
            Err(refusal.enough.expect("it says what is enough"))
        }
        Err(error) => panic!("{error}"),
    }
}

fn bytes(circuit: &Circuit) -> u64 {
    let (keys, params) = (circuit.needed_keys(), circuit.params());
    keys.expect("levels are known")
        .bytes(params.expect("parameters are chosen"))
}

fn slots(circuit: &Circuit) -> Vec<Vec<f64>> {
    let value = |i: usize| (i as f64 * 0.7).sin();
    let input: Vec<f64> = (0..circuit.n_slots()).map(value).collect();
    run_slots(circuit, &vec![input; circuit.inputs().len()], None).expect("the circuit runs")
}

/// Under ever smaller caps every slot of every result stays, only rotations are added, and counts are those executed.
#[test]
fn circuits_compute_the_same_under_ever_smaller_caps() {
    for trained in bundled() {
        let (name, (model, _, calibration)) = (&trained.name, trained.load());
        let options = Options {
            calibration: Some(calibration),
            ..Options::default()
        };
        let made = compile(&model, &options, &passes::standard(), &mut |_, _, _, _| {});
        let full = made.unwrap_or_else(|e| panic!("{name}: {e}")).circuit;
        let (all, before, expected) = (bytes(&full), counts(&full), slots(&full));
        let largest = expected
            .iter()
            .flatten()
            .fold(1.0f64, |m, v| m.max(v.abs()));
        assert_eq!(
            capped(&full, all).as_ref(),
            Ok(&full),
            "{name}: a cap that fits"
        );
        let mut fitted = 0;
        for share in SHARES {
            let cap = (all as f64 * share) as u64;
            let circuit = match capped(&full, cap) {
                Ok(circuit) => circuit,
                Err(enough) => {
                    let fits = capped(&full, enough)
                        .unwrap_or_else(|e| panic!("{name}: {enough} should do, {e}"));
                    assert!(enough > cap && bytes(&fits) <= enough, "{name}: {enough}");
                    continue;
                }
            };
            fitted += 1;
            assert!(
                bytes(&circuit) <= cap,
                "{name}: {} of {cap}",
                bytes(&circuit)
            );
            assert_eq!(circuit.keys(), circuit.needed_keys().as_ref(), "{name}");
            let found = slots(&circuit);
            let gaps = expected.iter().flatten().zip(found.iter().flatten());
            let gap = gaps.fold(0.0f64, |m, (a, b)| m.max((a - b).abs()));
            assert!(gap <= ROUNDING * largest, "{name} at {share}: {gap}");
            let after = counts(&circuit);
            assert!(after.rotations >= before.rotations, "{name}");
            assert_eq!(
                (after.mul_plain, after.add, after.mul),
                (before.mul_plain, before.add, before.mul)
            );
            let classes = after.baby + after.giant + after.collapse + after.conversion;
            assert_eq!(
                after.rotations, classes,
                "{name}: every rotation has a class"
            );
            let counting = Counting::new();
            let inputs = vec![(); circuit.inputs().len()];
            run(&counting, &circuit, &inputs, &silent).expect("the circuit runs");
            assert_eq!(counting.counts(), after, "{name}: executed and planned");
        }
        assert!(fitted > 0, "{name}: no cap was met");
    }
}

/// The whole chain under a cap, encrypted.
#[test]
fn a_capped_network_runs_encrypted() {
    let trained = bundled()
        .into_iter()
        .find(|t| t.name == "mlp_784_128_10")
        .expect("it is bundled");
    let (model, samples, calibration) = trained.load();
    let cap = 16 << 20;
    let options = Options {
        calibration: Some(calibration),
        key_memory: Some(cap),
        ..Options::default()
    };
    let made =
        compile(&model, &options, &passes::standard(), &mut |_, _, _, _| {}).expect("it fits");
    assert!(bytes(&made.circuit) <= cap);
    let client: &Client = &made.client;
    let ctx = client.context().expect("parameters are secure");
    let keys = client.keygen(&ctx, &silent);
    assert!(
        keys.evaluation.bytes() as u64 <= cap,
        "{} bytes of keys",
        keys.evaluation.bytes()
    );
    let input = client
        .encrypt(&ctx, &keys.secret, &samples[0])
        .expect("the sample fits");
    let result = made
        .run(&ctx, &keys.evaluation, &input)
        .expect("keys serve");
    let found = client
        .decrypt(&ctx, &keys.secret, &result)
        .expect("the key fits");
    let expected = made
        .evaluate_polynomial(&samples[0])
        .expect("a network")
        .expect("it runs");
    let largest = expected.iter().fold(0.0f64, |m, v| m.max(v.abs()));
    let gap = expected
        .iter()
        .zip(&found)
        .fold(0.0f64, |m, (a, b)| m.max((a - b).abs()));
    assert!(gap <= 1e-3 * largest, "{gap} of {largest}");
}
