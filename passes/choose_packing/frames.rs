//! Which frames the inputs' images sit in, chosen for the least cost of the whole network.

use super::{Layouts, base, chains, convert};
use crate::util::linear::{self, LinearMap};
use crate::util::plan;
use base::Stop;
use graph::{Graph, NodeId, Op};
use pass::{Refusal, Settings};
use std::collections::BTreeMap;
use std::fmt;

/// Most ways to cut the inputs into planes.
const MOST_PHASES: usize = 3;

/// How inputs that are images lie in slots.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Frames {
    /// Planes that rows and columns are cut into.
    pub phases: (u32, u32),
    /// Whether frames have powers of two of rows and columns.
    pub padded: bool,
}

impl Default for Frames {
    fn default() -> Self {
        Self {
            phases: (1, 1),
            padded: true,
        }
    }
}

impl fmt::Display for Frames {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.padded {
            true => "image frames padded to powers of two",
            false => "image frames as large as the images",
        })?;
        match self.phases {
            (1, 1) => Ok(()),
            (rows, columns) => write!(f, ", images cut into {rows} by {columns} planes"),
        }
    }
}

/// The best base layouts, and copies on them.
pub(super) struct Chosen {
    pub frames: Frames,
    /// Every value in one place.
    pub single: Layouts,
    /// With copies.
    pub copied: Layouts,
    /// With copies as if no stored weight were zero: the search is no exact one, and what is best for more weights can
    /// be better.
    pub filled: Option<Layouts>,
}

/// Lays every tensor out in each frame and takes the one whose plans cost least. Where the operands of a sum can not be
/// brought together otherwise, a layer that moves one of them is put into the graph.
///
/// # Errors
/// A [`Refusal`] naming a node that no layout fits.
pub(super) fn choose(graph: &mut Graph, settings: &Settings) -> Result<Chosen, Refusal> {
    let n_slots = settings.sample_slots() as u32;
    convert::insert(graph, n_slots)?;
    let order = graph.order();
    let maps = maps(graph, &order)?;
    let mut best: Option<(f64, Chosen)> = None;
    let mut seen: Vec<Layouts> = Vec::new();
    for frames in candidates(graph, &order) {
        let single = match base::assign(graph, &order, n_slots, frames) {
            Ok(single) => single,
            Err(Stop::Differ(_)) => continue,
            Err(Stop::Refused(why)) => return Err(why),
        };
        if seen.contains(&single) {
            continue;
        }
        seen.push(single.clone());
        let mut copied = single.clone();
        let limit = best.as_ref().map_or(f64::INFINITY, |(least, _)| *least);
        let cost = chains::spread(graph, &order, &maps, &mut copied, settings, limit)?;
        if let Some(cost) = cost {
            let chosen = Chosen {
                frames,
                single,
                copied,
                filled: None,
            };
            best = Some((cost, chosen));
        }
    }
    let best = best.ok_or_else(|| Refusal::new("the network has no layout to choose"))?;
    let mut chosen = best.1;
    let is_zero = |map: &LinearMap| map.matrix.entries().any(|(.., value)| value == 0.0);
    if maps.values().any(is_zero) {
        let mut filled = maps;
        for map in filled.values_mut() {
            map.matrix = plan::without_zeros(&map.matrix);
        }
        let mut layouts = chosen.single.clone();
        let cost = chains::spread(
            graph,
            &order,
            &filled,
            &mut layouts,
            settings,
            f64::INFINITY,
        )?;
        chosen.filled = cost.map(|_| layouts);
    }
    Ok(chosen)
}

/// The matrices of all linear nodes.
fn maps(graph: &Graph, order: &[NodeId]) -> Result<BTreeMap<NodeId, LinearMap>, Refusal> {
    let mut maps = BTreeMap::new();
    for &id in order {
        let op = &graph.node(id).op;
        if linear::is_linear(op) {
            let map = linear::linear_map(op, graph.shape(graph.operands(id)[0]));
            let label = linear::label(graph.node(id));
            let why = || Refusal::new(format!("{label}: its weights do not fit its input"));
            maps.insert(id, map.ok_or_else(why)?);
        }
    }
    Ok(maps)
}

/// Frames to try: images whole, or cut by what the first layers step together; as large as needed, or padded.
pub(super) fn candidates(graph: &Graph, order: &[NodeId]) -> Vec<Frames> {
    let inputs = graph.inputs();
    if !inputs
        .iter()
        .any(|&id| base::dims(graph.shape(id)).is_some())
    {
        return vec![Frames {
            phases: (1, 1),
            padded: false,
        }];
    }
    let mut stepped: BTreeMap<NodeId, (u32, u32)> = BTreeMap::new();
    let mut phases = vec![(1, 1)];
    for &id in order {
        let operands = graph.operands(id);
        let before = match (&graph.node(id).op, operands.first()) {
            (Op::Input { .. }, _) => Some((1, 1)),
            (_, Some(first)) => stepped.get(first).copied(),
            _ => None,
        };
        let Some((rows, columns)) = before else {
            continue;
        };
        let op = &graph.node(id).op;
        let steps = match operands.first() {
            Some(first) if linear::is_linear(op) => {
                match base::steps(op, [graph.shape(*first), graph.shape(id)]) {
                    Some([down, across]) if down.up == 1 && across.up == 1 => {
                        (down.down, across.down)
                    }
                    _ => continue,
                }
            }
            _ => (1, 1),
        };
        let all = (
            rows.saturating_mul(steps.0),
            columns.saturating_mul(steps.1),
        );
        stepped.insert(id, all);
        if !phases.contains(&all) && phases.len() < MOST_PHASES {
            phases.push(all);
        }
    }
    let frames = |padded| phases.iter().map(move |&phases| Frames { phases, padded });
    [true, false].into_iter().flat_map(frames).collect()
}
