//! Reads ONNX models into tensor graphs, and writes such graphs as ONNX models.
//!
//! What a model may hold is in the table below; everything else is refused by name, with the node, the operator set
//! and the nearest supported form. The batch axis is fixed to one and left out of all shapes.
//!
//! The crate knows neither ciphertexts nor approximations: a Relu stays a Relu, a maximum pool a maximum pool.
//! No other crate names tract, which infers shapes and folds constants here.
//!
#![doc = include_str!("../OPERATORS.md")]
#![deny(missing_docs)]

mod batch;
mod check;
mod error;
mod export;
mod external;
mod facts;
mod file;
mod form;
mod info;
mod lower;
mod node;
mod ops;
mod step;
mod tensors;

pub use error::{ImportError, OPSETS, Site};
pub use export::{ExportError, PortNames, export};
pub use info::{ModelInfo, Port};

use std::path::Path;

/// Bytes of the largest file accepted: protobuf's own limit.
const MAX_FILE_BYTES: u64 = 1 << 31;

/// A model read from ONNX.
#[derive(Clone, Debug)]
pub struct Imported {
    /// The network.
    pub graph: graph::Graph,
    /// The file.
    pub info: ModelInfo,
}

/// Reads an ONNX file; its external data must lie in the same folder.
///
/// # Errors
/// [`ImportError`]; see [`ImportError::help`].
pub fn import_file(path: &Path) -> Result<Imported, ImportError> {
    let read = |source| ImportError::Read {
        path: path.to_owned(),
        source,
    };
    let found = std::fs::metadata(path).map_err(read)?.len();
    if found > MAX_FILE_BYTES {
        return Err(ImportError::TooLarge {
            what: "the file's size in bytes".to_owned(),
            found,
            limit: MAX_FILE_BYTES,
        });
    }
    let bytes = std::fs::read(path).map_err(read)?;
    let name = path.file_stem().map_or_else(
        || "model".to_owned(),
        |stem| stem.to_string_lossy().into_owned(),
    );
    import_bytes(&bytes, &name, path.parent())
}

/// Reads an ONNX model from memory; external data, if any, from `folder`.
///
/// # Errors
/// [`ImportError`]; see [`ImportError::help`].
pub fn import_bytes(
    bytes: &[u8],
    name: &str,
    folder: Option<&Path>,
) -> Result<Imported, ImportError> {
    let mut model = file::decode(bytes)?;
    let opset = check::opset(&model)?;
    let mut info = ModelInfo::of(&model, bytes, name, opset);
    let Some(proto) = model.graph.as_mut() else {
        return Err(ImportError::NotOnnx {
            offset: bytes.len(),
            what: "found no graph, expected one".to_owned(),
        });
    };
    check::keep_live(proto)?;
    info.remarks = check::drop_final_softmax(proto);
    check::nodes(proto, opset)?;
    tensors::check(proto, opset, folder)?;
    let (input, shape) = batch::fix(proto)?;
    batch::check_constants(proto, opset)?;
    let facts = facts::infer(&model, opset)?;
    let proto = model.graph.take().unwrap_or_default();
    let graph = lower::lower(&proto, opset, name, (&input, &shape), &facts)?;
    info.macs = info::macs(&graph);
    tracing::info!(
        name,
        opset,
        nodes = graph.len(),
        parameters = info.n_parameters,
        "imported"
    );
    Ok(Imported { graph, info })
}
