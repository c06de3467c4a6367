//! A window as terms of an e-graph, and chosen terms as a window.

use super::analysis::{Graph, Knowledge};
use super::constants::{Constants, Pt};
use super::language::Node;
use ::circuit::{
    Circuit, LayerId, Op, PlainId, PlainValues, PlainVector, RotationClass, Value, ValueId,
};
use egg::{Id, Language};
use params::Rotation;
use std::collections::HashMap;

/// A window's terms, before and after rules were applied.
pub(super) struct Terms {
    pub graph: Graph,
    /// Node and class of each value that has one, operands first.
    loaded: Vec<(Id, Node, Option<LayerId>, Option<RotationClass>)>,
    outputs: Vec<Id>,
}

impl Terms {
    pub(super) fn new(part: &Circuit) -> Self {
        let constants = Constants::new(part.plains());
        let mut terms = Self {
            graph: Graph::new(Knowledge::new(constants, part.n_slots())),
            loaded: Vec::new(),
            outputs: Vec::new(),
        };
        let mut ids: Vec<Id> = Vec::with_capacity(part.values().len());
        for value in part.values() {
            let id = terms.load(&value.op, &ids, value);
            ids.push(id);
        }
        terms.outputs = part.outputs().iter().map(|o| ids[o.index()]).collect();
        terms
    }

    fn load(&mut self, op: &Op, ids: &[Id], value: &Value) -> Id {
        let at = |v: &ValueId| ids[v.index()];
        let constants = &mut self.graph.analysis.constants;
        let node = match op {
            Op::Input { index } => Node::Leaf(*index),
            Op::Add(a, b) => Node::Sum(vec![at(a), at(b)]),
            Op::Sub(a, b) => {
                let negated = self.push(Node::Neg([at(b)]), value);
                Node::Sum(vec![at(a), negated])
            }
            Op::Sum(terms) => Node::Sum(terms.iter().map(at).collect()),
            Op::Neg(x) => Node::Neg([at(x)]),
            Op::AddPlain { x, plain } => Node::Plus(constants.plain(plain.0 as usize), [at(x)]),
            Op::MulPlain { x, plain, .. } => {
                Node::Times(constants.plain(plain.0 as usize), [at(x)])
            }
            Op::MulScalar { x, factor, .. } => Node::Times(constants.number(*factor), [at(x)]),
            Op::Rotate { x, by } => Node::Rot(by.amount(), [at(x)]),
            Op::Mul(a, b) => Node::Prod([at(a), at(b)]),
            Op::Square(x) => Node::Prod([at(x), at(x)]),
            // A relinearized product is one node.
            op => return at(&op.operands()[0]),
        };
        self.push(node, value)
    }

    fn push(&mut self, mut node: Node, value: &Value) -> Id {
        let graph = &self.graph;
        node.update_children(|id| graph.find(id));
        let id = self.graph.add(node.clone());
        self.loaded.push((id, node, value.layer, value.class));
        id
    }

    /// Classes of the window's outputs.
    pub(super) fn outputs(&self) -> Vec<Id> {
        self.outputs.iter().map(|o| self.graph.find(*o)).collect()
    }

    /// The class of each of the window's inputs.
    pub(super) fn leaves(&self) -> impl Iterator<Item = (u32, Id)> + '_ {
        self.loaded.iter().filter_map(|(id, node, ..)| match node {
            Node::Leaf(index) => Some((*index, self.graph.find(*id))),
            _ => None,
        })
    }

    /// The program as it was: the first node of each class, which reads only classes that come before.
    pub(super) fn original(&self) -> HashMap<Id, Node> {
        let mut choice = HashMap::new();
        for (id, node, ..) in &self.loaded {
            let node = self.canonical(node);
            choice.entry(self.graph.find(*id)).or_insert(node);
        }
        choice
    }

    fn canonical(&self, node: &Node) -> Node {
        node.clone().map_children(|id| self.graph.find(id))
    }

    /// A window that computes the outputs by the chosen nodes.
    pub(super) fn emit(&self, part: &Circuit, choice: &HashMap<Id, Node>) -> Circuit {
        let mut like = HashMap::new();
        let mut classes = HashMap::new();
        for (_, node, layer, class) in &self.loaded {
            let node = self.canonical(node);
            if let (Node::Rot(..), Some(class)) = (&node, class) {
                classes.entry(node.clone()).or_insert(*class);
            }
            like.entry(node).or_insert(*layer);
        }
        let mut emitter = Emitter {
            terms: self,
            choice,
            like,
            classes,
            next: part.emptied(),
            made: HashMap::new(),
            plains: HashMap::new(),
            n_made: 0,
        };
        let inputs = part.values().iter().take(part.inputs().len());
        inputs.for_each(|input| {
            emitter.next.push(input.clone());
        });
        for (index, id) in self.leaves() {
            emitter.made.insert(id, ValueId(index));
        }
        let outputs: Vec<ValueId> = self
            .outputs
            .iter()
            .zip(part.outputs())
            .map(|(id, old)| emitter.value(self.graph.find(*id), part.value(*old).layer))
            .collect();
        let mut next = emitter.next;
        next.set_outputs(outputs);
        classify(part, &mut next);
        next
    }
}

/// Gives rotations without a class one that the old part has more of.
fn classify(old: &Circuit, new: &mut Circuit) {
    let classes = |c: &Circuit| -> Vec<Option<RotationClass>> {
        let rotations = c.values().iter().filter(|v| v.op.is_rotation());
        rotations.map(|v| v.class).collect()
    };
    let mut spare = classes(old);
    for class in classes(new).into_iter().flatten() {
        if let Some(at) = spare.iter().position(|s| *s == Some(class)) {
            spare.remove(at);
        }
    }
    let bare = new.values_mut().iter_mut();
    for value in bare.filter(|v| v.op.is_rotation() && v.class.is_none()) {
        if !spare.is_empty() {
            value.class = spare.remove(0);
        }
    }
}

struct Emitter<'a> {
    terms: &'a Terms,
    choice: &'a HashMap<Id, Node>,
    /// Layers and rotation classes of nodes that were there before.
    like: HashMap<Node, Option<LayerId>>,
    classes: HashMap<Node, RotationClass>,
    next: Circuit,
    made: HashMap<Id, ValueId>,
    plains: HashMap<Pt, PlainId>,
    n_made: usize,
}

impl Emitter<'_> {
    fn value(&mut self, class: Id, layer: Option<LayerId>) -> ValueId {
        if let Some(&made) = self.made.get(&class) {
            return made;
        }
        let node = &self.choice[&class];
        let layer = self.like.get(node).copied().unwrap_or(layer);
        let made = match node {
            Node::Leaf(index) => ValueId(*index),
            Node::Sum(terms) => self.sum(terms, layer),
            Node::Neg([x]) => {
                let x = self.value(*x, layer);
                self.next.push_op(Op::Neg(x), layer)
            }
            Node::Rot(by, [x]) => {
                let x = self.value(*x, layer);
                let by = Rotation::new(i64::from(*by), self.next.n_slots());
                self.next.push(Value {
                    op: Op::Rotate { x, by },
                    layer,
                    class: self.classes.get(node).copied(),
                })
            }
            Node::Times(pt, [x]) => {
                let x = self.value(*x, layer);
                self.times(*pt, x, layer)
            }
            Node::Plus(pt, [x]) => {
                let x = self.value(*x, layer);
                let plain = self.plain(*pt);
                self.next.push_op(Op::AddPlain { x, plain }, layer)
            }
            Node::Prod([a, b]) => {
                let (a, b) = (self.value(*a, layer), self.value(*b, layer));
                let op = if a == b { Op::Square(a) } else { Op::Mul(a, b) };
                let product = self.next.push_op(op, layer);
                self.next.push_op(Op::Relinearize(product), layer)
            }
        };
        self.made.insert(class, made);
        made
    }

    /// Negated terms are subtracted.
    fn sum(&mut self, terms: &[Id], layer: Option<LayerId>) -> ValueId {
        let (mut plus, mut minus) = (Vec::new(), Vec::new());
        for &term in terms {
            match self.choice[&term] {
                Node::Neg([x]) if !self.made.contains_key(&term) => {
                    minus.push(self.value(x, layer));
                }
                _ => plus.push(self.value(term, layer)),
            }
        }
        match (plus.is_empty(), minus.is_empty()) {
            // Nothing is left: zero, from any value.
            (true, true) => {
                let zero = Op::MulScalar {
                    x: ValueId(0),
                    factor: 0.0,
                    scale: None,
                };
                self.next.push_op(zero, layer)
            }
            (_, true) => self.next.push_sum(&plus, layer),
            (is_negative, false) => {
                let minus = self.next.push_sum(&minus, layer);
                if is_negative {
                    return self.next.push_op(Op::Neg(minus), layer);
                }
                let plus = self.next.push_sum(&plus, layer);
                self.next.push_op(Op::Sub(plus, minus), layer)
            }
        }
    }

    fn times(&mut self, pt: Pt, x: ValueId, layer: Option<LayerId>) -> ValueId {
        let constants = &self.terms.graph.analysis.constants;
        let op = if constants.is_number(pt) {
            let factor = constants.values(pt)[0];
            Op::MulScalar {
                x,
                factor,
                scale: None,
            }
        } else {
            let plain = self.plain(pt);
            Op::MulPlain {
                x,
                plain,
                scale: None,
            }
        };
        self.next.push_op(op, layer)
    }

    fn plain(&mut self, pt: Pt) -> PlainId {
        let constants = &self.terms.graph.analysis.constants;
        if let Some(index) = constants.as_plain(pt) {
            return PlainId(index as u32);
        }
        if let Some(&made) = self.plains.get(&pt) {
            return made;
        }
        let mut values = constants.values(pt);
        let mut each = 1;
        while values.len() > 1 && values.chunks_exact(2).all(|pair| pair[0] == pair[1]) {
            values = values.into_iter().step_by(2).collect();
            each *= 2;
        }
        let n_zero = values.iter().filter(|v| **v == 0.0).count();
        let sparse = || (0..).zip(values.iter().copied()).filter(|e| e.1 != 0.0);
        let name = format!("simplified.{}", self.n_made);
        let n_places = values.len() as u32;
        let values = if 2 * n_zero > values.len() {
            PlainValues::Sparse(sparse().collect())
        } else {
            PlainValues::Dense(values)
        };
        let made = self
            .next
            .add_plain(PlainVector::spread(name, n_places, values, each));
        self.n_made += 1;
        self.plains.insert(pt, made);
        made
    }
}
