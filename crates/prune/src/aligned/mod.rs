//! The scheme `privet`: prune what the compiled circuit pays for.
//!
//! [`Pricer`] says what a network would cost, layer by layer, from its plans alone.

mod error;
mod levels;
mod price;

pub use error::Error;
pub use price::{LayerPrice, Priced, Pricer};
