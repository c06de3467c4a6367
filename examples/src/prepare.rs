//! Networks trained for the tables.

use crate::data::Parts;
use crate::{Outcome, networks};
use privet::extend::{Activation, Graph};
use prune::convert::{Conversion, convert};
use prune::{Progress, Trainer};
use std::path::Path;
use train::{Recipe, Schedule, WeightMasks, train};

/// Trains a network from its first weights.
pub fn trained(graph: &Graph, parts: &Parts, recipe: &Recipe, file: &Path) -> Outcome<Graph> {
    if let Some(folder) = file.parent() {
        std::fs::create_dir_all(folder)?;
    }
    let masks = WeightMasks::new();
    let (data, validation) = (&parts.training, &parts.validation);
    Ok(train(graph, data, validation, &masks, recipe, &mut (), Some(file))?.graph)
}

/// The recipe of a first training.
pub fn first(epochs: usize, seed: u64) -> Recipe {
    Recipe {
        epochs,
        rate: 4e-3,
        schedule: Schedule::OneCycle,
        seed,
        ..Recipe::default()
    }
}

/// MOFHEI's LeNet as it was trained, and its conversion to quadratics.
pub fn lenet_32(
    activation: Activation,
    parts: &Parts,
    seed: u64,
    folder: &Path,
) -> Outcome<[Graph; 2]> {
    let file = folder.join("original.safetensors");
    let graph = networks::lenet_32(activation, seed);
    let original = trained(&graph, parts, &first(8, seed), &file)?;
    let mut watch = Stages;
    let folder = folder.join("converted");
    let mut trainer = Trainer::new(
        &parts.training,
        &parts.validation,
        Some(&folder),
        &mut watch,
    )?;
    let settings = Conversion {
        seed,
        ..Conversion::default()
    };
    let converted = convert(&original, &settings, &mut trainer)?.graph;
    Ok([original, converted])
}

/// Prints what begins.
pub struct Stages;

impl train::Watch for Stages {}

impl Progress for Stages {
    fn stage(&mut self, name: &str) {
        eprintln!("{name}");
    }
}
