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
