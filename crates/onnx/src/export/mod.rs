//! Writes tensor graphs as ONNX models, the inverse of the import.

mod error;
mod function;
mod layer;
mod moves;
mod proto;
mod writer;

pub use error::ExportError;

use graph::{Graph, NodeId, Op};
use proto::Message;
use writer::Writer;

/// Operator set of written models.
const OPSET: i64 = 17;
/// File format of written models.
const IR_VERSION: i64 = 8;

/// Names of a network's inputs and outputs, in order; where there are none, those of the nodes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PortNames {
    /// Names of the inputs.
    pub inputs: Vec<String>,
    /// Names of the outputs.
    pub outputs: Vec<String>,
}

/// The bytes of an ONNX model that computes what the graph computes, with f32 weights and any batch.
///
/// Importing it gives a graph that evaluates the same, its nodes named as before and weights rounded to f32.
///
/// # Errors
/// [`ExportError`] naming the node and the reason.
pub fn export(graph: &Graph, ports: &PortNames) -> Result<Vec<u8>, ExportError> {
    let mut writer = Writer::new(graph, ports)?;
    for id in graph.order() {
        node(&mut writer, id)?;
    }
    let version = env!("CARGO_PKG_VERSION");
    let opset = Message::default().text(1, "").int(2, OPSET);
    let bytes = Message::default()
        .int(1, IR_VERSION)
        .text(2, "privet")
        .text(3, version)
        .message(7, &writer.finish())
        .message(8, &opset)
        .0;
    if bytes.len() as u64 >= crate::MAX_FILE_BYTES {
        let (found, limit) = (bytes.len() as u64, crate::MAX_FILE_BYTES);
        return Err(ExportError::FileSize { found, limit });
    }
    Ok(bytes)
}

/// Writes one graph node.
fn node(writer: &mut Writer<'_>, id: NodeId) -> Result<(), ExportError> {
    let graph = writer.graph();
    match &graph.node(id).op {
        Op::Input { .. } => Ok(()),
        Op::Conv {
            geometry,
            weight,
            bias,
        } => layer::conv(writer, id, geometry, (weight, bias)),
        Op::ConvTranspose {
            geometry,
            weight,
            bias,
        } => layer::conv_transpose(writer, id, geometry, (weight, bias)),
        Op::Dense { weight, bias } => layer::dense(writer, id, weight, bias),
        Op::Linear { matrix, bias, .. } => layer::linear(writer, id, matrix, bias),
        Op::AvgPool(geometry) => layer::pool(writer, id, "AveragePool", geometry),
        Op::MaxPool(geometry) => layer::pool(writer, id, "MaxPool", geometry),
        Op::GlobalAvgPool => writer.whole(id, "GlobalAveragePool", &[&writer.operand(id, 0)], &[]),
        Op::Affine { scale, shift } => function::affine(writer, id, scale, shift),
        Op::Pad(pad) => moves::pad(writer, id, *pad),
        Op::Select(selection) => moves::select(writer, id, selection),
        Op::Concat { axis } => moves::concat(writer, id, *axis),
        Op::Mean { axes } => moves::mean(writer, id, axes),
        Op::Add | Op::Mul => {
            let operator = if graph.node(id).op == Op::Add {
                "Add"
            } else {
                "Mul"
            };
            let (a, b) = (writer.operand(id, 0), writer.operand(id, 1));
            writer.whole(id, operator, &[&a, &b], &[])
        }
        Op::Activation(activation) => function::activation(writer, id, *activation),
        Op::Polynomial(polynomial) => function::polynomial(writer, id, polynomial),
        Op::Reshape { .. } => moves::reshape(writer, id),
    }
}
