#![doc = include_str!("README.md")]

mod lower;
mod maxima;
#[cfg(test)]
mod tests;

use crate::util::linear::{label, refused};
use crate::util::ports;
use ::graph::{Graph, NodeId, Op, Patch, PoolGeometry, Wire};
use pass::{Activations, Changed, Pass, PassCx, PassInfo, Refusal};
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

fn refused_maximum(graph: &Graph, id: NodeId, pool: &PoolGeometry) -> Refusal {
    let ((height, width), who) = (pool.kernel, label(graph.node(id)));
    let what = format!("{who} takes maxima over {height}x{width} windows, expected averages");
    Refusal::new(what).help(
        "--activations sign for maxima made of signs (many levels), or export the network with average pooling",
    )
}

impl Pass<Graph> for LowerPooling {
    fn info(&self) -> PassInfo {
        PassInfo::new(
            "lower-pooling",
            "average pools, paddings and all that moves elements become linear layers; maxima too where asked for",
        )
        .needs("a valid graph")
        .gives("no pools, paddings, means, concatenations or transposed convolutions; selections only where the client makes them")
        .source("average pooling as a depthwise convolution; maxima as in Lee et al., ePrint 2020/834")
    }

    fn run(&self, graph: &mut Graph, cx: &mut PassCx<'_>) -> Result<Changed, Refusal> {
        let mut patch = Patch::new();
        let (mut n_lowered, mut n_maxima) = (0, 0);
        for id in graph.order() {
            let node = graph.node(id);
            if ports::is_port(graph, id) {
                continue;
            }
            if let Op::MaxPool(pool) = &node.op {
                if cx.settings.activations != Activations::Sign {
                    return Err(refused_maximum(graph, id, pool));
                }
                let tree = maxima::tree(graph, id, pool, &mut patch);
                let tree = tree.ok_or_else(|| {
                    Refusal::new(format!("{} is no pool of an image", label(node)))
                })?;
                patch.replace(id, tree);
                n_maxima += 1;
                continue;
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
        if patch.is_empty() {
            return Ok(Changed::No);
        }
        patch.apply(graph).map_err(refused)?;
        if n_lowered > 0 {
            cx.note(format!(
                "{n_lowered} pools, paddings and moves became linear layers"
            ));
        }
        if n_maxima > 0 {
            cx.note(format!(
                "{n_maxima} pools of maxima became averages and absolute values"
            ));
        }
        Ok(Changed::Yes)
    }
}
