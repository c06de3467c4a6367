//! Rotation-oriented pruning of channel-packed convolutions.
//!
//! [`ChannelPacking`] counts the rotations of a layer without zeros, [`Occupied`] those that a mask leaves;
//! [`network_groups`] lists the weights that have to vanish together, [`group_masks`] drops the least of them.
//!
//! # Source
//! Artemis, arXiv 2310.01664, and the baseline of PrivCirNet in the manner of SpENCNN, which drops diagonals per block.

mod groups;
mod occupied;
mod packing;
#[cfg(test)]
mod tests;

pub use groups::{Group, Grouping, Scope, group_masks, groups, lasso_groups, network_groups};
pub use occupied::{Occupied, network_rotations};
pub use packing::{ChannelPacking, ChannelTooLarge, Place, Rotations};
