//! What makes a layout valid.

use super::{Copy, IndexMap, Periodic};
use crate::{LayoutError, TileTensor};

/// Most slots of one ciphertext.
const MAX_SLOTS: u32 = 1 << 24;

/// Most elements of a feature map that are looked at one by one.
const MAX_LISTED: u32 = 1 << 16;

/// Most pairs of an element and a copy.
const MAX_COPIED: u64 = 1 << 26;

impl Periodic {
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
            || (several && self.period != self.n_slots && self.as_tiles().is_none())
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
        if let IndexMap::Image { gap, phases, .. } = self.index {
            let fault = |what| Err(LayoutError::BadGeometry { what });
            if gap.0 == 0 || gap.1 == 0 {
                return fault("a feature map of gap zero");
            }
            if phases.0 == 0 || phases.1 == 0 {
                return fault("a feature map without phases");
            }
        }
        if let IndexMap::Tiles { tensor, order } = &self.index {
            return self.check_tiles(tensor, order);
        }
        self.check_copies()?;
        let room = u64::from(self.period) * u64::from(self.n_ciphertexts);
        let extent = self.extent_u64();
        if extent > room.min(u64::from(u32::MAX)) {
            return Err(LayoutError::OutOfRoom { extent, room });
        }
        match &self.index {
            _ if !self.copies.is_empty() => self.check_positions(),
            IndexMap::RowMajor => Ok(()),
            IndexMap::Image { .. } => self.check_image(),
            IndexMap::Table(_) | IndexMap::Tiles { .. } => self.check_positions(),
        }
    }

    /// Checks a tile tensor, that element indices count all its dimensions, and that nothing else was said of it.
    fn check_tiles(&self, tensor: &TileTensor, order: &[u8]) -> Result<(), LayoutError> {
        tensor.check()?;
        let held = tensor.dims.iter().map(|dim| !dim.is_replicated());
        let listed = |i: usize| order.iter().filter(|&&dim| usize::from(dim) == i).count();
        let counted = held
            .enumerate()
            .all(|(i, held)| listed(i) == usize::from(held));
        if !counted
            || order
                .iter()
                .any(|&dim| usize::from(dim) >= tensor.dims.len())
        {
            return Err(tensor.bad("an order that names each dimension with values once"));
        }
        let mut fitted = self.clone();
        fitted.fit();
        if tensor.n_slots() != u64::from(self.n_slots) || *self != fitted {
            return Err(
                tensor.bad("tiles of as many slots, ciphertexts and period as the layout's")
            );
        }
        match self.copies.is_empty() {
            true => Ok(()),
            false => Err(LayoutError::BadCopies),
        }
    }

    /// Checks that copies say something and are not more than fit.
    fn check_copies(&self) -> Result<(), LayoutError> {
        let copies = &self.copies;
        let extent = self.base_extent();
        let bad = |copy: &Copy| {
            copy.offset == 0 || copy.from >= copy.to || u64::from(copy.from) >= extent
        };
        let looked_at = u64::from(self.n_elements) * copies.len() as u64;
        if copies.iter().any(bad) || looked_at > MAX_COPIED {
            return Err(LayoutError::BadCopies);
        }
        let extent = copies.len() as u64;
        let room = u64::from(self.period) * u64::from(self.n_ciphertexts);
        match extent <= room {
            true => Ok(()),
            false => Err(LayoutError::OutOfRoom { extent, room }),
        }
    }

    /// Checks that no two elements share a place and that no copy leaves its ciphertext, looking at each.
    fn check_positions(&self) -> Result<(), LayoutError> {
        if self.n_ciphertexts != 1 {
            let leaves = |element: u32| {
                let ciphertext = self.position(element).checked_div(self.n_slots);
                let all = self.positions(element);
                all.map(|place| place.checked_div(self.n_slots))
                    .any(|own| own != ciphertext)
            };
            if !self.copies.is_empty() && (0..self.n_elements).any(leaves) {
                return Err(LayoutError::BadCopies);
            }
        }
        let all = (0..self.n_elements).flat_map(|element| self.positions(element));
        let mut sorted: Vec<u32> = all.collect();
        sorted.sort_unstable();
        match sorted.windows(2).find(|pair| pair[0] == pair[1]) {
            Some(pair) => Err(LayoutError::Overlap { position: pair[0] }),
            None => Ok(()),
        }
    }

    /// Checks that no two elements of a feature map share a place, without looking at each where its rows and columns
    /// stay inside the frame.
    fn check_image(&self) -> Result<(), LayoutError> {
        let IndexMap::Image { gap, frame, .. } = self.index else {
            return Ok(());
        };
        let [planes, height, width] = self.index.planes();
        // The last plane of a full block sits lowest, the last of a row of them farthest right.
        let in_block = planes.min(u64::from(gap.0) * u64::from(gap.1));
        let reach = |n: u64, gap: u32, within: u64| n.saturating_sub(1) * u64::from(gap) + within;
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
        self.check_positions()
    }
}
