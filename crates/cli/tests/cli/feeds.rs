//! How numbers of files become inputs: scales of inputs and of calibration data, and warnings where they look wrong.

use crate::common::{Folder, digits, mlp, read_npy};

/// A folder with a model whose inputs are pixels: a feed file and 40 calibration samples lie beside it, and samples as
/// pixels and as shares of 1.
fn pixels() -> Folder {
    let folder = Folder::new();
    std::fs::copy(mlp(), folder.path("m.onnx")).expect("the model");
    std::fs::write(folder.path("m.feed.json"), r#"{"scale": "1/255"}"#).expect("a feed");
    let sample = |i: usize| (0..784).map(move |k| ((k * 7 + i * 13) % 256) as f64);
    let many: Vec<f64> = (0..40).flat_map(sample).collect();
    folder.npy("m.calibration.npy", &[40, 784], &many);
    let shares: Vec<f64> = many.iter().map(|v| v / 255.0).collect();
    folder.npy("pixels.npy", &[1, 784], &many[..784]);
    folder.npy("shares.npy", &[1, 784], &shares[..784]);
    folder.npy("calibration-shares.npy", &[40, 784], &shares);
    folder.npy("one.npy", &[1, 784], &shares[..784]);
    folder
}

const FIT: [&str; 4] = ["infer", "m.onnx", "--backend", "polynomial"];

#[test]
fn numbers_that_are_scaled_twice_are_told() {
    let folder = pixels();
    let twice = folder.privet(&[&FIT[..], &["--input", "shares.npy"]].concat());
    twice.works(&[]);
    for phrase in [
        "note: inputs are fed as m.feed.json says: --scale 1/255",
        "warning: shares.npy has numbers up to 1 and is scaled by 1/255 all the same",
        "warning: input values of 0..0.00392 hardly use the calibrated range -0.05..1.05",
        "--scale 1 takes",
    ] {
        assert!(
            twice.err.contains(phrase),
            "{phrase:?} not in {}",
            twice.err
        );
    }
    let quiet = |input: &str, more: &[&str]| {
        let done = folder.privet(&[&FIT[..], &["--input", input, "-q"], more].concat());
        done.works(&[]);
        assert!(done.err.is_empty(), "{}", done.err);
        done.out
    };
    // What lies beside the model is fed as the file beside it says; the option is for the input.
    let prediction = |screen: &str| {
        let line = screen.lines().find(|l| l.starts_with("polynomial"));
        line.expect("a prediction").to_owned()
    };
    let own = prediction(&quiet("shares.npy", &["--scale", "1"]));
    assert_eq!(own, prediction(&quiet("pixels.npy", &[])));
    // Data and calibration of scales of their own.
    let apart = [
        "--calibration",
        "calibration-shares.npy",
        "--scale",
        "1/255",
    ];
    let done = folder.privet(&[&FIT[..], &["--input", "pixels.npy"], &apart].concat());
    assert!(
        done.err
            .contains("--calibration-scale 1 takes them as they are"),
        "{}",
        done.err
    );
    let apart = [&apart[..], &["--calibration-scale", "1"]].concat();
    assert_eq!(own, prediction(&quiet("pixels.npy", &apart)));
    let check = ["check", "m.onnx", "--data", "shares.npy"];
    let done = folder.privet(&check);
    done.works(&[]);
    assert!(done.err.contains("hardly use"), "{}", done.err);
}

#[test]
fn few_calibration_samples_are_told() {
    let folder = pixels();
    let few = ["--input", "shares.npy", "--scale", "1", "--calibration"];
    let done = folder.privet(&[&FIT[..], &few, &["one.npy"]].concat());
    done.works(&[]);
    assert!(
        done.err
            .contains("warning: one.npy has 1 calibration sample: "),
        "{}",
        done.err
    );
    let many = [&FIT[..], &few, &["calibration-shares.npy"]].concat();
    assert!(!folder.privet(&many).err.contains("warning"));
}

#[test]
fn clients_feed_as_the_network_was_compiled_with() {
    let folder = pixels();
    folder
        .privet(&["compile", "m.onnx", "-o", "m.privet"])
        .works(&["ranges      40 samples of m.calibration.npy"]);
    folder
        .privet(&["inspect", "m.privet", "--client", "c.client"])
        .works(&[]);
    folder.privet(&["inspect", "c.client"]).works(&[
        "calibrated -0.05..1.05",
        "calibration 40 samples",
        "feed        encrypt applies --scale 1/255",
    ]);
    let keygen = ["keygen", "c.client", "--secret", "k", "--evaluation", "e"];
    folder.privet(&keygen).works(&[]);
    let encrypt = |input: &str, more: &[&str]| {
        let words = ["encrypt", "c.client", "--secret", "k", "--input", input];
        let done = folder.privet(&[&words[..], &["-o", "x.ct", "--force"], more].concat());
        done.works(&["x.ct"]);
        done.err
    };
    assert!(encrypt("shares.npy", &[]).contains("hardly use the calibrated range"));
    assert_eq!(encrypt("shares.npy", &["--scale", "1"]), "");
    let note = encrypt("pixels.npy", &[]);
    assert!(
        note.contains("compiled with: --scale 1/255") && !note.contains("warning"),
        "{note}"
    );
    let run = ["run", "m.privet", "--evaluation", "e", "x.ct", "-o", "y.ct"];
    folder.privet(&run).works(&["keys", "at a time"]);
    let decrypt = [
        "decrypt", "c.client", "--secret", "k", "y.ct", "-o", "y.npy",
    ];
    folder.privet(&decrypt).works(&[]);
    let infer = ["--input", "pixels.npy", "-o", "p.npy"];
    folder.privet(&[&FIT[..], &infer].concat()).works(&[]);
    let (found, expected) = (
        read_npy(&folder.path("y.npy")),
        read_npy(&folder.path("p.npy")),
    );
    assert_eq!(found.len(), 10);
    for (a, b) in found.iter().zip(&expected) {
        assert!((a - b).abs() < 1e-3, "{found:?} {expected:?}");
    }
}

#[test]
fn a_range_that_is_only_assumed_is_called_so() {
    let folder = Folder::new();
    folder
        .privet(&["compile", &mlp(), "-o", "m.privet"])
        .works(&["ranges      no calibration data"]);
    let done = folder.privet(&["inspect", "m.privet"]);
    done.works(&["-0.05..1.05 assumed, not calibrated", "on made-up inputs"]);
    assert!(!done.out.contains("· calibrated"), "{}", done.out);
    let given = [
        "compile",
        &mlp(),
        "-o",
        "c.privet",
        "--calibration",
        &digits(),
    ];
    folder
        .privet(&given)
        .works(&["ranges      4 samples of", "digits-4.npy"]);
    folder
        .privet(&["inspect", "c.privet"])
        .works(&["· calibrated ", "calibration 4 samples"]);
}
