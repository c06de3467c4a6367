//! What several passes share.

pub mod bound;
pub mod chain;
pub mod linear;
pub mod plan;
pub mod units;
