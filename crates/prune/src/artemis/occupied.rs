//! Which plaintexts of a layer hold a weight, and what rotations that leaves.

use super::packing::{ChannelPacking, ChannelTooLarge, Rotations};
use privet::extend::Graph;
use privet::extend::graph::Op;
use train::{ParameterId, WeightMasks};

/// The plaintexts of a layer that are not zero.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Occupied {
    packing: ChannelPacking,
    /// By output block, input block, diagonal and tap.
    cells: Vec<bool>,
}

impl Occupied {
    /// Looks at a weight: whether each of its elements is kept, row-major.
    ///
    /// # Panics
    /// If there are not as many as [`ChannelPacking::len`].
    pub fn new(packing: ChannelPacking, kept: impl IntoIterator<Item = bool>) -> Self {
        let n_cells = packing.blocks_in() * packing.blocks_out() * packing.channels * packing.taps;
        let mut occupied = Self {
            packing,
            cells: vec![false; n_cells],
        };
        let mut n = 0;
        for kept in kept {
            if kept {
                let place = packing.place(n);
                let at = (place.block_out, place.block_in, place.diagonal, place.tap);
                let at = occupied.index(at);
                occupied.cells[at] = true;
            }
            n += 1;
        }
        assert_eq!(n, packing.len(), "a mask of another weight");
        occupied
    }

    fn index(&self, (i, j, k, tap): (usize, usize, usize, usize)) -> usize {
        let p = &self.packing;
        ((i * p.blocks_in() + j) * p.channels + k) * p.taps + tap
    }

    /// Distinct keys of the plaintexts that are there, without those that need no rotation.
    fn count(
        &self,
        n_keys: usize,
        key: impl Fn(usize, usize, usize, usize) -> Option<usize>,
    ) -> usize {
        let p = &self.packing;
        let mut seen = vec![false; n_keys];
        let mut cells = self.cells.iter();
        for i in 0..p.blocks_out() {
            for j in 0..p.blocks_in() {
                for k in 0..p.channels {
                    for tap in 0..p.taps {
                        let alive = cells.next().is_some_and(|c| *c);
                        if let Some(key) = key(i, j, k, tap).filter(|_| alive) {
                            seen[key] = true;
                        }
                    }
                }
            }
        }
        seen.into_iter().filter(|s| *s).count()
    }

    /// Input rotations: a tap of an input block counts while any weight reads it there.
    pub fn positional(&self) -> usize {
        let (taps, center) = (self.packing.taps, self.packing.center);
        self.count(self.packing.blocks_in() * taps, |_, j, _, tap| {
            (tap != center).then_some(j * taps + tap)
        })
    }

    /// Diagonals of blocks that hold a weight at any tap, diagonal 0 apart.
    pub fn per_block(&self) -> usize {
        let (n_in, n) = (self.packing.blocks_in(), self.packing.channels);
        self.count(self.packing.blocks_out() * n_in * n, |i, j, k, _| {
            (k > 0).then_some((i * n_in + j) * n + k)
        })
    }

    /// Diagonals of rows of blocks that hold a weight in any of them, diagonal 0 apart.
    pub fn combined(&self) -> usize {
        let n = self.packing.channels;
        self.count(self.packing.blocks_out() * n, |i, _, k, _| {
            (k > 0).then_some(i * n + k)
        })
    }

    /// Babies: an input block at a tap, rotated by a diagonal modulo `baby`; it goes when all its diagonals vanish in all
    /// output blocks.
    pub fn babies(&self, baby: usize) -> usize {
        let (taps, center) = (self.packing.taps, self.packing.center);
        self.count(self.packing.blocks_in() * taps * baby, |_, j, k, tap| {
            let b = k % baby;
            (tap != center || b > 0).then_some((j * taps + tap) * baby + b)
        })
    }

    /// Giants: an output block's diagonals of one quotient by `baby`; it goes when they all vanish in all input blocks.
    pub fn giants(&self, baby: usize) -> usize {
        let n_giants = self.packing.channels.div_ceil(baby);
        self.count(self.packing.blocks_out() * n_giants, |i, _, k, _| {
            (k >= baby).then_some(i * n_giants + k / baby)
        })
    }

    /// Rotations with so many babies.
    pub fn bsgs(&self, baby: usize) -> usize {
        self.babies(baby) + self.giants(baby)
    }

    /// The number of babies with the fewest rotations, the least of equals.
    pub fn best_split(&self) -> usize {
        let splits = self.packing.splits();
        splits.min_by_key(|&baby| self.bsgs(baby)).unwrap_or(1)
    }

    /// All counts, babies and giants at their best.
    pub fn rotations(&self) -> Rotations {
        Rotations {
            positional: self.positional(),
            per_block: self.per_block(),
            combined: self.combined(),
            bsgs: self.bsgs(self.best_split()),
            products: self.cells.iter().filter(|c| **c).count(),
        }
    }
}

/// Rotations of all convolutions of a network by these rules, weights that are zero or that the masks drop left out.
///
/// # Errors
/// [`ChannelTooLarge`] if a channel takes more than `n_slots`.
pub fn network_rotations(
    graph: &Graph,
    masks: &WeightMasks,
    n_slots: usize,
) -> Result<Rotations, ChannelTooLarge> {
    let mut total = Rotations::default();
    for id in graph.order() {
        let node = graph.node(id);
        let Op::Conv { weight, .. } = &node.op else {
            continue;
        };
        let Some(packing) = ChannelPacking::of(graph, id, n_slots)? else {
            continue;
        };
        let mask = masks.get(&ParameterId::weight(&node.name));
        let weights = weight.values().iter().enumerate();
        let kept = weights.map(|(k, w)| *w != 0.0 && mask.is_none_or(|m| m.kept[k]));
        total = total.plus(Occupied::new(packing, kept).rotations());
    }
    Ok(total)
}
