//! The scheme `privet`: prune what the compiled circuit pays for, until the accuracy that may be lost is lost.
//!
//! Each round asks a [`Planner`] for ways to make the network cheaper by a step: units, diagonals, tiles, single weights,
//! whatever its packing pays for, chosen by importance and price. Every way is masked, culled and trained for a short
//! while, the original teaching; the one that validates best is taken. When none keeps the accuracy that is asked for, the
//! step is halved, and at last the search ends. The cheapest network that keeps it is trained longer and priced again.
//!
//! Every way that was tried is a point of the curve of accuracy against cost.

mod batch;
mod diagonals;
mod tiles;

pub use batch::BatchPlanner;
pub use diagonals::DiagonalPlanner;
pub use tiles::TilePlanner;

use crate::engine::Pruned;
use crate::{Error, Trainer};
use privet::extend::Graph;
use serde::Serialize;
use std::collections::BTreeMap;
use train::{
    Distillation, ParameterId, Recipe, Schedule, Score, WeightMask, WeightMasks, importance,
    parameters, score,
};

/// What a network costs, as far as a planner knows without compiling it.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Cost {
    /// Microseconds of a run.
    pub us: f64,
    /// Rotations of a run.
    pub rotations: u64,
}

/// A way to make a network cheaper.
#[derive(Clone, Debug)]
pub struct Way {
    /// What goes: `units`, `diagonals`, …
    pub name: String,
    /// The network with what goes at zero, or gone; its units may stand in another order.
    pub graph: Graph,
    /// Which weights are kept; kept ones may be zero now and grow again.
    pub masks: WeightMasks,
}

/// Knows what a packing pays for.
pub trait Planner {
    /// What a network costs.
    ///
    /// # Errors
    /// [`Error`] if it can not be planned.
    fn cost(&self, graph: &Graph, masks: &WeightMasks) -> Result<Cost, Error>;

    /// Ways to bring a network to about so many microseconds, or as near as one step can.
    ///
    /// # Errors
    /// As [`Planner::cost`].
    fn ways(
        &self,
        graph: &Graph,
        masks: &WeightMasks,
        importance: &BTreeMap<ParameterId, Vec<f64>>,
        target_us: f64,
    ) -> Result<Vec<Way>, Error>;
}

/// Where the search ends.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub enum Goal {
    /// The cheapest network whose validation accuracy is at most this much below the original's, or whose mean squared
    /// error is at most this share above it.
    Loss(f64),
    /// The best network of at most this share of the original's cost.
    Cost(f64),
}

/// How the search goes.
#[derive(Clone, Debug, PartialEq)]
pub struct Settings {
    /// Where it ends.
    pub goal: Goal,
    /// Share of the cost that a round removes.
    pub step: f64,
    /// Halvings of the step before the search ends.
    pub halvings: usize,
    /// Epochs after each way, and of the last training.
    pub epochs: [usize; 2],
    /// Learning rates of both.
    pub rates: [f64; 2],
    /// Samples that importances are taken from.
    pub importance_samples: usize,
    /// Samples of a training step.
    pub batch: usize,
    /// Of the order of samples.
    pub seed: u64,
}

impl Settings {
    /// The usual search for a goal.
    pub fn new(goal: Goal, seed: u64) -> Self {
        Self {
            goal,
            step: 0.25,
            halvings: 1,
            epochs: [1, 8],
            rates: [1e-3, 2e-3],
            importance_samples: 4000,
            batch: 128,
            seed,
        }
    }
}

/// A network that was tried.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Point {
    /// The round, from 1; 0 for the original.
    pub round: usize,
    /// What went.
    pub way: String,
    /// What it costs.
    pub cost: Cost,
    /// Its validation after the short training.
    pub validation: Score,
    /// Whether the next round began from it.
    pub taken: bool,
}

/// A pruned network and the search that led to it.
#[derive(Clone, Debug)]
pub struct Found {
    /// The network.
    pub graph: Graph,
    /// Its cost, planned.
    pub cost: Cost,
    /// The original's.
    pub original: Cost,
    /// Validations of the original and of the network.
    pub validation: [Score; 2],
    /// All that was tried.
    pub points: Vec<Point>,
}

/// A network on the way.
#[derive(Clone)]
struct State {
    graph: Graph,
    masks: WeightMasks,
    cost: Cost,
    validation: Score,
}

/// Searches for a cheaper network.
///
/// # Errors
/// [`Error`] of planning and training; [`Error::Budget`] if the goal is out of reach, with how near the search came.
pub fn search(
    graph: &Graph,
    planner: &dyn Planner,
    settings: &Settings,
    trainer: &mut Trainer<'_>,
) -> Result<Found, Error> {
    let original = score(graph, trainer.validation)?;
    let masks = WeightMasks::new();
    let cost = planner.cost(graph, &masks)?;
    let start = State {
        graph: graph.clone(),
        masks,
        cost,
        validation: original,
    };
    let mut search = Search {
        planner,
        settings,
        teacher: graph,
        original: (original, cost),
        points: vec![Point {
            round: 0,
            way: "original".to_owned(),
            cost,
            validation: original,
            taken: true,
        }],
    };
    let best = search.rounds(start, trainer)?;
    if let Goal::Cost(share) = settings.goal
        && best.cost.us > share * search.original.1.us
    {
        return Err(Error::Budget {
            asked: share,
            reached: best.cost.us / search.original.1.us,
        });
    }
    let recipe = search.recipe(1);
    let trained = trainer.train("last training", &best.graph, &best.masks, &recipe)?;
    let cost = planner.cost(&trained.graph, &best.masks)?;
    Ok(Found {
        validation: [original, trained.validation],
        graph: trained.graph,
        cost,
        original: search.original.1,
        points: search.points,
    })
}

struct Search<'a> {
    planner: &'a dyn Planner,
    settings: &'a Settings,
    teacher: &'a Graph,
    original: (Score, Cost),
    points: Vec<Point>,
}

impl Search<'_> {
    fn recipe(&self, phase: usize) -> Recipe {
        Recipe {
            epochs: self.settings.epochs[phase],
            rate: self.settings.rates[phase],
            batch: self.settings.batch,
            seed: self.settings.seed,
            schedule: Schedule::Cosine,
            distillation: Some(Distillation {
                teacher: self.teacher.clone(),
                share: 0.5,
                temperature: 2.0,
            }),
            ..Recipe::default()
        }
    }

    /// The best network that was seen: the cheapest that is good enough, or the best that is cheap enough; the last one
    /// if none is.
    fn rounds(&mut self, mut state: State, trainer: &mut Trainer<'_>) -> Result<State, Error> {
        let (mut step, mut halvings) = (self.settings.step, 0);
        let mut best = state.clone();
        for round in 1.. {
            if self.is_cheap(&state.cost) {
                break;
            }
            let target = state.cost.us * (1.0 - step);
            let tried = self.round(round, &state, target, trainer)?;
            for next in &tried {
                if self.beats(next, &best) {
                    best = next.clone();
                }
            }
            let good = tried.into_iter().enumerate();
            let good = good.filter(|(_, next)| self.is_good(&next.validation));
            let worth = |next: &State| self.worth(next, &state);
            match good.max_by(|(_, a), (_, b)| worth(a).total_cmp(&worth(b))) {
                Some((at, next)) => {
                    let first = self.points.iter().position(|point| point.round == round);
                    self.points[first.unwrap_or(0) + at].taken = true;
                    state = next;
                }
                None if halvings < self.settings.halvings => {
                    halvings += 1;
                    step /= 2.0;
                }
                None => break,
            }
        }
        Ok(match self.settings.goal {
            Goal::Cost(_) if !self.is_cheap(&best.cost) => state,
            _ => best,
        })
    }

    /// Whether a network serves the goal better than another.
    fn beats(&self, next: &State, best: &State) -> bool {
        match self.settings.goal {
            Goal::Loss(_) => self.is_good(&next.validation) && next.cost.us < best.cost.us,
            Goal::Cost(_) => {
                self.is_cheap(&next.cost)
                    && (!self.is_cheap(&best.cost)
                        || next.validation.is_better_than(&best.validation))
            }
        }
    }

    /// Whether the goal's cost is reached.
    fn is_cheap(&self, cost: &Cost) -> bool {
        match self.settings.goal {
            Goal::Loss(_) => false,
            Goal::Cost(share) => cost.us <= share * self.original.1.us,
        }
    }

    /// Whether a validation is good enough to go on from.
    fn is_good(&self, validation: &Score) -> bool {
        let (original, goal) = (&self.original.0, self.settings.goal);
        match (goal, validation.accuracy, original.accuracy) {
            (Goal::Cost(_), ..) => validation.loss.is_finite(),
            (Goal::Loss(lost), Some(found), Some(before)) => found >= before - lost,
            (Goal::Loss(lost), ..) => validation.loss <= original.loss * (1.0 + lost),
        }
    }

    /// All ways that make a network cheaper, trained.
    fn round(
        &mut self,
        round: usize,
        state: &State,
        target: f64,
        trainer: &mut Trainer<'_>,
    ) -> Result<Vec<State>, Error> {
        let sample = trainer.data.first(self.settings.importance_samples);
        let found = importance(&state.graph, &sample)?;
        let ways = self
            .planner
            .ways(&state.graph, &state.masks, &found, target)?;
        let mut tried = Vec::new();
        for way in ways {
            let cost = self.planner.cost(&way.graph, &way.masks)?;
            if cost.us >= state.cost.us {
                continue;
            }
            let name = format!("round {round}: {}", way.name);
            let trained = trainer.train(&name, &way.graph, &way.masks, &self.recipe(0))?;
            self.points.push(Point {
                round,
                way: way.name,
                cost,
                validation: trained.validation,
                taken: false,
            });
            tried.push(State {
                graph: trained.graph,
                masks: way.masks,
                cost,
                validation: trained.validation,
            });
        }
        Ok(tried)
    }

    /// What a step is worth: the logarithm of what it saves, for the share of the budget that it takes.
    fn worth(&self, next: &State, before: &State) -> f64 {
        let saved = (before.cost.us / next.cost.us.max(f64::MIN_POSITIVE)).ln();
        let lost = self.lost(&next.validation) - self.lost(&before.validation);
        match self.settings.goal {
            Goal::Loss(budget) => saved - lost / budget.max(1e-6),
            Goal::Cost(_) => -lost.max(LEAST_LOSS) / saved,
        }
    }

    /// Points of accuracy lost, as a share, or the share by which the error grew.
    fn lost(&self, validation: &Score) -> f64 {
        let original = &self.original.0;
        match (original.accuracy, validation.accuracy) {
            (Some(before), Some(found)) => before - found,
            _ => validation.loss / original.loss - 1.0,
        }
    }
}

/// A loss of accuracy that says nothing on a few thousand samples.
const LEAST_LOSS: f64 = 1e-3;

/// Masks of what is not zero in a network, for weights that have zeros.
pub fn masks_of(graph: &Graph) -> WeightMasks {
    let weights = parameters(graph)
        .into_iter()
        .filter(|(id, tensor)| id.word == "weight" && tensor.values().contains(&0.0));
    weights
        .map(|(id, tensor)| (id, WeightMask::of(tensor.values())))
        .collect()
}

/// The network with what masks drop at zero.
///
/// # Errors
/// [`crate::PruneError::Mask`] if a mask fits no parameter.
pub(crate) fn masked(graph: &Graph, masks: &WeightMasks) -> Result<Graph, Error> {
    Ok(Pruned::new(graph.clone()).with_masks(masks.clone())?.graph)
}
