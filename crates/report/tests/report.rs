//! The two forms of a made-up report, whole.

use privet_report::*;
use std::collections::BTreeSet;

fn sample() -> Report {
    let tensor = |name: &str, shape: &[u64]| TensorShape {
        name: name.into(),
        shape: shape.into(),
    };
    let dense = Counts {
        rotations: 33,
        baby: 15,
        giant: 8,
        collapse: 7,
        conversion: 2,
        rotations_hoisted: 15,
        key_products: 33,
        decompose: 19,
        mod_down: 20,
        rescale: 1,
        mul_plain: 1024,
        add: 1030,
        add_plain: 1,
        encode: 1025,
        ..Counts::default()
    };
    let square = Counts {
        key_products: 1,
        decompose: 1,
        mod_down: 1,
        relinearize: 1,
        rescale: 1,
        mul: 1,
        ..Counts::default()
    };
    Report {
        model: Model {
            name: "mlp_784_128_10.onnx".into(),
            sha256: "ab".repeat(32),
            inputs: vec![tensor("image", &[1, 28, 28])],
            outputs: vec![tensor("logits", &[10])],
            parameters: 101_770,
            macs: 101_632,
        },
        params: Some(Params {
            log_n: 13,
            log_q: 160.2,
            log_qp: 208.4,
            security_bits: 128,
            n_levels: 3,
            scale_bits: 40,
            n_special: 1,
            n_digits: 4,
        }),
        layers: vec![
            Layer {
                name: "dense1".into(),
                op: "gemm".into(),
                packing: "[128, 784/1024] diagonals".into(),
                tiles: Some(Share { total: 8, zero: 2 }),
                diagonals: Some(Share {
                    total: 1024,
                    zero: 100,
                }),
                baby: 15,
                giant: 8,
                collapse: 7,
                counts: dense,
                level_in: 3,
                level_out: 2,
                plaintext_bytes: 1 << 26,
                predicted_us: 150_000.0,
            },
            Layer {
                name: "act1".into(),
                op: "square".into(),
                counts: square,
                level_in: 2,
                level_out: 1,
                ..Layer::default()
            },
        ],
        counts: dense + square,
        ciphertexts: Some(Ciphertexts {
            input: 1,
            output: 1,
            live_peak: 24,
            upload_bytes: 524_288,
            download_bytes: 131_072,
            refresh_bytes: 0,
        }),
        plaintexts: Some(Plaintexts {
            total: 1024,
            zero: 100,
            bytes: 60_555_264,
        }),
        keys: Some(Keys {
            rotation: 31,
            bytes: 81_788_928,
            bytes_seeded: 40_894_464,
            amounts: vec![1, 2, -128],
        }),
        memory: Some(Memory {
            predicted_peak_bytes: Some(1 << 28),
            ..Memory::default()
        }),
        time: Some(Time {
            predicted_ms: Some(151.0),
            compile_ms: Some(1204.0),
            run_ms: Some(163.4),
            threads: Some(2),
            ..Time::default()
        }),
        error: Some(Error {
            max_abs: Some(2.5e-4),
            max_rel: Some(9.3e-6),
            precision_bits: Some(11.97),
            predicted_precision_bits: Some(11.5),
            argmax_agreement: Some(1.0),
            out_of_range: Some(3),
        }),
        accuracy: Some(Accuracy {
            plaintext: Some(0.978),
            polynomial: Some(0.9775),
            encrypted: Some(0.9775),
            samples: 1000,
        }),
        passes: vec![PassReport {
            name: "hoist-rotations".into(),
            changed: true,
            notes: vec!["15 rotations share one decomposition".into()],
            before: dense.to_map(),
            after: square.to_map(),
        }],
        ..Report::default()
    }
}

const WANT: &str = "\
model     mlp_784_128_10.onnx, [1, 28, 28] → [10], 101,770 parameters, 101,632 multiplications
params    N = 2^13, log Q = 160, log QP = 208, 128-bit security, 3 levels, scale 2^40, 1 special,
          4 digits

 layer    op       tiles   diagonals   baby/giant/collapse   products   level
──────────────────────────────────────────────────────────────────────────────
 dense1   gemm       6/8    924/1024                15/8/7      1,024     3→2
 act1     square       –           –                 0/0/0          1     2→1

rotations 33 = 15 baby + 8 giant + 7 collapse + 2 conversion + 1 other
counts    15 rotations_hoisted, 34 key_products, 20 decompose, 21 mod_down, 1 relinearize,
          2 rescale, 1,024 mul_plain, 1 mul, 1,030 add, 1 add_plain, 1,025 encode
ct        1 in, 1 out, 24 alive at most, 512.0 KiB up, 128.0 KiB down
weights   924 of 1,024 vectors kept, 57.8 MiB
keys      31 rotation keys, 78.0 MiB in memory, 39.0 MiB with seeds
memory    predicted peak 256.0 MiB
time      compile 1.20 s, run 163.4 ms, predicted run 151.0 ms, 2 threads
error     max abs 2.50e-4, max rel 9.30e-6, 12.0 bits (11.5 predicted), argmax agrees 100.00 %,
          3 out of range
accuracy  plaintext 97.80 %, polynomial 97.75 %, encrypted 97.75 %, 1,000 samples
";

#[test]
fn renders_for_a_terminal() {
    let text = sample().render_text(100);
    assert_eq!(text, WANT, "\n{text}");
}

#[test]
fn narrow_terminals_get_whole_parts() {
    for width in [0, 60, 80, 200] {
        let text = sample().render_text(width);
        let longest = text.lines().map(|line| line.chars().count()).max();
        assert!(
            longest <= Some(usize::from(width).max(80)),
            "{longest:?}\n{text}"
        );
        assert!(text.contains("dense1") && text.contains("rotations 33 = "));
    }
}

#[test]
fn absent_sections_have_no_line() {
    let report = Report {
        model: Model {
            name: "m".into(),
            ..Model::default()
        },
        ..Report::default()
    };
    let text = report.render_text(100);
    assert_eq!(
        text,
        "model     m, 0 parameters, 0 multiplications\nrotations 0\n"
    );
    let json = report.to_json();
    let keys: BTreeSet<String> = keys(&serde_json::from_str(&json).unwrap(), "");
    for absent in [
        "params",
        "ciphertexts",
        "plaintexts",
        "keys",
        "memory",
        "time",
        "error",
        "accuracy",
    ] {
        assert!(!keys.contains(absent), "{absent}");
    }
    assert_eq!(Report::from_json(&json).unwrap(), report);
}

/// The list in `architecture.md`, section 6; below `inputs` and `outputs` the two names of a tensor.
const NAMES: &str = "
    schema
    model { name sha256 inputs { name shape } outputs { name shape } parameters macs }
    params { log_n log_q log_qp security_bits n_levels scale_bits n_special n_digits }
    layers { name op packing tiles { total zero } diagonals { total zero } baby giant collapse
             counts { COUNTS } level_in level_out plaintext_bytes predicted_us }
    counts { COUNTS }
    ciphertexts { input output live_peak upload_bytes download_bytes refresh_bytes }
    plaintexts { total zero bytes }
    keys { rotation bytes bytes_seeded amounts }
    memory { predicted_peak_bytes peak_rss_bytes plaintext_bytes kept_plaintext_bytes encoded_plaintext_bytes }
    time { predicted_ms compile_ms keygen_ms encode_ms encrypt_ms run_ms decrypt_ms threads }
    error { max_abs max_rel precision_bits predicted_precision_bits argmax_agreement out_of_range }
    accuracy { plaintext polynomial encrypted samples }
    passes { name changed notes before { } after { } }";
const COUNTS: &str =
    "rotations baby giant collapse conversion conjugate rotations_hoisted key_products decompose
    mod_down relinearize rescale mul_plain mul_scalar mul add add_plain encode bootstrap refresh";

#[test]
fn json_names_are_those_of_the_schema() {
    let mut report = sample();
    let all = Time {
        predicted_ms: Some(1.0),
        compile_ms: Some(1.0),
        keygen_ms: Some(1.0),
        encode_ms: Some(1.0),
        encrypt_ms: Some(1.0),
        run_ms: Some(1.0),
        decrypt_ms: Some(1.0),
        threads: Some(1),
    };
    report.time = Some(all);
    report.memory = Some(Memory {
        predicted_peak_bytes: Some(1),
        peak_rss_bytes: Some(1),
        plaintext_bytes: Some(1),
        kept_plaintext_bytes: Some(1),
        encoded_plaintext_bytes: Some(1),
    });
    let found = keys(&serde_json::from_str(&report.to_json()).unwrap(), "");

    let mut want = BTreeSet::new();
    let mut path: Vec<&str> = vec![];
    let mut last = "";
    let names = NAMES.replace("COUNTS", COUNTS);
    for word in names.split_whitespace() {
        match word {
            "{" => path.push(last),
            "}" => drop(path.pop()),
            name => {
                last = name;
                want.insert(
                    path.iter()
                        .chain([&name])
                        .copied()
                        .collect::<Vec<_>>()
                        .join("."),
                );
            }
        }
    }
    assert!(path.is_empty());
    // The counts of a pass are named by its program form.
    let found: BTreeSet<String> = found
        .into_iter()
        .filter(|name| !name.starts_with("passes.before.") && !name.starts_with("passes.after."))
        .collect();
    assert_eq!(found, want);
    let order: Vec<_> = Counts::default().fields().map(|(name, _)| name).collect();
    assert_eq!(order, COUNTS.split_whitespace().collect::<Vec<_>>());
}

fn keys(value: &serde_json::Value, path: &str) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    match value {
        serde_json::Value::Object(fields) => {
            for (name, value) in fields {
                let path = if path.is_empty() {
                    name.clone()
                } else {
                    format!("{path}.{name}")
                };
                found.extend(keys(value, &path));
                found.insert(path);
            }
        }
        serde_json::Value::Array(items) => {
            items.iter().for_each(|item| found.extend(keys(item, path)))
        }
        _ => {}
    }
    found
}

#[test]
fn json_reads_back() {
    let report = sample();
    assert_eq!(Report::from_json(&report.to_json()).unwrap(), report);

    let exact = Report {
        error: Some(Error {
            max_abs: Some(0.0),
            precision_bits: Some(f64::INFINITY),
            ..Error::default()
        }),
        ..Report::default()
    };
    let read = Report::from_json(&exact.to_json()).unwrap();
    assert_eq!(
        read.error,
        Some(Error {
            max_abs: Some(0.0),
            ..Error::default()
        })
    );

    let grown = report
        .to_json()
        .replacen("\"schema\"", "\"later\": {\"x\": 1},\n  \"schema\"", 1);
    assert_eq!(Report::from_json(&grown).unwrap(), report);
}

#[test]
fn other_schemas_are_refused() {
    let error = Report::from_json("{\"schema\": 2}").unwrap_err();
    assert_eq!(error.to_string(), "the report has schema 2, expected 1");
    for text in ["", "[]", "{\"schema\": 1}", "{\"schema\": -1}"] {
        assert!(
            matches!(Report::from_json(text), Err(ReportError::Json(_))),
            "{text}"
        );
    }
}

#[test]
fn counts_add_up() {
    let report = sample();
    let sum: Counts = report.layers.iter().map(|layer| layer.counts).sum();
    assert_eq!(sum, report.counts);
    assert_eq!(
        (
            sum.total_rotations(),
            sum.other_rotations(),
            sum.total_products()
        ),
        (33, 1, 1025)
    );
    assert_eq!(
        Counts {
            mul: 2,
            ..Counts::default()
        }
        .to_map()
        .into_iter()
        .collect::<Vec<_>>(),
        [("mul".into(), 2)]
    );
}

#[test]
fn one_sample_is_no_plural() {
    let accuracy = |samples| Report {
        accuracy: Some(Accuracy {
            samples,
            ..Accuracy::default()
        }),
        ..Report::default()
    };
    assert!(accuracy(1).render_text(80).contains("1 sample\n"));
    assert!(accuracy(2).render_text(80).contains("2 samples\n"));
}
