//! How many results were shared under a key.

use super::short_id;
use crate::client::mismatch;
use crate::{Client, Error};
use std::fs::{File, OpenOptions};
use std::io::{Read, Write};
use std::path::{Path, PathBuf};

/// The count of shared results, in a file beside the secret key: one line per result, only ever appended to.
///
/// Each line names the circuit and for how many results it was compiled; results of circuits for different numbers use
/// up the key in proportion. Whoever copies the key together with its counter, or puts an old one back, breaks the count.
#[derive(Clone, Debug)]
pub struct ShareCounter {
    path: PathBuf,
}

const HEAD: &str = "privet shared results of key ";
const KEYGEN: &str = "make new keys with `privet keygen`";

fn hex(id: &[u8]) -> String {
    id.iter().map(|byte| format!("{byte:02x}")).collect()
}

impl ShareCounter {
    /// The counter that belongs to a secret key file.
    pub fn beside(secret: impl AsRef<Path>) -> Self {
        let mut name = secret.as_ref().as_os_str().to_owned();
        name.push(".shared");
        Self { path: name.into() }
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Starts counting for a new key, whose secret `save_secret` puts in place.
    ///
    /// The count is written under another name before, and gets its own after: wherever that stops, a secret key never has
    /// a count that was started anew. One whose count is missing or another key's shares nothing.
    ///
    /// # Errors
    /// [`Error::File`] if the file exists and may not be overwritten, or the disk refuses; those of `save_secret`, after
    /// which the count is what it was.
    pub fn create(
        &self,
        key_id: &[u8; 16],
        overwrite: bool,
        save_secret: impl FnOnce() -> Result<(), Error>,
    ) -> Result<(), Error> {
        let mut pending = format::PendingFile::create(&self.path, true, overwrite)?;
        let line = format!("{HEAD}{}\n", hex(key_id));
        let written = pending.file().write_all(line.as_bytes());
        let synced = written.and_then(|()| pending.file().sync_all());
        synced.map_err(|source| self.io("write", source))?;
        save_secret()?;
        Ok(pending.commit()?)
    }

    /// Counts one more result, on disk before it returns; gives how many there are now.
    ///
    /// Processes that count at the same time wait for each other.
    ///
    /// # Errors
    /// [`Error::Data`] if the file is missing or damaged or the key is used up, [`Error::Mismatch`] if it is another key's,
    /// [`Error::File`] if the disk refuses. Nothing may be shared then.
    pub fn spend(
        &self,
        key_id: &[u8; 16],
        circuit_id: &[u8; 32],
        allowed: u32,
    ) -> Result<u64, Error> {
        let mut file = match OpenOptions::new().read(true).append(true).open(&self.path) {
            Ok(file) => file,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                return Err(Error::Data {
                    why: format!(
                        "{} is missing: how many results were shared under this key is not known",
                        self.path.display()
                    ),
                    help: format!("move it back beside the secret key, or {KEYGEN}"),
                });
            }
            Err(source) => return Err(self.io("open", source)),
        };
        file.lock().map_err(|source| self.io("lock", source))?;
        let spent = self.spent(&mut file, key_id)?;
        let used: f64 = spent.iter().map(|&n| 1.0 / f64::from(n)).sum();
        if used + 1.0 / f64::from(allowed) > 1.0 + 1e-9 {
            return Err(Error::Data {
                why: format!(
                    "{} results were shared under this key, which uses {:.0} % of it up; one more of a circuit made for {allowed} is too many",
                    spent.len(),
                    100.0 * used
                ),
                help: format!("{KEYGEN}; to share more, compile with a larger --share"),
            });
        }
        let line = format!("circuit {} of {allowed}\n", short_id(circuit_id));
        let written = file
            .write_all(line.as_bytes())
            .and_then(|()| file.sync_all());
        written.map_err(|source| self.io("write", source))?;
        Ok(spent.len() as u64 + 1)
    }

    /// Results counted so far, and the share of the key that they used up; `None` where nothing is counted.
    ///
    /// # Errors
    /// [`Error::Content`] if the file is another key's or damaged, [`Error::File`] if the disk refuses.
    pub fn used(&self, key_id: &[u8; 16]) -> Result<Option<(u64, f64)>, Error> {
        match File::open(&self.path) {
            Ok(mut file) => {
                let spent = self.spent(&mut file, key_id)?;
                let used = spent.iter().fold(0.0, |sum, &n| sum + 1.0 / f64::from(n));
                Ok(Some((spent.len() as u64, used)))
            }
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(source) => Err(self.io("open", source)),
        }
    }

    /// The number of results allowed at each result so far. A line cut short by a crash is damage: it is not known what it
    /// said.
    fn spent(&self, file: &mut File, key_id: &[u8; 16]) -> Result<Vec<u32>, Error> {
        let mut text = String::new();
        file.read_to_string(&mut text)
            .map_err(|source| self.io("read", source))?;
        let damaged = |why: &str| Error::Data {
            why: format!(
                "{}: {why}, so how many results were shared under this key is not known",
                self.path.display()
            ),
            help: KEYGEN.to_owned(),
        };
        let mut lines = text
            .strip_suffix('\n')
            .ok_or_else(|| damaged("the last line is cut short"))?
            .split('\n');
        match lines.next().and_then(|head| head.strip_prefix(HEAD)) {
            Some(id) if id == hex(key_id) => {}
            Some(id) => {
                return Err(mismatch(
                    &self.path.display().to_string(),
                    &format!("key {}", id.get(..8).unwrap_or(id)),
                    &format!("key {}", short_id(key_id)),
                    &format!("use the secret key it lies beside, or {KEYGEN}"),
                ));
            }
            None => return Err(damaged("it is no counter of shared results")),
        }
        let count = |line: &str| {
            let (_, allowed) = line.strip_prefix("circuit ")?.split_once(" of ")?;
            allowed.parse().ok().filter(|&n: &u32| n > 0)
        };
        lines
            .map(|line| count(line).ok_or_else(|| damaged("a line is not understood")))
            .collect()
    }

    fn io(&self, action: &'static str, source: std::io::Error) -> Error {
        format::FormatError::Io {
            path: self.path.clone(),
            action,
            source,
        }
        .into()
    }
}

impl Client {
    /// Whether results of this circuit can be shared, and so need a counter beside the secret key.
    pub fn shares(&self) -> bool {
        self.share.is_some()
    }
}
