//! Shared results: bounded, noisy, counted.

use privet::prelude::{Client, Compiled, Error, Model, Options, ShareCounter, ShareOptions};
use privet::{compile, passes};
use privet_tests::models::bundled;

fn network(name: &str) -> (Model, Vec<Vec<f64>>) {
    let trained = bundled().into_iter().find(|t| t.name == name);
    let (model, samples, _) = trained.expect("a bundled network").load();
    (model, samples)
}

fn compiled(model: &Model, samples: &[Vec<f64>], results: u32) -> Result<Compiled, Error> {
    let options = Options {
        calibration: Some(samples.to_vec()),
        share: Some(ShareOptions {
            results,
            input_bound: Some(1.0),
        }),
        ..Options::default()
    };
    compile(model, &options, &passes::standard(), &mut |_, _, _, _| {})
}

fn largest_gap(a: &[f64], b: &[f64]) -> f64 {
    a.iter()
        .zip(b)
        .map(|(a, b)| (a - b).abs())
        .fold(0.0, f64::max)
}

#[test]
fn two_results_are_shared_and_no_third() {
    let (model, samples) = network("mlp_784_128_10");
    let compiled = compiled(&model, &samples, 2).expect("this network can be shared");
    let client = &compiled.client;
    let share = client.share.expect("it was asked for");
    let ctx = client.context().expect("secure parameters");
    let keys = client.keygen(&ctx, &|_, _| {});
    let folder = tempfile::tempdir().expect("a folder");
    let counter = ShareCounter::beside(folder.path().join("my.key"));

    let input = client
        .encrypt(&ctx, &keys.secret, &samples[0])
        .expect("the sample fits");
    let result = compiled
        .run(&ctx, &keys.evaluation, &input)
        .expect("the circuit runs");
    let exact = compiled.run_slots(&samples[0]).expect("the circuit runs");
    let decrypted = client
        .decrypt(&ctx, &keys.secret, &result)
        .expect("our own result");
    // Two primes per level change nothing about what is computed.
    let plain = model.evaluate(&samples[0]).expect("the sample fits");
    assert!(largest_gap(&plain, &exact) < 1e-6);
    // The simulator's weights are not encoded; that difference is far below the bound.
    let gap = largest_gap(&decrypted, &exact);
    assert!(
        gap <= share.error_bound,
        "{gap:e} exceeds {:e}",
        share.error_bound
    );
    assert!(share.deviation > 32768.0 * share.error_bound);

    let give = || client.decrypt_for_sharing(&ctx, &keys.secret, &result, &counter);
    let missing = give().expect_err("there is no count yet").to_string();
    assert!(missing.contains("is missing"), "{missing}");
    let start = |id: &[u8; 16], overwrite| counter.create(id, overwrite, || Ok(()));
    start(&keys.key_id, false).expect("a new count");
    assert!(
        start(&keys.key_id, false).is_err(),
        "a count is not started again"
    );
    for used in 1..=2 {
        let shared = give().expect("within the count");
        assert_eq!(shared.used, used);
        let gap = largest_gap(&shared.values, &exact);
        assert!(
            gap > share.error_bound && gap < 8.0 * share.deviation,
            "{gap:e}"
        );
    }
    let refused = give().expect_err("the count is used up").to_string();
    assert!(refused.contains("made for 2 is too many"), "{refused}");

    let text = std::fs::read_to_string(counter.path()).expect("the count");
    std::fs::write(counter.path(), &text[..text.len() - 3]).expect("written");
    let damaged = give().expect_err("a damaged count is not used");
    assert_eq!(
        damaged.to_string(),
        format!(
            "{}: the last line is cut short, so how many results were shared under this key is not known",
            counter.path().display()
        )
    );
    let help = damaged.help().expect("what to do");
    assert_eq!(help, "make new keys with `privet keygen`");
    start(&[0; 16], true).expect("replaced");
    assert!(
        matches!(give(), Err(Error::Mismatch { .. })),
        "another key's count is not used"
    );

    let mut outside = samples[0].clone();
    outside[0] = 1.5;
    assert!(matches!(
        client.encrypt(&ctx, &keys.secret, &outside),
        Err(Error::Data { .. })
    ));
}

#[test]
fn a_secret_key_never_gets_a_count_started_anew() {
    let folder = tempfile::tempdir().expect("a folder");
    let counter = ShareCounter::beside(folder.path().join("my.key"));
    let (old, new, circuit) = ([1; 16], [2; 16], [0; 32]);
    counter.create(&old, false, || Ok(())).expect("a new count");
    counter.spend(&old, &circuit, 1).expect("within the count");
    let text = || std::fs::read_to_string(counter.path()).expect("the count");
    let before = text();

    // While the old secret is there, so is its count; it stays where the new one can not be written.
    let refuse = || -> Result<(), Error> {
        assert_eq!(text(), before);
        Err(Error::Data {
            why: "disk full".to_owned(),
            help: String::new(),
        })
    };
    assert!(counter.create(&new, true, refuse).is_err());
    assert_eq!(text(), before);
    assert!(counter.spend(&old, &circuit, 1).is_err(), "still used up");
    let n_files = || std::fs::read_dir(&folder).expect("the folder").count();
    assert_eq!(n_files(), 1, "nothing is left behind");

    // A new secret whose count could not be put in place has none, and shares nothing.
    let block = || {
        std::fs::remove_file(counter.path()).expect("removed");
        std::fs::create_dir(counter.path()).expect("a folder in its place");
        Ok(())
    };
    assert!(counter.create(&new, true, block).is_err());
    assert!(counter.spend(&new, &circuit, 1).is_err());
}

#[test]
fn a_bound_in_a_file_is_checked_against_the_circuit() {
    let (model, samples) = network("mlp_784_128_10");
    let mut compiled = compiled(&model, &samples, 10).expect("this network can be shared");
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("mlp.privet");
    compiled.save(&path, false).expect("saved");
    let loaded = Compiled::load(&path).expect("its own file");
    assert_eq!(loaded.client.share, compiled.client.share);
    let share = compiled.client.share.as_mut().expect("it was asked for");
    share.error_bound /= 2.0;
    compiled.save(&path, true).expect("saved");
    let error = Compiled::load(&path)
        .expect_err("half the bound is no bound")
        .to_string();
    assert!(
        error.contains("shared results are said to be off"),
        "{error}"
    );
}

#[test]
fn what_was_not_compiled_for_sharing_is_not_shared() {
    let (model, samples) = network("mlp_784_128_10");
    let options = Options {
        calibration: Some(samples.clone()),
        ..Options::default()
    };
    let plain =
        compile(&model, &options, &passes::standard(), &mut |_, _, _, _| {}).expect("it compiles");
    let client: &Client = &plain.client;
    let ctx = client.context().expect("secure parameters");
    let keys = client.keygen(&ctx, &|_, _| {});
    let input = client
        .encrypt(&ctx, &keys.secret, &samples[0])
        .expect("the sample fits");
    let result = plain
        .run(&ctx, &keys.evaluation, &input)
        .expect("the circuit runs");
    let counter = ShareCounter::beside("nowhere");
    let error = client
        .decrypt_for_sharing(&ctx, &keys.secret, &result, &counter)
        .expect_err("no bound is known");
    assert!(
        error.help().is_some_and(|h| h.contains("--share")),
        "{error}"
    );

    // Too deep: the noise leaves nothing.
    let (model, samples) = network("cryptonets");
    let error = compiled(&model, &samples, 1000).expect_err("nothing survives");
    assert_eq!(error.exit_code(), 1);
    assert!(error.to_string().contains("survive"), "{error}");
}
