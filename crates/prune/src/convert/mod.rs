//! From a trained network to one of polynomials, in small steps.
//!
//! Walking from the last to the first, every maximum pool becomes an average, then every activation a polynomial of one
//! layer. After each step the layers from there on are trained (*transfer*), then all (*finetune*); a phase ends as soon as
//! validation is as good as the original network's.
//!
//! # Source
//! MOFHEI, whose order and phases these are. Ours: polynomials start as least-squares fits of the activation on the values it
//! meets instead of near zero, their arguments are kept in the range where they were fitted, batch norms are folded first,
//! and the original network teaches.

mod fit;

use crate::{Error, Trainer};
use privet::extend::graph::Op;
use privet::extend::{Graph, NodeId, PipelineError, Settings};
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};
use train::{
    Distillation, ParameterId, RangePenalty, Recipe, Schedule, Score, Trained, WeightMasks,
    arguments, parameters, score,
};

/// How a network is converted.
#[derive(Clone, Debug, PartialEq)]
pub struct Conversion {
    /// Degree of the polynomials, 2 to 4.
    pub degree: usize,
    /// Most epochs of a transfer, and of a finetune.
    pub epochs: [usize; 2],
    /// Epochs of the training of everything at the end.
    pub last_epochs: usize,
    /// Learning rates of a transfer, of a finetune and of the last training.
    pub rates: [f64; 3],
    /// Samples of a step.
    pub batch: usize,
    /// Of the order of samples.
    pub seed: u64,
}

impl Default for Conversion {
    fn default() -> Self {
        Self {
            degree: 2,
            epochs: [1, 2],
            last_epochs: 8,
            rates: [1e-3, 5e-4, 1e-3],
            batch: 128,
            seed: 0,
        }
    }
}

/// One replaced node.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Replaced {
    /// The node.
    pub node: String,
    /// What it was, as in reports.
    pub from: String,
    /// What it is.
    pub to: String,
    /// Validation right after the replacement.
    pub replaced: Score,
    /// After the transfer and after the finetune.
    pub trained: [Score; 2],
    /// Epochs of both.
    pub epochs: [usize; 2],
    /// For a polynomial, the largest argument that costs nothing in training.
    pub range: Option<f64>,
}

/// A converted network, and how it came about.
#[derive(Clone, Debug)]
pub struct Converted {
    /// The network.
    pub graph: Graph,
    /// Validation of the original.
    pub original: Score,
    /// The replacements, in order.
    pub steps: Vec<Replaced>,
    /// Validation at the end.
    pub last: Score,
}

/// Values that a fit looks at.
const FITTED_VALUES: usize = 50_000;
/// Samples that show them.
const FITTED_SAMPLES: usize = 2_000;
/// The share of arguments that a range holds, and how much further it reaches.
const QUANTILE: f64 = 0.999;
const MARGIN: f64 = 1.25;
/// What the mean square of the excess over ranges costs.
const RANGE_STRENGTH: f64 = 1.0;

/// Converts a network.
///
/// # Errors
/// [`Error`] of training; [`Error::Prune`] for a degree out of range.
pub fn convert(
    graph: &Graph,
    settings: &Conversion,
    trainer: &mut Trainer<'_>,
) -> Result<Converted, Error> {
    if !(2..=4).contains(&settings.degree) {
        return Err(crate::PruneError::Setting {
            what: "the degree of polynomials",
            found: settings.degree.to_string(),
            expected: "2 to 4",
        }
        .into());
    }
    let mut graph = folded(graph)?;
    let original = score(&graph, trainer.validation)?;
    let mut run = Run {
        settings,
        teacher: graph.clone(),
        goal: original.accuracy.unwrap_or(original.loss),
        limits: BTreeMap::new(),
    };
    let mut steps = Vec::new();
    for id in todo(&graph) {
        steps.push(run.replace(&mut graph, id, trainer)?);
    }
    if !steps.is_empty() && settings.last_epochs > 0 {
        let recipe = Recipe {
            epochs: settings.last_epochs,
            rate: settings.rates[2],
            ..run.recipe()
        };
        let trained = trainer.train("finetune all", &graph, &WeightMasks::new(), &recipe)?;
        graph = trained.graph;
    }
    let last = score(&graph, trainer.validation)?;
    Ok(Converted {
        graph,
        original,
        steps,
        last,
    })
}

/// The graph with batch norms and constants folded.
fn folded(graph: &Graph) -> Result<Graph, Error> {
    let all = privet::passes::graph().standard();
    let (front, _) = all.split_before("lower-pooling");
    let mut folded = graph.clone();
    front
        .run(&mut folded, &Settings::default(), &mut |_, _, _| {})
        .map_err(|e: PipelineError| privet::Error::from(e))?;
    Ok(folded)
}

/// What has to be replaced: maximum pools from the last to the first, then activations.
fn todo(graph: &Graph) -> Vec<NodeId> {
    let mut order = graph.order();
    order.reverse();
    let of = |is: fn(&Op) -> bool| {
        let found = order.iter().copied();
        found.filter(move |&id| is(&graph.node(id).op))
    };
    let pools = of(|op| matches!(op, Op::MaxPool(_)));
    pools
        .chain(of(|op| matches!(op, Op::Activation(_))))
        .collect()
}

/// What the steps share.
struct Run<'a> {
    settings: &'a Conversion,
    teacher: Graph,
    goal: f64,
    /// Of the polynomials so far.
    limits: BTreeMap<String, f64>,
}

impl Run<'_> {
    fn recipe(&self) -> Recipe {
        Recipe {
            batch: self.settings.batch,
            seed: self.settings.seed,
            schedule: Schedule::Cosine,
            distillation: Some(Distillation {
                teacher: self.teacher.clone(),
                share: 0.5,
                temperature: 2.0,
            }),
            range: (!self.limits.is_empty()).then(|| RangePenalty {
                limits: self.limits.clone(),
                strength: RANGE_STRENGTH,
            }),
            ..Recipe::default()
        }
    }

    fn replace(
        &mut self,
        graph: &mut Graph,
        id: NodeId,
        trainer: &mut Trainer<'_>,
    ) -> Result<Replaced, Error> {
        let node = graph.node(id);
        let (name, from) = (node.name.clone(), node.op.word().to_owned());
        let (op, limit) = match &node.op {
            Op::MaxPool(pool) => (Op::AvgPool(pool.clone()), None),
            Op::Activation(activation) => {
                let sample = trainer.data.first(FITTED_SAMPLES);
                let seen = arguments(graph, &sample, std::slice::from_ref(&name))?;
                let seen = seen.concat();
                let fitted =
                    fit::polynomial(activation, &seen, self.settings.degree, FITTED_VALUES);
                let limit = MARGIN * fit::quantile(&seen, QUANTILE);
                self.limits.insert(name.clone(), limit);
                (Op::Polynomial(fitted), Some(limit))
            }
            other => (other.clone(), None),
        };
        graph.node_mut(id).op = op;
        let replaced = score(graph, trainer.validation)?;
        let frozen = before(graph, id);
        let transfer = self.phase(graph, 0, &name, frozen, trainer)?;
        let finetune = self.phase(&transfer.graph, 1, &name, BTreeSet::new(), trainer)?;
        let to = finetune.graph.node(id).op.word().to_owned();
        let step = Replaced {
            node: name,
            from,
            to,
            replaced,
            trained: [transfer.validation, finetune.validation],
            epochs: [transfer.epochs.len(), finetune.epochs.len()],
            range: limit,
        };
        *graph = finetune.graph;
        Ok(step)
    }

    fn phase(
        &self,
        graph: &Graph,
        phase: usize,
        node: &str,
        frozen: BTreeSet<ParameterId>,
        trainer: &mut Trainer<'_>,
    ) -> Result<Trained, Error> {
        let word = ["transfer", "finetune"][phase];
        let recipe = Recipe {
            epochs: self.settings.epochs[phase],
            rate: self.settings.rates[phase],
            goal: Some(self.goal),
            frozen,
            ..self.recipe()
        };
        trainer.train(
            &format!("{word} {node}"),
            graph,
            &WeightMasks::new(),
            &recipe,
        )
    }
}

/// Parameters of the nodes that a node is computed from.
fn before(graph: &Graph, id: NodeId) -> BTreeSet<ParameterId> {
    let mut seen = BTreeSet::new();
    let mut stack = graph.operands(id);
    while let Some(id) = stack.pop() {
        if seen.insert(graph.node(id).name.clone()) {
            stack.extend(graph.operands(id));
        }
    }
    let all = parameters(graph).into_iter().map(|(id, _)| id);
    all.filter(|id| seen.contains(&id.node)).collect()
}
