//! What a file holds.

use std::fmt;

/// What a file holds; stored as the number beside each kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(u16)]
pub enum FileKind {
    /// Circuit, weights, parameters, input and output layout.
    Compiled = 1,
    /// The data owner's secret key.
    SecretKey = 2,
    /// The key that only encrypts.
    PublicKey = 3,
    /// Relinearization and rotation keys.
    EvaluationKeys = 4,
    /// Ciphertexts, made by encryption or by a run.
    Ciphertexts = 5,
    /// What a client needs of a compiled circuit: parameters, layouts, key manifest.
    Client = 6,
}

impl FileKind {
    /// Every kind, by its number.
    pub const ALL: [FileKind; 6] = [
        FileKind::Compiled,
        FileKind::SecretKey,
        FileKind::PublicKey,
        FileKind::EvaluationKeys,
        FileKind::Ciphertexts,
        FileKind::Client,
    ];

    /// The number stored in the file.
    pub fn code(self) -> u16 {
        self as u16
    }

    /// The kind of a stored number.
    pub fn from_code(code: u16) -> Option<FileKind> {
        Self::ALL.into_iter().find(|kind| kind.code() == code)
    }

    /// As in "is a ciphertext file".
    pub(crate) fn with_article(self) -> &'static str {
        match self {
            FileKind::Compiled => "a compiled circuit",
            FileKind::SecretKey => "a secret key file",
            FileKind::PublicKey => "a public key file",
            FileKind::EvaluationKeys => "an evaluation key file",
            FileKind::Ciphertexts => "a ciphertext file",
            FileKind::Client => "a client file",
        }
    }

    /// The command that makes such a file.
    pub(crate) fn made_by(self) -> &'static str {
        match self {
            FileKind::Compiled => "`privet compile`",
            FileKind::SecretKey | FileKind::PublicKey | FileKind::EvaluationKeys => {
                "`privet keygen`"
            }
            FileKind::Ciphertexts => "`privet encrypt`",
            FileKind::Client => "`privet inspect --client`",
        }
    }
}

impl fmt::Display for FileKind {
    /// As in "expected evaluation keys".
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            FileKind::Compiled => "a compiled circuit",
            FileKind::SecretKey => "a secret key",
            FileKind::PublicKey => "a public key",
            FileKind::EvaluationKeys => "evaluation keys",
            FileKind::Ciphertexts => "ciphertexts",
            FileKind::Client => "a client file",
        })
    }
}
