#![doc = include_str!("README.md")]

#[cfg(test)]
mod tests;

use crate::util::linear::{absorb_affine, refused};
use ::graph::Graph;
use pass::{Changed, Pass, PassCx, PassInfo, Refusal};
use serde::{Deserialize, Serialize};

/// See the module.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct FoldBatchNorm {}

impl Pass<Graph> for FoldBatchNorm {
    fn info(&self) -> PassInfo {
        PassInfo::new(
            "fold-batch-norm",
            "affine maps beside a linear layer become part of its weights and bias",
        )
        .needs("a valid graph")
        .gives(
            "no affine map between a linear layer and its only reader, or before its only reader",
        )
        .source("folding of batch normalization at inference, in f64")
    }

    fn run(&self, graph: &mut Graph, cx: &mut PassCx<'_>) -> Result<Changed, Refusal> {
        let mut n_folded = 0;
        'again: loop {
            for id in graph.order() {
                if absorb_affine(graph, id).map_err(refused)? {
                    n_folded += 1;
                    continue 'again;
                }
            }
            break;
        }
        if n_folded > 0 {
            cx.note(format!("{n_folded} affine maps folded into linear layers"));
        }
        Ok((n_folded > 0).into())
    }
}
