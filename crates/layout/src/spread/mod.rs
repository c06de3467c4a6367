//! Choosing copies along a chain of linear layers.

use std::cmp::Ordering;
use std::collections::BinaryHeap;

mod candidates;

use crate::{Diagonals, LayoutError, Periodic, PlanOptions};
use candidates::{candidates, may_carry};

/// Most plans made for one chain; then the best found so far stands.
const MOST_PLANS: usize = 120;

/// Starts from which one path each is planned first.
const DIVES: usize = 4;

/// Chooses the copies of each tensor along a chain, so that the plans of all layers together cost least.
///
/// Copies in a layer's input let its diagonals merge; its own output may be copied as long as the layer that writes it
/// has idle slots. Each tensor's candidates are one copy, blocks that lie evenly spread modulo a power of two, and copies
/// that lie as the next tensor's do. A bound below each layer's cost orders the search; the diagonals that remain once
/// entries have chosen among copies raise it before anything is planned.
///
/// # Shapes
/// - `is_first_free`: whether the first input may be copied, as a client can.
/// - `layers`: in order; the output layout of one is the input layout of the next. The last output keeps one copy.
/// - result: a layout per tensor, one more than there are layers, and the cost of the plans; nothing if all cost `limit` or
///   more.
///
/// # Cost
/// At most about 120 plans are compared.
///
/// # Errors
/// Those of [`Diagonals::outline`].
pub fn spread_chain(
    layers: &[Diagonals<'_>],
    is_first_free: bool,
    options: &PlanOptions,
    limit: f64,
) -> Result<Option<(Vec<Periodic>, f64)>, LayoutError> {
    let Some(last) = layers.last() else {
        return Ok(Some((Vec::new(), 0.0)));
    };
    let mut tensors = vec![vec![last.output().clone()]];
    for layer in layers.iter().rev() {
        let next = tensors.last().map_or(&[][..], Vec::as_slice);
        tensors.push(candidates(layer.input(), layer.output(), next));
    }
    tensors.reverse();
    if !is_first_free {
        tensors[0].truncate(1);
    }
    Search::new(layers, tensors, options).run(limit)
}

/// A layer about to be planned, between two candidates; `bound` is what the whole chain costs at least.
struct Step {
    bound: f64,
    layer: usize,
    from: usize,
    /// Candidate of the layer's output; nothing: the layer's input candidate is reached, its steps are to be listed.
    to: Option<usize>,
    before: f64,
    /// Whether the bound knows how many diagonals remain.
    is_refined: bool,
}

struct Search<'a> {
    layers: &'a [Diagonals<'a>],
    tensors: Vec<Vec<Periodic>>,
    options: &'a PlanOptions,
    /// Per tensor and candidate, what the layers after it cost at least.
    ahead: Vec<Vec<f64>>,
    /// Per tensor and candidate, the least cost found to reach it, and from where.
    reached: Vec<Vec<Option<(f64, usize)>>>,
    /// The cheapest path planned whole, and its cost.
    found: Option<(f64, Vec<usize>)>,
}

impl<'a> Search<'a> {
    fn new(
        layers: &'a [Diagonals<'a>],
        tensors: Vec<Vec<Periodic>>,
        options: &'a PlanOptions,
    ) -> Self {
        let mut ahead: Vec<Vec<f64>> = tensors.iter().map(|t| vec![0.0; t.len()]).collect();
        for (t, layer) in layers.iter().enumerate().rev() {
            for (i, input) in tensors[t].iter().enumerate() {
                let steps = tensors[t + 1].iter().zip(&ahead[t + 1]);
                let steps = steps.filter(|(output, _)| may_carry(input, output));
                let least = steps
                    .map(|(output, ahead)| layer.least_cost(input, output, &options.costs) + ahead);
                ahead[t][i] = least.fold(f64::INFINITY, f64::min);
            }
        }
        let reached = tensors.iter().map(|t| vec![None; t.len()]).collect();
        Self {
            layers,
            tensors,
            options,
            ahead,
            reached,
            found: None,
        }
    }

    fn run(mut self, limit: f64) -> Result<Option<(Vec<Periodic>, f64)>, LayoutError> {
        let n = self.layers.len();
        let mut most = self.dive(limit)?;
        let mut queue = BinaryHeap::new();
        for (i, &bound) in self.ahead[0].iter().enumerate() {
            self.reached[0][i] = Some((0.0, i));
            queue.push(Step::reached(bound, 0, i, 0.0));
        }
        let mut plans = 0;
        while let Some(step) = queue.pop() {
            let (t, i) = (step.layer, step.from);
            let known = self.reached[t][i].map_or(f64::INFINITY, |(cost, _)| cost);
            if step.bound >= most || step.before > known {
                continue;
            }
            let Some(to) = step.to else {
                let input = &self.tensors[t][i];
                let outputs = self.tensors[t + 1].iter().enumerate();
                for (to, output) in outputs.filter(|(_, output)| may_carry(input, output)) {
                    let costs = &self.options.costs;
                    let least = self.layers[t].least_cost(input, output, costs);
                    let bound = step.before + least + self.ahead[t + 1][to];
                    if bound < most {
                        queue.push(Step {
                            bound,
                            to: Some(to),
                            ..Step::reached(bound, t, i, step.before)
                        });
                    }
                }
                continue;
            };
            let best = self.reached[t + 1][to].map_or(f64::INFINITY, |(cost, _)| cost);
            if step.before >= best {
                continue;
            }
            if !step.is_refined {
                let (input, output) = (&self.tensors[t][i], &self.tensors[t + 1][to]);
                let costs = &self.options.costs;
                let least = self.layers[t].least_cost_of_choices(input, output, costs);
                let bound = step.before + least + self.ahead[t + 1][to];
                queue.push(Step {
                    bound: bound.max(step.bound),
                    is_refined: true,
                    ..step
                });
                continue;
            }
            if plans == MOST_PLANS {
                break;
            }
            plans += 1;
            let limit = best.min(most - self.ahead[t + 1][to]) - step.before;
            let (input, output) = (&self.tensors[t][i], &self.tensors[t + 1][to]);
            let outline = self.layers[t].outline(input, output, self.options, limit)?;
            let Some(outline) = outline else { continue };
            let cost = step.before + outline.total(&self.options.costs);
            if cost >= best {
                continue;
            }
            self.reached[t + 1][to] = Some((cost, i));
            if t + 1 == n {
                most = most.min(cost);
            } else {
                let bound = cost + self.ahead[t + 1][to];
                queue.push(Step::reached(bound, t + 1, to, cost));
            }
        }
        Ok(self.path().filter(|&(_, cost)| cost < limit))
    }

    /// Follows the path of single copies, and the most promising candidate from each tensor to the next: a cost to beat,
    /// at most `limit`.
    fn dive(&mut self, limit: f64) -> Result<f64, LayoutError> {
        let mut starts: Vec<usize> = (0..self.tensors[0].len()).collect();
        starts.sort_by(|&a, &b| self.ahead[0][a].total_cmp(&self.ahead[0][b]));
        starts.truncate(DIVES);
        let mut least = self.follow(0, limit, |_, _| 0)?;
        for start in starts {
            let promising = |search: &Self, (t, i): (usize, usize)| {
                let bound = |to: usize| {
                    let (input, output) = (&search.tensors[t][i], &search.tensors[t + 1][to]);
                    let costs = &search.options.costs;
                    search.layers[t].least_cost(input, output, costs) + search.ahead[t + 1][to]
                };
                let input = &search.tensors[t][i];
                let all = 0..search.tensors[t + 1].len();
                let all = all.filter(|&to| may_carry(input, &search.tensors[t + 1][to]));
                all.min_by(|&a, &b| bound(a).total_cmp(&bound(b)))
                    .unwrap_or(0)
            };
            least = self.follow(start, least, promising)?;
        }
        Ok(least)
    }

    /// Plans one path of candidates and notes what it reached if that is below `limit`. Returns the lower of both.
    fn follow(
        &mut self,
        start: usize,
        limit: f64,
        next: impl Fn(&Self, (usize, usize)) -> usize,
    ) -> Result<f64, LayoutError> {
        let (mut cost, mut at) = (0.0, start);
        let mut path = vec![start];
        for (t, layer) in self.layers.iter().enumerate() {
            let to = next(self, (t, at));
            let (input, output) = (&self.tensors[t][at], &self.tensors[t + 1][to]);
            let left = limit - cost - self.ahead[t + 1][to];
            if layer.least_cost(input, output, &self.options.costs) > left {
                return Ok(limit);
            }
            let outline = layer.outline(input, output, self.options, left)?;
            let Some(outline) = outline else {
                return Ok(limit);
            };
            cost += outline.total(&self.options.costs);
            path.push(to);
            at = to;
        }
        if cost < limit {
            self.found = Some((cost, path));
        }
        Ok(cost.min(limit))
    }

    /// The cheapest path found, if any.
    fn path(&self) -> Option<(Vec<Periodic>, f64)> {
        let end = self.reached.last().and_then(|last| last[0]);
        let dived = self.found.as_ref().map_or(f64::INFINITY, |found| found.0);
        let (cost, path) = match end.filter(|&(cost, _)| cost < dived) {
            None => self.found.clone()?,
            Some((cost, _)) => {
                let mut at = 0;
                let mut path = Vec::new();
                for reached in self.reached.iter().rev() {
                    path.push(at);
                    at = reached[at].map_or(0, |(_, from)| from);
                }
                path.reverse();
                (cost, path)
            }
        };
        let chosen = self.tensors.iter().zip(path);
        Some((chosen.map(|(tensor, i)| tensor[i].clone()).collect(), cost))
    }
}

impl Step {
    fn reached(bound: f64, layer: usize, from: usize, before: f64) -> Self {
        Self {
            bound,
            layer,
            from,
            to: None,
            before,
            is_refined: false,
        }
    }

    /// Least bound first, then the later layer, then the earlier candidates.
    fn rank(&self, other: &Self) -> Ordering {
        let order = other.bound.total_cmp(&self.bound);
        let order = order.then(self.layer.cmp(&other.layer));
        order.then((other.from, other.to).cmp(&(self.from, self.to)))
    }
}

impl PartialEq for Step {
    fn eq(&self, other: &Self) -> bool {
        self.rank(other) == Ordering::Equal
    }
}

impl Eq for Step {}

impl PartialOrd for Step {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Step {
    fn cmp(&self, other: &Self) -> Ordering {
        self.rank(other)
    }
}
