//! Running circuits: backends, the schedule, keys and memory.
//!
//! A verified circuit and checked parameters mean that running returns an error at worst and does not panic. This crate
//! knows no graph and no ONNX.
#![deny(missing_docs)]

mod backend;
mod ckks_backend;
mod counting;
mod encoded;
mod keys;
mod measure;
mod memory;
mod parallel;
mod refresh;
mod run;
mod schedule;
mod slots;

pub use backend::{Backend, ExecError, Progress, Site, silent};
pub use ckks_backend::{CkksBackend, CkksValue};
pub use counting::Counting;
pub use encoded::Encoded;
pub use keys::{KeyId, KeyRef, KeySource, check_keys, key_of, make_each_key, make_keys};
pub use measure::{MEASURED_RINGS, measure_costs};
pub use memory::{
    KeyUse, MemoryPlan, available_memory, peak_rss, plan_memory, plan_memory_for,
    plan_memory_under, typed_bytes,
};
pub use refresh::{Refresher, check_refresher, refresh_bytes};
pub use run::{Run, run, run_owned};
pub use schedule::{Schedule, Step, window};
pub use slots::Slots;
