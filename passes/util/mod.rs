//! What several passes share.

pub mod linear;
pub mod plan;
pub mod units;
