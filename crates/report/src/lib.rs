//! The report of a compilation or a run: plain numbers under fixed names, and their rendering.
//!
//! It holds no algorithm and knows no program form: whoever counts, measures or prices fills it in.
//! Scripts read the JSON form, so its names do not change within one [`SCHEMA`]; names may be added.
//!
//! - Counts are exact integers. Sizes end in `_bytes`, times in `_ms` or `_us`, logarithms in `_bits` or `log_`.
//! - A section that was not measured is absent, not zero. Measured times stand in [`Time`] alone.
//! - JSON has no infinity: an infinite or undefined number is written as `null` and read back as absent.
#![warn(missing_docs)]

mod counts;
mod measured;
mod text;
mod units;

pub use counts::Counts;
pub use measured::{Accuracy, Ciphertexts, Error, Keys, Memory, Plaintexts, Time};
pub use units::{human_bytes, human_count, human_ms};

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Version of the JSON form.
pub const SCHEMA: u32 = 1;

/// Everything that one command found out.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Report {
    /// Version of this form, [`SCHEMA`].
    pub schema: u32,
    /// The network that was compiled.
    pub model: Model,
    /// The CKKS parameters, once chosen.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub params: Option<Params>,
    /// The network's layers, in order of evaluation.
    #[serde(default)]
    pub layers: Vec<Layer>,
    /// HE operations of the whole circuit.
    #[serde(default)]
    pub counts: Counts,
    /// How many ciphertexts there are, and the traffic.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ciphertexts: Option<Ciphertexts>,
    /// Weights as packed vectors.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub plaintexts: Option<Plaintexts>,
    /// Evaluation keys.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub keys: Option<Keys>,
    /// Memory, predicted and used.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub memory: Option<Memory>,
    /// Times; the one section that differs from run to run.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub time: Option<Time>,
    /// Distance between the encrypted and the plaintext result.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<Error>,
    /// Share of right answers, where labels were given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub accuracy: Option<Accuracy>,
    /// What each pass did, in order.
    #[serde(default)]
    pub passes: Vec<PassReport>,
}

impl Default for Report {
    fn default() -> Self {
        Report {
            schema: SCHEMA,
            model: Model::default(),
            params: None,
            layers: vec![],
            counts: Counts::default(),
            ciphertexts: None,
            plaintexts: None,
            keys: None,
            memory: None,
            time: None,
            error: None,
            accuracy: None,
            passes: vec![],
        }
    }
}

impl Report {
    /// The JSON form, indented, with a line end.
    pub fn to_json(&self) -> String {
        // Strings, numbers and maps with string keys always have a JSON form.
        let mut text = serde_json::to_string_pretty(self).unwrap_or_default();
        text.push('\n');
        text
    }

    /// Reads the JSON form.
    ///
    /// # Errors
    /// - [`ReportError::Schema`] for another version.
    /// - [`ReportError::Json`] if a name is missing or a value is of another type; unknown names are skipped.
    pub fn from_json(text: &str) -> Result<Report, ReportError> {
        /// Looked at first, because other versions may have other names.
        #[derive(Deserialize)]
        struct Version {
            schema: u32,
        }
        let version: Version = serde_json::from_str(text).map_err(ReportError::Json)?;
        if version.schema != SCHEMA {
            return Err(ReportError::Schema {
                found: version.schema,
            });
        }
        serde_json::from_str(text).map_err(ReportError::Json)
    }

    /// A summary for a terminal of `width` columns: plain text, no colors, no measured value left unnamed.
    ///
    /// Absent sections have no line. What was predicted of the result itself is not part of it.
    pub fn render_text(&self, width: u16) -> String {
        text::render(self, width)
    }
}

/// Why a report can not be read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReportError {
    /// Not JSON, or not of this form.
    #[error("not a report: {0}")]
    Json(serde_json::Error),
    /// A report of another version.
    #[error("the report has schema {found}, expected {SCHEMA}")]
    Schema {
        /// The version found.
        found: u32,
    },
}

impl ReportError {
    /// What the user can do about it.
    pub fn help(&self) -> Option<String> {
        Some("make the report again with this version: --report".into())
    }
}

/// The network that was compiled.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Model {
    /// Its name, usually the file's.
    pub name: String,
    /// SHA-256 of the ONNX file, in hexadecimal.
    pub sha256: String,
    /// Input tensors, in the network's order.
    pub inputs: Vec<TensorShape>,
    /// Output tensors, in the network's order.
    pub outputs: Vec<TensorShape>,
    /// Number of trained parameters.
    pub parameters: u64,
    /// Multiplications of the plaintext network for one sample.
    pub macs: u64,
}

/// A named tensor and its shape, without the batch dimension.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TensorShape {
    /// The tensor's name.
    pub name: String,
    /// Its dimensions.
    pub shape: Vec<u64>,
}

/// The CKKS parameters.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Params {
    /// log2 of the ring degree.
    pub log_n: u32,
    /// log2 of the modulus chain's product.
    pub log_q: f64,
    /// log2 of the product of chain and special primes, which security depends on.
    pub log_qp: f64,
    /// Security level that the table grants.
    pub security_bits: u32,
    /// Levels, that is primes after the first.
    pub n_levels: u32,
    /// log2 of a fresh ciphertext's scale.
    pub scale_bits: u32,
    /// Number of special primes.
    pub n_special: u32,
    /// Number of key-switching digits.
    pub n_digits: u32,
}

/// Tiles or diagonals of a weight matrix.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Share {
    /// All of them.
    pub total: u64,
    /// Those that are all zero, which the circuit leaves out.
    pub zero: u64,
}

impl Share {
    /// Those that the circuit computes with.
    pub fn used(self) -> u64 {
        self.total.saturating_sub(self.zero)
    }
}

/// One layer of the network.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Layer {
    /// Its name in the ONNX file.
    pub name: String,
    /// Its operator.
    pub op: String,
    /// Layout and kernel, in their text form.
    pub packing: String,
    /// Tiles of its weights, where it has weights.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tiles: Option<Share>,
    /// Diagonals of its weights, where its kernel goes by diagonals.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub diagonals: Option<Share>,
    /// Baby steps of its plan.
    pub baby: u64,
    /// Giant steps of its plan.
    pub giant: u64,
    /// Rotations that sum up partial results.
    pub collapse: u64,
    /// HE operations of this layer alone.
    pub counts: Counts,
    /// Level of its input.
    pub level_in: u32,
    /// Level of its output.
    pub level_out: u32,
    /// Bytes of its encoded weights.
    pub plaintext_bytes: u64,
    /// Time that the cost table predicts, in microseconds on one thread.
    pub predicted_us: f64,
}

/// What one pass did.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PassReport {
    /// Its name.
    pub name: String,
    /// It changed the program.
    pub changed: bool,
    /// What it has to say.
    pub notes: Vec<String>,
    /// Counts before it ran, by name; the program form decides which.
    pub before: BTreeMap<String, u64>,
    /// Counts after.
    pub after: BTreeMap<String, u64>,
}
