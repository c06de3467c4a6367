#![doc = include_str!("README.md")]

mod lower;
#[cfg(test)]
mod tests;

use crate::util::linear::{label, refused};
use ::graph::{Graph, Op, Patch};
use pass::{Changed, Pass, PassCx, PassInfo, Refusal};
use serde::{Deserialize, Serialize};

/// See the module.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct LowerPooling {}

impl Pass<Graph> for LowerPooling {
    fn info(&self) -> PassInfo {
        PassInfo::new(
            "lower-pooling",
            "average pools and paddings become linear layers; maxima are refused",
        )
        .needs("a valid graph")
        .gives("neither pools nor paddings")
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
                    "export the network with average pooling instead; retraining it so (`privet convert`) and \
                     composite maxima (many levels) are two other ways, not available yet",
                ));
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
            "{n_lowered} pools and paddings became linear layers"
        ));
        Ok(Changed::Yes)
    }
}
