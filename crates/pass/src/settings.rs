//! Settings of one compilation.

use circuit::CostTable;
use std::sync::Arc;

/// Samples that show the values a network meets.
#[derive(Clone, Debug, PartialEq, Default)]
pub struct Calibration {
    /// Per sample, the values of each network input.
    pub samples: Vec<Vec<Vec<f64>>>,
}

/// What a compilation makes least.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Objective {
    /// Time of one run, by the cost table.
    #[default]
    Latency,
    /// Time per sample, by the cost table: wide batches.
    Throughput,
    /// Bytes that a run holds.
    Memory,
    /// Rotations, whatever they cost.
    Rotations,
}

/// Which family of layouts is used.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Packing {
    /// Whichever is cheapest.
    #[default]
    Auto,
    /// Periodic vectors and their diagonals.
    Diagonal,
    /// Tile tensors; with tile sizes, the last of which is the batch, only those.
    Tile(Option<Vec<u32>>),
    /// One ciphertext per element, one sample per slot.
    Batch,
}

/// Refreshes by the client, which the user allows.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Refreshes {
    /// Largest magnitude of any value between layers, where it is known; a value that is refreshed has to fit under the
    /// last prime, or is refreshed a level higher.
    pub largest: Option<f64>,
}

/// What activations may become.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Activations {
    /// One polynomial each.
    #[default]
    Polynomial,
    /// Products with a composition of polynomials that gives a sign too, where one polynomial does not keep the error
    /// budget; maxima too, which are sums of absolute values.
    Sign,
}

/// What the user asked for; the same for every pass of one compilation.
#[derive(Clone, Debug, PartialEq)]
pub struct Settings {
    /// log2 of the ring degree this attempt compiles for.
    pub log_n: u8,
    /// log2 of the scale of fresh ciphertexts.
    pub scale_bits: u8,
    /// Calibration samples, if the user gave any.
    pub calibration: Option<Arc<Calibration>>,
    /// Half-width of calibrated ranges is widened by this share.
    pub range_margin: f64,
    /// Largest root-mean-square error of the network's output that fitted activations may cause together, as a share
    /// of the output's own root mean square.
    pub activation_error: f64,
    /// Largest degree of a fitted activation.
    pub max_degree: usize,
    /// What activations may become.
    pub activations: Activations,
    /// Costs of operations.
    pub costs: CostTable,
    /// What layouts and plans are chosen for.
    pub objective: Objective,
    /// Which family of layouts is used.
    pub packing: Packing,
    /// Samples that lie side by side in every ciphertext: a power of two, at most the slots.
    pub batch_width: u32,
    /// Whether values may be refreshed by the client where the chain is too short.
    pub refresh: Option<Refreshes>,
    /// Most ciphertexts of an input in tiles; if absent, as many as it fills, rounded up to a power of two, and any number
    /// in tiles of given sizes.
    pub max_input_ciphertexts: Option<u32>,
    /// Most bytes that the evaluation keys may take, expanded.
    pub key_memory: Option<u64>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            log_n: 14,
            scale_bits: 40,
            calibration: None,
            range_margin: 0.1,
            activation_error: 0.1,
            max_degree: 15,
            activations: Activations::default(),
            costs: CostTable::default(),
            objective: Objective::default(),
            packing: Packing::default(),
            batch_width: 1,
            refresh: None,
            max_input_ciphertexts: None,
            key_memory: None,
        }
    }
}

impl Settings {
    /// Slots of a ciphertext.
    pub fn n_slots(&self) -> usize {
        1 << (self.log_n - 1)
    }

    /// Slots of a ciphertext that belong to one sample: what layouts and plans are made for.
    pub fn sample_slots(&self) -> usize {
        self.n_slots() / self.batch_width as usize
    }
}
