//! Damaged files are refused; they never panic, abort or take long.

mod common;

use common::{Model, ints};
use privet_onnx::import_bytes;

fn network() -> Model {
    let net = Model::new(&["batch", "1", "12", "12"])
        .random("w", &[4, 1, 3, 3])
        .random("b", &[4])
        .random("f", &[10, 100])
        .random("c", &[10]);
    let net = net.int64s("s", &[-1, 100]).node(
        "Conv",
        &["x", "w", "b"],
        "y",
        &[ints("strides", &[1, 1]), ints("pads", &[0, 0, 0, 0])],
    );
    let net = net.node("Relu", &["y"], "r", &[]).node(
        "MaxPool",
        &["r"],
        "p",
        &[ints("kernel_shape", &[2, 2]), ints("strides", &[2, 2])],
    );
    let net = net.node("Reshape", &["p", "s"], "l", &[]).node(
        "Gemm",
        &["l", "f", "c"],
        "o",
        &[common::int("transB", 1)],
    );
    net.node("Mul", &["o", "o"], "q", &[])
}

/// xorshift64*: the same files in every run.
struct Noise(u64);

impl Noise {
    fn below(&mut self, n: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 33) as usize % n
    }
}

#[test]
fn truncated_files_are_refused() {
    let bytes = network().bytes();
    import_bytes(&bytes, "whole", None).unwrap();
    for k in 0..50 {
        let cut = &bytes[..bytes.len() * k / 50];
        let error = import_bytes(cut, "cut", None).unwrap_err();
        assert!(!error.help().is_empty());
    }
    for n in 0..bytes.len() {
        assert!(
            import_bytes(&bytes[..n], "cut", None).is_err(),
            "{n} of {} bytes",
            bytes.len()
        );
    }
}

/// Messages keep to one line, in lower case or after a name, without a final stop.
fn check_message(text: &str) {
    assert!(
        !text.contains('\n') && !text.ends_with('.') && text.len() < 1000,
        "{text}"
    );
}

#[test]
fn flipped_bytes_never_panic() {
    let bytes = network().bytes();
    let mut noise = Noise(0x9E37_79B9_7F4A_7C15);
    // Most bytes are weights; half of the flips go to the fields around them.
    let structure: Vec<usize> = (0..bytes.len())
        .filter(|&k| k < 600 || k + 400 > bytes.len())
        .collect();
    for round in 0..600 {
        let mut damaged = bytes.clone();
        for _ in 0..=noise.below(3) {
            let at = if round % 2 == 0 {
                structure[noise.below(structure.len())]
            } else {
                noise.below(damaged.len())
            };
            damaged[at] ^= 1 << noise.below(8);
        }
        match import_bytes(&damaged, "damaged", None) {
            Ok(imported) => imported.graph.verify().unwrap(),
            Err(error) => {
                check_message(&error.to_string());
                check_message(&error.help());
            }
        }
    }
}

#[test]
fn random_bytes_are_refused() {
    let mut noise = Noise(7);
    for n in 0..200 {
        let bytes: Vec<u8> = (0..n * 7).map(|_| noise.below(256) as u8).collect();
        check_message(&import_bytes(&bytes, "noise", None).unwrap_err().to_string());
    }
}
