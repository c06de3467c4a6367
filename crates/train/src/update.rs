//! Steps of the optimizers, and what is done to weights after each.

use crate::network::Leaves;
use crate::score::host;
use crate::{LassoGroup, Optimizer, ParameterId, Recipe, WeightMasks};
use burn::optim::decay::WeightDecayConfig;
use burn::optim::momentum::MomentumConfig;
use burn::optim::{
    Adam, AdamConfig, AdamState, Optimizer as Step, RecordState, Sgd, SgdConfig, SgdState,
    StateSink, StateSource,
};
use burn::tensor::{Device, Gradients, Tensor, TensorData};
use std::collections::BTreeMap;

/// An update rule and what it remembers of each parameter.
pub(crate) enum Updates {
    Adam {
        /// Without and with weight decay.
        rules: [Adam; 2],
        state: BTreeMap<ParameterId, AdamState<1>>,
    },
    Sgd {
        rules: [Sgd; 2],
        state: BTreeMap<ParameterId, SgdState<1>>,
    },
}

impl Updates {
    pub(crate) fn new(recipe: &Recipe) -> Self {
        let decay =
            (recipe.weight_decay > 0.0).then(|| WeightDecayConfig::new(recipe.weight_decay as f32));
        match recipe.optimizer {
            Optimizer::Adam => {
                let plain = AdamConfig::new();
                Self::Adam {
                    rules: [plain.build(), plain.with_weight_decay(decay).build()],
                    state: BTreeMap::new(),
                }
            }
            Optimizer::Sgd { momentum } => {
                let momentum = (momentum > 0.0).then(|| {
                    MomentumConfig::new()
                        .with_momentum(momentum)
                        .with_dampening(0.0)
                });
                let plain = SgdConfig::new().with_momentum(momentum);
                Self::Sgd {
                    rules: [plain.build(), plain.with_weight_decay(decay).build()],
                    state: BTreeMap::new(),
                }
            }
        }
    }

    /// One step of one parameter.
    pub(crate) fn step(
        &mut self,
        id: &ParameterId,
        rate: f64,
        value: Tensor<1>,
        gradient: Tensor<1>,
    ) -> Tensor<1> {
        let decays = usize::from(id.word == "weight");
        match self {
            Self::Adam { rules, state } => {
                let (value, next) = rules[decays].step(rate, value, gradient, state.remove(id));
                next.map(|next| state.insert(id.clone(), next));
                value
            }
            Self::Sgd { rules, state } => {
                let (value, next) = rules[decays].step(rate, value, gradient, state.remove(id));
                next.map(|next| state.insert(id.clone(), next));
                value
            }
        }
    }

    /// What is remembered, as named tensors and whole numbers.
    pub(crate) fn record(&self) -> StateSink {
        let mut sink = StateSink::default();
        match self {
            Self::Adam { state, .. } => state
                .iter()
                .for_each(|(id, state)| state.state_flatten(&id.to_string(), &mut sink)),
            Self::Sgd { state, .. } => state
                .iter()
                .for_each(|(id, state)| state.state_flatten(&id.to_string(), &mut sink)),
        }
        sink
    }

    /// Takes back what was recorded.
    pub(crate) fn restore(
        &mut self,
        ids: &[ParameterId],
        source: &mut StateSource,
        device: &Device,
    ) {
        for id in ids {
            let name = id.to_string();
            match self {
                Self::Adam { state, .. } => {
                    let found = AdamState::state_unflatten(&name, source, device);
                    found.map(|found| state.insert(id.clone(), found));
                }
                Self::Sgd { state, .. } => {
                    let found = SgdState::state_unflatten(&name, source, device);
                    found.map(|found| state.insert(id.clone(), found));
                }
            }
        }
    }
}

/// Gradients of all trainable parameters, their common norm at most `clip`.
pub(crate) fn clipped(
    tracked: &Leaves,
    gradients: &mut Gradients,
    clip: Option<f64>,
) -> BTreeMap<ParameterId, Tensor<1>> {
    let mut found: BTreeMap<ParameterId, Tensor<1>> = BTreeMap::new();
    for (id, leaf) in tracked {
        if let Some(gradient) = leaf.grad_remove(gradients) {
            found.insert(id.clone(), gradient);
        }
    }
    let Some(clip) = clip else { return found };
    let square = |g: &Tensor<1>| crate::score::scalar(g.clone().square().sum());
    let norm = found.values().map(square).sum::<f64>().sqrt();
    if norm > clip {
        found
            .values_mut()
            .for_each(|g| *g = g.clone().mul_scalar(clip / norm));
    }
    found
}

/// Masks as factors.
pub(crate) fn factors(masks: &WeightMasks, device: &Device) -> Leaves {
    let factor = |(id, mask): (&ParameterId, &crate::WeightMask)| {
        let kept: Vec<f32> = mask.kept.iter().map(|&kept| f32::from(kept)).collect();
        (id.clone(), Tensor::from_data(kept.as_slice(), device))
    };
    masks.iter().map(factor).collect()
}

/// Zeroes what masks drop.
pub(crate) fn hold(leaves: &mut Leaves, factors: &Leaves) {
    for (id, factor) in factors {
        if let Some(leaf) = leaves.get_mut(id) {
            *leaf = leaf.clone() * factor.clone();
        }
    }
}

/// Shrinks every group by its strength times the rate, to exactly zero where its norm is no larger.
///
/// # Source
/// Yuan and Lin, 2006: the proximal operator of the group lasso.
pub(crate) fn shrink(leaves: &mut Leaves, groups: &[LassoGroup], rate: f64, device: &Device) {
    if groups.is_empty() {
        return;
    }
    let mut values: BTreeMap<&ParameterId, Vec<f32>> = BTreeMap::new();
    for (id, _) in groups.iter().flat_map(|group| &group.members) {
        if let Some(leaf) = leaves.get(id) {
            values.entry(id).or_insert_with(|| host(leaf.clone()));
        }
    }
    for group in groups {
        let square = |(id, places): &(ParameterId, Vec<u32>)| -> f64 {
            let values = &values[id];
            places
                .iter()
                .map(|&k| f64::from(values[k as usize]).powi(2))
                .sum()
        };
        let norm = group.members.iter().map(square).sum::<f64>().sqrt();
        let factor = match norm > 0.0 {
            true => (1.0 - rate * group.strength / norm).max(0.0) as f32,
            false => continue,
        };
        for (id, places) in &group.members {
            let values = values.get_mut(id).expect("read above");
            places.iter().for_each(|&k| values[k as usize] *= factor);
        }
    }
    for (id, values) in values {
        leaves.insert(id.clone(), flat(values, device));
    }
}

pub(crate) fn flat(values: Vec<f32>, device: &Device) -> Tensor<1> {
    let n = values.len();
    Tensor::from_data(TensorData::new(values, [n]), device)
}
