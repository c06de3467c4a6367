//! The least depth per layer that keeps the error budget.

use super::network::{Network, State, output_error};
use ::graph::Values;

/// Degrees of one multiplicative depth.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Class {
    /// Levels that a polynomial of these degrees costs.
    pub(super) depth: usize,
    /// Lowest degree.
    pub(super) low: usize,
    /// Highest degree allowed.
    pub(super) high: usize,
}

/// Classes up to a degree: 2, 3, 4 to 7, 8 to 15 and so on. Degree 2 costs one level, as a square whose factor has moved.
pub(super) fn classes(max_degree: usize) -> Vec<Class> {
    let first = [(1, 2, 2), (2, 3, 3)];
    let then = (3..usize::BITS as usize).map(|depth| (depth, 1 << (depth - 1), (1 << depth) - 1));
    first
        .into_iter()
        .chain(then)
        .take_while(|&(_, low, _)| low <= max_degree)
        .map(|(depth, low, high)| Class {
            depth,
            low,
            high: high.min(max_degree),
        })
        .collect()
}

/// Networks of more layers are raised all at once and lowered one by one, which takes fewer evaluations.
const MOST_LAYERS_ONE_BY_ONE: usize = 8;

/// A choice of class per layer, what it gives and how far off that is.
struct Choice {
    /// Class per layer, by number.
    at: Vec<usize>,
    state: State,
    error: f64,
}

pub(super) struct Search<'a> {
    pub(super) network: &'a Network,
    pub(super) samples: &'a [Vec<Values>],
    pub(super) classes: &'a [Class],
    /// The original network's results.
    pub(super) exact: &'a State,
    pub(super) budget: f64,
}

impl Search<'_> {
    /// Class of each layer, by number; the best found if none keeps the budget.
    pub(super) fn run(&self) -> Option<Vec<usize>> {
        let n_layers = self.network.layers.len();
        let mut now = self.all(vec![0; n_layers])?;
        let mut best = (now.at.clone(), now.error);
        while now.error > self.budget {
            let next = match n_layers <= MOST_LAYERS_ONE_BY_ONE {
                true => self.raised_one(&now),
                false => None,
            };
            let Some(next) = next.or_else(|| self.raised_all(&now)) else {
                return Some(best.0);
            };
            if next.error < best.1 {
                best = (next.at.clone(), next.error);
            }
            now = next;
        }
        Some(self.lowered(now).at)
    }

    fn run_network(&self, at: &[usize], known: Option<(&State, usize)>) -> Option<(State, f64)> {
        let classes: Vec<Class> = at.iter().map(|&k| self.classes[k]).collect();
        let (network, exact) = (self.network, self.exact);
        let state = network.replaced(self.samples, exact, &classes, known)?;
        let error = output_error(&network.outputs(&state), &network.outputs(exact));
        Some((state, error))
    }

    fn all(&self, at: Vec<usize>) -> Option<Choice> {
        let (state, error) = self.run_network(&at, None)?;
        Some(Choice { at, state, error })
    }

    fn with(&self, now: &Choice, layer: usize, class: usize) -> Option<Choice> {
        let mut at = now.at.clone();
        at[layer] = class;
        let (state, error) = self.run_network(&at, Some((&now.state, layer)))?;
        Some(Choice { at, state, error })
    }

    /// The raise of one layer that lowers the error most per level, if any does.
    fn raised_one(&self, now: &Choice) -> Option<Choice> {
        let mut best: Option<(f64, Choice)> = None;
        for layer in 0..now.at.len() {
            let depth = self.classes[now.at[layer]].depth;
            for class in now.at[layer] + 1..self.classes.len() {
                let Some(next) = self.with(now, layer, class) else {
                    continue;
                };
                let levels = self.classes[class].depth - depth;
                let gain = (now.error - next.error) / levels as f64;
                if gain > 0.0 && best.as_ref().is_none_or(|(most, _)| gain > *most) {
                    best = Some((gain, next));
                }
            }
        }
        best.map(|(_, next)| next)
    }

    fn raised_all(&self, now: &Choice) -> Option<Choice> {
        let top = self.classes.len() - 1;
        let at: Vec<usize> = now.at.iter().map(|&k| (k + 1).min(top)).collect();
        if at == now.at { None } else { self.all(at) }
    }

    /// Every layer at the lowest class that keeps the budget while the others stay, deepest layers first.
    fn lowered(&self, mut now: Choice) -> Choice {
        let mut order: Vec<usize> = (0..now.at.len()).collect();
        order.sort_by_key(|&layer| (std::cmp::Reverse(now.at[layer]), layer));
        for layer in order {
            for class in 0..now.at[layer] {
                if let Some(next) = self.with(&now, layer, class)
                    && next.error <= self.budget
                {
                    now = next;
                    break;
                }
            }
        }
        now
    }
}
