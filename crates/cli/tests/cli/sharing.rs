//! Results that are given away, from compiling to the last one allowed.

use crate::common::{Folder, digits, mlp, models};

#[test]
fn a_result_is_shared_once_and_then_no_more() {
    let folder = Folder::new();
    let compile = ["compile", &mlp(), "--share", "1", "--input-bound", "1"];
    folder
        .privet(&[&compile[..], &["-o", "m.privet"]].concat())
        .works(&["sharing", "1 shared result", "errors below", "noise of"]);
    let keygen = ["keygen", "m.privet", "--secret", "k", "--evaluation", "e"];
    folder
        .privet(&keygen)
        .works(&["k.shared, the count of shared results"]);
    folder
        .privet(&["inspect", "m.privet"])
        .works(&["sharing     1 shared result · inputs up to 1 · errors below"]);
    folder
        .privet(&["inspect", "k"])
        .works(&["shared      0 results · 0 % of the key used up"]);
    let encrypt = [
        "encrypt",
        "m.privet",
        "--secret",
        "k",
        "--input",
        &digits(),
        "-o",
        "d.ct",
    ];
    folder.privet(&encrypt).works(&["d.ct"]);
    let run = ["run", "m.privet", "--evaluation", "e", "d.ct", "-o", "r.ct"];
    folder.privet(&run).works(&["r.ct"]);
    let decrypt = ["decrypt", "m.privet", "--secret", "k", "r.ct"];
    let share = [&decrypt[..], &["--share"]].concat();
    folder
        .privet(&share)
        .works(&["shared", "noise of", "result 1 of 1 under this key"]);
    folder
        .privet(&["inspect", "k"])
        .works(&["shared      1 result · 100 % of the key used up"]);
    folder.privet(&share).fails(
        2,
        &["1 results were shared under this key, which uses 100 % of it up"],
    );
    folder.privet(&decrypt).works(&["decrypted"]);
    std::fs::remove_file(folder.path("k.shared")).expect("removed");
    folder
        .privet(&share)
        .fails(2, &["k.shared is missing", "privet keygen"]);
}

#[test]
fn sharing_is_refused_with_figures() {
    let folder = Folder::new();
    // Nothing beside the copy says what its inputs are.
    std::fs::copy(mlp(), folder.path("alone.onnx")).expect("copied");
    folder
        .privet(&["compile", "alone.onnx", "--share", "5"])
        .fails(1, &["only where the inputs are bounded", "--input-bound 1"]);
    let deep = models().join("lenet5_sq.onnx").display().to_string();
    folder
        .privet(&["compile", &deep, "--share", "5", "--input-bound", "1"])
        .fails(1, &["results can not be shared at ring degree 2^16"]);
    folder
        .privet(&["compile", &mlp(), "--input-bound", "1"])
        .fails(2, &["--share"]);
}
