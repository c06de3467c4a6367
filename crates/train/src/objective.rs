//! Losses.

use crate::{Dataset, Recipe};
use burn::tensor::{Device, Int, Tensor, activation as functions};

/// What the outputs of one batch should be.
pub(crate) enum Wanted {
    Classes(Tensor<2, Int>),
    Values(Tensor<2>),
}

impl Wanted {
    /// Targets of these samples.
    pub(crate) fn of(data: &Dataset, samples: &[u32], device: &Device) -> Self {
        if data.has_classes() {
            let classes: Vec<i64> = samples
                .iter()
                .filter_map(|&k| data.class(k as usize).map(i64::from))
                .collect();
            let classes = Tensor::<1, Int>::from_data(classes.as_slice(), device);
            return Self::Classes(classes.reshape([samples.len(), 1]));
        }
        let values: Vec<f32> = samples
            .iter()
            .filter_map(|&k| data.target(k as usize))
            .flatten()
            .copied()
            .collect();
        Self::Values(rows(&values, data.target_len(), device))
    }

    /// Mean loss of a batch.
    pub(crate) fn loss(&self, output: Tensor<2>) -> Tensor<1> {
        match self {
            Self::Classes(classes) => {
                let log = functions::log_softmax(output, 1);
                log.gather(1, classes.clone()).mean().neg()
            }
            Self::Values(values) => (output - values.clone()).square().mean(),
        }
    }

    /// The loss with a teacher's outputs mixed in.
    pub(crate) fn distilled(
        &self,
        output: Tensor<2>,
        teacher: Option<Tensor<2>>,
        recipe: &Recipe,
    ) -> Tensor<1> {
        let (Some(teacher), Some(how)) = (teacher, &recipe.distillation) else {
            return self.loss(output);
        };
        let own = self.loss(output.clone()).mul_scalar(1.0 - how.share);
        let other = match self {
            Self::Classes(_) => {
                let t = how.temperature;
                let wanted = functions::softmax(teacher.div_scalar(t), 1);
                let log = functions::log_softmax(output.div_scalar(t), 1);
                (wanted * log).sum_dim(1).mean().neg().mul_scalar(t * t)
            }
            Self::Values(_) => (output - teacher).square().mean(),
        };
        own + other.mul_scalar(how.share)
    }
}

/// Values of several samples as rows.
pub(crate) fn rows(values: &[f32], width: usize, device: &Device) -> Tensor<2> {
    Tensor::<1>::from_data(values, device).reshape([values.len() / width, width])
}

/// Inputs of these samples.
pub(crate) fn inputs(data: &Dataset, samples: &[u32]) -> Vec<f32> {
    let mut values = Vec::with_capacity(samples.len() * data.sample_len());
    samples
        .iter()
        .for_each(|&k| values.extend_from_slice(data.input(k as usize)));
    values
}

/// The mean squares of what lies beyond a limit, over all watched values.
pub(crate) fn excess(watched: Vec<Tensor<2>>, limit: f64) -> Option<Tensor<1>> {
    let beyond = |x: Tensor<2>| functions::relu(x.abs().sub_scalar(limit)).square().mean();
    watched.into_iter().map(beyond).reduce(|a, b| a + b)
}
