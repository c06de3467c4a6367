//! Files that client and server exchange.
//!
//! Every header says which circuit and which key the file belongs to, so that a mix-up is named before anything is
//! computed. Reading checks everything again: nothing in a file is taken on trust.

mod ciphertexts;
mod compiled;
mod counter;
mod keys;

pub use ciphertexts::Role;
pub use counter::ShareCounter;
pub use keys::ServerKeys;

use crate::client::mismatch;
use crate::{Client, Error};
use format::{FileKind, Reader};
use serde::{Deserialize, Serialize};
use std::path::Path;
use zeroize::Zeroizing;

/// Whom a file belongs to; the header of every file.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Header {
    /// The model's name.
    model: String,
    /// The circuit.
    circuit_id: [u8; 32],
    /// The key pair; absent in what was made before keys.
    key_id: Option<[u8; 16]>,
    /// For ciphertexts, what they are.
    role: Option<Role>,
    /// For ciphertexts, how many samples lie side by side in them.
    n_samples: Option<u32>,
}

impl Header {
    fn new(client: &Client, key_id: Option<[u8; 16]>, role: Option<Role>) -> Self {
        Self {
            model: client.model.clone(),
            circuit_id: client.circuit_id,
            key_id,
            role,
            n_samples: None,
        }
    }

    /// Refuses a file of another circuit.
    fn check_circuit(&self, path: &Path, client: &Client, help: &str) -> Result<(), Error> {
        if self.circuit_id == client.circuit_id {
            return Ok(());
        }
        let circuit = |id: &[u8; 32], model: &str| format!("circuit {} of {model:?}", short_id(id));
        let (found, expected) = (
            circuit(&self.circuit_id, &self.model),
            circuit(&client.circuit_id, &client.model),
        );
        Err(mismatch(
            &path.display().to_string(),
            &found,
            &expected,
            help,
        ))
    }
}

/// First digits of an identity, enough to tell files apart.
pub fn short_id(id: &[u8]) -> String {
    id.iter()
        .take(4)
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

/// Names the key pair of a secret key.
pub fn key_id(secret: &ckks::SecretKey) -> [u8; 16] {
    crate::client::key_id(secret)
}

/// What any Privet file says about itself, from its header.
#[derive(Clone, Debug, PartialEq)]
pub struct FileInfo {
    /// What it holds.
    pub kind: &'static str,
    /// The model it belongs to.
    pub model: String,
    /// The circuit it was made for.
    pub circuit_id: [u8; 32],
    /// The key it belongs to, if any.
    pub key_id: Option<[u8; 16]>,
    /// Parameters it belongs to.
    pub params_id: [u8; 32],
    /// Samples in it, of a file of ciphertexts.
    pub n_samples: Option<u32>,
    /// Names and bytes of its sections, in order.
    pub sections: Vec<(String, u64)>,
}

impl FileInfo {
    /// Reads the header of any of Privet's files.
    ///
    /// # Errors
    /// [`Error::File`] if it is none, or damaged.
    pub fn read(path: impl AsRef<Path>) -> Result<Self, Error> {
        let reader = Reader::open_any(path)?;
        let header: Header = reader.header()?;
        let kind = match (reader.kind(), header.role) {
            (FileKind::Compiled, _) => "compiled network",
            (FileKind::SecretKey, _) => "secret key",
            (FileKind::PublicKey, _) => "public key",
            (FileKind::EvaluationKeys, _) => "evaluation keys",
            (FileKind::Client, _) => "client file",
            (FileKind::Ciphertexts, Some(Role::Result)) => "encrypted result",
            (FileKind::Ciphertexts, _) => "encrypted input",
        };
        let sections = reader
            .sections()
            .map(|(name, bytes)| (name.to_owned(), bytes))
            .collect();
        let params_id = *reader.params_id();
        Ok(Self {
            kind,
            model: header.model,
            circuit_id: header.circuit_id,
            key_id: header.key_id,
            params_id,
            n_samples: header.n_samples,
            sections,
        })
    }

    /// Reads every section once and keeps none, so that damage shows.
    ///
    /// # Errors
    /// [`Error::File`] naming the section and where it begins.
    pub fn check_sections(path: impl AsRef<Path>) -> Result<(), Error> {
        let reader = Reader::open_any(path)?;
        for (name, _) in reader.sections() {
            if reader.kind() == FileKind::SecretKey {
                drop(Zeroizing::new(reader.section(name)?));
            } else {
                drop(reader.section_bytes(name)?);
            }
        }
        Ok(())
    }

    /// Bytes of all sections.
    pub fn bytes(&self) -> u64 {
        self.sections.iter().map(|(_, bytes)| bytes).sum()
    }

    /// Whether it is a compiled network.
    pub fn is_compiled(&self) -> bool {
        self.kind == "compiled network"
    }

    /// Whether it holds a [`Client`]: a compiled network or a client file.
    pub fn has_client(&self) -> bool {
        self.is_compiled() || self.kind == "client file"
    }
}

fn content(path: &Path, why: impl Into<String>) -> Error {
    Error::Content {
        path: path.to_owned(),
        why: why.into(),
    }
}

fn encode<T: Serialize + ?Sized>(path: &Path, value: &T) -> Result<Vec<u8>, Error> {
    postcard::to_stdvec(value).map_err(|source| {
        format::FormatError::Encode {
            path: path.to_owned(),
            source,
        }
        .into()
    })
}

fn decode<T: for<'a> Deserialize<'a>>(reader: &Reader, section: &str) -> Result<T, Error> {
    let bytes = reader.section(section)?;
    match postcard::take_from_bytes(&bytes) {
        Ok((value, [])) => Ok(value),
        Ok(_) => Err(content(
            reader.path(),
            format!("section {section:?} is too long"),
        )),
        Err(error) => Err(content(
            reader.path(),
            format!("section {section:?} does not read as expected: {error}"),
        )),
    }
}

/// Keys and ciphertexts of a file that are not sound are the file's fault.
fn unsound(path: &Path, section: &str) -> impl Fn(ckks::CkksError) -> Error {
    move |error| content(path, format!("section {section:?}: {error}"))
}

/// Writes text to a file that appears whole or not at all.
///
/// # Errors
/// [`Error::File`] if the file exists and may not be overwritten, or the disk refuses.
pub fn save_text(path: impl AsRef<Path>, text: &str, overwrite: bool) -> Result<(), Error> {
    save_bytes(path.as_ref(), text.as_bytes(), overwrite)
}

/// As [`save_text`], for any content.
pub(crate) fn save_bytes(path: &Path, bytes: &[u8], overwrite: bool) -> Result<(), Error> {
    let mut pending = format::PendingFile::create(path, false, overwrite)?;
    let written = std::io::Write::write_all(pending.file(), bytes);
    written.map_err(|source| format::FormatError::Io {
        path: path.to_owned(),
        action: "write",
        source,
    })?;
    Ok(pending.commit()?)
}

/// Refuses an output path that can not be used, before long work is done for nothing.
///
/// # Errors
/// [`Error::File`] if the file exists and may not be overwritten, or can not be created.
pub fn check_output(path: impl AsRef<Path>, overwrite: bool) -> Result<(), Error> {
    // Made and dropped: the temporary file goes, the target is never touched.
    format::PendingFile::create(path.as_ref(), false, overwrite)?;
    Ok(())
}
