//! Privet compiles trained ONNX networks into CKKS circuits and runs them on encrypted data.
//!
//! [`prelude`] serves users, [`extend`] authors of passes and backends.
#![deny(missing_docs)]

mod arrange;
mod batch;
mod check;
mod client;
mod compile;
mod costs;
mod error;
mod files;
mod model;
mod operations;
mod precision;
mod refresh;
mod rings;
mod share;
mod summary;
mod threads;

pub use check::{
    Check, CheckOptions, Comparison, Executed, argmax, check, make_keys, run_encrypted,
    run_refreshed,
};
pub use client::{Client, Encrypted, Keys, Port};
pub use compile::{Compiled, Dump, Options, compile};
pub use costs::load_costs;
pub use error::Error;
pub use files::{
    FileInfo, Role, ServerKeys, ShareCounter, check_output, key_id, save_text, short_id,
};
pub use model::Model;
pub use operations::{Operations, operations};
pub use passes;
pub use precision::Precision;
pub use refresh::ClientRefresh;
pub use share::{STATISTICAL_BITS, Share, ShareOptions, Shared};
pub use threads::{threads, use_threads};

/// What a program that runs networks needs.
pub mod prelude {
    pub use crate::{
        Check, CheckOptions, Client, Compiled, Encrypted, Error, FileInfo, Keys, Model, Options,
        Role, ServerKeys, ShareCounter, ShareOptions, check, compile,
    };
    pub use input::{
        Feed, Labelled, Samples, check_labels, read_labelled, read_labels, read_samples, test_data,
        write_npy,
    };
    pub use params::Params;
    pub use pass::{Activations, Objective, Packing};
    pub use report::{Report, human_bytes, human_count, human_ms};
}

/// What authors of passes and backends need.
pub mod extend {
    pub use circuit::*;
    pub use exec::*;
    /// The tensor graph's own `Op`, text form and `Detail`, whose names the circuit has too.
    pub use graph;
    pub use graph::{
        Activation, Basis, EvalError, Facts, Graph, GraphError, Node, NodeId, Patch, Polynomial,
        PoolGeometry, Tensor, ValueRange, Wire, evaluate, evaluate_all,
    };
    pub use layout;
    pub use params::*;
    pub use pass::{
        Calibration, Changed, Compiler, Lower, Pass, PassCx, PassInfo, PassReport, Pipeline,
        PipelineError, Program, Refreshes, Refusal, Registry, RegistryError, Rules, Settings, rule,
    };
}
