//! Sections that hold what was measured or added up, each optional as a whole.

use serde::{Deserialize, Serialize};

/// Number of ciphertexts, and the traffic between client and server.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ciphertexts {
    /// Encrypted inputs.
    pub input: u64,
    /// Encrypted outputs.
    pub output: u64,
    /// Most ciphertexts alive at one time.
    pub live_peak: u64,
    /// From client to server for one run, keys apart.
    pub upload_bytes: u64,
    /// From server to client for one run.
    pub download_bytes: u64,
    /// Both ways, for refreshes by the client.
    pub refresh_bytes: u64,
}

/// Weights as packed vectors.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Plaintexts {
    /// All vectors of the packed weights.
    pub total: u64,
    /// Those that are all zero, and so were dropped.
    pub zero: u64,
    /// Bytes of the others when encoded.
    pub bytes: u64,
}

/// Evaluation keys.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Keys {
    /// Number of rotation keys.
    pub rotation: u64,
    /// Bytes in memory, all keys together.
    pub bytes: u64,
    /// Bytes on disk and on the network, with the random halves as seeds.
    pub bytes_seeded: u64,
    /// Rotation amounts that have a key.
    pub amounts: Vec<i64>,
}

/// Memory.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Memory {
    /// Peak that the schedule predicts, keys and encoded weights included.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub predicted_peak_bytes: Option<u64>,
    /// Peak of the whole process.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub peak_rss_bytes: Option<u64>,
    /// All weights encoded, those apart that are one number: `kept_plaintext_bytes` and `encoded_plaintext_bytes`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub plaintext_bytes: Option<u64>,
    /// Weights encoded before the run and kept; `time.run_ms` holds without encoding these.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kept_plaintext_bytes: Option<u64>,
    /// Weights encoded during every run, because the memory allowed has no room; `time.run_ms` includes it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub encoded_plaintext_bytes: Option<u64>,
}

/// Wall-clock times in milliseconds; each absent where the command did not do that.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Time {
    /// Running the circuit, as the cost table predicts on one thread.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub predicted_ms: Option<f64>,
    /// Compiling.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub compile_ms: Option<f64>,
    /// Making keys.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub keygen_ms: Option<f64>,
    /// Encoding weights ahead of the run.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub encode_ms: Option<f64>,
    /// Packing and encrypting the input.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub encrypt_ms: Option<f64>,
    /// Running the circuit.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub run_ms: Option<f64>,
    /// Decrypting and unpacking the output.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub decrypt_ms: Option<f64>,
    /// Threads that the run used.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub threads: Option<u64>,
}

/// Distance between the encrypted and the plaintext result.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Error {
    /// Largest absolute difference of any output.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_abs: Option<f64>,
    /// The same, divided by the largest output.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_rel: Option<f64>,
    /// −log2 of the largest absolute difference of any output value.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub precision_bits: Option<f64>,
    /// What the noise model predicts for it: as many bits or more in 99 of 100 cases.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub predicted_precision_bits: Option<f64>,
    /// Share of samples, 0 to 1, whose largest output is the same one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub argmax_agreement: Option<f64>,
    /// Activation inputs outside the range that their polynomial was fitted for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub out_of_range: Option<u64>,
}

/// Share of right answers, 0 to 1, over the labelled samples.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Accuracy {
    /// Of the network as given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub plaintext: Option<f64>,
    /// Of the network with polynomial activations, unencrypted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub polynomial: Option<f64>,
    /// Of the decrypted results.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub encrypted: Option<f64>,
    /// Number of samples.
    pub samples: u64,
}
