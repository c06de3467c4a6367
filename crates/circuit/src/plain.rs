//! Plain vectors: weights as numbers, encoded only when run.

use serde::{Deserialize, Serialize};

/// A plain vector whose values repeat every `period` slots.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PlainVector {
    /// Unique name within the circuit, `layer.part`.
    pub name: String,
    /// A power of two, at most the slot count.
    pub period: u32,
    /// The values of one period.
    pub values: PlainValues,
}

/// Values of one period.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum PlainValues {
    /// One per slot.
    Dense(Vec<f64>),
    /// `(slot, value)` in rising slot order; other slots are 0.
    Sparse(Vec<(u32, f64)>),
}

impl PlainVector {
    /// One value in all slots.
    pub fn splat(name: impl Into<String>, value: f64) -> Self {
        Self {
            name: name.into(),
            period: 1,
            values: PlainValues::Dense(vec![value]),
        }
    }

    /// Values of one period, written out; zero-filled from a sparse form.
    pub fn period_values(&self) -> Vec<f64> {
        match &self.values {
            PlainValues::Dense(values) => values.clone(),
            PlainValues::Sparse(entries) => {
                let mut values = vec![0.0; self.period as usize];
                entries
                    .iter()
                    .for_each(|&(slot, value)| values[slot as usize] = value);
                values
            }
        }
    }

    /// The one value of a constant vector.
    pub fn as_splat(&self) -> Option<f64> {
        match &self.values {
            PlainValues::Dense(values) if self.period == 1 => values.first().copied(),
            _ => None,
        }
    }

    /// Whether every slot is 0.
    pub fn is_zero(&self) -> bool {
        match &self.values {
            PlainValues::Dense(values) => values.iter().all(|v| *v == 0.0),
            PlainValues::Sparse(entries) => entries.iter().all(|(_, v)| *v == 0.0),
        }
    }

    /// Largest magnitude.
    pub fn max_abs(&self) -> f64 {
        let fold = |m: f64, v: f64| m.max(v.abs());
        match &self.values {
            PlainValues::Dense(values) => values.iter().copied().fold(0.0, fold),
            PlainValues::Sparse(entries) => entries.iter().map(|(_, v)| *v).fold(0.0, fold),
        }
    }
}
