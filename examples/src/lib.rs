//! What the programs that measure have in common: data, networks, tables.
//!
//! Data are not part of the project. `PRIVET_MNIST` names a folder with MNIST's four files; without it `../shared/data/mnist`
//! beside the workspace is tried. Tables go to `docs/results.md`, each between its own two marks.

pub mod data;
pub mod measure;
pub mod networks;
pub mod prepare;
pub mod table;

/// A program's result; errors print as they are.
pub type Outcome<T = ()> = Result<T, Box<dyn std::error::Error>>;
