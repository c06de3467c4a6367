//! What a run allocates, against what was foretold, on one thread: sizes that do not depend on the machine.

use privet::extend::{CkksBackend, KeyUse, plan_memory, plan_memory_for, silent};
use privet::prelude::Options;
use privet::{compile, passes, run_encrypted, use_threads};
use privet_tests::models::bundled;

#[test]
fn parts_of_the_prediction_are_what_a_run_holds() {
    use_threads(1);
    for name in ["mlp_784_128_10", "ae_784_32_784", "lola"] {
        let trained = bundled()
            .into_iter()
            .find(|t| t.name == name)
            .expect("it is bundled");
        let (model, samples, _) = trained.load();
        let options = Options::default();
        let made = compile(&model, &options, &passes::standard(), &mut |_, _, _, _| {})
            .expect("it compiles");
        let plan = plan_memory(&made.circuit, None).expect("there is no cap");
        let client = &made.client;
        let ctx = client.context().expect("parameters are secure");
        let keys = client.keygen(&ctx, &silent);
        assert_eq!(
            keys.evaluation.bytes() as u64,
            plan.key_bytes,
            "{name}: keys"
        );
        let budget = plan.kept_plaintext_bytes;
        let encoded =
            CkksBackend::encode_ahead(&ctx, &made.circuit, budget, &silent).expect("weights fit");
        assert_eq!(encoded.bytes(), plan.plaintext_bytes, "{name}: weights");
        let input = client
            .encrypt(&ctx, &keys.secret, &samples[0])
            .expect("the sample fits");
        let (_, run, _) = run_encrypted(&ctx, &made, &keys.evaluation, &encoded, &input, &silent)
            .expect("keys serve");
        assert_eq!(run.live_peak_bytes, plan.live_bytes, "{name}: values");
        let scheduled =
            plan_memory_for(&made.circuit, None, KeyUse::Scheduled).expect("there is no cap");
        assert!(
            scheduled.key_bytes < plan.key_bytes,
            "{name}: keys by schedule"
        );
        assert!(
            plan.peak_bytes() > plan.held_bytes + plan.kept_plaintext_bytes,
            "{name}"
        );
    }
}
