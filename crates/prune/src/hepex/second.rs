//! Tiles that hold almost nothing.

use super::score::{Scope, lowest_dropped};
use super::tiles::{LayerTiles, TileShape, Tiles};
use crate::PruneError;
use crate::engine::{Change, Pruned};
use crate::error::check_share;
use train::WeightMasks;

/// Which tiles hold almost nothing.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum AlmostZero {
    /// Those with at most this share of their weights left.
    MaxDensity(f64),
    /// This share of the tiles that still hold weights, the emptiest first.
    Fraction {
        /// The share.
        fraction: f64,
        /// Among which.
        scope: Scope,
    },
}

/// Prunes tiles that hold almost nothing.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SecondPrune {
    /// Which these are.
    pub which: AlmostZero,
    /// The tiles.
    pub tiles: TileShape,
}

impl Change for SecondPrune {
    fn name(&self) -> String {
        "prune almost-zero tiles".to_owned()
    }

    fn apply(&self, pruned: Pruned) -> Result<Pruned, PruneError> {
        let share = match self.which {
            AlmostZero::MaxDensity(share) => share,
            AlmostZero::Fraction { fraction, .. } => fraction,
        };
        check_share("the bound of almost-zero tiles", share)?;
        let tiles = Tiles::new(&pruned.graph, self.tiles)?;
        let is_masked = |layer: &&LayerTiles| pruned.masks.contains_key(&layer.parameter);
        let layers: Vec<&LayerTiles> = tiles.layers.iter().filter(is_masked).collect();
        let densities: Vec<Vec<f64>> = layers.iter().map(|l| densities(l, &pruned)).collect();
        let keeps = match self.which {
            AlmostZero::MaxDensity(most) => {
                let dense = |d: &Vec<f64>| d.iter().map(|&d| d > most).collect();
                densities.iter().map(dense).collect()
            }
            AlmostZero::Fraction { fraction, scope } => emptiest(&densities, scope, fraction),
        };
        let mut masks = WeightMasks::new();
        for (layer, keep) in layers.into_iter().zip(keeps) {
            let mut mask = pruned.mask(&layer.parameter, layer.tile_of.len());
            let tiles = mask.kept.iter_mut().zip(&layer.tile_of);
            tiles.for_each(|(kept, &tile)| *kept &= keep[tile as usize]);
            masks.insert(layer.parameter.clone(), mask);
        }
        pruned.with_masks(masks)
    }
}

/// The share of its weights that each tile keeps.
fn densities(layer: &LayerTiles, pruned: &Pruned) -> Vec<f64> {
    let mask = pruned.mask(&layer.parameter, layer.tile_of.len());
    let kept = layer.kept(&mask).into_iter();
    kept.zip(layer.members())
        .map(|(n, members)| f64::from(n) / members.len() as f64)
        .collect()
}

/// Whether each tile is kept when a share of those that hold weights goes.
fn emptiest(densities: &[Vec<f64>], scope: Scope, share: f64) -> Vec<Vec<bool>> {
    let held = |d: &Vec<f64>| -> Vec<usize> { (0..d.len()).filter(|&t| d[t] > 0.0).collect() };
    let places: Vec<Vec<usize>> = densities.iter().map(held).collect();
    let pick = |(d, p): (&Vec<f64>, &Vec<usize>)| p.iter().map(|&tile| d[tile]).collect();
    let scores: Vec<Vec<f64>> = densities.iter().zip(&places).map(pick).collect();
    let kept = lowest_dropped(&scores, scope, share);
    let mut keep: Vec<Vec<bool>> = densities.iter().map(|d| vec![true; d.len()]).collect();
    for ((keep, places), kept) in keep.iter_mut().zip(places).zip(kept) {
        let pairs = places.into_iter().zip(kept);
        pairs.for_each(|(tile, kept)| keep[tile] = kept);
    }
    keep
}
