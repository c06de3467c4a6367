//! CIFAR-10's binary files: records of one label byte and 3 · 32 · 32 color bytes, channel after channel, without a header.

use crate::array::Stored;
use crate::npy::NumberType;
use crate::raw::{Numbers, Raw};
use crate::shape::{expect, window};
use crate::source::{Source, fault};
use crate::{Feed, InputError, MAX_BYTES};
use std::io::Read;
use std::path::{Path, PathBuf};

/// Names of the classes, in the order of their numbers.
pub(crate) const CLASSES: [&str; 10] = [
    "airplane",
    "automobile",
    "bird",
    "cat",
    "deer",
    "dog",
    "frog",
    "horse",
    "ship",
    "truck",
];
const PIXELS: usize = 3 * 32 * 32;
const RECORD: usize = 1 + PIXELS;
/// A record of CIFAR-100 has a coarse and a fine label.
const RECORD_100: usize = 2 + PIXELS;

/// Whether a file is called as CIFAR's are; nothing in them says so.
pub(crate) fn is_named(path: &Path) -> bool {
    path.file_name()
        .and_then(|name| name.to_str())
        .is_some_and(|name| name.ends_with(".bin") || name.ends_with(".bin.gz"))
}

/// Reads the images of several files, one after another, and the labels of those asked for.
pub(crate) fn samples(
    path: &Path,
    files: &[PathBuf],
    feed: &Feed,
    shape: &[usize],
) -> Result<(Raw, Vec<u32>), InputError> {
    let (mut bytes, mut labels) = (Vec::new(), Vec::new());
    for file in files {
        let start = bytes.len();
        read_to_end(file, &mut bytes)?;
        split_labels(file, &mut bytes, start, &mut labels)?;
    }
    let n_samples = labels.len();
    let reading = expect(path, &[n_samples as u64, 3, 32, 32], shape, feed)?;
    let (first, count) = window(path, n_samples as u64, feed)?;
    bytes.truncate((first + count) * PIXELS);
    bytes.drain(..first * PIXELS);
    let byte = NumberType {
        kind: b'u',
        n_bytes: 1,
        big_endian: false,
    };
    let raw = Raw {
        fit: reading.fit,
        n_samples: n_samples as u64,
        first,
        count,
        numbers: Numbers::Stored(Stored::new(byte, bytes)),
        array: None,
        single: false,
    };
    Ok((raw, labels[first..first + count].to_vec()))
}

/// Appends a file's bytes, unpacked.
fn read_to_end(file: &Path, bytes: &mut Vec<u8>) -> Result<(), InputError> {
    let limit = MAX_BYTES - (bytes.len() as u64).min(MAX_BYTES);
    let mut source = Source::open(file)?;
    let mut reader = source.reader()?.take(limit + 1);
    let read = reader
        .read_to_end(bytes)
        .map_err(|error| fault(file, error))?;
    if read as u64 > limit {
        return Err(InputError::TooLarge {
            path: file.into(),
            found: bytes.len() as u64,
            limit: MAX_BYTES,
        });
    }
    Ok(())
}

/// Moves the labels out of the records from `start` on, so that only colors are left.
fn split_labels(
    file: &Path,
    bytes: &mut Vec<u8>,
    start: usize,
    labels: &mut Vec<u32>,
) -> Result<(), InputError> {
    let bad = |what, found: String, expected: &str| InputError::Format {
        path: file.into(),
        what,
        found,
        expected: expected.into(),
    };
    let length = bytes.len() - start;
    let (n, rest) = (length / RECORD, length % RECORD);
    if rest != 0 && length.is_multiple_of(RECORD_100) {
        let found = format!(
            "{} records of two label bytes, CIFAR-100",
            length / RECORD_100
        );
        return Err(bad(
            "the records",
            found,
            "those of CIFAR-10, one label byte each",
        ));
    }
    if rest != 0 || n == 0 {
        let found = format!("{rest} bytes in record {n} at offset {}", n * RECORD);
        return Err(bad(
            "the records",
            found,
            "3073 bytes each, a label and 3072 colors",
        ));
    }
    for record in 0..n {
        let at = start + record * RECORD;
        let label = bytes[at];
        if usize::from(label) >= CLASSES.len() {
            let found = format!("{label} in record {record} at offset {}", record * RECORD);
            return Err(bad("a CIFAR-10 label", found, "0 to 9"));
        }
        labels.push(label.into());
        bytes.copy_within(at + 1..at + RECORD, start + record * PIXELS);
    }
    bytes.truncate(start + n * PIXELS);
    Ok(())
}
