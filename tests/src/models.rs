//! Trained networks: those of `examples/models`, and those of a folder `shared` beside the workspace where there is one.

use crate::{files_below, name_of, workspace};
use privet::prelude::{Feed, Model, read_samples};
use std::path::{Path, PathBuf};

/// A network in a file, and inputs it was made for.
#[derive(Clone, Debug)]
pub struct Trained {
    /// File name without ending.
    pub name: String,
    /// The file.
    pub path: PathBuf,
    /// Samples as the network takes them.
    pub samples: PathBuf,
    /// Samples to calibrate on.
    pub calibration: PathBuf,
    /// From numbers in those files to inputs.
    pub feed: Feed,
    /// Whether it is in this repository.
    pub is_bundled: bool,
}

fn onnx_files(folder: &Path) -> Vec<PathBuf> {
    files_below(folder)
        .into_iter()
        .filter(|p| p.extension().is_some_and(|e| e == "onnx"))
        .collect()
}

fn stem(path: &Path) -> String {
    name_of(&path.with_extension(""))
}

/// The number behind `"scale":` in a feed description; 1 without one.
fn scale_of(path: &Path) -> f64 {
    let text = std::fs::read_to_string(path).unwrap_or_default();
    let number = text
        .split("\"scale\":")
        .nth(1)
        .and_then(|rest| rest.trim_start().split([',', '}', ' ']).next());
    number.and_then(|n| n.parse().ok()).unwrap_or(1.0)
}

/// The networks of this repository.
pub fn bundled() -> Vec<Trained> {
    let examples = workspace().join("examples");
    let digits = examples.join("inputs/digits.npz");
    let made = |path: PathBuf| {
        let calibration = path.with_extension("calibration.npy");
        let own = calibration.exists();
        let samples = if own { calibration } else { digits.clone() };
        let feed = Feed {
            scale: scale_of(&path.with_extension("feed.json")),
            ..Feed::default()
        };
        Trained {
            name: stem(&path),
            calibration: samples.clone(),
            samples,
            path,
            feed,
            is_bundled: true,
        }
    };
    onnx_files(&examples.join("models"))
        .into_iter()
        .map(made)
        .collect()
}

/// The folder of further networks, if it is there: `PRIVET_SHARED`, else `shared` beside the workspace.
pub fn shared_folder() -> Option<PathBuf> {
    let beside = || workspace().parent().map(|p| p.join("shared"));
    let folder = std::env::var_os("PRIVET_SHARED")
        .map(PathBuf::from)
        .or_else(beside)?;
    folder.join("models").is_dir().then_some(folder)
}

/// The networks of that folder which are not in this repository.
pub fn shared() -> Vec<Trained> {
    let Some(folder) = shared_folder() else {
        return Vec::new();
    };
    let known: Vec<String> = bundled().into_iter().map(|b| b.name).collect();
    let made = |path: PathBuf| {
        let golden = path.with_extension("golden.npz");
        let samples = if golden.exists() {
            golden
        } else {
            path.with_file_name("test_inputs.npz")
        };
        Trained {
            name: stem(&path),
            calibration: samples.clone(),
            samples,
            path,
            feed: Feed::default(),
            is_bundled: false,
        }
    };
    let files = [folder.join("bench/models"), folder.join("models")];
    files
        .iter()
        .flat_map(|f| onnx_files(f))
        .map(made)
        .filter(|t| !known.contains(&t.name))
        .collect()
}

impl Trained {
    /// The network, samples and calibration samples.
    ///
    /// # Panics
    /// If a file can not be read.
    pub fn load(&self) -> (Model, Vec<Vec<f64>>, Vec<Vec<f64>>) {
        let model = Model::import(&self.path).unwrap_or_else(|e| panic!("{}: {e}", self.name));
        let read = |path: &Path| {
            read_samples(path, &self.feed, model.input_shape())
                .unwrap_or_else(|e| panic!("{}: {e}", self.name))
                .values
        };
        let (samples, calibration) = (read(&self.samples), read(&self.calibration));
        (model, samples, calibration)
    }
}
