//! From element index to position.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

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
    Image {
        /// Channels.
        channels: u32,
        /// Rows of a channel.
        height: u32,
        /// Columns of a channel.
        width: u32,
        /// Distance between neighbours of one channel, `(gy, gx)`.
        gap: (u32, u32),
        /// Rows and columns set aside for a block, `(Fh, Fw)`.
        frame: (u32, u32),
    },
    /// Any positions, listed; [`ABSENT`] for elements that sit nowhere.
    Table(Arc<[u32]>),
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
        }
    }

    pub(super) fn image_position(&self, c: u32, y: u32, x: u32) -> u64 {
        let &Self::Image { gap, frame, .. } = self else {
            return 0;
        };
        let (gy, gx) = (u64::from(gap.0.max(1)), u64::from(gap.1.max(1)));
        let (frame_height, frame_width) = (u64::from(frame.0), u64::from(frame.1));
        let (c, y, x) = (u64::from(c), u64::from(y), u64::from(x));
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
