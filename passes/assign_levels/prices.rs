//! What each value costs at each level of a chain.

use crate::util::chain::{MAX_BITS, candidates};
use ::circuit::{Circuit, CostTable, Op, PriceSites, ValueId};
use params::{Level, Params, max_log_qp};
use pass::Settings;
use std::collections::HashMap;

/// Prices on one chain, in microseconds. None falls as the level rises: a lower level is never dearer.
pub struct Prices {
    /// By class of value, then by level of the operands.
    classes: Vec<Vec<f64>>,
    /// Class of each value.
    class: Vec<usize>,
    /// Of one ciphertext refreshed to each level.
    refresh: Vec<f64>,
    /// Of asking the client once.
    pub round_trip: f64,
    /// The highest level.
    pub top: u8,
}

impl Prices {
    /// Prices on the chain of `top` levels that rotates fastest; `None` if the security table allows none. Refreshes are
    /// read at level `source`.
    pub fn new(circuit: &Circuit, settings: &Settings, top: u8, source: u8) -> Option<Self> {
        let costs = &settings.costs;
        let params = chain(settings, top)?;
        let sites = PriceSites::new(circuit);
        let levels = || (0..=top).map(Level);
        let mut known = HashMap::new();
        let mut classes = Vec::new();
        let class = circuit.ops().map(|(id, _)| {
            *known.entry(sites.class(id)).or_insert_with(|| {
                let us = levels().map(|l| sites.us(costs, id, l, &params));
                classes.push(rising(us));
                classes.len() - 1
            })
        });
        let class = class.collect();
        let refresh = levels().map(|to| refresh_us(costs, Level(source), to, &params));
        Some(Self {
            classes,
            class,
            refresh: rising(refresh),
            round_trip: costs.link().round_trip_us(),
            top,
        })
    }

    /// Of a value whose operands are at a level.
    pub fn value(&self, id: ValueId, level: u8) -> f64 {
        self.classes[self.class[id.index()]][usize::from(level)]
    }

    /// Of one ciphertext refreshed to a level, the round trip apart.
    pub fn refresh(&self, to: u8) -> f64 {
        self.refresh[usize::from(to)]
    }
}

fn refresh_us(costs: &CostTable, from: Level, to: Level, params: &Params) -> f64 {
    let op = Op::Refresh {
        x: ValueId(0),
        to,
        scale: None,
    };
    costs.op_us(&op, ::circuit::Kind::Ct, ::circuit::Kind::Ct, from, params)
}

/// Each number, or the largest before it.
fn rising(numbers: impl Iterator<Item = f64>) -> Vec<f64> {
    let largest = |most: &mut f64, x: f64| {
        *most = most.max(x);
        Some(*most)
    };
    numbers.scan(0.0, largest).collect()
}

/// The chain of so many levels on which rotations, over all levels, take least.
fn chain(settings: &Settings, levels: u8) -> Option<Params> {
    let (log_n, bits) = (settings.log_n, settings.scale_bits);
    let bound = max_log_qp(log_n)?;
    let price = |params: &Params| -> f64 {
        let rotation = Op::Conjugate(ValueId(0));
        let ct = ::circuit::Kind::Ct;
        let at = |l| settings.costs.op_us(&rotation, ct, ct, Level(l), params);
        (0..=levels).map(at).sum()
    };
    let mut best: Option<(f64, Params)> = None;
    for spec in candidates(log_n, levels.into(), bits, MAX_BITS, bound) {
        let Ok(params) = Params::new(spec) else {
            continue;
        };
        let us = price(&params);
        if best.as_ref().is_none_or(|(least, _)| us < *least) {
            best = Some((us, params));
        }
    }
    best.map(|(_, params)| params)
}

/// The largest number of levels that the security table allows beside a last prime of so many bits.
pub fn most_levels(settings: &Settings, base_bits: u8) -> u8 {
    let (log_n, bits) = (settings.log_n, settings.scale_bits);
    let bound = max_log_qp(log_n).unwrap_or(0);
    let fits =
        |levels: &u8| !candidates(log_n, (*levels).into(), bits, base_bits, bound).is_empty();
    (1..=63).take_while(fits).last().unwrap_or(0)
}
