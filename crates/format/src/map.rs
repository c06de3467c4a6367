//! Sections as memory maps.

use memmap2::{Mmap, MmapOptions};
use std::fs::File;
use std::ops::Deref;

/// The bytes of a section: a view of the file where that is safe enough, a copy elsewhere.
#[derive(Debug)]
pub enum SectionBytes {
    /// Pages of the file; given back when dropped.
    Mapped(Mmap),
    /// Read into memory.
    Copied(Vec<u8>),
}

impl Deref for SectionBytes {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        match self {
            Self::Mapped(map) => map,
            Self::Copied(bytes) => bytes,
        }
    }
}

/// Maps a range of a file that only its owner, who runs this process, can write; `None` for other files and where
/// mapping does not work.
///
/// The range must lie within the file's length. What remains: if the owner truncates the file before the map is dropped,
/// the system ends the process; if the owner changes it, readers see the change after the hash was checked, and must
/// check what they read.
pub(crate) fn map(file: &File, offset: u64, length: u64) -> Option<Mmap> {
    let length = usize::try_from(length).ok().filter(|&n| n > 0)?;
    if !own(file) {
        return None;
    }
    // SAFETY: the map is read-only, and the file is ours alone to change; see above for what remains.
    unsafe { MmapOptions::new().offset(offset).len(length).map(file).ok() }
}

/// A regular file of this process's user that others can not write.
#[cfg(unix)]
fn own(file: &File) -> bool {
    use std::os::unix::fs::MetadataExt;
    // The owner of the process, without a call that the standard library lacks; no map where the system does not tell.
    let us = std::fs::metadata("/proc/self").map(|m| m.uid());
    match (file.metadata(), us) {
        (Ok(meta), Ok(us)) => meta.is_file() && meta.uid() == us && meta.mode() & 0o022 == 0,
        _ => false,
    }
}

#[cfg(not(unix))]
fn own(_: &File) -> bool {
    false
}
