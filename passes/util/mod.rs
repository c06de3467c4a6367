//! What several passes share.

pub mod bound;
pub mod chain;
pub mod chebyshev;
pub mod linear;
pub mod plan;
pub mod units;
