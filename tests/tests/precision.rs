//! Predicted and measured precision of bundled networks.

use privet::extend::{CkksBackend, silent};
use privet::prelude::{Compiled, Options};
use privet::{compile, passes, run_encrypted};
use privet_tests::models::bundled;

/// Networks that compile and run in seconds. The errors of `lenet5_sq` differ by input up to sixteen-fold, and most of
/// them have one cause for all outputs.
const FAST: [&str; 5] = [
    "ae_784_32_784",
    "cryptonets",
    "lenet5_sq",
    "lola",
    "mlp_784_128_10",
];
/// Results measured under one key.
const RESULTS: usize = 20;

/// −log2 of the largest error of any output of the first results under a fresh key.
fn measured_bits(compiled: &Compiled, samples: &[Vec<f64>]) -> f64 {
    let client = &compiled.client;
    let ctx = client.context().expect("secure parameters");
    let keys = client.keygen(&ctx, &silent);
    let encoded = CkksBackend::encode_ahead(&ctx, &compiled.circuit, u64::MAX, &silent)
        .expect("weights can be encoded");
    let mut worst = 0.0f64;
    for sample in samples {
        let input = client
            .encrypt(&ctx, &keys.secret, sample)
            .expect("the sample fits");
        let (output, ..) =
            run_encrypted(&ctx, compiled, &keys.evaluation, &encoded, &input, &silent)
                .expect("the circuit runs");
        let found = client
            .decrypt(&ctx, &keys.secret, &output)
            .expect("our own result");
        let exact = compiled.run_slots(sample).expect("the circuit runs");
        let gaps = found.iter().zip(&exact).map(|(a, b)| (a - b).abs());
        worst = gaps.fold(worst, f64::max);
    }
    -worst.log2()
}

#[test]
fn measured_bits_lie_within_two_of_the_predicted() {
    let networks: Vec<_> = bundled()
        .into_iter()
        .filter(|t| FAST.contains(&t.name.as_str()))
        .collect();
    assert_eq!(networks.len(), FAST.len());
    for trained in networks {
        let name = &trained.name;
        let (model, samples, calibration) = trained.load();
        let options = Options {
            calibration: Some(calibration),
            ..Options::default()
        };
        let compiled = compile(&model, &options, &passes::standard(), &mut |_, _, _, _| {})
            .unwrap_or_else(|e| panic!("{name}: {e}"));
        let predicted = compiled
            .predict_for(&samples[..RESULTS])
            .expect("the samples fit")
            .bits(RESULTS);
        let holds = || {
            let measured = measured_bits(&compiled, &samples[..RESULTS]);
            println!("{name}: {measured:.2} bits measured, {predicted:.2} predicted");
            (predicted..=predicted + 2.0).contains(&measured)
        };
        // A prediction holds in 99 of 100 cases: a second key decides.
        assert!(
            holds() || holds(),
            "{name}: not within two bits above {predicted:.2}"
        );
    }
}
