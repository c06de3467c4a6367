//! All schemes behind one door.

use crate::artemis::{Grouping, Scope, group_masks, lasso_groups};
use crate::budget::{self, Planner, Point, masked, search};
use crate::engine::StepReport;
use crate::hepex::HePex;
use crate::mofhei::{self, Block, Masker, Score, block_masks};
use crate::{Error, Trainer};
use privet::extend::Graph;
use train::{Distillation, Recipe, WeightMasks};

/// A scheme and its settings.
pub enum Scheme<'a> {
    /// Ours: the cheapest network within a loss, by what a planner prices.
    Privet {
        /// What the packing pays for.
        planner: &'a dyn Planner,
        /// Goal and rounds.
        settings: budget::Settings,
    },
    /// Tiles.
    HePex(HePex),
    /// Blocks of single layers, chosen anew during training; then what is empty is culled.
    Mofhei {
        /// What goes as one.
        block: Block,
        /// The share that goes, per layer, but for the last dense one.
        sparsity: f64,
    },
    /// Groups of rotations.
    Artemis {
        /// What goes as one.
        grouping: Grouping,
        /// Among which groups.
        scope: Scope,
        /// The share that goes.
        sparsity: f64,
        /// Strength of the group lasso that is trained with before groups are chosen; 0 for none.
        lasso: f64,
        /// Slots that channels are packed into.
        n_slots: usize,
    },
}

/// A pruned network and how it came about.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// The network.
    pub graph: Graph,
    /// Steps of a published scheme.
    pub steps: Vec<StepReport>,
    /// Points of our search.
    pub points: Vec<Point>,
}

/// Prunes a network. `recipe` is that of every retraining of published schemes; the search has its own.
///
/// # Errors
/// [`Error`].
pub fn prune(
    graph: &Graph,
    scheme: &Scheme<'_>,
    recipe: &Recipe,
    trainer: &mut Trainer<'_>,
) -> Result<Outcome, Error> {
    let only = |graph| Outcome {
        graph,
        steps: Vec::new(),
        points: Vec::new(),
    };
    match scheme {
        Scheme::Privet { planner, settings } => {
            let found = search(graph, *planner, settings, trainer)?;
            Ok(Outcome {
                points: found.points,
                ..only(found.graph)
            })
        }
        Scheme::HePex(scheme) => {
            let mut n = 0;
            let mut retrain = |graph: Graph, masks: &WeightMasks| -> Result<Graph, Error> {
                n += 1;
                Ok(trainer
                    .train(&format!("retraining {n}"), &graph, masks, recipe)?
                    .graph)
            };
            let (pruned, steps) = scheme.run(graph.clone(), &mut retrain)?;
            Ok(Outcome {
                steps,
                ..only(pruned.graph)
            })
        }
        Scheme::Mofhei { block, sparsity } => {
            let mut masker = Masker {
                block: *block,
                score: Score::mean_abs(),
                schedule: mofhei::Schedule::iterative(*sparsity),
            };
            let masks = block_masks(graph, *block, *sparsity, &masker.score);
            let pruned = masked(graph, &masks)?;
            let name = "training with masks";
            let trained = trainer.train_with(name, &pruned, &masks, recipe, &mut masker)?;
            let culled = mofhei::cull(&trained.graph).map_err(|e| Error::Scheme(e.to_string()))?;
            let masks = budget::masks_of(&culled);
            Ok(only(
                trainer
                    .train("training after culling", &culled, &masks, recipe)?
                    .graph,
            ))
        }
        Scheme::Artemis {
            grouping,
            scope,
            sparsity,
            lasso,
            n_slots,
        } => {
            let refused = |e: crate::artemis::ChannelTooLarge| Error::Scheme(e.to_string());
            let mut graph = graph.clone();
            if *lasso > 0.0 {
                let groups = lasso_groups(&graph, *n_slots, *grouping, *lasso).map_err(refused)?;
                let recipe = Recipe {
                    lasso: groups,
                    ..recipe.clone()
                };
                let none = WeightMasks::new();
                graph = trainer.train("group lasso", &graph, &none, &recipe)?.graph;
            }
            let share = (*scope, *sparsity);
            let masks =
                group_masks(&graph, *n_slots, *grouping, share, &Score::l2()).map_err(refused)?;
            let pruned = masked(&graph, &masks)?;
            Ok(only(
                trainer.train("retraining", &pruned, &masks, recipe)?.graph,
            ))
        }
    }
}

/// The recipe of a retraining that the unpruned network teaches.
pub fn retraining(teacher: &Graph, epochs: usize, rate: f64, seed: u64) -> Recipe {
    Recipe {
        epochs,
        rate,
        seed,
        distillation: Some(Distillation {
            teacher: teacher.clone(),
            share: 0.5,
            temperature: 2.0,
        }),
        ..Recipe::default()
    }
}
