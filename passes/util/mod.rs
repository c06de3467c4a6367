//! What several passes share.

pub mod bound;
pub mod common;
pub mod linear;
pub mod plan;
pub mod price;
pub mod units;
