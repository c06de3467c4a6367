//! Class numbers.

use crate::npy::Header;
use crate::source::{Content, Source};
use crate::{InputError, array, idx, npy, npz};
use std::io::Read;
use std::path::Path;

/// Longest text of labels.
const MAX_TEXT: u64 = 1 << 28;

/// Reads all labels of a file: IDX (`0x801`), an `.npy` vector of integers, `file.npz:name`, or text with one per line.
///
/// An archive without a name gives the array called `labels`, `y` or the like, or the only vector of integers.
/// Empty lines of a text are skipped.
///
/// # Errors
/// - [`InputError::Label`] for what is not an integer from 0 to 2^32 − 1.
/// - What else is wrong with the file.
pub fn read_labels(path: &Path) -> Result<Vec<u32>, InputError> {
    let mut source = Source::open(path)?;
    let (header, numbers) = match source.content {
        Content::Npy => {
            let (path, length) = (source.path.clone(), source.known_length());
            let mut reader = source.reader()?;
            let header = npy::header(&path, &mut reader)?;
            let n_data = length.map(|length| length.saturating_sub(header.n_bytes));
            let numbers = array::all_numbers(&path, &mut reader, n_data, &header)?;
            (header, numbers)
        }
        Content::Npz => npz::labels(&source)?,
        Content::Idx => idx::labels(&mut source)?,
        Content::Other => return text(path, source),
        Content::Picture => return Err(unknown(path)),
    };
    from_numbers(path, &header, numbers)
}

/// Labels of an array's numbers.
pub(crate) fn from_numbers(
    path: &Path,
    header: &Header,
    numbers: Vec<f64>,
) -> Result<Vec<u32>, InputError> {
    if !header.is_label_vector() {
        return Err(InputError::Format {
            path: path.into(),
            what: "the labels",
            found: format!("{} of dimensions {:?}", header.number.name(), header.dims),
            expected: "a vector of integers".into(),
        });
    }
    let label = |(index, number): (usize, f64)| {
        // Rounding of 64-bit integers begins far above 2^32.
        if (0.0..=f64::from(u32::MAX)).contains(&number) {
            return Ok(number as u32);
        }
        Err(InputError::Label {
            path: path.into(),
            index,
            found: number.to_string(),
        })
    };
    numbers.into_iter().enumerate().map(label).collect()
}

/// Refuses labels that are none of a network's classes.
///
/// # Errors
/// [`InputError::Class`] for the first that is not below `n_classes`.
pub fn check_labels(path: &Path, labels: &[u32], n_classes: usize) -> Result<(), InputError> {
    let outside = |&(_, &label): &(usize, &u32)| label as usize >= n_classes;
    match labels.iter().enumerate().find(outside) {
        None => Ok(()),
        Some((index, &found)) => Err(InputError::Class {
            path: path.into(),
            index,
            found,
            n_classes,
        }),
    }
}

fn text(path: &Path, mut source: Source) -> Result<Vec<u32>, InputError> {
    let mut bytes = Vec::new();
    let read = source.reader()?.take(MAX_TEXT + 1).read_to_end(&mut bytes);
    read.map_err(|error| source.fault(error))?;
    if bytes.len() as u64 > MAX_TEXT {
        return Err(InputError::TooLarge {
            path: path.into(),
            found: bytes.len() as u64,
            limit: MAX_TEXT,
        });
    }
    let text = String::from_utf8(bytes).map_err(|_| unknown(path))?;
    let lines = text
        .trim_start_matches('\u{feff}')
        .lines()
        .map(str::trim)
        .filter(|line| !line.is_empty());
    let label = |(index, line): (usize, &str)| {
        line.parse().map_err(|_| InputError::Label {
            path: path.into(),
            index,
            found: line.chars().take(40).collect(),
        })
    };
    lines.enumerate().map(label).collect()
}

fn unknown(path: &Path) -> InputError {
    InputError::Unknown {
        path: path.into(),
        expected: "labels in an IDX, .npy, .npz, .csv or .txt file",
    }
}
