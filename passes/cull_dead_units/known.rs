//! Which elements are constant, and which are needed.

use crate::util::linear::{LinearMap, is_linear, linear_map};
use ::graph::{Graph, NodeId, Op, Tensor};
use std::collections::BTreeMap;

/// What is known of every element of every tensor.
pub(super) struct Known {
    constant: BTreeMap<NodeId, Vec<Option<f64>>>,
    needed: BTreeMap<NodeId, Vec<bool>>,
    maps: BTreeMap<NodeId, LinearMap>,
}

/// Whether some linear node has a unit of zero weights, by rows or columns, channels or filters: a quick look.
pub(super) fn may_have_dead_units(graph: &Graph) -> bool {
    graph.order().into_iter().any(|id| {
        let op = &graph.node(id).op;
        match op {
            Op::Dense { weight, .. } => has_zero_line(weight.values(), weight.shape()[1], 1),
            Op::Conv {
                geometry, weight, ..
            } => {
                let taps = (geometry.kernel.0 * geometry.kernel.1) as usize;
                let filter = weight.len() / weight.shape()[0];
                let mut groups = weight
                    .values()
                    .chunks_exact(weight.len() / geometry.groups as usize);
                groups.any(|filters| has_zero_line(filters, filter, taps))
            }
            Op::Linear { matrix, .. } => {
                let mut cols = vec![false; matrix.cols() as usize];
                let mut rows = vec![false; matrix.rows() as usize];
                for (row, col, _) in matrix.entries().filter(|&(.., value)| value != 0.0) {
                    rows[row as usize] = true;
                    cols[col as usize] = true;
                }
                rows.contains(&false) || cols.contains(&false)
            }
            _ => false,
        }
    })
}

/// Whether some row is zero, or some `block` columns in all rows.
fn has_zero_line(values: &[f64], cols: usize, block: usize) -> bool {
    let mut used = vec![false; cols / block];
    let mut zero_row = false;
    for row in values.chunks_exact(cols) {
        zero_row |= row.iter().all(|w| *w == 0.0);
        for (used, weights) in used.iter_mut().zip(row.chunks_exact(block)) {
            *used |= weights.iter().any(|w| *w != 0.0);
        }
    }
    zero_row || used.contains(&false)
}

impl Known {
    pub(super) fn new(graph: &Graph) -> Self {
        let order = graph.order();
        let map = |&id: &NodeId| {
            let operand = *graph.operands(id).first()?;
            Some((id, linear_map(&graph.node(id).op, graph.shape(operand))?))
        };
        let mut known = Self {
            constant: BTreeMap::new(),
            needed: order
                .iter()
                .map(|&id| {
                    (
                        id,
                        vec![graph.outputs().contains(&id); graph.n_elements(id)],
                    )
                })
                .collect(),
            maps: order
                .iter()
                .filter(|&&id| is_linear(&graph.node(id).op))
                .filter_map(map)
                .collect(),
        };
        for &id in &order {
            let constant = known.constant_of(graph, id);
            known.constant.insert(id, constant);
        }
        for &id in order.iter().rev() {
            known.need_operands(graph, id);
        }
        known
    }

    /// Per element, its value if that does not depend on any input.
    pub(super) fn constant(&self, id: NodeId) -> &[Option<f64>] {
        &self.constant[&id]
    }

    /// Per element, whether an output depends on it once constants are folded.
    pub(super) fn needed(&self, id: NodeId) -> &[bool] {
        &self.needed[&id]
    }

    /// Per column of a linear node, whether it has a weight.
    pub(super) fn columns(&self, id: NodeId) -> Vec<bool> {
        let map = &self.maps[&id];
        let mut used = vec![false; map.matrix.cols() as usize];
        let weights = map.matrix.entries().filter(|&(.., value)| value != 0.0);
        weights.for_each(|(_, col, _)| used[col as usize] = true);
        used
    }

    /// Per row of a linear node, whether it has a weight or a bias.
    pub(super) fn rows(&self, id: NodeId) -> Vec<bool> {
        let map = &self.maps[&id];
        let has_weight = |row| map.matrix.row(row).any(|(_, value)| value != 0.0);
        let rows = (0..map.matrix.rows()).zip(&map.bias);
        rows.map(|(row, bias)| *bias != 0.0 || has_weight(row))
            .collect()
    }

    fn constant_of(&self, graph: &Graph, id: NodeId) -> Vec<Option<f64>> {
        let node = graph.node(id);
        let operands: Vec<&Vec<Option<f64>>> = graph
            .operands(id)
            .iter()
            .map(|o| &self.constant[o])
            .collect();
        let through = |f: &dyn Fn(f64) -> f64| -> Vec<Option<f64>> {
            operands[0]
                .iter()
                .map(|x| x.map(f).filter(|y| y.is_finite()))
                .collect()
        };
        match &node.op {
            Op::Polynomial(polynomial) => through(&|x| polynomial.eval(x)),
            Op::Activation(activation) => through(&|x| activation.eval(x)),
            Op::Reshape { .. } => operands[0].clone(),
            Op::Affine { scale, shift } => affine(operands[0], scale, shift, &node.shape),
            Op::Add => pairs(operands[0], operands[1], |a, b| Some(a? + b?)),
            Op::Mul => pairs(operands[0], operands[1], |a, b| match (a, b) {
                (Some(0.0), _) | (_, Some(0.0)) => Some(0.0),
                _ => Some(a? * b?),
            }),
            _ => match self.maps.get(&id) {
                Some(map) => rows(map, operands[0]),
                None => vec![None; graph.n_elements(id)],
            },
        }
    }

    fn need_operands(&mut self, graph: &Graph, id: NodeId) {
        let needed = self.needed[&id].clone();
        let operands = graph.operands(id);
        if let Some(map) = self.maps.get(&id) {
            let operand = operands[0];
            let constant = &self.constant[&operand];
            let target = self.needed.get_mut(&operand).expect("every node is known");
            let open =
                |&row: &u32| needed[row as usize] && self.constant[&id][row as usize].is_none();
            for row in (0..map.matrix.rows()).filter(open) {
                for (col, value) in map.matrix.row(row) {
                    if value != 0.0 && constant[col as usize].is_none() {
                        target[col as usize] = true;
                    }
                }
            }
            return;
        }
        let alike = matches!(
            graph.node(id).op,
            Op::Polynomial(_)
                | Op::Activation(_)
                | Op::Affine { .. }
                | Op::Reshape { .. }
                | Op::Add
                | Op::Mul
        );
        let picks = match &graph.node(id).op {
            Op::Select(selection) => Some(selection.sources(graph.shape(operands[0]))),
            _ => None,
        };
        for operand in operands {
            let target = self.needed.get_mut(&operand).expect("every node is known");
            match &picks {
                Some(sources) => {
                    let read = sources.iter().zip(&needed).filter(|(_, needed)| **needed);
                    read.filter_map(|(source, _)| *source)
                        .for_each(|s| target[s as usize] = true);
                }
                None if alike => target.iter_mut().zip(&needed).for_each(|(t, n)| *t |= *n),
                None => target.fill(true),
            }
        }
    }
}

fn pairs(
    a: &[Option<f64>],
    b: &[Option<f64>],
    f: impl Fn(Option<f64>, Option<f64>) -> Option<f64>,
) -> Vec<Option<f64>> {
    let finite = |(a, b): (&Option<f64>, &Option<f64>)| f(*a, *b).filter(|y| y.is_finite());
    a.iter().zip(b).map(finite).collect()
}

fn affine(x: &[Option<f64>], scale: &Tensor, shift: &Tensor, shape: &[usize]) -> Vec<Option<f64>> {
    let (Some(scale), Some(shift)) = (scale.broadcast_to(shape), shift.broadcast_to(shape)) else {
        return vec![None; x.len()];
    };
    let value = |((x, s), t): ((&Option<f64>, &f64), &f64)| match x {
        _ if *s == 0.0 => Some(*t),
        Some(x) => Some(x * s + t),
        None => None,
    };
    x.iter()
        .zip(scale.values())
        .zip(shift.values())
        .map(value)
        .collect()
}

/// Rows whose weights meet constants only.
fn rows(map: &LinearMap, x: &[Option<f64>]) -> Vec<Option<f64>> {
    let value = |(row, bias): (u32, &f64)| {
        let weights = map.matrix.row(row).filter(|&(_, w)| w != 0.0);
        let terms = weights.map(|(col, w)| Some(w * x[col as usize]?));
        let sum = terms.sum::<Option<f64>>()?;
        Some(sum + bias).filter(|y| y.is_finite())
    };
    (0..map.matrix.rows()).zip(&map.bias).map(value).collect()
}
