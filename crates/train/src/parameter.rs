//! Trainable constants of a graph, by name, and masks over them.

use graph::{Graph, Op, Tensor};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fmt;

/// The name of one constant of a graph: its node's name and its word, as in `fc1.weight`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct ParameterId {
    /// Name of the node.
    pub node: String,
    /// `weight`, `bias`, `scale`, `shift` or `coefficients`.
    pub word: String,
}

impl ParameterId {
    /// The constant `word` of the node named `node`.
    pub fn new(node: &str, word: &str) -> Self {
        Self {
            node: node.to_owned(),
            word: word.to_owned(),
        }
    }

    /// The weight of the node named `node`.
    pub fn weight(node: &str) -> Self {
        Self::new(node, "weight")
    }
}

impl fmt::Display for ParameterId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.node, self.word)
    }
}

/// Which elements of a parameter pruning keeps, row-major; the others are zero, and stay zero in training.
#[derive(Clone, Debug, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct WeightMask {
    /// Whether each element may differ from zero.
    pub kept: Vec<bool>,
}

impl WeightMask {
    /// A mask that keeps all of `len` elements.
    pub fn full(len: usize) -> Self {
        Self {
            kept: vec![true; len],
        }
    }

    /// A mask that keeps what is not zero.
    pub fn of(values: &[f64]) -> Self {
        Self {
            kept: values.iter().map(|&v| v != 0.0).collect(),
        }
    }

    /// Elements kept.
    pub fn n_kept(&self) -> usize {
        self.kept.iter().filter(|kept| **kept).count()
    }

    /// The values with dropped ones set to zero.
    ///
    /// # Panics
    /// If the numbers of elements differ.
    pub fn apply(&self, values: &[f64]) -> Vec<f64> {
        assert_eq!(self.kept.len(), values.len(), "a mask of another parameter");
        let keep = |(&kept, &v): (&bool, &f64)| if kept { v } else { 0.0 };
        self.kept.iter().zip(values).map(keep).collect()
    }
}

/// Masks by parameter; a parameter without one is kept whole.
pub type WeightMasks = BTreeMap<ParameterId, WeightMask>;

/// All trainable constants of a graph, in the graph's order.
pub fn parameters(graph: &Graph) -> Vec<(ParameterId, Tensor)> {
    let mut all = Vec::new();
    for id in graph.order() {
        let node = graph.node(id);
        if let Op::Polynomial(polynomial) = &node.op {
            let values = Tensor::vector(polynomial.coefficients.clone());
            all.push((ParameterId::new(&node.name, "coefficients"), values));
        }
        for (word, tensor) in graph.constants(id) {
            all.push((ParameterId::new(&node.name, word), tensor.clone()));
        }
    }
    all
}

/// Replaces one constant by another of its shape; whether there was one.
pub fn set_parameter(graph: &mut Graph, parameter: &ParameterId, values: Vec<f64>) -> bool {
    let Some(id) = graph.find(&parameter.node) else {
        return false;
    };
    let node = graph.node_mut(id);
    let place = match (&mut node.op, parameter.word.as_str()) {
        (Op::Polynomial(polynomial), "coefficients") => {
            let fits = polynomial.coefficients.len() == values.len();
            if fits {
                polynomial.coefficients = values;
            }
            return fits;
        }
        (
            Op::Conv { weight, .. } | Op::ConvTranspose { weight, .. } | Op::Dense { weight, .. },
            "weight",
        ) => weight,
        (
            Op::Conv { bias, .. }
            | Op::ConvTranspose { bias, .. }
            | Op::Dense { bias, .. }
            | Op::Linear { bias, .. },
            "bias",
        ) => bias,
        (Op::Affine { scale, .. }, "scale") => scale,
        (Op::Affine { shift, .. }, "shift") => shift,
        _ => return false,
    };
    match Tensor::new(place.shape(), values) {
        Some(tensor) => {
            *place = tensor;
            true
        }
        None => false,
    }
}
