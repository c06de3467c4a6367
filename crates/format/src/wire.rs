//! Bytes of the fixed prologue and of the section table.

use crate::{FileKind, FormatError, ParamsId};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::Path;

/// Version of the container, major and minor; another major is refused, and so is a later minor.
pub const VERSION: (u16, u16) = (1, 0);
/// Sections begin at multiples of this.
pub const ALIGNMENT: u64 = 64;

pub(crate) const MAGIC: [u8; 8] = *b"PRIVET\0\0";
/// Length of the prologue, and where the header begins.
pub(crate) const PROLOGUE: usize = 128;
/// Part of the prologue that its hash covers, and where that hash stands.
const HASHED: usize = 96;
/// Longest section name, in bytes.
const MAX_NAME: usize = 255;

/// Where the next aligned part begins; `None` beyond 2^64.
pub(crate) fn align(offset: u64) -> Option<u64> {
    offset.checked_next_multiple_of(ALIGNMENT)
}

/// The fixed part of a file, without its hash.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Prologue {
    pub kind: FileKind,
    pub version: (u16, u16),
    pub params_id: ParamsId,
    pub header_length: u64,
    pub table_offset: u64,
    pub table_length: u64,
}

impl Prologue {
    /// The prologue's bytes, hash included.
    pub fn encode(&self, header: &[u8], table: &[u8]) -> [u8; PROLOGUE] {
        let mut bytes = [0; PROLOGUE];
        let mut put = |at: usize, part: &[u8]| bytes[at..at + part.len()].copy_from_slice(part);
        put(0, &MAGIC);
        put(8, &self.kind.code().to_le_bytes());
        put(10, &self.version.0.to_le_bytes());
        put(12, &self.version.1.to_le_bytes());
        put(16, &self.params_id);
        put(48, &self.header_length.to_le_bytes());
        put(56, &self.table_offset.to_le_bytes());
        put(64, &self.table_length.to_le_bytes());
        put(72, &(self.table_offset + self.table_length).to_le_bytes());
        let hash = hash_of(&bytes, header, table);
        bytes[HASHED..].copy_from_slice(&hash);
        bytes
    }

    /// Reads the prologue and holds every length in it against the file's true one.
    pub fn parse(
        path: &Path,
        bytes: &[u8; PROLOGUE],
        true_length: u64,
    ) -> Result<Prologue, FormatError> {
        let version = (u16_at(bytes, 10), u16_at(bytes, 12));
        if version.0 != VERSION.0 || version.1 > VERSION.1 {
            return Err(FormatError::Version {
                path: path.into(),
                found: version,
            });
        }
        let code = u16_at(bytes, 8);
        let kind = FileKind::from_code(code).ok_or_else(|| FormatError::UnknownKind {
            path: path.into(),
            found: code,
        })?;
        let field = |what, offset, found, expected| FormatError::Field {
            path: path.into(),
            what,
            offset,
            found,
            expected,
        };
        for (at, end) in [(14, 16), (80, 88), (88, HASHED)] {
            if let Some(i) = bytes[at..end].iter().position(|&byte| byte != 0) {
                return Err(field(
                    "a reserved byte",
                    (at + i) as u64,
                    bytes[at + i].into(),
                    0,
                ));
            }
        }
        let (header_length, table_offset) = (u64_at(bytes, 48), u64_at(bytes, 56));
        let (table_length, length) = (u64_at(bytes, 64), u64_at(bytes, 72));
        if length != true_length {
            return Err(FormatError::Length {
                path: path.into(),
                found: true_length,
                expected: length,
            });
        }
        if table_offset > length || !table_offset.is_multiple_of(ALIGNMENT) {
            return Err(field(
                "the table's offset",
                56,
                table_offset,
                length / ALIGNMENT * ALIGNMENT,
            ));
        }
        if table_length != length - table_offset {
            return Err(field(
                "the table's length",
                64,
                table_length,
                length - table_offset,
            ));
        }
        let room = table_offset.saturating_sub(PROLOGUE as u64);
        if header_length > room || table_offset < PROLOGUE as u64 {
            return Err(field("the header's length", 48, header_length, room));
        }
        let params_id = std::array::from_fn(|i| bytes[16 + i]);
        Ok(Prologue {
            kind,
            version,
            params_id,
            header_length,
            table_offset,
            table_length,
        })
    }

    /// Checks the hash over prologue, header and table.
    pub fn check_hash(
        path: &Path,
        bytes: &[u8; PROLOGUE],
        header: &[u8],
        table: &[u8],
    ) -> Result<(), FormatError> {
        let found = hash_of(bytes, header, table);
        let expected: [u8; 32] = std::array::from_fn(|i| bytes[HASHED + i]);
        check_hash(
            path,
            || "the header or the section table".into(),
            0,
            &found,
            &expected,
        )
    }
}

fn hash_of(bytes: &[u8; PROLOGUE], header: &[u8], table: &[u8]) -> [u8; 32] {
    let mut hasher = blake3::Hasher::new();
    hasher.update(&bytes[..HASHED]).update(header).update(table);
    hasher.finalize().into()
}

/// An error showing the first bytes of both hashes where they differ.
pub(crate) fn check_hash(
    path: &Path,
    what: impl FnOnce() -> String,
    offset: u64,
    found: &[u8; 32],
    expected: &[u8; 32],
) -> Result<(), FormatError> {
    if found == expected {
        return Ok(());
    }
    let head = |hash: &[u8; 32]| std::array::from_fn(|i| hash[i]);
    Err(FormatError::Hash {
        path: path.into(),
        what: what(),
        offset,
        found: head(found),
        expected: head(expected),
    })
}

fn u16_at(bytes: &[u8; PROLOGUE], at: usize) -> u16 {
    u16::from_le_bytes(std::array::from_fn(|i| bytes[at + i]))
}

fn u64_at(bytes: &[u8; PROLOGUE], at: usize) -> u64 {
    u64::from_le_bytes(std::array::from_fn(|i| bytes[at + i]))
}

/// One row of the section table.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Entry {
    pub name: String,
    pub offset: u64,
    pub length: u64,
    pub hash: [u8; 32],
}

/// What is wrong with a section's name, if anything.
pub(crate) fn name_fault(name: &str, index: &BTreeMap<String, usize>) -> Option<&'static str> {
    match () {
        () if name.is_empty() => Some("is empty"),
        () if name.len() > MAX_NAME => Some("is longer than 255 bytes"),
        () if index.contains_key(name) => Some("is taken"),
        () => None,
    }
}

/// Reads the table and checks that the sections fill the space between header and table, in order.
pub(crate) fn parse_table(
    path: &Path,
    prologue: &Prologue,
    table: &[u8],
) -> Result<(Vec<Entry>, BTreeMap<String, usize>), FormatError> {
    let mut entries: Vec<Entry> = Vec::new();
    let mut index = BTreeMap::new();
    let mut rest = table;
    let mut end = PROLOGUE as u64 + prologue.header_length;
    while !rest.is_empty() {
        let offset = prologue.table_offset + (table.len() - rest.len()) as u64;
        let bad = |what| FormatError::Entry {
            path: path.into(),
            index: entries.len(),
            offset,
            what,
        };
        let (entry, after) =
            postcard::take_from_bytes::<Entry>(rest).map_err(|_| bad("can not be read"))?;
        if let Some(fault) = name_fault(&entry.name, &index) {
            return Err(bad(match fault {
                "is taken" => "has a name that is taken",
                "is empty" => "has no name",
                _ => "has a name longer than 255 bytes",
            }));
        }
        if Some(entry.offset) != align(end) {
            return Err(bad("does not begin where the one before it ends"));
        }
        end = match entry.offset.checked_add(entry.length) {
            Some(end) if end <= prologue.table_offset => end,
            _ => return Err(bad("reaches into the section table")),
        };
        index.insert(entry.name.clone(), entries.len());
        entries.push(entry);
        rest = after;
    }
    if align(end) != Some(prologue.table_offset) {
        return Err(FormatError::Field {
            path: path.into(),
            what: "the table's offset",
            offset: 56,
            found: prologue.table_offset,
            expected: align(end).unwrap_or(u64::MAX),
        });
    }
    Ok((entries, index))
}
