//! MNIST and the CIFAR-10 subset.

use crate::Outcome;
use privet::prelude::{Feed, read_labelled, test_data};
use std::path::{Path, PathBuf};
use train::Dataset;

/// Training, validation and test samples.
#[derive(Clone, Debug)]
pub struct Parts {
    /// For gradients.
    pub training: Dataset,
    /// For every choice.
    pub validation: Dataset,
    /// Read once per reported row.
    pub test: Dataset,
}

/// A folder of data: named by a variable, or beside the workspace.
pub fn folder(variable: &str, beside: &str) -> Outcome<PathBuf> {
    let path = match std::env::var_os(variable) {
        Some(path) => PathBuf::from(path),
        None => Path::new("../shared/data").join(beside),
    };
    if path.is_dir() {
        return Ok(path);
    }
    Err(format!(
        "there is no folder {}; {variable} names one with the data",
        path.display()
    )
    .into())
}

/// MNIST, pixels from 0 to 1, with a tenth of the training samples for validation, drawn by the seed; `pad` zeros around.
pub fn mnist(seed: u64, pad: u32) -> Outcome<Parts> {
    let folder = folder("PRIVET_MNIST", "mnist")?;
    let side = 28 + 2 * pad as usize;
    let feed = Feed {
        scale: 1.0 / 255.0,
        pad: [pad; 4],
        ..Feed::default()
    };
    let read = |path: &Path, labels: Option<&Path>| -> Outcome<Dataset> {
        let found = read_labelled(path, labels, &[1, side, side], &feed)?;
        let labels = found.labels.ok_or("MNIST without labels")?;
        Ok(Dataset::classes(side * side, found.inputs, labels)?)
    };
    let all = read(&folder, None)?;
    let (test, labels) = test_data(&folder)?.ok_or("MNIST's folder holds no test samples")?;
    let test = read(&test, labels.as_deref())?;
    let (training, validation) = all.split(0.1, seed);
    Ok(Parts {
        training,
        validation,
        test,
    })
}

/// The same samples as their own targets.
pub fn reconstruction(parts: &Parts) -> Outcome<Parts> {
    let own = |data: &Dataset| -> Outcome<Dataset> {
        let inputs = (0..data.len()).flat_map(|k| data.input(k)).copied();
        Ok(Dataset::reconstruction(
            data.sample_len(),
            inputs.collect(),
        )?)
    };
    Ok(Parts {
        training: own(&parts.training)?,
        validation: own(&parts.validation)?,
        test: own(&parts.test)?,
    })
}

/// Samples as the compiler takes them for calibration.
pub fn samples(data: &Dataset, n: usize) -> Vec<Vec<f64>> {
    let sample = |k| data.input(k).iter().map(|&v| f64::from(v)).collect();
    (0..data.len().min(n)).map(sample).collect()
}

/// Where a table keeps the checkpoints of one seed, so that an interrupted run goes on.
pub fn work(table: &str, seed: u64) -> PathBuf {
    Path::new("target/tables")
        .join(table)
        .join(seed.to_string())
}
