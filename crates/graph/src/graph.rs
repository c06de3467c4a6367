//! The graph itself: nodes, edges, facts.

use crate::{GraphError, Op, Tensor};
use layout::{LinearPlan, Periodic};
use petgraph::Direction;
use petgraph::stable_graph::{NodeIndex, StableDiGraph};
use petgraph::visit::EdgeRef;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Arc;

/// A node of one graph. Ids survive edits of other nodes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NodeId(pub(crate) NodeIndex<u32>);

impl NodeId {
    /// Position in the graph's node table; stable, not dense.
    pub fn index(self) -> usize {
        self.0.index()
    }
}

impl fmt::Display for NodeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "%{}", self.0.index())
    }
}

/// Bounds of a value's elements, as seen on calibration data and widened by a margin.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct ValueRange {
    /// Least value.
    pub low: f64,
    /// Largest value.
    pub high: f64,
}

impl ValueRange {
    /// Largest magnitude.
    pub fn max_abs(&self) -> f64 {
        self.low.abs().max(self.high.abs())
    }
}

/// What is known about a node's result beyond its shape.
#[derive(Clone, Debug, PartialEq, Default)]
pub struct Facts {
    /// Bounds of the elements.
    pub range: Option<ValueRange>,
    /// Where the elements sit in slots.
    pub layout: Option<Periodic>,
    /// The kernel plan of a linear node.
    pub plan: Option<Arc<LinearPlan>>,
    /// Diagonals of a linear node that held zeros only and are not in its matrix any more.
    pub zero_diagonals: u64,
}

/// A node: operation, names, shape of its result, facts.
#[derive(Clone, Debug, PartialEq)]
pub struct Node {
    /// Unique within the graph; the ONNX node's name where there is one.
    pub name: String,
    /// ONNX nodes this stands for, as `Type 'name'`, for errors and reports.
    pub origin: BTreeSet<String>,
    /// What it computes.
    pub op: Op,
    /// Shape of its result, per sample.
    pub shape: Vec<usize>,
    /// Derived knowledge.
    pub facts: Facts,
}

/// A network of tensors: a directed acyclic graph of single-result nodes.
#[derive(Clone, Debug)]
pub struct Graph {
    /// The model's name.
    pub name: String,
    pub(crate) nodes: StableDiGraph<Node, u8, u32>,
    /// Network inputs in order.
    pub(crate) inputs: Vec<NodeId>,
    /// Network outputs in order.
    pub(crate) outputs: Vec<NodeId>,
}

impl Graph {
    /// An empty graph.
    pub fn new(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            nodes: StableDiGraph::default(),
            inputs: Vec::new(),
            outputs: Vec::new(),
        }
    }

    /// Adds a node; its shape is inferred. A name already in use gets a numeric suffix.
    ///
    /// # Errors
    /// [`GraphError::Shape`] if the operation does not fit its operands.
    pub fn add(&mut self, name: &str, op: Op, operands: &[NodeId]) -> Result<NodeId, GraphError> {
        let shapes: Vec<&[usize]> = operands.iter().map(|&id| self.shape(id)).collect();
        let shape = op.infer_shape(&shapes).map_err(|why| GraphError::Shape {
            node: name.to_owned(),
            why,
        })?;
        let is_input = matches!(op, Op::Input { .. });
        let name = self.free_name(name);
        let node = Node {
            name,
            origin: BTreeSet::new(),
            op,
            shape,
            facts: Facts::default(),
        };
        let id = NodeId(self.nodes.add_node(node));
        for (slot, operand) in operands.iter().enumerate() {
            self.nodes.add_edge(operand.0, id.0, slot as u8);
        }
        if is_input {
            self.inputs.push(id);
        }
        Ok(id)
    }

    pub(crate) fn free_name(&self, wanted: &str) -> String {
        let taken: BTreeSet<&str> = self.nodes.node_weights().map(|n| n.name.as_str()).collect();
        if !taken.contains(wanted) {
            return wanted.to_owned();
        }
        (2..)
            .map(|k| format!("{wanted}.{k}"))
            .find(|name| !taken.contains(name.as_str()))
            .expect("an endless range")
    }

    /// Declares the network's outputs.
    pub fn set_outputs(&mut self, outputs: &[NodeId]) {
        self.outputs = outputs.to_vec();
    }

    /// Network inputs.
    pub fn inputs(&self) -> &[NodeId] {
        &self.inputs
    }

    /// Network outputs.
    pub fn outputs(&self) -> &[NodeId] {
        &self.outputs
    }

    /// A node.
    pub fn node(&self, id: NodeId) -> &Node {
        &self.nodes[id.0]
    }

    /// A node, to edit its facts or its names; structure changes through [`crate::Patch`].
    pub fn node_mut(&mut self, id: NodeId) -> &mut Node {
        &mut self.nodes[id.0]
    }

    /// Shape of a node's result.
    pub fn shape(&self, id: NodeId) -> &[usize] {
        &self.nodes[id.0].shape
    }

    /// Number of elements of a node's result.
    pub fn n_elements(&self, id: NodeId) -> usize {
        self.shape(id).iter().product()
    }

    /// Operands of a node, in order.
    pub fn operands(&self, id: NodeId) -> Vec<NodeId> {
        let mut edges: Vec<(u8, NodeId)> = self
            .nodes
            .edges_directed(id.0, Direction::Incoming)
            .map(|e| (*e.weight(), NodeId(e.source())))
            .collect();
        edges.sort_unstable();
        edges.into_iter().map(|(_, id)| id).collect()
    }

    /// Nodes that read a node's result, each once, in id order.
    pub fn consumers(&self, id: NodeId) -> Vec<NodeId> {
        let all: BTreeSet<NodeId> = self
            .nodes
            .neighbors_directed(id.0, Direction::Outgoing)
            .map(NodeId)
            .collect();
        all.into_iter().collect()
    }

    /// Whether nothing but `consumer` reads `id` and it is no network output.
    pub fn feeds_only(&self, id: NodeId, consumer: NodeId) -> bool {
        !self.outputs.contains(&id)
            && self.nodes.edges_directed(id.0, Direction::Outgoing).count() == 1
            && self.consumers(id) == [consumer]
    }

    /// All nodes, operands before users; ties by id, so the order is stable.
    pub fn order(&self) -> Vec<NodeId> {
        let mut waiting: BTreeMap<NodeId, usize> = self
            .nodes
            .node_indices()
            .map(|n| {
                (
                    NodeId(n),
                    self.nodes.edges_directed(n, Direction::Incoming).count(),
                )
            })
            .collect();
        let mut ready: BTreeSet<NodeId> = waiting
            .iter()
            .filter(|(_, n)| **n == 0)
            .map(|(id, _)| *id)
            .collect();
        let mut order = Vec::with_capacity(waiting.len());
        while let Some(id) = ready.pop_first() {
            order.push(id);
            for edge in self.nodes.edges_directed(id.0, Direction::Outgoing) {
                let target = NodeId(edge.target());
                let left = waiting.get_mut(&target).expect("every node is counted");
                *left -= 1;
                if *left == 0 {
                    ready.insert(target);
                }
            }
        }
        order
    }

    /// [`Graph::order`], and after it the nodes on cycles or behind them, which only a broken graph has.
    pub(crate) fn order_with_cycles(&self) -> Vec<NodeId> {
        let mut order = self.order();
        let sorted: BTreeSet<NodeId> = order.iter().copied().collect();
        order.extend(
            self.nodes
                .node_indices()
                .map(NodeId)
                .filter(|id| !sorted.contains(id)),
        );
        order
    }

    /// Number of nodes.
    pub fn len(&self) -> usize {
        self.nodes.node_count()
    }

    /// Whether there is no node.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The node with that name.
    pub fn find(&self, name: &str) -> Option<NodeId> {
        self.nodes
            .node_indices()
            .find(|&n| self.nodes[n].name == name)
            .map(NodeId)
    }

    /// The inputs, the outputs and what the outputs are computed from.
    pub(crate) fn live(&self) -> BTreeSet<NodeId> {
        let mut live: BTreeSet<NodeId> = self.inputs.iter().copied().collect();
        let mut stack = self.outputs.clone();
        while let Some(id) = stack.pop() {
            if live.insert(id) {
                stack.extend(self.operands(id));
            }
        }
        live
    }

    /// Drops nodes that no output needs and renumbers the rest in topological order. Inputs stay.
    pub fn compact(&mut self) {
        let live = self.live();
        let mut fresh: StableDiGraph<Node, u8, u32> = StableDiGraph::default();
        let mut moved = BTreeMap::new();
        for id in self.order().into_iter().filter(|id| live.contains(id)) {
            let new = NodeId(fresh.add_node(self.nodes[id.0].clone()));
            for (slot, operand) in self.operands(id).iter().enumerate() {
                let operand: NodeId = moved[operand];
                fresh.add_edge(operand.0, new.0, slot as u8);
            }
            moved.insert(id, new);
        }
        self.inputs
            .iter_mut()
            .chain(&mut self.outputs)
            .for_each(|id| *id = moved[id]);
        self.nodes = fresh;
    }

    /// Weights and biases in all nodes: number of constant elements.
    pub fn n_parameters(&self) -> usize {
        let of = |op: &Op| match op {
            Op::Conv { weight, bias, .. }
            | Op::ConvTranspose { weight, bias, .. }
            | Op::Dense { weight, bias } => weight.len() + bias.len(),
            Op::Linear { matrix, bias, .. } => matrix.nnz() + bias.len(),
            Op::Affine { scale, shift } => scale.len() + shift.len(),
            _ => 0,
        };
        self.nodes.node_weights().map(|n| of(&n.op)).sum()
    }

    /// Constants of a node with the word each has in the text form.
    pub fn constants(&self, id: NodeId) -> Vec<(&'static str, &Tensor)> {
        match &self.node(id).op {
            Op::Conv { weight, bias, .. }
            | Op::ConvTranspose { weight, bias, .. }
            | Op::Dense { weight, bias } => {
                vec![("weight", weight), ("bias", bias)]
            }
            Op::Linear { bias, .. } => vec![("bias", bias)],
            Op::Affine { scale, shift } => vec![("scale", scale), ("shift", shift)],
            _ => Vec::new(),
        }
    }
}
