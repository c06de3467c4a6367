//! What weights and units cost in the batch layout.

pub(super) mod select;
mod units;

pub use select::select_by_price;

use privet::extend::graph::Op;
use privet::extend::layout::ConvGeometry;
use privet::extend::{CostTable, Graph, Level, Measured, NodeId, Params};
use std::collections::BTreeMap;
use train::{ParameterId, WeightMasks};

/// Prices of a network's parts where every element has a ciphertext of its own. A weight of a convolution pays once per
/// output position that its tap meets inside the image.
#[derive(Clone, Debug, PartialEq, Default)]
pub struct Prices {
    /// Per weight, the price of its products and their share of the sums.
    pub weights: BTreeMap<ParameterId, Vec<f64>>,
    /// Per node, the price of one element of its result, weights apart: an activation, a pool's sum, a rescale.
    pub elements: BTreeMap<String, f64>,
}

impl Prices {
    /// In operations of the published model: two for a product and its addition; `None` if the model does not know all
    /// of the network.
    pub fn published(graph: &Graph) -> Option<Self> {
        let price = |id: NodeId| {
            Some(match &graph.node(id).op {
                Op::Input { .. } | Op::Reshape { .. } => (0.0, 0.0),
                Op::Conv { .. } | Op::Dense { .. } => (2.0, 0.0),
                Op::Polynomial(p) if p.is_square() => (0.0, 1.0),
                Op::Polynomial(p) => {
                    let degree = p.degree() as f64;
                    (0.0, (degree - 1.0).max(0.0) + (degree + 1.0) + degree)
                }
                Op::AvgPool(pool) if pool.pad == [0; 4] => {
                    (0.0, f64::from(pool.kernel.0) * f64::from(pool.kernel.1))
                }
                _ => return None,
            })
        };
        Self::new(graph, price)
    }

    /// In microseconds of a cost table, each layer at the level that the layers behind it leave, of the chain of `params`.
    /// As our circuits do it: pools and affine maps are folded, a quadratic is one square, a linear result is rescaled
    /// once. Activations that are not polynomials count as quadratics, which is what they become in this layout.
    /// `None` for operations that the batch layout has no price for.
    pub fn measured(graph: &Graph, costs: &CostTable, params: &Params) -> Option<Self> {
        let levels = levels(graph);
        let price = |id: NodeId| {
            let level = Level(levels[&id].min(params.max_level().0));
            let (limbs, digits) = (level.n_limbs(), params.digits_at(level).len());
            let special = params.special().len();
            let us = |what| costs.us(what, params.log_n(), limbs, special, digits);
            let square = us(Measured::Mul) + us(Measured::Relinearize) + us(Measured::Rescale);
            Some(match &graph.node(id).op {
                Op::Input { .. } | Op::Reshape { .. } | Op::Affine { .. } | Op::Pad(_) => {
                    (0.0, 0.0)
                }
                Op::Conv { .. } | Op::Dense { .. } => {
                    (us(Measured::ScalarProduct), us(Measured::Rescale))
                }
                Op::Polynomial(p) => (0.0, (p.degree() as f64 - 1.0).max(0.0) * square),
                Op::Activation(_) | Op::Mul => (0.0, square),
                Op::Add => (0.0, us(Measured::Add)),
                Op::AvgPool(pool) => {
                    let window = f64::from(pool.kernel.0) * f64::from(pool.kernel.1);
                    (0.0, (window - 1.0) * us(Measured::Add))
                }
                Op::GlobalAvgPool => {
                    let read = graph.n_elements(*graph.operands(id).first()?);
                    let window = read as f64 / graph.n_elements(id) as f64;
                    (0.0, (window - 1.0) * us(Measured::Add))
                }
                _ => return None,
            })
        };
        Self::new(graph, price)
    }

    /// Prices from each node's for one product and for one element of its result.
    fn new(graph: &Graph, price: impl Fn(NodeId) -> Option<(f64, f64)>) -> Option<Self> {
        let mut prices = Self::default();
        for id in graph.order() {
            let node = graph.node(id);
            let (product, element) = price(id)?;
            prices.elements.insert(node.name.clone(), element);
            let weights = match &node.op {
                Op::Dense { weight, .. } => vec![product; weight.len()],
                Op::Conv {
                    geometry, weight, ..
                } => {
                    let taps = positions(geometry);
                    let times = |k: usize| product * f64::from(taps[k % taps.len()]);
                    (0..weight.len()).map(times).collect()
                }
                _ => continue,
            };
            prices
                .weights
                .insert(ParameterId::weight(&node.name), weights);
        }
        Some(prices)
    }

    /// The price of a network: of its weights that are not zero and that the masks keep, and of all elements.
    pub fn total(&self, graph: &Graph, masks: &WeightMasks) -> f64 {
        let mut total = 0.0;
        for id in graph.order() {
            let node = graph.node(id);
            let element = self.elements.get(&node.name).copied().unwrap_or(0.0);
            total += element * graph.n_elements(id) as f64;
            let parameter = ParameterId::weight(&node.name);
            let Some(prices) = self.weights.get(&parameter) else {
                continue;
            };
            let mask = masks.get(&parameter);
            let constants = graph.constants(id);
            let weight = constants.iter().filter(|(word, _)| *word == "weight");
            let weights = weight.flat_map(|(_, tensor)| tensor.values());
            for (k, (w, price)) in weights.zip(prices).enumerate() {
                if *w != 0.0 && mask.is_none_or(|m| m.kept[k]) {
                    total += price;
                }
            }
        }
        total
    }
}

/// Output positions at which each tap is inside the image.
fn positions(geometry: &ConvGeometry) -> Vec<u32> {
    let (out_height, out_width) = geometry.out_size();
    let inside = |outputs: u32, stride: u32, at: u32, pad: u32, size: u32| {
        let meets = |o: &u32| (o * stride + at).checked_sub(pad).is_some_and(|i| i < size);
        (0..outputs).filter(meets).count() as u32
    };
    let (stride, pad, dilation) = (geometry.stride, geometry.pad, geometry.dilation);
    let across: Vec<u32> = (0..geometry.kernel.1)
        .map(|x| {
            inside(
                out_width,
                stride.1,
                x * dilation.1,
                pad[1],
                geometry.in_width,
            )
        })
        .collect();
    let down = (0..geometry.kernel.0).map(|y| {
        inside(
            out_height,
            stride.0,
            y * dilation.0,
            pad[0],
            geometry.in_height,
        )
    });
    down.flat_map(|d| across.iter().map(move |a| d * a).collect::<Vec<_>>())
        .collect()
}

/// The level of each node's operand: results are at 0, and every node leaves its readers what they need.
fn levels(graph: &Graph) -> BTreeMap<NodeId, u8> {
    let mut levels: BTreeMap<NodeId, u8> = BTreeMap::new();
    for &id in graph.order().iter().rev() {
        let readers = graph.consumers(id);
        let left = readers.iter().map(|r| levels[r]).max().unwrap_or(0);
        let depth = match &graph.node(id).op {
            Op::Conv { .. } | Op::Dense { .. } | Op::Activation(_) | Op::Mul => 1,
            Op::Polynomial(p) => p.degree().max(1).next_power_of_two().ilog2() as u8,
            _ => 0,
        };
        levels.insert(id, left.saturating_add(depth));
    }
    levels
}
