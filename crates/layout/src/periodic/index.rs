//! From element index to position.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::TileTensor;

/// In a table, the position of an element that sits nowhere, as no layer reads it.
pub const ABSENT: u32 = u32::MAX;

/// From element index to position.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum IndexMap {
    /// The position is the element index.
    RowMajor,
    /// A feature map, its channels interleaved in the gaps and then in blocks of one frame.
    ///
    /// Channel `c` sits at sub-position `r = c mod (gy·gx)` of block `b = c div (gy·gx)`:
    /// `position = b·Fh·Fw + (y·gy + r div gx)·Fw + (x·gx + r mod gx)`.
    ///
    /// With phases `(py, px)`, every `py`-th row and `px`-th column of a channel make a plane of its own: pixel `(y, x)` of
    /// channel `c` is pixel `(y div py, x div px)` of channel `(c·py + y mod py)·px + x mod px`. What gaps are to the
    /// output of a stride, phases are to its input.
    Image {
        /// Channels.
        channels: u32,
        /// Rows of a channel.
        height: u32,
        /// Columns of a channel.
        width: u32,
        /// Planes that a channel is cut into, down and across, `(py, px)`.
        phases: (u32, u32),
        /// Distance between neighbours of one channel, `(gy, gx)`.
        gap: (u32, u32),
        /// Rows and columns set aside for a block, `(Fh, Fw)`.
        frame: (u32, u32),
    },
    /// Any positions, listed; [`ABSENT`] for elements that sit nowhere.
    Table(Arc<[u32]>),
    /// A tile tensor: one ciphertext per tile, values replicated inside tiles, perhaps unknown values beside them.
    Tiles {
        /// The shape.
        tensor: Arc<TileTensor>,
        /// Dimensions that hold values, in the order in which element indices count them, the slowest first.
        order: Arc<[u8]>,
    },
}

impl IndexMap {
    /// Elements the map places by itself; a row-major map places any number.
    pub(super) fn n_elements(&self) -> Option<u64> {
        match self {
            Self::RowMajor => None,
            Self::Image {
                channels,
                height,
                width,
                ..
            } => Some(
                u64::from(*channels)
                    .saturating_mul(u64::from(*height))
                    .saturating_mul(u64::from(*width)),
            ),
            Self::Table(positions) => Some(positions.len() as u64),
            Self::Tiles { tensor, .. } => Some(tensor.n_values()),
        }
    }

    /// Planes of a feature map, and rows and columns of the largest.
    pub(super) fn planes(&self) -> [u64; 3] {
        let &Self::Image {
            channels,
            height,
            width,
            phases,
            ..
        } = self
        else {
            return [0; 3];
        };
        let (py, px) = (u64::from(phases.0.max(1)), u64::from(phases.1.max(1)));
        [
            u64::from(channels).saturating_mul(py.saturating_mul(px)),
            u64::from(height).div_ceil(py),
            u64::from(width).div_ceil(px),
        ]
    }

    /// Tile and slot of an element of a tile tensor.
    pub(super) fn tile_place(tensor: &TileTensor, order: &[u8], element: u32) -> (u32, u32) {
        let mut indices = vec![0; tensor.dims.len()];
        let mut rest = element;
        for &dim in order.iter().rev() {
            let size = tensor.dims[usize::from(dim)].size;
            indices[usize::from(dim)] = rest % size;
            rest /= size;
        }
        tensor.place(&indices)
    }

    pub(super) fn image_position(&self, c: u32, y: u32, x: u32) -> u64 {
        let &Self::Image { phases, .. } = self else {
            return 0;
        };
        let (c, y, x) = (u64::from(c), u64::from(y), u64::from(x));
        if phases == (1, 1) {
            return self.plane_position(c, y, x);
        }
        let (py, px) = (u64::from(phases.0.max(1)), u64::from(phases.1.max(1)));
        let row_phase = c.saturating_mul(py).saturating_add(y % py);
        let plane = row_phase.saturating_mul(px).saturating_add(x % px);
        self.plane_position(plane, y / py, x / px)
    }

    pub(super) fn plane_position(&self, c: u64, y: u64, x: u64) -> u64 {
        let &Self::Image { gap, frame, .. } = self else {
            return 0;
        };
        let (gy, gx) = (u64::from(gap.0.max(1)), u64::from(gap.1.max(1)));
        let (frame_height, frame_width) = (u64::from(frame.0), u64::from(frame.1));
        let per_block = gy.saturating_mul(gx);
        let (block, r) = (c / per_block, c % per_block);
        let row = y.saturating_mul(gy).saturating_add(r / gx);
        let column = x.saturating_mul(gx).saturating_add(r % gx);
        block
            .saturating_mul(frame_height.saturating_mul(frame_width))
            .saturating_add(row.saturating_mul(frame_width))
            .saturating_add(column)
    }
}
