//! The tiles of a network's weights.

use crate::PruneError;
use crate::engine::{Dropped, Pruned};
use privet::extend::graph::Op;
use privet::extend::{Graph, NodeId};
use privet::passes::co_permute_layers::masks::Masks;
use privet::passes::util::axes::{Axes, slice};
use std::collections::BTreeMap;
use train::{ParameterId, WeightMask};

/// Units per tile, for classes of units an even and an odd number of layers behind the input.
pub type TileShape = [usize; 2];

/// # Errors
/// [`PruneError::Setting`] if a tile holds nothing.
pub(super) fn check_shape(shape: TileShape) -> Result<(), PruneError> {
    if shape.iter().all(|&units| units > 0) {
        return Ok(());
    }
    Err(PruneError::Setting {
        what: "the tile shape",
        found: format!("{}x{}", shape[0], shape[1]),
        expected: "two sizes of at least 1",
    })
}

/// The tiles of one weight.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LayerTiles {
    /// The weight.
    pub parameter: ParameterId,
    /// Whether a convolution's.
    pub is_convolution: bool,
    /// How many.
    pub n_tiles: usize,
    /// The tile of each element, row-major.
    pub tile_of: Vec<u32>,
}

impl LayerTiles {
    /// Element indices of each tile.
    pub fn members(&self) -> Vec<Vec<u32>> {
        let mut members = vec![Vec::new(); self.n_tiles];
        for (element, &tile) in self.tile_of.iter().enumerate() {
            members[tile as usize].push(element as u32);
        }
        members
    }

    /// Weights kept in each tile.
    pub fn kept(&self, mask: &WeightMask) -> Vec<u32> {
        let mut kept = vec![0; self.n_tiles];
        for (&tile, &is_kept) in self.tile_of.iter().zip(&mask.kept) {
            kept[tile as usize] += u32::from(is_kept);
        }
        kept
    }

    /// The mask that keeps all of some tiles.
    pub fn mask(&self, keep: impl Fn(usize) -> bool) -> WeightMask {
        WeightMask {
            kept: self.tile_of.iter().map(|&t| keep(t as usize)).collect(),
        }
    }
}

/// The tiles of all convolutions and dense layers.
///
/// A dense layer's are `t_out x t_in` units, a convolution's `t_F x t_C` channels for each tap. Behind a flattened image
/// a unit is a channel, and a dense layer has tiles for each pixel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tiles {
    /// By layer, in the graph's order.
    pub layers: Vec<LayerTiles>,
}

impl Tiles {
    /// The tiles of a network.
    ///
    /// # Errors
    /// [`PruneError`] if a tile would hold nothing, or there is nothing to cut.
    pub fn new(graph: &Graph, shape: TileShape) -> Result<Self, PruneError> {
        check_shape(shape)?;
        let axes = Axes::new(graph);
        let masks = Masks::new(graph, &axes);
        let sizes = masks.classes.iter().zip(&masks.phases);
        let sizes: BTreeMap<usize, usize> = sizes.map(|(&c, &phase)| (c, shape[phase])).collect();
        let cut = Cut { graph, axes, sizes };
        let layers: Vec<LayerTiles> = graph
            .order()
            .into_iter()
            .filter_map(|id| cut.layer(id))
            .collect();
        if layers.is_empty() {
            let network = graph.name.clone();
            return Err(PruneError::NoWeights { network });
        }
        Ok(Self { layers })
    }

    /// How many.
    pub fn n_tiles(&self) -> usize {
        self.layers.iter().map(|layer| layer.n_tiles).sum()
    }

    /// Tiles that keep no weight.
    pub fn empty(&self, pruned: &Pruned) -> Dropped {
        let of = |layer: &LayerTiles| {
            let mask = pruned.mask(&layer.parameter, layer.tile_of.len());
            Dropped {
                dropped: layer.kept(&mask).iter().filter(|n| **n == 0).count(),
                total: layer.n_tiles,
            }
        };
        self.layers.iter().map(of).sum()
    }
}

/// Where a position on an axis of a weight belongs: its group of units, and its place inside its unit.
type Place = (usize, usize);

struct Cut<'a> {
    graph: &'a Graph,
    axes: Axes,
    /// Units per tile by class.
    sizes: BTreeMap<usize, usize>,
}

impl Cut<'_> {
    /// The places of a tensor's positions, each of `slice` elements. Groups never reach into the next class.
    fn places(&self, id: NodeId, slice: usize) -> Vec<Place> {
        let (mut places, mut first) = (Vec::new(), 0);
        for segment in self.axes.segments(id) {
            let size = self.axes.size(segment.class);
            let tile = self.sizes.get(&segment.class).copied().unwrap_or(1);
            for position in 0..size * segment.block / slice {
                let element = position * slice;
                let group = first + element / segment.block / tile;
                places.push((group, element % segment.block / slice));
            }
            first += size.div_ceil(tile);
        }
        places
    }

    fn layer(&self, id: NodeId) -> Option<LayerTiles> {
        let operand = self.graph.operands(id).first().copied()?;
        let node = self.graph.node(id);
        let (tile_of, is_convolution) = match &node.op {
            Op::Dense { .. } => {
                let (rows, cols) = (self.places(id, 1), self.places(operand, 1));
                let keys = rows
                    .iter()
                    .flat_map(|&row| cols.iter().map(move |&col| (row, col, 0)));
                (numbered(keys), false)
            }
            Op::Conv { geometry, .. } => {
                let rows = self.places(id, slice(&node.shape));
                let cols = self.places(operand, slice(self.graph.shape(operand)));
                let taps = (geometry.kernel.0 * geometry.kernel.1) as usize;
                let groups = geometry.groups as usize;
                let (outputs, inputs) = (rows.len() / groups, cols.len() / groups);
                let read = |row: usize| &cols[row / outputs * inputs..][..inputs];
                let keys = rows.iter().enumerate().flat_map(|(k, &row)| {
                    let channels = read(k).iter();
                    channels.flat_map(move |&col| (0..taps).map(move |tap| (row, col, tap)))
                });
                (numbered(keys), true)
            }
            _ => return None,
        };
        Some(LayerTiles {
            parameter: ParameterId::weight(&node.name),
            is_convolution,
            n_tiles: tile_of.iter().max().map_or(0, |last| *last as usize + 1),
            tile_of,
        })
    }
}

/// Numbers keys by their first appearance.
fn numbered(keys: impl Iterator<Item = (Place, Place, usize)>) -> Vec<u32> {
    let mut known = BTreeMap::new();
    keys.map(|key| {
        let next = known.len() as u32;
        *known.entry(key).or_insert(next)
    })
    .collect()
}
