//! Why a graph can not be written.

/// Why a graph can not be written as an ONNX model. [`ExportError::help`] says what to do about it.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum ExportError {
    /// A constant is no finite f32; whoever made the network must act.
    #[error("{node}: its {what} has the element {value:e}, expected a finite number below 3.4e38")]
    Number {
        /// The node's name.
        node: String,
        /// The constant.
        what: String,
        /// The element.
        value: f64,
    },
    /// A linear map has too many elements as a whole matrix.
    #[error("{node}: a dense matrix of {rows} by {cols} has more than {limit} elements")]
    Matrix {
        /// The node's name.
        node: String,
        /// Elements of its result.
        rows: u32,
        /// Elements of its operand.
        cols: u32,
        /// Largest number of elements.
        limit: u64,
    },
    /// The names given do not fit the network's inputs or outputs.
    #[error("found the {what} names {found:?}, expected {expected} different ones")]
    Ports {
        /// `input` or `output`.
        what: &'static str,
        /// The names.
        found: Vec<String>,
        /// Inputs or outputs of the network.
        expected: usize,
    },
    /// The network has no output.
    #[error("the network has no output, expected one")]
    NoOutput,
    /// The model exceeds what protobuf can hold.
    #[error("the model takes {found} bytes, expected less than {limit}")]
    FileSize {
        /// Bytes of the model.
        found: u64,
        /// Protobuf's limit.
        limit: u64,
    },
}

impl ExportError {
    /// What to do about it.
    pub fn help(&self) -> String {
        match self {
            Self::Number { .. } => "train again: a weight diverged",
            Self::Matrix { .. } => {
                "write the network before passes fold its layers, or resize to fewer elements"
            }
            Self::Ports { .. } => "name every input and output once",
            Self::NoOutput => "declare the outputs with Graph::set_outputs",
            Self::FileSize { .. } => "remove weights; an ONNX file holds less than 2 GiB",
        }
        .to_owned()
    }
}
