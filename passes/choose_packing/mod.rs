#![doc = include_str!("README.md")]

mod align;
mod base;
mod chains;

use crate::util::ports;
use chains::Weights;
use graph::{Graph, NodeId};
use layout::Periodic;
use pass::{Changed, Packing, Pass, PassCx, PassInfo, Refusal};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// See the module.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ChoosePacking {}

type Layouts = BTreeMap<NodeId, Periodic>;

impl Pass<Graph> for ChoosePacking {
    fn info(&self) -> PassInfo {
        PassInfo::new("choose-packing", "where each tensor's elements sit in slots")
            .needs("activations are polynomials")
            .gives("every node has a layout fact")
            .source("gaps and frames: Ebel et al., Orion, ASPLOS 2025 (single-shot multiplexed convolution)")
    }

    fn run(&self, graph: &mut Graph, cx: &mut PassCx<'_>) -> Result<Changed, Refusal> {
        let order = graph.order();
        if order
            .iter()
            .all(|&id| graph.node(id).facts.layout.is_some())
        {
            return Ok(Changed::No);
        }
        if let Packing::Tile(_) = cx.settings.packing {
            return Err(Refusal::new("tile tensors are not available yet")
                .help("--packing auto, diagonal or batch"));
        }
        let n_slots = cx.settings.sample_slots() as u32;
        if n_slots == 1 {
            for &id in &order {
                let n_elements = graph.shape(id).iter().product::<usize>() as u32;
                graph.node_mut(id).facts.layout = Some(Periodic::vector(n_elements, 1));
            }
            ports::settle(graph);
            cx.note("one ciphertext per element, one sample per slot");
            return Ok(Changed::Yes);
        }
        let mut best: Option<(f64, bool, Layouts)> = None;
        let has_image = graph.inputs().iter().any(|&id| graph.shape(id).len() == 3);
        for padded in [true, false].into_iter().filter(|p| has_image || !p) {
            let single = base::assign(graph, &order, n_slots, padded)?;
            let mut copied = single.clone();
            chains::spread(graph, &order, &mut copied, cx.settings, Weights::AsTheyAre)?;
            let mut candidates = vec![single.clone(), copied];
            if chains::stores_zeros(graph, &order) {
                let mut filled = single;
                let weights = Weights::AsIfNoneWereZero;
                chains::spread(graph, &order, &mut filled, cx.settings, weights)?;
                candidates.push(filled);
            }
            candidates.dedup();
            for layouts in candidates {
                let mut trial = graph.clone();
                layouts
                    .iter()
                    .for_each(|(id, l)| trial.node_mut(*id).facts.layout = Some(l.clone()));
                let cost = crate::util::plan::plan_all(&mut trial, cx.settings)?;
                if best.as_ref().is_none_or(|(least, ..)| cost < *least) {
                    best = Some((cost, padded, layouts));
                }
            }
        }
        let (_, padded, layouts) =
            best.ok_or_else(|| Refusal::new("the network has no layout to choose"))?;
        if has_image {
            cx.note(if padded {
                "image frames padded to powers of two"
            } else {
                "image frames as large as the images"
            });
        }
        for (id, layout) in layouts {
            if !layout.copies.is_empty() {
                cx.note(format!(
                    "{}: each value sits in {:.1} places",
                    graph.node(id).name,
                    layout.n_places() as f64 / f64::from(layout.n_elements.max(1))
                ));
            }
            graph.node_mut(id).facts.layout = Some(layout);
        }
        Ok(Changed::Yes)
    }
}
