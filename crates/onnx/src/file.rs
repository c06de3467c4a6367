//! From bytes to protobuf messages.

use crate::ImportError;
use tract_onnx::pb::ModelProto;
use tract_onnx::prelude::Framework;

/// Decodes a model.
///
/// The outermost fields are walked first: a file that was cut, or that is no protobuf at all, is recognized before
/// anything is allocated. Inside, the decoder allocates no more than the bytes it has read.
///
/// # Errors
/// [`ImportError::NotOnnx`], [`ImportError::Truncated`].
pub(crate) fn decode(bytes: &[u8]) -> Result<ModelProto, ImportError> {
    let graph_at = walk(bytes)?;
    let mut reader = bytes;
    let model = tract_onnx::onnx()
        .proto_model_for_read(&mut reader)
        .map_err(|error| {
            let what = error
                .root_cause()
                .to_string()
                .replace("failed to decode Protobuf message: ", "");
            ImportError::NotOnnx {
                offset: graph_at.unwrap_or(0),
                what: what.trim_end_matches('.').to_owned(),
            }
        })?;
    let missing = |what: &str| ImportError::NotOnnx {
        offset: bytes.len(),
        what: what.to_owned(),
    };
    if model.ir_version <= 0 {
        return Err(missing("found no IR version, expected one"));
    }
    match &model.graph {
        Some(graph) if !graph.node.is_empty() => Ok(model),
        Some(_) => Err(missing("found a graph without nodes, expected a network")),
        None => Err(missing("found no graph, expected one")),
    }
}

/// Number of `ModelProto`'s field that holds the graph.
const GRAPH_FIELD: u64 = 7;

/// Checks the outermost protobuf fields; returns where the graph starts.
fn walk(bytes: &[u8]) -> Result<Option<usize>, ImportError> {
    let mut at = 0;
    let mut graph_at = None;
    while at < bytes.len() {
        let start = at;
        let cut = |needed: u64| ImportError::Truncated {
            offset: start,
            needed,
            found: bytes.len(),
        };
        let foreign = |what: String| ImportError::NotOnnx {
            offset: start,
            what,
        };
        let endless = || foreign("found an endless number, expected a protobuf field".to_owned());
        let number = |at: &mut usize| match varint(bytes, *at) {
            Varint::Value(value, end) => {
                *at = end;
                Ok(value)
            }
            Varint::Cut => Err(cut(bytes.len() as u64 + 1)),
            Varint::Endless => Err(endless()),
        };
        let key = number(&mut at)?;
        let length = match key & 7 {
            0 => number(&mut at).map(|_| 0)?,
            1 => 8,
            2 => number(&mut at)?,
            5 => 4,
            kind => {
                return Err(foreign(format!(
                    "found wire type {kind}, expected a protobuf field"
                )));
            }
        };
        if key >> 3 == 0 {
            return Err(foreign(
                "found field number 0, expected a protobuf field".to_owned(),
            ));
        }
        if key >> 3 == GRAPH_FIELD {
            graph_at = Some(start);
        }
        let end = (at as u64).saturating_add(length);
        if end > bytes.len() as u64 {
            return Err(cut(end));
        }
        at = end as usize;
    }
    Ok(graph_at)
}

enum Varint {
    Value(u64, usize),
    Cut,
    Endless,
}

fn varint(bytes: &[u8], start: usize) -> Varint {
    let mut value = 0;
    for k in 0..10 {
        let Some(&byte) = bytes.get(start + k) else {
            return Varint::Cut;
        };
        value |= u64::from(byte & 0x7f) << (7 * k);
        if byte < 0x80 {
            return Varint::Value(value, start + k + 1);
        }
    }
    Varint::Endless
}
