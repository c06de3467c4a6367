//! What can be wrong with an input file.

use std::io;
use std::path::PathBuf;

/// Why samples or labels could not be read or outputs not be written. Always an outside fault: a file or a setting.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum InputError {
    /// The system refused; `action` is a verb such as `read`.
    #[error("can not {action} {}: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What was tried.
        action: &'static str,
        /// The system's answer.
        source: io::Error,
    },
    /// The target of a write exists.
    #[error("{} exists already", path.display())]
    Exists {
        /// The target.
        path: PathBuf,
    },
    /// A folder, a pipe or a device.
    #[error("{} is not a regular file", path.display())]
    NotAFile {
        /// What was named.
        path: PathBuf,
    },
    /// A content that nothing here reads.
    #[error("{} is of an unknown kind, expected {expected}", path.display())]
    Unknown {
        /// The file.
        path: PathBuf,
        /// What would do.
        expected: &'static str,
    },
    /// Broken, or of a variant that is not read.
    #[error("{}: {what}: found {found}, expected {expected}", path.display())]
    Format {
        /// The file.
        path: PathBuf,
        /// Which part.
        what: &'static str,
        /// What stands there.
        found: String,
        /// What should.
        expected: String,
    },
    /// Fewer or more bytes of data than its header says.
    #[error("{} holds {found} bytes of data, its header says {expected}", path.display())]
    Length {
        /// The file.
        path: PathBuf,
        /// Bytes that are there; for packed data, at least.
        found: u64,
        /// Bytes that the header says.
        expected: u64,
    },
    /// More data than [`MAX_BYTES`](crate::MAX_BYTES).
    #[error("{} would take {found} bytes, at most {limit} are read at a time", path.display())]
    TooLarge {
        /// The file.
        path: PathBuf,
        /// What it would take; `u64::MAX` where that is more than can be said.
        found: u64,
        /// What is allowed.
        limit: u64,
    },
    /// Samples of a shape that the network does not take.
    #[error("{} has the shape {found:?}, expected {expected:?} for each sample{}", path.display(), padding(pad))]
    Shape {
        /// The file.
        path: PathBuf,
        /// Dimensions of the file's array.
        found: Vec<u64>,
        /// Shape that the network wants.
        expected: Vec<usize>,
        /// Zeros around each sample: top, bottom, left, right.
        pad: [u32; 4],
    },
    /// An archive of which no array, or more than one, would do.
    #[error("{} has {} for {expected}; it holds {}", path.display(), if *ambiguous { "more than one array" } else { "no array" }, arrays.join(", "))]
    NoArray {
        /// The archive.
        path: PathBuf,
        /// What was looked for.
        expected: String,
        /// More than one would do.
        ambiguous: bool,
        /// Its arrays, with type and shape.
        arrays: Vec<String>,
    },
    /// The first sample asked for is behind the last.
    #[error("{} has {found} samples, sample {offset} was asked for", path.display())]
    Offset {
        /// The file.
        path: PathBuf,
        /// Samples there are.
        found: u64,
        /// The first one asked for.
        offset: usize,
    },
    /// A NaN or an infinity.
    #[error("{}: sample {sample} has {value} at element {index}, expected a finite number", path.display())]
    NotFinite {
        /// The file.
        path: PathBuf,
        /// Which sample of the file, from zero.
        sample: usize,
        /// Which element of the sample as the network takes it, in C order.
        index: usize,
        /// What stands there.
        value: f64,
    },
    /// A label that is not one.
    #[error("{}: label {index} is {found:?}, expected an integer from 0 to {}", path.display(), u32::MAX)]
    Label {
        /// The file.
        path: PathBuf,
        /// Which label, from zero.
        index: usize,
        /// What stands there.
        found: String,
    },
    /// A label of a class that the network does not have.
    #[error("{}: label {index} is {found}, expected a class from 0 to {}: the network has {n_classes} outputs", path.display(), n_classes.saturating_sub(1))]
    Class {
        /// The file.
        path: PathBuf,
        /// Which label, from zero.
        index: usize,
        /// What stands there.
        found: u32,
        /// Number of classes.
        n_classes: usize,
    },
    /// Labels of another number than samples.
    #[error("{} has {labels} labels, {} has {samples} samples", path.display(), data.display())]
    LabelCount {
        /// The file of the labels.
        path: PathBuf,
        /// How many it has.
        labels: usize,
        /// The file of the samples.
        data: PathBuf,
        /// How many it has.
        samples: u64,
    },
    /// A file of labels for samples that have theirs already.
    #[error("{} brings its own labels, {} names others", data.display(), path.display())]
    OwnLabels {
        /// The samples.
        data: PathBuf,
        /// The file of the labels.
        path: PathBuf,
    },
    /// A folder without what was looked for.
    #[error("{} has {found}, expected {expected}", path.display())]
    Folder {
        /// The folder.
        path: PathBuf,
        /// What is there.
        found: String,
        /// What would do.
        expected: &'static str,
    },
    /// Pictures of several sizes.
    #[error("{} is {found}, expected {expected} as in {}", path.display(), first.display())]
    MixedSizes {
        /// The picture.
        path: PathBuf,
        /// Its width and height.
        found: String,
        /// Width and height of the first one.
        expected: String,
        /// The first picture.
        first: PathBuf,
    },
    /// A mean, standard deviation, scale or padding that can not be applied.
    #[error("{what} is {found}, expected {expected}")]
    Setting {
        /// Which.
        what: &'static str,
        /// What was given.
        found: String,
        /// What would do.
        expected: String,
    },
}

impl InputError {
    /// What the user can do about it, where there is something.
    pub fn help(&self) -> Option<String> {
        let help = match self {
            InputError::Io { source, .. } => match source.kind() {
                io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
                    "free some space or choose another disk"
                }
                io::ErrorKind::NotFound => "check the name and its folder",
                io::ErrorKind::PermissionDenied => {
                    "check who may read and write the file and its folder"
                }
                io::ErrorKind::InvalidData
                | io::ErrorKind::InvalidInput
                | io::ErrorKind::UnexpectedEof => "copy or make the file again",
                _ => return None,
            },
            InputError::Exists { .. } => "add --force, or choose another name",
            InputError::NotAFile { .. } => "name a file on disk",
            InputError::Unknown { .. } => "save the data with numpy.save",
            InputError::Format {
                what: "the labels", ..
            } => "labels are class numbers, one per sample; FILE.npz:ARRAY names their array",
            InputError::Format { .. } | InputError::Length { .. } => {
                "copy or make the file again, with numpy.save for arrays"
            }
            InputError::TooLarge { .. } => "read fewer samples at a time, or cut the file",
            InputError::Shape {
                found, expected, ..
            } => return shape_help(found, expected),
            InputError::NoArray { path, .. } => {
                return Some(format!("name the array: {}:NAME", path.display()));
            }
            InputError::Offset { found: 0, .. } => "the file is empty; choose another",
            InputError::Offset { found, .. } => {
                return Some(format!("the last sample is {}", found - 1));
            }
            InputError::NotFinite { .. } => "clean the data, or leave the sample out",
            InputError::Label { .. } => "labels are class numbers, one per sample",
            InputError::Class {
                found, n_classes, ..
            } if *found as usize == *n_classes => {
                "classes count from 0: subtract 1 where the file counts from 1"
            }
            InputError::Class { .. } => "give the labels of this network's classes",
            InputError::LabelCount { .. } => {
                "give one label per sample, in the same order; FILE.npz:ARRAY names an array"
            }
            InputError::OwnLabels { .. } => "leave the other labels out",
            InputError::Folder { .. } => "name the folder that holds these, or a single file",
            InputError::MixedSizes { .. } => "resize the pictures to one size",
            InputError::Setting { .. } => return None,
        };
        Some(help.into())
    }
}

/// Names the usual causes: channels last, or another size.
fn shape_help(found: &[u64], expected: &[usize]) -> Option<String> {
    let expected: Vec<u64> = expected.iter().map(|&d| d as u64).collect();
    let (&[.., height, width, channels], &[.., c, h, w]) = (found, expected.as_slice()) else {
        return Some("reshape the array, or pad its samples".into());
    };
    if [channels, height, width] == [c, h, w] && c != 1 {
        return Some(
            "channels come first: transpose the array to (n, channels, height, width)".into(),
        );
    }
    Some("resize the samples, or pad them".into())
}

fn padding(pad: &[u32; 4]) -> String {
    match pad {
        [0, 0, 0, 0] => String::new(),
        [top, bottom, left, right] => {
            format!(" after padding by {top} above, {bottom} below, {left} left and {right} right")
        }
    }
}
