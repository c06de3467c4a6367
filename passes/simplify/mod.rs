#![doc = include_str!("README.md")]

mod analysis;
mod certificate;
mod constants;
mod extraction;
mod field;
mod language;
mod rules;
mod seeds;
mod terms;
mod windows;

use crate::util::common::without_repeats;
use crate::util::estimate::{Prices, depths};
use ::circuit::{Circuit, Counts, Op, counts};
use extraction::{Paid, Problem};
use pass::{Changed, Pass, PassCx, PassInfo, Refusal};
use rules::Stop;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, HashSet};
use terms::Terms;
use windows::Window;

/// Windows tried in one run.
const MAX_WINDOWS: usize = 24;

/// See the module.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Simplify {}

impl Pass<Circuit> for Simplify {
    fn info(&self) -> PassInfo {
        PassInfo::new(
            "simplify",
            "rotations, masks and products are rewritten where that makes the whole circuit cheaper",
        )
        .gives("every replaced window was compared with the old one in every slot")
        .source("egg, Willsey et al., POPL 2021")
    }

    fn run(&self, circuit: &mut Circuit, cx: &mut PassCx<'_>) -> Result<Changed, Refusal> {
        if !seeds::applies(circuit) {
            return Ok(Changed::No);
        }
        let mut search = Search {
            circuit: without_repeats(circuit).0,
            prices: Prices::new(&cx.settings.costs, cx.settings.log_n),
            tally: Tally::default(),
        };
        let before = counts(&search.circuit);
        while search.improve() {}
        let Search {
            circuit: next,
            tally,
            ..
        } = search;
        tally.notes(&before, &counts(&next), cx);
        if tally.accepted == 0 {
            return Ok(Changed::No);
        }
        *circuit = next;
        Ok(Changed::Yes)
    }
}

/// What happened to the windows.
#[derive(Default)]
struct Tally {
    tried: usize,
    accepted: usize,
    /// Windows in which a check failed, which therefore stayed.
    refused: usize,
    stops: BTreeMap<Stop, usize>,
    difference: f64,
}

impl Tally {
    fn notes(&self, before: &Counts, after: &Counts, cx: &mut PassCx<'_>) {
        if self.tried == 0 {
            return;
        }
        let stops = self.stops.iter().map(|(s, n)| format!("{n} {}", s.word()));
        let stops: Vec<String> = stops.collect();
        let (tried, accepted) = (self.tried, self.accepted);
        cx.note(format!(
            "{tried} windows tried, {accepted} accepted; {}",
            stops.join(", ")
        ));
        if self.refused > 0 {
            cx.note(format!("{} windows failed a check and stay", self.refused));
        }
        if accepted > 0 {
            let bits = -self.difference.max(f64::EPSILON).log2();
            cx.note(format!(
                "rotations {} to {}, products {} to {}; every slot agrees to {} bits",
                before.rotations,
                after.rotations,
                before.mul_plain + before.mul_scalar + before.mul,
                after.mul_plain + after.mul_scalar + after.mul,
                bits.floor()
            ));
        }
    }
}

struct Search {
    circuit: Circuit,
    prices: Prices,
    tally: Tally,
}

impl Search {
    /// Tries windows, later ones first, until one was replaced. Says whether one was.
    fn improve(&mut self) -> bool {
        let seeds = seeds::seeds(&self.circuit);
        for group in windows::groups(&self.circuit, &seeds) {
            if self.tally.tried >= MAX_WINDOWS {
                return false;
            }
            let Some(window) = windows::around(&self.circuit, &group) else {
                continue;
            };
            self.tally.tried += 1;
            if let Some(next) = self.attempt(&window) {
                self.circuit = next;
                self.tally.accepted += 1;
                return true;
            }
        }
        false
    }

    /// The circuit with a better program in the window's place.
    fn attempt(&mut self, window: &Window) -> Option<Circuit> {
        let mut terms = Terms::new(&window.part);
        let stop = rules::saturate(&mut terms.graph);
        if terms.graph.analysis.fault.is_none() {
            analysis::merge_equal(&mut terms.graph);
        }
        let stop = match terms.graph.analysis.fault {
            Some(_) => Stop::Fault,
            None => stop,
        };
        *self.tally.stops.entry(stop).or_default() += 1;
        if stop == Stop::Fault {
            self.tally.refused += 1;
            return None;
        }
        let problem = Problem::new(&terms, &paid(&self.circuit, window), self.prices);
        let choice = problem.solve(&terms.original());
        let part = terms.emit(&window.part, &choice);
        let (next, _) = without_repeats(&window.replaced(&self.circuit, &part));
        if !self.is_better(&next) {
            return None;
        }
        match certificate::difference(&window.part, &part) {
            Ok(difference) if difference <= certificate::TOLERANCE => {
                self.tally.difference = self.tally.difference.max(difference);
                Some(next)
            }
            _ => {
                self.tally.refused += 1;
                None
            }
        }
    }

    /// Cheaper as a whole, no deeper, and no operation is there more often; keys are part of the price.
    fn is_better(&self, next: &Circuit) -> bool {
        let (mut before, mut after) = (counts(&self.circuit), counts(next));
        // A product with a vector may become one with a number.
        for c in [&mut before, &mut after] {
            c.mul_scalar += c.mul_plain;
        }
        let rises = |(b, a): (&(_, u64), &(_, u64))| a.1 > b.1;
        let rises = before.named().iter().zip(&after.named()).any(rises);
        let depth = |c: &Circuit| {
            let depths = depths(c);
            c.outputs().iter().map(|o| depths[o.index()]).max()
        };
        !rises
            && depth(next) <= depth(&self.circuit)
            && self.prices.of(next) < self.prices.of(&self.circuit) * (1.0 - 1e-9)
    }
}

/// What is rotated outside the window.
fn paid(circuit: &Circuit, window: &Window) -> Paid {
    let inside: HashSet<_> = window.members.iter().collect();
    let mut paid = Paid::default();
    let mut rotated = HashSet::new();
    for (_, op) in circuit.ops().filter(|(id, _)| !inside.contains(id)) {
        if let Op::Rotate { x, by } = op {
            rotated.insert(*x);
            paid.amounts.insert(by.amount());
        }
    }
    let leaves = (0..).zip(&window.leaves);
    paid.rotated_leaves
        .extend(leaves.filter(|l| rotated.contains(l.1)).map(|l| l.0));
    let outputs = window.outputs.iter().enumerate();
    paid.rotated_outputs
        .extend(outputs.filter(|o| rotated.contains(o.1)).map(|o| o.0));
    paid
}
