//! Secret and evaluation keys.

use super::{Header, content, unsound};
use crate::client::{key_id, mismatch};
use crate::{Client, Error};
use ckks::{Context, EvaluationKeys, KeySwitchKey, SecretKey};
use exec::Progress;
use format::{FileKind, Options, Reader, Writer};
use params::{GaloisElement, Level};
use std::path::Path;
use zeroize::Zeroizing;

const SECRET: &str = "secret";
const RELINEARIZATION: &str = "relinearization";
const KEYGEN: &str = "make keys for this circuit: privet keygen";

/// Evaluation keys as the server holds them.
pub struct ServerKeys {
    /// The keys.
    pub keys: EvaluationKeys,
    /// Names the key pair.
    pub key_id: [u8; 16],
}

impl Client {
    /// Writes a secret key that only its owner can read.
    ///
    /// # Errors
    /// [`Error::File`] if the file exists and may not be overwritten, or the disk refuses.
    pub fn save_secret(
        &self,
        secret: &SecretKey,
        path: impl AsRef<Path>,
        overwrite: bool,
    ) -> Result<(), Error> {
        let options = Options {
            secret: true,
            overwrite,
        };
        let header = Header::new(self, Some(key_id(secret)), None);
        let mut writer = Writer::create(
            path,
            FileKind::SecretKey,
            secret.params_id().0,
            &header,
            options,
        )?;
        writer.section(SECRET, &secret.to_bytes())?;
        Ok(writer.finish()?)
    }

    /// Reads a secret key made for these parameters.
    ///
    /// # Errors
    /// [`Error::Mismatch`] if it was made for other parameters, [`Error::File`] and [`Error::Content`] if it is damaged.
    pub fn load_secret(&self, ctx: &Context, path: impl AsRef<Path>) -> Result<SecretKey, Error> {
        let path = path.as_ref();
        let reader = Reader::open(path, FileKind::SecretKey)?;
        let header: Header = reader.header()?;
        self.check_params(ctx, &reader, &header)?;
        let bytes = Zeroizing::new(reader.section(SECRET)?);
        let secret = SecretKey::from_bytes(ctx, &bytes).map_err(unsound(path, SECRET))?;
        if header.key_id != Some(key_id(&secret)) {
            return Err(content(path, "the key is not the one its header names"));
        }
        Ok(secret)
    }

    /// Writes evaluation keys, their random halves as seeds.
    ///
    /// # Errors
    /// [`Error::File`] if the file exists and may not be overwritten, or the disk refuses.
    pub fn save_evaluation(
        &self,
        ctx: &Context,
        keys: &EvaluationKeys,
        key_id: [u8; 16],
        path: impl AsRef<Path>,
        overwrite: bool,
    ) -> Result<(), Error> {
        let options = Options {
            secret: false,
            overwrite,
        };
        let header = Header::new(self, Some(key_id), None);
        let mut writer = Writer::create(
            path,
            FileKind::EvaluationKeys,
            ctx.params().id().0,
            &header,
            options,
        )?;
        for key in keys.iter() {
            writer.section(&section(key.galois()), &key.to_bytes())?;
        }
        Ok(writer.finish()?)
    }

    /// Reads the evaluation keys that this circuit needs; others in the file are left there.
    ///
    /// # Errors
    /// [`Error::Mismatch`] if they were made for other parameters or lack one, [`Error::File`] and [`Error::Content`] if
    /// they are damaged.
    pub fn load_evaluation(
        &self,
        ctx: &Context,
        path: impl AsRef<Path>,
        progress: &Progress<'_>,
    ) -> Result<ServerKeys, Error> {
        let path = path.as_ref();
        let reader = Reader::open(path, FileKind::EvaluationKeys)?;
        let header: Header = reader.header()?;
        self.check_params(ctx, &reader, &header)?;
        let key_id = header
            .key_id
            .ok_or_else(|| content(path, "the header names no key"))?;
        let galois = self
            .keys
            .galois(ctx.params().log_n())
            .into_iter()
            .map(|(g, level)| (Some(g), level));
        let needed: Vec<(Option<GaloisElement>, Level)> = self
            .keys
            .relinearization
            .map(|l| (None, l))
            .into_iter()
            .chain(galois)
            .collect();
        let mut keys = EvaluationKeys::new();
        for (i, (element, level)) in needed.iter().enumerate() {
            let name = section(*element);
            if reader.section_length(&name).is_none() {
                return Err(self.other_circuit(
                    path,
                    &header,
                    &format!("keys that include {name}"),
                ));
            }
            let key = KeySwitchKey::from_bytes(ctx, &reader.section(&name)?)
                .map_err(unsound(path, &name))?;
            if key.galois() != *element {
                return Err(content(path, format!("section {name:?} holds another key")));
            }
            if key.max_level() < *level {
                return Err(self.other_circuit(
                    path,
                    &header,
                    &format!("{name} up to {level}, found up to {}", key.max_level()),
                ));
            }
            keys.insert(key);
            progress(i + 1, needed.len());
        }
        Ok(ServerKeys { keys, key_id })
    }

    fn check_params(&self, ctx: &Context, reader: &Reader, header: &Header) -> Result<(), Error> {
        let expected = ctx.params().id().0;
        if *reader.params_id() == expected {
            return Ok(());
        }
        let name =
            |id: &[u8; 32], model: &str| format!("parameters {} of {model:?}", super::short_id(id));
        let path = reader.path().display().to_string();
        Err(mismatch(
            &path,
            &name(reader.params_id(), &header.model),
            &name(&expected, &self.model),
            KEYGEN,
        ))
    }

    fn other_circuit(&self, path: &Path, header: &Header, lacking: &str) -> Error {
        let found = format!(
            "circuit {} of {:?}",
            super::short_id(&header.circuit_id),
            header.model
        );
        let expected = format!(
            "{lacking}, for circuit {} of {:?}",
            super::short_id(&self.circuit_id),
            self.model
        );
        mismatch(&path.display().to_string(), &found, &expected, KEYGEN)
    }
}

fn section(galois: Option<GaloisElement>) -> String {
    galois.map_or_else(
        || RELINEARIZATION.to_owned(),
        |g| format!("rotation/{}", g.0),
    )
}
