//! Which values are refreshed: a shortest path over what the values still to be computed are needed at.

use super::executed_at;
use super::prices::Prices;
use crate::util::units::units;
use ::circuit::{Circuit, Kind, LayerId, Op, ValueId};
use std::collections::BTreeMap;

/// Most partial plans that are followed side by side; beyond it, the dearest are dropped.
const MOST_PLANS: usize = 4096;

/// Values that may be refreshed, those of one tensor together.
pub struct Tensors {
    /// The tensor of each value that may be refreshed.
    of: Vec<Option<usize>>,
    /// By tensor, its first value: before it nothing of the tensor is computed.
    first: Vec<usize>,
    /// For each value, the last that reads it.
    last_use: Vec<usize>,
}

impl Tensors {
    /// Rescaled ciphertexts that another layer reads, by layer; of values without a layer, each by itself.
    pub fn new(circuit: &Circuit) -> Self {
        let (units, kinds) = (units(circuit), circuit.kinds());
        let n = circuit.values().len();
        let (mut last_use, mut leaves) = (vec![0; n], vec![false; n]);
        for (value, (id, op)) in circuit.values().iter().zip(circuit.ops()) {
            for operand in op.operands() {
                let from = circuit.value(operand).layer;
                last_use[operand.index()] = id.index();
                leaves[operand.index()] |= from.is_none() || from != value.layer;
            }
        }
        let mut by_layer: BTreeMap<LayerId, usize> = BTreeMap::new();
        let (mut of, mut first) = (vec![None; n], Vec::new());
        for (id, op) in circuit.ops() {
            let i = id.index();
            let can = leaves[i] && units[i] == 1 && kinds[i] == Some(Kind::Ct);
            if !can || matches!(op, Op::Input { .. }) {
                continue;
            }
            let mut new = || {
                first.push(i);
                first.len() - 1
            };
            of[i] = Some(match circuit.value(id).layer {
                Some(layer) => *by_layer.entry(layer).or_insert_with(new),
                None => new(),
            });
        }
        Self {
            of,
            first,
            last_use,
        }
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.first.len()
    }

    /// The tensor that a value belongs to, if it may be refreshed.
    pub fn of(&self, id: ValueId) -> Option<usize> {
        self.of[id.index()]
    }
}

/// A choice for every tensor, and what it costs.
#[derive(Clone, Debug, PartialEq)]
pub struct Plan {
    /// Whether each tensor is refreshed.
    pub refreshed: Vec<bool>,
    /// Predicted microseconds of the whole circuit.
    pub us: f64,
}

/// A plan for everything after some value.
#[derive(Clone)]
struct Partial {
    us: f64,
    /// The level that each value is needed at by what was looked at.
    needed: Vec<u8>,
    /// By tensor; `None` until its last value was looked at.
    refreshed: Vec<Option<bool>>,
    /// By tensor, whether its round trip is counted.
    asked: Vec<bool>,
    /// Whether all tensors so far are refreshed.
    everywhere: bool,
}

impl Partial {
    fn new(circuit: &Circuit, tensors: &Tensors) -> Self {
        Self {
            us: 0.0,
            needed: vec![0; circuit.values().len()],
            refreshed: vec![None; tensors.len()],
            asked: vec![false; tensors.len()],
            everywhere: true,
        }
    }

    /// Looks at one value, whose readers were all looked at; whether the chain is long enough.
    fn step(&mut self, site: &Site<'_>, id: ValueId) -> bool {
        let Site {
            circuit,
            tensors,
            prices,
            source,
        } = *site;
        let (op, i) = (circuit.op(id), id.index());
        if self.needed[i] > prices.top {
            return false;
        }
        if let Some(t) = tensors.of[i]
            && self.refreshed[t] == Some(true)
            && self.needed[i] > source
        {
            self.us += prices.refresh(self.needed[i]);
            if !std::mem::replace(&mut self.asked[t], true) {
                self.us += prices.round_trip;
            }
            self.needed[i] = source;
        }
        let at = executed_at(op, self.needed[i]);
        if at > prices.top {
            return false;
        }
        self.us += prices.value(id, at);
        for operand in op.operands() {
            let needed = &mut self.needed[operand.index()];
            *needed = (*needed).max(at);
        }
        true
    }

    fn plan(&self) -> Plan {
        Plan {
            refreshed: self.refreshed.iter().map(|r| *r == Some(true)).collect(),
            us: self.us,
        }
    }
}

/// What a search looks at.
#[derive(Clone, Copy)]
pub struct Site<'a> {
    pub circuit: &'a Circuit,
    pub tensors: &'a Tensors,
    pub prices: &'a Prices,
    /// The level that refreshed values come from.
    pub source: u8,
}

impl Site<'_> {
    /// The plan that makes the given choices; `None` if the chain is too short for it.
    pub fn plan_of(&self, refreshed: &[bool]) -> Option<Plan> {
        let mut partial = Partial::new(self.circuit, self.tensors);
        partial.refreshed = refreshed.iter().copied().map(Some).collect();
        let mut ids = self.circuit.ops().rev().map(|(id, _)| id);
        ids.all(|id| partial.step(self, id)).then(|| partial.plan())
    }

    /// The cheapest plan; `None` if the chain is too short for any.
    pub fn cheapest(&self) -> Option<Plan> {
        let mut plans = vec![Partial::new(self.circuit, self.tensors)];
        for (id, _) in self.circuit.ops().rev() {
            let tensor = self.tensors.of[id.index()];
            if let Some(t) = tensor.filter(|&t| plans.iter().any(|p| p.refreshed[t].is_none())) {
                plans = self.pruned(plans, id);
                plans = self.branched(plans, t, id);
            }
            plans.retain_mut(|plan| plan.step(self, id));
        }
        let best = plans.iter().min_by(|a, b| a.us.total_cmp(&b.us));
        best.map(Partial::plan)
    }

    /// Every plan with the tensor refreshed and without; only without where nothing is won by it.
    fn branched(&self, plans: Vec<Partial>, tensor: usize, id: ValueId) -> Vec<Partial> {
        let mut next = Vec::with_capacity(2 * plans.len());
        for mut plan in plans {
            // What other values of the tensor are needed at is not known yet.
            let alone = self.tensors.first[tensor] == id.index();
            if alone && plan.needed[id.index()] <= self.source {
                plan.refreshed[tensor] = Some(false);
            } else {
                let mut other = plan.clone();
                (other.refreshed[tensor], other.everywhere) = (Some(false), false);
                next.push(other);
                plan.refreshed[tensor] = Some(true);
            }
            next.push(plan);
        }
        next
    }

    /// Without plans that another one beats: no dearer, and nothing needed at a higher level.
    fn pruned(&self, mut plans: Vec<Partial>, id: ValueId) -> Vec<Partial> {
        let i = id.index();
        let live: Vec<usize> = (0..=i)
            .filter(|&v| self.tensors.last_use[v] > i || v == i)
            .collect();
        // Tensors with values on both sides: their choice still matters.
        let open: Vec<usize> = (0..self.tensors.len())
            .filter(|&t| self.tensors.first[t] < i)
            .filter(|&t| plans.iter().any(|p| p.refreshed[t].is_some()))
            .collect();
        plans.sort_by(|a, b| a.us.total_cmp(&b.us));
        let mut kept: Vec<Partial> = Vec::new();
        for plan in plans {
            let beats = |other: &Partial| {
                live.iter().all(|&v| other.needed[v] <= plan.needed[v])
                    && open.iter().all(|&t| {
                        other.refreshed[t] == plan.refreshed[t] && other.asked[t] == plan.asked[t]
                    })
            };
            if (kept.len() < MOST_PLANS || plan.everywhere) && !kept.iter().any(beats) {
                kept.push(plan);
            }
        }
        kept
    }
}
