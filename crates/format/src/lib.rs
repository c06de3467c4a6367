//! The container of every binary file: compiled circuits, keys, ciphertexts.
//!
//! It knows nothing of what it holds: a kind, a 32-byte parameter fingerprint, a header of the
//! caller's type and named sections of raw bytes. It does not compress or encrypt.
//!
//! # Layout
//! All integers are little-endian; gaps are zero bytes.
//!
//! | offset | bytes | what |
//! | --- | --- | --- |
//! | 0 | 8 | magic `PRIVET\0\0` |
//! | 8 | 2 | kind, see [`FileKind`] |
//! | 10 | 4 | version: major, minor |
//! | 14 | 2 | zero |
//! | 16 | 32 | fingerprint of the parameters, zero where there is none |
//! | 48 | 8 | length of the header |
//! | 56 | 8 | offset of the section table |
//! | 64 | 8 | length of the section table |
//! | 72 | 8 | length of the file |
//! | 80 | 16 | zero |
//! | 96 | 32 | BLAKE3 of bytes 0..96, the header and the section table |
//! | 128 | | header: postcard of the caller's type |
//! | multiple of 64 | | each section's raw bytes, in the table's order |
//! | multiple of 64 | | section table: (name, offset, length, BLAKE3) in postcard, entry after entry, to the end |
//!
//! There is one valid placing of everything, so offsets are checked, not trusted.
//! The hash at 96 vouches for the description, each section's own hash for its bytes; gaps are not read.
//! Hashes find damage. They do not prove who made a file: whoever can write it can hash it again.
//!
//! # Reading untrusted bytes
//! In this order: magic, version, kind, lengths against the file's true length, hash, table.
//! Nothing is allocated that the file's own length does not justify, and no bytes make it panic.
//!
//! # Writing
//! A file appears under its name when it is whole, or not at all: [`Writer`] fills a temporary file in the
//! same folder and renames it in [`Writer::finish`]. An existing file stays unless overwriting was asked for.
//!
//! ```
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! use format::{FileKind, Options, Reader, Writer};
//! # use privet_format as format;
//! # let folder = tempfile::tempdir()?;
//! let path = folder.path().join("digit.ct");
//! let mut writer = Writer::create(&path, FileKind::Ciphertexts, [7; 32], &("input", 1u32), Options::default())?;
//! writer.section("ct/0", &[1, 2, 3])?;
//! writer.finish()?;
//!
//! let reader = Reader::open(&path, FileKind::Ciphertexts)?;
//! reader.check_params(&[7; 32])?;
//! let (name, count): (String, u32) = reader.header()?;
//! assert_eq!((name.as_str(), count), ("input", 1));
//! assert_eq!(reader.section("ct/0")?, [1, 2, 3]);
//! # Ok(())
//! # }
//! ```
#![warn(missing_docs)]

mod error;
mod kind;
mod map;
mod pending;
mod reader;
mod wire;
mod writer;

pub use error::FormatError;
pub use kind::FileKind;
pub use map::SectionBytes;
pub use pending::PendingFile;
pub use reader::{Reader, is_privet};
pub use wire::{ALIGNMENT, VERSION};
pub use writer::{Options, Writer};

/// Fingerprint of a parameter set as this crate sees it; all zero where a file belongs to none.
pub type ParamsId = [u8; 32];
