//! Periodic layouts: one tensor in one or several ciphertexts.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

mod check;
mod index;

pub use index::{ABSENT, IndexMap};

use crate::TileTensor;

/// The least power of two that is at least `n`, between 1 and `2^31`.
pub fn next_power_of_two(n: u32) -> u32 {
    n.checked_next_power_of_two().unwrap_or(1 << 31)
}

/// Where each element of a tensor sits.
///
/// An element's index is row-major over the tensor's shape without the batch axis.
/// Its position is a ciphertext, `position / n_slots`, and a slot, `position % n_slots`.
/// Slots `s` and `s + period` hold the same value; slots no element sits in hold zero, or what nobody knows if the layout
/// is a tile tensor that says so. Of layouts of several ciphertexts only tile tensors have a period below `n_slots`; tile
/// tensors have no copies, as they say themselves what is replicated, and no copy leaves its ciphertext.
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
        Self::planes([channels, height, width], (1, 1), gap, frame, n_slots)
    }

    /// A feature map of `[channels, height, width]`, its channels cut into planes by phases, see [`IndexMap::Image`].
    ///
    /// # Shapes
    /// As [`Periodic::image`].
    pub fn planes(
        [channels, height, width]: [u32; 3],
        phases: (u32, u32),
        gap: (u32, u32),
        frame: (u32, u32),
        n_slots: u32,
    ) -> Self {
        let index = IndexMap::Image {
            channels,
            height,
            width,
            phases,
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

    /// A tile tensor, its dimensions in the order in which element indices count them, the slowest first.
    ///
    /// # Shapes
    /// Slots: those of a tile. Period: that of the tensor, see [`TileTensor::period`].
    pub fn tiles(tensor: TileTensor) -> Self {
        let held = (0u8..).zip(&tensor.dims);
        let held = held.filter(|(_, dim)| !dim.is_replicated());
        let order: Vec<u8> = held.map(|(i, _)| i).collect();
        Self::tiles_in_order(tensor, order)
    }

    /// A tile tensor, with the dimensions that hold values in the order in which element indices count them.
    ///
    /// # Shapes
    /// As [`Periodic::tiles`]. [`Periodic::check`] finds an order that leaves a dimension out.
    pub fn tiles_in_order(tensor: TileTensor, order: impl Into<Arc<[u8]>>) -> Self {
        let clamp = |n: u64| u32::try_from(n).unwrap_or(u32::MAX);
        let (n_elements, n_slots) = (clamp(tensor.n_values()), clamp(tensor.n_slots()));
        let index = IndexMap::Tiles {
            tensor: Arc::new(tensor),
            order: order.into(),
        };
        Self::fitted(n_elements, n_slots, index)
    }

    /// The tile tensor, if the layout is one.
    pub fn as_tiles(&self) -> Option<&TileTensor> {
        match &self.index {
            IndexMap::Tiles { tensor, .. } => Some(tensor),
            _ => None,
        }
    }

    /// Whether some slots hold what nobody knows.
    pub fn is_dirty(&self) -> bool {
        self.as_tiles().is_some_and(TileTensor::is_dirty)
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
        if let IndexMap::Tiles { tensor, .. } = &self.index {
            self.n_ciphertexts = u32::try_from(tensor.n_tiles()).unwrap_or(u32::MAX);
            self.period = tensor.period();
            return;
        }
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
    /// If the layout is a table and `element` is not in it, or [`Periodic::check`] fails.
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
            IndexMap::Tiles { tensor, order } => {
                let (tile, slot) = IndexMap::tile_place(tensor, order, element);
                tile * self.n_slots + slot
            }
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
        let replicas = self.as_tiles().map(TileTensor::replicas);
        let replicas = replicas.into_iter().flatten().skip(1);
        let placed = (first != ABSENT).then_some(first);
        placed
            .into_iter()
            .chain(further.map(move |copy| first + copy.offset))
            .chain(replicas.map(move |offset| first + offset))
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

    /// One more than the largest position used; 0 without elements. Where phases do not divide an image, one more than
    /// the largest position its planes would use if they were all as large as the largest.
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
            &IndexMap::Image { gap, .. } => {
                let [planes, height, width] = self.index.planes();
                if planes == 0 || height == 0 || width == 0 {
                    return 0;
                }
                // The last plane, the last of the sub-row before it, or the last of the block before it reaches farthest.
                let (row, block) = (gap.1.max(1), gap.0.saturating_mul(gap.1).max(1));
                let (row, block) = (u64::from(row), u64::from(block));
                let last = planes - 1;
                let ends = [
                    last,
                    (last - last % row).saturating_sub(1),
                    (last - last % block).saturating_sub(1),
                ];
                let reach = |c| 1 + self.index.plane_position(c, height - 1, width - 1);
                ends.map(reach).into_iter().max().unwrap_or(0)
            }
            IndexMap::Table(positions) => {
                let placed = positions.iter().filter(|&&position| position != ABSENT);
                let last = placed.max();
                last.map_or(0, |&position| u64::from(position) + 1)
            }
            IndexMap::Tiles { tensor, .. } => {
                let before = tensor.n_tiles().saturating_sub(1);
                before
                    .saturating_mul(self.n_slots.into())
                    .saturating_add(tensor.period().into())
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
