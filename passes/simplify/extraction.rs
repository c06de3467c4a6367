//! Choosing one node of each class so that what the outputs need costs least.
//!
//! Costs do not add up along terms: shared values, the decomposition of a rotated value and the key of an amount are
//! paid once. A choice is grown greedily over sets of what is paid, improved node by node, and in small windows
//! searched exactly up to a number of steps.

mod exact;
mod greedy;

use super::constants::Constants;
use super::language::Node;
use super::terms::Terms;
use crate::util::estimate::Prices;
use egg::{Id, Language};
use std::collections::{HashMap, HashSet};

/// Sweeps over all classes that look for one better node.
const MAX_SWEEPS: usize = 4;
/// Programs priced while looking.
const MAX_TRIALS: usize = 3_000;

/// What the circuit around a window pays for already.
#[derive(Debug, Default)]
pub(super) struct Paid {
    /// Inputs, by place, and outputs, by place, that are rotated outside as well.
    pub rotated_leaves: HashSet<u32>,
    pub rotated_outputs: HashSet<usize>,
    /// Amounts rotated by outside.
    pub amounts: HashSet<u32>,
}

/// Classes by number, with their nodes; operands are numbers too.
pub(super) struct Problem {
    ids: Vec<Id>,
    place: HashMap<Id, usize>,
    nodes: Vec<Vec<Node>>,
    outputs: Vec<usize>,
    prices: Prices,
    numbers: HashSet<Node>,
    /// Whether a class's digits exist anyway.
    decomposed: Vec<bool>,
    amounts: HashSet<u32>,
}

/// One node of each class that is needed, by number.
type Choice = Vec<Option<usize>>;

impl Problem {
    pub(super) fn new(terms: &Terms, paid: &Paid, prices: Prices) -> Self {
        let graph = &terms.graph;
        let mut ids: Vec<Id> = graph.classes().map(|c| c.id).collect();
        ids.sort_unstable();
        let place: HashMap<Id, usize> = ids.iter().copied().zip(0..).collect();
        let nodes: Vec<Vec<Node>> = ids.iter().map(|id| graph[*id].nodes.clone()).collect();
        let output_ids = terms.outputs();
        let mut decomposed = vec![false; ids.len()];
        for (index, id) in terms.leaves() {
            decomposed[place[&id]] |= paid.rotated_leaves.contains(&index);
        }
        for (i, id) in output_ids.iter().enumerate() {
            decomposed[place[id]] |= paid.rotated_outputs.contains(&i);
        }
        let constants: &Constants = &graph.analysis.constants;
        let is_number = |n: &&Node| matches!(n, Node::Times(pt, _) if constants.is_number(*pt));
        let numbers = nodes.iter().flatten().filter(is_number).cloned().collect();
        Self {
            outputs: output_ids.iter().map(|id| place[id]).collect(),
            amounts: paid.amounts.clone(),
            ids,
            place,
            nodes,
            prices,
            numbers,
            decomposed,
        }
    }

    fn operands<'a>(&'a self, node: &'a Node) -> impl Iterator<Item = usize> + 'a {
        node.children().iter().map(|id| self.place[id])
    }

    /// The price of a node by itself; digits and keys come on top.
    fn own(&self, node: &Node) -> f64 {
        let p = &self.prices;
        match node {
            Node::Leaf(_) => 0.0,
            Node::Sum(terms) if terms.is_empty() => p.mul_scalar,
            Node::Sum(terms) => (terms.len() as f64 - 1.0) * p.add,
            // Mostly part of a subtraction.
            Node::Neg(_) => p.add / 16.0,
            // Half of its mod down is shared with a sum.
            Node::Rot(..) => p.rotate + p.mod_down / 2.0,
            Node::Times(..) if self.numbers.contains(node) => p.mul_scalar,
            Node::Times(..) => p.mul_plain,
            Node::Plus(..) => p.add,
            Node::Prod(_) => p.mul + p.relinearize + p.rescale,
        }
    }

    /// The price of what the outputs need; `None` if it reads itself.
    fn price(&self, choice: &Choice) -> Option<f64> {
        #[derive(Clone, Copy, PartialEq)]
        enum State {
            New,
            Open,
            Done,
        }
        let mut state = vec![State::New; self.ids.len()];
        let (mut sources, mut amounts) = (HashSet::new(), HashSet::new());
        let mut total = 0.0;
        let mut stack: Vec<(usize, bool)> = self.outputs.iter().map(|o| (*o, false)).collect();
        while let Some((class, is_left)) = stack.pop() {
            if is_left {
                state[class] = State::Done;
                continue;
            }
            match state[class] {
                State::Done => continue,
                State::Open => return None,
                State::New => {}
            }
            let node = &self.nodes[class][choice[class]?];
            total += self.own(node);
            if let Node::Rot(by, [x]) = node {
                let x = self.place[x];
                if !self.decomposed[x] && sources.insert(x) {
                    total += self.prices.decompose;
                }
                if !self.amounts.contains(by) && amounts.insert(*by) {
                    total += self.prices.key;
                }
            }
            state[class] = State::Open;
            stack.push((class, true));
            for operand in self.operands(node) {
                match state[operand] {
                    State::Open => return None,
                    State::New => stack.push((operand, false)),
                    State::Done => {}
                }
            }
        }
        Some(total)
    }

    /// The cheapest choice found, by class. `original` is one that is known to work.
    pub(super) fn solve(&self, original: &HashMap<Id, Node>) -> HashMap<Id, Node> {
        let position = |(id, class): (&Id, &Vec<Node>)| {
            let node = original.get(id)?;
            class.iter().position(|n| n == node)
        };
        let start: Choice = self.ids.iter().zip(&self.nodes).map(position).collect();
        let grown = self.grow();
        // Classes that the old program lacks can be had by the grown choice.
        let filled: Choice = start.iter().zip(&grown).map(|(s, g)| s.or(*g)).collect();
        let candidates = [self.improved(filled), self.improved(grown)];
        let best = candidates
            .into_iter()
            .flatten()
            .min_by(|a, b| a.0.total_cmp(&b.0));
        let best = match best {
            Some((price, choice)) => self.search(price, choice),
            None => start,
        };
        let chosen = best.iter().zip(&self.ids).zip(&self.nodes);
        chosen
            .filter_map(|((pick, id), class)| Some((*id, class[(*pick)?].clone())))
            .collect()
    }

    /// Changes one node at a time while that helps.
    fn improved(&self, mut choice: Choice) -> Option<(f64, Choice)> {
        let mut best = self.price(&choice)?;
        let mut trials = 0;
        for _ in 0..MAX_SWEEPS {
            let before = best;
            for class in self.needed(&choice) {
                let kept = choice[class];
                let mut pick = kept;
                for other in (0..self.nodes[class].len()).filter(|n| Some(*n) != kept) {
                    trials += 1;
                    choice[class] = Some(other);
                    if let Some(price) = self.price(&choice)
                        && price < best * (1.0 - 1e-9)
                    {
                        (best, pick) = (price, Some(other));
                    }
                }
                choice[class] = pick;
                if trials > MAX_TRIALS {
                    return Some((best, choice));
                }
            }
            if best == before {
                break;
            }
        }
        Some((best, choice))
    }

    /// Classes that the outputs need.
    fn needed(&self, choice: &Choice) -> Vec<usize> {
        let mut found = vec![false; self.ids.len()];
        let mut stack = self.outputs.clone();
        while let Some(class) = stack.pop() {
            if std::mem::replace(&mut found[class], true) {
                continue;
            }
            if let Some(pick) = choice[class] {
                stack.extend(self.operands(&self.nodes[class][pick]));
            }
        }
        (0..found.len()).filter(|c| found[*c]).collect()
    }
}

#[cfg(test)]
mod tests;
