//! Whole networks: what is planned is what is executed, and all references agree.

use privet::extend::{CkksBackend, Counting, Counts, Program, counts, plan_memory, run, silent};
use privet::prelude::{Compiled, Error, Model, Options};
use privet::{Comparison, compile, passes, run_encrypted};
use privet_tests::models::{Trained, bundled, shared, shared_folder};
use privet_tests::{blessing, files_below, golden::count_line, golden_folder, name_of, render};
use std::collections::BTreeSet;
use std::path::PathBuf;

/// Lines shown from each end of a circuit.
const SHOWN: usize = 20;
/// Largest error of a decrypted result, as a share of the largest output.
const ENCRYPTED: f64 = 1e-3;
/// Largest difference of the slot simulator from the polynomial network.
const SIMULATED: f64 = 1e-6;

fn golden_file(name: &str, ending: &str) -> PathBuf {
    golden_folder()
        .join("models")
        .join(format!("{name}.{ending}"))
}

/// Compares with a golden file, or writes it when blessing.
fn check_golden(path: &PathBuf, found: &str) -> Result<(), String> {
    let want = std::fs::read_to_string(path).unwrap_or_default();
    if want == found {
        return Ok(());
    }
    if blessing() {
        std::fs::create_dir_all(golden_folder().join("models")).map_err(|e| e.to_string())?;
        return std::fs::write(path, found).map_err(|e| e.to_string());
    }
    Err(format!(
        "{}\n{}accept with: BLESS=1 cargo test --release -p privet-tests --test models",
        path.display(),
        render::diff(&want, found)
    ))
}

/// FNV-1a.
fn hash(text: &str) -> u64 {
    text.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

/// Counts, both ends of the text form, and a hash of all of it, weights included.
fn summary(compiled: &Compiled) -> String {
    let names = compiled.circuit.print_names();
    let lines: Vec<&str> = names.lines().collect();
    let mut text = count_line(&compiled.circuit);
    text += &format!(
        "; text: {} lines, fnv {:016x}\n",
        lines.len(),
        hash(&compiled.circuit.print())
    );
    let end = lines
        .len()
        .saturating_sub(SHOWN)
        .max(SHOWN.min(lines.len()));
    lines[..SHOWN.min(lines.len())]
        .iter()
        .for_each(|l| text += &format!("{l}\n"));
    text += "; …\n";
    lines[end..].iter().for_each(|l| text += &format!("{l}\n"));
    text
}

fn compiled(trained: &Trained) -> (Model, Vec<Vec<f64>>, Result<Compiled, Error>) {
    let (model, samples, calibration) = trained.load();
    let options = Options {
        calibration: Some(calibration),
        ..Options::default()
    };
    let made = compile(&model, &options, &passes::standard(), &mut |_, _, _, _| {});
    (model, samples, made)
}

/// Planned, reported and counted operations are the same, and the simulator computes the polynomial network.
fn check_plan(name: &str, compiled: &Compiled, samples: &[Vec<f64>]) -> Counts {
    let planned = counts(&compiled.circuit);
    let reported: Vec<(&str, u64)> = compiled.report.counts.fields().collect();
    assert_eq!(reported, planned.named(), "{name}: the report");
    let counting = Counting::new();
    run(
        &counting,
        &compiled.circuit,
        &vec![(); compiled.circuit.inputs().len()],
        &silent,
    )
    .unwrap_or_else(|e| panic!("{name}: {e}"));
    assert_eq!(counting.counts(), planned, "{name}: counted");
    let mut gap = Comparison::default();
    for sample in samples.iter().take(2) {
        gap.add(
            &polynomial(name, compiled, sample),
            &compiled
                .run_slots(sample)
                .unwrap_or_else(|e| panic!("{name}: {e}")),
        );
    }
    assert!(
        gap.max_rel() <= SIMULATED,
        "{name}: the simulator differs by {:.2e} of the largest output",
        gap.max_rel()
    );
    planned
}

fn polynomial(name: &str, compiled: &Compiled, sample: &[f64]) -> Vec<f64> {
    let values = compiled
        .evaluate_polynomial(sample)
        .unwrap_or_else(|| panic!("{name}: no network"));
    values.unwrap_or_else(|e| panic!("{name}: {e}"))
}

/// Writes the compiled network and reads it again.
fn check_file(name: &str, compiled: &Compiled) {
    let folder = tempfile::tempdir().unwrap_or_else(|e| panic!("{name}: {e}"));
    let path = folder.path().join("network.privet");
    compiled
        .save(&path, false)
        .unwrap_or_else(|e| panic!("{name}: {e}"));
    let read = Compiled::load(&path).unwrap_or_else(|e| panic!("{name}: {e}"));
    assert_eq!(read.circuit, compiled.circuit, "{name}: the circuit read");
}

/// Encrypts one sample, runs and decrypts it; the backend counts what it does.
fn check_encrypted(name: &str, compiled: &Compiled, planned: &Counts, sample: &[f64]) {
    let fails = |e: &dyn std::fmt::Display| -> String { format!("{name}: {e}") };
    let client = &compiled.client;
    let ctx = client.context().unwrap_or_else(|e| panic!("{}", fails(&e)));
    let keys = client.keygen(&ctx, &silent);
    let plan = plan_memory(&compiled.circuit, None).unwrap_or_else(|e| panic!("{}", fails(&e)));
    assert!(plan.peak_bytes() > 0);
    let encoded = CkksBackend::encode_ahead(&ctx, &compiled.circuit, 0, &silent)
        .unwrap_or_else(|e| panic!("{}", fails(&e)));
    let input = client
        .encrypt(&ctx, &keys.secret, sample)
        .unwrap_or_else(|e| panic!("{}", fails(&e)));
    let (output, _, executed) =
        run_encrypted(&ctx, compiled, &keys.evaluation, &encoded, &input, &silent)
            .unwrap_or_else(|e| panic!("{}", fails(&e)));
    for ((what, planned), (_, executed)) in planned.named().into_iter().zip(executed.named()) {
        assert_eq!(executed, planned, "{name}: {what} executed and planned");
    }
    let found = client
        .decrypt(&ctx, &keys.secret, &output)
        .unwrap_or_else(|e| panic!("{}", fails(&e)));
    let mut gap = Comparison::default();
    gap.add(&polynomial(name, compiled, sample), &found);
    assert!(
        gap.max_rel() <= ENCRYPTED,
        "{name}: decrypted results differ by {:.2e} of the largest output",
        gap.max_rel()
    );
    println!(
        "{name}: decrypted results differ by {:.1e} of the largest output",
        gap.max_rel()
    );
}

#[test]
fn bundled_networks_do_what_was_planned() {
    let networks = bundled();
    assert!(!networks.is_empty(), "examples/models holds no network");
    let mut wrong = Vec::new();
    for trained in &networks {
        let name = &trained.name;
        let (_, samples, made) = compiled(trained);
        let made = made.unwrap_or_else(|e| panic!("{name}: {}", render::error(&e)));
        let planned = check_plan(name, &made, &samples);
        check_file(name, &made);
        check_encrypted(name, &made, &planned, &samples[0]);
        wrong.extend(check_golden(&golden_file(name, "counts"), &summary(&made)).err());
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn shared_networks_run_or_are_refused() {
    if shared_folder().is_none() {
        println!("skipped: there is no folder of shared networks; PRIVET_SHARED names one");
        return;
    }
    let mut wrong = Vec::new();
    let (mut ran, mut refused) = (0, 0);
    for trained in &shared() {
        let name = &trained.name;
        let start = std::time::Instant::now();
        let (_, samples, made) = compiled(trained);
        match made {
            Ok(made) => {
                check_plan(name, &made, &samples);
                ran += 1;
                if golden_file(name, "refusal").exists() {
                    wrong.push(format!("{name} is no longer refused: remove its file"));
                }
            }
            Err(error) => {
                wrong.extend(
                    check_golden(&golden_file(name, "refusal"), &render::error(&error)).err(),
                );
                refused += 1;
            }
        }
        println!("{name}: {:.1} s", start.elapsed().as_secs_f64());
    }
    println!("{ran} networks run, {refused} are refused");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_golden_file_of_a_model_has_its_model() {
    let counted: BTreeSet<String> = bundled()
        .into_iter()
        .map(|t| format!("{}.counts", t.name))
        .collect();
    for path in files_below(&golden_folder().join("models")) {
        let name = name_of(&path);
        let of_shared = name.ends_with(".refusal")
            && (shared_folder().is_none()
                || shared()
                    .iter()
                    .any(|t| name == format!("{}.refusal", t.name)));
        assert!(
            counted.contains(&name) || of_shared,
            "nothing uses golden/models/{name}"
        );
    }
}
