//! Samples with what a network should say of them.

use std::sync::Arc;

/// What a network's outputs should be.
#[derive(Clone, Debug, PartialEq)]
pub enum Targets {
    /// The class of each sample, from 0.
    Classes(Arc<Vec<u32>>),
    /// The outputs of each sample, row-major, all of one length.
    Values(Arc<Vec<f32>>),
}

/// Why samples and targets do not make a data set; whoever supplied them must act.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum DatasetError {
    /// Numbers of samples and targets differ.
    #[error("found {targets} targets for {samples} samples, expected one each")]
    Count {
        /// Samples.
        samples: usize,
        /// Targets.
        targets: usize,
    },
    /// There is nothing to learn from.
    #[error("found no samples")]
    Empty,
    /// A value is infinite or not a number.
    #[error("sample {sample} has {value} at element {element}, expected a finite number")]
    NonFinite {
        /// The sample.
        sample: usize,
        /// Its element.
        element: usize,
        /// The value.
        value: f32,
    },
}

/// Samples of one shape and their targets; cheap to clone, and parts share the numbers.
#[derive(Clone, Debug)]
pub struct Dataset {
    sample_len: usize,
    target_len: usize,
    inputs: Arc<Vec<f32>>,
    targets: Targets,
    /// Samples of this part.
    order: Arc<Vec<u32>>,
}

impl Dataset {
    /// Samples of `sample_len` values each, one after another, and a class for each.
    ///
    /// # Errors
    /// [`DatasetError`] if numbers differ, there is none, or a value is not finite.
    pub fn classes(
        sample_len: usize,
        inputs: Vec<f32>,
        labels: Vec<u32>,
    ) -> Result<Self, DatasetError> {
        let n = labels.len();
        Self::new(sample_len, inputs, Targets::Classes(Arc::new(labels)), n, 1)
    }

    /// Samples and the values that a network should compute from them.
    ///
    /// # Errors
    /// As [`Dataset::classes`].
    pub fn values(
        sample_len: usize,
        inputs: Vec<f32>,
        target_len: usize,
        targets: Vec<f32>,
    ) -> Result<Self, DatasetError> {
        let n = targets.len() / target_len.max(1);
        let targets = Targets::Values(Arc::new(targets));
        Self::new(sample_len, inputs, targets, n, target_len)
    }

    /// Samples that are their own targets, as for an auto-encoder.
    ///
    /// # Errors
    /// As [`Dataset::classes`].
    pub fn reconstruction(sample_len: usize, inputs: Vec<f32>) -> Result<Self, DatasetError> {
        let inputs = Arc::new(inputs);
        let n = inputs.len() / sample_len.max(1);
        Self::shared(
            sample_len,
            inputs.clone(),
            Targets::Values(inputs),
            n,
            sample_len,
        )
    }

    fn new(
        sample_len: usize,
        inputs: Vec<f32>,
        targets: Targets,
        n_targets: usize,
        target_len: usize,
    ) -> Result<Self, DatasetError> {
        Self::shared(sample_len, Arc::new(inputs), targets, n_targets, target_len)
    }

    fn shared(
        sample_len: usize,
        inputs: Arc<Vec<f32>>,
        targets: Targets,
        n_targets: usize,
        target_len: usize,
    ) -> Result<Self, DatasetError> {
        let samples = inputs.len() / sample_len.max(1);
        if samples == 0 {
            return Err(DatasetError::Empty);
        }
        if samples != n_targets {
            return Err(DatasetError::Count {
                samples,
                targets: n_targets,
            });
        }
        if let Some(at) = inputs.iter().position(|v| !v.is_finite()) {
            return Err(DatasetError::NonFinite {
                sample: at / sample_len,
                element: at % sample_len,
                value: inputs[at],
            });
        }
        Ok(Self {
            sample_len,
            target_len,
            inputs,
            targets,
            order: Arc::new((0..samples as u32).collect()),
        })
    }

    /// Number of samples.
    pub fn len(&self) -> usize {
        self.order.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.order.is_empty()
    }

    /// Values of one sample.
    pub fn sample_len(&self) -> usize {
        self.sample_len
    }

    /// Values that a network should compute from one sample; 1 for a class.
    pub fn target_len(&self) -> usize {
        self.target_len
    }

    /// The inputs of sample `k` of this part.
    pub fn input(&self, k: usize) -> &[f32] {
        let at = self.order[k] as usize * self.sample_len;
        &self.inputs[at..at + self.sample_len]
    }

    /// The class of sample `k`, if samples have classes.
    pub fn class(&self, k: usize) -> Option<u32> {
        match &self.targets {
            Targets::Classes(labels) => Some(labels[self.order[k] as usize]),
            Targets::Values(_) => None,
        }
    }

    /// The target values of sample `k`, if samples have them.
    pub fn target(&self, k: usize) -> Option<&[f32]> {
        match &self.targets {
            Targets::Classes(_) => None,
            Targets::Values(values) => {
                let at = self.order[k] as usize * self.target_len;
                Some(&values[at..at + self.target_len])
            }
        }
    }

    /// Whether samples have classes.
    pub fn has_classes(&self) -> bool {
        matches!(self.targets, Targets::Classes(_))
    }

    /// One more than the largest class; 0 without classes.
    pub fn n_classes(&self) -> usize {
        let largest = (0..self.len()).filter_map(|k| self.class(k)).max();
        largest.map_or(0, |class| class as usize + 1)
    }

    /// These samples of this part, in this order.
    ///
    /// # Panics
    /// If there is no such sample.
    #[must_use]
    pub fn part(&self, samples: &[u32]) -> Self {
        let order = samples.iter().map(|&k| self.order[k as usize]).collect();
        Self {
            order: Arc::new(order),
            ..self.clone()
        }
    }

    /// The first `n` samples, or all.
    #[must_use]
    pub fn first(&self, n: usize) -> Self {
        let samples: Vec<u32> = (0..self.len().min(n) as u32).collect();
        self.part(&samples)
    }

    /// Two parts without a sample in common, the second with about `share` of the samples, drawn by `seed`.
    pub fn split(&self, share: f64, seed: u64) -> (Self, Self) {
        let order = crate::rng::permutation(self.len(), seed);
        let n = ((self.len() as f64 * share).round() as usize).clamp(1, self.len().max(2) - 1);
        let (second, first) = order.split_at(n.min(order.len()));
        (self.part(first), self.part(second))
    }
}
