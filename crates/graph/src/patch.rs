//! Edits of a graph, collected first and applied at once.

use crate::{Graph, GraphError, NodeId, Op};
use petgraph::Direction;
use petgraph::visit::EdgeRef;
use std::collections::{BTreeMap, BTreeSet};

/// A wire a patch reads: an existing node or one the patch adds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wire {
    /// A node of the graph.
    Old(NodeId),
    /// A node added by this patch.
    New(usize),
}

impl From<NodeId> for Wire {
    fn from(id: NodeId) -> Self {
        Self::Old(id)
    }
}

/// New nodes and the wires they replace. Shapes are compared at the swap.
#[derive(Debug, Default)]
pub struct Patch {
    added: Vec<(String, Op, Vec<Wire>)>,
    swaps: Vec<(NodeId, Wire)>,
}

impl Patch {
    /// No edit yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a node that reads `operands`.
    pub fn add(&mut self, name: &str, op: Op, operands: &[Wire]) -> Wire {
        self.added.push((name.to_owned(), op, operands.to_vec()));
        Wire::New(self.added.len() - 1)
    }

    /// Every reader of `old`, and an output that is `old`, reads `new` instead.
    ///
    /// `new` inherits the origin; the name too, if this patch adds `new` and nothing reads `old` any more.
    pub fn replace(&mut self, old: NodeId, new: impl Into<Wire>) {
        self.swaps.push((old, new.into()));
    }

    /// Whether nothing would change.
    pub fn is_empty(&self) -> bool {
        self.added.is_empty() && self.swaps.is_empty()
    }

    /// Applies the edits and drops what is no longer read.
    ///
    /// # Errors
    /// [`GraphError::Shape`] if a new node does not fit its operands or a replacement has another shape; the graph is
    /// left as it was.
    ///
    /// # Panics
    /// If a wire belongs to another graph or patch.
    pub fn apply(self, graph: &mut Graph) -> Result<(), GraphError> {
        let mut next = graph.clone();
        let mut added: Vec<(NodeId, String)> = Vec::with_capacity(self.added.len());
        let resolve = |wire: Wire, added: &[(NodeId, String)]| match wire {
            Wire::Old(id) => id,
            Wire::New(index) => added[index].0,
        };
        for (name, op, wires) in self.added {
            let operands: Vec<NodeId> = wires.iter().map(|&wire| resolve(wire, &added)).collect();
            added.push((next.add(&name, op, &operands)?, name));
        }
        let mut heirs = Vec::new();
        for (old, wire) in self.swaps {
            let new = resolve(wire, &added);
            if next.shape(old) != next.shape(new) {
                let (found, expected) = (next.shape(new), next.shape(old));
                let why = format!("replacement has shape {found:?}, expected {expected:?}");
                return Err(GraphError::Shape {
                    node: next.node(old).name.clone(),
                    why,
                });
            }
            next.redirect(old, new);
            let origin = next.node(old).origin.clone();
            next.node_mut(new).origin.extend(origin);
            if matches!(wire, Wire::New(_)) {
                heirs.push((old, new));
            }
        }
        next.name_added(&added, &heirs);
        next.compact();
        *graph = next;
        Ok(())
    }
}

impl Graph {
    /// Makes every reader of `old` except `new` itself, and what `new` is computed from, read `new`.
    fn redirect(&mut self, old: NodeId, new: NodeId) {
        let upstream = self.upstream(new);
        let edges: Vec<_> = self
            .nodes
            .edges_directed(old.0, Direction::Outgoing)
            .map(|e| (e.id(), e.target(), *e.weight()))
            .collect();
        for (edge, target, slot) in edges {
            if !upstream.contains(&NodeId(target)) {
                self.nodes.remove_edge(edge);
                self.nodes.add_edge(new.0, target, slot);
            }
        }
        self.outputs
            .iter_mut()
            .filter(|id| **id == old)
            .for_each(|id| *id = new);
    }

    /// Names added nodes after the nodes they replace, else as asked for; names of dead nodes are free.
    fn name_added(&mut self, added: &[(NodeId, String)], heirs: &[(NodeId, NodeId)]) {
        let live = self.live();
        let mut wanted: BTreeMap<NodeId, String> = added.iter().cloned().collect();
        for (old, new) in heirs.iter().rev().filter(|(old, _)| !live.contains(old)) {
            // The first of several names stays.
            wanted.insert(*new, self.node(*old).name.clone());
        }
        let dead: Vec<_> = self
            .nodes
            .node_indices()
            .filter(|&n| !live.contains(&NodeId(n)))
            .collect();
        for n in dead {
            self.nodes.remove_node(n);
        }
        wanted.retain(|id, _| live.contains(id));
        wanted.keys().for_each(|id| self.nodes[id.0].name.clear());
        let is_heir = |id: &NodeId| heirs.iter().any(|(_, new)| new == id);
        let (first, then): (Vec<_>, Vec<_>) = wanted.into_iter().partition(|(id, _)| is_heir(id));
        for (id, name) in first.into_iter().chain(then) {
            let name = self.free_name(&name);
            self.nodes[id.0].name = name;
        }
    }

    fn upstream(&self, id: NodeId) -> BTreeSet<NodeId> {
        let mut seen = BTreeSet::from([id]);
        let mut stack = vec![id];
        while let Some(id) = stack.pop() {
            stack.extend(self.operands(id).into_iter().filter(|&o| seen.insert(o)));
        }
        seen
    }
}
