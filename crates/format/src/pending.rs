//! A file that appears under its name when it is whole, or not at all.

use crate::FormatError;
use std::ffi::OsString;
use std::fs::{self, File, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

/// Sets temporary names apart within this process; the process id does so between processes.
static COUNTER: AtomicU64 = AtomicU64::new(0);

/// A temporary file beside its target; [`commit`](PendingFile::commit) gives it the target's name, dropping removes it.
///
/// After a crash or a power cut a hidden `.NAME.*.part` may stay behind, never a half-written target.
#[derive(Debug)]
pub struct PendingFile {
    file: File,
    temporary: PathBuf,
    target: PathBuf,
    overwrite: bool,
    committed: bool,
}

impl PendingFile {
    /// Creates the temporary file, with mode 0600 from the start if `secret`.
    ///
    /// # Errors
    /// - [`FormatError::Exists`] if the target exists and `overwrite` is false, so that nobody works long for nothing.
    /// - [`FormatError::NotAFile`] if the target is a folder, a pipe or a device.
    pub fn create(
        target: &Path,
        secret: bool,
        overwrite: bool,
    ) -> Result<PendingFile, FormatError> {
        check_target(target, overwrite)?;
        let name = target.file_name().ok_or_else(|| FormatError::NotAFile {
            path: target.into(),
        })?;
        let mut options = OpenOptions::new();
        options.write(true).create_new(true);
        #[cfg(unix)]
        if secret {
            use std::os::unix::fs::OpenOptionsExt;
            options.mode(0o600);
        }
        #[cfg(not(unix))]
        let _ = secret; // the folder's own access rules apply
        loop {
            let mut part = OsString::from(".");
            part.push(name);
            part.push(format!(
                ".{}-{}.part",
                std::process::id(),
                COUNTER.fetch_add(1, Ordering::Relaxed)
            ));
            let temporary = target.with_file_name(part);
            match options.open(&temporary) {
                Ok(file) => {
                    return Ok(PendingFile {
                        file,
                        temporary,
                        target: target.into(),
                        overwrite,
                        committed: false,
                    });
                }
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => continue, // left by a crash
                Err(source) => {
                    return Err(FormatError::Io {
                        path: target.into(),
                        action: "create",
                        source,
                    });
                }
            }
        }
    }

    /// The open temporary file.
    pub fn file(&mut self) -> &mut File {
        &mut self.file
    }

    /// The name the file will have.
    pub fn target(&self) -> &Path {
        &self.target
    }

    /// Flushes the file to disk and gives it the target's name.
    ///
    /// # Errors
    /// [`FormatError::Exists`] if the target appeared meanwhile and overwriting was not asked for.
    pub fn commit(mut self) -> Result<(), FormatError> {
        let io = |action| {
            let path = self.target.clone();
            move |source| FormatError::Io {
                path,
                action,
                source,
            }
        };
        self.file.sync_all().map_err(io("write"))?;
        if self.overwrite {
            check_target(&self.target, true)?;
            fs::rename(&self.temporary, &self.target).map_err(io("replace"))?;
            self.committed = true;
        } else {
            self.commit_new()?;
        }
        sync_folder(&self.target);
        Ok(())
    }

    /// A hard link fails where the name is taken, in one step; dropping then removes the temporary name.
    fn commit_new(&mut self) -> Result<(), FormatError> {
        match fs::hard_link(&self.temporary, &self.target) {
            Ok(()) => return Ok(()),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                return Err(FormatError::Exists {
                    path: self.target.clone(),
                });
            }
            Err(_) => {}
        }
        // A file system without hard links: look, then rename. Another process may slip in between.
        check_target(&self.target, false)?;
        fs::rename(&self.temporary, &self.target).map_err(|source| FormatError::Io {
            path: self.target.clone(),
            action: "create",
            source,
        })?;
        self.committed = true;
        Ok(())
    }
}

impl Drop for PendingFile {
    fn drop(&mut self) {
        if !self.committed {
            let _ = fs::remove_file(&self.temporary);
        }
    }
}

fn check_target(target: &Path, overwrite: bool) -> Result<(), FormatError> {
    // A link is replaced, not followed, so that it is looked at itself.
    match fs::symlink_metadata(target) {
        Ok(found) if !found.is_file() && !found.is_symlink() => Err(FormatError::NotAFile {
            path: target.into(),
        }),
        Ok(_) if !overwrite => Err(FormatError::Exists {
            path: target.into(),
        }),
        _ => Ok(()),
    }
}

/// Makes the new name itself survive a power cut; some file systems can not, which is no fault of the file.
fn sync_folder(target: &Path) {
    #[cfg(unix)]
    {
        let folder = target
            .parent()
            .filter(|folder| !folder.as_os_str().is_empty())
            .unwrap_or(Path::new("."));
        let _ = File::open(folder).and_then(|folder| folder.sync_all());
    }
    #[cfg(not(unix))]
    let _ = target;
}
