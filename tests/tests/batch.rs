//! Samples side by side: each result is that of its sample alone, at every width.

use privet::extend::{CkksBackend, Counting, counts, run, silent};
use privet::prelude::{Compiled, Error, Model, Objective, Options, Packing, compile};
use privet::{Comparison, run_encrypted};
use privet_tests::models::{Trained, bundled};

/// Networks whose circuits of any width take seconds.
const SMALL: [&str; 2] = ["mlp_784_128_10", "ae_784_32_784"];

fn trained(name: &str) -> Trained {
    let found = bundled().into_iter().find(|t| t.name == name);
    found.unwrap_or_else(|| panic!("{name} is bundled"))
}

fn made(model: &Model, calibration: &[Vec<f64>], options: Options) -> Result<Compiled, Error> {
    let options = Options {
        calibration: Some(calibration.to_vec()),
        ..options
    };
    let passes = privet::passes::standard();
    compile(model, &options, &passes, &mut |_, _, _, _| {})
}

fn largest_difference(compiled: &Compiled, samples: &[&[f64]], found: &[Vec<f64>]) -> f64 {
    let mut gap = Comparison::default();
    assert_eq!(samples.len(), found.len(), "one result per sample");
    for (sample, found) in samples.iter().zip(found) {
        let exact = compiled.evaluate_polynomial(sample).expect("a network");
        gap.add(&exact.expect("a finite sample"), found);
    }
    gap.max_rel()
}

#[test]
fn every_slot_of_a_batch_computes_its_own_sample() {
    for name in SMALL {
        let (model, samples, calibration) = trained(name).load();
        let samples: Vec<&[f64]> = samples.iter().map(Vec::as_slice).collect();
        let widths = [
            (Packing::Auto, Some(1), 1),
            (Packing::Auto, Some(3), 4),
            (Packing::Batch, None, 4096),
        ];
        for (packing, batch, width) in widths {
            let options = Options {
                packing,
                batch,
                ..Options::default()
            };
            let compiled = made(&model, &calibration, options).expect("it compiles");
            assert_eq!(compiled.client.batch_width(), width, "{name}");
            let planned = counts(&compiled.circuit);
            let counting = Counting::new();
            let inputs = vec![(); compiled.circuit.inputs().len()];
            run(&counting, &compiled.circuit, &inputs, &silent).expect("a finished circuit");
            assert_eq!(counting.counts(), planned, "{name} at {width}");
            if width == 4096 {
                assert_eq!((planned.rotations, planned.mul_plain), (0, 0), "{name}");
            }
            // Fewer samples than fit: the rest is zero and must not matter.
            let group = &samples[..width.min(3)];
            let found = compiled.run_slots_batch(group).expect("the samples fit");
            let gap = largest_difference(&compiled, group, &found);
            assert!(gap < 1e-6, "{name} at {width}: {gap:.1e}");
        }
    }
}

#[test]
fn encrypted_batches_decrypt_to_the_results_of_their_samples() {
    for (packing, batch, log_n) in [
        (Packing::Diagonal, Some(64), None),
        (Packing::Batch, None, Some(13)),
    ] {
        let (model, samples, calibration) = trained("mlp_784_128_10").load();
        let options = Options {
            packing,
            batch,
            log_n,
            ..Options::default()
        };
        let compiled = made(&model, &calibration, options).expect("it compiles");
        let client = &compiled.client;
        let samples: Vec<&[f64]> = samples.iter().map(Vec::as_slice).collect();
        let samples = &samples[..samples.len().min(client.batch_width())];
        let ctx = client.context().expect("secure parameters");
        let keys = client.keygen(&ctx, &silent);
        let input = client
            .encrypt_batch(&ctx, &keys.secret, samples)
            .expect("the samples fit");
        let encoded = CkksBackend::encode_ahead(&ctx, &compiled.circuit, u64::MAX, &silent)
            .expect("weights can be encoded");
        let (output, _, executed) =
            run_encrypted(&ctx, &compiled, &keys.evaluation, &encoded, input, &silent)
                .expect("the circuit runs");
        assert_eq!(executed, counts(&compiled.circuit));
        let found = client
            .decrypt_batch(&ctx, &keys.secret, &output)
            .expect("our own result");
        let gap = largest_difference(&compiled, samples, &found);
        assert!(gap < 1e-4, "{gap:.1e}");
    }
}

#[test]
fn a_batch_that_does_not_fit_is_refused_in_words() {
    let (model, samples, calibration) = trained("mlp_784_128_10").load();
    let refused = |options: Options| {
        let error = made(&model, &calibration, options).expect_err("refused");
        assert_eq!(error.exit_code(), 1, "{error}");
        error.to_string()
    };
    let too_large = Options {
        batch: Some(5000),
        log_n: Some(13),
        ..Options::default()
    };
    assert!(refused(too_large).contains("5000 samples"));
    let shared = Options {
        batch: Some(2),
        share: Some(privet::ShareOptions {
            results: 1,
            input_bound: Some(1.0),
        }),
        ..Options::default()
    };
    assert!(refused(shared).contains("can not be shared"));
    let two = Options {
        batch: Some(2),
        ..Options::default()
    };
    let compiled = made(&model, &calibration, two).expect("it compiles");
    let samples: Vec<&[f64]> = samples.iter().map(Vec::as_slice).collect();
    for wrong in [&samples[..0], &samples[..3], &[&samples[0][1..]]] {
        compiled.run_slots_batch(wrong).expect_err("refused");
    }
}

#[test]
fn throughput_takes_a_wider_batch_than_latency() {
    let (model, _, calibration) = trained("mlp_784_128_10").load();
    let width = |objective, batch| {
        let options = Options {
            objective,
            batch,
            log_n: Some(13),
            ..Options::default()
        };
        made(&model, &calibration, options)
            .expect("it compiles")
            .client
            .batch_width()
    };
    assert_eq!(width(Objective::Latency, None), 1);
    assert!(width(Objective::Throughput, Some(64)) > 1);
    assert!(width(Objective::Memory, Some(64)) <= width(Objective::Throughput, Some(64)));
}
