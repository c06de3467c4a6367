//! The circuit: a list of homomorphic operations in topological order, one value per operation.
//!
//! Each value is a ciphertext (`ct`), a degree-2 ciphertext (`ct3`), a decomposed ciphertext (`digits`) or a
//! ciphertext in basis QP (`ext`). On slots, `rotate x by k` has slot `i` equal to slot `i + k` of `x`; every other
//! operation acts slot by slot; `decompose`, `extend`, `mod_down`, `rescale`, `drop_level`, `relinearize` and `refresh`
//! leave the slots as they are. Levels count the rescales that are left, down to 0; OpenFHE counts the other way.
//! Kinds, levels and scales are derived, never stored: [`facts`] has the rules.
//!
//! The crate knows no ONNX, no key and no polynomial.
#![deny(missing_docs)]

mod circuit;
mod cost;
mod counts;
mod infer;
mod largest;
mod noise;
mod op;
mod parse;
mod parts;
mod plain;
mod predict;
mod print;
mod slots;
mod widen;
mod worst;

pub use circuit::{Circuit, InputFact, KeyManifest, Layer};
pub use cost::{
    CostError, CostRow, CostTable, FusedUs, Link, Measured, PriceSites, fused_products,
};
pub use counts::{Counts, counts, counts_of, layer_counts};
pub use infer::{Fact, facts, verify};
pub use largest::{JointError, ResultErrors};
pub use noise::{Added, NoiseModel};
pub use op::{Kind, LayerId, Op, Operands, PlainId, RotationClass, Value, ValueId};
pub use parse::parse;
pub use parts::{CircuitForm, CircuitParts};
pub use plain::{PlainValues, PlainVector};
pub use predict::{Prediction, Sketch, SlotError, predict};
pub use print::{Detail, print, write_text};
pub use slots::{SlotNoise, apply_slots, run_slots};
pub use widen::widen;
pub use worst::{SlotBounds, WorstError, worst_case};

/// Most slots of a ciphertext that any ring allows.
const MAX_SLOTS: usize = 1 << 16;
/// Longest name of a layer or a plain vector that is read, in bytes.
const MAX_NAME: usize = 1 << 12;
/// Most layers.
const MAX_LAYERS: usize = 1 << 16;

/// What can be wrong with a circuit.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum CircuitError {
    /// An operation breaks a rule of the circuit; a pass is at fault.
    #[error("{value} = {op}: {why}")]
    Invalid {
        /// The value.
        value: ValueId,
        /// Its operation.
        op: &'static str,
        /// Found and expected.
        why: String,
    },
    /// The text form does not parse; the text's author must act.
    #[error("line {line}: {why}")]
    Parse {
        /// One-based line.
        line: usize,
        /// Found and expected.
        why: String,
    },
    /// Stored parts do not make a circuit; whoever made the file must act.
    #[error("the stored circuit is not sound: {why}")]
    Parts {
        /// Found and expected.
        why: String,
    },
}
