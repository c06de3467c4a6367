//! Exact search in small windows: branch and bound over the nodes of needed classes.

use super::{Choice, Node, Problem};

/// Classes that may be needed at most; beyond, the search could not end in time.
const MAX_CLASSES: usize = 160;
/// Nodes tried; a search that needs more keeps the best it has seen.
const MAX_STEPS: usize = 20_000;

struct Search<'a> {
    problem: &'a Problem,
    /// Nodes of each class, cheap ones first.
    order: Vec<Vec<usize>>,
    /// The least that a class costs by itself.
    least: Vec<f64>,
    choice: Choice,
    /// How often a class is rotated, and an amount used, by chosen nodes.
    sources: Vec<u32>,
    amounts: std::collections::HashMap<u32, u32>,
    best: f64,
    found: Choice,
    steps: usize,
}

impl Problem {
    /// The cheapest choice, or the best one found within a number of steps; the given one to begin with.
    pub(super) fn search(&self, price: f64, choice: Choice) -> Choice {
        let n = self.ids.len();
        if n > MAX_CLASSES {
            return choice;
        }
        let least = |class: &Vec<Node>| {
            class
                .iter()
                .map(|c| self.own(c))
                .fold(f64::INFINITY, f64::min)
        };
        let order = |class: &Vec<Node>| {
            let mut order: Vec<usize> = (0..class.len()).collect();
            order.sort_by(|a, b| self.own(&class[*a]).total_cmp(&self.own(&class[*b])));
            order
        };
        let mut search = Search {
            problem: self,
            order: self.nodes.iter().map(order).collect(),
            least: self.nodes.iter().map(least).collect(),
            choice: vec![None; n],
            sources: vec![0; n],
            amounts: Default::default(),
            best: price,
            found: choice,
            steps: 0,
        };
        let mut open: Vec<usize> = self.outputs.clone();
        open.sort_unstable();
        open.dedup();
        let bound = open.iter().map(|c| search.least[*c]).sum();
        search.branch(&open, bound);
        search.found
    }
}

impl Search<'_> {
    /// Chooses for the last open class; `bound` is what is paid and what open classes cost at least.
    fn branch(&mut self, open: &[usize], bound: f64) {
        if bound >= self.best * (1.0 - 1e-9) || self.steps > MAX_STEPS {
            return;
        }
        let Some((&class, others)) = open.split_last() else {
            // Only here is it known whether some value reads itself.
            if let Some(price) = self.problem.price(&self.choice)
                && price < self.best * (1.0 - 1e-9)
            {
                self.best = price;
                self.found.clone_from(&self.choice);
            }
            return;
        };
        for pick in self.order[class].clone() {
            self.steps += 1;
            let problem = self.problem;
            let node = &problem.nodes[class][pick];
            let mut bound = bound - self.least[class] + problem.own(node) + self.enter(node);
            self.choice[class] = Some(pick);
            let mut open = others.to_vec();
            for operand in problem.operands(node) {
                if self.choice[operand].is_none() && !open.contains(&operand) {
                    open.push(operand);
                    bound += self.least[operand];
                }
            }
            self.branch(&open, bound);
            self.choice[class] = None;
            self.leave(node);
        }
    }

    /// What digits and key of a rotation add.
    fn enter(&mut self, node: &Node) -> f64 {
        let Node::Rot(by, [x]) = node else { return 0.0 };
        let (problem, x) = (self.problem, self.problem.place[x]);
        let uses = self.amounts.entry(*by).or_default();
        let (new_amount, new_source) = (*uses == 0, self.sources[x] == 0);
        *uses += 1;
        self.sources[x] += 1;
        let key = if new_amount && !problem.amounts.contains(by) {
            problem.prices.key
        } else {
            0.0
        };
        let digits = if new_source && !problem.decomposed[x] {
            problem.prices.decompose
        } else {
            0.0
        };
        key + digits
    }

    fn leave(&mut self, node: &Node) {
        if let Node::Rot(by, [x]) = node {
            self.sources[self.problem.place[x]] -= 1;
            if let Some(uses) = self.amounts.get_mut(by) {
                *uses -= 1;
            }
        }
    }
}
