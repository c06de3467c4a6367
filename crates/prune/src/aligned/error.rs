//! What can go wrong.

/// Why a network can not be priced or pruned by its plans.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The network can not be compiled.
    #[error(transparent)]
    Compile(#[from] privet::Error),
    /// Layers have no plans in the batch layout.
    #[error("{model} is compiled for one ciphertext per element, where nothing rotates")]
    NoPlans {
        /// The network's name.
        model: String,
    },
}

impl Error {
    /// What to do about it.
    pub fn help(&self) -> Option<String> {
        match self {
            Self::Compile(error) => error.help(),
            Self::NoPlans { .. } => Some("another packing, such as --packing diagonal".to_owned()),
        }
    }
}
