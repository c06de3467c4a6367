//! Which parts of a network's tensors may move or vanish together.
//!
//! A tensor's elements, row-major, are units one after the other, each of the same number of elements: the elements
//! themselves, or the channels of an image. Units of several tensors that must move alike form one class. A tensor is a
//! sequence of classes; only concatenations make it longer than one.

mod ties;

#[cfg(test)]
mod tests;

pub use ties::{picks_slices, through_reshapes};

use ::graph::{Graph, NodeId};
use std::collections::BTreeMap;

/// A class of [`Axes`]; equal for equal classes once all ties are made.
pub type ClassId = usize;

/// A stretch of a tensor: all units of a class in order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Segment {
    /// The class.
    pub class: ClassId,
    /// Elements of the tensor per unit.
    pub block: usize,
}

#[derive(Clone, Copy, Debug)]
struct Class {
    /// Units.
    size: usize,
    /// Units move only within aligned groups of so many; 1 if they stay.
    group: usize,
    /// Another class, and how many units here are one there.
    parent: Option<(ClassId, usize)>,
}

/// The classes of a graph: a forest of unions, where a union may join several units into one.
#[derive(Clone, Debug, Default)]
pub struct Axes {
    classes: Vec<Class>,
    tensors: BTreeMap<NodeId, Vec<Segment>>,
}

impl Axes {
    /// The classes of a graph.
    pub fn new(graph: &Graph) -> Self {
        let mut axes = Self::default();
        for id in graph.order() {
            axes.tie(graph, id);
        }
        axes
    }

    /// What a tensor consists of.
    pub fn segments(&self, id: NodeId) -> Vec<Segment> {
        let segments = self.tensors.get(&id).map_or(&[][..], Vec::as_slice);
        segments.iter().map(|&s| self.resolved(s)).collect()
    }

    /// The classes, each once.
    pub fn classes(&self) -> Vec<ClassId> {
        let is_root = |&class: &ClassId| self.classes[class].parent.is_none();
        (0..self.classes.len()).filter(is_root).collect()
    }

    /// Units of a class.
    pub fn size(&self, class: ClassId) -> usize {
        self.classes[class].size
    }

    /// Units of a class move only within aligned groups of so many.
    pub fn group(&self, class: ClassId) -> usize {
        self.classes[class].group
    }

    /// The tensors with units of a class, and where those begin.
    pub fn members(&self, class: ClassId) -> Vec<(NodeId, usize, Segment)> {
        let mut members = Vec::new();
        for &id in self.tensors.keys() {
            let mut start = 0;
            for segment in self.segments(id) {
                if segment.class == class {
                    members.push((id, start, segment));
                }
                start += self.size(segment.class) * segment.block;
            }
        }
        members
    }

    /// Elements of a tensor in the order of chosen units; classes that are not named keep all of theirs.
    pub fn elements(&self, id: NodeId, chosen: &BTreeMap<ClassId, Vec<u32>>) -> Vec<u32> {
        let mut elements = Vec::new();
        let mut start = 0u32;
        for segment in self.segments(id) {
            let (size, block) = (self.size(segment.class) as u32, segment.block as u32);
            let unit = |u: u32| start + u * block..start + (u + 1) * block;
            match chosen.get(&segment.class) {
                Some(units) => elements.extend(units.iter().flat_map(|&u| unit(u))),
                None => elements.extend(start..start + size * block),
            }
            start += size * block;
        }
        elements
    }

    fn resolved(
        &self,
        Segment {
            mut class,
            mut block,
        }: Segment,
    ) -> Segment {
        while let Some((parent, units)) = self.classes[class].parent {
            (class, block) = (parent, block * units);
        }
        Segment { class, block }
    }

    /// A class of its own for `n` elements.
    fn fresh(&mut self, n: usize) -> Segment {
        self.classes.push(Class {
            size: n,
            group: n,
            parent: None,
        });
        Segment {
            class: self.classes.len() - 1,
            block: 1,
        }
    }

    /// Units of a root class move within groups of `group` at most.
    fn restrict(&mut self, class: ClassId, group: usize) {
        let class = &mut self.classes[class];
        class.group = gcd(class.group, group.max(1));
    }

    fn pin(&mut self, segments: &[Segment]) {
        for &segment in segments {
            let class = self.resolved(segment).class;
            self.restrict(class, 1);
        }
    }

    /// Makes `child` units of `parent`, `units` of them each; both are roots.
    fn adopt(&mut self, parent: ClassId, child: ClassId, units: usize) {
        let group = self.classes[child].group;
        let allowed = if group.is_multiple_of(units) {
            group / units
        } else {
            1
        };
        self.restrict(parent, allowed);
        self.classes[child].parent = Some((parent, units));
    }

    /// Ties two stretches of equally many elements; where no unit of one is made of whole units of the other, both stay
    /// where they are.
    fn unite(&mut self, a: Segment, b: Segment) {
        let (a, b) = (self.resolved(a), self.resolved(b));
        if a.class == b.class {
            return;
        }
        let (n_a, n_b) = (self.size(a.class), self.size(b.class));
        if n_a.is_multiple_of(n_b) {
            self.adopt(b.class, a.class, n_a / n_b);
        } else if n_b.is_multiple_of(n_a) {
            self.adopt(a.class, b.class, n_b / n_a);
        } else {
            self.pin(&[a, b]);
        }
    }

    /// Ties two tensors of equally many elements.
    fn unite_all(&mut self, a: &[Segment], b: &[Segment]) {
        let length = |axes: &Self, s: &Segment| {
            let s = axes.resolved(*s);
            axes.size(s.class) * s.block
        };
        let alike = a.len() == b.len()
            && a.iter()
                .zip(b)
                .all(|(x, y)| length(self, x) == length(self, y));
        if alike {
            a.iter().zip(b).for_each(|(&x, &y)| self.unite(x, y));
        } else {
            self.pin(a);
            self.pin(b);
        }
    }

    /// Lets the elements of a tensor move in whole blocks of `block` only.
    fn coarsen(&mut self, segments: &[Segment], block: usize) {
        for &segment in segments {
            let found = self.resolved(segment);
            let n = self.size(found.class) * found.block;
            if found.block.is_multiple_of(block) {
                continue;
            }
            if n.is_multiple_of(block) && block.is_multiple_of(found.block) {
                let whole = self.fresh(n / block);
                self.adopt(whole.class, found.class, block / found.block);
            } else {
                self.pin(&[found]);
            }
        }
    }
}

fn gcd(a: usize, b: usize) -> usize {
    if b == 0 { a } else { gcd(b, a % b) }
}

/// Elements of a tensor per position on its first axis.
pub fn slice(shape: &[usize]) -> usize {
    shape.iter().skip(1).product()
}
