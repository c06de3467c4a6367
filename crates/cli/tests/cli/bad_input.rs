//! Everything that can be wrong from outside: exit code, words, and nothing half-written.

use crate::common::{Folder, digits, mlp, relu};

#[test]
fn calibration_is_asked_for() {
    let folder = Folder::new();
    std::fs::copy(relu(), folder.path("relu.onnx")).expect("the model");
    let done = folder.privet(&["infer", "relu.onnx", "--input", &digits()]);
    done.fails(
        1,
        &[
            "activations",
            "range of their inputs",
            "help: --calibration FILE",
        ],
    );
    folder
        .privet(&["compile", "relu.onnx"])
        .fails(1, &["help: --calibration FILE"]);
    assert_eq!(folder.names(), ["relu.onnx"]);
}

#[test]
fn samples_that_do_not_fit_are_refused() {
    let folder = Folder::new();
    let mut values = vec![0.5; 784];
    folder.npy("short.npy", &[1, 28, 27], &values[..756]);
    values[9] = f64::NAN;
    folder.npy("nan.npy", &[1, 784], &values);
    values[9] = 7.0;
    folder.npy("far.npy", &[1, 784], &values);
    folder
        .privet(&["infer", &mlp(), "--input", "short.npy"])
        .fails(2, &["short.npy", "27", "784", "help:"]);
    folder
        .privet(&["infer", &mlp(), "--input", "nan.npy"])
        .fails(2, &["nan.npy", "sample 0 has NaN at element 9", "help:"]);
    folder
        .privet(&["infer", &mlp(), "--input", "none.npy"])
        .fails(2, &["none.npy", "help: check the name"]);
    folder
        .privet(&["infer", &mlp(), "--input", &digits(), "--sample", "4"])
        .fails(2, &["4 samples", "help: the last sample is 3"]);
    let done = folder.privet(&["infer", &mlp(), "--input", "far.npy", "--report", "r.json"]);
    done.works(&[]);
    assert!(
        done.err
            .contains("warning: 1 input value outside -0.05..1.05, the range assumed")
            && done.err.contains("found 0.5..7"),
        "{}",
        done.err
    );
    let report = std::fs::read_to_string(folder.path("r.json")).expect("the report");
    assert!(report.contains("\"out_of_range\": 1"), "{report}");
}

#[test]
fn models_that_are_none_are_refused() {
    let folder = Folder::new();
    let whole = std::fs::read(mlp()).expect("the model");
    std::fs::write(folder.path("cut.onnx"), &whole[..whole.len() / 2]).expect("a cut model");
    std::fs::write(folder.path("text.onnx"), "not a model").expect("a text");
    let cut = folder.privet(&["compile", "cut.onnx"]);
    cut.fails(
        cut.code.filter(|c| *c <= 2).unwrap_or(2),
        &["cut.onnx", "truncated", "help: copy the file again"],
    );
    let text = folder.privet(&["compile", "text.onnx"]);
    text.fails(
        text.code.filter(|c| *c <= 2).unwrap_or(2),
        &["text.onnx", "not an ONNX model"],
    );
    folder
        .privet(&["compile", "none.onnx"])
        .fails(2, &["none.onnx"]);
    assert_eq!(folder.names(), ["cut.onnx", "text.onnx"]);
}

#[test]
fn files_of_privet_are_no_models() {
    let folder = Folder::new();
    folder.prepare();
    folder
        .privet(&["compile", "m.privet", "-o", "again.privet"])
        .fails(
            2,
            &[
                "m.privet",
                "one of Privet's own files",
                "help: name the .onnx file",
            ],
        );
}

#[test]
fn keys_and_ciphertexts_of_others_are_named() {
    let folder = Folder::new();
    folder.prepare();
    folder
        .privet(&[
            "keygen",
            "m.client",
            "--secret",
            "s2.key",
            "--evaluation",
            "e2.evk",
        ])
        .works(&[]);
    folder
        .privet(&[
            "encrypt",
            "m.client",
            "--secret",
            "s.key",
            "--input",
            &digits(),
            "-o",
            "x.ct",
        ])
        .works(&[]);
    let wrong = folder.privet(&[
        "run",
        "m.privet",
        "--evaluation",
        "e2.evk",
        "x.ct",
        "-o",
        "y.ct",
    ]);
    wrong.fails(
        2,
        &[
            "x.ct belongs to key",
            "expected key",
            "help: use the evaluation keys",
        ],
    );
    assert!(!folder.exists("y.ct"));
    assert!(
        wrong.out.is_empty(),
        "plans before refusing:\n{}",
        wrong.out
    );
    folder
        .privet(&[
            "run",
            "m.privet",
            "--evaluation",
            "e.evk",
            "x.ct",
            "-o",
            "y.ct",
        ])
        .works(&[]);
    let wrong = folder.privet(&["decrypt", "m.client", "--secret", "s2.key", "y.ct"]);
    wrong.fails(
        2,
        &[
            "y.ct belongs to key",
            "help: decrypt with the secret key that encrypted the input",
        ],
    );
    folder
        .privet(&["decrypt", "m.client", "--secret", "s.key", "x.ct"])
        .fails(2, &["x.ct holds an encrypted input", "privet run"]);
    folder
        .privet(&[
            "run",
            "m.privet",
            "--evaluation",
            "s.key",
            "x.ct",
            "-o",
            "z.ct",
        ])
        .fails(2, &["s.key is a secret key file, expected evaluation keys"]);
    // Another circuit, with parameters of its own.
    let ae = crate::common::models()
        .join("ae_784_32_784.onnx")
        .display()
        .to_string();
    folder
        .privet(&["compile", &ae, "-o", "a.privet", "--log-n", "14"])
        .works(&[]);
    let other = folder.privet(&[
        "run",
        "a.privet",
        "--evaluation",
        "e.evk",
        "x.ct",
        "-o",
        "z.ct",
    ]);
    other.fails(
        2,
        &[
            "x.ct belongs to circuit",
            "mlp_784_128_10",
            "expected circuit",
            "ae_784_32_784",
            "help: encrypt the input for this circuit",
        ],
    );
    let other = folder.privet(&[
        "encrypt",
        "a.privet",
        "--secret",
        "s.key",
        "--input",
        &digits(),
        "-o",
        "z.ct",
    ]);
    other.fails(
        2,
        &[
            "s.key belongs to parameters",
            "help: make keys for this circuit",
        ],
    );
    assert!(!folder.exists("z.ct"));
}

#[test]
fn damaged_files_are_told() {
    let folder = Folder::new();
    folder.prepare();
    let whole = std::fs::read(folder.path("m.privet")).expect("the compiled network");
    let damaged = |name: &str, bytes: &[u8], phrases: &[&str]| {
        std::fs::write(folder.path(name), bytes).expect("a damaged file");
        folder
            .privet(&["inspect", name])
            .fails(2, &[&[name], phrases].concat());
        folder
            .privet(&["run", name, "--evaluation", "e.evk", "x.ct"])
            .fails(2, &[name]);
    };
    damaged(
        "cut.privet",
        &whole[..whole.len() - 100],
        &["cut short", "help: copy or make the file again"],
    );
    let mut altered = whole.clone();
    altered[whole.len() / 2] ^= 1;
    damaged("altered.privet", &altered, &["is damaged", "help:"]);
    damaged("empty.privet", b"PRIVET", &["help:"]);
    let mut newer = whole;
    newer[10] = 9;
    damaged(
        "newer.privet",
        &newer,
        &["format version 9", "update Privet"],
    );
    folder
        .privet(&["run", "e.evk", "--evaluation", "e.evk", "x.ct"])
        .fails(
            2,
            &["e.evk is an evaluation key file, expected a compiled circuit"],
        );
}

#[test]
fn outputs_that_exist_stay() {
    let folder = Folder::new();
    folder.prepare();
    let before = std::fs::read(folder.path("s.key")).expect("the key");
    let again = folder.privet(&[
        "keygen",
        "m.client",
        "--secret",
        "s.key",
        "--evaluation",
        "new.evk",
    ]);
    again.fails(2, &["s.key exists already", "help: add --force"]);
    assert!(!folder.exists("new.evk"));
    assert_eq!(
        std::fs::read(folder.path("s.key")).expect("the key"),
        before
    );
    folder
        .privet(&["compile", &mlp(), "-o", "m.privet"])
        .fails(2, &["m.privet exists already"]);
    folder
        .privet(&["compile", &mlp(), "-o", "m.privet", "--force"])
        .works(&[]);
    folder
        .privet(&[
            "keygen",
            "m.client",
            "--secret",
            "q.key",
            "--evaluation",
            "q.key",
        ])
        .fails(2, &["two outputs"]);
    folder
        .privet(&["compile", &mlp(), "-o", "none/m.privet"])
        .fails(2, &["none/m.privet", "help: check the name and its folder"]);
}

#[test]
#[cfg(target_os = "linux")]
fn a_full_disk_is_told() {
    let full = std::fs::OpenOptions::new().write(true).open("/dev/full");
    let Ok(full) = full else { return };
    let mut command = std::process::Command::new(assert_cmd::cargo::cargo_bin("privet"));
    let output = command
        .args(["inspect", &mlp()])
        .stdout(full)
        .output()
        .expect("it runs");
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(2), "{text}");
    assert!(
        text.contains("can not write standard output: No space left on device"),
        "{text}"
    );
    let folder = Folder::new();
    folder
        .privet(&[
            "infer",
            &mlp(),
            "--input",
            &digits(),
            "--report",
            "/dev/full",
        ])
        .fails(2, &["/dev/full is not a regular file"]);
}

#[test]
fn settings_that_can_not_be_met_are_refused() {
    let folder = Folder::new();
    let small = folder.privet(&["infer", &mlp(), "--input", &digits(), "--memory", "20MiB"]);
    small.fails(1, &["are allowed", "help: --memory"]);
    let ring = folder.privet(&["infer", &mlp(), "--input", &digits(), "--log-n", "12"]);
    ring.fails(1, &["levels", "2^12", "help:"]);
    folder
        .privet(&[
            "infer",
            &mlp(),
            "--input",
            &digits(),
            "--memory",
            "5 apples",
        ])
        .fails(2, &["8GiB"]);
    folder
        .privet(&["infer", &mlp(), "--input", &digits(), "--log-n", "11"])
        .fails(2, &["12..=16"]);
    folder
        .privet(&["infer", &mlp(), "--inptu", "x"])
        .fails(2, &["'--inptu'", "'--input'"]);
    folder
        .privet(&["compile", &mlp(), "--stop-after", "hoist"])
        .fails(2, &["no pass `hoist`", "hoist-rotations"]);
    folder
        .privet(&["compile", &mlp(), "--stop-after", "all"])
        .fails(2, &["no pass `all`"]);
    folder
        .privet(&[
            "compile",
            &mlp(),
            "--stop-after",
            "fold-linear",
            "--report",
            "r",
        ])
        .fails(2, &["--report", "--stop-after"]);
    folder
        .privet(&["compile", &mlp(), "--calibration-scale", "1"])
        .fails(2, &["no calibration data", "help: --calibration FILE"]);
    folder
        .privet(&["infer", &mlp(), "--input", &digits(), "--scale", "0"])
        .fails(2, &["the scale is"]);
    folder
        .privet(&["infer", &mlp(), "--input", &digits(), "--pad", "1,2"])
        .fails(2, &["--pad has 2 numbers"]);
    std::fs::copy(mlp(), folder.path("m.onnx")).expect("the model");
    std::fs::write(folder.path("m.feed.json"), r#"{"scael": 2}"#).expect("a feed");
    folder
        .privet(&["infer", "m.onnx", "--input", &digits()])
        .fails(
            2,
            &[
                "m.feed.json, line 1, column 8: \"scael\" is not one of",
                "help: write it as",
            ],
        );
    folder.privet(&["--version"]).works(&["privet 0."]);
}

#[test]
fn labels_are_of_the_networks_classes_and_as_many_as_samples() {
    let folder = Folder::new();
    let check = |labels: &str, more: &[&str]| {
        std::fs::write(folder.path("labels.txt"), labels).expect("labels");
        let (model, data) = (mlp(), digits());
        let words = ["check", &model, "--data", &data, "--labels", "labels.txt"];
        folder.privet(&[&words[..], more].concat())
    };
    check("0\n1\n12\n3\n", &[]).fails(
        2,
        &[
            "labels.txt: label 2 is 12, expected a class from 0 to 9",
            "10 outputs",
            "help: give the labels",
        ],
    );
    check("1\n2\n3\n10\n", &[]).fails(2, &["label 3 is 10", "help: classes count from 0"]);
    check("0\n1\n", &[]).fails(2, &["labels.txt has 2 labels, ", "npy has 4 samples"]);
    check("", &[]).fails(2, &["labels.txt has 0 labels"]);
    check("0\n1\n2\n3\n", &["--limit", "2"]).works(&["50.00 %"]);
}

#[test]
fn files_of_another_kind_are_named() {
    let folder = Folder::new();
    folder.prepare();
    std::fs::write(folder.path("empty"), "").expect("an empty file");
    let digits = digits();
    folder
        .privet(&["inspect", &digits])
        .fails(2, &["holds input data", "help: privet infer"]);
    folder
        .privet(&["keygen", "empty", "--secret", "a", "--evaluation", "b"])
        .fails(2, &["empty is not a Privet file: it is empty"]);
    folder
        .privet(&["decrypt", "m.client", "--secret", "m.client", "m.client"])
        .fails(2, &["m.client is a client file, expected a secret key"]);
    folder
        .privet(&["compile", &mlp(), "--costs", "."])
        .fails(2, &[". is not a regular file"]);
    folder
        .privet(&["infer", "m.privet", "--input", &digits])
        .fails(2, &["m.privet is one of Privet's own files"]);
}
