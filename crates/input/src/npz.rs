//! Archives of NumPy arrays.

use crate::npy::{self, Header};
use crate::raw::Raw;
use crate::source::{Source, fault};
use crate::{Feed, InputError, array, shape};
use npyz::npz::NpzArchive;
use std::fs::File;
use std::io::{self, BufReader, Read};
use std::path::Path;

/// Names that samples go by, the likeliest first.
const SAMPLES: [&str; 12] = [
    "input",
    "inputs",
    "x",
    "image",
    "images",
    "data",
    "samples",
    "x_test",
    "test_x",
    "test_input",
    "test_inputs",
    "test_images",
];
/// Names that labels go by, the likeliest first.
const LABELS: [&str; 9] = [
    "label",
    "labels",
    "y",
    "target",
    "targets",
    "y_test",
    "test_y",
    "test_label",
    "test_labels",
];
/// Samples and labels of a part of the data, that of training first.
const TRAINING: [(&str, &str); 3] = [
    ("x_train", "y_train"),
    ("train_x", "train_y"),
    ("train_images", "train_labels"),
];
const TEST: [(&str, &str); 3] = [
    ("x_test", "y_test"),
    ("test_x", "test_y"),
    ("test_images", "test_labels"),
];
/// Most entries that an archive may have.
const MAX_ENTRIES: usize = 4096;

/// One array of an archive.
struct Entry {
    index: usize,
    name: String,
    /// Bytes of header and data, as the archive says.
    n_bytes: u64,
    header: Header,
}

/// Reads the samples of an archive: of the array asked for, or of the one that fits.
pub(crate) fn samples(source: &Source, feed: &Feed, shape: &[usize]) -> Result<Raw, InputError> {
    named_samples(source, feed, shape, &SAMPLES)
}

/// As [`samples`], those of training before others.
pub(crate) fn training_samples(
    source: &Source,
    feed: &Feed,
    shape: &[usize],
) -> Result<Raw, InputError> {
    let training = TRAINING.iter().map(|(samples, _)| *samples);
    let names: Vec<&str> = training.chain(SAMPLES).collect();
    named_samples(source, feed, shape, &names)
}

fn named_samples(
    source: &Source,
    feed: &Feed,
    shape: &[usize],
    names: &[&str],
) -> Result<Raw, InputError> {
    let fits = |header: &Header| shape::reading(&header.dims, shape, feed.pad).is_some();
    let expected = format!("samples of shape {shape:?}");
    with_array(
        source,
        source.array.as_deref(),
        names,
        fits,
        &expected,
        |path, reader, n_data, header, name| {
            let mut raw = array::samples(path, reader, Some(n_data), header, feed, shape)?;
            raw.array = Some(name.into());
            Ok(raw)
        },
    )
}

/// Reads an array of integer labels.
pub(crate) fn labels(source: &Source) -> Result<(Header, Vec<f64>), InputError> {
    named_labels(source, source.array.as_deref(), &LABELS)
}

/// Reads the labels of the array `samples`, if the archive has some.
pub(crate) fn labels_of(
    source: &Source,
    samples: &str,
) -> Result<Option<(Header, Vec<f64>)>, InputError> {
    let mut parts = TRAINING.iter().chain(&TEST);
    let labels = match parts.find(|part| part.0.eq_ignore_ascii_case(samples)) {
        Some(&(_, labels)) => {
            let names = names(source)?;
            let Some(labels) = names.iter().find(|n| n.eq_ignore_ascii_case(labels)) else {
                return Ok(None);
            };
            named_labels(source, Some(labels), &[])
        }
        None => named_labels(source, None, &LABELS),
    };
    match labels {
        Ok(labels) => Ok(Some(labels)),
        Err(InputError::NoArray { .. }) => Ok(None),
        Err(error) => Err(error),
    }
}

/// Names of the test samples and their labels in an archive that holds training samples too.
pub(crate) fn test_part(source: &Source) -> Result<Option<(String, String)>, InputError> {
    let names = names(source)?;
    let found = |name: &str| names.iter().find(|n| n.eq_ignore_ascii_case(name)).cloned();
    let training = match &source.array {
        Some(array) => TRAINING.iter().any(|t| t.0.eq_ignore_ascii_case(array)),
        None => TRAINING.iter().any(|t| found(t.0).is_some()),
    };
    let test = || {
        TEST.iter()
            .find_map(|test| found(test.0).zip(found(test.1)))
    };
    Ok(if training { test() } else { None })
}

/// Names of all arrays that can be read.
fn names(source: &Source) -> Result<Vec<String>, InputError> {
    let (entries, _) = entries(source, &mut archive(source)?)?;
    Ok(entries.into_iter().map(|entry| entry.name).collect())
}

fn named_labels(
    source: &Source,
    array: Option<&str>,
    names: &[&str],
) -> Result<(Header, Vec<f64>), InputError> {
    with_array(
        source,
        array,
        names,
        Header::is_label_vector,
        "integer labels",
        |path, reader, n_data, header, _| {
            Ok((
                header.clone(),
                array::all_numbers(path, reader, Some(n_data), header)?,
            ))
        },
    )
}

fn archive(source: &Source) -> Result<NpzArchive<BufReader<File>>, InputError> {
    let file = source
        .file
        .try_clone()
        .map_err(|error| source.fault(error))?;
    NpzArchive::new(BufReader::new(file)).map_err(|error| source.fault(error))
}

/// Chooses an array, the one of that name or one that fits, and hands its data on.
fn with_array<T>(
    source: &Source,
    array: Option<&str>,
    names: &[&str],
    fits: impl Fn(&Header) -> bool,
    expected: &str,
    read: impl FnOnce(&Path, &mut dyn Read, u64, &Header, &str) -> Result<T, InputError>,
) -> Result<T, InputError> {
    let mut archive = archive(source)?;
    let (entries, listed) = entries(source, &mut archive)?;
    let no_array = |expected, ambiguous| {
        Err(InputError::NoArray {
            path: source.path.clone(),
            expected,
            ambiguous,
            arrays: listed.clone(),
        })
    };
    let fitting = || entries.iter().filter(|entry| fits(&entry.header));
    let named = |name: &&str| fitting().find(|entry| entry.name.eq_ignore_ascii_case(name));
    let chosen = match array {
        Some(name) => match entries.iter().find(|entry| entry.name == name) {
            Some(entry) => entry,
            None => return no_array(format!("the name {name:?}"), false),
        },
        None => match (names.iter().find_map(named), fitting().count()) {
            (Some(entry), _) => entry,
            (None, 1) => match fitting().next() {
                Some(entry) => entry,
                None => return no_array(expected.into(), false),
            },
            (None, n) => return no_array(expected.into(), n > 1),
        },
    };
    let mut reader = open(source, &mut archive, chosen.index)?;
    let header = npy::header(&source.path, &mut reader)?;
    let n_data = chosen.n_bytes.saturating_sub(header.n_bytes);
    read(&source.path, &mut reader, n_data, &header, &chosen.name)
}

/// The arrays that can be read, and a line on each that there is.
fn entries(
    source: &Source,
    archive: &mut NpzArchive<BufReader<File>>,
) -> Result<(Vec<Entry>, Vec<String>), InputError> {
    let n_entries = archive.zip_archive().len();
    if n_entries > MAX_ENTRIES {
        return Err(InputError::Format {
            path: source.path.clone(),
            what: "the number of arrays",
            found: n_entries.to_string(),
            expected: format!("at most {MAX_ENTRIES}"),
        });
    }
    let (mut entries, mut listed) = (Vec::new(), Vec::new());
    for index in 0..n_entries {
        let (name, n_bytes) = match archive.zip_archive().by_index_raw(index) {
            Ok(entry) => (entry.name().to_string(), entry.size()),
            Err(error) => return Err(source.fault(invalid(error))),
        };
        let Some(name) = name.strip_suffix(".npy") else {
            continue;
        };
        let shown = name.escape_debug();
        let header = open(source, archive, index)
            .and_then(|mut reader| npy::header(&source.path, &mut reader));
        match header {
            Ok(header) => {
                listed.push(format!("{shown} {}{:?}", header.number.name(), header.dims));
                entries.push(Entry {
                    index,
                    name: name.into(),
                    n_bytes,
                    header,
                });
            }
            Err(_) => listed.push(format!("{shown} (not readable)")),
        }
    }
    if listed.is_empty() {
        listed.push("none".into());
    }
    Ok((entries, listed))
}

/// An entry's bytes, unpacked; only the two methods that NumPy writes.
fn open<'a>(
    source: &Source,
    archive: &'a mut NpzArchive<BufReader<File>>,
    index: usize,
) -> Result<Box<dyn Read + 'a>, InputError> {
    let zip = archive.zip_archive();
    let method = zip
        .by_index_raw(index)
        .map_err(|error| source.fault(invalid(error)))?
        .compression()
        .to_string();
    if !matches!(method.as_str(), "Stored" | "Deflated") {
        return Err(InputError::Format {
            path: source.path.clone(),
            what: "the packing",
            found: method,
            expected: "numpy.savez or numpy.savez_compressed".into(),
        });
    }
    match zip.by_index(index) {
        Ok(entry) => Ok(Box::new(entry)),
        Err(error) => Err(fault(&source.path, invalid(error))),
    }
}

fn invalid(error: impl std::fmt::Display) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, error.to_string())
}
