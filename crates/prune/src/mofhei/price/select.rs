//! The cheapest loss of importance for a share of the price.

use super::super::block::insert;
use super::super::matrix::{WeightMatrix, prunable};
use super::super::score::{ImportanceError, check};
use super::Prices;
use super::units::{Offsets, Unit, units};
use privet::extend::Graph;
use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};
use train::{ParameterId, WeightMask, WeightMasks, parameters};

/// Drops weights and whole units, the least importance per price first, until the share `target` of the network's price
/// is gone.
///
/// A unit's price is that of the weights which write and read it and are still there, and of its activation; its
/// importance that of the writing or of the reading weights, whichever is less, since either alone silences it. A unit
/// that nothing writes or nothing reads goes at once. Weights of the last dense layer go with units only. Every class of
/// units keeps one, every layer one weight. Ties go to units, then to the lower index.
///
/// Units are counted as culled: what their bias leaves behind must be foldable, see [`super::super::cull()`].
///
/// # Errors
/// [`ImportanceError`] names the first weight without one importance per element.
pub fn select_by_price(
    graph: &Graph,
    importance: &BTreeMap<ParameterId, Vec<f64>>,
    prices: &Prices,
    target: f64,
) -> Result<WeightMasks, ImportanceError> {
    select(graph, importance, prices, target).map(|(masks, _)| masks)
}

/// [`select_by_price`], and the price that goes.
pub(in super::super) fn select(
    graph: &Graph,
    importance: &BTreeMap<ParameterId, Vec<f64>>,
    prices: &Prices,
    target: f64,
) -> Result<(WeightMasks, f64), ImportanceError> {
    check(graph, importance)?;
    let offsets = Offsets::new(graph);
    let mut state = State::new(graph, &offsets, importance, prices);
    let goal = target * prices.total(graph, &WeightMasks::new());
    let order = scalars(graph, &offsets, &state);
    let mut next = 0;
    state.drop_dead_units();
    while state.saved < goal {
        while next < order.len() && !state.can_drop(order[next]) {
            next += 1;
        }
        let scalar = order.get(next).map(|&w| state.scalar_ratio(w));
        match (state.best_unit(), scalar) {
            (Some((ratio, unit)), scalar) if scalar.is_none_or(|s| ratio <= s) => {
                state.drop_unit(unit);
            }
            (_, Some(_)) => state.drop_weight(order[next]),
            (Some(_) | None, None) => break,
        }
        state.drop_dead_units();
    }
    Ok((masks(graph, &offsets, &state.alive), state.saved))
}

/// Weights that may go on their own, the least importance per price first.
fn scalars(graph: &Graph, offsets: &Offsets, state: &State) -> Vec<usize> {
    let may: Vec<ParameterId> = prunable(graph).into_iter().map(|m| m.parameter).collect();
    let layers = offsets.layers.iter().filter(|(_, p, _)| may.contains(p));
    let mut order: Vec<usize> = layers.flat_map(|(.., range)| range.clone()).collect();
    order.sort_by(|&a, &b| {
        let ratios = state.scalar_ratio(a).total_cmp(&state.scalar_ratio(b));
        ratios.then(a.cmp(&b))
    });
    order
}

fn masks(graph: &Graph, offsets: &Offsets, alive: &[bool]) -> WeightMasks {
    let mut masks = WeightMasks::new();
    for (id, _, range) in &offsets.layers {
        let kept = alive[range.clone()].to_vec();
        if let Some(matrix) = WeightMatrix::of(graph, *id).filter(|_| kept.contains(&false)) {
            insert(&mut masks, &matrix, WeightMask { kept });
        }
    }
    masks
}

/// One side of a unit: what is left of the weights that write or read it.
#[derive(Clone, Copy, Default)]
struct Side {
    weights: usize,
    importance: f64,
}

struct State {
    importance: Vec<f64>,
    price: Vec<f64>,
    alive: Vec<bool>,
    /// Layer of each weight, and weights left in each layer.
    layer: Vec<u32>,
    left: Vec<usize>,
    units: Vec<Unit>,
    /// Writing and reading side of each unit, and its price left.
    sides: Vec<[Side; 2]>,
    unit_price: Vec<f64>,
    /// Units that are gone, and how often each changed.
    gone: Vec<bool>,
    version: Vec<u32>,
    units_left: BTreeMap<usize, usize>,
    /// Units that each weight writes and reads.
    touches: Vec<[Option<u32>; 2]>,
    queue: BinaryHeap<Reverse<(u64, usize, u32)>>,
    dead: Vec<usize>,
    saved: f64,
}

impl State {
    fn new(
        graph: &Graph,
        offsets: &Offsets,
        importance: &BTreeMap<ParameterId, Vec<f64>>,
        prices: &Prices,
    ) -> Self {
        let values: BTreeMap<ParameterId, _> = parameters(graph).into_iter().collect();
        let units = units(graph, offsets, prices);
        let n = units.len();
        let mut state = Self {
            importance: Vec::with_capacity(offsets.len),
            price: Vec::with_capacity(offsets.len),
            alive: Vec::with_capacity(offsets.len),
            layer: Vec::with_capacity(offsets.len),
            left: Vec::new(),
            sides: vec![[Side::default(); 2]; n],
            unit_price: units.iter().map(|unit| unit.price).collect(),
            gone: vec![false; n],
            version: vec![0; n],
            units_left: BTreeMap::new(),
            touches: vec![[None; 2]; offsets.len],
            queue: BinaryHeap::new(),
            dead: Vec::new(),
            saved: 0.0,
            units,
        };
        for (k, (_, parameter, range)) in offsets.layers.iter().enumerate() {
            let free = vec![0.0; range.len()];
            let given = importance[parameter].iter().map(|v| v.max(0.0));
            state.importance.extend(given);
            let price = prices.weights.get(parameter).unwrap_or(&free);
            state.price.extend(price);
            let weights = values[parameter].values();
            state.alive.extend(weights.iter().map(|w| *w != 0.0));
            state.layer.extend(vec![k as u32; range.len()]);
            state
                .left
                .push(weights.iter().filter(|w| **w != 0.0).count());
        }
        state.tie_units();
        state
    }

    /// Tells weights their units, and units what their weights amount to.
    fn tie_units(&mut self) {
        for unit in 0..self.units.len() {
            let sides = [&self.units[unit].columns, &self.units[unit].rows];
            for (side, weights) in sides.into_iter().enumerate() {
                for &w in weights {
                    self.touches[w][side] = Some(unit as u32);
                    if self.alive[w] {
                        let found = &mut self.sides[unit][side];
                        found.weights += 1;
                        found.importance += self.importance[w];
                        // A depthwise weight is on both sides and paid once.
                        if side == 0 || self.touches[w][0] != Some(unit as u32) {
                            self.unit_price[unit] += self.price[w];
                        }
                    }
                }
            }
            *self.units_left.entry(self.units[unit].class).or_default() += 1;
        }
        (0..self.units.len()).for_each(|unit| self.enqueue(unit));
    }

    fn scalar_ratio(&self, weight: usize) -> f64 {
        ratio(self.importance[weight], self.price[weight])
    }

    fn can_drop(&self, weight: usize) -> bool {
        self.alive[weight] && self.left[self.layer[weight] as usize] > 1
    }

    fn is_last(&self, unit: usize) -> bool {
        self.units_left[&self.units[unit].class] <= 1
    }

    /// Puts a unit that changed into the queue, or among the dead.
    fn enqueue(&mut self, unit: usize) {
        self.version[unit] += 1;
        let [written, read] = self.sides[unit];
        if written.weights == 0 || read.weights == 0 {
            self.dead.push(unit);
            return;
        }
        let importance = written.importance.min(read.importance).max(0.0);
        let ratio = ratio(importance, self.unit_price[unit]);
        let entry = (ratio.to_bits(), unit, self.version[unit]);
        self.queue.push(Reverse(entry));
    }

    /// The unit of least importance per price that may go.
    fn best_unit(&mut self) -> Option<(f64, usize)> {
        while let Some(&Reverse((ratio, unit, version))) = self.queue.peek() {
            if !self.gone[unit] && version == self.version[unit] && !self.is_last(unit) {
                return Some((f64::from_bits(ratio), unit));
            }
            self.queue.pop();
        }
        None
    }

    fn drop_dead_units(&mut self) {
        while let Some(unit) = self.dead.pop() {
            if !self.gone[unit] && !self.is_last(unit) {
                self.drop_unit(unit);
            }
        }
    }

    fn drop_unit(&mut self, unit: usize) {
        self.gone[unit] = true;
        *self.units_left.entry(self.units[unit].class).or_insert(1) -= 1;
        self.saved += self.units[unit].price;
        let columns = std::mem::take(&mut self.units[unit].columns);
        let rows = std::mem::take(&mut self.units[unit].rows);
        for weight in columns.into_iter().chain(rows) {
            if self.alive[weight] {
                self.drop_weight(weight);
            }
        }
    }

    fn drop_weight(&mut self, weight: usize) {
        self.alive[weight] = false;
        self.left[self.layer[weight] as usize] -= 1;
        self.saved += self.price[weight];
        let touches = self.touches[weight];
        for (side, unit) in touches.into_iter().enumerate() {
            let Some(unit) = unit.map(|u| u as usize).filter(|&u| !self.gone[u]) else {
                continue;
            };
            let found = &mut self.sides[unit][side];
            found.weights -= 1;
            found.importance -= self.importance[weight];
            if side == 0 || touches[0] != touches[1] {
                self.unit_price[unit] -= self.price[weight];
            }
            self.enqueue(unit);
        }
    }
}

fn ratio(importance: f64, price: f64) -> f64 {
    if price > 0.0 {
        importance / price
    } else {
        f64::INFINITY
    }
}
