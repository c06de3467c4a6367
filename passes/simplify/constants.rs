//! Plain vectors as hashed constants: exact values modulo a prime for comparing, an expression for the numbers.
//!
//! A constant keeps its shortest period and the slots where it is not zero. Floats are computed from the expression
//! when an extracted program needs them, and at no other time.

use super::field;
use ::circuit::{PlainValues, PlainVector};
use std::collections::HashMap;
use std::sync::Arc;

/// Entries that the constants of one window may have together; beyond, no further constants are made.
const MAX_ENTRIES: usize = 1 << 21;

/// A constant of one window.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Pt(u32);

/// Where a constant's numbers come from.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Expr {
    /// A plain vector of the window.
    Plain(usize),
    Number(f64),
    Rotated(Pt, u32),
    Product(Pt, Pt),
    Total(Pt, Pt),
    Negated(Pt),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Step {
    Rotate(Pt, u32),
    Multiply(Pt, Pt),
    Add(Pt, Pt),
    Negate(Pt),
}

#[derive(Debug)]
struct Constant {
    expr: Expr,
    exact: Arc<Exact>,
}

/// What tells constants apart.
#[derive(Debug, PartialEq, Eq, Hash)]
struct Exact {
    /// Whether it needs no encoding.
    is_number: bool,
    period: u32,
    /// Slots of one period that are not zero, rising, with their residues.
    entries: Vec<(u32, u64)>,
}

impl Exact {
    fn at(&self, slot: u32) -> u64 {
        let slot = slot & (self.period - 1);
        let found = self.entries.binary_search_by_key(&slot, |e| e.0);
        found.map_or(0, |i| self.entries[i].1)
    }

    /// Entries of a longer period.
    fn spread(&self, period: u32) -> impl Iterator<Item = (u32, u64)> + '_ {
        let starts = (0..period).step_by(self.period as usize);
        starts.flat_map(|start| self.entries.iter().map(move |&(s, v)| (start + s, v)))
    }

    /// With the shortest period.
    fn reduced(mut self) -> Self {
        while self.period > 1 {
            let half = self.period / 2;
            let split = self.entries.partition_point(|e| e.0 < half);
            let (low, high) = self.entries.split_at(split);
            let shifted = high.iter().map(|&(s, v)| (s - half, v));
            if !low.iter().copied().eq(shifted) {
                return self;
            }
            self.entries.truncate(split);
            self.period = half;
        }
        self
    }
}

/// The constants of one window, equal ones once.
#[derive(Debug, Default)]
pub(super) struct Constants {
    plains: Vec<Arc<PlainVector>>,
    list: Vec<Constant>,
    known: HashMap<Arc<Exact>, Pt>,
    made: HashMap<Step, Pt>,
    n_entries: usize,
}

impl Constants {
    pub(super) fn new(plains: &[Arc<PlainVector>]) -> Self {
        Self {
            plains: plains.to_vec(),
            ..Self::default()
        }
    }

    fn intern(&mut self, expr: Expr, exact: Exact) -> Pt {
        let exact = exact.reduced();
        if let Some(&known) = self.known.get(&exact) {
            return known;
        }
        self.n_entries += exact.entries.len();
        let (pt, exact) = (Pt(self.list.len() as u32), Arc::new(exact));
        self.known.insert(exact.clone(), pt);
        self.list.push(Constant { expr, exact });
        pt
    }

    /// A plain vector of the window.
    pub(super) fn plain(&mut self, index: usize) -> Pt {
        let plain = &self.plains[index];
        let all: Vec<(u32, f64)> = match &plain.values {
            PlainValues::Dense(values) => (0..).zip(values.iter().copied()).collect(),
            PlainValues::Sparse(entries) => entries.clone(),
        };
        let each = plain.each;
        let slots = |(place, v)| (0..each).map(move |k| (place * each + k, v));
        let residues = all
            .into_iter()
            .flat_map(slots)
            .map(|(s, v)| (s, field::of(v)));
        let exact = Exact {
            is_number: false,
            period: plain.period,
            entries: residues.filter(|e| e.1 != 0).collect(),
        };
        self.intern(Expr::Plain(index), exact)
    }

    pub(super) fn number(&mut self, value: f64) -> Pt {
        let residue = field::of(value);
        let entries = if residue == 0 {
            vec![]
        } else {
            vec![(0, residue)]
        };
        let exact = Exact {
            is_number: true,
            period: 1,
            entries,
        };
        self.intern(Expr::Number(value), exact)
    }

    fn exact(&self, pt: Pt) -> Arc<Exact> {
        self.list[pt.0 as usize].exact.clone()
    }

    /// Makes a constant once; `None` when there is no room for more.
    fn make(&mut self, step: Step, expr: Expr, entries: impl FnOnce(&Self) -> Exact) -> Option<Pt> {
        if let Some(&done) = self.made.get(&step) {
            return Some(done);
        }
        if self.n_entries > MAX_ENTRIES {
            return None;
        }
        let exact = entries(self);
        let pt = self.intern(expr, exact);
        self.made.insert(step, pt);
        Some(pt)
    }

    /// Slot `s` is slot `s + by` of the constant.
    pub(super) fn rotate(&mut self, pt: Pt, by: u32) -> Option<Pt> {
        let period = self.period(pt);
        let by = by & (period - 1);
        if by == 0 {
            return Some(pt);
        }
        self.make(Step::Rotate(pt, by), Expr::Rotated(pt, by), |all| {
            let x = all.exact(pt);
            let moved = |&(s, v): &(u32, u64)| (s.wrapping_sub(by) & (period - 1), v);
            let mut entries: Vec<(u32, u64)> = x.entries.iter().map(moved).collect();
            entries.sort_unstable();
            Exact {
                is_number: x.is_number,
                period,
                entries,
            }
        })
    }

    pub(super) fn multiply(&mut self, a: Pt, b: Pt) -> Option<Pt> {
        let (a, b) = (a.min(b), a.max(b));
        self.make(Step::Multiply(a, b), Expr::Product(a, b), |all| {
            let (x, y) = (all.exact(a), all.exact(b));
            let (long, short) = if x.period >= y.period { (x, y) } else { (y, x) };
            let products = long
                .entries
                .iter()
                .map(|&(s, v)| (s, field::mul(v, short.at(s))));
            Exact {
                is_number: long.is_number && short.is_number,
                period: long.period,
                entries: products.filter(|e| e.1 != 0).collect(),
            }
        })
    }

    pub(super) fn add(&mut self, a: Pt, b: Pt) -> Option<Pt> {
        let (a, b) = (a.min(b), a.max(b));
        self.make(Step::Add(a, b), Expr::Total(a, b), |all| {
            let (x, y) = (all.exact(a), all.exact(b));
            let period = x.period.max(y.period);
            let mut sums: Vec<(u32, u64)> = x.spread(period).chain(y.spread(period)).collect();
            sums.sort_unstable();
            let mut entries: Vec<(u32, u64)> = Vec::with_capacity(sums.len());
            for (slot, value) in sums {
                match entries.last_mut() {
                    Some(last) if last.0 == slot => last.1 = field::add(last.1, value),
                    _ => entries.push((slot, value)),
                }
            }
            entries.retain(|e| e.1 != 0);
            Exact {
                is_number: x.is_number && y.is_number,
                period,
                entries,
            }
        })
    }

    pub(super) fn negate(&mut self, a: Pt) -> Option<Pt> {
        self.make(Step::Negate(a), Expr::Negated(a), |all| {
            let x = all.exact(a);
            let negated = x.entries.iter().map(|&(s, v)| (s, field::neg(v)));
            Exact {
                is_number: x.is_number,
                period: x.period,
                entries: negated.collect(),
            }
        })
    }

    /// The residue in a slot.
    pub(super) fn at(&self, pt: Pt, slot: u32) -> u64 {
        self.list[pt.0 as usize].exact.at(slot)
    }

    pub(super) fn period(&self, pt: Pt) -> u32 {
        self.list[pt.0 as usize].exact.period
    }

    pub(super) fn is_number(&self, pt: Pt) -> bool {
        self.list[pt.0 as usize].exact.is_number
    }

    pub(super) fn is_zero(&self, pt: Pt) -> bool {
        self.list[pt.0 as usize].exact.entries.is_empty()
    }

    /// Whether every slot of one period is 0 or not.
    pub(super) fn support(&self, pt: Pt) -> Vec<bool> {
        let exact = &self.list[pt.0 as usize].exact;
        let mut support = vec![false; exact.period as usize];
        exact
            .entries
            .iter()
            .for_each(|e| support[e.0 as usize] = true);
        support
    }

    /// The window's plain vector that this constant is, if it is one.
    pub(super) fn as_plain(&self, pt: Pt) -> Option<usize> {
        match self.list[pt.0 as usize].expr {
            Expr::Plain(index) => Some(index),
            _ => None,
        }
    }

    /// The numbers of one period.
    pub(super) fn values(&self, pt: Pt) -> Vec<f64> {
        let zip = |a: Pt, b: Pt, f: fn(f64, f64) -> f64| {
            let (x, y) = (self.values(a), self.values(b));
            let slots = 0..x.len().max(y.len());
            slots
                .map(|s| f(x[s & (x.len() - 1)], y[s & (y.len() - 1)]))
                .collect()
        };
        match self.list[pt.0 as usize].expr {
            Expr::Plain(index) => self.plains[index].period_values(),
            Expr::Number(value) => vec![value],
            Expr::Rotated(x, by) => {
                let mut values = self.values(x);
                let by = by as usize & (values.len() - 1);
                values.rotate_left(by);
                values
            }
            Expr::Product(a, b) => zip(a, b, |x, y| x * y),
            Expr::Total(a, b) => zip(a, b, |x, y| x + y),
            Expr::Negated(x) => self.values(x).into_iter().map(|v| -v).collect(),
        }
    }
}

#[cfg(test)]
mod tests;
