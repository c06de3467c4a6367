//! Running circuits: backends, the schedule, keys and memory.
//!
//! A verified circuit and checked parameters mean that running returns an error at worst and does not panic. This crate
//! knows no graph and no ONNX.
#![deny(missing_docs)]

mod backend;
mod ckks_backend;
mod counting;
mod keys;
mod measure;
mod memory;
mod run;
mod schedule;
mod slots;

pub use backend::{Backend, ExecError, Progress, Site, silent};
pub use ckks_backend::{CkksBackend, CkksValue, Encoded};
pub use counting::Counting;
pub use keys::{check_keys, make_keys};
pub use measure::{MEASURED_RINGS, measure_costs};
pub use memory::{MemoryPlan, available_memory, peak_rss, plan_memory};
pub use run::{Run, run};
pub use schedule::{Schedule, Step};
pub use slots::Slots;
