//! Pruning, from the command to the table and the files.

use crate::common::{Folder, killed_and_repeated, labelled, mlp, models, relu};
use serde_json::Value;

/// A short pruning of the network with one hidden layer.
fn args<'a>(model: &'a str, [data, labels]: &'a [String; 2], more: &[&'a str]) -> Vec<&'a str> {
    let run = ["prune", model, "--data", data, "--labels", labels];
    [&run[..], &["--epochs", "1"], more].concat()
}

fn report(folder: &Folder) -> Value {
    let text = std::fs::read_to_string(folder.path("p.json")).expect("a report");
    serde_json::from_str(&text).expect("JSON")
}

const OUT: [&str; 4] = ["-o", "p.onnx", "--report", "p.json"];

#[test]
fn a_target_cost_is_reached_and_reported() {
    let folder = Folder::new();
    let (model, digits) = (mlp(), labelled());
    let goal = ["--target-cost", "0.8"];
    let done = folder.privet(&args(&model, &digits, &[&goal[..], &OUT].concat()));
    done.works(&[
        "before",
        "after",
        "rotations",
        "validation accuracy",
        "taken",
    ]);
    assert_eq!(
        folder.names(),
        ["p.calibration.npy", "p.feed.json", "p.json", "p.onnx"]
    );
    let report = report(&folder);
    assert_eq!(report["schema"], 1);
    let us = |point: &Value| point["cost"]["us"].as_f64().expect("a time");
    let points = report["points"].as_array().expect("points");
    let taken = points.iter().rfind(|p| p["taken"] == true).expect("one");
    assert!(us(taken) <= 0.8 * us(&points[0]), "{taken}");
    // What is reported is what the written network compiles to.
    folder
        .privet(&["compile", "p.onnx", "-o", "p.privet", "--report", "c.json"])
        .works(&[]);
    let text = std::fs::read_to_string(folder.path("c.json")).expect("a report");
    let compiled: Value = serde_json::from_str(&text).expect("JSON");
    assert_eq!(compiled["counts"], report["after"]["counts"]);
    let rotations = |of: &Value| of["counts"]["rotations"].as_u64().expect("a count");
    assert!(rotations(&report["after"]) < rotations(&report["before"]));
}

#[test]
fn every_scheme_prunes_for_the_packing_that_it_is_meant_for() {
    let (model, digits) = (mlp(), labelled());
    let products = |of: &Value| {
        let count = |name: &str| of["counts"][name].as_u64().expect("a count");
        count("mul_plain") + count("mul_scalar")
    };
    for (more, packing, most) in [
        (
            &["--scheme", "hepex", "--tile", "8,4"][..],
            "tile:8,4,512",
            0.7,
        ),
        (&["--scheme", "mofhei", "--sparsity", "0.75"], "batch", 0.3),
        (
            &["--packing", "tile:4,8,512", "--target-cost", "0.8"],
            "tile:4,8,512",
            0.9,
        ),
        (
            &["--packing", "batch", "--target-cost", "0.5"],
            "batch",
            0.6,
        ),
    ] {
        let folder = Folder::new();
        let done = folder.privet(&args(&model, &digits, &[more, &OUT].concat()));
        done.works(&[&format!("privet compile p.onnx --packing {packing}")]);
        let report = report(&folder);
        assert_eq!(report["origin"]["settings"]["packing"], packing);
        let [before, after] = ["before", "after"].map(|key| products(&report[key]));
        assert!(
            after as f64 <= most * before as f64,
            "{more:?}: {before} {after}"
        );
    }
}

#[test]
fn artemis_drops_groups_of_convolutions() {
    let folder = Folder::new();
    let (model, digits) = (
        models().join("lenet5_sq.onnx").display().to_string(),
        labelled(),
    );
    let scheme = [
        "--scheme",
        "artemis",
        "--grouping",
        "positional",
        "--sparsity",
        "0.6",
    ];
    folder
        .privet(&args(&model, &digits, &[&scheme[..], &OUT].concat()))
        .works(&["zero weights"]);
    let zero = |at: usize| report(&folder)["zero_weights"][at]["dropped"].as_u64();
    assert!(zero(1) > zero(0));
}

#[test]
fn an_auto_encoder_is_judged_by_its_loss() {
    let folder = Folder::new();
    let model = models().join("ae_784_32_784.onnx").display().to_string();
    let [data, _] = labelled();
    let run = ["prune", &model, "--data", &data, "--reconstruct"];
    let nothing = ["--budget-loss", "0", "--epochs", "0", "-o", "p.onnx"];
    folder
        .privet(&[&run[..], &nothing].concat())
        .fails(1, &["nothing cheaper", "--budget-loss"]);
    assert!(folder.names().is_empty());
    let goal = ["--target-cost", "0.9", "--epochs", "1"];
    let done = folder.privet(&[&run[..], &goal, &OUT].concat());
    done.works(&["validation error"]);
    let validation = &report(&folder)["validation"]["after"];
    assert!(validation["loss"].is_f64() && validation["accuracy"].is_null());
}

#[test]
fn options_of_other_schemes_are_refused_by_name() {
    let folder = Folder::new();
    let (model, digits) = (mlp(), labelled());
    for (more, phrases) in [
        (&["--block", "row"][..], ["--block", "--scheme mofhei"]),
        (
            &["--scheme", "mofhei", "--lasso", "1"],
            ["--lasso", "--scheme artemis"],
        ),
        (
            &["--scheme", "hepex", "--sparsity", "0.5"],
            ["--sparsity", "mofhei or artemis"],
        ),
        (
            &["--scheme", "artemis", "--target-cost", "0.5"],
            ["--target-cost", "--scheme privet"],
        ),
        (
            &["--scheme", "hepex", "--scope", "block"],
            ["--scope block", "--scope local"],
        ),
        (
            &["--budget-loss", "5"],
            ["--reconstruct", "--budget-accuracy"],
        ),
        (&["--packing", "tile"], ["sizes", "tile:4,8,512"]),
        (
            &["--scheme", "mofhei", "--block", "2y3"],
            ["--block", "2x4"],
        ),
        (&["--scheme", "hepex", "--hepex", "P5"], ["P5", "P4E"]),
        (&["--target-cost", "1.5"], ["--target-cost", "0 to 1"]),
        (
            &["--budget-accuracy", "1", "--target-cost", "0.5"],
            ["--budget-accuracy", "--target-cost"],
        ),
    ] {
        folder
            .privet(&args(&model, &digits, more))
            .fails(2, &phrases);
    }
    assert!(folder.names().is_empty());
}

#[test]
fn what_can_not_be_done_is_said_and_writes_nothing() {
    let folder = Folder::new();
    let (model, digits) = (mlp(), labelled());
    let few = ["--target-cost", "0.0001", "--epochs", "0", "-o", "p.onnx"];
    let run = [
        "prune", &model, "--data", &digits[0], "--labels", &digits[1],
    ];
    folder
        .privet(&[&run[..], &few].concat())
        .fails(1, &["% of its cost", "--budget-accuracy"]);
    assert!(!folder.exists("p.onnx"));
    folder
        .privet(&["prune", &model])
        .fails(2, &["no data to train on", "--data"]);
    let pools = models().join("../convert/lenet5_mnist_relu_maxpool.onnx");
    let pools = pools.display().to_string();
    folder
        .privet(&args(&pools, &digits, &[]))
        .fails(1, &["maxima", "privet convert"]);
    std::fs::write(folder.path("p.onnx"), b"mine").expect("written");
    folder
        .privet(&args(&model, &digits, &["-o", "p.onnx"]))
        .fails(2, &["p.onnx", "--force"]);
    let own = ["--force", "-o", &model];
    folder
        .privet(&args(&model, &digits, &own))
        .fails(2, &["read and overwritten"]);
}

#[test]
fn fitted_activations_are_warned_of() {
    let folder = Folder::new();
    let (model, digits) = (relu(), labelled());
    let more = ["--scale", "1", "--scheme", "artemis", "--epochs", "0"];
    let run = [
        "prune", &model, "--data", &digits[0], "--labels", &digits[1],
    ];
    let done = folder.privet(&[&run[..], &more].concat());
    done.works(&["rotations"]);
    assert!(done.err.contains("warning:") && done.err.contains("privet convert"));
}

#[cfg(unix)]
#[test]
fn a_killed_pruning_goes_on_and_other_settings_are_refused() {
    let (whole, killed) = (Folder::new(), Folder::new());
    let (model, digits) = (mlp(), labelled());
    let run = [
        "prune", &model, "--data", &digits[0], "--labels", &digits[1],
    ];
    let more = ["--target-cost", "0.6", "--epochs", "4", "-o", "p.onnx"];
    let args = [&run[..], &more].concat();
    whole.privet(&args).works(&[]);
    killed_and_repeated(&killed, &args, "p.work/001-round-1--units.safetensors");
    let read = |folder: &Folder| std::fs::read(folder.path("p.onnx")).expect("a network");
    assert!(read(&whole) == read(&killed), "the networks differ");
    assert!(!killed.exists("p.work"));

    std::fs::create_dir(killed.path("w")).expect("a folder");
    std::fs::write(killed.path("w/001-round-1--units.safetensors"), b"torn").expect("written");
    let other = [
        &run[..],
        &["--target-cost", "0.6", "-o", "q.onnx", "--work", "w"],
    ]
    .concat();
    killed.privet(&other).fails(2, &["no checkpoint", "--work"]);
    assert!(!killed.exists("q.onnx") && killed.exists("w"));
}
