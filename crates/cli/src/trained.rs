//! Files of commands that train: the new network, what lies beside it, and what an interrupted run goes on with.

use crate::args::TrainedFiles;
use crate::commands::compile::derived;
use crate::failure::Failure;
use crate::screen::{self, Lines};
use crate::training::TrainingData;
use crate::{Session, feed, staging, warn};
use privet::extend::Graph;
use privet::prelude::{Model, human_bytes, write_npy};
use prune::Trainer;
use prune::report::{Origin, Scores};
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use train::{Dataset, score};

/// Typical samples beside a network.
const CALIBRATION_SAMPLES: usize = 256;
/// Their values, at most.
const CALIBRATION_VALUES: usize = 1 << 22;

/// Where a command writes.
pub struct Outputs {
    /// The network.
    pub network: PathBuf,
    /// How its inputs are fed.
    feed: PathBuf,
    /// Typical inputs.
    calibration: PathBuf,
    /// Trainings of an interrupted run.
    work: PathBuf,
}

impl TrainedFiles {
    /// Names of all outputs, after a look whether they can be written.
    ///
    /// # Errors
    /// [`Failure`] naming the first that can not.
    pub fn outputs(
        &self,
        session: &Session,
        model: &Path,
        ending: &str,
        read: &[&Path],
    ) -> Result<Outputs, Failure> {
        let network = self
            .output
            .clone()
            .unwrap_or_else(|| derived(model, ending));
        let outputs = Outputs {
            feed: network.with_extension("feed.json"),
            calibration: network.with_extension("calibration.npy"),
            work: self
                .work
                .clone()
                .unwrap_or_else(|| network.with_extension("work")),
            network,
        };
        let written = [
            Some(outputs.network.as_path()),
            Some(&outputs.feed),
            Some(&outputs.calibration),
            self.report.as_deref(),
        ];
        staging::check_outputs(session, &written, read)?;
        Ok(outputs)
    }
}

impl Outputs {
    /// A trainer that goes on where an interrupted run was.
    ///
    /// # Errors
    /// [`Failure`] if the folder can not be made.
    pub fn trainer<'a>(
        &self,
        session: &Session,
        data: &'a TrainingData,
        progress: &'a mut dyn prune::Progress,
    ) -> Result<Trainer<'a>, Failure> {
        let work = self.work.display();
        let text = match checkpoints(&self.work).is_empty() {
            true => format!("an interrupted run goes on with the same command, from {work}"),
            false => format!("goes on from {work}"),
        };
        warn::note(session, &text);
        let folder = Some(self.work.as_path());
        Ok(Trainer::new(
            &data.training,
            &data.validation,
            folder,
            progress,
        )?)
    }

    /// Writes a network, how it is fed, and typical inputs; gives the network as it is read again.
    ///
    /// # Errors
    /// [`Failure`] if a file can not be written.
    pub fn save(
        &self,
        session: &Session,
        graph: Graph,
        model: &Model,
        data: &TrainingData,
    ) -> Result<Model, Failure> {
        let info = model.info.clone();
        Model { graph, info }.save(&self.network, session.force)?;
        privet::save_text(&self.feed, &feed::to_json(&data.feed), session.force)?;
        let shape = model.input_shape();
        let samples = typical(&data.training).into_iter();
        let raw: Option<Vec<_>> = samples
            .map(|k| feed::unfed(&data.feed, data.training.input(k), shape))
            .collect();
        let raw: (Vec<Vec<f64>>, Vec<Vec<usize>>) = raw.unwrap_or_default().into_iter().unzip();
        if let (samples, [shape, ..]) = (&raw.0, raw.1.as_slice()) {
            write_npy(&self.calibration, samples, shape, session.force)
                .map_err(privet::Error::from)?;
        }
        staging::import(&self.network)
    }

    /// Removes what an interrupted run would have gone on with; nothing else that may be in the folder.
    pub fn tidy(&self) {
        for path in checkpoints(&self.work) {
            // A file that stays does no harm.
            let _ = fs::remove_file(path);
        }
        let _ = fs::remove_dir(&self.work);
    }

    /// Lines on what was written and what comes next.
    pub fn lines(&self, lines: &mut Lines, next: &str) {
        let network = self.network.display();
        let beside = [&self.feed, &self.calibration].map(|path| {
            let name = path.file_name().unwrap_or_default().display().to_string();
            if path.is_file() { name } else { String::new() }
        });
        let [feed, calibration] = beside;
        lines.line(
            "wrote",
            &[format!("{network}, the network"), feed, calibration],
        );
        lines.line("next", &[next.to_owned()]);
    }
}

/// Samples that stand for all.
fn typical(data: &Dataset) -> Vec<usize> {
    let most = CALIBRATION_VALUES / data.sample_len().max(1);
    (0..data.len().min(CALIBRATION_SAMPLES).min(most)).collect()
}

/// Typical samples as the network takes them.
pub fn calibration(data: &Dataset) -> Vec<Vec<f64>> {
    let sample = |k| data.input(k).iter().map(|&v| f64::from(v)).collect();
    typical(data).into_iter().map(sample).collect()
}

/// Files of trainings in a folder, named as a trainer names them.
fn checkpoints(folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(folder) else {
        return Vec::new();
    };
    let is_ours = |path: &PathBuf| {
        let name = path.file_name().and_then(|n| n.to_str()).unwrap_or("");
        let number = name.split('-').next().unwrap_or("");
        let ending = path.extension().and_then(|e| e.to_str());
        number.len() >= 3
            && number.bytes().all(|b| b.is_ascii_digit())
            && matches!(ending, Some("safetensors" | "part"))
    };
    let paths = entries.filter_map(|entry| Some(entry.ok()?.path()));
    paths.filter(is_ours).collect()
}

/// Line on the data.
pub fn data_line(lines: &mut Lines, data: &TrainingData) {
    let count = |data: &Dataset, what: &str| screen::plural(data.len() as u64, what);
    let test = data.test.as_ref();
    let parts = [
        count(&data.training, "training sample"),
        count(&data.validation, "validation sample"),
        test.map_or("no test samples".to_owned(), |test| {
            count(test, "test sample")
        }),
        human_bytes(data.memory_bytes()),
    ];
    lines.line("data", &parts);
}

/// What a report begins with.
pub fn origin(model: &Model, data: &TrainingData, settings: &[(&str, String)]) -> Origin {
    Origin {
        model: model.info.name.clone(),
        sha256: model.info.sha256.clone(),
        training_samples: data.training.len(),
        validation_samples: data.validation.len(),
        test_samples: data.test.as_ref().map_or(0, Dataset::len),
        classes: data.class_names.clone(),
        settings: settings
            .iter()
            .map(|(name, value)| ((*name).to_owned(), value.clone()))
            .collect::<BTreeMap<_, _>>(),
    }
}

/// Scores of two networks on the same samples.
///
/// # Errors
/// [`Failure`] if samples and networks do not fit.
pub fn scores(before: &Graph, after: &Graph, data: &Dataset) -> Result<Scores, Failure> {
    let of = |graph| score(graph, data).map_err(prune::Error::from);
    Ok(Scores {
        before: of(before)?,
        after: of(after)?,
    })
}

/// As [`scores`], on test samples.
///
/// # Errors
/// As [`scores`].
pub fn test_scores(
    before: &Graph,
    after: &Graph,
    data: &TrainingData,
) -> Result<Option<Scores>, Failure> {
    let scores = |test: &Dataset| scores(before, after, test);
    data.test.as_ref().map(scores).transpose()
}

/// Writes a report as JSON.
///
/// # Errors
/// [`Failure`] if the file can not be written.
pub fn write_report(
    session: &Session,
    path: Option<&Path>,
    report: &impl serde::Serialize,
    lines: &mut Lines,
) -> Result<(), Failure> {
    let Some(path) = path else { return Ok(()) };
    // Strings, numbers and maps with string keys always have a JSON form.
    let text = serde_json::to_string_pretty(report).unwrap_or_default();
    privet::save_text(path, &format!("{text}\n"), session.force)?;
    lines.line("wrote", &[format!("{}, the report", path.display())]);
    Ok(())
}
