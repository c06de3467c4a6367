//! What several passes share.

pub mod axes;
pub mod bound;
pub mod linear;
pub mod plan;
pub mod ports;
pub mod reindex;
pub mod units;
