//! Encrypted runs, measured through the command line, as users would.

use crate::Outcome;
use privet::extend::Graph;
use privet::prelude::Model;
use serde_json::Value;
use std::path::Path;
use std::process::Command;

/// What a network's encrypted runs took, on one thread.
#[derive(Clone, Debug)]
pub struct Encrypted {
    /// Median time of a run, weights encoded before.
    pub ms: f64,
    /// Rotations of a run, as planned and executed.
    pub rotations: u64,
    /// Products with plaintexts of a run.
    pub products: u64,
    /// Most that the process held.
    pub mebibytes: f64,
    /// Largest difference to the polynomial network, as a share of the largest output.
    pub error: f64,
    /// Share of samples whose decrypted class is the polynomial network's.
    pub agreement: f64,
}

/// Saves a network and runs samples of a file encrypted: `privet check` with so many encrypted samples and these options.
///
/// # Errors
/// What the command prints where it fails.
pub fn encrypted(
    graph: &Graph,
    folder: &Path,
    data: &Path,
    samples: usize,
    options: &[&str],
) -> Outcome<Encrypted> {
    std::fs::create_dir_all(folder)?;
    let (model, report) = (folder.join("network.onnx"), folder.join("report.json"));
    Model::from_graph(graph.clone()).save(&model, true)?;
    let privet = std::env::current_exe()?.with_file_name("privet");
    let count = samples.to_string();
    let done = Command::new(&privet)
        .args(["check", "--force", "--quiet", "--threads", "1"])
        .args(["--encrypted", &count, "--limit", &count])
        .arg("--report")
        .arg(&report)
        .args(options)
        .arg(&model)
        .arg(data)
        .output()
        .map_err(|e| {
            format!(
                "{}: {e}; build it first: cargo build --release",
                privet.display()
            )
        })?;
    if !done.status.success() {
        return Err(String::from_utf8_lossy(&done.stderr).into_owned().into());
    }
    let report: Value = serde_json::from_slice(&std::fs::read(&report)?)?;
    let number = |path: &str| {
        let found = report.pointer(path).and_then(Value::as_f64);
        found.ok_or_else(|| format!("the report has no {path}"))
    };
    Ok(Encrypted {
        ms: number("/time/run_ms")?,
        rotations: number("/counts/rotations")? as u64,
        products: number("/counts/mul_plain")? as u64,
        mebibytes: number("/memory/peak_rss_bytes")? / (1 << 20) as f64,
        error: number("/error/max_rel")?,
        agreement: number("/error/argmax_agreement")?,
    })
}
