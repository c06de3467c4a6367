#![doc = include_str!("README.md")]

mod known;
#[cfg(test)]
mod tests;

use crate::util::axes::{Axes, ClassId};
use crate::util::linear::{after_affine, is_linear, refused, then_affine};
use crate::util::reindex::{Chosen, reindexed};
use ::graph::{Graph, NodeId, Op};
use known::{Known, may_have_dead_units};
use pass::{Changed, Pass, PassCx, PassInfo, Refusal};
use serde::{Deserialize, Serialize};

/// Slots of the smallest ring: fewer inputs than this many more spare a ciphertext.
const FEWEST_SLOTS: usize = 1 << 11;

/// See the module.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct CullDeadUnits {}

impl Pass<Graph> for CullDeadUnits {
    fn info(&self) -> PassInfo {
        PassInfo::new(
            "cull-dead-units",
            "neurons and channels that are constant or that nobody reads disappear",
        )
        .needs("activations are polynomials; no layouts yet")
        .gives("no unit is without a reader, or constant, unless a sum or a product holds it")
        .source("culling after block pruning, as in MOFHEI")
    }

    fn run(&self, graph: &mut Graph, cx: &mut PassCx<'_>) -> Result<Changed, Refusal> {
        let has_layouts = graph
            .order()
            .iter()
            .any(|&id| graph.node(id).facts.layout.is_some());
        if has_layouts || !may_have_dead_units(graph) {
            return Ok(Changed::No);
        }
        let axes = Axes::new(graph);
        let known = Known::new(graph);
        let before = graph.n_parameters();
        let mut changed = fold(graph, &axes, &known);
        let chosen = alive(graph, &axes, &known, cx);
        if !chosen.is_empty() {
            *graph = reindexed(graph, &axes, &chosen).map_err(refused)?;
            graph.compact();
            changed = true;
            cx.note(format!(
                "{before} weights and biases became {}",
                graph.n_parameters()
            ));
        }
        Ok(changed.into())
    }
}

/// Moves what constant units add to linear nodes into their biases, and silences units that nobody reads.
fn fold(graph: &mut Graph, axes: &Axes, known: &Known) -> bool {
    let mut changed = false;
    for id in graph.order() {
        let node = graph.node(id);
        if !is_linear(&node.op) {
            continue;
        }
        let operand = graph.operands(id)[0];
        let (input, output) = (graph.shape(operand).to_vec(), node.shape.clone());
        let read = known.columns(id);
        let mut op = node.op.clone();
        let mut shift = vec![0.0; read.len()];
        let mut scale = vec![1.0; read.len()];
        for unit in units(axes, operand) {
            let constant = &known.constant(operand)[unit.clone()];
            let goes = !known.needed(operand)[unit.clone()].contains(&true);
            let fixed = goes || constant.iter().all(Option::is_some);
            if fixed && read[unit.clone()].contains(&true) {
                scale[unit.clone()].fill(0.0);
                let values = constant.iter().map(|c| c.unwrap_or(0.0));
                shift[unit].iter_mut().zip(values).for_each(|(s, c)| *s = c);
            }
        }
        let mut edited = false;
        if scale.contains(&0.0)
            && let Some(folded) = after_affine(&op, &input, &output, &scale, &shift)
        {
            (op, edited) = (folded, true);
        }
        let written = known.rows(id);
        let mut scale = vec![1.0; written.len()];
        for unit in units(axes, id) {
            if !known.needed(id)[unit.clone()].contains(&true)
                && written[unit.clone()].contains(&true)
            {
                scale[unit].fill(0.0);
            }
        }
        let none = vec![0.0; scale.len()];
        if scale.contains(&0.0)
            && let Some(folded) = then_affine(&op, &input, &output, &scale, &none)
        {
            (op, edited) = (folded, true);
        }
        if edited {
            graph.node_mut(id).op = op;
            changed = true;
        }
    }
    changed
}

/// Elements of each unit of a tensor.
fn units(axes: &Axes, id: NodeId) -> Vec<std::ops::Range<usize>> {
    let mut units = Vec::new();
    let mut start = 0;
    for segment in axes.segments(id) {
        for _ in 0..axes.size(segment.class) {
            units.push(start..start + segment.block);
            start += segment.block;
        }
    }
    units
}

/// The units that stay, for every class that loses some.
fn alive(graph: &Graph, axes: &Axes, known: &Known, cx: &mut PassCx<'_>) -> Chosen {
    let mut chosen = Chosen::new();
    for class in axes
        .classes()
        .into_iter()
        .filter(|&class| axes.group(class) > 1)
    {
        let (size, members) = (axes.size(class), axes.members(class));
        if members.is_empty() {
            continue;
        }
        let is_needed = |u: usize| {
            members.iter().any(|&(id, start, segment)| {
                let first = start + u * segment.block;
                known.needed(id)[first..first + segment.block].contains(&true)
            })
        };
        let mut units: Vec<u32> = (0..size)
            .filter(|&u| is_needed(u))
            .map(|u| u as u32)
            .collect();
        if units.is_empty() {
            units.push(0);
        }
        let is_input = |id: NodeId| matches!(graph.node(id).op, Op::Input { .. });
        let input = members.iter().find(|(id, ..)| is_input(*id));
        let pays = match input {
            Some((_, _, segment)) => {
                spares_slots(size * segment.block, units.len() * segment.block)
            }
            None => units.len() < size,
        };
        if !pays {
            continue;
        }
        note(graph, axes, known, class, &units, cx);
        chosen.insert(class, units);
    }
    chosen
}

/// Whether so many inputs fewer need a shorter period, or fewer ciphertexts.
fn spares_slots(before: usize, after: usize) -> bool {
    after.next_power_of_two() < before.next_power_of_two()
        || after.div_ceil(FEWEST_SLOTS) < before.div_ceil(FEWEST_SLOTS)
}

fn note(
    graph: &Graph,
    axes: &Axes,
    known: &Known,
    class: ClassId,
    units: &[u32],
    cx: &mut PassCx<'_>,
) {
    let (size, members) = (axes.size(class), axes.members(class));
    let is = |id: NodeId, input: bool| matches!(graph.node(id).op, Op::Input { .. }) == input;
    if let Some((id, _, segment)) = members.iter().find(|(id, ..)| is(*id, true)) {
        let (read, all) = (units.len() * segment.block, size * segment.block);
        cx.note(format!(
            "{}: {read} of {all} inputs are read",
            graph.node(*id).name
        ));
        return;
    }
    let Some(&(id, start, segment)) = members
        .iter()
        .find(|(id, ..)| is_linear(&graph.node(*id).op))
    else {
        return;
    };
    let constant = |u: usize| {
        let first = start + u * segment.block;
        known.constant(id)[first..first + segment.block]
            .iter()
            .all(Option::is_some)
    };
    let culled = (0..size).filter(|&u| !units.contains(&(u as u32)));
    let (fixed, unread): (Vec<usize>, Vec<usize>) = culled.partition(|&u| constant(u));
    cx.note(format!(
        "{}: {} of {size} units culled, {} constant and {} read by nobody",
        graph.node(id).name,
        fixed.len() + unread.len(),
        fixed.len(),
        unread.len()
    ));
}
