//! Input data, and what lies beside a model.

use crate::args::{CompileArgs, FeedArgs};
use crate::failure::Failure;
use crate::{Session, screen, warn};
use privet::prelude::{Client, Feed, read_samples};
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

    /// How inputs of `model` are fed: by options, or else by the file beside it; `None` where neither says anything.
    ///
    /// # Errors
    /// [`Failure`] if an option or the file can not be read.
    pub fn feed(&self, session: &Session, model: &Path) -> Result<Option<Feed>, Failure> {
        match beside(model, "feed.json") {
            Some(path) if !self.given() => {
                let feed = from_file(&path)?;
                let (path, how) = (path.display(), words(&feed));
                warn::note(session, &format!("inputs are fed as {path} says: {how}"));
                Ok(Some(feed))
            }
            _ => self.options(),
        }
    }

    /// How inputs for a client are fed: by options, or else as its network was compiled with.
    ///
    /// # Errors
    /// [`Failure`] if an option can not be read.
    pub fn feed_for(&self, session: &Session, client: &Client) -> Result<Feed, Failure> {
        if let (Some(feed), false) = (&client.feed, self.given()) {
            let how = words(feed);
            warn::note(
                session,
                &format!("inputs are fed as the network was compiled with: {how}"),
            );
            return Ok(feed.clone());
        }
        Ok(self.options()?.unwrap_or_default())
    }

    fn options(&self) -> Result<Option<Feed>, Failure> {
        if !self.given() {
            return Ok(None);
        }
        let scale = parse_scale(self.scale.as_deref())?;
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
        Ok(Some(Feed {
            scale: scale.unwrap_or(1.0),
            mean: self.mean.clone(),
            std: self.std.clone(),
            pad,
            ..Feed::default()
        }))
    }
}

fn parse_scale(text: Option<&str>) -> Result<Option<f64>, Failure> {
    let scale = text.map(Feed::parse_scale).transpose();
    Ok(scale.map_err(privet::Error::from)?)
}

/// A feed as its options would be typed.
pub fn words(feed: &Feed) -> String {
    let list = |values: &[f64]| {
        let values: Vec<String> = values.iter().map(f64::to_string).collect();
        values.join(",")
    };
    let mut parts = vec![format!("--scale {}", factor(feed.scale))];
    if !feed.mean.is_empty() {
        parts.push(format!("--mean {}", list(&feed.mean)));
    }
    if !feed.std.is_empty() {
        parts.push(format!("--std {}", list(&feed.std)));
    }
    if feed.pad != [0; 4] {
        parts.push(format!("--pad {}", list(&feed.pad.map(f64::from))));
    }
    parts.join(" ")
}

/// The text of a `MODEL.feed.json`.
pub fn to_json(feed: &Feed) -> String {
    let file = serde_json::json!({
        "scale": factor(feed.scale),
        "mean": feed.mean,
        "std": feed.std,
        "pad": feed.pad,
    });
    format!("{file:#}\n")
}

/// The numbers of a file that a feed makes a sample of, and their shape; `None` for a padded sample that is no image.
pub fn unfed(feed: &Feed, sample: &[f32], shape: &[usize]) -> Option<(Vec<f64>, Vec<usize>)> {
    let (planes, height, width) = match (shape, feed.pad) {
        (&[planes, height, width], _) => (planes, height, width),
        (_, [0, 0, 0, 0]) => (1, 1, sample.len()),
        _ => return None,
    };
    let [top, bottom, left, right] = feed.pad.map(|n| n as usize);
    let (rows, columns) = (
        height.checked_sub(top + bottom)?,
        width.checked_sub(left + right)?,
    );
    let of = |all: &[f64], plane: usize, other: f64| match all {
        [] => other,
        [one] => *one,
        each => each.get(plane).copied().unwrap_or(other),
    };
    let mut values = Vec::with_capacity(planes * rows * columns);
    for plane in 0..planes {
        let (mean, std) = (of(&feed.mean, plane, 0.0), of(&feed.std, plane, 1.0));
        for row in top..top + rows {
            let from = (plane * height + row) * width + left;
            let line = sample.get(from..from + columns)?.iter();
            values.extend(line.map(|&v| (f64::from(v) * std + mean) / feed.scale));
        }
    }
    let shape = match shape {
        [_, _, _] => vec![planes, rows, columns],
        _ => shape.to_vec(),
    };
    Some((values, shape))
}

/// `1/255` rather than `0.00392156862745098`.
pub fn factor(scale: f64) -> String {
    let below = (1.0 / scale).round();
    if below > 1.0 && (below * scale - 1.0).abs() < 1e-12 {
        format!("1/{below}")
    } else {
        scale.to_string()
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
        let (line, column) = (e.line(), e.column());
        let word = e.to_string().split('`').nth(1).map(str::to_owned);
        let why = match (e.is_data(), word) {
            (true, Some(word)) => format!("{word:?} is not one of scale, mean, std and pad"),
            (true, None) => "it has a value of the wrong type".to_owned(),
            (false, _) => "it is not JSON".to_owned(),
        };
        let place = format!("{}, line {line}, column {column}", path.display());
        let message = format!("{place}: {why}; expected a feed description");
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

/// So many samples of a file from one on, and the first one's name.
///
/// # Errors
/// [`Failure`] if there are fewer, or the file does not fit the network.
pub fn some_samples(
    path: &Path,
    index: usize,
    n: usize,
    feed: &Feed,
    shape: &[usize],
) -> Result<(String, Vec<Vec<f64>>), Failure> {
    let feed = Feed {
        offset: index,
        limit: Some(n),
        ..feed.clone()
    };
    let samples = read_samples(path, &feed, shape).map_err(privet::Error::from)?;
    warn::scaled_already(path, &feed, &samples.values, "--scale");
    match samples.names.into_iter().next() {
        Some(name) if samples.values.len() == n => Ok((name, samples.values)),
        Some(_) => Err(Failure::usage(
            format!(
                "{} has {} from number {index} on, --batch asks for {n}",
                path.display(),
                screen::plural(samples.values.len() as u64, "sample")
            ),
            format!("--batch {}", samples.values.len()),
        )),
        None => Err(Failure::usage(
            format!("{} has no sample {index}", path.display()),
            "choose another with --sample",
        )),
    }
}

/// The first sample's name, and how many follow it.
pub fn names(first: String, n: usize) -> String {
    match n {
        0 | 1 => first,
        _ => format!("{first} and {} more", n - 1),
    }
}

/// Where calibration samples came from.
pub struct Calibration {
    /// The samples as the network takes them.
    pub samples: Vec<Vec<f64>>,
    /// Their file.
    pub path: PathBuf,
}

/// Calibration samples: those asked for, or those beside the model, which the feed file beside it describes.
///
/// # Errors
/// [`Failure`] if the file does not fit the network.
pub fn calibration(
    session: &Session,
    args: &CompileArgs,
    model: &Path,
    feed: &Feed,
    shape: &[usize],
) -> Result<Option<Calibration>, Failure> {
    let scale = parse_scale(args.calibration_scale.as_deref())?;
    let mut feed = feed.clone();
    let path = match &args.calibration {
        Some(path) => Some(path.clone()),
        None => beside_model(model),
    };
    let Some(path) = path else {
        return match scale {
            None => Ok(None),
            Some(_) => Err(Failure::usage(
                "--calibration-scale is given, but no calibration data",
                "--calibration FILE names it",
            )),
        };
    };
    if args.calibration.is_none() {
        if let Some(file) = beside(model, "feed.json") {
            feed = from_file(&file)?;
        }
        warn::note(session, &format!("ranges come from {}", path.display()));
    }
    feed.scale = scale.unwrap_or(feed.scale);
    let samples = read_samples(&path, &feed, shape).map_err(privet::Error::from)?;
    let samples = samples.values;
    warn::scaled_already(&path, &feed, &samples, "--calibration-scale");
    warn::few_samples(&path, samples.len());
    Ok(Some(Calibration { samples, path }))
}

/// The calibration data beside a model.
pub fn beside_model(model: &Path) -> Option<PathBuf> {
    ["calibration.npz", "calibration.npy"]
        .iter()
        .find_map(|ending| beside(model, ending))
}
