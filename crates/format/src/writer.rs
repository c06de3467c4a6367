//! Writing a file, section by section.

use crate::wire::{ALIGNMENT, Entry, PROLOGUE, Prologue, VERSION, align, name_fault};
use crate::{FileKind, FormatError, ParamsId, PendingFile};
use serde::Serialize;
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

/// How a file comes into being.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Options {
    /// Only its owner may read it: mode 0600 from the first byte on.
    pub secret: bool,
    /// An existing file of that name is replaced.
    pub overwrite: bool,
}

/// Writes one file. Dropped before [`finish`](Writer::finish), it leaves nothing behind.
///
/// Sections go to disk as they come and are not kept, so secret ones leave no copy in memory.
#[derive(Debug)]
pub struct Writer {
    pending: PendingFile,
    body: Body,
}

impl Writer {
    /// Begins a file for `path` in a temporary file beside it and writes the header.
    ///
    /// `params_id` is all zero for a file that belongs to no parameters.
    ///
    /// # Errors
    /// - [`FormatError::Exists`], [`FormatError::NotAFile`] and [`FormatError::Io`] for the target.
    /// - [`FormatError::Encode`] if postcard has no form for the header.
    pub fn create<H: Serialize + ?Sized>(
        path: impl AsRef<Path>,
        kind: FileKind,
        params_id: ParamsId,
        header: &H,
        options: Options,
    ) -> Result<Writer, FormatError> {
        let path = path.as_ref();
        let header = postcard::to_stdvec(header).map_err(|source| FormatError::Encode {
            path: path.into(),
            source,
        })?;
        let mut pending = PendingFile::create(path, options.secret, options.overwrite)?;
        let body = Body::begin(pending.file(), path, kind, params_id, header)?;
        Ok(Writer { pending, body })
    }

    /// Appends a section.
    ///
    /// # Errors
    /// - [`FormatError::SectionName`] if the name is empty, longer than 255 bytes or taken.
    /// - [`FormatError::IoAt`] if the disk refuses; the file can not be finished then.
    pub fn section(&mut self, name: &str, bytes: &[u8]) -> Result<(), FormatError> {
        self.section_parts(name, [bytes])
    }

    /// Appends a section that comes in parts, one after the other; for what should not be in memory at once.
    ///
    /// # Errors
    /// As [`section`](Writer::section).
    pub fn section_parts<P: AsRef<[u8]>>(
        &mut self,
        name: &str,
        parts: impl IntoIterator<Item = P>,
    ) -> Result<(), FormatError> {
        self.body.section(self.pending.file(), name, parts)
    }

    /// Writes the section table, flushes to disk and gives the file its name.
    ///
    /// # Errors
    /// - [`FormatError::Exists`] if the target appeared meanwhile and may not be overwritten.
    /// - [`FormatError::Unfinished`] if an earlier write failed.
    /// - [`FormatError::Io`], [`FormatError::IoAt`] if the disk refuses.
    pub fn finish(mut self) -> Result<(), FormatError> {
        self.body.end(self.pending.file())?;
        self.pending.commit()
    }
}

/// What a writer knows of the file so far; apart from the file, so that tests can give it a full disk.
#[derive(Debug)]
struct Body {
    path: PathBuf,
    kind: FileKind,
    params_id: ParamsId,
    header: Vec<u8>,
    entries: Vec<Entry>,
    index: BTreeMap<String, usize>,
    /// Where the next byte goes.
    at: u64,
    /// A write failed, so that `at` is not to be trusted.
    failed: bool,
}

impl Body {
    fn begin(
        file: &mut File,
        path: &Path,
        kind: FileKind,
        params_id: ParamsId,
        header: Vec<u8>,
    ) -> Result<Body, FormatError> {
        let (entries, index) = Default::default();
        let mut body = Body {
            path: path.into(),
            kind,
            params_id,
            header: vec![],
            entries,
            index,
            at: 0,
            failed: false,
        };
        body.write(file, &[0; PROLOGUE])?;
        body.write(file, &header)?;
        body.header = header;
        Ok(body)
    }

    fn section<P: AsRef<[u8]>>(
        &mut self,
        file: &mut File,
        name: &str,
        parts: impl IntoIterator<Item = P>,
    ) -> Result<(), FormatError> {
        if let Some(what) = name_fault(name, &self.index) {
            return Err(FormatError::SectionName {
                path: self.path.clone(),
                name: name.into(),
                what,
            });
        }
        self.pad(file)?;
        let offset = self.at;
        let mut hasher = blake3::Hasher::new();
        for part in parts {
            hasher.update(part.as_ref());
            self.write(file, part.as_ref())?;
        }
        let (length, hash) = (self.at - offset, hasher.finalize().into());
        self.index.insert(name.into(), self.entries.len());
        self.entries.push(Entry {
            name: name.into(),
            offset,
            length,
            hash,
        });
        Ok(())
    }

    fn end(&mut self, file: &mut File) -> Result<(), FormatError> {
        self.pad(file)?;
        let table_offset = self.at;
        let mut table = Vec::new();
        for entry in &self.entries {
            let encoded = |source| FormatError::Encode {
                path: self.path.clone(),
                source,
            };
            table = postcard::to_extend(entry, table).map_err(encoded)?;
        }
        self.write(file, &table)?;
        let prologue = Prologue {
            kind: self.kind,
            version: VERSION,
            params_id: self.params_id,
            header_length: self.header.len() as u64,
            table_offset,
            table_length: table.len() as u64,
        };
        let prologue = prologue.encode(&self.header, &table);
        file.seek(SeekFrom::Start(0))
            .and_then(|_| file.write_all(&prologue))
            .map_err(|source| self.fault(0, source))
    }

    fn pad(&mut self, file: &mut File) -> Result<(), FormatError> {
        let end = align(self.at)
            .ok_or_else(|| self.fault(self.at, io::ErrorKind::FileTooLarge.into()))?;
        self.write(file, &[0; ALIGNMENT as usize][..(end - self.at) as usize])
    }

    fn write(&mut self, file: &mut File, bytes: &[u8]) -> Result<(), FormatError> {
        if self.failed {
            return Err(FormatError::Unfinished {
                path: self.path.clone(),
            });
        }
        if let Err(source) = file.write_all(bytes) {
            self.failed = true;
            return Err(self.fault(self.at, source));
        }
        self.at += bytes.len() as u64;
        Ok(())
    }

    fn fault(&self, offset: u64, source: io::Error) -> FormatError {
        FormatError::IoAt {
            path: self.path.clone(),
            action: "write",
            offset,
            source,
        }
    }
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;
    use std::fs::OpenOptions;

    #[test]
    fn a_full_disk_is_told_and_stays_told() {
        let Ok(mut full) = OpenOptions::new().write(true).open("/dev/full") else {
            println!("skipped: no /dev/full here");
            return;
        };
        let path = Path::new("keys.evk");
        let error =
            Body::begin(&mut full, path, FileKind::EvaluationKeys, [0; 32], vec![1]).unwrap_err();
        assert!(
            error
                .to_string()
                .starts_with("can not write keys.evk at byte 0: "),
            "{error}"
        );
        assert_eq!(
            error.help().as_deref(),
            Some("free some space or choose another disk")
        );

        let folder = tempfile::tempdir().unwrap();
        let mut good = File::create(folder.path().join("part")).unwrap();
        let mut body =
            Body::begin(&mut good, path, FileKind::EvaluationKeys, [0; 32], vec![1]).unwrap();
        let error = body.section(&mut full, "k", [[1u8; 9]]).unwrap_err();
        assert!(
            error
                .to_string()
                .starts_with("can not write keys.evk at byte 129: "),
            "{error}"
        );
        assert!(matches!(
            body.section(&mut good, "k", [[1u8; 9]]),
            Err(FormatError::Unfinished { .. })
        ));
        assert!(matches!(
            body.end(&mut good),
            Err(FormatError::Unfinished { .. })
        ));
    }
}
