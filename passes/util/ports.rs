//! Selections at the ends of a network, which cost nothing: the client packs and unpacks as they say.

use super::axes::{picks_slices, through_reshapes};
use ::graph::{Graph, NodeId, Op, Selection};
use layout::{ABSENT, Copy, IndexMap, Periodic};

/// The selection of a node, if it reads slices in some order, each at most once.
fn order(graph: &Graph, id: NodeId) -> Option<&Selection> {
    let Op::Select(selection) = &graph.node(id).op else {
        return None;
    };
    let shape = graph.shape(graph.operands(id)[0]);
    let mut sources = selection.sources(shape);
    sources.sort_unstable();
    let once = sources.windows(2).all(|pair| pair[0] != pair[1]);
    (once && picks_slices(selection, shape)).then_some(selection)
}

/// Whether a node picks values of an input that nothing else reads.
pub fn picks_input(graph: &Graph, id: NodeId) -> bool {
    let from = |id: NodeId| graph.operands(id).first().copied();
    let alone = |mut reader: NodeId| {
        while let Some(operand) = from(reader) {
            if !graph.feeds_only(operand, reader) {
                return false;
            }
            reader = operand;
            if matches!(graph.node(reader).op, Op::Input { .. }) {
                return true;
            }
            if !matches!(graph.node(reader).op, Op::Reshape { .. }) {
                return false;
            }
        }
        false
    };
    order(graph, id).is_some() && alone(id)
}

/// The selection that alone reads an input, directly or through reshapes.
pub fn picked_from(graph: &Graph, input: NodeId) -> Option<NodeId> {
    let mut at = input;
    loop {
        let [reader] = graph.consumers(at)[..] else {
            return None;
        };
        match graph.node(reader).op {
            Op::Reshape { .. } => at = reader,
            _ => return picks_input(graph, reader).then_some(reader),
        }
    }
}

/// Whether a node only says where the client finds values: it picks from an input, or puts all of a result in order.
pub fn is_port(graph: &Graph, id: NodeId) -> bool {
    if picks_input(graph, id) {
        return true;
    }
    let whole = || graph.n_elements(id) == graph.n_elements(graph.operands(id)[0]);
    let ends = |id: &NodeId| through_reshapes(graph, *id);
    order(graph, id).is_some()
        && whole()
        && graph
            .consumers(id)
            .iter()
            .all(|c| matches!(graph.node(*c).op, Op::Reshape { .. }))
        && graph.outputs().iter().map(ends).any(|end| end == id)
}

/// Positions of the operand of a selection whose result has that layout.
pub fn before(graph: &Graph, id: NodeId, picked: &Periodic) -> Periodic {
    let operand = graph.operands(id)[0];
    let mut positions = vec![ABSENT; graph.n_elements(operand)];
    for (element, source) in sources(graph, id).into_iter().enumerate() {
        positions[source as usize] = picked.position(element as u32);
    }
    moved(picked, positions)
}

/// Positions of the result of a selection whose operand has that layout.
pub fn behind(graph: &Graph, id: NodeId, layout: &Periodic) -> Periodic {
    let positions: Vec<u32> = sources(graph, id)
        .into_iter()
        .map(|s| layout.position(s))
        .collect();
    moved(layout, positions)
}

/// A layout with these positions; what a tile tensor replicates or repeats becomes copies.
fn moved(layout: &Periodic, positions: Vec<u32>) -> Periodic {
    let n_slots = layout.n_slots;
    let repeats = layout.n_ciphertexts > 1 && layout.period < n_slots;
    let period = if repeats { n_slots } else { layout.period };
    let table = Periodic {
        n_elements: positions.len() as u32,
        index: IndexMap::Table(positions.into()),
        period,
        ..layout.clone()
    };
    let Some(tensor) = layout.as_tiles() else {
        return table;
    };
    let to = layout.n_ciphertexts.saturating_mul(n_slots);
    let periods = (0..period / layout.period).map(|k| k * layout.period);
    let offsets = periods.flat_map(|start| tensor.replicas().into_iter().map(move |r| start + r));
    let copies = offsets.filter(|offset| *offset > 0);
    let copies: Vec<Copy> = copies
        .map(|offset| Copy {
            offset,
            from: 0,
            to,
        })
        .collect();
    Periodic {
        copies: copies.into(),
        ..table
    }
}

/// Puts inputs where the selections behind them have their values, and results where those before them have theirs.
pub fn settle(graph: &mut Graph) {
    for id in graph.order() {
        if !is_port(graph, id) {
            continue;
        }
        let operand = graph.operands(id)[0];
        let layout_of = |id: NodeId| graph.node(id).facts.layout.clone();
        if !picks_input(graph, id) {
            let layout = layout_of(operand).map(|l| behind(graph, id, &l));
            let mut at = Some(id);
            while let Some(id) = at {
                graph.node_mut(id).facts.layout.clone_from(&layout);
                at = graph.consumers(id).first().copied();
            }
            continue;
        }
        let layout = layout_of(id).map(|l| before(graph, id, &l));
        let mut at = Some(operand);
        while let Some(id) = at {
            graph.node_mut(id).facts.layout.clone_from(&layout);
            at = graph.operands(id).first().copied();
        }
    }
}

fn sources(graph: &Graph, id: NodeId) -> Vec<u32> {
    let Op::Select(selection) = &graph.node(id).op else {
        return Vec::new();
    };
    let shape = graph.shape(graph.operands(id)[0]);
    selection.sources(shape).into_iter().flatten().collect()
}
