//! The training loop.

use crate::checkpoint::{Checkpoint, Saved};
use crate::network::{Leaves, Network};
use crate::objective::{Wanted, excess, inputs, rows};
use crate::score::{check, find, host, outputs, scalar, score_with, track};
use crate::update::{Updates, clipped, factors, hold, shrink};
use crate::{
    Dataset, ParameterId, Recipe, Schedule, Score, TrainError, WeightMasks, parameters,
    set_parameter,
};
use burn::tensor::Tensor;
use graph::Graph;
use serde::{Deserialize, Serialize};
use std::path::Path;

/// How often a diverged training begins again at its last good epoch, at a tenth of the rate.
const TRIES: usize = 3;

/// How far a training is.
#[derive(Clone, Copy, Debug)]
pub struct Step {
    /// Epoch, from 0.
    pub epoch: usize,
    /// Epochs at most.
    pub epochs: usize,
    /// Step of the epoch, from 0.
    pub step: usize,
    /// Steps of an epoch.
    pub steps: usize,
    /// Mean loss of this epoch so far.
    pub loss: f64,
    /// The best validation so far.
    pub best: Option<Score>,
}

/// Watches a training, and may stop it or change its masks.
pub trait Watch {
    /// Told after every step; `false` stops the training with [`TrainError::Stopped`].
    fn step(&mut self, _step: &Step) -> bool {
        true
    }

    /// Told after every epoch.
    fn epoch(&mut self, _epoch: &Epoch) {}

    /// New masks after so many steps in all; `weights` makes a graph of the weights as they are.
    fn masks(&mut self, _steps: usize, _weights: &dyn Fn() -> Graph) -> Option<WeightMasks> {
        None
    }
}

/// Watches nothing.
impl Watch for () {}

/// One pass over the data.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Epoch {
    /// From 1.
    pub number: usize,
    /// Mean loss of its steps.
    pub loss: f64,
    /// Validation after it.
    pub validation: Score,
    /// Learning rate of its last step.
    pub rate: f64,
}

/// A trained network: the weights of the epoch with the best validation.
#[derive(Clone, Debug)]
pub struct Trained {
    /// The network.
    pub graph: Graph,
    /// Validation of the weights that training started from.
    pub start: Score,
    /// All epochs.
    pub epochs: Vec<Epoch>,
    /// The epoch whose weights these are; 0 if none was better than the start.
    pub best: usize,
    /// Their validation.
    pub validation: Score,
}

/// Trains a network on data, and keeps the weights that do best on validation data. What masks drop is zero throughout.
///
/// The same arguments give the same network, whatever the number of threads. With a checkpoint the training goes on where
/// it was interrupted, from the last whole epoch; a finished one is not repeated.
///
/// # Errors
/// [`TrainError`]; its help says what to do.
pub fn train(
    graph: &Graph,
    data: &Dataset,
    validation: &Dataset,
    masks: &WeightMasks,
    recipe: &Recipe,
    watch: &mut dyn Watch,
    checkpoint: Option<&Path>,
) -> Result<Trained, TrainError> {
    check(graph, data)?;
    check(graph, validation)?;
    check_masks(graph, masks)?;
    let run = Run::new(graph, data, validation, recipe)?;
    let checkpoint = checkpoint.map(|path| Checkpoint::new(path, graph, data, masks, recipe));
    let mut state = run.start(masks);
    if let Some(saved) = checkpoint.as_ref().and_then(|c| c.load().transpose()) {
        run.resume(&mut state, saved?);
    }
    while !run.is_over(&state.saved) {
        run.epoch(&mut state, watch)?;
        if let Some(last) = state.saved.epochs.last() {
            watch.epoch(last);
        }
        if let Some(checkpoint) = &checkpoint {
            checkpoint.save(
                &state.saved,
                &state.leaves,
                &state.best,
                &state.factors,
                &state.updates.record(),
            )?;
        }
    }
    Ok(Trained {
        graph: with_leaves(graph, &state.best),
        start: state.saved.start,
        best: state.saved.best,
        validation: state.saved.validation,
        epochs: state.saved.epochs,
    })
}

fn check_masks(graph: &Graph, masks: &WeightMasks) -> Result<(), TrainError> {
    let all = parameters(graph);
    for (id, mask) in masks {
        let of = all.iter().find(|(other, _)| other == id);
        let expected = of.map_or(0, |(_, tensor)| tensor.len());
        if expected != mask.kept.len() {
            return Err(TrainError::Mask {
                parameter: id.to_string(),
                found: mask.kept.len(),
                expected,
            });
        }
    }
    Ok(())
}

/// The graph with other weights.
fn with_leaves(graph: &Graph, leaves: &Leaves) -> Graph {
    let mut next = graph.clone();
    for (id, old) in parameters(graph) {
        let new = host(leaves[&id].clone());
        // What did not change keeps its double precision.
        let value = |(&old, new): (&f64, f32)| {
            if old as f32 == new {
                old
            } else {
                f64::from(new)
            }
        };
        let values = old.values().iter().zip(new).map(value).collect();
        set_parameter(&mut next, &id, values);
    }
    next
}

/// What does not change.
struct Run<'a> {
    network: Network<'a>,
    graph: &'a Graph,
    data: &'a Dataset,
    validation: &'a Dataset,
    recipe: &'a Recipe,
    watched: Vec<graph::NodeId>,
    /// Of what the watched nodes read, in the order in which they are computed.
    limits: Vec<f64>,
    /// The teacher's outputs for every sample.
    teacher: Option<(Vec<f32>, usize)>,
}

/// What changes.
struct State {
    leaves: Leaves,
    best: Leaves,
    factors: Leaves,
    updates: Updates,
    saved: Saved,
}

impl<'a> Run<'a> {
    fn new(
        graph: &'a Graph,
        data: &'a Dataset,
        validation: &'a Dataset,
        recipe: &'a Recipe,
    ) -> Result<Self, TrainError> {
        let teacher = match &recipe.distillation {
            Some(how) => {
                check(&how.teacher, data)?;
                let all = outputs(&how.teacher, data)?;
                let width = all.len() / data.len();
                Some((all, width))
            }
            None => None,
        };
        let (watched, limits) = match &recipe.range {
            Some(range) => {
                let names: Vec<String> = range.limits.keys().cloned().collect();
                let asked = find(graph, &names)?;
                let order = graph.order().into_iter().filter(|id| asked.contains(id));
                let watched: Vec<graph::NodeId> = order.collect();
                let limit = |id: &graph::NodeId| range.limits[&graph.node(*id).name];
                let limits = watched.iter().map(limit).collect();
                (watched, limits)
            }
            None => (Vec::new(), Vec::new()),
        };
        Ok(Self {
            network: Network::new(graph),
            graph,
            data,
            validation,
            recipe,
            watched,
            limits,
            teacher,
        })
    }

    fn start(&self, masks: &WeightMasks) -> State {
        let factors = factors(masks, self.network.device());
        let mut leaves = self.network.leaves();
        hold(&mut leaves, &factors);
        let start = score_with(&self.network, &leaves, self.validation);
        State {
            best: leaves.clone(),
            leaves,
            factors,
            updates: Updates::new(self.recipe),
            saved: Saved::new(start),
        }
    }

    fn resume(&self, state: &mut State, loaded: crate::checkpoint::Loaded) {
        let device = self.network.device();
        state.leaves = loaded.leaves(device);
        state.best = loaded.best(device);
        // They may have changed since the start; an empty set is not kept.
        let factors = loaded.factors(device);
        if !factors.is_empty() {
            state.factors = factors;
        }
        let ids: Vec<ParameterId> = state.leaves.keys().cloned().collect();
        let mut source = loaded.source();
        state.updates.restore(&ids, &mut source, device);
        state.saved = loaded.saved;
    }

    fn is_over(&self, saved: &Saved) -> bool {
        let done = saved.epochs.len();
        let waited = done - saved.best;
        done >= self.recipe.epochs
            || self
                .recipe
                .patience
                .is_some_and(|most| waited >= most.max(1) && done > 0)
            || self
                .recipe
                .goal
                .is_some_and(|goal| saved.validation.reaches(goal))
    }

    /// Steps of an epoch.
    fn steps(&self) -> usize {
        self.data.len().div_ceil(self.recipe.batch.max(1))
    }

    fn epoch(&self, state: &mut State, watch: &mut dyn Watch) -> Result<(), TrainError> {
        let leaves = state.leaves.clone();
        loop {
            match self.pass(state, watch)? {
                Ok((loss, rate)) => {
                    self.finish(state, loss, rate);
                    return Ok(());
                }
                Err((loss, rate)) if state.saved.tries >= TRIES => {
                    return Err(TrainError::Diverged {
                        epoch: state.saved.epochs.len() + 1,
                        loss,
                        rate,
                        tries: state.saved.tries,
                    });
                }
                Err(_) => {
                    state.saved.tries += 1;
                    state.saved.factor /= 10.0;
                    state.leaves.clone_from(&leaves);
                    state.updates = Updates::new(self.recipe);
                }
            }
        }
    }

    /// One epoch: its mean loss and last rate, or the loss that was not finite.
    #[allow(clippy::type_complexity, reason = "an outcome within a result")]
    fn pass(
        &self,
        state: &mut State,
        watch: &mut dyn Watch,
    ) -> Result<Result<(f64, f64), (f64, f64)>, TrainError> {
        let epoch = state.saved.epochs.len();
        let steps = self.steps();
        let seed = self.recipe.seed.wrapping_add(epoch as u64 * 0x9e37_79b9);
        let order = crate::rng::permutation(self.data.len(), seed);
        let mut noise = crate::rng::Gaussian::new(seed ^ 0x5bd1_e995);
        let (mut sum, mut rate) = (0.0, 0.0);
        for (step, samples) in order.chunks(self.recipe.batch.max(1)).enumerate() {
            let total = steps * self.recipe.epochs;
            rate = self.recipe.rate_at(epoch * steps + step, total) * state.saved.factor;
            let loss = self.step(state, samples, rate, &mut noise);
            if !loss.is_finite() {
                return Ok(Err((loss, rate)));
            }
            sum += loss;
            let told = Step {
                epoch,
                epochs: self.recipe.epochs,
                step,
                steps,
                loss: sum / (step + 1) as f64,
                best: Some(state.saved.validation),
            };
            if !watch.step(&told) {
                return Err(TrainError::Stopped);
            }
            let weights = || with_leaves(self.graph, &state.leaves);
            if let Some(masks) = watch.masks(epoch * steps + step + 1, &weights) {
                check_masks(self.graph, &masks)?;
                state.factors = factors(&masks, self.network.device());
                hold(&mut state.leaves, &state.factors);
                // What was best may hold weights that are dropped now.
                state.saved.is_stale = true;
            }
        }
        let finite = |leaf: &Tensor<1>| scalar(leaf.clone().abs().sum()).is_finite();
        match state.leaves.values().all(finite) {
            true => Ok(Ok((sum / steps as f64, rate))),
            false => Ok(Err((f64::NAN, rate))),
        }
    }

    fn step(
        &self,
        state: &mut State,
        samples: &[u32],
        rate: f64,
        noise: &mut crate::rng::Gaussian,
    ) -> f64 {
        let device = self.network.device();
        let mut values = inputs(self.data, samples);
        if self.recipe.noise > 0.0 {
            let add = |v: &mut f32| *v += (noise.draw() * self.recipe.noise) as f32;
            values.iter_mut().for_each(add);
        }
        let tracked = track(&state.leaves, |id| !self.recipe.frozen.contains(id));
        let input = rows(&values, self.data.sample_len(), device).autodiff();
        let forward = self.network.forward(&tracked, input, &self.watched);
        let wanted = Wanted::of(self.data, samples, device);
        let teacher = self.teacher.as_ref().map(|(all, width)| {
            let row = |&k: &u32| &all[k as usize * width..][..*width];
            let values: Vec<f32> = samples.iter().flat_map(row).copied().collect();
            rows(&values, *width, device)
        });
        let mut loss = wanted.distilled(forward.output, teacher, self.recipe);
        if let Some(range) = &self.recipe.range
            && let Some(excess) = excess(forward.watched, &self.limits)
        {
            loss = loss + excess.mul_scalar(range.strength);
        }
        let value = scalar(loss.clone().inner());
        if !value.is_finite() {
            return value;
        }
        let mut gradients = loss.backward();
        for (id, gradient) in clipped(&tracked, &mut gradients, self.recipe.clip) {
            let leaf = state.leaves.remove(&id).expect("tracked leaves are leaves");
            let leaf = state.updates.step(&id, rate, leaf, gradient);
            state.leaves.insert(id, leaf);
        }
        shrink(&mut state.leaves, &self.recipe.lasso, rate, device);
        hold(&mut state.leaves, &state.factors);
        value
    }

    fn finish(&self, state: &mut State, loss: f64, rate: f64) {
        let validation = score_with(&self.network, &state.leaves, self.validation);
        let saved = &mut state.saved;
        saved.epochs.push(Epoch {
            number: saved.epochs.len() + 1,
            loss,
            validation,
            rate,
        });
        if saved.is_stale || validation.is_better_than(&saved.validation) {
            saved.is_stale = false;
            saved.best = saved.epochs.len();
            saved.validation = validation;
            saved.since = 0;
            state.best.clone_from(&state.leaves);
            return;
        }
        saved.since += 1;
        if let Schedule::Halve { after } = self.recipe.schedule
            && saved.since >= after
        {
            saved.factor /= 2.0;
            saved.since = 0;
        }
    }
}
