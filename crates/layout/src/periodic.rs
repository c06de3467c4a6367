//! Periodic layouts: one tensor in one or several ciphertexts.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::LayoutError;

/// The least power of two that is at least `n`, between 1 and `2^31`.
pub fn next_power_of_two(n: u32) -> u32 {
    n.checked_next_power_of_two().unwrap_or(1 << 31)
}

/// Most slots of one ciphertext.
const MAX_SLOTS: u32 = 1 << 24;

/// Most elements of a feature map that are looked at one by one.
const MAX_LISTED: u32 = 1 << 16;

/// Where each element of a tensor sits.
///
/// An element's index is row-major over the tensor's shape without the batch axis.
/// Its position is a ciphertext, `position / n_slots`, and a slot, `position % n_slots`.
/// Slots `s` and `s + period` hold the same value; slots no element sits in hold zero.
/// Only a layout of one ciphertext has a period below `n_slots`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Periodic {
    /// Slots of one ciphertext, a power of two.
    pub n_slots: u32,
    /// Elements placed.
    pub n_elements: u32,
    /// Element index to position.
    pub index: IndexMap,
    /// Values repeat every `period` slots; a power of two, at most `n_slots`.
    pub period: u32,
    /// Ciphertexts used.
    pub n_ciphertexts: u32,
}

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
    /// Any positions, listed.
    Table(Arc<[u32]>),
}

impl Periodic {
    /// A vector, element by element.
    ///
    /// # Shapes
    /// Period: the least power of two that holds `n`; beyond `n_slots`, several ciphertexts.
    pub fn vector(n: u32, n_slots: u32) -> Self {
        Self::fitted(n, n_slots, IndexMap::RowMajor)
    }

    /// A feature map of `[channels, height, width]`, see [`IndexMap::Image`].
    ///
    /// # Shapes
    /// Period: the least power of two that holds all positions; beyond `n_slots`, several ciphertexts.
    pub fn image(
        channels: u32,
        height: u32,
        width: u32,
        gap: (u32, u32),
        frame: (u32, u32),
        n_slots: u32,
    ) -> Self {
        let index = IndexMap::Image {
            channels,
            height,
            width,
            gap,
            frame,
        };
        let n_elements = u32::try_from(index.n_elements().unwrap_or(0)).unwrap_or(u32::MAX);
        Self::fitted(n_elements, n_slots, index)
    }

    /// Any positions.
    ///
    /// # Shapes
    /// Period: the least power of two that holds all positions; beyond `n_slots`, several ciphertexts.
    pub fn table(positions: impl Into<Arc<[u32]>>, n_slots: u32) -> Self {
        let positions = positions.into();
        let n_elements = u32::try_from(positions.len()).unwrap_or(u32::MAX);
        Self::fitted(n_elements, n_slots, IndexMap::Table(positions))
    }

    fn fitted(n_elements: u32, n_slots: u32, index: IndexMap) -> Self {
        let mut layout = Self {
            n_slots,
            n_elements,
            index,
            period: n_slots,
            n_ciphertexts: 1,
        };
        let extent = layout.extent();
        layout.n_ciphertexts = extent.div_ceil(n_slots.max(1)).max(1);
        if extent <= n_slots {
            layout.period = next_power_of_two(extent).min(n_slots);
        }
        layout
    }

    /// Checks that the layout means something: counts, room for every position, no two elements in one place.
    ///
    /// # Errors
    /// A [`LayoutError`] with the numbers.
    pub fn check(&self) -> Result<(), LayoutError> {
        let power_of_two = |what, found: u32| match found.is_power_of_two() {
            true => Ok(()),
            false => Err(LayoutError::NotPowerOfTwo { what, found }),
        };
        power_of_two("the slot count", self.n_slots)?;
        power_of_two("the period", self.period)?;
        if self.n_slots > MAX_SLOTS {
            return Err(LayoutError::TooManySlots {
                found: self.n_slots,
                most: MAX_SLOTS,
            });
        }
        let several = self.n_ciphertexts != 1;
        if self.period > self.n_slots
            || self.n_ciphertexts == 0
            || (several && self.period != self.n_slots)
        {
            return Err(LayoutError::BadPeriod {
                period: self.period,
                n_slots: self.n_slots,
                n_ciphertexts: self.n_ciphertexts,
            });
        }
        let placed = self.index.n_elements();
        if let Some(found) = placed.filter(|&found| found != u64::from(self.n_elements)) {
            let expected = self.n_elements;
            return Err(LayoutError::ElementCount { expected, found });
        }
        if let IndexMap::Image {
            gap: (0, _) | (_, 0),
            ..
        } = self.index
        {
            return Err(LayoutError::BadGeometry {
                what: "a feature map of gap zero",
            });
        }
        let room = u64::from(self.period) * u64::from(self.n_ciphertexts);
        let extent = self.extent_u64();
        if extent > room.min(u64::from(u32::MAX)) {
            return Err(LayoutError::OutOfRoom { extent, room });
        }
        match &self.index {
            IndexMap::RowMajor => Ok(()),
            IndexMap::Image { .. } => self.check_image(),
            IndexMap::Table(positions) => {
                let mut sorted = positions.to_vec();
                sorted.sort_unstable();
                match sorted.windows(2).find(|pair| pair[0] == pair[1]) {
                    Some(pair) => Err(LayoutError::Overlap { position: pair[0] }),
                    None => Ok(()),
                }
            }
        }
    }

    /// Checks that no two elements of a feature map share a place, without looking at each where its rows and columns
    /// stay inside the frame.
    fn check_image(&self) -> Result<(), LayoutError> {
        let IndexMap::Image {
            channels,
            height,
            width,
            gap,
            frame,
        } = self.index
        else {
            return Ok(());
        };
        // The last channel of a full block sits lowest, the last of a row of them farthest right.
        let in_block = u64::from(channels).min(u64::from(gap.0) * u64::from(gap.1));
        let reach = |n: u32, gap: u32, within: u64| {
            u64::from(n.saturating_sub(1)) * u64::from(gap) + within
        };
        let rows = reach(height, gap.0, in_block.div_ceil(u64::from(gap.1)));
        let columns = reach(width, gap.1, in_block.min(u64::from(gap.1)));
        if rows <= u64::from(frame.0) && columns <= u64::from(frame.1) {
            return Ok(());
        }
        if self.n_elements > MAX_LISTED {
            return Err(LayoutError::BadGeometry {
                what: "a large feature map that leaves its frame",
            });
        }
        let mut sorted: Vec<u32> = (0..self.n_elements).map(|e| self.position(e)).collect();
        sorted.sort_unstable();
        match sorted.windows(2).find(|pair| pair[0] == pair[1]) {
            Some(pair) => Err(LayoutError::Overlap { position: pair[0] }),
            None => Ok(()),
        }
    }

    /// The position of an element.
    ///
    /// # Panics
    /// If the layout is a table and `element` is not in it.
    pub fn position(&self, element: u32) -> u32 {
        match &self.index {
            IndexMap::RowMajor => element,
            IndexMap::Image { height, width, .. } => {
                let (height, width) = (*height.max(&1), *width.max(&1));
                let (c, y, x) = (
                    element / width / height,
                    element / width % height,
                    element % width,
                );
                u32::try_from(self.index.image_position(c, y, x)).unwrap_or(u32::MAX)
            }
            IndexMap::Table(positions) => positions[element as usize],
        }
    }

    /// One more than the largest position used; 0 without elements.
    pub fn extent(&self) -> u32 {
        u32::try_from(self.extent_u64()).unwrap_or(u32::MAX)
    }

    fn extent_u64(&self) -> u64 {
        match &self.index {
            IndexMap::RowMajor => u64::from(self.n_elements),
            &IndexMap::Image {
                channels,
                height,
                width,
                gap,
                ..
            } => {
                if channels == 0 || height == 0 || width == 0 {
                    return 0;
                }
                // The last channel, the last of the sub-row before it, or the last of the block before it reaches farthest.
                let (row, block) = (gap.1.max(1), gap.0.saturating_mul(gap.1).max(1));
                let last = channels - 1;
                let ends = [
                    last,
                    (last - last % row).saturating_sub(1),
                    (last - last % block).saturating_sub(1),
                ];
                let reach = |c| 1 + self.index.image_position(c, height - 1, width - 1);
                ends.map(reach).into_iter().max().unwrap_or(0)
            }
            IndexMap::Table(positions) => {
                let last = positions.iter().max();
                last.map_or(0, |&position| u64::from(position) + 1)
            }
        }
    }

    /// Lays values out in slots: per ciphertext, the `period` slots that repeat.
    ///
    /// # Panics
    /// If there is not one value per element, or [`Periodic::check`] fails.
    pub fn pack(&self, values: &[f64]) -> Vec<Vec<f64>> {
        assert_eq!(values.len(), self.n_elements as usize, "values to pack");
        let mut slots = vec![vec![0.0; self.period as usize]; self.n_ciphertexts as usize];
        for (element, &value) in values.iter().enumerate() {
            let position = self.position(element as u32);
            slots[(position / self.n_slots) as usize][(position % self.n_slots) as usize] = value;
        }
        slots
    }

    /// Reads values from slots, at least `period` of them per ciphertext.
    ///
    /// # Panics
    /// If slots are missing, or [`Periodic::check`] fails.
    pub fn unpack(&self, slots: &[Vec<f64>]) -> Vec<f64> {
        let value = |element| {
            let position = self.position(element);
            slots[(position / self.n_slots) as usize][(position % self.n_slots) as usize]
        };
        (0..self.n_elements).map(value).collect()
    }
}

impl IndexMap {
    /// Elements the map places by itself; a row-major map places any number.
    fn n_elements(&self) -> Option<u64> {
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

    fn image_position(&self, c: u32, y: u32, x: u32) -> u64 {
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
