//! Builds the tensor graph, one ONNX node after the other.

use crate::ImportError;
use crate::facts::Facts;
use crate::form::Form;
use crate::node::OnnxNode;
use crate::ops::{self, rearrange};
use crate::step::Step;
use graph::{Graph, GraphError, NodeId, Op, Tensor};
use std::collections::{HashMap, HashSet};
use tract_onnx::pb::GraphProto;

/// A value computed from the network's input.
#[derive(Clone, Debug)]
pub(crate) struct Data {
    /// The graph node that computes it.
    pub(crate) id: NodeId,
    /// It, as a function of an earlier value.
    pub(crate) form: Form,
}

impl Data {
    pub(crate) fn new(id: NodeId) -> Self {
        Self {
            id,
            form: Form::identity(id),
        }
    }
}

/// Why a handler gives up; the caller adds the node.
#[derive(Debug)]
pub(crate) enum Fault {
    /// No counterpart: why, and the nearest supported form.
    Unsupported(String, String),
    /// Shapes do not fit.
    Shape(String),
}

impl Fault {
    pub(crate) fn unsupported(why: impl Into<String>, help: impl Into<String>) -> Self {
        Self::Unsupported(why.into(), help.into())
    }

    pub(crate) fn at(self, node: OnnxNode<'_>) -> ImportError {
        let site = node.site();
        match self {
            Self::Unsupported(why, help) => ImportError::Unsupported { site, why, help },
            Self::Shape(why) => ImportError::Shape { site, why },
        }
    }
}

impl From<GraphError> for Fault {
    fn from(error: GraphError) -> Self {
        match error {
            GraphError::Shape { why, .. }
            | GraphError::Invalid { why, .. }
            | GraphError::Parse { why, .. } => Self::Shape(why),
        }
    }
}

/// The graph under construction and what is known so far.
pub(crate) struct Lowering<'a> {
    pub(crate) graph: Graph,
    pub(crate) facts: &'a Facts,
    values: HashMap<&'a str, Data>,
    /// Nodes for ONNX nodes that are parts.
    parts: HashSet<NodeId>,
}

/// Lowers the whole graph.
///
/// # Errors
/// [`ImportError::Unsupported`], [`ImportError::Shape`] for the first node that has no counterpart.
pub(crate) fn lower(
    proto: &GraphProto,
    opset: i64,
    name: &str,
    input: (&str, &[usize]),
    facts: &Facts,
) -> Result<Graph, ImportError> {
    let mut lowering = Lowering {
        graph: Graph::new(name),
        facts,
        values: HashMap::new(),
        parts: HashSet::new(),
    };
    let inconsistent = |what: String| ImportError::Inconsistent { what };
    let op = Op::Input {
        shape: per_sample(input.1).to_vec(),
    };
    let id = lowering
        .graph
        .add(input.0, op, &[])
        .map_err(|e| inconsistent(e.to_string()))?;
    if let Some(port) = proto.input.first() {
        lowering.values.insert(port.name.as_str(), Data::new(id));
    }
    for proto in &proto.node {
        let node = OnnxNode { proto, opset };
        if proto
            .output
            .iter()
            .all(|name| name.is_empty() || facts.is_constant(name))
        {
            continue;
        }
        let results = lowering.node(node).map_err(|fault| fault.at(node))?;
        for (name, data) in node.proto.output.iter().zip(results) {
            tracing::debug!(node = %node.origin(), graph_node = %lowering.graph.node(data.id).name, "lowered");
            lowering.values.insert(name, data);
        }
    }
    let mut outputs = Vec::new();
    for output in &proto.output {
        let data = lowering.values.get(output.name.as_str());
        let data = data.ok_or_else(|| {
            inconsistent(format!(
                "the output '{}' does not depend on the input",
                output.name
            ))
        })?;
        outputs.push(data.id);
    }
    lowering.graph.set_outputs(&outputs);
    lowering.graph.compact();
    Ok(lowering.graph)
}

impl<'a> Lowering<'a> {
    fn node(&mut self, node: OnnxNode<'a>) -> Result<Vec<Data>, Fault> {
        if node.operator() == "Split" {
            let results = rearrange::lower(self, node)?;
            let names = node.proto.output.iter();
            return names
                .zip(results)
                .map(|(name, data)| self.fitted(node, name, data))
                .collect();
        }
        if node
            .proto
            .output
            .iter()
            .filter(|name| !name.is_empty())
            .count()
            > 1
        {
            return Err(Fault::unsupported(
                "more than its first result is used",
                "use the first result only",
            ));
        }
        let Some(handler) = ops::handler(node.operator()) else {
            return Err(Fault::unsupported(
                ops::reason(node.operator())
                    .unwrap_or("its operand depends on the network's input, expected constants"),
                ops::nearest(node.operator()),
            ));
        };
        let data = handler(self, node)?;
        let data = self.fitted(node, node.output(), data)?;
        Ok(vec![self.placed(node, data)])
    }

    /// A value of a file that Privet wrote: a function of the value before if it is a part, else of itself only.
    fn placed(&mut self, node: OnnxNode<'_>, data: Data) -> Data {
        let Some(step) = node.step() else {
            return data;
        };
        if step.is_last() {
            return Data::new(data.id);
        }
        self.parts.insert(data.id);
        let series = data.form.series().filter(|_| step == Step::Argument);
        let form = series.unwrap_or(data.form);
        Data { id: data.id, form }
    }

    /// The node `x` and what it reads, where `x` is a part of what the ONNX node completes.
    pub(crate) fn part_of(&self, node: OnnxNode<'_>, x: NodeId) -> Option<(&Op, NodeId)> {
        let is_part = node.step().is_some_and(Step::is_last) && self.parts.contains(&x);
        match self.graph.operands(x).as_slice() {
            [before] if is_part => Some((&self.graph.node(x).op, *before)),
            _ => None,
        }
    }

    /// A result in its own shape.
    fn fitted(&mut self, node: OnnxNode<'a>, name: &str, data: Data) -> Result<Data, Fault> {
        if name.is_empty() {
            return Ok(data);
        }
        let shape = per_sample(self.shape(name)?).to_vec();
        if self.graph.shape(data.id) == shape {
            return Ok(data);
        }
        self.emit_part(node, "reshape", Op::Reshape { shape }, &[data.id])
            .map(Data::new)
    }

    /// A value's shape in the ONNX model, batch axis included.
    pub(crate) fn shape(&self, value: &str) -> Result<&'a [usize], Fault> {
        self.facts
            .shape(value)
            .ok_or_else(|| Fault::Shape(format!("the shape of '{value}' is not known")))
    }

    /// Operand `k`, which must depend on the network's input.
    pub(crate) fn data(&self, node: OnnxNode<'_>, k: usize) -> Result<Data, Fault> {
        let name = node
            .input(k)
            .ok_or_else(|| Fault::Shape(format!("operand {k} is missing")))?;
        self.values.get(name).cloned().ok_or_else(|| {
            Fault::Shape(format!(
                "operand '{name}' is a constant, expected the network's value"
            ))
        })
    }

    /// Operand `k` where it depends on the network's input.
    pub(crate) fn optional_data(&self, node: OnnxNode<'_>, k: usize) -> Option<Data> {
        self.values.get(node.input(k)?).cloned()
    }

    /// Operand `k`, `role` in words, which must be a constant of finite numbers; `None` where it is left out.
    pub(crate) fn constant(
        &self,
        node: OnnxNode<'_>,
        k: usize,
        role: &str,
    ) -> Result<Option<Tensor>, Fault> {
        let tensor = self.bounds(node, k, role)?;
        match tensor
            .as_ref()
            .and_then(|t| t.values().iter().find(|x| !x.is_finite()))
        {
            Some(x) => Err(Fault::unsupported(
                format!("its {role} has the element {x}, expected finite numbers"),
                "train again: a weight diverged",
            )),
            None => Ok(tensor),
        }
    }

    /// As [`Lowering::constant`], infinities allowed.
    pub(crate) fn bounds(
        &self,
        node: OnnxNode<'_>,
        k: usize,
        role: &str,
    ) -> Result<Option<Tensor>, Fault> {
        let Some(name) = node.input(k) else {
            return Ok(None);
        };
        match self.facts.constant(name) {
            Some(tensor) => Ok(Some(tensor)),
            None => Err(Fault::unsupported(
                format!(
                    "its {role} '{name}' is computed from the network's input, expected a constant"
                ),
                format!("make the {role} a stored tensor"),
            )),
        }
    }

    /// Operand `k`, which must be present and constant.
    pub(crate) fn weight(&self, node: OnnxNode<'_>, k: usize, role: &str) -> Result<Tensor, Fault> {
        self.constant(node, k, role)?
            .ok_or_else(|| Fault::Shape(format!("its {role} is missing")))
    }

    /// Adds a graph node named after an ONNX node.
    pub(crate) fn emit(
        &mut self,
        node: OnnxNode<'_>,
        op: Op,
        operands: &[NodeId],
    ) -> Result<NodeId, Fault> {
        self.named(node, &node.name(), op, operands)
    }

    /// Adds a helper of the graph node named after an ONNX node.
    pub(crate) fn emit_part(
        &mut self,
        node: OnnxNode<'_>,
        part: &str,
        op: Op,
        operands: &[NodeId],
    ) -> Result<NodeId, Fault> {
        self.named(node, &format!("{}.{part}", node.name()), op, operands)
    }

    fn named(
        &mut self,
        node: OnnxNode<'_>,
        name: &str,
        op: Op,
        operands: &[NodeId],
    ) -> Result<NodeId, Fault> {
        let id = self.graph.add(name, op, operands)?;
        self.graph.node_mut(id).origin.insert(node.origin());
        Ok(id)
    }

    /// Adds a graph node of one operand, unrelated to earlier values.
    pub(crate) fn unary(&mut self, node: OnnxNode<'_>, op: Op, x: NodeId) -> Result<Data, Fault> {
        self.emit(node, op, &[x]).map(Data::new)
    }

    /// Adds the node for a function of an earlier value: one operation on that value if the form has a name, else `plain`.
    pub(crate) fn formed(
        &mut self,
        node: OnnxNode<'_>,
        form: Option<Form>,
        plain: Op,
        operands: &[NodeId],
    ) -> Result<Data, Fault> {
        let Some(mut form) = form else {
            return self.emit(node, plain, operands).map(Data::new);
        };
        let is_affine = matches!(plain, Op::Affine { .. });
        let found = match node.step() {
            Some(Step::Polynomial) => form.polynomial(),
            _ => form.recognize(),
        };
        match found {
            Some(op) if !is_affine || !matches!(op, Op::Affine { .. }) => {
                let id = self.emit(node, op, &[form.base])?;
                self.graph
                    .node_mut(id)
                    .origin
                    .extend(form.origin.iter().cloned());
                form.origin.insert(node.origin());
                // A polynomial stays open to the next term, and so does a part; a named function is a value of its own.
                let is_part = node.step().is_some_and(|step| !step.is_last());
                Ok(if is_part || form.is_curved_polynomial() {
                    Data { id, form }
                } else {
                    Data::new(id)
                })
            }
            _ => {
                let id = self.emit(node, plain, operands)?;
                form.origin.insert(node.origin());
                Ok(Data { id, form })
            }
        }
    }
}

/// A shape without its batch axis, which is 1. Where a network has merged that axis into another, the whole shape.
pub(crate) fn per_sample(shape: &[usize]) -> &[usize] {
    match shape {
        [1, rest @ ..] if !rest.is_empty() => rest,
        _ => shape,
    }
}
