//! Why a model can not be imported, and what its owner can do.

use std::path::PathBuf;

/// Operator sets this importer understands.
pub const OPSETS: std::ops::RangeInclusive<i64> = 7..=22;

/// An ONNX node, as errors name it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Site {
    /// Operator type.
    pub operator: String,
    /// The node's name, or its first output where it has none.
    pub node: String,
    /// The model's operator set.
    pub opset: i64,
}

impl std::fmt::Display for Site {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "{} '{}' (opset {})",
            self.operator, self.node, self.opset
        )
    }
}

/// Why a model can not be imported. [`ImportError::help`] says what to do about it.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    /// The file can not be read; whoever named it must act.
    #[error("can not read '{}': {source}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// The system's reason.
        source: std::io::Error,
    },
    /// The bytes are no ONNX model; whoever named the file must act.
    #[error("not an ONNX model: {what}, at byte {offset}")]
    NotOnnx {
        /// Where reading stopped.
        offset: usize,
        /// Found and expected.
        what: String,
    },
    /// The file ends too early; whoever copied it must act.
    #[error(
        "the file is truncated: it has {found} bytes, and the field at byte {offset} ends at byte {needed}"
    )]
    Truncated {
        /// First byte of the field that is cut.
        offset: usize,
        /// Where that field would end.
        needed: u64,
        /// Bytes in the file.
        found: usize,
    },
    /// A size that no supported network has; the exporter must act.
    #[error("{what} is {found}, the limit is {limit}")]
    TooLarge {
        /// What is too large.
        what: String,
        /// Its size.
        found: u64,
        /// The largest accepted.
        limit: u64,
    },
    /// The operator set is too old, too new or not named; the exporter must act.
    #[error("{}, supported are {} to {}", found.map_or("the model names no opset".to_owned(), |n| format!("the model has opset {n}")), OPSETS.start(), OPSETS.end())]
    Opset {
        /// The model's operator set.
        found: Option<i64>,
    },
    /// The graph contradicts itself; the exporter must act.
    #[error("the model is inconsistent: {what}")]
    Inconsistent {
        /// Found and expected.
        what: String,
    },
    /// A tensor's data does not fit its declaration; the exporter must act.
    #[error("tensor '{tensor}' of {site}: {why}")]
    Tensor {
        /// The tensor.
        tensor: String,
        /// The first node that reads it.
        site: Site,
        /// Found and expected.
        why: String,
    },
    /// A weight is infinite or not a number; whoever trained the network must act.
    #[error("tensor '{tensor}' of {site} has {value} at element {index}, expected a finite number")]
    NonFinite {
        /// The tensor.
        tensor: String,
        /// The first node that reads it.
        site: Site,
        /// Row-major position of the first such element.
        index: usize,
        /// The element.
        value: f64,
    },
    /// Weights kept in another file can not be loaded; whoever moved the files must act.
    #[error("external data of tensor '{tensor}' at '{location}': {why}")]
    External {
        /// The tensor.
        tensor: String,
        /// The location the model names.
        location: String,
        /// The reason.
        why: String,
    },
    /// The network is quantized; the exporter must act.
    #[error("{site} belongs to a quantized network, expected floating point")]
    Quantized {
        /// The first quantized node.
        site: Site,
    },
    /// A node has no counterpart; the network's author must act.
    #[error("{site} is not supported: {why}")]
    Unsupported {
        /// The node.
        site: Site,
        /// What stands in the way.
        why: String,
        /// The nearest supported form.
        help: String,
    },
    /// Shapes do not fit, or depend on values; the exporter must act.
    #[error("{site}: {why}")]
    Shape {
        /// The node.
        site: Site,
        /// Found and expected.
        why: String,
    },
    /// A network input that can not be encrypted as one sample; the exporter must act.
    #[error("input '{input}' {why}")]
    Input {
        /// The input.
        input: String,
        /// Found and expected.
        why: String,
    },
    /// Not exactly one network input; the network's author must act.
    #[error("the model has {} inputs{}, expected one", found.len(), listed(found))]
    MultipleInputs {
        /// Their names.
        found: Vec<String>,
    },
}

fn listed(names: &[String]) -> String {
    if names.is_empty() {
        String::new()
    } else {
        format!(" ({})", names.join(", "))
    }
}

impl ImportError {
    /// What to do about it, in one line.
    pub fn help(&self) -> String {
        let fixed = match self {
            Self::Unsupported { help, .. } => help,
            Self::Read { .. } => "check the path and its permissions",
            Self::NotOnnx { .. } => "pass a file written by an ONNX exporter",
            Self::Truncated { .. } => "copy the file again and compare its size",
            Self::TooLarge { .. } => "export a smaller network",
            Self::Opset { .. } => {
                "export with opset_version=17, or convert with onnx.version_converter"
            }
            Self::Inconsistent { .. } => {
                "run onnx.checker.check_model on the file and export it again"
            }
            Self::Tensor { .. } => "export the model again",
            Self::NonFinite { .. } => "train again: a weight diverged",
            Self::External { .. } => {
                "keep the data files in the model's folder, or save the model with its weights inside"
            }
            Self::Quantized { .. } => "export the floating-point network, before quantization",
            Self::Shape { .. } => {
                "export with fixed shapes and a batch of 1, and simplify with onnxsim"
            }
            Self::Input { .. } => {
                "export with one float input of fixed shape, its first axis the batch"
            }
            Self::MultipleInputs { .. } => {
                "export a network with one input; fold the others into constants"
            }
        };
        fixed.to_owned()
    }
}
