//! A folder to work in, and commands run in it.

use assert_cmd::Command;
use std::path::{Path, PathBuf};
use tempfile::TempDir;

/// What a command did.
pub struct Done {
    pub code: Option<i32>,
    pub out: String,
    pub err: String,
}

impl Done {
    /// Checks the exit code and that standard error has every phrase, and nothing of a panic.
    #[track_caller]
    pub fn fails(&self, code: i32, phrases: &[&str]) {
        assert_eq!(self.code, Some(code), "{}\n{}", self.out, self.err);
        for phrase in phrases {
            assert!(
                self.err.contains(phrase),
                "{phrase:?} is not in\n{}",
                self.err
            );
        }
        assert!(
            !self.err.contains("panicked") && !self.err.contains("fault in Privet"),
            "{}",
            self.err
        );
    }

    /// Checks success and that standard output has every phrase.
    #[track_caller]
    pub fn works(&self, phrases: &[&str]) {
        assert_eq!(self.code, Some(0), "{}\n{}", self.out, self.err);
        for phrase in phrases {
            assert!(
                self.out.contains(phrase),
                "{phrase:?} is not in\n{}",
                self.out
            );
        }
    }
}

pub fn models() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/models")
}

pub fn mlp() -> String {
    models().join("mlp_784_128_10.onnx").display().to_string()
}

/// A network with ReLU, and so in need of calibration data.
pub fn relu() -> String {
    models()
        .join("lenet5_mnist_relu_avgpool.onnx")
        .display()
        .to_string()
}

pub fn digits() -> String {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/data/digits-4.npy")
        .display()
        .to_string()
}

/// 64 digits and their classes.
pub fn labelled() -> [String; 2] {
    let path = models().join("../inputs/digits.npz");
    ["x", "y"].map(|array| format!("{}:{array}", path.display()))
}

/// Runs a command that trains until a file of its work folder appears, kills it, and runs it again to its end.
#[cfg(unix)]
pub fn killed_and_repeated(folder: &Folder, args: &[&str], checkpoint: &str) {
    let mut child = std::process::Command::new(assert_cmd::cargo::cargo_bin("privet"))
        .current_dir(folder.0.path())
        .args(args)
        .stdout(std::process::Stdio::null())
        .stderr(std::process::Stdio::null())
        .spawn()
        .expect("it starts");
    while !folder.exists(checkpoint) && child.try_wait().expect("a state").is_none() {
        std::thread::sleep(std::time::Duration::from_millis(1));
    }
    // A signal that no program sees.
    child.kill().expect("it is killed");
    let ended = child.wait().expect("its end");
    assert!(!ended.success(), "it ended before it was killed");
    folder.privet(args).works(&[]);
}

/// A folder of its own for each test.
pub struct Folder(TempDir);

impl Folder {
    pub fn new() -> Self {
        Self(tempfile::tempdir().expect("a temporary folder"))
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    pub fn exists(&self, name: &str) -> bool {
        self.path(name).exists()
    }

    /// Names of all files, hidden ones included.
    pub fn names(&self) -> Vec<String> {
        let entries = std::fs::read_dir(self.0.path()).expect("the folder can be listed");
        let mut names: Vec<String> = entries
            .map(|e| {
                e.expect("an entry")
                    .file_name()
                    .to_string_lossy()
                    .into_owned()
            })
            .collect();
        names.sort();
        names
    }

    /// Runs `privet` in the folder.
    pub fn privet(&self, args: &[&str]) -> Done {
        let output = Command::cargo_bin("privet")
            .expect("the binary")
            .current_dir(self.0.path())
            .args(args)
            .output()
            .expect("it runs");
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let done = Done {
            code: output.status.code(),
            out: text(&output.stdout),
            err: text(&output.stderr),
        };
        crate::options::check(args, &format!("{}\n{}", done.out, done.err));
        done
    }

    /// Compiles the MLP and makes its client file and keys.
    pub fn prepare(&self) {
        self.privet(&["compile", &mlp(), "-o", "m.privet"])
            .works(&[]);
        self.privet(&["inspect", "m.privet", "--client", "m.client"])
            .works(&[]);
        self.privet(&[
            "keygen",
            "m.client",
            "--secret",
            "s.key",
            "--evaluation",
            "e.evk",
        ])
        .works(&[]);
    }

    /// Writes an array of doubles.
    pub fn npy(&self, name: &str, shape: &[usize], values: &[f64]) {
        let dims: String = shape.iter().map(|d| format!("{d}, ")).collect();
        let mut head = format!("{{'descr': '<f8', 'fortran_order': False, 'shape': ({dims}), }}");
        while !(head.len() + 11).is_multiple_of(64) {
            head.push(' ');
        }
        head.push('\n');
        let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
        bytes.extend((head.len() as u16).to_le_bytes());
        bytes.extend(head.as_bytes());
        bytes.extend(values.iter().flat_map(|v| v.to_le_bytes()));
        std::fs::write(self.path(name), bytes).expect("the array is written");
    }
}

/// Doubles of an `.npy` file.
pub fn read_npy(path: &Path) -> Vec<f64> {
    let bytes = std::fs::read(path).expect("the array is there");
    let start = 10 + usize::from(u16::from_le_bytes([bytes[8], bytes[9]]));
    bytes[start..]
        .as_chunks::<8>()
        .0
        .iter()
        .map(|c| f64::from_le_bytes(*c))
        .collect()
}
