#![doc = include_str!("README.md")]

mod lower;
#[cfg(test)]
mod tests;

use crate::util::linear::{label, refused};
use ::graph::{Graph, NodeId, Op, Patch, Wire};
use pass::{Changed, Pass, PassCx, PassInfo, Refusal};
use serde::{Deserialize, Serialize};

/// See the module.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct LowerPooling {}

/// The sum of all parts, each spread over the whole result.
fn joined(graph: &Graph, id: NodeId, axis: usize, patch: &mut Patch) -> Option<Wire> {
    let size = graph.shape(id)[axis];
    let mut start = 0;
    let mut sum: Option<Wire> = None;
    for (k, operand) in graph.operands(id).into_iter().enumerate() {
        let shape = graph.shape(operand);
        let op = lower::placed(shape, axis, start, size)?;
        start += shape[axis];
        let name = &graph.node(id).name;
        let part = patch.add(&format!("{name}.part{k}"), op, &[operand.into()]);
        sum = Some(match sum {
            Some(sum) => patch.add(&format!("{name}.sum{k}"), Op::Add, &[sum, part]),
            None => part,
        });
    }
    sum
}

impl Pass<Graph> for LowerPooling {
    fn info(&self) -> PassInfo {
        PassInfo::new(
            "lower-pooling",
            "average pools, paddings and all that moves elements become linear layers; maxima are refused",
        )
        .needs("a valid graph")
        .gives("no pools, paddings, selections, means, concatenations or transposed convolutions")
        .source("average pooling as a depthwise convolution")
    }

    fn run(&self, graph: &mut Graph, cx: &mut PassCx<'_>) -> Result<Changed, Refusal> {
        let mut patch = Patch::new();
        let mut n_lowered = 0;
        for id in graph.order() {
            let node = graph.node(id);
            if let Op::MaxPool(pool) = &node.op {
                let (height, width) = pool.kernel;
                let who = label(node);
                return Err(Refusal::new(format!(
                    "{who} takes maxima over {height}x{width} windows, expected averages"
                ))
                .help(
                    "export the network with average pooling instead; composite maxima (many levels) are not available yet",
                ));
            }
            if let Op::Concat { axis } = node.op {
                let joined = joined(graph, id, axis, &mut patch);
                let whole = joined.ok_or_else(|| {
                    Refusal::new(format!("{} joins tensors that do not fit", label(node)))
                })?;
                patch.replace(id, whole);
                n_lowered += 1;
                continue;
            }
            let operand = graph.operands(id).first().copied();
            let Some((operand, op)) =
                operand.and_then(|x| Some((x, lower::lowered(&node.op, graph.shape(x))?)))
            else {
                continue;
            };
            let new = patch.add(&node.name, op, &[operand.into()]);
            patch.replace(id, new);
            n_lowered += 1;
        }
        if n_lowered == 0 {
            return Ok(Changed::No);
        }
        patch.apply(graph).map_err(refused)?;
        cx.note(format!(
            "{n_lowered} pools, paddings and moves became linear layers"
        ));
        Ok(Changed::Yes)
    }
}
