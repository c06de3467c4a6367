//! Networks with weights of no meaning, all different.

use crate::engine::Pruned;
use privet::extend::graph::Op;
use privet::extend::layout::ConvGeometry;
use privet::extend::{Basis, Graph, NodeId, Polynomial, PoolGeometry, Tensor, evaluate};
use rand_chacha::ChaCha8Rng;
use rand_core::{Rng, SeedableRng};
use train::WeightMasks;

pub struct Net {
    pub graph: Graph,
    pub at: NodeId,
    rng: ChaCha8Rng,
    n_nodes: usize,
}

/// A number between −1 and 1.
fn number(rng: &mut ChaCha8Rng) -> f64 {
    f64::from(rng.next_u32()) / f64::from(u32::MAX) * 2.0 - 1.0
}

impl Net {
    pub fn new(shape: &[usize]) -> Self {
        let mut graph = Graph::new("net");
        let shape = shape.to_vec();
        let at = graph.add("x", Op::Input { shape }, &[]).expect("an input");
        Self {
            graph,
            at,
            rng: ChaCha8Rng::seed_from_u64(7),
            n_nodes: 0,
        }
    }

    pub fn add(mut self, op: Op) -> Self {
        self.n_nodes += 1;
        let name = format!("n{}", self.n_nodes);
        self.at = self.graph.add(&name, op, &[self.at]).expect("it fits");
        self
    }

    fn tensor(&mut self, shape: &[usize], n_inputs: usize) -> Tensor {
        let n = shape.iter().product();
        let scale = (n_inputs as f64).sqrt();
        let values = std::iter::repeat_with(|| number(&mut self.rng) / scale);
        Tensor::new(shape, values.take(n).collect()).expect("as many as the shape says")
    }

    pub fn conv(self, outputs: usize, kernel: u32, stride: u32, pad: u32) -> Self {
        self.grouped(outputs, kernel, stride, pad, 1)
    }

    pub fn grouped(
        mut self,
        outputs: usize,
        kernel: u32,
        stride: u32,
        pad: u32,
        groups: usize,
    ) -> Self {
        let shape = self.graph.shape(self.at).to_vec();
        let geometry = ConvGeometry {
            in_channels: shape[0] as u32,
            in_height: shape[1] as u32,
            in_width: shape[2] as u32,
            out_channels: outputs as u32,
            kernel: (kernel, kernel),
            stride: (stride, stride),
            pad: [pad; 4],
            dilation: (1, 1),
            groups: groups as u32,
        };
        let k = kernel as usize;
        let weight = self.tensor(
            &[outputs, shape[0] / groups, k, k],
            shape[0] / groups * k * k,
        );
        let bias = self.tensor(&[outputs], 4);
        self.add(Op::Conv {
            geometry,
            weight,
            bias,
        })
    }

    pub fn dense(mut self, outputs: usize) -> Self {
        let inputs = self.graph.n_elements(self.at);
        if self.graph.shape(self.at).len() > 1 {
            self = self.add(Op::Reshape {
                shape: vec![inputs],
            });
        }
        let weight = self.tensor(&[outputs, inputs], inputs);
        let bias = self.tensor(&[outputs], 4);
        self.add(Op::Dense { weight, bias })
    }

    pub fn quadratic(self) -> Self {
        self.add(Op::Polynomial(Polynomial {
            basis: Basis::Power,
            coefficients: vec![0.1, 0.5, 0.25],
        }))
    }

    pub fn square(self) -> Self {
        self.add(Op::Polynomial(Polynomial::square()))
    }

    pub fn average(self) -> Self {
        self.add(Op::AvgPool(PoolGeometry {
            kernel: (2, 2),
            stride: (2, 2),
            pad: [0; 4],
            count_include_pad: false,
        }))
    }

    pub fn batch_norm(mut self) -> Self {
        let channels = self.graph.shape(self.at)[0];
        let mut shape = vec![1; self.graph.shape(self.at).len()];
        shape[0] = channels;
        let (scale, shift) = (self.tensor(&shape, 1), self.tensor(&shape, 1));
        self.add(Op::Affine { scale, shift })
    }

    pub fn plus(mut self, other: NodeId) -> Self {
        self.n_nodes += 1;
        let name = format!("n{}", self.n_nodes);
        self.at = self
            .graph
            .add(&name, Op::Add, &[self.at, other])
            .expect("equal shapes");
        self
    }

    pub fn build(mut self) -> Graph {
        self.graph.set_outputs(&[self.at]);
        self.graph
    }
}

/// Three valid convolutions, a dense layer of `units[3]`, and the classifier.
pub fn lenet(units: [usize; 4]) -> Graph {
    let [c0, c1, c2, d0] = units;
    let body = Net::new(&[1, 32, 32])
        .conv(c0, 5, 1, 0)
        .quadratic()
        .average()
        .conv(c1, 5, 1, 0)
        .quadratic()
        .average()
        .conv(c2, 5, 1, 0)
        .quadratic();
    body.dense(d0).square().dense(10).build()
}

/// The network under masks.
pub fn apply_masks(graph: &Graph, masks: &WeightMasks) -> Graph {
    let masked = Pruned::new(graph.clone()).with_masks(masks.clone());
    masked.expect("masks of this network").graph
}

/// Holds two networks to the same results on a few inputs.
pub fn assert_same_function(a: &Graph, b: &Graph) {
    let mut rng = ChaCha8Rng::seed_from_u64(11);
    for _ in 0..3 {
        let n = a.n_elements(a.inputs()[0]);
        let x: Vec<f64> = std::iter::repeat_with(|| number(&mut rng))
            .take(n)
            .collect();
        let [a, b] = [a, b].map(|g| evaluate(g, std::slice::from_ref(&x)).expect("it evaluates"));
        for (a, b) in a.iter().flatten().zip(b.iter().flatten()) {
            assert!((a - b).abs() < 1e-9, "{a} and {b}");
        }
    }
}
