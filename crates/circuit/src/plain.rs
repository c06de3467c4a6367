//! Plain vectors: weights as numbers, encoded only when run.

use serde::{Deserialize, Serialize};

/// A plain vector whose slots repeat every `period`, each of its values in `each` neighbouring ones.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PlainVector {
    /// Unique name within the circuit, `layer.part`.
    pub name: String,
    /// Slots of one period: a power of two, at most the slot count.
    pub period: u32,
    /// Neighbouring slots that hold one value: a power of two, at most the period.
    pub each: u32,
    /// The values of one period.
    pub values: PlainValues,
}

/// Values of one period, one for every `each` slots.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum PlainValues {
    /// All of them.
    Dense(Vec<f64>),
    /// `(place, value)` in rising order of places; others are 0.
    Sparse(Vec<(u32, f64)>),
}

impl PlainVector {
    /// One value in all slots.
    pub fn splat(name: impl Into<String>, value: f64) -> Self {
        Self {
            name: name.into(),
            period: 1,
            each: 1,
            values: PlainValues::Dense(vec![value]),
        }
    }

    /// Values that repeat every `n_places`, each in `each` neighbouring slots. A single one is that of all slots.
    pub fn spread(name: impl Into<String>, n_places: u32, values: PlainValues, each: u32) -> Self {
        let each = if n_places == 1 { 1 } else { each };
        Self {
            name: name.into(),
            period: n_places * each,
            each,
            values,
        }
    }

    /// Values of one period.
    pub fn n_places(&self) -> u32 {
        self.period / self.each.max(1)
    }

    /// One value for every `each` slots of a period, zero-filled from a sparse form.
    pub fn place_values(&self) -> Vec<f64> {
        match &self.values {
            PlainValues::Dense(values) => values.clone(),
            PlainValues::Sparse(entries) => {
                let mut values = vec![0.0; self.n_places() as usize];
                entries
                    .iter()
                    .for_each(|&(place, value)| values[place as usize] = value);
                values
            }
        }
    }

    /// The slots of one period.
    pub fn period_values(&self) -> Vec<f64> {
        let values = self.place_values();
        if self.each == 1 {
            return values;
        }
        let each = self.each as usize;
        values
            .into_iter()
            .flat_map(|value| std::iter::repeat_n(value, each))
            .collect()
    }

    /// The slots of one period, one of every `stride`.
    ///
    /// # Panics
    /// If values change between them, see [`PlainVector::is_constant_over`].
    pub fn strided_values(&self, stride: u32) -> Vec<f64> {
        assert!(self.is_constant_over(stride), "values of {}", self.name);
        let each = (self.each / stride).max(1) as usize;
        let values = self.place_values().into_iter();
        values
            .flat_map(|value| std::iter::repeat_n(value, each))
            .collect()
    }

    /// Whether all of any `stride` neighbouring slots, the first a multiple of it, hold one value.
    pub fn is_constant_over(&self, stride: u32) -> bool {
        self.period == 1 || self.each.is_multiple_of(stride)
    }

    /// The one value of a constant vector.
    pub fn as_splat(&self) -> Option<f64> {
        match &self.values {
            PlainValues::Dense(values) if values.len() == 1 => values.first().copied(),
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
