//! What can go wrong.

use super::Target;
use train::ParameterId;

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
    /// An importance does not fit its parameter.
    #[error("the importance of {parameter} has {found} values, expected {expected}")]
    Importance {
        /// The parameter.
        parameter: ParameterId,
        /// Its elements.
        expected: usize,
        /// Values given.
        found: usize,
    },
    /// Nothing that was looked at meets the target.
    #[error("no choice meets {target}, the nearest takes {least:.1}")]
    Target {
        /// What was asked for.
        target: Target,
        /// The least there is.
        least: f64,
    },
}

impl Error {
    /// What to do about it.
    pub fn help(&self) -> Option<String> {
        match self {
            Self::Compile(error) => error.help(),
            Self::Importance { .. } => {
                Some("give one value per element of the parameter".to_owned())
            }
            Self::Target { .. } => {
                Some("a higher target, or remove units beside weights".to_owned())
            }
            Self::NoPlans { .. } => Some("another packing, such as --packing diagonal".to_owned()),
        }
    }
}
