//! Results as a NumPy array.

use crate::InputError;
use crate::shape::product;
use std::ffi::OsString;
use std::fs::{self, File, OpenOptions};
use std::io::{self, BufWriter, Write};
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};

/// Sets temporary names apart within this process; the process id does so between processes.
static COUNTER: AtomicU64 = AtomicU64::new(0);

/// Writes samples of `shape` as one little-endian f64 array of shape `[n, ..shape]`, C order.
///
/// The file appears whole or not at all; an existing one is replaced only if `force`.
///
/// # Errors
/// - [`InputError::Exists`] if the file exists and `force` is false.
/// - [`InputError::Setting`] if a sample does not have as many numbers as `shape` says.
/// - [`InputError::Io`] if the disk refuses.
pub fn write_npy(
    path: &Path,
    samples: &[Vec<f64>],
    shape: &[usize],
    force: bool,
) -> Result<(), InputError> {
    let n_each = product(shape);
    if let Some(odd) = samples.iter().find(|sample| Some(sample.len()) != n_each) {
        return Err(InputError::Setting {
            what: "the length of a sample",
            found: odd.len().to_string(),
            expected: format!("that of the shape {shape:?}"),
        });
    }
    let exists = || InputError::Exists { path: path.into() };
    let taken = fs::symlink_metadata(path).ok();
    if taken
        .as_ref()
        .is_some_and(|found| !found.is_file() && !found.is_symlink())
    {
        return Err(InputError::NotAFile { path: path.into() });
    }
    if taken.is_some() && !force {
        return Err(exists());
    }
    let name = path
        .file_name()
        .ok_or_else(|| InputError::NotAFile { path: path.into() })?;
    let mut part = OsString::from(".");
    part.push(name);
    part.push(format!(
        ".{}-{}.part",
        std::process::id(),
        COUNTER.fetch_add(1, Ordering::Relaxed)
    ));
    let part = path.with_file_name(part);
    let written = OpenOptions::new()
        .write(true)
        .create_new(true)
        .open(&part)
        .and_then(|file| {
            let done = write(&file, samples, shape).and_then(|()| file.sync_all());
            let done = done.and_then(|()| {
                if force {
                    fs::rename(&part, path)
                } else {
                    place_new(&part, path)
                }
            });
            // After a rename there is nothing to remove.
            let _ = fs::remove_file(&part);
            done
        });
    written.map_err(|source| match source.kind() {
        io::ErrorKind::AlreadyExists if !force && path.exists() => exists(),
        _ => InputError::Io {
            path: path.into(),
            action: "write",
            source,
        },
    })
}

/// Gives a file its name unless that is taken; in one step where the file system has hard links.
fn place_new(part: &Path, path: &Path) -> io::Result<()> {
    match fs::hard_link(part, path) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => {
            match fs::symlink_metadata(path) {
                Ok(_) => Err(io::ErrorKind::AlreadyExists.into()),
                Err(_) => fs::rename(part, path),
            }
        }
        done => done,
    }
}

fn write(file: &File, samples: &[Vec<f64>], shape: &[usize]) -> io::Result<()> {
    let mut file = BufWriter::new(file);
    let dims: String = [samples.len()]
        .iter()
        .chain(shape)
        .map(|dim| format!("{dim}, "))
        .collect();
    let mut text = format!("{{'descr': '<f8', 'fortran_order': False, 'shape': ({dims}), }}");
    // The data begins at a multiple of 64, after ten bytes and a line end.
    while !(text.len() + 11).is_multiple_of(64) {
        text.push(' ');
    }
    text.push('\n');
    let length = u16::try_from(text.len()).map_err(|_| io::ErrorKind::InvalidInput)?;
    file.write_all(b"\x93NUMPY\x01\x00")?;
    file.write_all(&length.to_le_bytes())?;
    file.write_all(text.as_bytes())?;
    for value in samples.iter().flatten() {
        file.write_all(&value.to_le_bytes())?;
    }
    file.flush()
}
