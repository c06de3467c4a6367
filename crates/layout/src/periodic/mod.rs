//! Periodic layouts: one tensor in one or several ciphertexts.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

mod check;
mod index;

pub use index::{ABSENT, IndexMap};

/// The least power of two that is at least `n`, between 1 and `2^31`.
pub fn next_power_of_two(n: u32) -> u32 {
    n.checked_next_power_of_two().unwrap_or(1 << 31)
}

/// Where each element of a tensor sits.
///
/// An element's index is row-major over the tensor's shape without the batch axis.
/// Its position is a ciphertext, `position / n_slots`, and a slot, `position % n_slots`.
/// Slots `s` and `s + period` hold the same value; slots no element sits in hold zero.
/// Only a layout of one ciphertext has a period below `n_slots`, or copies.
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
    /// Further places of the elements; a layer that reads the tensor takes whichever copy needs no further rotation.
    pub copies: Arc<[Copy]>,
}

/// Elements at positions `from..to` also sit `offset` slots further.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Copy {
    /// Slots from an element to its copy, not 0.
    pub offset: u32,
    /// First position copied.
    pub from: u32,
    /// One more than the last position copied.
    pub to: u32,
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
            copies: Arc::new([]),
        };
        layout.fit();
        layout
    }

    /// The same positions, copied; the period and the number of ciphertexts are recomputed.
    pub fn with_copies(mut self, copies: impl Into<Arc<[Copy]>>) -> Self {
        self.copies = copies.into();
        self.fit();
        self
    }

    /// Recomputes the number of ciphertexts and the least period.
    pub(crate) fn fit(&mut self) {
        let extent = self.extent();
        self.n_ciphertexts = extent.div_ceil(self.n_slots.max(1)).max(1);
        self.period = match extent <= self.n_slots {
            true => next_power_of_two(extent).min(self.n_slots),
            false => self.n_slots,
        };
    }

    /// The position of an element, of its first copy if there are several.
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

    /// All positions of an element, the first as [`Periodic::position`]; none if it sits nowhere.
    ///
    /// # Panics
    /// If the layout is a table and `element` is not in it.
    pub fn positions(&self, element: u32) -> impl Iterator<Item = u32> + '_ {
        let first = self.position(element);
        let holds = move |copy: &&Copy| (copy.from..copy.to).contains(&first);
        let further = self.copies.iter().filter(holds);
        let placed = (first != ABSENT).then_some(first);
        placed
            .into_iter()
            .chain(further.map(move |copy| first + copy.offset))
    }

    /// Whether some element sits nowhere.
    pub fn is_partial(&self) -> bool {
        matches!(&self.index, IndexMap::Table(positions) if positions.contains(&ABSENT))
    }

    /// Positions in use, over all elements.
    ///
    /// # Panics
    /// If the layout is a table without all elements.
    pub fn n_places(&self) -> u64 {
        let places = |element| self.positions(element).count() as u64;
        (0..self.n_elements).map(places).sum()
    }

    /// One more than the largest position used; 0 without elements.
    pub fn extent(&self) -> u32 {
        u32::try_from(self.extent_u64()).unwrap_or(u32::MAX)
    }

    fn extent_u64(&self) -> u64 {
        let base = self.base_extent();
        let reach = |copy: &Copy| match u64::from(copy.from) < base {
            true => base.min(copy.to.into()) + u64::from(copy.offset),
            false => base,
        };
        self.copies.iter().map(reach).fold(base, u64::max)
    }

    /// One more than the largest position of the first copy.
    pub(crate) fn base_extent(&self) -> u64 {
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
                let placed = positions.iter().filter(|&&position| position != ABSENT);
                let last = placed.max();
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
            for position in self.positions(element as u32) {
                let slots = &mut slots[(position / self.n_slots) as usize];
                slots[(position % self.n_slots) as usize] = value;
            }
        }
        slots
    }

    /// Reads values from slots, at least `period` of them per ciphertext; 0 for elements that sit nowhere.
    ///
    /// # Panics
    /// If slots are missing, or [`Periodic::check`] fails.
    pub fn unpack(&self, slots: &[Vec<f64>]) -> Vec<f64> {
        let value = |element| {
            let position = self.position(element);
            match position {
                ABSENT => 0.0,
                _ => slots[(position / self.n_slots) as usize][(position % self.n_slots) as usize],
            }
        };
        (0..self.n_elements).map(value).collect()
    }
}
