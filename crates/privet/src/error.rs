//! Everything that can go wrong, and whose turn it is.

use std::path::PathBuf;

/// Any error of the facade.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The model can not be imported.
    #[error(transparent)]
    Import(#[from] onnx::ImportError),
    /// The network can not be written as an ONNX model.
    #[error(transparent)]
    Export(#[from] onnx::ExportError),
    /// The model or the options can not be compiled, or a pass broke the program.
    #[error(transparent)]
    Compile(#[from] pass::PipelineError),
    /// A pass was named that is not there.
    #[error(transparent)]
    Registry(#[from] pass::RegistryError),
    /// A circuit can not be run.
    #[error(transparent)]
    Run(#[from] exec::ExecError),
    /// Keys, plaintexts or ciphertexts do not fit the parameters.
    #[error(transparent)]
    Ckks(#[from] ckks::CkksError),
    /// A Privet file can not be read or written.
    #[error(transparent)]
    File(#[from] format::FormatError),
    /// Input data can not be read, or output data not written.
    #[error(transparent)]
    Input(#[from] input::InputError),
    /// A sample does not fit the network.
    #[error(transparent)]
    Evaluate(#[from] graph::EvalError),
    /// Parameters in a file are not secure or not possible.
    #[error(transparent)]
    Params(#[from] params::ParamsError),
    /// A file belongs to another circuit or another key.
    #[error("{what} belongs to {found}, expected {expected}")]
    Mismatch {
        /// The file or object.
        what: String,
        /// What it belongs to.
        found: String,
        /// What was needed.
        expected: String,
        /// What to do.
        help: String,
    },
    /// A file's content contradicts itself.
    #[error("{}: {why}", path.display())]
    Content {
        /// The file.
        path: PathBuf,
        /// Found and expected.
        why: String,
    },
    /// The samples given do not fit what was asked.
    #[error("{why}")]
    Data {
        /// Found and expected.
        why: String,
        /// What to do.
        help: String,
    },
}

impl Error {
    /// What to do about it.
    pub fn help(&self) -> Option<String> {
        match self {
            Self::Import(e) => Some(e.help()),
            Self::Export(e) => Some(e.help()),
            Self::Compile(pass::PipelineError::Refused(r)) => r.help.clone(),
            Self::Compile(pass::PipelineError::Broke { .. }) => Some(
                "this is a fault in Privet or in an inserted pass; please report it".to_owned(),
            ),
            Self::Run(exec::ExecError::Memory { needed_bytes, .. }) => Some(format!(
                "--memory {} or more; a smaller --batch, another --packing, a smaller --log-n or activations of lower degree need less",
                exec::typed_bytes(*needed_bytes)
            )),
            Self::Run(exec::ExecError::Keys { .. }) => {
                Some("make keys for this circuit with `privet keygen`".to_owned())
            }
            Self::Run(exec::ExecError::Refresh { .. }) => Some(
                "run it where the secret key is, in one process: `privet infer` or `privet check` with `--refresh client`; files can not carry refreshes yet"
                    .to_owned(),
            ),
            Self::Run(exec::ExecError::KeyFile(source)) => {
                source.downcast_ref::<Self>().and_then(Self::help)
            }
            Self::Run(exec::ExecError::Measure { .. }) => Some("--log-n 13,14,15,16".to_owned()),
            Self::File(e) => e.help(),
            Self::Input(e) => e.help(),
            Self::Mismatch { help, .. } | Self::Data { help, .. } => Some(help.clone()),
            Self::Content { .. } => Some("make the file anew".to_owned()),
            _ => None,
        }
    }

    /// 1: the model or settings were refused; 70: a fault in Privet; 2: everything outside, files and usage.
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::Import(
                onnx::ImportError::Read { .. }
                | onnx::ImportError::NotOnnx { .. }
                | onnx::ImportError::Truncated { .. }
                | onnx::ImportError::Inconsistent { .. }
                | onnx::ImportError::External { .. },
            ) => 2,
            Self::Import(_)
            | Self::Export(_)
            | Self::Compile(pass::PipelineError::Refused(_))
            | Self::Run(exec::ExecError::Memory { .. } | exec::ExecError::Refresh { .. }) => 1,
            Self::Compile(pass::PipelineError::Broke { .. })
            | Self::Run(exec::ExecError::Circuit { .. } | exec::ExecError::Operation { .. }) => 70,
            _ => 2,
        }
    }
}
