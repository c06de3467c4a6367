//! Why a network is not pruned.

/// Why a network is not pruned; whoever chose the settings must act.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum PruneError {
    /// A setting that nothing can be done with.
    #[error("{what} is {found}, expected {expected}")]
    Setting {
        /// The setting.
        what: &'static str,
        /// Its value.
        found: String,
        /// What it may be.
        expected: &'static str,
    },
    /// Nothing to prune.
    #[error(
        "the network {network:?} has no weights of convolutions or dense layers, expected some to prune"
    )]
    NoWeights {
        /// The network.
        network: String,
    },
    /// A mask of another network.
    #[error(
        "the mask of {parameter} does not fit the network, expected one flag per element of one of its weights"
    )]
    Mask {
        /// The mask's parameter.
        parameter: String,
    },
    /// Units can not be moved; the network is not valid.
    #[error("the network's units can not be moved: {why}")]
    Graph {
        /// What did not fit.
        why: String,
    },
}

/// A share from 0 to 1.
///
/// # Errors
/// [`PruneError::Setting`] for any other number.
pub(crate) fn check_share(what: &'static str, share: f64) -> Result<(), PruneError> {
    if (0.0..=1.0).contains(&share) {
        return Ok(());
    }
    Err(PruneError::Setting {
        what,
        found: share.to_string(),
        expected: "a share from 0 to 1",
    })
}

/// What can go wrong between the original network and the pruned one.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A scheme's settings or its network do not fit.
    #[error(transparent)]
    Prune(#[from] PruneError),
    /// Plans, prices, choices.
    #[error(transparent)]
    Plan(#[from] crate::aligned::Error),
    /// Training.
    #[error(transparent)]
    Train(#[from] train::TrainError),
    /// The network does not compile.
    #[error(transparent)]
    Compile(#[from] privet::Error),
    /// No network as cheap as was asked for was found.
    #[error(
        "the network was brought to {:.0} % of its cost, {:.0} % were asked for: nothing is left that could go",
        100.0 * reached,
        100.0 * asked
    )]
    Budget {
        /// Share of the cost.
        asked: f64,
        /// Share that was reached.
        reached: f64,
    },
    /// Importances or layers that a scheme can not use.
    #[error("{0}")]
    Scheme(String),
    /// A folder that can not be made.
    #[error("{}: {source}", path.display())]
    Folder {
        /// The folder.
        path: std::path::PathBuf,
        /// Why.
        source: std::io::Error,
    },
}

impl Error {
    /// What to do about it.
    pub fn help(&self) -> Option<String> {
        match self {
            Self::Prune(_) => Some("change the setting that is named".to_owned()),
            Self::Plan(error) => error.help(),
            Self::Train(error) => Some(error.help().to_owned()),
            Self::Compile(error) => error.help(),
            Self::Budget { .. } => {
                Some("ask for a larger share, or allow --budget-accuracy".to_owned())
            }
            Self::Scheme(_) => Some("choose another scheme or packing".to_owned()),
            Self::Folder { .. } => Some("name a folder that can be written".to_owned()),
        }
    }
}
