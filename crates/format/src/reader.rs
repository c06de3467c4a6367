//! Reading a file that may be anything.

use crate::wire::{Entry, MAGIC, PROLOGUE, Prologue, check_hash, parse_table};
use crate::{FileKind, FormatError, ParamsId, SectionBytes};
use serde::Deserialize;
use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

/// Whether a file begins as every file of Privet does; false for one that can not be read.
pub fn is_privet(path: &Path) -> bool {
    let mut head = [0; MAGIC.len()];
    let read = File::open(path).and_then(|mut file| io::Read::read_exact(&mut file, &mut head));
    read.is_ok() && head == MAGIC
}

/// An open file whose description is sound; sections are read and checked one by one, from any thread.
#[derive(Debug)]
pub struct Reader {
    source: Source,
    path: PathBuf,
    prologue: Prologue,
    header: Vec<u8>,
    entries: Vec<Entry>,
    index: BTreeMap<String, usize>,
}

impl Reader {
    /// Opens a file of the kind asked for.
    ///
    /// # Errors
    /// Whatever is wrong with it, in the order of the crate's head; [`FormatError::WrongKind`] for another kind.
    pub fn open(path: impl AsRef<Path>, expected: FileKind) -> Result<Reader, FormatError> {
        Self::load(Source::open(path.as_ref())?, path.as_ref(), Some(expected))
    }

    /// Opens a file of any kind.
    ///
    /// # Errors
    /// As [`open`](Reader::open), without the last.
    pub fn open_any(path: impl AsRef<Path>) -> Result<Reader, FormatError> {
        Self::load(Source::open(path.as_ref())?, path.as_ref(), None)
    }

    /// Reads a file from memory; errors call it `name`.
    ///
    /// # Errors
    /// As [`open`](Reader::open).
    pub fn from_bytes(
        name: &str,
        bytes: Vec<u8>,
        expected: FileKind,
    ) -> Result<Reader, FormatError> {
        Self::load(Source::Bytes(bytes), Path::new(name), Some(expected))
    }

    fn load(
        source: Source,
        path: &Path,
        expected: Option<FileKind>,
    ) -> Result<Reader, FormatError> {
        let read = |at: u64, length: u64| {
            source.read(at, length).map_err(|source| FormatError::IoAt {
                path: path.into(),
                action: "read",
                offset: at,
                source,
            })
        };
        let length = source.length().map_err(|source| FormatError::Io {
            path: path.into(),
            action: "read",
            source,
        })?;
        let head = read(0, length.min(PROLOGUE as u64))?;
        let magic = &head[..head.len().min(MAGIC.len())];
        if magic.is_empty() || !MAGIC.starts_with(magic) {
            return Err(FormatError::NotPrivet {
                path: path.into(),
                found: magic.into(),
            });
        }
        let Some(head) = head.first_chunk::<PROLOGUE>() else {
            return Err(FormatError::Length {
                path: path.into(),
                found: length,
                expected: PROLOGUE as u64,
            });
        };
        let prologue = Prologue::parse(path, head, length)?;
        if let Some(expected) = expected
            && prologue.kind != expected
        {
            return Err(FormatError::WrongKind {
                path: path.into(),
                found: prologue.kind,
                expected,
            });
        }
        let header = read(PROLOGUE as u64, prologue.header_length)?;
        let table = read(prologue.table_offset, prologue.table_length)?;
        Prologue::check_hash(path, head, &header, &table)?;
        let (entries, index) = parse_table(path, &prologue, &table)?;
        Ok(Reader {
            source,
            path: path.into(),
            prologue,
            header,
            entries,
            index,
        })
    }

    /// What the file holds.
    pub fn kind(&self) -> FileKind {
        self.prologue.kind
    }

    /// Version the file was written with, major and minor.
    pub fn version(&self) -> (u16, u16) {
        self.prologue.version
    }

    /// The file's name, as it was given.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Fingerprint of the parameters, all zero where there are none.
    pub fn params_id(&self) -> &ParamsId {
        &self.prologue.params_id
    }

    /// Refuses a file that belongs to other parameters.
    ///
    /// # Errors
    /// [`FormatError::OtherParams`].
    pub fn check_params(&self, expected: &ParamsId) -> Result<(), FormatError> {
        let found = *self.params_id();
        if found == *expected {
            return Ok(());
        }
        Err(FormatError::OtherParams {
            path: self.path.clone(),
            found,
            expected: *expected,
        })
    }

    /// The header, as the type it was written from.
    ///
    /// # Errors
    /// [`FormatError::Header`] if it does not decode to exactly that type, with no bytes left.
    pub fn header<'a, H: Deserialize<'a>>(&'a self) -> Result<H, FormatError> {
        let fault = |source| FormatError::Header {
            path: self.path.clone(),
            offset: PROLOGUE as u64,
            source,
        };
        let (header, rest) = postcard::take_from_bytes(&self.header).map_err(fault)?;
        if rest.is_empty() {
            Ok(header)
        } else {
            Err(fault(postcard::Error::DeserializeBadEncoding))
        }
    }

    /// Names and lengths of the sections, in the file's order.
    pub fn sections(&self) -> impl ExactSizeIterator<Item = (&str, u64)> {
        self.entries
            .iter()
            .map(|entry| (entry.name.as_str(), entry.length))
    }

    /// Length of a section, if the file has it: to compare with what the parameters ask for, before reading.
    pub fn section_length(&self, name: &str) -> Option<u64> {
        self.index.get(name).map(|&i| self.entries[i].length)
    }

    /// A section for one pass over it, mapped where [`SectionBytes`] can be, its hash checked.
    ///
    /// # Errors
    /// As [`section`](Reader::section).
    pub fn section_bytes(&self, name: &str) -> Result<SectionBytes, FormatError> {
        let entry = self.index.get(name).map(|&i| &self.entries[i]);
        let (Some(entry), Source::File(file)) = (entry, &self.source) else {
            return self.section(name).map(SectionBytes::Copied);
        };
        // A file that shrank since it was opened is read, which says so.
        let whole = |length: u64| length >= entry.offset + entry.length;
        let map = match self.source.length() {
            Ok(length) if whole(length) => crate::map::map(file, entry.offset, entry.length),
            _ => None,
        };
        let Some(map) = map else {
            return self.section(name).map(SectionBytes::Copied);
        };
        let found = blake3::hash(&map).into();
        let named = || format!("section {name:?}");
        check_hash(&self.path, named, entry.offset, &found, &entry.hash)?;
        Ok(SectionBytes::Mapped(map))
    }

    /// Reads a section and checks its hash.
    ///
    /// # Errors
    /// - [`FormatError::NoSection`] if there is none of that name.
    /// - [`FormatError::Hash`] if its bytes are not those written.
    /// - [`FormatError::IoAt`] if the disk refuses or the file shrank.
    /// - [`FormatError::Memory`] if it does not fit into memory.
    pub fn section(&self, name: &str) -> Result<Vec<u8>, FormatError> {
        let entry = self
            .index
            .get(name)
            .map(|&i| &self.entries[i])
            .ok_or_else(|| FormatError::NoSection {
                path: self.path.clone(),
                name: name.into(),
                n_sections: self.entries.len(),
            })?;
        let bytes = self
            .source
            .read(entry.offset, entry.length)
            .map_err(|source| match source.kind() {
                io::ErrorKind::OutOfMemory => FormatError::Memory {
                    path: self.path.clone(),
                    name: name.into(),
                    length: entry.length,
                },
                _ => FormatError::IoAt {
                    path: self.path.clone(),
                    action: "read",
                    offset: entry.offset,
                    source,
                },
            })?;
        let found = blake3::hash(&bytes).into();
        check_hash(
            &self.path,
            || format!("section {name:?}"),
            entry.offset,
            &found,
            &entry.hash,
        )?;
        Ok(bytes)
    }
}

/// Where the bytes are.
#[derive(Debug)]
enum Source {
    File(File),
    Bytes(Vec<u8>),
}

impl Source {
    fn open(path: &Path) -> Result<Source, FormatError> {
        let open = |source| FormatError::Io {
            path: path.into(),
            action: "open",
            source,
        };
        // Asked before opening: opening a pipe would wait for its writer.
        if !fs::metadata(path).map_err(open)?.is_file() {
            return Err(FormatError::NotAFile { path: path.into() });
        }
        File::open(path).map(Source::File).map_err(open)
    }

    fn length(&self) -> io::Result<u64> {
        match self {
            Source::File(file) => Ok(file.metadata()?.len()),
            Source::Bytes(bytes) => Ok(bytes.len() as u64),
        }
    }

    /// Reads `length` bytes; callers have held `at + length` against the file's length.
    fn read(&self, at: u64, length: u64) -> io::Result<Vec<u8>> {
        let n_bytes = usize::try_from(length).map_err(|_| io::ErrorKind::OutOfMemory)?;
        let mut bytes = Vec::new();
        bytes
            .try_reserve_exact(n_bytes)
            .map_err(|_| io::ErrorKind::OutOfMemory)?;
        match self {
            Source::File(file) => {
                bytes.resize(n_bytes, 0);
                read_at(file, at, &mut bytes)?;
            }
            Source::Bytes(all) => {
                let tail = usize::try_from(at)
                    .ok()
                    .and_then(|at| all.get(at..)?.get(..n_bytes));
                bytes.extend_from_slice(tail.ok_or(io::ErrorKind::UnexpectedEof)?);
            }
        }
        Ok(bytes)
    }
}

/// Reads at a place without a shared position, so that threads do not disturb one another.
#[cfg(unix)]
fn read_at(file: &File, at: u64, bytes: &mut [u8]) -> io::Result<()> {
    std::os::unix::fs::FileExt::read_exact_at(file, bytes, at)
}

/// Reads at a place; each read names its own, so that threads do not disturb one another.
#[cfg(windows)]
fn read_at(file: &File, mut at: u64, mut bytes: &mut [u8]) -> io::Result<()> {
    use std::os::windows::fs::FileExt;
    while !bytes.is_empty() {
        match file.seek_read(bytes, at) {
            Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
            Ok(n) => {
                bytes = &mut bytes[n..];
                at += n as u64;
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}
