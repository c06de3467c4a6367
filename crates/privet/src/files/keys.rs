//! Secret and evaluation keys.

use super::{Header, content, unsound};
use crate::client::{key_id, mismatch};
use crate::{Client, Error};
use ckks::{Context, EvaluationKeys, KeySwitchKey, Randomness, SecretKey};
use exec::{ExecError, KeyId, KeyRef, KeySource, Progress};
use format::{FileKind, Options, Reader, Writer};
use params::Level;
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use zeroize::Zeroizing;

const SECRET: &str = "secret";
const RELINEARIZATION: &str = "relinearization";
const KEYGEN: &str = "make keys for this circuit: privet keygen";

/// Evaluation keys as the server holds them: in their file, each read and expanded when a run comes near it, and dropped
/// after its last use.
///
/// The file is mapped where [`format::SectionBytes`] allows; it must stay as it is while this lives.
pub struct ServerKeys {
    /// Names the key pair.
    pub key_id: [u8; 16],
    ctx: Context,
    reader: Reader,
    /// Per key the circuit needs, the highest level that the file's key serves.
    levels: BTreeMap<KeyId, Level>,
    /// Keys in memory, and how many runs hold each.
    held: Mutex<BTreeMap<KeyId, (usize, Arc<KeySwitchKey>)>>,
}

impl ServerKeys {
    /// Reads one key.
    ///
    /// # Errors
    /// [`Error::File`] and [`Error::Content`] if it is damaged.
    fn read(&self, key: KeyId) -> Result<KeySwitchKey, Error> {
        let (name, path) = (section(key), self.reader.path());
        let bytes = self.reader.section_bytes(&name)?;
        let found = KeySwitchKey::from_bytes(&self.ctx, &bytes).map_err(unsound(path, &name))?;
        if found.galois() != key || Some(&found.max_level()) != self.levels.get(&key) {
            return Err(content(path, format!("section {name:?} holds another key")));
        }
        Ok(found)
    }

    fn held(&self) -> MutexGuard<'_, BTreeMap<KeyId, (usize, Arc<KeySwitchKey>)>> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Bytes of the keys that are in memory now.
    pub fn held_bytes(&self) -> usize {
        self.held().values().map(|(_, key)| key.bytes()).sum()
    }
}

impl ServerKeys {
    /// Reads every key once and keeps none, so that damage shows before a run.
    ///
    /// # Errors
    /// [`Error::File`] and [`Error::Content`] for the first damaged key.
    pub fn check_all(&self) -> Result<(), Error> {
        self.levels
            .keys()
            .try_for_each(|key| self.read(*key).map(drop))
    }
}

impl KeySource for ServerKeys {
    fn max_level(&self, key: KeyId) -> Option<Level> {
        self.levels.get(&key).copied()
    }

    fn fetch(&self, key: KeyId) -> Result<(), ExecError> {
        if let Some((holders, _)) = self.held().get_mut(&key) {
            *holders += 1;
            return Ok(());
        }
        let read = self.read(key);
        let read = read.map_err(|e| ExecError::KeyFile(Box::new(e)))?;
        let mut held = self.held();
        held.entry(key).or_insert_with(|| (0, Arc::new(read))).0 += 1;
        Ok(())
    }

    fn release(&self, key: KeyId) {
        let mut held = self.held();
        if let Some((holders, _)) = held.get_mut(&key) {
            *holders -= 1;
            if *holders == 0 {
                held.remove(&key);
            }
        }
    }

    fn get(&self, key: KeyId) -> Option<KeyRef<'_>> {
        self.held()
            .get(&key)
            .map(|(_, found)| KeyRef::Shared(Arc::clone(found)))
    }
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
        let mut writer = self.evaluation_writer(ctx, key_id, path, overwrite)?;
        for key in keys.iter() {
            writer.section(&section(key.galois()), &key.to_bytes())?;
        }
        Ok(writer.finish()?)
    }

    /// Makes the evaluation keys of a secret key straight into a file, one in memory at a time.
    ///
    /// # Errors
    /// As [`Client::save_evaluation`].
    pub fn make_evaluation(
        &self,
        ctx: &Context,
        secret: &SecretKey,
        path: impl AsRef<Path>,
        overwrite: bool,
        progress: &Progress<'_>,
    ) -> Result<(), Error> {
        let mut writer = self.evaluation_writer(ctx, key_id(secret), path, overwrite)?;
        let mut randomness = Randomness::from_os();
        exec::make_each_key(ctx, secret, &self.keys, &mut randomness, progress, |key| {
            writer.section(&section(key.galois()), &key.to_bytes())
        })?;
        Ok(writer.finish()?)
    }

    fn evaluation_writer(
        &self,
        ctx: &Context,
        key_id: [u8; 16],
        path: impl AsRef<Path>,
        overwrite: bool,
    ) -> Result<Writer, Error> {
        let options = Options {
            secret: false,
            overwrite,
        };
        let header = Header::new(self, Some(key_id), None);
        let id = ctx.params().id().0;
        Ok(Writer::create(
            path,
            FileKind::EvaluationKeys,
            id,
            &header,
            options,
        )?)
    }

    /// Opens a file with the evaluation keys that this circuit needs; others in the file do not matter. The keys are read
    /// by the run, and damage to one shows only then.
    ///
    /// # Errors
    /// [`Error::Mismatch`] if they were made for other parameters, lack one or do not reach high enough; [`Error::File`]
    /// and [`Error::Content`] if the file is damaged.
    pub fn load_evaluation(
        &self,
        ctx: &Context,
        path: impl AsRef<Path>,
    ) -> Result<ServerKeys, Error> {
        let path = path.as_ref();
        let reader = Reader::open(path, FileKind::EvaluationKeys)?;
        let header: Header = reader.header()?;
        self.check_params(ctx, &reader, &header)?;
        let key_id = header
            .key_id
            .ok_or_else(|| content(path, "the header names no key"))?;
        let galois = self.keys.galois(ctx.params().log_n()).into_iter();
        let needed = galois
            .map(|(g, level)| (Some(g), level))
            .chain(self.keys.relinearization.map(|level| (None, level)));
        let mut levels = BTreeMap::new();
        for (key, level) in needed {
            let name = section(key);
            let lacking = |what: String| self.other_circuit(path, &header, &what);
            let Some(length) = reader.section_length(&name) else {
                return Err(lacking(format!("keys that include {name}")));
            };
            let is_up_to = |l: &Level| {
                usize::try_from(length) == Ok(KeySwitchKey::bytes_seeded_up_to(ctx, *l))
            };
            let mut all = (0..=ctx.params().max_level().0).map(Level);
            let Some(found) = all.find(is_up_to) else {
                let why = format!("section {name:?} has {length} bytes, no key of any level does");
                return Err(content(path, why));
            };
            if found < level {
                return Err(lacking(format!(
                    "{name} up to {level}, found up to {found}"
                )));
            }
            levels.insert(key, found);
        }
        Ok(ServerKeys {
            key_id,
            ctx: ctx.clone(),
            reader,
            levels,
            held: Mutex::default(),
        })
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

fn section(key: KeyId) -> String {
    key.map_or_else(
        || RELINEARIZATION.to_owned(),
        |g| format!("rotation/{}", g.0),
    )
}
