//! What can be wrong with a file.

use crate::{FileKind, ParamsId};
use std::io;
use std::path::PathBuf;

/// Why a file could not be read or written. Every variant is an outside fault: the file, the disk, the name.
///
/// [`Writer`](crate::Writer) reports its caller's slips as [`FormatError::SectionName`] and [`FormatError::Unfinished`].
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FormatError {
    /// The system refused; `action` is a verb such as `open`.
    #[error("can not {action} {}: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What was tried.
        action: &'static str,
        /// The system's answer.
        source: io::Error,
    },
    /// The system refused bytes from `offset` on.
    #[error("can not {action} {} at byte {offset}: {source}", path.display())]
    IoAt {
        /// The file.
        path: PathBuf,
        /// What was tried.
        action: &'static str,
        /// Where the bytes begin.
        offset: u64,
        /// The system's answer.
        source: io::Error,
    },
    /// A folder, a pipe or a device.
    #[error("{} is not a regular file", path.display())]
    NotAFile {
        /// What was named.
        path: PathBuf,
    },
    /// The target exists and overwriting was not asked for.
    #[error("{} exists already", path.display())]
    Exists {
        /// The target.
        path: PathBuf,
    },
    /// The magic is missing.
    #[error("{} is not a Privet file: it {}", path.display(), if found.is_empty() { "is empty".into() } else { format!("begins with {}, expected {}", hex(found), hex(&crate::wire::MAGIC)) })]
    NotPrivet {
        /// The file.
        path: PathBuf,
        /// Its first bytes, at most eight.
        found: Vec<u8>,
    },
    /// Another version of the container.
    #[error("{} has format version {}.{}, this program reads {}.0 to {}.{}", path.display(), found.0, found.1, crate::VERSION.0, crate::VERSION.0, crate::VERSION.1)]
    Version {
        /// The file.
        path: PathBuf,
        /// Its major and minor version.
        found: (u16, u16),
    },
    /// A kind number that no version up to this one gave out.
    #[error("{} has the unknown kind {found} at byte 8, expected 1 to {}", path.display(), FileKind::ALL.len())]
    UnknownKind {
        /// The file.
        path: PathBuf,
        /// The number found.
        found: u16,
    },
    /// A sound file of another kind than the one asked for.
    #[error("{} is {}, expected {expected}", path.display(), found.with_article())]
    WrongKind {
        /// The file.
        path: PathBuf,
        /// What it is.
        found: FileKind,
        /// What was asked for.
        expected: FileKind,
    },
    /// The file's length is not the one it was written with.
    #[error("{} has {found} bytes, expected {expected}: it is {}", path.display(), if found < expected { "cut short" } else { "too long" })]
    Length {
        /// The file.
        path: PathBuf,
        /// Its true length.
        found: u64,
        /// The length it was written with.
        expected: u64,
    },
    /// A number that does not agree with the rest of the file.
    #[error("{}: {what} at byte {offset} is {found}, expected {expected}", path.display())]
    Field {
        /// The file.
        path: PathBuf,
        /// What the number means.
        what: &'static str,
        /// Where it stands, or where its table does.
        offset: u64,
        /// The number found.
        found: u64,
        /// The only number that would be right, or the largest.
        expected: u64,
    },
    /// An entry of the section table that is not one.
    #[error("{}: section {index} in the table at byte {offset} {what}", path.display())]
    Entry {
        /// The file.
        path: PathBuf,
        /// Which entry, from zero.
        index: usize,
        /// Where the entry stands.
        offset: u64,
        /// What is wrong with it.
        what: &'static str,
    },
    /// Bytes that are not those written.
    #[error("{}: {what} at byte {offset} is damaged: its hash is {}, expected {}", path.display(), hex(found), hex(expected))]
    Hash {
        /// The file.
        path: PathBuf,
        /// The damaged part.
        what: String,
        /// Where it begins.
        offset: u64,
        /// First bytes of the hash of what is there.
        found: [u8; 8],
        /// First bytes of the hash of what was written.
        expected: [u8; 8],
    },
    /// The header is not of the type asked for.
    #[error("{}: the header at byte {offset} does not read as expected: {source}", path.display())]
    Header {
        /// The file.
        path: PathBuf,
        /// Where the header begins.
        offset: u64,
        /// What postcard says.
        source: postcard::Error,
    },
    /// The header's type can not be written.
    #[error("the header of {} can not be written: {source}", path.display())]
    Encode {
        /// The target.
        path: PathBuf,
        /// What postcard says.
        source: postcard::Error,
    },
    /// Made for other parameters.
    #[error("{} was made for parameters {}, expected {}", path.display(), hex(&found[..8]), hex(&expected[..8]))]
    OtherParams {
        /// The file.
        path: PathBuf,
        /// Fingerprint in the file.
        found: ParamsId,
        /// Fingerprint asked for.
        expected: ParamsId,
    },
    /// A section that the file does not have.
    #[error("{} has no section {name:?} among its {n_sections}", path.display())]
    NoSection {
        /// The file.
        path: PathBuf,
        /// The name asked for.
        name: String,
        /// How many there are.
        n_sections: usize,
    },
    /// The machine has not the memory for a section.
    #[error("{}: section {name:?} needs {length} bytes of memory, which the system refuses", path.display())]
    Memory {
        /// The file.
        path: PathBuf,
        /// The section.
        name: String,
        /// Its length.
        length: u64,
    },
    /// A section name that is empty, too long or taken.
    #[error("{}: section name {name:?} {what}", path.display())]
    SectionName {
        /// The target.
        path: PathBuf,
        /// The name.
        name: String,
        /// What is wrong with it.
        what: &'static str,
    },
    /// An earlier write failed, so the file can not be finished.
    #[error("{} was not finished: an earlier write failed", path.display())]
    Unfinished {
        /// The target.
        path: PathBuf,
    },
}

impl FormatError {
    /// What the user can do about it, where there is something.
    pub fn help(&self) -> Option<String> {
        let help = match self {
            FormatError::Io { source, .. } | FormatError::IoAt { source, .. } => {
                match source.kind() {
                    io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
                        "free some space or choose another disk"
                    }
                    io::ErrorKind::NotFound => "check the name and its folder",
                    io::ErrorKind::PermissionDenied => {
                        "check who may read and write the file and its folder"
                    }
                    io::ErrorKind::UnexpectedEof => "the file changed while it was read; try again",
                    _ => return None,
                }
            }
            FormatError::NotAFile { .. } => "name a file on disk",
            FormatError::Exists { .. } => "add --force, or choose another name",
            FormatError::NotPrivet { .. } => {
                "name a file that Privet wrote; are the names in the right order?"
            }
            FormatError::Version { found, .. } if *found > crate::VERSION => {
                "update Privet, or make the file again"
            }
            FormatError::Version { .. } => "make the file again with this version",
            FormatError::WrongKind { expected, .. } => {
                return Some(format!("{} makes {expected}", expected.made_by()));
            }
            FormatError::UnknownKind { .. }
            | FormatError::Length { .. }
            | FormatError::Field { .. }
            | FormatError::Entry { .. }
            | FormatError::Hash { .. } => "copy or make the file again",
            FormatError::Header { .. } | FormatError::NoSection { .. } => {
                "make the file again with this version"
            }
            FormatError::OtherParams { .. } => "use files that belong to one compiled circuit",
            FormatError::Memory { .. } => "free some memory",
            FormatError::Encode { .. }
            | FormatError::SectionName { .. }
            | FormatError::Unfinished { .. } => return None,
        };
        Some(help.into())
    }
}

/// Lower-case hexadecimal digits; `nothing` for no bytes.
fn hex(bytes: &[u8]) -> String {
    if bytes.is_empty() {
        return "nothing".into();
    }
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
