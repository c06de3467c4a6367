//! When masks are chosen, and how much they drop.

use super::block::{Block, block_masks};
use super::score::Score;
use privet::extend::Graph;
use serde::{Deserialize, Serialize};
use train::{Watch, WeightMasks};

/// The share to drop, by optimizer step.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Schedule {
    /// The whole share from the first step on; the mask is chosen anew every few steps.
    Iterative {
        /// Share that is dropped.
        sparsity: f64,
        /// Steps between masks.
        every: usize,
    },
    /// `to + (from − to) · (1 − (step − begin) / (end − begin))^power` between two steps, and no new mask after.
    PolynomialDecay {
        /// Share dropped at `begin`.
        from: f64,
        /// Share dropped from `end` on.
        to: f64,
        /// First step with a mask.
        begin: usize,
        /// Last step with a new mask.
        end: usize,
        /// Exponent; 3 is usual.
        power: f64,
        /// Steps between masks.
        every: usize,
    },
}

impl Schedule {
    /// A mask every five steps, as published.
    pub fn iterative(sparsity: f64) -> Self {
        Self::Iterative { sparsity, every: 5 }
    }

    /// The share to drop if a mask is due at a step, counted from 0.
    pub fn at(&self, step: usize) -> Option<f64> {
        match *self {
            Self::Iterative { sparsity, every } => {
                step.is_multiple_of(every.max(1)).then_some(sparsity)
            }
            Self::PolynomialDecay {
                from,
                to,
                begin,
                end,
                power,
                every,
            } => {
                let since = step.checked_sub(begin).filter(|_| step <= end)?;
                if step == end {
                    return Some(to);
                }
                let left = 1.0 - since as f64 / (end - begin) as f64;
                let share = to + (from - to) * left.powf(power);
                since.is_multiple_of(every.max(1)).then_some(share)
            }
        }
    }
}

/// Chooses masks of blocks from a network's current weights when its schedule says so.
#[derive(Clone, Debug, PartialEq)]
pub struct Masker {
    /// What is kept or dropped as one.
    pub block: Block,
    /// How blocks are compared.
    pub score: Score,
    /// When, and how many.
    pub schedule: Schedule,
}

impl Masker {
    /// New masks, if some are due at this step.
    pub fn masks_at(&self, step: usize, graph: &Graph) -> Option<WeightMasks> {
        let sparsity = self.schedule.at(step)?;
        Some(block_masks(graph, self.block, sparsity, &self.score))
    }
}

/// Chooses masks during a training; those of step 0 are for the caller to start it with.
impl Watch for Masker {
    fn masks(&mut self, steps: usize, weights: &dyn Fn() -> Graph) -> Option<WeightMasks> {
        self.schedule.at(steps)?;
        self.masks_at(steps, &weights())
    }
}
