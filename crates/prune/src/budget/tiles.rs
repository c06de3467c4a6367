//! What tiles pay for: a product each, and a sum for every row of them.

use super::diagonals::{Importance, relative, removed};
use super::{Cost, Planner, Way, masked};
use crate::Error;
use crate::aligned::{Pricer, unit_options};
use crate::hepex::{TileShape, Tiles, moved, orders};
use privet::extend::Graph;
use privet::prelude::{Model, Options};
use train::{WeightMask, WeightMasks, parameters, set_parameter};

/// Plans as the compiler does for tiles of a given shape.
pub struct TilePlanner {
    pricer: Pricer,
    tiles: TileShape,
}

impl TilePlanner {
    /// A planner for tiles whose sizes along layers an even and an odd number behind the input are `tiles`; the options
    /// have to ask for the same packing.
    ///
    /// # Errors
    /// As [`Pricer::new`].
    pub fn new(model: &Model, options: &Options, tiles: TileShape) -> Result<Self, Error> {
        Ok(Self {
            pricer: Pricer::new(model, options)?,
            tiles,
        })
    }

    /// The network in an order of units that gathers what matters least, without the tiles that matter least.
    fn without_tiles(
        &self,
        graph: &Graph,
        importance: &Importance,
        share: f64,
    ) -> Result<Way, Error> {
        let thin = masked(graph, &least(graph, importance, 1.0 - share))?;
        let mut valued = graph.clone();
        for (id, values) in importance {
            set_parameter(&mut valued, id, values.clone());
        }
        let mut graph = graph.clone();
        if let Some(orders) = orders(&thin, self.tiles)? {
            graph = moved(&graph, &orders)?;
            valued = moved(&valued, &orders)?;
        }
        let masks = surviving(&graph, &valued, self.tiles, share)?;
        Ok(Way {
            name: "tiles".to_owned(),
            graph: masked(&graph, &masks)?,
            masks,
        })
    }
}

impl Planner for TilePlanner {
    fn cost(&self, graph: &Graph, masks: &WeightMasks) -> Result<Cost, Error> {
        let priced = self.pricer.price_in_place(&masked(graph, masks)?)?;
        Ok(Cost {
            us: priced.us,
            rotations: priced.rotations,
        })
    }

    fn ways(
        &self,
        graph: &Graph,
        masks: &WeightMasks,
        importance: &Importance,
        target_us: f64,
    ) -> Result<Vec<Way>, Error> {
        let now = self.cost(graph, masks)?.us;
        let units = relative(unit_options(&self.pricer, graph, importance)?);
        Ok(vec![
            self.without_tiles(graph, importance, target_us / now)?,
            removed("units", graph, importance, &units, target_us - now)?.0,
        ])
    }
}

/// Masks that drop the share of all weights which matter least; weights that are zero matter least of all.
fn least(graph: &Graph, importance: &Importance, share: f64) -> WeightMasks {
    let weights = parameters(graph).into_iter();
    let weights: Vec<_> = weights.filter(|(id, _)| id.word == "weight").collect();
    let value = |id, k: usize| importance.get(id).map_or(0.0, |all: &Vec<f64>| all[k]);
    let mut all: Vec<(f64, usize, usize)> = Vec::new();
    for (at, (id, tensor)) in weights.iter().enumerate() {
        all.extend((0..tensor.len()).map(|k| (value(id, k), at, k)));
    }
    let n = (all.len() as f64 * share) as usize;
    all.sort_by(|a, b| a.0.total_cmp(&b.0).then((a.1, a.2).cmp(&(b.1, b.2))));
    let full = weights
        .iter()
        .map(|(_, tensor)| WeightMask::full(tensor.len()));
    let mut masks: Vec<WeightMask> = full.collect();
    all[..n]
        .iter()
        .for_each(|&(_, at, k)| masks[at].kept[k] = false);
    weights.into_iter().map(|(id, _)| id).zip(masks).collect()
}

/// Masks that keep whole tiles: so large a share of those that hold weights, the most important first.
fn surviving(
    graph: &Graph,
    valued: &Graph,
    shape: TileShape,
    share: f64,
) -> Result<WeightMasks, Error> {
    let tiles = Tiles::new(graph, shape)?;
    let values = parameters(valued);
    let mut all: Vec<(f64, usize, u32)> = Vec::new();
    for (at, layer) in tiles.layers.iter().enumerate() {
        let found = values.iter().find(|(id, _)| *id == layer.parameter);
        let Some((_, tensor)) = found else { continue };
        let mut sums = vec![0.0; layer.n_tiles];
        let pairs = layer.tile_of.iter().zip(tensor.values());
        pairs.for_each(|(&tile, v)| sums[tile as usize] += v);
        let held = sums.into_iter().zip(0..).filter(|(sum, _)| *sum > 0.0);
        all.extend(held.map(|(sum, tile)| (sum, at, tile)));
    }
    all.sort_by(|a, b| b.0.total_cmp(&a.0).then((a.1, a.2).cmp(&(b.1, b.2))));
    all.truncate((all.len() as f64 * share).ceil() as usize);
    let masks = tiles.layers.iter().enumerate().map(|(at, layer)| {
        let mut keeps = vec![false; layer.n_tiles];
        let own = all.iter().filter(|(_, layer, _)| *layer == at);
        own.for_each(|(.., tile)| keeps[*tile as usize] = true);
        let kept = layer.tile_of.iter().map(|&tile| keeps[tile as usize]);
        let kept = kept.collect();
        (layer.parameter.clone(), WeightMask { kept })
    });
    Ok(masks.collect())
}
