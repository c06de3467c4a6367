//! Which units of a network share a weight.

use crate::util::axes::{Axes, ClassId};
use crate::util::linear::{is_linear, linear_map};
use ::graph::{Graph, NodeId, Op};
use std::collections::BTreeMap;

/// The places of the weights of one layer, or of one tap of a convolution.
#[derive(Clone, Debug)]
pub struct Mask {
    /// Class of the outputs, by its place in [`Masks::sizes`].
    pub rows: usize,
    /// Class of the inputs.
    pub cols: usize,
    /// Units with a weight between them, rows first.
    pub entries: Vec<(u32, u32)>,
}

impl Mask {
    /// The class of the rows, side 0, or of the columns.
    pub fn class(&self, side: usize) -> usize {
        [self.rows, self.cols][side]
    }

    /// An entry from one side: its unit there, then the other's.
    pub fn seen((row, col): (u32, u32), side: usize) -> (u32, u32) {
        match side {
            0 => (row, col),
            _ => (col, row),
        }
    }
}

/// The masks of a network between classes of units.
#[derive(Clone, Debug, Default)]
pub struct Masks {
    /// Units per class.
    pub sizes: Vec<usize>,
    /// Per class, whether it is an even or an odd number of layers behind the input: 0 or 1.
    pub phases: Vec<usize>,
    /// One per layer, or per tap.
    pub masks: Vec<Mask>,
    /// The classes.
    pub classes: Vec<ClassId>,
}

impl Masks {
    /// The masks of all linear nodes between two classes.
    pub fn new(graph: &Graph, axes: &Axes) -> Self {
        Self::collected(graph, axes, false)
    }

    /// The same, where a dense layer has one for each position of the elements inside their units: behind a flattened
    /// image, one per pixel, as a convolution has one per tap.
    pub fn by_position(graph: &Graph, axes: &Axes) -> Self {
        Self::collected(graph, axes, true)
    }

    fn collected(graph: &Graph, axes: &Axes, by_position: bool) -> Self {
        let classes = axes.classes();
        let mut masks = Self {
            sizes: classes.iter().map(|&class| axes.size(class)).collect(),
            phases: vec![0; classes.len()],
            masks: Vec::new(),
            classes,
        };
        for id in graph.order() {
            if is_linear(&graph.node(id).op) {
                masks.read(graph, axes, id, by_position);
            }
        }
        masks
    }

    fn read(&mut self, graph: &Graph, axes: &Axes, id: NodeId, by_position: bool) {
        let operand = graph.operands(id)[0];
        let ([x], [y]) = (&axes.segments(operand)[..], &axes.segments(id)[..]) else {
            return;
        };
        let place = |class: ClassId| self.classes.iter().position(|&c| c == class);
        let (Some(cols), Some(rows)) = (place(x.class), place(y.class)) else {
            return;
        };
        self.phases[rows] = 1 - self.phases[cols];
        let mut add = |mut entries: Vec<(u32, u32)>| {
            entries.sort_unstable();
            entries.dedup();
            self.masks.push(Mask {
                rows,
                cols,
                entries,
            });
        };
        if let Op::Conv {
            geometry, weight, ..
        } = &graph.node(id).op
            && geometry.groups == 1
            && (self.sizes[rows], self.sizes[cols]) == (weight.shape()[0], weight.shape()[1])
        {
            let taps = (geometry.kernel.0 * geometry.kernel.1) as usize;
            for tap in 0..taps {
                let at = |(k, w): (usize, &f64)| {
                    let (filter, channel) =
                        (k / taps / self.sizes[cols], k / taps % self.sizes[cols]);
                    (k % taps == tap && *w != 0.0).then_some((filter as u32, channel as u32))
                };
                add(weight.values().iter().enumerate().filter_map(at).collect());
            }
            return;
        }
        if let Some(map) = linear_map(&graph.node(id).op, graph.shape(operand)) {
            let weights = map.matrix.entries().filter(|&(.., value)| value != 0.0);
            let (high, wide) = (y.block as u32, x.block as u32);
            let apart = by_position && map.stride.is_none();
            let mut positions: BTreeMap<(u32, u32), Vec<(u32, u32)>> = BTreeMap::new();
            positions.insert((0, 0), Vec::new());
            for (row, col, _) in weights {
                let position = if apart {
                    (row % high, col % wide)
                } else {
                    (0, 0)
                };
                let entries = positions.entry(position).or_default();
                entries.push((row / high, col / wide));
            }
            positions.into_values().for_each(add);
        }
    }

    /// The masks with a class, and its side there.
    pub fn of(&self, class: usize) -> impl Iterator<Item = (&Mask, usize)> {
        let sides = move |mask| [0, 1].into_iter().map(move |side| (mask, side));
        self.masks
            .iter()
            .flat_map(sides)
            .filter(move |&(mask, side): &(&Mask, usize)| mask.class(side) == class)
    }
}
