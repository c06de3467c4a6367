//! A network that is one chain of linear layers: what the search over packings works on.

use crate::util::axes::through_reshapes;
use crate::util::linear::{self, LinearMap};
use crate::util::ports;
use graph::{Graph, NodeId, Op};

/// A tensor between layers, with what happens to it value by value.
pub(super) struct Tensor {
    /// The node that writes it and those that act on it value by value: all of one layout.
    pub nodes: Vec<NodeId>,
    /// Channels, rows and columns, if the node that writes it makes an image.
    pub image: Option<[u32; 3]>,
    pub n_elements: u32,
    /// Levels of what acts on it, and products of ciphertexts.
    pub levels: u32,
    pub products: u32,
}

/// A chain: layer `i` reads tensor `i` and writes tensor `i + 1`.
pub(super) struct Chain {
    pub tensors: Vec<Tensor>,
    pub layers: Vec<(NodeId, LinearMap)>,
}

/// The whole network, but for selections at its ends, as a chain; nothing if some tensor is read twice, or layers are not
/// all there is.
pub(super) fn chain(graph: &Graph) -> Option<Chain> {
    let ([input], [output]) = (graph.inputs(), graph.outputs()) else {
        return None;
    };
    // What the client reorders at the ends is packed where the selections have it.
    let first = ports::picked_from(graph, *input).unwrap_or(*input);
    let end = through_reshapes(graph, *output);
    let last = match ports::is_port(graph, end) && !ports::picks_input(graph, end) {
        true => graph.operands(end)[0],
        false => *output,
    };
    let mut tensors = vec![Tensor::new(graph, first)];
    let mut layers = Vec::new();
    let mut at = first;
    while at != last {
        let [reader] = graph.consumers(at)[..] else {
            return None;
        };
        if !graph.feeds_only(at, reader) {
            return None;
        }
        let op = &graph.node(reader).op;
        if linear::is_linear(op) {
            layers.push((reader, linear::linear_map(op, graph.shape(at))?));
            tensors.push(Tensor::new(graph, reader));
        } else {
            tensors.last_mut()?.act(op, reader)?;
        }
        at = reader;
    }
    (!layers.is_empty()).then_some(Chain { tensors, layers })
}

impl Chain {
    /// Levels without masks.
    pub fn levels(&self) -> u32 {
        let of_values: u32 = self.tensors.iter().map(|tensor| tensor.levels).sum();
        of_values + self.layers.len() as u32
    }
}

impl Tensor {
    fn new(graph: &Graph, id: NodeId) -> Self {
        let shape = graph.shape(id);
        let size = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
        Self {
            nodes: vec![id],
            image: match *shape {
                [c, h, w] => Some([c, h, w].map(size)),
                _ => None,
            },
            n_elements: size(shape.iter().product()),
            levels: 0,
            products: 0,
        }
    }

    /// Takes in an operation; nothing if it is none that acts value by value.
    fn act(&mut self, op: &Op, id: NodeId) -> Option<()> {
        match op {
            Op::Polynomial(polynomial) => {
                let degree = polynomial.degree() as u32;
                let levels = (degree + 1).next_power_of_two().trailing_zeros();
                self.levels += if polynomial.is_square() { 1 } else { levels };
                // About as many as baby and giant steps of the powers together.
                self.products += f64::from(degree).sqrt().mul_add(2.0, -1.5).ceil() as u32;
            }
            Op::Affine { scale, .. } => {
                self.levels += u32::from(scale.values().iter().any(|v| *v != 1.0));
            }
            Op::Reshape { .. } => {}
            _ => return None,
        }
        self.nodes.push(id);
        Some(())
    }
}
