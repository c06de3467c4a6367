//! Every shared network imports and computes what onnxruntime computed.

use npyz::npz::NpzArchive;
use privet_onnx as onnx;
use std::fs::File;
use std::io::BufReader;
use std::path::{Path, PathBuf};

/// The shared folder; `None`, with a line saying so, where it is absent.
fn shared() -> Option<PathBuf> {
    let default = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared");
    let folder = std::env::var_os("PRIVET_SHARED").map_or(default, PathBuf::from);
    if folder.join("models").is_dir() {
        return Some(folder);
    }
    println!(
        "skipped: no shared folder at {}; set PRIVET_SHARED",
        folder.display()
    );
    None
}

fn models(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder)
        .unwrap()
        .map(|e| e.unwrap().path());
    let mut models: Vec<PathBuf> = entries
        .filter(|p| p.extension().is_some_and(|e| e == "onnx"))
        .collect();
    models.sort();
    models
}

/// Rows of an array, in f64.
fn rows<R: std::io::Read>(file: npyz::NpyFile<R>) -> Vec<Vec<f64>> {
    let n_rows = file.shape()[0] as usize;
    let is_double = file.dtype().descr().contains("f8");
    let values: Vec<f64> = match is_double {
        true => file.into_vec::<f64>().unwrap(),
        false => file
            .into_vec::<f32>()
            .unwrap()
            .into_iter()
            .map(f64::from)
            .collect(),
    };
    let width = values.len() / n_rows;
    values.chunks(width).map(<[f64]>::to_vec).collect()
}

fn arrays(path: &Path) -> Vec<(String, Vec<Vec<f64>>)> {
    let mut archive = NpzArchive::open(path).unwrap();
    let names: Vec<String> = archive.array_names().map(str::to_owned).collect();
    let mut arrays = Vec::new();
    for name in names {
        let array = archive.by_name(&name).unwrap().unwrap();
        if array.dtype().descr().contains('f') {
            arrays.push((name, rows(array)));
        }
    }
    arrays
}

fn check(model: &Path, inputs: &[Vec<f64>], expected: &[Vec<f64>]) {
    let imported = onnx::import_file(model)
        .unwrap_or_else(|e| panic!("{}: {e}\nhelp: {}", model.display(), e.help()));
    imported.graph.verify().unwrap();
    assert!(
        !inputs.is_empty() && inputs.len() == expected.len(),
        "{}",
        model.display()
    );
    let mut worst = 0f64;
    for (x, expected) in inputs.iter().zip(expected) {
        let found = &graph::evaluate(&imported.graph, std::slice::from_ref(x)).unwrap()[0];
        let largest = expected.iter().fold(1e-6f64, |m, v| m.max(v.abs()));
        assert_eq!(found.len(), expected.len());
        worst = found
            .iter()
            .zip(expected)
            .fold(worst, |w, (a, b)| w.max((a - b).abs() / largest));
    }
    let info = &imported.info;
    println!(
        "{}: error {worst:.1e}, {} nodes, {} parameters, {} MACs",
        info.name,
        imported.graph.len(),
        info.n_parameters,
        info.macs
    );
    assert!(
        worst < 1e-4,
        "{}: relative error {worst:e}",
        model.display()
    );
}

#[test]
fn golden_outputs() {
    let Some(shared) = shared() else { return };
    let mut n_models = 0;
    for folder in ["made_here", "third_party"] {
        for model in models(&shared.join("models").join(folder)) {
            let arrays = arrays(&model.with_extension("golden.npz"));
            let of = |words: &[&str]| {
                arrays
                    .iter()
                    .find(|(name, _)| words.iter().any(|w| name.starts_with(w)))
                    .map(|(_, rows)| rows)
            };
            let names: Vec<&String> = arrays.iter().map(|(name, _)| name).collect();
            let (Some(inputs), Some(outputs)) = (of(&["input", "x"]), of(&["output", "y"])) else {
                panic!("{}: found {names:?}", model.display())
            };
            check(&model, inputs, outputs);
            n_models += 1;
        }
    }
    assert!(n_models >= 9, "found {n_models} models");
}

#[test]
fn bench_outputs() {
    let Some(shared) = shared() else { return };
    let folder = shared.join("bench/models");
    let arrays = arrays(&folder.join("test_inputs.npz"));
    let names: Vec<&String> = arrays.iter().map(|(name, _)| name).collect();
    let Some((_, inputs)) = arrays
        .iter()
        .find(|(name, _)| name.to_lowercase().starts_with('x') || name.contains("input"))
    else {
        panic!("found {names:?}")
    };
    let mut n_models = 0;
    for model in models(&folder) {
        let reference = format!("ref_{}.npy", model.file_stem().unwrap().to_string_lossy());
        let file = npyz::NpyFile::new(BufReader::new(File::open(folder.join(reference)).unwrap()))
            .unwrap();
        let expected = rows(file);
        check(&model, &inputs[..expected.len()], &expected);
        n_models += 1;
    }
    assert_eq!(n_models, 6);
}

#[test]
fn parameters_as_their_authors_count() {
    let Some(shared) = shared() else { return };
    let import = |path: &str| {
        onnx::import_file(&shared.join("models").join(path))
            .unwrap()
            .info
    };
    let mlp = import("made_here/mlp_mnist_784_128_128_10.onnx");
    assert_eq!(
        (mlp.n_parameters, mlp.macs),
        (118_282, 784 * 128 + 128 * 128 + 1280)
    );
    assert_eq!(
        mlp.sha256,
        "748d91b555805e9a2c6773e3dad36141fe4c4dd48996590cafbb5961292cc750"
    );
    assert_eq!(mlp.inputs[0].shape, "[1, 1, 28, 28]");
    assert_eq!(
        (mlp.producer.as_str(), mlp.opset, mlp.ir_version),
        ("pytorch 2.15.0", 17, 8)
    );
    let resnet = import("third_party/ace_resnet20_cifar10_pre.onnx");
    assert_eq!(
        (resnet.n_parameters, resnet.operators["Conv"]),
        (271_690, 21)
    );
    assert_eq!(
        import("third_party/germanov_lenet5_dynbatch.onnx").inputs[0].shape,
        "[batch_size, 1, 28, 28]"
    );
}

#[test]
fn nodes_carry_onnx_names() {
    let Some(shared) = shared() else { return };
    let lenet = onnx::import_file(&shared.join("models/made_here/lenet5_mnist_relu_avgpool.onnx"))
        .unwrap()
        .graph;
    let names: Vec<String> = lenet
        .order()
        .into_iter()
        .map(|id| lenet.node(id).name.clone())
        .collect();
    assert_eq!(
        names[..5],
        ["input", "/c1/Conv", "/Relu", "/p/AveragePool", "/c2/Conv"]
    );
    let id = lenet.find("/c1/Conv").unwrap();
    assert_eq!(
        lenet.node(id).origin.iter().collect::<Vec<_>>(),
        ["Conv '/c1/Conv'"]
    );
}

#[test]
fn truncated_models_are_refused() {
    let Some(shared) = shared() else { return };
    for folder in ["models/made_here", "models/third_party", "bench/models"] {
        for model in models(&shared.join(folder)) {
            let bytes = std::fs::read(&model).unwrap();
            for k in 0..50 {
                let cut = &bytes[..bytes.len() * k / 50];
                assert!(
                    onnx::import_bytes(cut, "cut", None).is_err(),
                    "{} at {k}/50",
                    model.display()
                );
            }
        }
    }
}
