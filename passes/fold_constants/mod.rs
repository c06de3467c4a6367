#![doc = include_str!("README.md")]

mod rules;
#[cfg(test)]
mod tests;

use crate::util::linear::refused;
use ::graph::Graph;
use pass::{Changed, Pass, PassCx, PassInfo, Refusal};
use serde::{Deserialize, Serialize};

/// See the module.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct FoldConstants {}

impl Pass<Graph> for FoldConstants {
    fn info(&self) -> PassInfo {
        PassInfo::new(
            "fold-constants",
            "paddings, reshapes and affine maps that say nothing new disappear",
        )
        .needs("a valid graph")
        .gives("no empty padding, no chain of reshapes or affine maps, no affine identity")
        .source("constant folding in f64")
    }

    fn run(&self, graph: &mut Graph, cx: &mut PassCx<'_>) -> Result<Changed, Refusal> {
        let n_before = graph.len();
        let mut changed = false;
        while let Some(patch) = graph
            .order()
            .into_iter()
            .find_map(|id| rules::first(graph, id))
        {
            patch.apply(graph).map_err(refused)?;
            changed = true;
        }
        if changed {
            let (before, after) = (n_before, graph.len());
            cx.note(format!("{before} nodes became {after}"));
        }
        Ok(changed.into())
    }
}
