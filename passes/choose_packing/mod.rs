#![doc = include_str!("README.md")]

mod align;
mod base;
mod chains;
mod convert;
mod frames;

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
        if cx.settings.sample_slots() == 1 {
            for &id in &order {
                let n_elements = graph.shape(id).iter().product::<usize>() as u32;
                graph.node_mut(id).facts.layout = Some(Periodic::vector(n_elements, 1));
            }
            cx.note("one ciphertext per element, one sample per slot");
            return Ok(Changed::Yes);
        }
        let chosen = frames::choose(graph, cx.settings)?;
        let mut best: Option<(f64, Layouts)> = None;
        let differs = chosen.copied != chosen.single;
        let copied = differs.then_some(chosen.copied);
        for layouts in std::iter::once(chosen.single).chain(copied) {
            let mut trial = graph.clone();
            layouts
                .iter()
                .for_each(|(id, l)| trial.node_mut(*id).facts.layout = Some(l.clone()));
            let cost = crate::util::plan::plan_all(&mut trial, cx.settings)?;
            if best.as_ref().is_none_or(|(least, _)| cost < *least) {
                best = Some((cost, layouts));
            }
        }
        let (_, layouts) =
            best.ok_or_else(|| Refusal::new("the network has no layout to choose"))?;
        if graph.inputs().iter().any(|&id| graph.shape(id).len() > 1) {
            cx.note(chosen.frames.to_string());
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
