//! What is known of every class: its period, where it is not zero, and a fingerprint that every merge must agree with.

use super::constants::Constants;
use super::field;
use super::language::Node;
use egg::{Analysis, DidMerge, EGraph, Id};
use std::collections::HashMap;
use std::sync::Arc;

/// Slots that a fingerprint looks at.
const N_SAMPLES: usize = 4;
/// Values that fingerprints of one window may need.
const MAX_VALUES: usize = 1 << 19;
/// Values that looking for further equal classes may need.
const MAX_SEARCHED: usize = 1 << 16;

pub(super) type Graph = EGraph<Node, Knowledge>;

/// Facts of one class, true of every slot.
#[derive(Clone, Debug)]
pub(super) struct Facts {
    /// A power of two; slots that far apart are equal.
    pub period: u32,
    pub support: Support,
    /// The exact value in the sampled slots, for random inputs.
    pub fingerprint: [u64; N_SAMPLES],
}

/// Slots that may differ from zero.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Support {
    All,
    /// By slot of one period.
    Slots(Arc<Vec<bool>>),
}

impl Support {
    pub(super) fn of(slots: Vec<bool>) -> Self {
        if slots.iter().all(|s| *s) {
            Self::All
        } else {
            Self::Slots(Arc::new(slots))
        }
    }

    fn zip(a: &[bool], b: &[bool], f: fn(bool, bool) -> bool) -> Self {
        let slots = 0..a.len().max(b.len());
        Self::of(
            slots
                .map(|s| f(a[s & (a.len() - 1)], b[s & (b.len() - 1)]))
                .collect(),
        )
    }

    fn and(&self, other: &Self) -> Self {
        match (self, other) {
            (Self::All, x) | (x, Self::All) => x.clone(),
            (Self::Slots(a), Self::Slots(b)) => Self::zip(a, b, |x, y| x && y),
        }
    }

    fn or(&self, other: &Self) -> Self {
        match (self, other) {
            (Self::All, _) | (_, Self::All) => Self::All,
            (Self::Slots(a), Self::Slots(b)) => Self::zip(a, b, |x, y| x || y),
        }
    }

    fn rotated(&self, by: u32) -> Self {
        let Self::Slots(slots) = self else {
            return Self::All;
        };
        let mut slots = slots.to_vec();
        let by = by as usize & (slots.len() - 1);
        slots.rotate_left(by);
        Self::Slots(Arc::new(slots))
    }

    pub(super) fn is_empty(&self) -> bool {
        matches!(self, Self::Slots(slots) if slots.iter().all(|s| !s))
    }

    /// Whether the slot may differ from zero.
    pub(super) fn holds(&self, slot: u32) -> bool {
        match self {
            Self::All => true,
            Self::Slots(slots) => slots[slot as usize & (slots.len() - 1)],
        }
    }

    /// Slots of one period.
    pub(super) fn period(&self) -> u32 {
        match self {
            Self::All => 1,
            Self::Slots(slots) => slots.len() as u32,
        }
    }
}

/// The constants of a window and the exact values of its nodes where they were asked for.
#[derive(Debug)]
pub(super) struct Knowledge {
    pub constants: Constants,
    pub n_slots: u32,
    /// Why nothing found in this window may be used: a merge of values that differ, or too much work.
    pub fault: Option<&'static str>,
    /// Every node as it was added, by id.
    nodes: Vec<Node>,
    values: HashMap<(Id, u32), u64>,
}

impl Knowledge {
    pub(super) fn new(constants: Constants, n_slots: usize) -> Self {
        Self {
            constants,
            n_slots: n_slots as u32,
            fault: None,
            nodes: Vec::new(),
            values: HashMap::new(),
        }
    }

    /// The exact value of a node in a slot. Nodes as they were added read only earlier ones, so this ends.
    fn value(&mut self, nodes: &[Node], id: Id, slot: u32) -> u64 {
        if let Some(&known) = self.values.get(&(id, slot)) {
            return known;
        }
        let value = self.apply(nodes, &nodes[usize::from(id)], slot);
        self.values.insert((id, slot), value);
        value
    }

    fn apply(&mut self, nodes: &[Node], node: &Node, slot: u32) -> u64 {
        if self.values.len() > MAX_VALUES {
            self.fault = Some("fingerprints need too many values");
            return 0;
        }
        match node {
            Node::Leaf(i) => field::random(*i, slot),
            Node::Sum(terms) => terms
                .iter()
                .fold(0, |sum, &t| field::add(sum, self.value(nodes, t, slot))),
            Node::Neg([x]) => field::neg(self.value(nodes, *x, slot)),
            Node::Rot(by, [x]) => self.value(nodes, *x, (slot + by) & (self.n_slots - 1)),
            Node::Times(pt, [x]) => match self.constants.at(*pt, slot) {
                0 => 0,
                factor => field::mul(factor, self.value(nodes, *x, slot)),
            },
            Node::Plus(pt, [x]) => {
                let constant = self.constants.at(*pt, slot);
                field::add(constant, self.value(nodes, *x, slot))
            }
            Node::Prod([a, b]) => {
                field::mul(self.value(nodes, *a, slot), self.value(nodes, *b, slot))
            }
        }
    }

    /// The values of a node in the sampled slots.
    fn fingerprint(&mut self, node: &Node) -> [u64; N_SAMPLES] {
        let nodes = std::mem::take(&mut self.nodes);
        let slots = self.n_slots - 1;
        let slot = |i: usize| field::random(u32::MAX, i as u32) as u32 & slots;
        let prints = std::array::from_fn(|i| self.apply(&nodes, node, slot(i)));
        self.nodes = nodes;
        prints
    }

    /// Whether two nodes are equal in every slot, for random inputs; no, if telling takes more values than `limit`.
    fn agree(&mut self, a: Id, b: Id, limit: usize) -> bool {
        let nodes = std::mem::take(&mut self.nodes);
        let n_slots = self.n_slots;
        let agree = (0..n_slots).all(|s| {
            self.value(&nodes, a, s) == self.value(&nodes, b, s) && self.values.len() < limit
        });
        self.nodes = nodes;
        agree
    }
}

/// Merges classes that no rule related but that agree in every slot.
pub(super) fn merge_equal(graph: &mut Graph) {
    let limit = (graph.analysis.values.len() + MAX_SEARCHED).min(MAX_VALUES - MAX_SEARCHED);
    let mut seen: HashMap<[u64; N_SAMPLES], Vec<Id>> = HashMap::new();
    let classes: Vec<(Id, [u64; N_SAMPLES])> = graph
        .classes()
        .map(|c| (c.id, c.data.fingerprint))
        .collect();
    for (id, fingerprint) in classes {
        let alike = seen.entry(fingerprint).or_default();
        let twin = alike
            .iter()
            .copied()
            .find(|&other| graph.analysis.agree(id, other, limit));
        match twin {
            Some(twin) => {
                graph.union(id, twin);
            }
            None => alike.push(id),
        }
    }
    graph.rebuild();
}

impl Analysis<Node> for Knowledge {
    type Data = Facts;

    fn make(graph: &mut Graph, node: &Node, id: Id) -> Facts {
        let (period, support) = period_and_support(graph, node);
        let fingerprint = graph.analysis.fingerprint(node);
        if usize::from(id) == graph.analysis.nodes.len() {
            graph.analysis.nodes.push(node.clone());
        }
        Facts {
            period,
            support,
            fingerprint,
        }
    }

    fn merge(&mut self, a: &mut Facts, b: Facts) -> DidMerge {
        if a.fingerprint != b.fingerprint {
            self.fault = Some("a merge of values that differ");
        }
        let (period, support) = (a.period.min(b.period), a.support.and(&b.support));
        let did = DidMerge(
            period != a.period || support != a.support,
            period != b.period || support != b.support,
        );
        (a.period, a.support) = (period, support);
        did
    }
}

fn period_and_support(graph: &Graph, node: &Node) -> (u32, Support) {
    let facts = |id: &Id| &graph[*id].data;
    let known = &graph.analysis;
    match node {
        Node::Leaf(_) => (known.n_slots, Support::All),
        Node::Sum(terms) => {
            let of = terms.iter().map(facts);
            let period = of.clone().map(|f| f.period).max().unwrap_or(1);
            let none = Support::of(vec![false]);
            let support = of.fold(none, |all, f| all.or(&f.support));
            (folded(graph, terms, period), support)
        }
        Node::Neg([x]) => (facts(x).period, facts(x).support.clone()),
        Node::Rot(by, [x]) => (facts(x).period, facts(x).support.rotated(*by)),
        Node::Times(pt, [x]) => {
            let support = Support::of(known.constants.support(*pt));
            let period = known.constants.period(*pt).max(facts(x).period);
            (period, support.and(&facts(x).support))
        }
        Node::Plus(pt, [x]) => {
            let support = Support::of(known.constants.support(*pt));
            let period = known.constants.period(*pt).max(facts(x).period);
            (period, support.or(&facts(x).support))
        }
        Node::Prod([a, b]) => {
            let (a, b) = (facts(a), facts(b));
            (a.period.max(b.period), a.support.and(&b.support))
        }
    }
}

/// The period of a sum: half of its terms' if it is of the form `x + rot x`.
fn folded(graph: &Graph, terms: &[Id], period: u32) -> u32 {
    let [a, b] = terms else {
        return period;
    };
    let half = |x: &Id, moved: &Id| {
        let by_half = |n: &Node| matches!(n, Node::Rot(by, [of]) if by & (period - 1) == period / 2 && graph.find(*of) == graph.find(*x));
        graph[*moved].nodes.iter().any(by_half)
    };
    if period > 1 && (half(a, b) || half(b, a)) {
        period / 2
    } else {
        period
    }
}
