//! What can go wrong in training.

use crate::DatasetError;
use std::path::PathBuf;

/// Why a network was not trained.
#[derive(Debug, thiserror::Error)]
pub enum TrainError {
    /// Samples and network do not fit; the user must act.
    #[error("{0}")]
    Dataset(#[from] DatasetError),
    /// Samples have another size than the network's input.
    #[error("samples have {found} values, the network's input '{name}' has {expected}")]
    SampleLength {
        /// The input node.
        name: String,
        /// Values of a sample.
        found: usize,
        /// Values of the input.
        expected: usize,
    },
    /// A class that the network has no output for.
    #[error("found class {class}, the network has {outputs} outputs")]
    Class {
        /// Largest class.
        class: u32,
        /// Outputs of the network.
        outputs: usize,
    },
    /// Targets have another size than the network's outputs.
    #[error("targets have {found} values, the network's outputs {expected}")]
    TargetLength {
        /// Values of a target.
        found: usize,
        /// Values of all outputs.
        expected: usize,
    },
    /// A network that can not be trained.
    #[error("{why}")]
    Untrainable {
        /// The node, and why.
        why: String,
    },
    /// A mask of another shape, or of a parameter that does not exist.
    #[error("the mask of {parameter} has {found} elements, expected {expected}")]
    Mask {
        /// The parameter.
        parameter: String,
        /// Elements of the mask.
        found: usize,
        /// Elements of the parameter; 0 if there is none.
        expected: usize,
    },
    /// Losses became infinite or undefined again and again, at ever smaller rates.
    #[error(
        "training diverged in epoch {epoch}: the loss was {loss} at rate {rate:e}, after {tries} tries at smaller and smaller rates"
    )]
    Diverged {
        /// Epoch, from 1.
        epoch: usize,
        /// The loss.
        loss: f64,
        /// The last rate.
        rate: f64,
        /// How often the rate was lowered.
        tries: usize,
    },
    /// Stopped on request.
    #[error("stopped")]
    Stopped,
    /// A checkpoint of other settings, or a damaged one.
    #[error("{}: {why}", path.display())]
    Checkpoint {
        /// The file.
        path: PathBuf,
        /// Found and expected.
        why: String,
    },
}

impl TrainError {
    /// What to do about it.
    pub fn help(&self) -> &'static str {
        match self {
            Self::Dataset(_) => "check how the data was made and which file holds the labels",
            Self::SampleLength { .. } => {
                "give data of the network's input shape; --pad adds a border"
            }
            Self::Class { .. } | Self::TargetLength { .. } => {
                "give targets of this network; --reconstruct takes the inputs as targets"
            }
            Self::Untrainable { .. } => "train it where it was made",
            Self::Mask { .. } => "make the mask from this network",
            Self::Diverged { .. } => {
                "lower the rate, or start from weights that were trained longer"
            }
            Self::Stopped => "run the same command again to go on",
            Self::Checkpoint { .. } => "remove the file to begin anew",
        }
    }
}
