//! What several passes share.

pub mod axes;
pub mod bound;
pub mod chain;
pub mod chebyshev;
pub mod common;
pub mod estimate;
pub mod least_squares;
pub mod linear;
pub mod plan;
pub mod ports;
pub mod price;
pub mod reindex;
pub mod units;
