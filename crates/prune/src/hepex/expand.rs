//! Weights that cost nothing come back.

use super::tiles::{TileShape, Tiles};
use crate::PruneError;
use crate::engine::{Change, Pruned};
use train::WeightMasks;

/// Expansion: a tile that keeps a weight keeps all of its weights, an empty one stays empty. Weights that come back are
/// zero until they are trained. The tiles in use stay the same, and with them all counts of operations.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Expand {
    /// The tiles.
    pub tiles: TileShape,
}

impl Change for Expand {
    fn name(&self) -> String {
        "expand".to_owned()
    }

    fn apply(&self, pruned: Pruned) -> Result<Pruned, PruneError> {
        let tiles = Tiles::new(&pruned.graph, self.tiles)?;
        let mut masks = WeightMasks::new();
        for layer in &tiles.layers {
            if let Some(mask) = pruned.masks.get(&layer.parameter) {
                let kept = layer.kept(mask);
                masks.insert(layer.parameter.clone(), layer.mask(|tile| kept[tile] > 0));
            }
        }
        pruned.with_masks(masks)
    }
}
