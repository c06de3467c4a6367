//! An open input file, and what its first bytes say it is.

use crate::{InputError, MAX_BYTES};
use flate2::read::MultiGzDecoder;
use std::fs::{self, File};
use std::io::{self, BufReader, Read, Seek};
use std::path::{Path, PathBuf};

/// What a file holds, by its first bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Content {
    Npy,
    Npz,
    Idx,
    Picture,
    /// None of these; perhaps text.
    Other,
}

/// An open file.
pub(crate) struct Source {
    /// The file, without the name of an array.
    pub path: PathBuf,
    /// The array named after it, as in `file.npz:name`.
    pub array: Option<String>,
    pub content: Content,
    pub file: File,
    length: u64,
    gzipped: bool,
}

impl Source {
    /// Opens `path`, or `file:name` where no file is called so.
    pub fn open(path: &Path) -> Result<Source, InputError> {
        let (path, array) = split_array(path);
        let open = |source| InputError::Io {
            path: path.clone(),
            action: "open",
            source,
        };
        // Asked before opening: opening a pipe would wait for its writer.
        let found = fs::metadata(&path).map_err(open)?;
        if !found.is_file() {
            return Err(InputError::NotAFile { path });
        }
        let file = File::open(&path).map_err(open)?;
        let length = found.len();
        let mut source = Source {
            path,
            array,
            content: Content::Other,
            file,
            length,
            gzipped: false,
        };
        let mut head = source.head()?;
        if head.starts_with(&[0x1f, 0x8b]) {
            source.gzipped = true;
            head = source.head()?;
        }
        source.content = match *head.as_slice() {
            [0x93, b'N', b'U', b'M', b'P', b'Y', ..] => Content::Npy,
            [b'P', b'K', 3 | 5, 4 | 6, ..] if !source.gzipped => Content::Npz,
            [0x89, b'P', b'N', b'G', ..] | [0xff, 0xd8, 0xff, ..] if !source.gzipped => {
                Content::Picture
            }
            [0, 0, 0x08..=0x0e, 1..=8, ..] => Content::Idx,
            _ => Content::Other,
        };
        match (&source.array, source.content) {
            (Some(name), content) if content != Content::Npz => Err(InputError::Format {
                path: source.path,
                what: "the kind of file",
                found: "a single array".into(),
                expected: format!("an .npz archive with an array {name:?}"),
            }),
            _ => Ok(source),
        }
    }

    /// The first bytes, at most eight, unpacked.
    fn head(&mut self) -> Result<Vec<u8>, InputError> {
        let mut head = Vec::new();
        let read = self.reader()?.take(8).read_to_end(&mut head);
        read.map(|_| head).map_err(|source| self.fault(source))
    }

    /// The file from its start, unpacked.
    pub fn reader(&mut self) -> Result<Box<dyn Read + '_>, InputError> {
        if let Err(source) = self.file.rewind() {
            return Err(self.fault(source));
        }
        let reader = BufReader::new(&self.file);
        Ok(if self.gzipped {
            Box::new(MultiGzDecoder::new(reader))
        } else {
            Box::new(reader)
        })
    }

    /// How many bytes there are, where unpacking need not tell.
    pub fn known_length(&self) -> Option<u64> {
        (!self.gzipped).then_some(self.length)
    }

    pub fn fault(&self, source: io::Error) -> InputError {
        fault(&self.path, source)
    }
}

pub(crate) fn fault(path: &Path, source: io::Error) -> InputError {
    InputError::Io {
        path: path.into(),
        action: "read",
        source,
    }
}

fn split_array(path: &Path) -> (PathBuf, Option<String>) {
    let split = || {
        let (file, array) = path.to_str()?.rsplit_once(':')?;
        (!path.exists() && Path::new(file).is_file()).then(|| (file.into(), Some(array.into())))
    };
    split().unwrap_or_else(|| (path.into(), None))
}

/// Reads `n_bytes`; memory grows with what arrives.
pub(crate) fn take(
    path: &Path,
    reader: &mut dyn Read,
    n_bytes: u64,
) -> Result<Vec<u8>, InputError> {
    if n_bytes > MAX_BYTES {
        return Err(InputError::TooLarge {
            path: path.into(),
            found: n_bytes,
            limit: MAX_BYTES,
        });
    }
    let mut bytes = Vec::new();
    reader
        .take(n_bytes)
        .read_to_end(&mut bytes)
        .map_err(|source| fault(path, source))?;
    match bytes.len() as u64 {
        found if found < n_bytes => Err(InputError::Length {
            path: path.into(),
            found,
            expected: n_bytes,
        }),
        _ => Ok(bytes),
    }
}
