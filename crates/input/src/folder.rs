//! Folders of labelled samples: MNIST's files, CIFAR-10's, or pictures by class.

use crate::{InputError, cifar};
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

/// What would do.
const EXPECTED: &str = "train-images-idx3-ubyte and train-labels-idx1-ubyte, data_batch_*.bin, or one folder of .png or .jpg pictures per class";

/// Labelled samples of a folder.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Contents {
    /// Two IDX files.
    Idx { images: PathBuf, labels: PathBuf },
    /// CIFAR-10's batches, by name.
    Cifar(Vec<PathBuf>),
    /// Names of classes and their pictures, both by name.
    Classes(Vec<(String, Vec<PathBuf>)>),
}

/// What a folder holds for training.
pub(crate) fn contents(folder: &Path) -> Result<Contents, InputError> {
    let files = list(folder, fs::Metadata::is_file)?;
    let missing = |found: String| InputError::Folder {
        path: folder.into(),
        found,
        expected: EXPECTED,
    };
    match mnist(&files, "train") {
        (Some(images), Some(labels)) => return Ok(Contents::Idx { images, labels }),
        (Some(images), None) => {
            return Err(missing(format!("{} without its labels", name(&images))));
        }
        (None, Some(labels)) => {
            return Err(missing(format!("{} without its images", name(&labels))));
        }
        (None, None) => {}
    }
    let bins: Vec<&PathBuf> = files
        .values()
        .filter(|file| cifar::is_named(file))
        .collect();
    let batches: Vec<PathBuf> = bins
        .iter()
        .filter(|file| name(file).starts_with("data_batch_"))
        .map(|&file| file.clone())
        .collect();
    if !batches.is_empty() {
        return Ok(Contents::Cifar(batches));
    }
    if let Some(bin) = bins.first() {
        let others = "no data_batch_*.bin";
        return Err(missing(format!("{others}, but {}", name(bin))));
    }
    let classes = classes(folder)?;
    match classes.is_empty() {
        true => Err(missing(match files.len() {
            0 => "nothing".to_owned(),
            1 => "1 file of other names".to_owned(),
            n => format!("{n} files of other names"),
        })),
        false => Ok(Contents::Classes(classes)),
    }
}

/// The test samples that a folder of MNIST's or CIFAR-10's files holds, and the file of their labels.
pub(crate) fn test_part(folder: &Path) -> Result<Option<(PathBuf, Option<PathBuf>)>, InputError> {
    let files = list(folder, fs::Metadata::is_file)?;
    if let (Some(images), Some(labels)) = mnist(&files, "t10k") {
        return Ok(Some((images, Some(labels))));
    }
    let batch = files.get("test_batch.bin");
    Ok(batch.map(|batch| (batch.clone(), None)))
}

/// Images and labels of one part of MNIST, with a dot or a dash before `idx`.
fn mnist(files: &BTreeMap<String, PathBuf>, part: &str) -> (Option<PathBuf>, Option<PathBuf>) {
    let find = |what: &str, kind: &str| {
        let names = ["-", "."].map(|dash| format!("{part}-{what}{dash}{kind}-ubyte"));
        names.iter().find_map(|name| files.get(name)).cloned()
    };
    (find("images", "idx3"), find("labels", "idx1"))
}

/// Folders with pictures; a class without one is refused.
fn classes(folder: &Path) -> Result<Vec<(String, Vec<PathBuf>)>, InputError> {
    let mut classes = Vec::new();
    for class in list(folder, fs::Metadata::is_dir)?.into_values() {
        let files = list(&class, fs::Metadata::is_file)?;
        let pictures: Vec<PathBuf> = files.into_values().filter(|f| is_picture(f)).collect();
        if pictures.is_empty() {
            return Err(InputError::Folder {
                path: class,
                found: "no picture".into(),
                expected: "the .png or .jpg pictures of a class",
            });
        }
        classes.push((name(&class), pictures));
    }
    Ok(classes)
}

fn is_picture(file: &Path) -> bool {
    let ending = file.extension().and_then(|ending| ending.to_str());
    ending.is_some_and(|e| {
        ["png", "jpg", "jpeg"]
            .iter()
            .any(|known| e.eq_ignore_ascii_case(known))
    })
}

/// Entries of a folder by name without `.gz`, hidden ones left out; of a file and its packed twin the file.
fn list(
    folder: &Path,
    wanted: fn(&fs::Metadata) -> bool,
) -> Result<BTreeMap<String, PathBuf>, InputError> {
    let fault = |source| InputError::Io {
        path: folder.into(),
        action: "list",
        source,
    };
    let mut entries = BTreeMap::new();
    for entry in fs::read_dir(folder).map_err(fault)? {
        let path = entry.map_err(fault)?.path();
        let full = name(&path);
        // Behind a broken link there is nothing to read.
        let found = fs::metadata(&path).is_ok_and(|found| wanted(&found));
        if !found || full.starts_with('.') {
            continue;
        }
        match full.strip_suffix(".gz") {
            Some(plain) => {
                entries.entry(plain.to_owned()).or_insert(path);
            }
            None => {
                entries.insert(full, path);
            }
        }
    }
    Ok(entries)
}

fn name(path: &Path) -> String {
    let name = path.file_name().unwrap_or_default();
    name.to_string_lossy().into_owned()
}
