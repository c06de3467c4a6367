#![doc = include_str!("README.md")]

use crate::util::{linear, plan};
use graph::Graph;
use pass::{Changed, Pass, PassCx, PassInfo, Refusal};
use serde::{Deserialize, Serialize};

/// See the module.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct PlanRotations {}

impl Pass<Graph> for PlanRotations {
    fn info(&self) -> PassInfo {
        PassInfo::new("plan-rotations", "baby and giant steps of every linear layer")
            .needs("layouts are chosen; zero diagonals are dropped")
            .gives("every linear node has a plan fact")
            .source("Halevi and Shoup, ePrint 2014/106 and 2018/244; lifts, centred and two-dimensional digits are ours")
    }

    fn run(&self, graph: &mut Graph, cx: &mut PassCx<'_>) -> Result<Changed, Refusal> {
        if cx.settings.sample_slots() == 1 {
            // Nothing moves where an element has its own ciphertext.
            return Ok(Changed::No);
        }
        let unplanned =
            |id| linear::is_linear(&graph.node(id).op) && graph.node(id).facts.plan.is_none();
        if !graph.order().into_iter().any(unplanned) {
            return Ok(Changed::No);
        }
        plan::plan_all(graph, cx.settings)?;
        for id in graph.order() {
            let node = graph.node(id);
            if let Some(plan) = &node.facts.plan {
                let c = plan.counts;
                if plan.output.as_tiles().is_some() {
                    cx.note(format!(
                        "{}: {} of {} tiles, {} rotations ({} baby, {} collapse, {} conversion), {} products, {} masks",
                        node.name,
                        c.diagonals_total - c.diagonals_zero,
                        c.diagonals_total,
                        c.rotations(),
                        c.babies,
                        c.collapse,
                        c.conversion,
                        c.plain_products,
                        c.masks
                    ));
                    continue;
                }
                cx.note(format!(
                    "{}: {} of {} diagonals, {} rotations ({} baby, {} giant, {} collapse), {} products, split {}",
                    node.name,
                    c.diagonals_total - c.diagonals_zero,
                    c.diagonals_total,
                    c.rotations(),
                    c.babies,
                    c.giants,
                    c.collapse,
                    c.plain_products,
                    plan.plan.n1
                ));
            }
        }
        Ok(Changed::Yes)
    }
}
