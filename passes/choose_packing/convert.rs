//! Layers that only move values, where the operands of a sum or product sit in different places.

use super::base::{Stop, assign};
use super::frames;
use crate::util::linear::{label, refused};
use graph::{Graph, NodeId, Op, Patch, Tensor};
use layout::SparseMatrix;
use pass::Refusal;
use std::sync::Arc;

/// Puts an identity before one operand of every sum or product that linear nodes of the network can not bring together
/// in any frame. Each takes a level; the linear node that it is can write any layout.
pub(super) fn insert(graph: &mut Graph, n_slots: u32) -> Result<(), Refusal> {
    loop {
        let order = graph.order();
        let mut differ = None;
        for frames in frames::candidates(graph, &order) {
            match assign(graph, &order, n_slots, frames) {
                Ok(_) => return Ok(()),
                Err(Stop::Refused(why)) => return Err(why),
                Err(Stop::Differ(id)) => differ = differ.or(Some(id)),
            }
        }
        match differ {
            Some(id) => convert(graph, id)?,
            None => return Ok(()),
        }
    }
}

/// Puts an identity between a sum or product and its second operand.
fn convert(graph: &mut Graph, id: NodeId) -> Result<(), Refusal> {
    let [first, second] = graph.operands(id)[..] else {
        return Err(Refusal::new(format!(
            "{} reads no two values",
            label(graph.node(id))
        )));
    };
    let shape = graph.shape(second).to_vec();
    let n = shape.iter().product::<usize>() as u32;
    let identity = Op::Linear {
        matrix: Arc::new(SparseMatrix::identity(n)),
        bias: Tensor::zeros(&shape),
        stride: None,
    };
    let node = graph.node(id);
    let (name, op) = (node.name.clone(), node.op.clone());
    let mut patch = Patch::new();
    let moved = patch.add(&format!("{name}.moved"), identity, &[second.into()]);
    let new = patch.add(&name, op, &[first.into(), moved]);
    patch.replace(id, new);
    patch.apply(graph).map_err(refused)
}

#[cfg(test)]
mod tests {
    use crate::ChoosePacking;
    use crate::util::plan::plan_all;
    use graph::{Op, Values, evaluate, parse};
    use pass::{Pass, PassCx, Settings};

    /// A strided branch and a whole one, both read elsewhere too, so that no layer of their own can write otherwise.
    #[test]
    fn operands_that_can_not_move_are_brought_together() {
        let mut inserted = 0;
        for (channels, size) in [(4, 4), (4, 6), (4, 10)] {
            let half = size / 2;
            let weight: Vec<String> = (0..channels * 4).map(|k| format!("{}", k % 7)).collect();
            let kernels: Vec<String> = weight
                .chunks(4)
                .map(|w| format!("[[[{}, {}], [{}, {}]]]", w[0], w[1], w[2], w[3]))
                .collect();
            let text = format!(
                "graph \"g\" {{\n %0 \"x\" = input -> [1, {size}, {size}]\n %1 \"a\" = polynomial %0 power [0, 0, 1]\n %2 \"c\" = conv %0 out {channels} kernel 2x2 stride 2,2 weight [{}] bias [{}]\n %3 \"r\" = reshape %2 -> [1, {size}, {size}]\n %4 \"s\" = add %1, %3\n return %4, %1, %2\n}}",
                kernels.join(", "),
                vec!["1"; channels].join(", "),
            );
            assert_eq!(channels * half * half, size * size);
            let before = parse(&text).unwrap();
            let (mut after, settings) = (before.clone(), Settings::default());
            let mut cx = PassCx::new(&settings);
            ChoosePacking::default().run(&mut after, &mut cx).unwrap();
            after.verify().unwrap();
            plan_all(&mut after, &settings).unwrap();
            let is_linear = |op: &Op| matches!(op, Op::Linear { .. });
            let order = after.order();
            inserted += order
                .iter()
                .filter(|id| is_linear(&after.node(**id).op))
                .count();
            let x: Values = (0..size * size).map(|k| (k as f64 * 0.7).sin()).collect();
            let [a, b] = [&before, &after].map(|g| evaluate(g, std::slice::from_ref(&x)).unwrap());
            assert_eq!(a, b);
        }
        assert_eq!(inserted, 3);
    }
}
