//! Tile tensors: a tensor cut into tiles of one shape, each tile one ciphertext.
//!
//! A tile's slots form an array `t1 × … × tk`, row-major, so that a rotation by `r` along dimension `i` is a slot
//! rotation by `r` times the product of the tile sizes after it.
//!
//! | written | meaning |
//! | --- | --- |
//! | `n/t` | `n` values in `ceil(n/t)` tiles of `t`; spare slots hold 0; a bare `n` means `t = 1` |
//! | `*/t` | one value in each of `t` slots |
//! | `n?/t` | as `n/t`, what spare slots hold is unknown |
//! | `n~/t` | with `e = ceil(n/t)`, value `i` is in tile `i mod e` at slot `i div e` |
//!
//! # Source
//! Aharoni et al., HElayers, PETS 2023, whose notation this follows.

mod ops;
mod text;

use serde::{Deserialize, Serialize};
use std::collections::VecDeque;

use crate::LayoutError;

pub use ops::{Elementwise, TileSum};

/// Most dimensions of a tile tensor.
const MAX_DIMS: usize = 8;

/// The shape of a tensor in tiles.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct TileTensor {
    /// The first dimension varies slowest.
    pub dims: Vec<TileDim>,
}

/// One dimension of a [`TileTensor`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct TileDim {
    /// Values along the dimension; 1 if it is replicated.
    pub size: u32,
    /// Slots of a tile along the dimension, a power of two.
    pub tile: u32,
    /// What lies in the slots.
    pub fill: Fill,
}

/// What lies in a tile's slots along one dimension.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Fill {
    /// One value in all slots.
    Replicated,
    /// A value per slot.
    Values {
        /// Neighbours lie in different tiles.
        interleaved: bool,
        /// What spare slots hold is unknown; otherwise 0.
        unknown: bool,
    },
}

impl TileDim {
    /// `size/tile`.
    pub fn values(size: u32, tile: u32) -> Self {
        Self::filled(size, tile, false, false)
    }

    /// `*/tile`.
    pub fn replicated(tile: u32) -> Self {
        Self {
            size: 1,
            tile,
            fill: Fill::Replicated,
        }
    }

    /// `size~/tile`.
    pub fn interleaved(size: u32, tile: u32) -> Self {
        Self::filled(size, tile, true, false)
    }

    /// `size?/tile`.
    pub fn unknown(size: u32, tile: u32) -> Self {
        Self::filled(size, tile, false, true)
    }

    fn filled(size: u32, tile: u32, interleaved: bool, unknown: bool) -> Self {
        Self {
            size,
            tile,
            fill: Fill::Values {
                interleaved,
                unknown,
            },
        }
    }

    /// Whether one value fills all slots.
    pub fn is_replicated(&self) -> bool {
        self.fill == Fill::Replicated
    }

    /// Whether neighbours lie in different tiles.
    pub fn is_interleaved(&self) -> bool {
        matches!(
            self.fill,
            Fill::Values {
                interleaved: true,
                ..
            }
        )
    }

    /// Whether spare slots hold what nobody knows.
    pub fn is_unknown(&self) -> bool {
        matches!(self.fill, Fill::Values { unknown: true, .. })
    }

    /// Tiles along the dimension.
    pub fn n_tiles(&self) -> u32 {
        self.size.div_ceil(self.tile.max(1))
    }

    /// Tile and slot of the value at `index`.
    pub fn place(&self, index: u32) -> (u32, u32) {
        match self.is_interleaved() {
            true => (index % self.n_tiles(), index / self.n_tiles()),
            false => (index / self.tile, index % self.tile),
        }
    }

    /// Slots of a tile that may hold a value, from the first on.
    pub(crate) fn used(&self) -> u32 {
        match self.is_interleaved() {
            true => self.size.div_ceil(self.n_tiles().max(1)),
            false => self.size.min(self.tile),
        }
    }
}

impl TileTensor {
    /// A shape of these dimensions.
    pub fn new(dims: impl Into<Vec<TileDim>>) -> Self {
        Self { dims: dims.into() }
    }

    /// Slots of a tile.
    pub fn n_slots(&self) -> u64 {
        let slots = |n: u64, dim: &TileDim| n.saturating_mul(dim.tile.into());
        self.dims.iter().fold(1, slots)
    }

    /// Tiles, hence ciphertexts.
    pub fn n_tiles(&self) -> u64 {
        let tiles = |n: u64, dim: &TileDim| n.saturating_mul(dim.n_tiles().into());
        self.dims.iter().fold(1, tiles)
    }

    /// Values, counting replicated ones once.
    pub fn n_values(&self) -> u64 {
        let values = |n: u64, dim: &TileDim| n.saturating_mul(dim.size.into());
        self.dims.iter().fold(1, values)
    }

    /// Slots from one index of a dimension to the next.
    ///
    /// # Panics
    /// If there is no such dimension.
    pub fn stride(&self, dim: usize) -> u32 {
        self.dims[dim + 1..].iter().map(|dim| dim.tile).product()
    }

    /// Whether some slots hold what nobody knows.
    pub fn is_dirty(&self) -> bool {
        self.dims.iter().any(TileDim::is_unknown)
    }

    /// Whether everything `other` says of its slots holds of these: values lie alike, and what it knows is known here.
    pub(crate) fn serves(&self, other: &Self) -> bool {
        let serves = |(dim, other): (&TileDim, &TileDim)| {
            let is_alike = dim.size == other.size && dim.is_interleaved() == other.is_interleaved();
            let is_known = match (dim.is_replicated(), other.is_replicated()) {
                (true, true) => true,
                (true, false) => other.is_unknown() || dim.tile == 1,
                (false, true) => dim.tile == 1,
                (false, false) => is_alike && (other.is_unknown() || !dim.is_unknown()),
            };
            dim.tile == other.tile && dim.size == other.size && is_known
        };
        self.dims.len() == other.dims.len() && self.dims.iter().zip(&other.dims).all(serves)
    }

    /// The same slots as dimensions of other sizes: neighbours that hold one value are merged, others cut. Where a cut does
    /// not come out even, the spare slots of the last row count as values; they hold the same as before.
    pub(crate) fn regrouped(&self, sizes: &[u32]) -> Option<Self> {
        let is_something = |dim: &TileDim| dim.size > 1 || dim.tile > 1;
        let mut left: VecDeque<TileDim> = self.dims.iter().copied().filter(is_something).collect();
        let mut dims = Vec::with_capacity(sizes.len());
        for &tile in sizes {
            let fits = |dim: &TileDim| tile > 1 || dim.tile == 1;
            let mut dim = match left.pop_front_if(|dim| fits(dim)) {
                Some(dim) => dim,
                None => TileDim::replicated(1),
            };
            while dim.tile < tile {
                let next = left.pop_front()?;
                let is_alike = dim.fill == next.fill && dim.size == 1 && next.size == 1;
                dim.tile = is_alike.then(|| dim.tile.saturating_mul(next.tile))?;
            }
            if dim.tile > tile && !dim.is_interleaved() {
                let inner = dim.tile / tile;
                let size = dim.size.div_ceil(inner);
                left.push_front(TileDim {
                    size: dim.size.min(inner),
                    tile: inner,
                    ..dim
                });
                dim = TileDim { size, tile, ..dim };
            }
            dims.push((dim.tile == tile).then_some(dim)?);
        }
        left.is_empty().then_some(Self::new(dims))
    }

    /// Slots after which values repeat: those of the dimensions behind the leading replicated ones.
    pub fn period(&self) -> u32 {
        let repeats = |dim: &&TileDim| dim.is_replicated() || dim.tile == 1;
        let leading = self.dims.iter().take_while(repeats).count();
        self.dims[leading..].iter().map(|dim| dim.tile).product()
    }

    /// Tile and slot of the value at these indices, one per dimension, that of a replicated one being 0.
    ///
    /// # Panics
    /// If there are not as many indices as dimensions.
    pub fn place(&self, indices: &[u32]) -> (u32, u32) {
        assert_eq!(indices.len(), self.dims.len(), "one index per dimension");
        let step = |(tile, slot): (u32, u32), (dim, &index): (&TileDim, &u32)| {
            let (outer, inner) = dim.place(index);
            (tile * dim.n_tiles() + outer, slot * dim.tile + inner)
        };
        self.dims.iter().zip(indices).fold((0, 0), step)
    }

    /// Slots from a value's first place to each of its replicas within one period, 0 first.
    pub fn replicas(&self) -> Vec<u32> {
        let period = self.period();
        let mut offsets = vec![0];
        for (i, dim) in self.dims.iter().enumerate() {
            let stride = self.stride(i);
            if dim.is_replicated() && stride < period {
                let along = (0..dim.tile).map(|copy| copy * stride);
                let all = along.flat_map(|to| offsets.iter().map(move |from| from + to));
                offsets = all.collect();
            }
        }
        offsets.sort_unstable();
        offsets
    }

    /// Checks that sizes are powers of two where they must be, and that all values have a place.
    ///
    /// # Errors
    /// [`LayoutError::NotPowerOfTwo`], [`LayoutError::BadTiles`].
    pub fn check(&self) -> Result<(), LayoutError> {
        for dim in &self.dims {
            if !dim.tile.is_power_of_two() {
                return Err(LayoutError::NotPowerOfTwo {
                    what: "a tile size",
                    found: dim.tile,
                });
            }
            if dim.size == 0 || (dim.is_replicated() && dim.size != 1) {
                return Err(self.bad("every dimension has a value, a replicated one exactly one"));
            }
        }
        let positions = self.n_tiles().saturating_mul(self.n_slots());
        if self.dims.is_empty() || self.dims.len() > MAX_DIMS || positions > u32::MAX.into() {
            return Err(self.bad("1 to 8 dimensions and fewer than 2^32 slots in all"));
        }
        Ok(())
    }

    pub(crate) fn bad(&self, expected: &'static str) -> LayoutError {
        LayoutError::BadTiles {
            expected,
            found: self.to_string(),
        }
    }
}
