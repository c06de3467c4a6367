//! HE-PEx: prune, permute, expand, and pack what is left in tiles.
//!
//! Independent zeros rarely fill a tile, and whole tiles hold important weights beside others. So single weights are
//! pruned, units change places until zeros fill tiles, and tiles that hold any weight get all of theirs back.
//!
//! # Source
//! HE-PEx.

mod expand;
mod permute;
mod scheme;
mod score;
mod second;
mod tiles;

pub use expand::Expand;
pub use permute::{Permute, moved, orders};
pub use scheme::{HePex, Scheme};
pub use score::{Criterion, Prune, Rank, Scope};
pub use second::{AlmostZero, SecondPrune};
pub use tiles::{LayerTiles, TileShape, Tiles};
