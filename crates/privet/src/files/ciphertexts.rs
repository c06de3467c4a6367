//! Encrypted inputs and results.

use super::{Header, content, short_id, unsound};
use crate::client::mismatch;
use crate::{Client, Encrypted, Error};
use ckks::{Ciphertext, Context};
use format::{FileKind, Options, Reader, Writer};
use serde::{Deserialize, Serialize};
use std::path::Path;

/// What ciphertexts in a file are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Role {
    /// Made by encryption, for the server.
    Input,
    /// Made by a run, for the data owner.
    Result,
}

impl Encrypted {
    /// Writes the ciphertexts of an input or a result.
    ///
    /// # Errors
    /// [`Error::File`] if the file exists and may not be overwritten, or the disk refuses.
    pub fn save(
        &self,
        client: &Client,
        role: Role,
        path: impl AsRef<Path>,
        overwrite: bool,
    ) -> Result<(), Error> {
        let options = Options {
            secret: false,
            overwrite,
        };
        let header = Header {
            circuit_id: self.circuit_id,
            n_samples: Some(self.n_samples),
            ..Header::new(client, Some(self.key_id), Some(role))
        };
        let mut writer = Writer::create(
            path,
            FileKind::Ciphertexts,
            client.params()?.id().0,
            &header,
            options,
        )?;
        for (i, ct) in self.cts.iter().enumerate() {
            writer.section(&format!("ct/{i}"), &ct.to_bytes())?;
        }
        Ok(writer.finish()?)
    }

    /// Reads the ciphertexts of an input or a result of this circuit.
    ///
    /// # Errors
    /// [`Error::Mismatch`] if they belong to another circuit or are of the other kind, [`Error::File`] and
    /// [`Error::Content`] if they are damaged.
    pub fn load(
        ctx: &Context,
        client: &Client,
        role: Role,
        path: impl AsRef<Path>,
    ) -> Result<Self, Error> {
        let path = path.as_ref();
        let reader = Reader::open(path, FileKind::Ciphertexts)?;
        let header: Header = reader.header()?;
        let help = match role {
            Role::Input => "encrypt the input for this circuit: privet encrypt",
            Role::Result => "use the client file of the circuit that was run",
        };
        header.check_circuit(path, client, help)?;
        if header.role != Some(role) {
            let (why, help) = match role {
                Role::Input => (
                    "holds the result of a run, expected an encrypted input",
                    "name a file that privet encrypt made",
                ),
                Role::Result => (
                    "holds an encrypted input, expected the result of a run",
                    "run it first: privet run",
                ),
            };
            return Err(Error::Data {
                why: format!("{} {why}", path.display()),
                help: help.to_owned(),
            });
        }
        reader.check_params(&ctx.params().id().0)?;
        let key_id = header
            .key_id
            .ok_or_else(|| content(path, "the header names no key"))?;
        let width = client.batch_width();
        let n_samples = header.n_samples.unwrap_or(0);
        if !(1..=width).contains(&(n_samples as usize)) {
            let why = format!("it says that it holds {n_samples} samples, expected 1 to {width}");
            return Err(content(path, why));
        }
        let expected = match role {
            Role::Input => client.input.layout.n_ciphertexts as usize,
            Role::Result => client
                .outputs
                .iter()
                .map(|o| o.layout.n_ciphertexts as usize)
                .sum(),
        };
        let found = reader.sections().len();
        if found != expected {
            return Err(content(
                path,
                format!("it has {found} ciphertexts, expected {expected}"),
            ));
        }
        let read = |i: usize| {
            let name = format!("ct/{i}");
            let ct = Ciphertext::from_bytes(ctx, &reader.section(&name)?)
                .map_err(unsound(path, &name))?;
            let fresh = ct.level() == client.input_level && *ct.scale() == client.input_scale;
            if ct.degree() != 1 || (role == Role::Input && !fresh) {
                let why = format!(
                    "section {name:?} is of degree {} at {} with scale {}, expected degree 1 at {} with {}",
                    ct.degree(),
                    ct.level(),
                    ct.scale(),
                    client.input_level,
                    client.input_scale
                );
                return Err(content(path, why));
            }
            Ok(ct)
        };
        let cts = (0..expected).map(read).collect::<Result<_, Error>>()?;
        Ok(Self {
            cts,
            n_samples,
            key_id,
            circuit_id: header.circuit_id,
        })
    }

    /// Refuses ciphertexts that were not encrypted under the key at hand.
    ///
    /// # Errors
    /// [`Error::Mismatch`] naming both keys.
    pub fn check_key(&self, path: &Path, key_id: &[u8; 16], help: &str) -> Result<(), Error> {
        if self.key_id == *key_id {
            return Ok(());
        }
        let (found, expected) = (
            format!("key {}", short_id(&self.key_id)),
            format!("key {}", short_id(key_id)),
        );
        Err(mismatch(
            &path.display().to_string(),
            &found,
            &expected,
            help,
        ))
    }
}
