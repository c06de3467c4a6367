//! What a file says about itself.

use crate::batch::{shape_text, tensor_type};
use crate::tensors::n_elements;
use graph::{Graph, Op};
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use tract_onnx::pb::tensor_proto::DataType;
use tract_onnx::pb::{ModelProto, ValueInfoProto};

/// A network input or output as the file declares it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Port {
    /// The value's name.
    pub name: String,
    /// Sizes and symbols with the batch axis, `[batch_size, 1, 28, 28]`.
    pub shape: String,
}

/// What is known about the file a network came from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ModelInfo {
    /// File name without its ending.
    pub name: String,
    /// Hexadecimal SHA-256 of the file.
    pub sha256: String,
    /// Exporter and version; empty if not given.
    pub producer: String,
    /// Version of the file format.
    pub ir_version: i64,
    /// Standard operator set.
    pub opset: i64,
    /// Network inputs, stored ones left out.
    pub inputs: Vec<Port>,
    /// Network outputs.
    pub outputs: Vec<Port>,
    /// Floating-point elements stored in the file.
    pub n_parameters: usize,
    /// Multiplications with a weight for one sample, zero weights and padding included.
    pub macs: u64,
    /// Nodes by operator.
    pub operators: BTreeMap<String, usize>,
    /// What the network computes otherwise than the file says, a sentence each.
    pub remarks: Vec<String>,
}

impl ModelInfo {
    pub(crate) fn of(model: &ModelProto, bytes: &[u8], name: &str, opset: i64) -> Self {
        let graph = model.graph.clone().unwrap_or_default();
        let stored = |port: &&ValueInfoProto| graph.initializer.iter().any(|t| t.name == port.name);
        let port = |p: &ValueInfoProto| {
            let dims = tensor_type(p)
                .and_then(|t| t.shape.as_ref())
                .map(|s| s.dim.as_slice())
                .unwrap_or_default();
            Port {
                name: p.name.clone(),
                shape: shape_text(dims),
            }
        };
        let mut operators = BTreeMap::new();
        for node in &graph.node {
            *operators.entry(node.op_type.clone()).or_insert(0) += 1;
        }
        let floats = [DataType::Float, DataType::Double, DataType::Float16].map(|t| t as i32);
        let constants = graph
            .node
            .iter()
            .filter(|n| n.op_type == "Constant")
            .flat_map(|n| n.attribute.iter().filter_map(|a| a.t.as_ref()));
        let tensors = graph
            .initializer
            .iter()
            .chain(constants)
            .filter(|t| floats.contains(&t.data_type));
        Self {
            name: name.to_owned(),
            sha256: Sha256::digest(bytes)
                .iter()
                .map(|byte| format!("{byte:02x}"))
                .collect(),
            producer: format!("{} {}", model.producer_name, model.producer_version)
                .trim()
                .to_owned(),
            ir_version: model.ir_version,
            opset,
            inputs: graph
                .input
                .iter()
                .filter(|p| !stored(p))
                .map(port)
                .collect(),
            outputs: graph.output.iter().map(port).collect(),
            n_parameters: tensors
                .filter_map(n_elements)
                .map(|n| n as usize)
                .fold(0, usize::saturating_add),
            macs: 0,
            operators,
            remarks: Vec::new(),
        }
    }
}

/// Multiplications of convolutions and fully connected layers.
pub(crate) fn macs(graph: &Graph) -> u64 {
    let of = |id| match &graph.node(id).op {
        Op::Conv { weight, .. } => {
            let out = weight.shape().first().copied().unwrap_or(1).max(1);
            graph.n_elements(id) as u64 * (weight.len() / out) as u64
        }
        Op::ConvTranspose { weight, .. } => {
            let channels = weight.shape().first().copied().unwrap_or(1).max(1);
            let n_read = graph
                .operands(id)
                .first()
                .map_or(0, |&x| graph.n_elements(x));
            n_read as u64 * (weight.len() / channels) as u64
        }
        Op::Dense { weight, .. } => weight.len() as u64,
        _ => 0,
    };
    graph.order().into_iter().map(of).sum()
}
