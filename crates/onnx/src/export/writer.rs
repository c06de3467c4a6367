//! Names, values and stored tensors of a model under construction.

use super::proto::{Attribute, Elements, Message, port, tensor};
use super::{ExportError, PortNames};
use crate::step::Step;
use graph::{Graph, NodeId, Tensor};
use std::collections::{HashMap, HashSet};

/// A model under construction.
pub(super) struct Writer<'g> {
    graph: &'g Graph,
    /// Fields of the `GraphProto` written so far.
    body: Message,
    /// The value that each graph node's result has.
    values: HashMap<NodeId, String>,
    taken_values: HashSet<String>,
    taken_nodes: HashSet<String>,
    outputs: Vec<String>,
}

impl<'g> Writer<'g> {
    /// A model with the graph's inputs.
    ///
    /// # Errors
    /// [`ExportError::Ports`], [`ExportError::NoOutput`].
    pub(super) fn new(graph: &'g Graph, ports: &PortNames) -> Result<Self, ExportError> {
        if graph.outputs().is_empty() {
            return Err(ExportError::NoOutput);
        }
        let nodes = graph.order();
        let mut writer = Self {
            graph,
            body: Message::default(),
            values: HashMap::new(),
            taken_values: HashSet::new(),
            taken_nodes: nodes
                .iter()
                .map(|&id| graph.node(id).name.clone())
                .collect(),
            outputs: Vec::new(),
        };
        let inputs = writer.port_names("input", graph.inputs(), &ports.inputs)?;
        writer.outputs = writer.port_names("output", graph.outputs(), &ports.outputs)?;
        for (&id, name) in graph.inputs().iter().zip(inputs) {
            let message = port(&name, graph.shape(id));
            writer.add(11, &message);
            writer.values.insert(id, name);
        }
        for (id, name) in graph.outputs().iter().zip(&writer.outputs) {
            writer.values.entry(*id).or_insert_with(|| name.clone());
        }
        for id in nodes {
            if !writer.values.contains_key(&id) {
                let name = writer.free_value(&graph.node(id).name);
                writer.values.insert(id, name);
            }
        }
        Ok(writer)
    }

    /// The given names, each once, or those of the nodes if none are given.
    fn port_names(
        &mut self,
        what: &'static str,
        ids: &[NodeId],
        given: &[String],
    ) -> Result<Vec<String>, ExportError> {
        if given.is_empty() {
            let names = ids.iter().map(|&id| self.graph.node(id).name.clone());
            let names: Vec<String> = names.collect();
            return Ok(names.iter().map(|name| self.free_value(name)).collect());
        }
        let is_new = |name: &String| !name.is_empty() && self.taken_values.insert(name.clone());
        if given.len() != ids.len() || !given.iter().all(is_new) {
            return Err(ExportError::Ports {
                what,
                found: given.to_vec(),
                expected: ids.len(),
            });
        }
        Ok(given.to_vec())
    }

    /// The graph that is written.
    pub(super) fn graph(&self) -> &'g Graph {
        self.graph
    }

    fn free_value(&mut self, wanted: &str) -> String {
        free(&mut self.taken_values, wanted)
    }

    /// The value that is operand `k` of a graph node.
    pub(super) fn operand(&self, id: NodeId, k: usize) -> String {
        let operand = self.graph.operands(id).get(k).copied();
        let value = operand.and_then(|operand| self.values.get(&operand));
        value.cloned().unwrap_or_default()
    }

    /// Shape of a graph node's first operand, per sample.
    pub(super) fn operand_shape(&self, id: NodeId) -> &'g [usize] {
        let operand = self.graph.operands(id).first().copied();
        operand.map_or(&[], |operand| self.graph.shape(operand))
    }

    /// Writes an ONNX node that computes a part of a graph node; returns its value.
    pub(super) fn part(
        &mut self,
        id: NodeId,
        (operator, part): (&str, &str),
        inputs: &[&str],
        attributes: &[Attribute],
    ) -> String {
        self.named_part(id, (operator, part), inputs, (Step::Part, attributes))
    }

    pub(super) fn named_part(
        &mut self,
        id: NodeId,
        (operator, part): (&str, &str),
        inputs: &[&str],
        (step, attributes): (Step, &[Attribute]),
    ) -> String {
        let wanted = format!("{}.{part}", self.graph.node(id).name);
        let name = free(&mut self.taken_nodes, &wanted);
        let value = self.free_value(&name);
        self.write((operator, &name), inputs, &value, (step, attributes));
        value
    }

    /// Writes the last ONNX node of a graph node.
    pub(super) fn whole(
        &mut self,
        id: NodeId,
        operator: &str,
        inputs: &[&str],
        attributes: &[Attribute],
    ) -> Result<(), ExportError> {
        self.last(id, operator, inputs, (Step::Whole, attributes));
        Ok(())
    }

    pub(super) fn last(
        &mut self,
        id: NodeId,
        operator: &str,
        inputs: &[&str],
        (step, attributes): (Step, &[Attribute]),
    ) {
        let name = self.graph.node(id).name.clone();
        let value = self.values.get(&id).cloned().unwrap_or_default();
        self.write((operator, &name), inputs, &value, (step, attributes));
    }

    fn write(
        &mut self,
        (operator, name): (&str, &str),
        inputs: &[&str],
        output: &str,
        (step, attributes): (Step, &[Attribute]),
    ) {
        let node = inputs.iter().fold(Message::default(), |m, i| m.text(1, i));
        let node = node.text(2, output).text(3, name).text(4, operator);
        let node = attributes
            .iter()
            .fold(node, |node, a| node.message(5, &a.message()))
            .text(6, step.text());
        self.add(1, &node);
    }

    fn add(&mut self, field: u64, message: &Message) {
        self.body = std::mem::take(&mut self.body).message(field, message);
    }

    /// Stores a constant of a graph node, `shape` being its own; returns its name.
    ///
    /// # Errors
    /// [`ExportError::Number`].
    pub(super) fn constant(
        &mut self,
        id: NodeId,
        word: &str,
        shape: &[usize],
        tensor: &Tensor,
    ) -> Result<String, ExportError> {
        self.floats(id, word, shape, tensor.values())
    }

    /// Stores one number of a graph node.
    ///
    /// # Errors
    /// [`ExportError::Number`].
    pub(super) fn number(
        &mut self,
        id: NodeId,
        word: &str,
        value: f64,
    ) -> Result<String, ExportError> {
        self.floats(id, word, &[], &[value])
    }

    pub(super) fn floats(
        &mut self,
        id: NodeId,
        word: &str,
        shape: &[usize],
        values: &[f64],
    ) -> Result<String, ExportError> {
        let name = &self.graph.node(id).name;
        let rounded: Vec<f32> = values
            .iter()
            .map(|&value| match value as f32 {
                rounded if rounded.is_finite() => Ok(rounded),
                _ => Err(ExportError::Number {
                    node: name.clone(),
                    what: word.to_owned(),
                    value,
                }),
            })
            .collect::<Result<_, _>>()?;
        let name = self.free_value(&format!("{name}.{word}"));
        self.add(5, &tensor(&name, shape, &Elements::Floats(&rounded)));
        Ok(name)
    }

    /// Stores whole numbers of a graph node.
    pub(super) fn ints(&mut self, id: NodeId, word: &str, values: &[i64]) -> String {
        let name = self.free_value(&format!("{}.{word}", self.graph.node(id).name));
        self.add(5, &tensor(&name, &[values.len()], &Elements::Ints(values)));
        name
    }

    /// The `GraphProto`, with outputs that have a value of another name as copies of it.
    pub(super) fn finish(mut self) -> Message {
        let outputs = std::mem::take(&mut self.outputs);
        for (&id, name) in self.graph.outputs().iter().zip(&outputs) {
            let value = self.values.get(&id).cloned().unwrap_or_default();
            if value != *name {
                let node = free(&mut self.taken_nodes, name);
                self.write(("Identity", &node), &[&value], name, (Step::Whole, &[]));
            }
            self.add(12, &port(name, self.graph.shape(id)));
        }
        let name = match self.graph.name.as_str() {
            "" => "network",
            name => name,
        };
        let mut graph = Message::default().text(2, name);
        graph.append(&self.body);
        graph
    }
}

/// The wanted name, with a numeric suffix if it is taken.
fn free(taken: &mut HashSet<String>, wanted: &str) -> String {
    let wanted = if wanted.is_empty() { "value" } else { wanted };
    let mut name = wanted.to_owned();
    let mut k = 2;
    while !taken.insert(name.clone()) {
        name = format!("{wanted}.{k}");
        k += 1;
    }
    name
}
