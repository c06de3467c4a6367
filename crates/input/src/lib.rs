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
//! The first bytes decide, not the name; any but `.npz` and pictures may be gzipped. [`read_labelled`] reads samples
//! together with their labels, from these, from CIFAR-10's `.bin` files and from folders.
//!
//! # Untrusted bytes
//! Memory grows with the data that arrives, never with what a header promises, and ends at [`MAX_BYTES`].
//! No bytes make it panic.
#![warn(missing_docs)]

mod array;
mod cifar;
mod error;
mod feed;
mod folder;
mod idx;
mod labelled;
mod labels;
mod npy;
mod npz;
mod output;
mod picture;
mod raw;
mod shape;
mod source;

pub use error::InputError;
pub use feed::Feed;
pub use labelled::{Labelled, read_labelled, test_data};
pub use labels::{check_labels, read_labels};
pub use output::write_npy;

use raw::Raw;
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
    let raw = raw(&mut source, feed, shape, npz::samples)?;
    let file = source
        .path
        .file_name()
        .unwrap_or_default()
        .to_string_lossy();
    let array = match &raw.array {
        Some(name) => format!(":{name}"),
        None => String::new(),
    };
    let mut samples = Samples {
        shape: shape.into(),
        values: vec![],
        names: vec![],
    };
    for i in 0..raw.count {
        let sample = raw.first + i;
        let values = feed.apply(path, sample, raw.sample(i), &raw.fit, shape)?;
        samples.values.push(values);
        let index = if raw.single {
            String::new()
        } else {
            format!("#{sample}")
        };
        samples.names.push(format!("{file}{array}{index}"));
    }
    Ok(samples)
}

/// How the samples of an archive are read.
type Archive = fn(&Source, &Feed, &[usize]) -> Result<Raw, InputError>;

/// Samples of a file as they stand there.
fn raw(
    source: &mut Source,
    feed: &Feed,
    shape: &[usize],
    archive: Archive,
) -> Result<Raw, InputError> {
    match source.content {
        Content::Npy => array::npy_samples(source, feed, shape),
        Content::Npz => archive(source, feed, shape),
        Content::Idx => idx::samples(source, feed, shape),
        Content::Picture => picture::samples(source, feed, shape),
        Content::Other => Err(InputError::Unknown {
            path: source.path.clone(),
            expected: "an .npy, .npz, .png, .jpg or IDX file",
        }),
    }
}
