//! Block pruning for the batch layout, where every weight is a product and every unit an activation.
//!
//! Convolutions are seen as matrices of `(kernel rows · kernel columns · input channels)` rows and a column per output
//! channel, dense layers likewise. [`block_masks`] keeps the best blocks of each, [`Masker`] does so again and again
//! during training, [`cull()`] deletes what lost all its weights. [`select_by_price`] weighs single weights and whole units
//! by what they cost.
//!
//! # Source
//! MOFHEI. Single scalars, input rows, polynomial decay and selection by price are ours.

mod block;
mod cull;
mod matrix;
mod price;
mod schedule;
mod score;
#[cfg(test)]
mod tests;

pub use block::{Block, block_masks, n_kept};
pub use cull::{cull, culled_operations};
pub use matrix::{WeightMatrix, prunable};
pub use price::{Prices, select_by_price};
pub use schedule::{Masker, Schedule};
pub use score::{ImportanceError, Score};
