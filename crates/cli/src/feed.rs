//! Input data, and what lies beside a model.

use crate::args::FeedArgs;
use crate::failure::Failure;
use crate::{Session, warn};
use privet::prelude::{Feed, read_samples};
use serde::Deserialize;
use std::path::{Path, PathBuf};

/// Largest feed file.
const MAX_FEED_BYTES: u64 = 1 << 20;

/// `MODEL.feed.json`: how inputs are fed unless options say otherwise.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct FeedFile {
    scale: Option<Number>,
    mean: Vec<f64>,
    std: Vec<f64>,
    pad: Option<[u32; 4]>,
}

/// A number, or a fraction in quotes.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Number {
    Value(f64),
    Text(String),
}

/// A file beside the model: `lenet.onnx` has `lenet.feed.json`.
pub fn beside(model: &Path, ending: &str) -> Option<PathBuf> {
    let stem = model.file_stem()?.to_str()?;
    let path = model.with_file_name(format!("{stem}.{ending}"));
    path.is_file().then_some(path)
}

impl FeedArgs {
    fn given(&self) -> bool {
        self.scale.is_some()
            || !self.mean.is_empty()
            || !self.std.is_empty()
            || !self.pad.is_empty()
    }

    /// How inputs of `model` are fed: by options, or else by the file beside it.
    ///
    /// # Errors
    /// [`Failure`] if an option or the file can not be read.
    pub fn feed(&self, session: &Session, model: &Path) -> Result<Feed, Failure> {
        match beside(model, "feed.json") {
            Some(path) if !self.given() => {
                let feed = from_file(&path)?;
                warn::note(
                    session,
                    &format!("inputs are fed as {} says", path.display()),
                );
                Ok(feed)
            }
            _ => self.options(),
        }
    }

    fn options(&self) -> Result<Feed, Failure> {
        let scale = self
            .scale
            .as_deref()
            .map(Feed::parse_scale)
            .transpose()
            .map_err(privet::Error::from)?;
        let pad = match *self.pad.as_slice() {
            [] => [0; 4],
            [all] => [all; 4],
            [top, bottom, left, right] => [top, bottom, left, right],
            _ => {
                return Err(Failure::usage(
                    format!("--pad has {} numbers, expected one or four", self.pad.len()),
                    "--pad top,bottom,left,right",
                ));
            }
        };
        Ok(Feed {
            scale: scale.unwrap_or(1.0),
            mean: self.mean.clone(),
            std: self.std.clone(),
            pad,
            ..Feed::default()
        })
    }
}

fn from_file(path: &Path) -> Result<Feed, Failure> {
    let read = |e: std::io::Error| Failure::io("read", path, &e);
    let bytes = std::fs::metadata(path).map_err(read)?.len();
    if bytes > MAX_FEED_BYTES {
        return Err(Failure::usage(
            format!(
                "{} has {bytes} bytes, expected a few lines of JSON",
                path.display()
            ),
            "remove it, or give the options",
        ));
    }
    let text = std::fs::read_to_string(path).map_err(read)?;
    let file: FeedFile = serde_json::from_str(&text).map_err(|e| {
        let message = format!("{} is not a feed description: {e}", path.display());
        Failure::usage(message, r#"write it as {"scale": "1/255", "mean": [0.1], "std": [0.3], "pad": [0, 0, 0, 0]}, each optional"#)
    })?;
    let scale = match file.scale {
        None => 1.0,
        Some(Number::Value(value)) => value,
        Some(Number::Text(text)) => Feed::parse_scale(&text).map_err(privet::Error::from)?,
    };
    Ok(Feed {
        scale,
        mean: file.mean,
        std: file.std,
        pad: file.pad.unwrap_or_default(),
        ..Feed::default()
    })
}

/// One sample of a file, and its name.
///
/// # Errors
/// [`Failure`] if there is none of that number, or the file does not fit the network.
pub fn one_sample(
    path: &Path,
    index: usize,
    feed: &Feed,
    shape: &[usize],
) -> Result<(String, Vec<f64>), Failure> {
    let feed = Feed {
        offset: index,
        limit: Some(1),
        ..feed.clone()
    };
    let mut samples = read_samples(path, &feed, shape).map_err(privet::Error::from)?;
    match (samples.names.pop(), samples.values.pop()) {
        (Some(name), Some(values)) => Ok((name, values)),
        _ => Err(Failure::usage(
            format!("{} has no sample {index}", path.display()),
            "choose another with --sample",
        )),
    }
}

/// Calibration samples: those asked for, or those beside the model.
///
/// # Errors
/// [`Failure`] if the file does not fit the network.
pub fn calibration(
    session: &Session,
    asked: Option<&Path>,
    model: &Path,
    feed: &Feed,
    shape: &[usize],
) -> Result<Option<Vec<Vec<f64>>>, Failure> {
    let found = || {
        ["calibration.npz", "calibration.npy"]
            .iter()
            .find_map(|ending| beside(model, ending))
    };
    let path = match asked {
        Some(path) => Some(path.to_owned()),
        None => {
            let path = found();
            if let Some(path) = &path {
                warn::note(session, &format!("ranges come from {}", path.display()));
            }
            path
        }
    };
    let read = |path: PathBuf| {
        read_samples(&path, feed, shape)
            .map(|s| s.values)
            .map_err(privet::Error::from)
    };
    Ok(path.map(read).transpose()?)
}
