//! The tensor graph: a network of tensors, its shapes and facts, edits, text form, verifier and f64 evaluator.
//!
//! Shapes are per sample; the batch axis is not part of them. The crate knows neither ONNX nor encryption.
//!
//! ```
//! let graph = privet_graph::parse(r#"graph "tiny" {
//!   %0 "x" = input -> [2]
//!   %1 "fc" = dense %0 weight [[1, -1], [0.5, 2]] bias [0, 1] -> [2] range -4..4
//!   %2 "act" = polynomial %1 power [0, 0, 1] -> [2]
//!   return %2
//! }"#)?;
//! assert!(graph.verify().is_ok());
//! assert_eq!(privet_graph::evaluate(&graph, &[vec![3.0, 1.0]]), Ok(vec![vec![4.0, 20.25]]));
//! # Ok::<(), privet_graph::GraphError>(())
//! ```
//!
//! Edits go through [`Patch`]; operations and their shapes are in [`Op`]; the text form is told by [`print()`].
#![deny(missing_docs)]

mod activation;
mod eval;
mod graph;
mod op;
mod parse;
mod patch;
mod print;
mod select;
mod shape;
mod tensor;
mod text;
mod verify;

pub use eval::{EvalError, Values, evaluate, evaluate_all, mean_targets};
pub use graph::{Facts, Graph, Node, NodeId, ValueRange};
pub use op::{Activation, Basis, Op, Polynomial, PoolGeometry};
pub use parse::parse;
pub use patch::{Patch, Wire};
pub use print::{Detail, print};
pub use select::{Run, Selection};
pub use tensor::Tensor;

/// What can be wrong with a graph.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum GraphError {
    /// An operation does not fit its operands; whoever built the node must act.
    #[error("{node}: {why}")]
    Shape {
        /// The node's name.
        node: String,
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
    /// The graph breaks an invariant; a pass is at fault.
    #[error("{node}: {why}")]
    Invalid {
        /// The node's name.
        node: String,
        /// The invariant.
        why: String,
    },
}
