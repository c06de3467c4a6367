//! Samples as they stand in a file, before they are fed.

use crate::array::Stored;
use crate::shape::Fit;

/// Numbers of a file, already cut to the samples asked for.
pub(crate) struct Raw {
    /// How they fill the network's shape.
    pub fit: Fit,
    /// Samples of the file, asked for or not.
    pub n_samples: u64,
    /// Index of the first sample in the file.
    pub first: usize,
    /// Samples here.
    pub count: usize,
    /// The samples one after another, before scaling.
    pub numbers: Numbers,
    /// Name of the array, after the file's.
    pub array: Option<String>,
    /// The file holds one sample, without an index.
    pub single: bool,
}

/// Numbers in the type that they were stored in, or decoded.
pub(crate) enum Numbers {
    Stored(Stored),
    Values(Vec<f64>),
}

impl Raw {
    /// Sample `i` of those here.
    pub fn sample(&self, i: usize) -> Vec<f64> {
        let range = i * self.fit.len()..(i + 1) * self.fit.len();
        match &self.numbers {
            Numbers::Stored(stored) => stored.numbers(range),
            Numbers::Values(values) => values[range].to_vec(),
        }
    }
}
