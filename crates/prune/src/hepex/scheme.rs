//! The schemes, as lists of steps.

use super::expand::Expand;
use super::permute::Permute;
use super::score::{Criterion, Prune, Rank, Scope};
use super::second::{AlmostZero, SecondPrune};
use super::tiles::{TileShape, Tiles};
use crate::PruneError;
use crate::engine::{self, Pruned, Retrain, Step, StepReport};
use privet::extend::Graph;
use std::fmt;
use std::str::FromStr;

/// Which steps, before the network is packed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scheme {
    /// Prune weights, retrain.
    P2,
    /// Prune tiles, retrain.
    P2T(Rank),
    /// Prune weights, retrain, permute.
    P3,
    /// P3, then expand, retrain.
    P3E,
    /// Prune weights, retrain, permute, prune almost-zero tiles, retrain.
    P4,
    /// P4, with expansion beside the second pruning.
    P4E,
}

const SCHEMES: [(&str, Scheme); 8] = [
    ("P2", Scheme::P2),
    ("P2T-min", Scheme::P2T(Rank::Min)),
    ("P2T-max", Scheme::P2T(Rank::Max)),
    ("P2T-mean", Scheme::P2T(Rank::Mean)),
    ("P3", Scheme::P3),
    ("P3E", Scheme::P3E),
    ("P4", Scheme::P4),
    ("P4E", Scheme::P4E),
];

impl FromStr for Scheme {
    type Err = PruneError;

    fn from_str(text: &str) -> Result<Self, PruneError> {
        let found = SCHEMES.iter().find(|(name, _)| *name == text);
        let unknown = || PruneError::Setting {
            what: "the scheme",
            found: text.to_owned(),
            expected: "P2, P2T-min, P2T-max, P2T-mean, P3, P3E, P4 or P4E",
        };
        found.map(|(_, scheme)| *scheme).ok_or_else(unknown)
    }
}

impl fmt::Display for Scheme {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let found = SCHEMES.iter().find(|(_, scheme)| scheme == self);
        f.write_str(found.map_or("", |(name, _)| name))
    }
}

/// A scheme with its settings.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct HePex {
    /// The steps.
    pub scheme: Scheme,
    /// The tiles.
    pub tiles: TileShape,
    /// Among which weights or tiles the first pruning takes its share.
    pub scope: Scope,
    /// The share of dense layers that goes first.
    pub fraction: f64,
    /// The share of convolutions.
    pub convolutions: f64,
    /// Draws weights in this order instead of the least ones first.
    pub random: Option<u64>,
    /// Which tiles the second pruning takes.
    pub almost_zero: AlmostZero,
}

impl HePex {
    /// A scheme for tiles with a share of dense layers pruned, by magnitude and layer by layer; convolutions stay, and
    /// tiles with at most a sixteenth of their weights are almost zero.
    pub fn new(scheme: Scheme, tiles: TileShape, fraction: f64) -> Self {
        Self {
            scheme,
            tiles,
            scope: Scope::Local,
            fraction,
            convolutions: 0.0,
            random: None,
            almost_zero: AlmostZero::MaxDensity(1.0 / 16.0),
        }
    }

    /// The steps.
    pub fn steps(&self) -> Vec<Step> {
        let tiles = self.tiles;
        let prune = Step::change(Prune {
            criterion: match (self.scheme, self.random) {
                (Scheme::P2T(rank), _) => Criterion::Tiles(rank),
                (_, Some(seed)) => Criterion::Random { seed },
                (_, None) => Criterion::Weights,
            },
            scope: self.scope,
            fraction: self.fraction,
            convolutions: self.convolutions,
            tiles,
        });
        let permute = || Step::change(Permute { tiles });
        let expand = || Step::change(Expand { tiles });
        let which = self.almost_zero;
        let second = || Step::change(SecondPrune { which, tiles });
        let retrain = || Step::Retrain;
        let rest = match self.scheme {
            Scheme::P2 | Scheme::P2T(_) => vec![],
            Scheme::P3 => vec![permute()],
            Scheme::P3E => vec![permute(), expand(), retrain()],
            Scheme::P4 => vec![permute(), second(), retrain()],
            Scheme::P4E => vec![permute(), second(), expand(), retrain()],
        };
        [prune, retrain()].into_iter().chain(rest).collect()
    }

    /// Takes the steps, and says of each how many weights and tiles it left.
    ///
    /// # Errors
    /// [`PruneError`] if settings do not fit, as `E`, and what `retrain` returns.
    pub fn run<E: From<PruneError>>(
        &self,
        graph: Graph,
        retrain: &mut Retrain<'_, E>,
    ) -> Result<(Pruned, Vec<StepReport>), E> {
        let groups = |pruned: &Pruned| Ok(Tiles::new(&pruned.graph, self.tiles)?.empty(pruned));
        engine::run(graph, &self.steps(), &groups, retrain)
    }
}
