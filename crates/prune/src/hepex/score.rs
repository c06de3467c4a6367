//! What is pruned first.

use super::tiles::{LayerTiles, TileShape, Tiles};
use crate::PruneError;
use crate::engine::{Change, Pruned};
use crate::error::check_share;
use rand_chacha::ChaCha8Rng;
use rand_core::{Rng, SeedableRng};
use train::{WeightMask, WeightMasks};

/// What makes a tile important: of the magnitudes of its weights the least, the greatest or the mean.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rank {
    /// The least.
    Min,
    /// The greatest.
    Max,
    /// The mean.
    Mean,
}

/// What goes first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Criterion {
    /// Single weights by magnitude, the least first.
    Weights,
    /// Single weights in random order.
    Random {
        /// The order.
        seed: u64,
    },
    /// Whole tiles, the least important first.
    Tiles(Rank),
}

/// Among which weights a share is pruned.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Scope {
    /// Each layer loses the share.
    #[default]
    Local,
    /// All layers together lose it.
    Global,
}

/// Prunes a share of the weights, or of the tiles. Biases stay.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Prune {
    /// What goes first.
    pub criterion: Criterion,
    /// Among which.
    pub scope: Scope,
    /// The share that dense layers lose.
    pub fraction: f64,
    /// The share that convolutions lose; with a global scope they are ranked among themselves.
    pub convolutions: f64,
    /// The tiles.
    pub tiles: TileShape,
}

impl Change for Prune {
    fn name(&self) -> String {
        match self.criterion {
            Criterion::Weights | Criterion::Random { .. } => "prune weights".to_owned(),
            Criterion::Tiles(_) => "prune tiles".to_owned(),
        }
    }

    fn apply(&self, pruned: Pruned) -> Result<Pruned, PruneError> {
        check_share("the share of weights to prune", self.fraction)?;
        check_share("the share of convolutions to prune", self.convolutions)?;
        let tiles = Tiles::new(&pruned.graph, self.tiles)?;
        let mut masks = WeightMasks::new();
        for (is_convolution, share) in [(false, self.fraction), (true, self.convolutions)] {
            let of_kind = |layer: &&LayerTiles| layer.is_convolution == is_convolution;
            let layers: Vec<&LayerTiles> = tiles.layers.iter().filter(of_kind).collect();
            if share > 0.0 {
                masks.extend(self.masks(&layers, &pruned, share));
            }
        }
        pruned.with_masks(masks)
    }
}

impl Prune {
    fn masks(&self, layers: &[&LayerTiles], pruned: &Pruned, share: f64) -> WeightMasks {
        let scores = self.scores(layers, pruned);
        let kept = lowest_dropped(&scores, self.scope, share);
        let mask = |(layer, kept): (&&LayerTiles, Vec<bool>)| {
            let before = pruned.mask(&layer.parameter, layer.tile_of.len());
            let now = match self.criterion {
                Criterion::Tiles(_) => layer.mask(|tile| kept[tile]),
                _ => WeightMask { kept },
            };
            let both = now.kept.iter().zip(&before.kept).map(|(a, b)| *a && *b);
            let kept = both.collect();
            (layer.parameter.clone(), WeightMask { kept })
        };
        layers.iter().zip(kept).map(mask).collect()
    }

    /// Scores of each layer's weights or tiles.
    fn scores(&self, layers: &[&LayerTiles], pruned: &Pruned) -> Vec<Vec<f64>> {
        let weights = pruned.weights();
        let magnitudes = |layer: &&LayerTiles| -> Vec<f64> {
            let found = weights.iter().find(|(id, _)| *id == layer.parameter);
            found.map_or_else(Vec::new, |(_, w)| w.iter().map(|v| v.abs()).collect())
        };
        let all = layers.iter().map(magnitudes);
        match self.criterion {
            Criterion::Weights => all.collect(),
            Criterion::Random { seed } => {
                let mut rng = ChaCha8Rng::seed_from_u64(seed);
                // What was pruned before stays first.
                let mut drawn = |magnitude: f64| match magnitude {
                    0.0 => 0.0,
                    _ => 1.0 + f64::from(rng.next_u32()),
                };
                all.map(|w| w.into_iter().map(&mut drawn).collect())
                    .collect()
            }
            Criterion::Tiles(rank) => all
                .zip(layers)
                .map(|(w, layer)| ranked(rank, layer, &w))
                .collect(),
        }
    }
}

fn ranked(rank: Rank, layer: &LayerTiles, magnitudes: &[f64]) -> Vec<f64> {
    let of = |members: &Vec<u32>| {
        let values = members.iter().map(|&k| magnitudes[k as usize]);
        match rank {
            Rank::Min => values.fold(f64::INFINITY, f64::min),
            Rank::Max => values.fold(0.0, f64::max),
            Rank::Mean => values.sum::<f64>() / members.len() as f64,
        }
    };
    layer.members().iter().map(of).collect()
}

/// Whether each scored thing is kept when the share with the lowest scores goes. Ties go by layer and index.
pub(super) fn lowest_dropped(scores: &[Vec<f64>], scope: Scope, share: f64) -> Vec<Vec<bool>> {
    let mut kept: Vec<Vec<bool>> = scores.iter().map(|s| vec![true; s.len()]).collect();
    let places = |layer: usize| (0..scores[layer].len()).map(move |k| (layer, k));
    let mut drop = |mut all: Vec<(usize, usize)>| {
        all.sort_by(|&(a, i), &(b, j)| scores[a][i].total_cmp(&scores[b][j]));
        let n = (share * all.len() as f64).round() as usize;
        all[..n].iter().for_each(|&(l, k)| kept[l][k] = false);
    };
    match scope {
        Scope::Local => (0..scores.len()).for_each(|layer| drop(places(layer).collect())),
        Scope::Global => drop((0..scores.len()).flat_map(places).collect()),
    }
    kept
}
