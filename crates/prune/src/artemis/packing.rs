//! Channel-packed convolutions: how channels share ciphertexts, and what a layer without zeros costs.

use privet::extend::graph::Op;
use privet::extend::{Graph, NodeId};
use serde::{Deserialize, Serialize};

/// A convolution as it lies in ciphertexts of several channels each.
///
/// A channel takes the next power of two of slots above its image widened by the kernel; `channels` of them fill a
/// ciphertext, at most as many as are read. Layers are counted at the resolution they read.
///
/// # Source
/// Channel-packed convolutions as the counting of Artemis assumes them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChannelPacking {
    /// Channels read.
    pub in_channels: usize,
    /// Channels written.
    pub out_channels: usize,
    /// Kernel positions.
    pub taps: usize,
    /// The kernel position that needs no rotation.
    pub center: usize,
    /// Channel groups of the convolution.
    pub groups: usize,
    /// Channels per ciphertext.
    pub channels: usize,
}

/// An image that does not fit a ciphertext; the caller asks for more slots.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a channel takes {needed} slots, found {n_slots}, expected at least as many")]
pub struct ChannelTooLarge {
    /// Slots of a ciphertext.
    pub n_slots: usize,
    /// Slots of a channel.
    pub needed: usize,
}

/// Rotations of a convolution, or of several.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rotations {
    /// Of inputs, one per tap and input ciphertext.
    pub positional: usize,
    /// Of products, one per diagonal of each block.
    pub per_block: usize,
    /// Of products that are added up before: one per diagonal of each row of blocks.
    pub combined: usize,
    /// Babies and giants, where diagonals are split best.
    pub bsgs: usize,
    /// Products with plaintexts.
    pub products: usize,
}

impl Rotations {
    /// Without babies and giants: inputs by tap, and outputs by diagonal.
    pub fn without_bsgs(&self) -> usize {
        self.positional + self.combined
    }

    /// Both together.
    pub(super) fn plus(self, other: Self) -> Self {
        Self {
            positional: self.positional + other.positional,
            per_block: self.per_block + other.per_block,
            combined: self.combined + other.combined,
            bsgs: self.bsgs + other.bsgs,
            products: self.products + other.products,
        }
    }
}

impl ChannelPacking {
    /// A convolution of a `kernel` over images of `size`, both as height and width.
    ///
    /// # Errors
    /// [`ChannelTooLarge`] if not even one channel fits.
    pub fn new(
        channels: (usize, usize),
        kernel: (usize, usize),
        size: (usize, usize),
        n_slots: usize,
    ) -> Result<Self, ChannelTooLarge> {
        let (in_channels, out_channels) = channels;
        let wide = (size.0 + kernel.0 - 1) * (size.1 + kernel.1 - 1);
        let needed = wide.next_power_of_two();
        let fit = n_slots / needed;
        if fit == 0 {
            return Err(ChannelTooLarge { n_slots, needed });
        }
        Ok(Self {
            in_channels,
            out_channels,
            taps: kernel.0 * kernel.1,
            center: kernel.0 / 2 * kernel.1 + kernel.1 / 2,
            groups: 1,
            channels: fit.min(in_channels),
        })
    }

    /// A node's convolution, a dense layer being one of a kernel of 1 over images of one pixel; `None` for other nodes.
    ///
    /// # Errors
    /// As [`ChannelPacking::new`].
    pub fn of(graph: &Graph, id: NodeId, n_slots: usize) -> Result<Option<Self>, ChannelTooLarge> {
        match &graph.node(id).op {
            Op::Dense { weight, .. } => {
                let sizes = (weight.shape()[1], weight.shape()[0]);
                Self::new(sizes, (1, 1), (1, 1), n_slots).map(Some)
            }
            Op::Conv { geometry: g, .. } => {
                let pair = |(a, b): (u32, u32)| (a as usize, b as usize);
                let channels = pair((g.in_channels, g.out_channels));
                let size = pair((g.in_height, g.in_width));
                let packing = Self::new(channels, pair(g.kernel), size, n_slots)?;
                let groups = g.groups as usize;
                Ok(Some(Self { groups, ..packing }))
            }
            _ => Ok(None),
        }
    }

    /// Input ciphertexts, `B_i`.
    pub fn blocks_in(&self) -> usize {
        self.in_channels.div_ceil(self.channels)
    }

    /// Output ciphertexts, `B_o`.
    pub fn blocks_out(&self) -> usize {
        self.out_channels.div_ceil(self.channels)
    }

    /// Splits `baby · giant = channels`: the numbers of babies.
    pub fn splits(&self) -> impl Iterator<Item = usize> + use<> {
        let n = self.channels;
        (1..=n).filter(move |&baby| n.is_multiple_of(baby))
    }

    /// Rotations with so many babies, all of them needed: `B_i (taps · baby − 1) + B_o (giant − 1)`.
    pub fn bsgs(&self, baby: usize) -> usize {
        let giant = self.channels / baby;
        self.blocks_in() * (self.taps * baby - 1) + self.blocks_out() * (giant - 1)
    }

    /// What the layer costs where nothing is zero.
    pub fn dense(&self) -> Rotations {
        let (n_in, n_out) = (self.blocks_in(), self.blocks_out());
        Rotations {
            positional: n_in * (self.taps - 1),
            per_block: n_in * n_out * (self.channels - 1),
            combined: n_out * (self.channels - 1),
            bsgs: self.splits().map(|baby| self.bsgs(baby)).min().unwrap_or(0),
            products: n_in * n_out * self.channels * self.taps,
        }
    }

    /// Elements of the weight.
    pub fn len(&self) -> usize {
        self.out_channels * (self.in_channels / self.groups) * self.taps
    }

    /// Whether there is no weight.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Where an element of the weight, row-major over `[out, in / groups, tap]`, is multiplied.
    pub fn place(&self, element: usize) -> Place {
        let in_group = self.in_channels / self.groups;
        let tap = element % self.taps;
        let out = element / self.taps / in_group;
        let first = out / (self.out_channels / self.groups) * in_group;
        let input = first + element / self.taps % in_group;
        let n = self.channels;
        Place {
            block_out: out / n,
            block_in: input / n,
            diagonal: (input % n + n - out % n) % n,
            tap,
        }
    }
}

/// The plaintext that a weight is in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// Output ciphertext, `i`.
    pub block_out: usize,
    /// Input ciphertext, `j`.
    pub block_in: usize,
    /// Generalized diagonal `k`: output channel `r` of the block reads input channel `(r + k) mod channels`.
    pub diagonal: usize,
    /// Kernel position.
    pub tap: usize,
}
