//! Batches on the command line: the whole chain, and what is refused.

use crate::common::{Folder, digits, mlp, read_npy};

#[test]
fn the_chain_carries_a_batch() {
    let folder = Folder::new();
    let lines = ["batch", "4 samples side by side"];
    folder
        .privet(&["compile", &mlp(), "--batch", "3", "-o", "m.privet"])
        .works(&lines);
    let keygen = ["keygen", "m.privet", "--secret", "s", "--evaluation", "e"];
    folder.privet(&keygen).works(&[]);
    let input = digits();
    let encrypt = ["encrypt", "m.privet", "--secret", "s", "--input", &input];
    folder
        .privet(&[&encrypt[..], &["--batch", "5", "-o", "x.ct"]].concat())
        .fails(2, &["--batch 5", "up to 4 at once", "help:"]);
    folder
        .privet(&[&encrypt[..], &["--batch", "3", "-o", "x.ct"]].concat())
        .works(&["and 2 more"]);
    folder
        .privet(&["run", "m.privet", "--evaluation", "e", "x.ct", "-o", "y.ct"])
        .works(&["per sample", "per batch of 3"]);
    let decrypt = [
        "decrypt", "m.privet", "y.ct", "--secret", "s", "-o", "y.npy",
    ];
    folder
        .privet(&decrypt)
        .works(&["sample 0", "sample 2", "y.npy"]);
    let plain = ["infer", &mlp(), "--input", &input, "--backend", "plain"];
    folder
        .privet(&[&plain[..], &["--batch", "3", "-o", "p.npy"]].concat())
        .works(&["sample 2"]);
    let [found, wanted] = ["y.npy", "p.npy"].map(|name| read_npy(&folder.path(name)));
    assert_eq!(found.len(), wanted.len());
    let close = |(a, b): (&f64, &f64)| (a - b).abs() < 1e-3;
    assert!(found.iter().zip(&wanted).all(close), "{found:?} {wanted:?}");
}

#[test]
fn a_check_runs_batch_by_batch() {
    let folder = Folder::new();
    let input = digits();
    let check = ["check", &mlp(), "--data", &input, "--batch", "2"];
    folder
        .privet(&[&check[..], &["--encrypted", "3"]].concat())
        .works(&[
            "per sample",
            "per batch of 2",
            "operations are the planned ones",
        ]);
}

#[test]
fn batches_that_make_no_sense_are_refused() {
    let folder = Folder::new();
    let (model, input) = (mlp(), digits());
    let infer = ["infer", &model, "--input", &input];
    for (more, code, words) in [
        (&["--batch", "0"][..], 2, &["--batch", "0"][..]),
        (&["--batch", "40000"], 2, &["40000"]),
        (
            &["--batch", "8"],
            2,
            &["4 samples", "--batch asks for 8", "help:"],
        ),
        (
            &["--batch", "4", "--sample", "2"],
            2,
            &["2 samples from number 2 on"],
        ),
        (
            &["--packing", "rows"],
            2,
            &["auto, diagonal, tile, tile:4,8,512 or batch"],
        ),
        (&["--packing", "tile:3,5,7"], 2, &["three powers of two"]),
    ] {
        folder
            .privet(&[&infer[..], more].concat())
            .fails(code, words);
    }
    folder
        .privet(&["compile", &model, "--batch", "5000", "--log-n", "13"])
        .fails(1, &["5000 samples", "4096 slots", "help: --batch 4096"]);
    folder
        .privet(&[
            "compile",
            &model,
            "--batch",
            "2",
            "--share",
            "1",
            "--input-bound",
            "1",
        ])
        .fails(1, &["can not be shared"]);
    assert!(folder.names().is_empty());
}
