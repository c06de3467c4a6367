//! Labelled data for commands that train.

use crate::args::FeedArgs;
use crate::failure::Failure;
use crate::{Session, screen, warn};
use clap::Args;
use privet::prelude::{Feed, Labelled, Model, check_labels, read_labelled, test_data};
use std::path::{Path, PathBuf};
use train::{Dataset, DatasetError};

/// What is trained on, and how its numbers become the network's.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Training data")]
pub struct TrainingArgs {
    /// Training samples: .npy, .npz, FILE.npz:ARRAY, IDX, CIFAR-10's .bin; or a folder of MNIST's or CIFAR-10's files, or with a folder of pictures per class
    #[arg(short, long, value_name = "FILE|FOLDER")]
    pub data: Option<PathBuf>,
    /// Their classes from 0, where the data do not bring them: .npy, .npz, FILE.npz:ARRAY, IDX, text
    #[arg(long, value_name = "FILE", requires = "data")]
    pub labels: Option<PathBuf>,
    /// Share of the training samples that is kept for validation, drawn by --seed
    #[arg(long, value_name = "SHARE", default_value_t = 0.1, value_parser = share, conflicts_with = "validation")]
    pub validation_share: f64,
    /// Validation samples, instead of a share of the training samples
    #[arg(long, value_name = "FILE|FOLDER")]
    pub validation: Option<PathBuf>,
    /// Classes of the validation samples
    #[arg(long, value_name = "FILE", requires = "validation")]
    pub validation_labels: Option<PathBuf>,
    /// Test samples; those beside the training samples if absent, as in MNIST's folder
    #[arg(long, value_name = "FILE|FOLDER")]
    pub test: Option<PathBuf>,
    /// Classes of the test samples
    #[arg(long, value_name = "FILE", requires = "test")]
    pub test_labels: Option<PathBuf>,
    /// The network's outputs are to be its inputs, as an auto-encoder's: no labels
    #[arg(long, conflicts_with_all = ["labels", "validation_labels", "test_labels"])]
    pub reconstruct: bool,
    /// Start of all random choices
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub seed: u64,
    #[command(flatten)]
    pub feed: FeedArgs,
}

/// Data sets as a network is trained on them.
#[derive(Clone, Debug)]
pub struct TrainingData {
    /// For gradients.
    pub training: Dataset,
    /// For every choice: epochs, strengths, what is dropped.
    pub validation: Dataset,
    /// For the last word; `None` if there is none, and so no test accuracy is known.
    pub test: Option<Dataset>,
    /// How the files' numbers became the network's.
    pub feed: Feed,
    /// Names of the classes, where the data say them; else empty.
    pub class_names: Vec<String>,
}

impl TrainingData {
    /// Bytes that the samples and their targets take in memory.
    pub fn memory_bytes(&self) -> u64 {
        let all = [
            Some(&self.training),
            Some(&self.validation),
            self.test.as_ref(),
        ];
        all.into_iter().flatten().map(bytes).sum()
    }
}

/// Inputs, the place in the order, and a class if there are classes; an auto-encoder's targets are its inputs.
fn bytes(data: &Dataset) -> u64 {
    let class = if data.has_classes() { 4 } else { 0 };
    data.len() as u64 * (4 * data.sample_len() as u64 + 4 + class)
}

impl TrainingArgs {
    /// Reads everything that was asked for, as the network in the file `path` takes it.
    ///
    /// # Errors
    /// [`Failure`] if no data are given, a file can not be read or does not fit the network, or labels are missing.
    pub fn load(
        &self,
        session: &Session,
        path: &Path,
        model: &Model,
    ) -> Result<TrainingData, Failure> {
        let Some(data) = &self.data else {
            return Err(Failure::usage(
                "there are no data to train on",
                "--data FILE or --data FOLDER names them",
            ));
        };
        self.check_outputs(model)?;
        let feed = self.feed.feed(session, path)?.unwrap_or_default();
        let reader = Reader {
            model,
            feed: &feed,
            reconstruct: self.reconstruct,
        };
        let (all, class_names) = reader.read(data, self.labels.as_deref())?;
        let (training, validation) = match &self.validation {
            None => self.split(data, &all)?,
            Some(path) => {
                let own = (path.as_path(), self.validation_labels.as_deref());
                (all, reader.read_like(own, data, &class_names)?)
            }
        };
        let test = match self.test_files(session, data)? {
            None => None,
            Some((path, labels)) => {
                let own = (path.as_path(), labels.as_deref());
                Some(reader.read_like(own, data, &class_names)?)
            }
        };
        Ok(TrainingData {
            training,
            validation,
            test,
            feed,
            class_names,
        })
    }

    /// All files that are named.
    pub fn files(&self) -> impl Iterator<Item = &Path> {
        let all = [
            &self.data,
            &self.labels,
            &self.validation,
            &self.validation_labels,
            &self.test,
            &self.test_labels,
        ];
        all.into_iter().filter_map(|path| path.as_deref())
    }

    /// An auto-encoder has as many outputs as inputs.
    fn check_outputs(&self, model: &Model) -> Result<(), Failure> {
        let (inputs, outputs) = (sample_len(model), model.n_outputs());
        if !self.reconstruct || inputs == outputs {
            return Ok(());
        }
        Err(Failure::usage(
            format!(
                "the network has {} for {}, expected as many with --reconstruct",
                screen::plural(outputs as u64, "output"),
                screen::plural(inputs as u64, "input")
            ),
            "leave out --reconstruct and give labels",
        ))
    }

    /// Training and validation samples of one file.
    fn split(&self, path: &Path, all: &Dataset) -> Result<(Dataset, Dataset), Failure> {
        if all.len() < 2 {
            return Err(Failure::usage(
                format!(
                    "{} has {}, expected at least 2: one for validation",
                    path.display(),
                    screen::plural(all.len() as u64, "sample")
                ),
                "give more samples, or --validation FILE",
            ));
        }
        Ok(all.split(self.validation_share, self.seed))
    }

    /// The test samples and the file of their labels: those asked for, or those beside the training samples.
    fn test_files(
        &self,
        session: &Session,
        data: &Path,
    ) -> Result<Option<(PathBuf, Option<PathBuf>)>, Failure> {
        let beside = |path: &Path| test_data(path).map_err(privet::Error::from);
        match &self.test {
            // A folder of MNIST's files is given for its test samples.
            Some(test) if test.is_dir() && self.test_labels.is_none() => {
                Ok(Some(beside(test)?.unwrap_or_else(|| (test.clone(), None))))
            }
            Some(test) => Ok(Some((test.clone(), self.test_labels.clone()))),
            None => {
                let found = beside(data)?;
                if let Some((path, _)) = &found {
                    let path = path.display();
                    warn::note(session, &format!("test samples come from {path}"));
                }
                Ok(found)
            }
        }
    }
}

/// How files are read for one network.
struct Reader<'a> {
    model: &'a Model,
    feed: &'a Feed,
    reconstruct: bool,
}

impl Reader<'_> {
    /// A data set and the names of its classes.
    fn read(&self, path: &Path, labels: Option<&Path>) -> Result<(Dataset, Vec<String>), Failure> {
        let shape = self.model.input_shape();
        let found = read_labelled(path, labels, shape, self.feed).map_err(privet::Error::from)?;
        self.warn(path, &found);
        let n_inputs = sample_len(self.model);
        if self.reconstruct {
            let data = Dataset::reconstruction(n_inputs, found.inputs);
            return Ok((data.map_err(|e| refused(path, &e))?, Vec::new()));
        }
        let Some(classes) = found.labels else {
            return Err(Failure::usage(
                format!("{} has no labels", path.display()),
                "give their file, as --labels FILE does for --data; or --reconstruct, if the network is to put out its inputs",
            ));
        };
        let named = labels.unwrap_or(path);
        check_labels(named, &classes, self.model.n_outputs()).map_err(privet::Error::from)?;
        let data = Dataset::classes(n_inputs, found.inputs, classes);
        Ok((data.map_err(|e| refused(path, &e))?, found.class_names))
    }

    /// A data set of the same classes as another one, which has those `names`.
    fn read_like(
        &self,
        (path, labels): (&Path, Option<&Path>),
        other: &Path,
        names: &[String],
    ) -> Result<Dataset, Failure> {
        let (data, found) = self.read(path, labels)?;
        if found.is_empty() || names.is_empty() || found == names {
            return Ok(data);
        }
        Err(Failure::usage(
            format!(
                "{} has the classes {}, expected {} as in {}",
                path.display(),
                found.join(", "),
                names.join(", "),
                other.display()
            ),
            "classes are numbered by the names of their folders, which must be the same",
        ))
    }

    /// Looks at the first samples as other commands do at all.
    fn warn(&self, path: &Path, found: &Labelled) {
        let first = found.inputs.chunks(sample_len(self.model).max(1)).take(100);
        let samples: Vec<Vec<f64>> = first
            .map(|sample| sample.iter().map(|&v| f64::from(v)).collect())
            .collect();
        warn::scaled_already(path, self.feed, &samples, "--scale");
    }
}

fn sample_len(model: &Model) -> usize {
    model.input_shape().iter().product()
}

fn refused(path: &Path, error: &DatasetError) -> Failure {
    Failure::usage(error.to_string(), "give other data").about(path)
}

/// A share between 0 and 1, both excluded.
fn share(text: &str) -> Result<f64, String> {
    match text.parse() {
        Ok(share) if share > 0.0 && share < 1.0 => Ok(share),
        _ => Err("expected a share above 0 and below 1, such as 0.1".to_owned()),
    }
}

#[cfg(test)]
mod tests;
