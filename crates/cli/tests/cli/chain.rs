//! Commands that work, and files that fit together.

use crate::common::{Folder, digits, mlp, read_npy};

#[test]
fn infer_runs_the_whole_chain_and_reports_it() {
    let folder = Folder::new();
    let done = folder.privet(&[
        "infer",
        &mlp(),
        "--input",
        &digits(),
        "--sample",
        "1",
        "--report",
        "r.json",
        "--output",
        "y.npy",
    ]);
    done.works(&[
        "encrypted            6",
        "plaintext            6",
        "rotations",
        "predicted at most",
        "used at most",
        "of the largest output",
    ]);
    assert!(done.err.is_empty(), "{}", done.err);
    let text = std::fs::read_to_string(folder.path("r.json")).expect("the report");
    let report: serde_json::Value = serde_json::from_str(&text).expect("JSON");
    assert_eq!(report["schema"], 1);
    for time in [
        "compile_ms",
        "keygen_ms",
        "encode_ms",
        "encrypt_ms",
        "run_ms",
        "decrypt_ms",
    ] {
        assert!(
            report["time"][time].as_f64().is_some_and(|ms| ms > 0.0),
            "{time}"
        );
    }
    assert!(
        report["error"]["max_rel"]
            .as_f64()
            .is_some_and(|e| e < 1e-3)
    );
    assert_eq!(report["error"]["out_of_range"], 0);
    assert!(
        report["memory"]["peak_rss_bytes"]
            .as_u64()
            .is_some_and(|b| b > 1 << 20)
    );
    assert_eq!(read_npy(&folder.path("y.npy")).len(), 10);
}

#[test]
fn every_backend_agrees() {
    let folder = Folder::new();
    let outputs = ["plain", "polynomial", "slots", "ckks"].map(|backend| {
        let file = format!("{backend}.npy");
        folder
            .privet(&[
                "infer",
                &mlp(),
                "--input",
                &digits(),
                "--backend",
                backend,
                "-o",
                &file,
            ])
            .works(&["plaintext            0"]);
        read_npy(&folder.path(&file))
    });
    for (other, tolerance) in outputs[1..].iter().zip([1e-9, 1e-9, 1e-3]) {
        outputs[0]
            .iter()
            .zip(other)
            .for_each(|(a, b)| assert!((a - b).abs() < tolerance, "{a} {b}"));
    }
}

#[test]
fn client_and_server_exchange_files() {
    let folder = Folder::new();
    folder.prepare();
    folder
        .privet(&[
            "encrypt",
            "m.client",
            "--secret",
            "s.key",
            "--input",
            &digits(),
            "--sample",
            "2",
            "-o",
            "x.ct",
        ])
        .works(&["encrypted input"]);
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
        .works(&["encrypted result"]);
    folder
        .privet(&[
            "decrypt", "m.client", "--secret", "s.key", "y.ct", "--output", "y.npy",
        ])
        .works(&["decrypted", "outputs"]);
    folder
        .privet(&[
            "infer",
            &mlp(),
            "--input",
            &digits(),
            "--sample",
            "2",
            "--backend",
            "plain",
            "-o",
            "p.npy",
        ])
        .works(&[]);
    let (found, expected) = (
        read_npy(&folder.path("y.npy")),
        read_npy(&folder.path("p.npy")),
    );
    let largest = expected.iter().fold(0.0f64, |m, v| m.max(v.abs()));
    assert_eq!(found.len(), 10);
    found
        .iter()
        .zip(&expected)
        .for_each(|(a, b)| assert!((a - b).abs() < 1e-3 * largest, "{a} {b}"));
    for (file, words) in [
        ("m.privet", "compiled network"),
        ("m.client", "client file"),
        ("s.key", "secret key"),
        ("e.evk", "evaluation keys"),
        ("x.ct", "encrypted input"),
        ("y.ct", "encrypted result"),
    ] {
        folder
            .privet(&["inspect", file])
            .works(&[words, "mlp_784_128_10"]);
    }
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let mode = std::fs::metadata(folder.path("s.key"))
            .expect("the key")
            .permissions()
            .mode();
        assert_eq!(mode & 0o777, 0o600);
    }
}

#[test]
fn a_deep_network_is_read_back() {
    let folder = Folder::new();
    folder
        .privet(&["compile", &crate::common::relu(), "-o", "m.privet"])
        .works(&["14 levels", "m.privet, the compiled network"]);
    folder
        .privet(&["inspect", "m.privet", "--client", "m.client"])
        .works(&[
            "calibration 256 samples",
            "encrypt applies --scale 1/255",
            "m.client, for the data owner",
        ]);
}

#[test]
fn one_thread_and_two_give_the_same_counts() {
    let folder = Folder::new();
    for threads in ["1", "2"] {
        let report = format!("{threads}.json");
        folder
            .privet(&[
                "infer",
                &mlp(),
                "--input",
                &digits(),
                "--threads",
                threads,
                "--report",
                &report,
            ])
            .works(&[if threads == "1" {
                "1 thread"
            } else {
                "2 threads"
            }]);
    }
    let counts = ["1.json", "2.json"].map(|name| {
        let text = std::fs::read_to_string(folder.path(name)).expect("the report");
        serde_json::from_str::<serde_json::Value>(&text).expect("JSON")["counts"].clone()
    });
    assert_eq!(counts[0], counts[1]);
}

#[test]
fn check_compares_three_networks() {
    let folder = Folder::new();
    std::fs::write(folder.path("labels.txt"), "0\n1\n2\n3\n").expect("labels");
    let done = folder.privet(&[
        "check",
        &mlp(),
        "--data",
        &digits(),
        "--labels",
        "labels.txt",
        "--encrypted",
        "2",
        "--report",
        "r.json",
    ]);
    done.works(&[
        "plaintext",
        "polynomial",
        "encrypted",
        "2/2",
        "4/4",
        "executed operations are the planned ones",
        "polynomial with plaintext · encrypted with polynomial",
    ]);
    let text = std::fs::read_to_string(folder.path("r.json")).expect("the report");
    let report: serde_json::Value = serde_json::from_str(&text).expect("JSON");
    assert_eq!(report["accuracy"]["samples"], 4);
    assert_eq!(
        report["accuracy"]["plaintext"],
        report["accuracy"]["polynomial"]
    );
    assert_eq!(report["error"]["argmax_agreement"], 1.0);
}

#[test]
fn dumps_parse_back() {
    let folder = Folder::new();
    folder
        .privet(&[
            "compile",
            &mlp(),
            "--dump-after",
            "all",
            "--dump-dir",
            "d",
            "-o",
            "m.privet",
        ])
        .works(&["m.privet, the compiled network"]);
    let mut circuits = 0;
    for entry in std::fs::read_dir(folder.path("d")).expect("the dumps") {
        let path = entry.expect("an entry").path();
        let text = std::fs::read_to_string(&path).expect("a dump");
        if path.extension().is_some_and(|e| e == "circuit") {
            circuits += 1;
            privet::extend::parse(&text).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
        } else {
            privet::extend::graph::parse(&text)
                .unwrap_or_else(|e| panic!("{}: {e}", path.display()));
        }
    }
    assert!(circuits > 5, "{circuits} dumps of circuits");
    folder
        .privet(&[
            "compile",
            &mlp(),
            "--stop-after",
            "hoist-rotations",
            "--dump-dir",
            "s",
        ])
        .works(&["hoist-rotations.circuit, the program"]);
    folder
        .privet(&[
            "compile",
            &mlp(),
            "--stop-after",
            "fold-linear",
            "-o",
            "linear.graph",
        ])
        .works(&["linear.graph, the program"]);
    let text = std::fs::read_to_string(folder.path("linear.graph")).expect("the program");
    privet::extend::graph::parse(&text).expect("a graph");
    assert!(!folder.exists("mlp_784_128_10.privet"));
}

#[test]
fn inspect_says_what_an_onnx_file_would_cost() {
    let folder = Folder::new();
    folder
        .privet(&["inspect", &mlp()])
        .works(&["ONNX", "2 Gemm", "compiles    yes", "rotations"]);
    std::fs::copy(crate::common::relu(), folder.path("relu.onnx")).expect("the model");
    folder
        .privet(&["inspect", "relu.onnx"])
        .works(&["4 Relu", "compiles    no", "--calibration"]);
}
