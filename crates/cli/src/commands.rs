//! One file per command.

pub mod check;
pub mod compile;
pub mod convert;
pub mod decrypt;
pub mod encrypt;
pub mod infer;
pub mod inspect;
pub mod keygen;
pub mod measure_costs;
pub mod prune;
pub mod run;
