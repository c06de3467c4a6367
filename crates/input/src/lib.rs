//! Samples and labels from the files people have: NumPy arrays, pictures, IDX.
//!
//! It knows nothing of networks beyond the shape that one wants, and nothing of ours.
//!
//! | content | samples | labels |
//! | --- | --- | --- |
//! | `.npy`, numbers of any width, C or Fortran order | `[n, ..shape]` or `shape` | integers, `[n]` |
//! | `.npz`, also `file.npz:name` | the array of that name, or the one that fits | the same |
//! | `.png`, `.jpg`, grey or color | one picture | |
//! | IDX of bytes (MNIST) | magic `0x803` | magic `0x801` |
//! | text, one number per line | | integers |
//!
//! The first bytes decide, not the name; any but `.npz` and pictures may be gzipped.
//!
//! # Untrusted bytes
//! Memory grows with the data that arrives, never with what a header promises, and ends at [`MAX_BYTES`].
//! No bytes make it panic.
#![warn(missing_docs)]

mod array;
mod error;
mod feed;
mod idx;
mod labels;
mod npy;
mod npz;
mod output;
mod picture;
mod shape;
mod source;

pub use error::InputError;
pub use feed::Feed;
pub use labels::{check_labels, read_labels};
pub use output::write_npy;

use shape::Fit;
use source::{Content, Source};
use std::path::Path;

/// Most bytes that one file's data may take, unpacked, and most that its samples may take in memory.
pub const MAX_BYTES: u64 = 4 << 30;

/// Samples as a network wants them.
#[derive(Clone, Debug, PartialEq)]
pub struct Samples {
    /// Shape of each sample, as it was asked for.
    pub shape: Vec<usize>,
    /// The samples, each in C order.
    pub values: Vec<Vec<f64>>,
    /// Where each comes from: `digit.png`, `inputs.npy#3`, `test.npz:x#0`.
    pub names: Vec<String>,
}

/// Numbers as they stand in a file, already cut to the samples asked for.
pub(crate) struct Raw {
    /// How they fill the network's shape.
    pub fit: Fit,
    /// Index of the first sample in the file.
    pub first: usize,
    /// One vector per sample, before scaling.
    pub values: Vec<Vec<f64>>,
    /// Name of the array, after the file's.
    pub array: Option<String>,
    /// The file holds one sample, without an index.
    pub single: bool,
}

/// Reads samples of `shape`, the shape of one sample without batch dimension.
///
/// # Shapes
/// The file's samples have that shape, give or take dimensions of 1, or one of the two is flat and they have
/// equally many elements. With padding the file's samples are smaller by it. A file whose dimensions are those
/// of one sample holds one.
///
/// # Range
/// Pictures and IDX give 0 to 255, 16-bit pictures with a fraction. Each value becomes
/// `(v · scale − mean) / std`, padding included.
///
/// # Errors
/// - [`InputError::Shape`] if the file's samples do not fit, [`InputError::NoArray`] if none of an archive's does.
/// - [`InputError::NotFinite`] for a NaN or an infinity.
/// - What else is wrong with the file or with `feed`.
pub fn read_samples(path: &Path, feed: &Feed, shape: &[usize]) -> Result<Samples, InputError> {
    feed.check(path, shape)?;
    let mut source = Source::open(path)?;
    let raw = match source.content {
        Content::Npy => array::npy_samples(&mut source, feed, shape)?,
        Content::Npz => npz::samples(&mut source, feed, shape)?,
        Content::Idx => idx::samples(&mut source, feed, shape)?,
        Content::Picture => picture::samples(&source, feed, shape)?,
        Content::Other => {
            return Err(InputError::Unknown {
                path: path.into(),
                expected: "an .npy, .npz, .png, .jpg or IDX file",
            });
        }
    };
    let file = source
        .path
        .file_name()
        .unwrap_or_default()
        .to_string_lossy();
    let array = raw.array.map(|name| format!(":{name}")).unwrap_or_default();
    let mut samples = Samples {
        shape: shape.into(),
        values: vec![],
        names: vec![],
    };
    for (i, values) in raw.values.into_iter().enumerate() {
        let sample = raw.first + i;
        samples
            .values
            .push(feed.apply(path, sample, values, &raw.fit, shape)?);
        let index = if raw.single {
            String::new()
        } else {
            format!("#{sample}")
        };
        samples.names.push(format!("{file}{array}{index}"));
    }
    Ok(samples)
}
