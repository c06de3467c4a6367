//! The examples run, from the workspace's root, where users start them.

use std::path::Path;
use std::process::Command;

fn prints(binary: &str, expected: &str) {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let done = Command::new(binary).current_dir(root).output();
    let done = done.expect("it starts");
    let text = String::from_utf8_lossy(&done.stdout);
    assert!(
        done.status.success() && text.contains(expected),
        "{text}{}",
        String::from_utf8_lossy(&done.stderr)
    );
}

#[test]
fn a_pass_of_ones_own_compiles_and_refuses() {
    let binary = env!("CARGO_BIN_EXE_custom-pass");
    prints(binary, "limit 40: compiled");
    prints(binary, "rotations, limit 10 (help: raise the limit)");
}

#[test]
fn ten_lines_give_an_encrypted_prediction() {
    prints(env!("CARGO_BIN_EXE_library"), "decrypted [");
}
