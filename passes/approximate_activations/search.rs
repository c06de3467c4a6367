//! The least depth per layer that keeps the error budget.

use super::network::{Network, State, output_error};
use ::graph::Values;

/// What one multiplicative depth may be spent on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Class {
    /// One polynomial.
    Series {
        /// Levels that a polynomial of these degrees costs.
        depth: usize,
        /// Lowest degree.
        low: usize,
        /// Highest degree allowed.
        high: usize,
    },
    /// Products with a composition of odd polynomials that gives a sign.
    Sign {
        /// Levels, that of the product included.
        depth: usize,
    },
}

impl Class {
    /// Levels.
    pub(super) fn depth(self) -> usize {
        match self {
            Self::Series { depth, .. } | Self::Sign { depth } => depth,
        }
    }
}

/// Fewest levels of a composition of two factors and of its product.
const LEAST_SIGN_DEPTH: usize = 5;

/// Most levels of a composition and its product: those of the degrees 15, 15, 27.
pub(super) const MOST_SIGN_DEPTH: usize = 14;

/// Degrees up to the highest: 2, 3, 4 to 7, 8 to 15 and so on. Degree 2 costs one level, as a square whose factor has
/// moved. Signs follow where they are asked for; the whole is sorted by depth.
pub(super) fn classes(max_degree: usize, with_signs: bool) -> Vec<Class> {
    let first = [(1, 2, 2), (2, 3, 3)];
    let then = (3..usize::BITS as usize).map(|depth| (depth, 1 << (depth - 1), (1 << depth) - 1));
    let series = first
        .into_iter()
        .chain(then)
        .take_while(|&(_, low, _)| low <= max_degree)
        .map(|(depth, low, high)| Class::Series {
            depth,
            low,
            high: high.min(max_degree),
        });
    let signs = (LEAST_SIGN_DEPTH..=MOST_SIGN_DEPTH).filter(|_| with_signs);
    let mut all: Vec<Class> = series
        .chain(signs.map(|depth| Class::Sign { depth }))
        .collect();
    all.sort_by_key(|class| class.depth());
    all
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
        let layers = self.network.layers.iter();
        let classes: Vec<Class> = layers.zip(at).map(|(l, &k)| l.classes[k]).collect();
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
            let classes = &self.network.layers[layer].classes;
            let depth = classes[now.at[layer]].depth();
            for (class, raised) in classes.iter().enumerate().skip(now.at[layer] + 1) {
                let Some(next) = self.with(now, layer, class) else {
                    continue;
                };
                let levels = raised.depth() - depth;
                let gain = (now.error - next.error) / levels.max(1) as f64;
                if gain > 0.0 && best.as_ref().is_none_or(|(most, _)| gain > *most) {
                    best = Some((gain, next));
                }
            }
        }
        best.map(|(_, next)| next)
    }

    fn raised_all(&self, now: &Choice) -> Option<Choice> {
        let layers = self.network.layers.iter();
        let next = layers
            .zip(&now.at)
            .map(|(l, &k)| (k + 1).min(l.classes.len() - 1));
        let at: Vec<usize> = next.collect();
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
