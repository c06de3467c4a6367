//! What operations on tile tensors give and cost.
//!
//! A slot is *spare* along a dimension if no value of the tensor lies there. It is unknown if it is spare along a
//! dimension marked `?`; any other spare slot holds 0.

use super::{Fill, TileDim, TileTensor};
use crate::LayoutError;

/// An operation of two tensors, value by value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Elementwise {
    /// Sums.
    Add,
    /// Products.
    Mul,
}

/// A tensor of sums along one dimension, and how each of its tiles is made once tiles along the dimension are added.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TileSum {
    /// The sums.
    pub tensor: TileTensor,
    /// Rotate-and-add amounts, in order.
    pub amounts: Vec<u32>,
}

impl TileTensor {
    /// The shape of an elementwise operation. Dimension by dimension, sizes agree or one side is replicated.
    ///
    /// # Errors
    /// [`LayoutError::BadTiles`] if the tensors do not combine.
    pub fn elementwise(&self, other: &Self, op: Elementwise) -> Result<Self, LayoutError> {
        if self.dims.len() != other.dims.len() {
            return Err(other.bad("as many dimensions as the other operand has"));
        }
        let marks = |tensor: &Self| {
            let shared = |(a, b): (&TileDim, &TileDim)| !a.is_replicated() && !b.is_replicated();
            let pairs = tensor.dims.iter().zip(&self.dims).zip(&other.dims);
            pairs
                .filter(|&((dim, a), b)| dim.is_unknown() && shared((a, b)))
                .count()
        };
        // Of a product's spare slots those are unknown that both operands leave unknown; the marks of the operand with
        // fewer of them say no less.
        let fewer = if marks(self) <= marks(other) {
            self
        } else {
            other
        };
        let one = |i: usize| {
            let (a, b) = (self.dims[i], other.dims[i]);
            if a.tile != b.tile {
                return Err(other.bad("the tile sizes of the other operand"));
            }
            let mark = |dim: TileDim, unknown: bool| match dim.fill {
                Fill::Replicated => dim,
                Fill::Values { interleaved, .. } => TileDim {
                    fill: Fill::Values {
                        interleaved,
                        unknown,
                    },
                    ..dim
                },
            };
            match (a.is_replicated(), b.is_replicated()) {
                (true, true) => Ok(a),
                (false, false) if (a.size, a.is_interleaved()) != (b.size, b.is_interleaved()) => {
                    Err(other.bad("the sizes of the other operand, or replicated"))
                }
                (false, false) => Ok(mark(
                    a,
                    match op {
                        Elementwise::Add => a.is_unknown() || b.is_unknown(),
                        Elementwise::Mul => fewer.dims[i].is_unknown(),
                    },
                )),
                (a_fills, _) => {
                    let dim = if a_fills { b } else { a };
                    let has_spare = dim.size < dim.n_tiles() * dim.tile;
                    let filled = op == Elementwise::Add && has_spare;
                    Ok(mark(dim, dim.is_unknown() || filled))
                }
            }
        };
        Ok(Self::new(
            (0..self.dims.len())
                .map(one)
                .collect::<Result<Vec<_>, _>>()?,
        ))
    }

    /// Sums along a dimension: tiles along it are added, then slots inside each remaining tile by rotate-and-add.
    ///
    /// If every dimension before it is replicated, rotations are cyclic and the sum lands in every slot. Otherwise
    /// neighbours spill in: the sum is in the first slot, the others are unknown.
    ///
    /// # Errors
    /// [`LayoutError::BadTiles`] if the dimension is replicated or its spare slots are unknown.
    pub fn sum(&self, dim: usize) -> Result<TileSum, LayoutError> {
        let TileDim { tile, .. } = self.dims[dim];
        if self.dims[dim].is_replicated() || self.dims[dim].is_unknown() {
            return Err(self.bad("values and zeros along the dimension that is summed"));
        }
        let fills = |dim: &TileDim| dim.is_replicated() || dim.tile == 1;
        let is_cyclic = self.dims[..dim].iter().all(fills);
        let used = match is_cyclic {
            true => tile,
            false => self.dims[dim].used().next_power_of_two(),
        };
        let mut tensor = self.clone();
        tensor.dims[dim] = match is_cyclic {
            true => TileDim::replicated(tile),
            false => TileDim::filled(1, tile, false, used > 1),
        };
        Ok(TileSum {
            tensor,
            amounts: halves(used).map(|k| k * self.stride(dim)).collect(),
        })
    }

    /// The tensor with all spare slots zero, by one product with a mask per tile.
    pub fn cleaned(&self) -> Self {
        let clean = |dim: &TileDim| match dim.fill {
            Fill::Values {
                interleaved,
                unknown: true,
            } => TileDim::filled(dim.size, dim.tile, interleaved, false),
            _ => *dim,
        };
        Self::new(self.dims.iter().map(clean).collect::<Vec<_>>())
    }

    /// Copies the one value along a dimension into all its slots.
    ///
    /// # Errors
    /// [`LayoutError::BadTiles`] if there are several values, or a spare slot anywhere is unknown.
    pub fn duplicated(&self, dim: usize) -> Result<TileSum, LayoutError> {
        let TileDim { size, tile, .. } = self.dims[dim];
        if size != 1 || self.dims[dim].is_replicated() || self.is_dirty() {
            return Err(self.bad("one value along the dimension and zeros in spare slots"));
        }
        let n_slots = u32::try_from(self.n_slots()).unwrap_or(u32::MAX);
        let mut tensor = self.clone();
        tensor.dims[dim] = TileDim::replicated(tile);
        Ok(TileSum {
            tensor,
            amounts: halves(tile)
                .map(|k| n_slots - k * self.stride(dim))
                .collect(),
        })
    }
}

/// `n/2, n/4, …, 1`.
fn halves(n: u32) -> impl Iterator<Item = u32> {
    (0..n.ilog2()).rev().map(|k| 1 << k)
}
