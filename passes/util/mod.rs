//! What several passes share.

pub mod linear;
pub mod units;
pub mod plan;
