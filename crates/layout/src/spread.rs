//! Choosing copies along a chain of linear layers.

use std::cmp::Ordering;
use std::collections::BinaryHeap;

use crate::{Copy, Diagonals, LayoutError, Periodic, PlanOptions, next_power_of_two};

/// Most plans made for one chain; then the best found so far stands.
const MOST_PLANS: usize = 120;

/// Starts from which one path each is planned first.
const DIVES: usize = 4;

/// Chooses the copies of each tensor along a chain, so that the plans of all layers together cost least.
///
/// Copies in a layer's input let its diagonals merge; its own output may be copied as long as the layer that writes it
/// has idle slots. Each tensor's candidates are one copy, and blocks that lie evenly spread modulo a power of two. A
/// bound below each layer's cost orders the search.
///
/// # Shapes
/// - `is_first_free`: whether the first input may be copied, as a client can.
/// - `layers`: in order; the output layout of one is the input layout of the next. The last output keeps one copy.
/// - result: a layout per tensor, one more than there are layers.
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
) -> Result<Vec<Periodic>, LayoutError> {
    let Some(last) = layers.last() else {
        return Ok(Vec::new());
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
    Search::new(layers, tensors, options).run()
}

/// Layouts with the same base positions: one copy, blocks of copies spread evenly modulo what the layer may use, and
/// copies as in the layouts that the layer may write, which a convolution then carries over.
fn candidates(base: &Periodic, reader: &Periodic, next: &[Periodic]) -> Vec<Periodic> {
    let mut all = vec![base.clone()];
    let (extent, n_slots) = (base.extent().max(1), base.n_slots);
    if base.n_ciphertexts > 1 || !base.copies.is_empty() {
        return all;
    }
    let moduli = (0..5).map(|k| u64::from(reader.period) << k);
    for m in moduli.filter(|&m| m <= u64::from(n_slots)) {
        let m = m as u32;
        let most = (n_slots / extent).min(m);
        let mut numbers: Vec<u32> = (1..24).map(|k| 1 << k).collect();
        numbers.retain(|&n| n < most);
        if most > 1 {
            numbers.push(most);
        }
        for n in numbers {
            let made = [
                blocks(n, extent, m, true),
                blocks(n, extent, m, false),
                turned_blocks(n, extent, m),
            ];
            // The same residues either way, so the shorter period serves as well.
            let [up, down, turned] = made.map(|copies| base.clone().with_copies(copies));
            let straight = if down.period < up.period { down } else { up };
            for spread in [straight, turned] {
                if spread.n_ciphertexts == 1 && !all.contains(&spread) {
                    all.push(spread);
                }
            }
        }
    }
    for copies in next.iter().map(|next| &next.copies) {
        let whole = |copy: &Copy| copy.from == 0;
        if copies.iter().all(whole) && copies.iter().all(|copy| copy.offset >= extent) {
            let all_of = |copy: &Copy| Copy {
                to: extent,
                ..*copy
            };
            let same = base
                .clone()
                .with_copies(copies.iter().map(all_of).collect::<Vec<_>>());
            if same.n_ciphertexts == 1 && same.check().is_ok() && !all.contains(&same) {
                all.push(same);
            }
        }
    }
    all
}

/// `n` blocks of `extent` slots, each at the least offset that does not meet the one before and has the residue modulo
/// `m` that spreads them evenly.
fn blocks(n: u32, extent: u32, m: u32, ascending: bool) -> Vec<Copy> {
    let gap = m.div_ceil(n);
    let mut copies = Vec::new();
    let mut end = extent;
    for j in 1..n {
        let step = (j * gap) % m;
        let wanted = if ascending { step } else { (m - step) % m };
        let offset = end + (wanted + m - end % m) % m;
        copies.push(Copy {
            offset,
            from: 0,
            to: extent,
        });
        end = offset.saturating_add(extent).min(u32::MAX / 2);
    }
    copies
}

/// `n` blocks as long as the least period, each turned within itself so that copies are spread evenly modulo `m`.
fn turned_blocks(n: u32, extent: u32, m: u32) -> Vec<Copy> {
    let block = next_power_of_two(extent);
    let mut copies = Vec::new();
    for j in 1..n {
        let start = block.saturating_mul(j).min(u32::MAX / 4);
        let turn = (j * m.div_ceil(n)) % m.min(block);
        let stays = block - turn;
        copies.push(Copy {
            offset: start + turn,
            from: 0,
            to: stays.min(extent),
        });
        if stays < extent {
            copies.push(Copy {
                offset: start - stays,
                from: stays,
                to: extent,
            });
        }
    }
    copies
}

/// A layer about to be planned, between two candidates; `bound` is what the whole chain costs at least.
struct Step {
    bound: f64,
    layer: usize,
    from: usize,
    /// Candidate of the layer's output; nothing: the layer's input candidate is reached, its steps are to be listed.
    to: Option<usize>,
    before: f64,
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

    fn run(mut self) -> Result<Vec<Periodic>, LayoutError> {
        let n = self.layers.len();
        let mut most = self.dive()?;
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
                for (to, output) in self.tensors[t + 1].iter().enumerate() {
                    let costs = &self.options.costs;
                    let least = self.layers[t].least_cost(&self.tensors[t][i], output, costs);
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
            if plans == MOST_PLANS {
                break;
            }
            plans += 1;
            let best = self.reached[t + 1][to].map_or(f64::INFINITY, |(cost, _)| cost);
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
        Ok(self.path())
    }

    /// Follows the most promising candidate from each tensor to the next, and the path of single copies: a cost to beat.
    fn dive(&mut self) -> Result<f64, LayoutError> {
        let mut starts: Vec<usize> = (0..self.tensors[0].len()).collect();
        starts.sort_by(|&a, &b| self.ahead[0][a].total_cmp(&self.ahead[0][b]));
        starts.truncate(DIVES);
        let mut least = self.follow(0, |_, _| 0)?;
        for start in starts {
            let promising = |search: &Self, (t, i): (usize, usize)| {
                let bound = |to: usize| {
                    let (input, output) = (&search.tensors[t][i], &search.tensors[t + 1][to]);
                    let costs = &search.options.costs;
                    search.layers[t].least_cost(input, output, costs) + search.ahead[t + 1][to]
                };
                let all = 0..search.tensors[t + 1].len();
                all.min_by(|&a, &b| bound(a).total_cmp(&bound(b)))
                    .unwrap_or(0)
            };
            least = least.min(self.follow(start, promising)?);
        }
        Ok(least)
    }

    /// Plans one path of candidates and notes what it reached.
    fn follow(
        &mut self,
        start: usize,
        next: impl Fn(&Self, (usize, usize)) -> usize,
    ) -> Result<f64, LayoutError> {
        let (mut cost, mut at) = (0.0, start);
        let mut path = vec![start];
        for (t, layer) in self.layers.iter().enumerate() {
            let to = next(self, (t, at));
            let (input, output) = (&self.tensors[t][at], &self.tensors[t + 1][to]);
            let outline = layer.outline(input, output, self.options, f64::INFINITY)?;
            cost += outline.map_or(0.0, |outline| outline.total(&self.options.costs));
            path.push(to);
            at = to;
        }
        if self.found.as_ref().is_none_or(|(least, _)| cost < *least) {
            self.found = Some((cost, path));
        }
        Ok(cost)
    }

    fn path(&self) -> Vec<Periodic> {
        let end = self.reached.last().and_then(|last| last[0]);
        let (dived, path) = self.found.clone().unwrap_or_default();
        let path = match end.filter(|&(cost, _)| cost < dived) {
            None => path,
            Some(_) => {
                let mut at = 0;
                let mut path = Vec::new();
                for reached in self.reached.iter().rev() {
                    path.push(at);
                    at = reached[at].map_or(0, |(_, from)| from);
                }
                path.reverse();
                path
            }
        };
        let chosen = self.tensors.iter().zip(path);
        chosen.map(|(tensor, i)| tensor[i].clone()).collect()
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
