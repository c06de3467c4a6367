//! The invariants of a graph.

use crate::{Activation, Basis, Graph, GraphError, NodeId, Op, Polynomial};
use petgraph::Direction;
use std::collections::BTreeMap;

impl Graph {
    /// Checks everything that evaluation, lowering and printing rely on.
    ///
    /// Nodes form no cycle; each has its operands, a unique name and the shape its operation infers from consistent
    /// sizes; constants are finite; ranges and layouts fit; inputs and outputs exist.
    ///
    /// # Errors
    /// All faults: graph-wide ones, then by node in evaluation order.
    pub fn verify(&self) -> Result<(), Vec<GraphError>> {
        let mut faults = Vec::new();
        let mut fault = |node: &str, why: String| {
            faults.push(GraphError::Invalid {
                node: node.to_owned(),
                why,
            })
        };
        self.verify_ends(&mut |why| fault(&self.name, why));
        let n_sorted = self.order().len();
        let mut named: BTreeMap<&str, usize> = BTreeMap::new();
        self.nodes
            .node_weights()
            .for_each(|node| *named.entry(&node.name).or_default() += 1);
        for (position, id) in self.order_with_cycles().into_iter().enumerate() {
            let node = self.node(id);
            let mut fault = |why| fault(&node.name, why);
            if position >= n_sorted {
                fault("is on a cycle or behind one".to_owned());
            }
            if node.name.is_empty() {
                fault(format!("{id} has no name"));
            }
            if let Some(n @ 2..) = named.insert(&node.name, 1) {
                fault(format!("{n} nodes have this name"));
            }
            self.verify_operands(id, &mut fault);
            self.verify_constants(id, &mut fault);
            self.verify_facts(id, &mut fault);
        }
        if faults.is_empty() {
            Ok(())
        } else {
            Err(faults)
        }
    }

    fn verify_ends(&self, fault: &mut dyn FnMut(String)) {
        let is_input = |id: &NodeId| matches!(self.node(*id).op, Op::Input { .. });
        let nodes: Vec<NodeId> = self
            .nodes
            .node_indices()
            .map(NodeId)
            .filter(is_input)
            .collect();
        if nodes != self.inputs {
            fault(format!(
                "its inputs are {}, its input nodes {}",
                ids(&self.inputs),
                ids(&nodes)
            ));
        }
        if self.outputs.is_empty() {
            fault("it has no output".to_owned());
        }
        let gone = self
            .outputs
            .iter()
            .filter(|id| !self.nodes.contains_node(id.0));
        gone.for_each(|id| fault(format!("its output {id} does not exist")));
    }

    fn verify_operands(&self, id: NodeId, fault: &mut dyn FnMut(String)) {
        let node = self.node(id);
        let edges = self.nodes.edges_directed(id.0, Direction::Incoming);
        let mut places: Vec<usize> = edges.map(|edge| usize::from(*edge.weight())).collect();
        places.sort_unstable();
        let arity = node.op.arity();
        if !places
            .iter()
            .copied()
            .eq(0..arity.unwrap_or(places.len().max(1)))
        {
            let word = node.op.word();
            let arity = arity.map_or("one or more".to_owned(), |n| n.to_string());
            return fault(format!(
                "{word} takes {arity} operands, found them at places {places:?}"
            ));
        }
        let operands = self.operands(id);
        let shapes: Vec<&[usize]> = operands
            .iter()
            .map(|&operand| self.shape(operand))
            .collect();
        match node.op.infer_shape(&shapes) {
            Ok(shape) if shape == node.shape => {}
            Ok(shape) => fault(format!("has shape {:?}, expected {shape:?}", node.shape)),
            Err(why) => fault(why),
        }
    }

    fn verify_constants(&self, id: NodeId, fault: &mut dyn FnMut(String)) {
        for (role, tensor) in self.constants(id) {
            if let Some(index) = tensor.values().iter().position(|x| !x.is_finite()) {
                let x = tensor.values()[index];
                fault(format!(
                    "{role} has {x} at element {index}, expected a finite number"
                ));
            }
        }
        match &self.node(id).op {
            Op::Linear { matrix, .. } => {
                if let Some((row, col, x)) = matrix.entries().find(|(.., x)| !x.is_finite()) {
                    fault(format!(
                        "the matrix has {x} at row {row}, column {col}, expected a finite number"
                    ));
                }
            }
            Op::Select(selection) if !selection.fill.is_finite() => {
                let fill = selection.fill;
                fault(format!("fills with {fill}, expected a finite number"));
            }
            Op::Activation(activation) => verify_activation(activation, fault),
            Op::Polynomial(polynomial) => verify_polynomial(polynomial, fault),
            _ => {}
        }
    }

    fn verify_facts(&self, id: NodeId, fault: &mut dyn FnMut(String)) {
        let facts = &self.node(id).facts;
        if let Some(range) = facts.range
            && !(range.low.is_finite() && range.high.is_finite() && range.low <= range.high)
        {
            fault(format!(
                "has range {}..{}, expected finite bounds in order",
                range.low, range.high
            ));
        }
        if let Some(layout) = &facts.layout {
            if let Err(error) = layout.check() {
                fault(format!("layout: {error}"));
            }
            let n_elements = self.n_elements(id);
            if layout.n_elements as usize != n_elements {
                fault(format!(
                    "has {n_elements} elements, its layout {}",
                    layout.n_elements
                ));
            }
        }
    }
}

fn verify_activation(activation: &Activation, fault: &mut dyn FnMut(String)) {
    if let Activation::Clip { low, high } = *activation {
        // Not `low > high`: a bound that is not a number fails too.
        if !matches!(
            low.partial_cmp(&high),
            Some(std::cmp::Ordering::Less | std::cmp::Ordering::Equal)
        ) {
            fault(format!("clips to {low}..{high}, expected bounds in order"));
        }
        return;
    }
    for (word, value) in activation.parameters() {
        if !value.is_finite() {
            fault(format!("{word} is {value}, expected a finite number"));
        }
    }
}

fn verify_polynomial(polynomial: &Polynomial, fault: &mut dyn FnMut(String)) {
    if polynomial.coefficients.is_empty() {
        fault("the polynomial has no coefficients".to_owned());
    }
    if let Some(k) = polynomial.coefficients.iter().position(|c| !c.is_finite()) {
        let c = polynomial.coefficients[k];
        fault(format!("coefficient {k} is {c}, expected a finite number"));
    }
    if let Basis::Chebyshev { low, high } = polynomial.basis
        && !(low.is_finite() && high.is_finite() && low < high)
    {
        fault(format!(
            "the basis is for {low}..{high}, expected finite bounds in order"
        ));
    }
}

fn ids(ids: &[NodeId]) -> String {
    let words: Vec<String> = ids.iter().map(NodeId::to_string).collect();
    format!("[{}]", words.join(", "))
}

#[cfg(test)]
mod tests;
