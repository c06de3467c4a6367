//! Where tensor elements sit in ciphertext slots, and how a linear layer acts on them by rotations.
//!
//! A [`Periodic`] layout sends each element of a tensor to a packed position.
//! A [`SparseMatrix`] is a linear map between elements, however it came about: a dense layer, a convolution ([`ConvGeometry`]), products of both.
//! [`plan_linear`] turns matrix and layouts into a [`LinearPlan`]: rotation amounts and the plaintext entries between them.
//!
//! Throughout, `rot(x, k)[s] = x[(s + k) mod n_slots]`, rows are outputs, columns inputs, and the diagonal of an entry is `col - row`.
//!
//! ```
//! use privet_layout::{Periodic, PlanOptions, SparseMatrix, plan_linear};
//!
//! let matrix = SparseMatrix::from_dense(2, 4, &[1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0]);
//! let (input, output) = (Periodic::vector(4, 16), Periodic::vector(2, 16));
//! let plan = plan_linear(&matrix, &input, &output, &PlanOptions::default())?;
//! assert_eq!(plan.collapse, [2]);
//! assert_eq!(plan.output.to_string(), "periodic 2/16 x1 [2]");
//!
//! let (slots, _) = plan.simulate(&plan.input.pack(&[1.0, 0.0, 1.0, 0.0]));
//! assert_eq!(plan.output.unpack(&slots), [4.0, 12.0]);
//! # Ok::<(), privet_layout::LayoutError>(())
//! ```
//!
//! Absences: this crate knows no graph, no circuit, no level, no scale and no ciphertext. It holds plain numbers.

#![warn(missing_docs)]

mod conv;
mod error;
mod matrix;
mod periodic;
mod plan;
mod spread;
mod text;
mod tiles;

pub use conv::ConvGeometry;
pub use error::LayoutError;
pub use matrix::SparseMatrix;
pub use periodic::{ABSENT, Copy, IndexMap, Periodic, next_power_of_two};
pub use plan::{
    BsgsPlan, Cell, Diagonals, DigitRange, LinearPlan, Mask, PlanCosts, PlanCounts, PlanOptions,
    PlanOutline, count_tiles, plan_linear, plan_tiles,
};
pub use spread::spread_chain;
pub use tiles::{Elementwise, Fill, TileDim, TileSum, TileTensor};
