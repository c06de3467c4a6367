//! Runs: the same with any number of threads and under any memory cap, and keys read when they are needed.

use crate::common::{Done, Folder, digits, mlp};

fn encrypted() -> Folder {
    let folder = Folder::new();
    folder.prepare();
    let input = digits();
    let encrypt = ["encrypt", "m.client", "--secret", "s.key", "--input"];
    folder
        .privet(&[&encrypt[..], &[&input, "-o", "x.ct"]].concat())
        .works(&[]);
    folder
}

fn run(folder: &Folder, keys: &str, output: &str, more: &[&str]) -> Done {
    let words = [
        "run",
        "m.privet",
        "--evaluation",
        keys,
        "x.ct",
        "-o",
        output,
    ];
    folder.privet(&[&words[..], more].concat())
}

#[test]
fn results_do_not_depend_on_threads_or_memory() {
    let folder = encrypted();
    let ways: [&[&str]; 4] = [
        &["--threads", "1"],
        &["--threads", "2"],
        &["--threads", "5"],
        &["--threads", "2", "--memory", "200MiB"],
    ];
    let results: Vec<Vec<u8>> = ways
        .iter()
        .enumerate()
        .map(|(i, way)| {
            let name = format!("{i}.ct");
            run(&folder, "e.evk", &name, way).works(&["encrypted result"]);
            std::fs::read(folder.path(&name)).expect("the result")
        })
        .collect();
    for (way, result) in ways.iter().zip(&results) {
        assert!(*result == results[0], "{way:?} gives other ciphertexts");
    }
}

#[test]
fn damaged_keys_are_told_when_they_are_needed() {
    let folder = encrypted();
    let whole = std::fs::read(folder.path("e.evk")).expect("the keys");
    let mut altered = whole.clone();
    altered[whole.len() / 2] ^= 1;
    for (name, bytes, phrase) in [
        ("altered.evk", &altered[..], "is damaged"),
        ("cut.evk", &whole[..whole.len() - 4096], "cut short"),
    ] {
        std::fs::write(folder.path(name), bytes).expect("a damaged file");
        for threads in ["1", "3"] {
            let done = run(&folder, name, "y.ct", &["--threads", threads]);
            done.fails(2, &[name, phrase, "help: copy or make the file again"]);
        }
        assert!(!folder.exists("y.ct"));
    }
}

#[test]
fn inspect_finds_damage_wherever_it_is() {
    let folder = encrypted();
    for (name, section) in [
        ("e.evk", "section \"rotation/"),
        ("x.ct", "section \"ct/0\" at byte "),
        ("s.key", "section \"secret\" at byte "),
        ("m.client", "section \"client\" at byte "),
    ] {
        folder.privet(&["inspect", name]).works(&[name]);
        let mut bytes = std::fs::read(folder.path(name)).expect("the file");
        let at = bytes.len() / 2;
        bytes[at] ^= 1;
        std::fs::write(folder.path("bad"), bytes).expect("a damaged file");
        let done = folder.privet(&["inspect", "bad"]);
        done.fails(2, &["bad: ", section, "is damaged", "help: copy or make"]);
        assert!(done.out.is_empty(), "{}", done.out);
    }
}

#[test]
fn a_memory_cap_decides_what_is_encoded_during_the_run() {
    let folder = Folder::new();
    let data = digits();
    let memory = |cap: &str, report: &str| {
        let model = mlp();
        let words = ["check", &model, "--data", &data, "--encrypted", "1"];
        let more = ["--threads", "1", "--memory", cap, "--report", report];
        folder.privet(&[&words[..], &more].concat()).works(&["run"]);
        let text = std::fs::read_to_string(folder.path(report)).expect("the report");
        let report: serde_json::Value = serde_json::from_str(&text).expect("JSON");
        let memory = &report["memory"];
        let bytes = |name: &str| memory[name].as_u64().expect("bytes");
        let [all, kept, encoded] = [
            "plaintext_bytes",
            "kept_plaintext_bytes",
            "encoded_plaintext_bytes",
        ]
        .map(bytes);
        assert_eq!(all, kept + encoded);
        let (predicted, used) = (bytes("predicted_peak_bytes"), bytes("peak_rss_bytes"));
        assert!(
            used <= predicted,
            "{cap}: {used} bytes used, {predicted} predicted"
        );
        (kept, encoded, predicted)
    };
    let (kept, encoded, predicted) = memory("8GiB", "all.json");
    assert!(kept > 0 && encoded == 0);
    let least = folder.privet(&[
        "check",
        &mlp(),
        "--data",
        &data,
        "--encrypted",
        "1",
        "--memory",
        "1MiB",
    ]);
    least.fails(1, &["running needs", "help: --memory"]);
    let cap = (predicted - kept / 2) >> 10;
    let (part, encoded, _) = memory(&format!("{cap}KiB"), "some.json");
    assert!(
        encoded > 0 && part < kept,
        "{part} bytes are kept under {cap} KiB"
    );
}

#[test]
fn check_reads_keys_from_a_file_where_they_do_not_fit() {
    let folder = Folder::new();
    let (model, data) = (mlp(), digits());
    let words = ["check", &model, "--data", &data, "--encrypted", "2"];
    let check =
        |more: &[&str]| folder.privet(&[&words[..], &["--threads", "1", "--force"], more].concat());
    let report = |name: &str| -> serde_json::Value {
        let text = std::fs::read_to_string(folder.path(name)).expect("the report");
        serde_json::from_str(&text).expect("JSON")
    };
    check(&["--report", "all.json"]).works(&["run"]);
    let all = report("all.json");
    let bytes = |report: &serde_json::Value, section: &str, name: &str| {
        report[section][name].as_u64().expect("bytes")
    };
    // Room for everything but weights and half the keys.
    let spare = bytes(&all, "memory", "kept_plaintext_bytes") + bytes(&all, "keys", "bytes") / 2;
    let cap = (bytes(&all, "memory", "predicted_peak_bytes") - spare) >> 10;
    let some = ["--memory", &format!("{cap}KiB"), "--report", "some.json"];
    check(&some).works(&["temporary file", "executed operations are the planned ones"]);
    let some = report("some.json");
    let (predicted, used) = (
        bytes(&some, "memory", "predicted_peak_bytes"),
        bytes(&some, "memory", "peak_rss_bytes"),
    );
    assert!(
        used <= predicted,
        "{used} bytes used, {predicted} predicted"
    );
    assert!(
        predicted <= cap << 10,
        "{predicted} bytes predicted under {cap} KiB"
    );
}

#[test]
fn what_a_refusal_for_memory_names_suffices() {
    let folder = Folder::new();
    let (model, data) = (mlp(), digits());
    let words = [
        "check",
        &model,
        "--data",
        &data,
        "--encrypted",
        "1",
        "--memory",
    ];
    let check = |memory: &str| folder.privet(&[&words[..], &[memory]].concat());
    let refused = check("1MiB");
    refused.fails(1, &["running needs", "1MiB are allowed"]);
    let after = |phrase: &str| {
        let rest = refused.err.split(phrase).nth(1).expect("the phrase");
        rest.split_whitespace().next().expect("a size").to_owned()
    };
    let needed = after("running needs ");
    assert_eq!(needed, after("help: --memory "));
    check(&needed).works(&["executed operations are the planned ones"]);
}

/// A reader such as `head` that leaves early takes neither files nor errors with it.
#[test]
fn work_goes_on_when_nobody_reads() {
    let folder = Folder::new();
    let program = env!("CARGO_BIN_EXE_privet");
    let unread = |args: &[&str]| {
        let mut command = std::process::Command::new(program);
        command.args(args).current_dir(folder.path("."));
        let (read, write) = std::io::pipe().expect("a pipe");
        command.stdout(write.try_clone().expect("a pipe"));
        command.stderr(write);
        drop(read);
        command.status().expect("it starts").code()
    };
    let model = mlp();
    assert_eq!(unread(&["compile", &model, "-o", "m.privet"]), Some(0));
    assert_eq!(
        unread(&["inspect", "m.privet", "--client", "m.client"]),
        Some(0)
    );
    assert!(folder.exists("m.privet") && folder.exists("m.client"));
    assert_eq!(unread(&["inspect", "none.privet"]), Some(2));
}
