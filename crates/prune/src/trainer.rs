//! The trainings of one run, each with a checkpoint of its own.

use crate::Error;
use privet::extend::Graph;
use std::path::{Path, PathBuf};
use train::{Dataset, Epoch, Recipe, Step, Trained, Watch, WeightMasks, train};

/// Watches a run of several trainings.
pub trait Progress: Watch {
    /// Told what begins.
    fn stage(&mut self, _name: &str) {}
}

impl Progress for () {}

/// Data, and where trainings are kept so that an interrupted run goes on.
///
/// Trainings of one run come in the same order each time, so a run that is repeated passes those that were finished, each
/// in the time of reading its checkpoint.
pub struct Trainer<'a> {
    /// For gradients.
    pub data: &'a Dataset,
    /// For every choice.
    pub validation: &'a Dataset,
    folder: Option<PathBuf>,
    progress: &'a mut dyn Progress,
    n_done: usize,
}

impl<'a> Trainer<'a> {
    /// A trainer that keeps checkpoints in a folder, if there is one.
    ///
    /// # Errors
    /// [`Error::Folder`] if it can not be made.
    pub fn new(
        data: &'a Dataset,
        validation: &'a Dataset,
        folder: Option<&Path>,
        progress: &'a mut dyn Progress,
    ) -> Result<Self, Error> {
        if let Some(folder) = folder {
            std::fs::create_dir_all(folder).map_err(|source| Error::Folder {
                path: folder.to_owned(),
                source,
            })?;
        }
        Ok(Self {
            data,
            validation,
            folder: folder.map(Path::to_owned),
            progress,
            n_done: 0,
        })
    }

    /// Tells what begins.
    pub fn stage(&mut self, name: &str) {
        self.progress.stage(name);
    }

    /// Trains a network, or takes up its training where it was interrupted.
    ///
    /// # Errors
    /// [`Error::Train`].
    pub fn train(
        &mut self,
        name: &str,
        graph: &Graph,
        masks: &WeightMasks,
        recipe: &Recipe,
    ) -> Result<Trained, Error> {
        self.train_with(name, graph, masks, recipe, &mut ())
    }

    /// As [`Trainer::train`], with masks that `masker` changes on the way.
    ///
    /// # Errors
    /// [`Error::Train`].
    pub fn train_with(
        &mut self,
        name: &str,
        graph: &Graph,
        masks: &WeightMasks,
        recipe: &Recipe,
        masker: &mut dyn Watch,
    ) -> Result<Trained, Error> {
        self.n_done += 1;
        self.progress.stage(name);
        let word: String = name
            .chars()
            .map(|c| if c.is_ascii_alphanumeric() { c } else { '-' })
            .collect();
        let file = format!("{:03}-{word}.safetensors", self.n_done);
        let path = self.folder.as_ref().map(|folder| folder.join(file));
        let mut watch = Both(&mut *self.progress, masker);
        Ok(train(
            graph,
            self.data,
            self.validation,
            masks,
            recipe,
            &mut watch,
            path.as_deref(),
        )?)
    }
}

/// The first watches, the second chooses masks.
struct Both<'a>(&'a mut dyn Progress, &'a mut dyn Watch);

impl Watch for Both<'_> {
    fn step(&mut self, step: &Step) -> bool {
        self.0.step(step)
    }

    fn epoch(&mut self, epoch: &Epoch) {
        self.0.epoch(epoch);
    }

    fn masks(&mut self, steps: usize, weights: &dyn Fn() -> Graph) -> Option<WeightMasks> {
        self.1.masks(steps, weights)
    }
}
