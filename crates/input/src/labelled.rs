//! Samples with their labels, for training.

use crate::folder::Contents;
use crate::labels::from_numbers;
use crate::raw::Raw;
use crate::shape::{Fit, product, window};
use crate::source::{Content, Source};
use crate::{Feed, InputError, MAX_BYTES, cifar, folder, npz, picture, read_labels};
use std::path::{Path, PathBuf};

/// Samples as a network wants them, one after another, and their classes.
#[derive(Clone, Debug, PartialEq)]
pub struct Labelled {
    /// Shape of each sample, as it was asked for.
    pub shape: Vec<usize>,
    /// All samples, each in C order.
    pub inputs: Vec<f32>,
    /// The class of each sample, where the data say it.
    pub labels: Option<Vec<u32>>,
    /// Names of the classes, where the data say them; else empty.
    pub class_names: Vec<String>,
}

impl Labelled {
    /// Number of samples.
    pub fn n_samples(&self) -> usize {
        self.inputs.len() / self.shape.iter().product::<usize>().max(1)
    }
}

/// Reads samples of `shape` with their labels, in the precision of training.
///
/// | `path` | labels |
/// | --- | --- |
/// | IDX, `.npy`, a picture | the file `labels` |
/// | `.npz`, also `file.npz:name` | the file `labels`, or the archive's: `x` has `y`, `x_train` has `y_train` |
/// | CIFAR-10's records, `.bin` | within |
/// | folder with `train-images-idx3-ubyte` and `train-labels-idx1-ubyte` | the latter |
/// | folder with `data_batch_*.bin` | within |
/// | folder of folders with `.png` or `.jpg` | the place of the picture's folder, by name as bytes |
///
/// Files may be gzipped as for [`read_samples`](crate::read_samples), whose shapes and feeding these are. CIFAR-10's records
/// have no mark of their own, so that the name decides. Labels are cut as the samples are.
///
/// # Cost
/// The samples are held once in the type of the file beside the result.
///
/// # Errors
/// - As [`read_samples`](crate::read_samples) and [`read_labels`].
/// - [`InputError::LabelCount`], [`InputError::OwnLabels`] for labels that are not those of the samples.
/// - [`InputError::Folder`], [`InputError::MixedSizes`] for folders.
pub fn read_labelled(
    path: &Path,
    labels: Option<&Path>,
    shape: &[usize],
    feed: &Feed,
) -> Result<Labelled, InputError> {
    feed.check(path, shape)?;
    let own = |data: &Path| match labels {
        Some(labels) => Err(InputError::OwnLabels {
            data: data.into(),
            path: labels.into(),
        }),
        None => Ok(()),
    };
    if cifar::is_named(path) && !path.is_dir() {
        own(path)?;
        return batches(path, &[path.to_path_buf()], shape, feed);
    }
    if !path.is_dir() {
        return file(path, labels, shape, feed);
    }
    own(path)?;
    match folder::contents(path)? {
        Contents::Idx { images, labels } => file(&images, Some(&labels), shape, feed),
        Contents::Cifar(files) => batches(path, &files, shape, feed),
        Contents::Classes(classes) => pictures(path, &classes, shape, feed),
    }
}

/// The test data that lie with training data, and the file of their labels.
///
/// MNIST's folder has `t10k-images-idx3-ubyte`, CIFAR-10's `test_batch.bin`, an archive with `x_train` perhaps `x_test` and
/// `y_test`.
///
/// # Errors
/// [`InputError::Io`] if the folder or the archive can not be read.
pub fn test_data(path: &Path) -> Result<Option<(PathBuf, Option<PathBuf>)>, InputError> {
    if path.is_dir() {
        return folder::test_part(path);
    }
    let source = Source::open(path)?;
    if source.content != Content::Npz {
        return Ok(None);
    }
    let array = |name: String| {
        let mut path = source.path.clone().into_os_string();
        path.push(format!(":{name}"));
        PathBuf::from(path)
    };
    let part = npz::test_part(&source)?;
    Ok(part.map(|(samples, labels)| (array(samples), Some(array(labels)))))
}

/// Samples of one file.
fn file(
    path: &Path,
    labels: Option<&Path>,
    shape: &[usize],
    feed: &Feed,
) -> Result<Labelled, InputError> {
    let mut source = Source::open(path)?;
    let raw = crate::raw(&mut source, feed, shape, npz::training_samples)?;
    let found = match (labels, &raw.array) {
        (Some(labels), _) => Some((labels, read_labels(labels)?)),
        (None, Some(array)) => match npz::labels_of(&source, array)? {
            Some((header, numbers)) => Some((path, from_numbers(path, &header, numbers)?)),
            None => None,
        },
        (None, None) => None,
    };
    if let Some((labels, found)) = &found
        && found.len() as u64 != raw.n_samples
    {
        return Err(InputError::LabelCount {
            path: labels.to_path_buf(),
            labels: found.len(),
            data: path.into(),
            samples: raw.n_samples,
        });
    }
    let range = raw.first..raw.first + raw.count;
    let labels = found.map(|(_, labels)| labels[range].to_vec());
    let mut data = Labelled::new(path, shape, raw.count)?;
    data.push(path, &raw, feed)?;
    data.labels = labels;
    Ok(data)
}

/// CIFAR-10's records of several files.
fn batches(
    path: &Path,
    files: &[PathBuf],
    shape: &[usize],
    feed: &Feed,
) -> Result<Labelled, InputError> {
    let (raw, labels) = cifar::samples(path, files, feed, shape)?;
    let mut data = Labelled::new(path, shape, raw.count)?;
    data.push(path, &raw, feed)?;
    data.labels = Some(labels);
    data.class_names = cifar::CLASSES.map(str::to_owned).into();
    Ok(data)
}

/// Pictures by class.
fn pictures(
    path: &Path,
    classes: &[(String, Vec<PathBuf>)],
    shape: &[usize],
    feed: &Feed,
) -> Result<Labelled, InputError> {
    let with_label = |(label, (_, files)): (usize, &'_ (String, Vec<PathBuf>))| {
        let each = files.iter().cloned();
        each.map(move |file| (label as u32, file))
            .collect::<Vec<_>>()
    };
    let all: Vec<(u32, PathBuf)> = classes.iter().enumerate().flat_map(with_label).collect();
    let (first, count) = window(path, all.len() as u64, feed)?;
    let mut data = Labelled::new(path, shape, count)?;
    let each = Feed {
        offset: 0,
        limit: None,
        ..feed.clone()
    };
    let mut size: Option<(&Path, Fit)> = None;
    let mut labels = Vec::new();
    for (label, file) in &all[first..first + count] {
        let source = Source::open(file)?;
        if source.content != Content::Picture {
            return Err(InputError::Unknown {
                path: file.clone(),
                expected: "a .png or .jpg picture",
            });
        }
        let raw = picture::samples(&source, &each, shape)?;
        let (one, fit) = *size.get_or_insert((file, raw.fit));
        if fit != raw.fit {
            let words = |fit: Fit| format!("{} wide and {} high", fit.width, fit.height);
            return Err(InputError::MixedSizes {
                path: file.clone(),
                found: words(raw.fit),
                expected: words(fit),
                first: one.into(),
            });
        }
        data.push(file, &raw, &each)?;
        labels.push(*label);
    }
    data.labels = Some(labels);
    data.class_names = classes.iter().map(|(name, _)| name.clone()).collect();
    Ok(data)
}

impl Labelled {
    /// Room for `count` samples, if that many fit.
    fn new(path: &Path, shape: &[usize], count: usize) -> Result<Labelled, InputError> {
        let bytes = product(shape)
            .and_then(|n| n.checked_mul(count)?.checked_mul(4))
            .map_or(u64::MAX, |n| n as u64);
        if bytes > MAX_BYTES {
            return Err(InputError::TooLarge {
                path: path.into(),
                found: bytes,
                limit: MAX_BYTES,
            });
        }
        Ok(Labelled {
            shape: shape.into(),
            inputs: Vec::with_capacity((bytes / 4) as usize),
            labels: None,
            class_names: vec![],
        })
    }

    /// Feeds samples and appends them.
    fn push(&mut self, path: &Path, raw: &Raw, feed: &Feed) -> Result<(), InputError> {
        for i in 0..raw.count {
            let sample = raw.first + i;
            let values = feed.apply(path, sample, raw.sample(i), &raw.fit, &self.shape)?;
            // What is finite as f64 may be too large for training.
            if let Some(index) = values.iter().position(|&v| !(v as f32).is_finite()) {
                return Err(InputError::NotFinite {
                    path: path.into(),
                    sample,
                    index,
                    value: values[index],
                });
            }
            self.inputs.extend(values.iter().map(|&v| v as f32));
        }
        Ok(())
    }
}
