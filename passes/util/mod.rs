//! What several passes share.

pub mod bound;
pub mod chain;
pub mod chebyshev;
pub mod common;
pub mod estimate;
pub mod linear;
pub mod plan;
pub mod price;
pub mod units;
