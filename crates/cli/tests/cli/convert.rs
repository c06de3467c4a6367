//! Conversion to a network that compiles without further options.

use crate::common::{Folder, killed_and_repeated, labelled, mlp, models, relu};
use serde_json::Value;

fn maxpool() -> String {
    let path = models().join("../convert/lenet5_mnist_relu_maxpool.onnx");
    path.display().to_string()
}

/// A short conversion of a network, fed with numbers as they are.
fn args<'a>(model: &'a str, [data, labels]: &'a [String; 2], more: &[&'a str]) -> Vec<&'a str> {
    let short = ["convert", model, "--data", data, "--labels", labels];
    let few = ["--scale", "1", "--epochs", "1,1", "--last-epochs", "1"];
    [&short[..], &few, more].concat()
}

#[test]
fn pools_and_activations_are_replaced_from_the_last_to_the_first() {
    let folder = Folder::new();
    let (model, digits) = (maxpool(), labelled());
    let more = ["-o", "c.onnx", "--report", "c.json"];
    let done = folder.privet(&args(&model, &digits, &more));
    done.works(&["max_pool → avg_pool", "relu → polynomial", "c.onnx"]);
    assert_eq!(
        folder.names(),
        ["c.calibration.npy", "c.feed.json", "c.json", "c.onnx"]
    );
    let text = std::fs::read_to_string(folder.path("c.json")).expect("a report");
    let report: Value = serde_json::from_str(&text).expect("JSON");
    assert_eq!(report["schema"], 1);
    let replaced = report["replaced"].as_array().expect("a list");
    let from: Vec<&str> = replaced.iter().filter_map(|r| r["from"].as_str()).collect();
    let first_relu = from.iter().position(|word| *word == "relu");
    assert!(first_relu.is_some_and(|at| at > 0 && from[..at].iter().all(|w| *w == "max_pool")));
    assert!(report["validation"]["after"]["accuracy"].is_number());
    assert!(report["test"].is_null());
    // All that compiling and running need lies beside it.
    folder
        .privet(&[
            "check", "c.onnx", "--data", &digits[0], "--labels", &digits[1],
        ])
        .works(&["polynomial"]);
    let again = folder.privet(&["convert", "c.onnx"]);
    again.works(&["nothing"]);
    assert!(!folder.exists("c.converted.onnx"));
}

#[test]
fn nothing_is_overwritten_or_trained_in_vain() {
    let folder = Folder::new();
    let (model, digits) = (relu(), labelled());
    std::fs::write(folder.path("c.onnx"), b"mine").expect("written");
    let done = folder.privet(&args(&model, &digits, &["-o", "c.onnx"]));
    done.fails(2, &["c.onnx", "--force"]);
    assert_eq!(folder.names(), ["c.onnx"]);
    folder
        .privet(&["convert", &model])
        .fails(2, &["no data to train on", "--data"]);
    folder.npy("x.npy", &[4, 1, 28, 28], &[0.5; 4 * 784]);
    folder
        .privet(&["convert", &model, "--data", "x.npy"])
        .fails(2, &["no labels", "--labels"]);
    folder
        .privet(&["convert", &mlp(), "--data", &digits[0]])
        .works(&["nothing"]);
    folder.npy("odd.npy", &[3, 5], &[0.0; 15]);
    folder
        .privet(&["convert", &model, "--data", "odd.npy"])
        .fails(2, &["odd.npy", "28"]);
    let bad = args(&model, &digits, &["--degree", "5"]);
    folder.privet(&bad).fails(2, &["2..=4"]);
    folder
        .privet(&["convert", &model, "--data", &digits[0], "--epochs", "3"])
        .fails(2, &["two numbers"]);
    assert_eq!(folder.names(), ["c.onnx", "odd.npy", "x.npy"]);
}

#[test]
fn calibration_data_beside_the_result_are_in_the_numbers_of_the_files() {
    let folder = Folder::new();
    let (model, [data, labels]) = (relu(), labelled());
    let feed = ["--scale", "1/2", "--mean", "0.25", "--std", "0.5"];
    let run = ["convert", &model, "--data", &data, "--labels", &labels];
    let few = ["--epochs", "0,0", "--last-epochs", "0", "-o", "c.onnx"];
    folder.privet(&[&run[..], &feed, &few].concat()).works(&[]);
    let values = crate::common::read_npy(&folder.path("c.calibration.npy"));
    let (low, high) = values
        .iter()
        .fold((f64::MAX, f64::MIN), |(l, h), v| (l.min(*v), h.max(*v)));
    assert!(
        low.abs() < 1e-6 && (high - 1.0).abs() < 1e-6,
        "{low}..{high}"
    );
    let text = std::fs::read_to_string(folder.path("c.feed.json")).expect("a feed");
    let feed: Value = serde_json::from_str(&text).expect("JSON");
    assert_eq!(
        (&feed["scale"], &feed["mean"][0]),
        (&"1/2".into(), &0.25.into())
    );
    folder
        .privet(&["compile", "c.onnx", "-o", "c.privet"])
        .works(&["of c.calibration.npy"]);
}

#[cfg(unix)]
#[test]
fn a_killed_conversion_goes_on() {
    let (whole, killed) = (Folder::new(), Folder::new());
    let (model, digits) = (relu(), labelled());
    let args = args(&model, &digits, &["-o", "c.onnx"]);
    whole.privet(&args).works(&[]);
    killed_and_repeated(&killed, &args, "c.work");
    let read = |folder: &Folder| std::fs::read(folder.path("c.onnx")).expect("a network");
    assert!(read(&whole) == read(&killed), "the networks differ");
    assert!(!killed.exists("c.work"));
}
