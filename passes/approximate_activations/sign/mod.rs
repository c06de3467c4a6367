//! The sign function as a composition of odd polynomials.

mod compose;
mod fit;
mod piecewise;
mod remez;

pub(super) use compose::{Composition, compositions};
pub(super) use piecewise::{Piecewise, Term};
