//! Networks to train.
#![allow(dead_code, reason = "each test uses some")]

use graph::{Activation, Graph, NodeId, Op, Polynomial, PoolGeometry, Tensor};
use layout::ConvGeometry;

pub struct Builder {
    pub graph: Graph,
    pub at: NodeId,
}

impl Builder {
    pub fn new(shape: &[usize]) -> Self {
        let mut graph = Graph::new("built");
        let op = Op::Input {
            shape: shape.to_vec(),
        };
        let at = graph.add("x", op, &[]).unwrap();
        Self { graph, at }
    }

    pub fn add(mut self, name: &str, op: Op) -> Self {
        self.at = self.graph.add(name, op, &[self.at]).unwrap();
        self
    }

    pub fn dense(self, name: &str, out: usize) -> Self {
        let n = self.graph.n_elements(self.at);
        let (weight, bias) = (Tensor::zeros(&[out, n]), Tensor::zeros(&[out]));
        self.add(name, Op::Dense { weight, bias })
    }

    pub fn conv(self, name: &str, out: usize, kernel: u32, stride: u32, pad: u32) -> Self {
        let shape = self.graph.shape(self.at).to_vec();
        let geometry = ConvGeometry {
            in_channels: shape[0] as u32,
            in_height: shape[1] as u32,
            in_width: shape[2] as u32,
            out_channels: out as u32,
            kernel: (kernel, kernel),
            stride: (stride, stride),
            pad: [pad; 4],
            dilation: (1, 1),
            groups: 1,
        };
        let k = kernel as usize;
        let (weight, bias) = (Tensor::zeros(&[out, shape[0], k, k]), Tensor::zeros(&[out]));
        let op = Op::Conv {
            geometry,
            weight,
            bias,
        };
        self.add(name, op)
    }

    pub fn relu(self, name: &str) -> Self {
        self.add(name, Op::Activation(Activation::Relu))
    }

    pub fn square(self, name: &str) -> Self {
        self.add(name, Op::Polynomial(Polynomial::square()))
    }

    pub fn pool(self, name: &str, max: bool) -> Self {
        let pool = PoolGeometry {
            kernel: (2, 2),
            stride: (2, 2),
            pad: [0; 4],
            count_include_pad: false,
        };
        let op = if max {
            Op::MaxPool(pool)
        } else {
            Op::AvgPool(pool)
        };
        self.add(name, op)
    }

    pub fn done(mut self, seed: u64) -> Graph {
        self.graph.set_outputs(&[self.at]);
        privet_train::initialized(&self.graph, seed)
    }
}

/// LeNet-5 for 28x28 images.
pub fn lenet(max: bool, seed: u64) -> Graph {
    Builder::new(&[1, 28, 28])
        .conv("conv1", 6, 5, 1, 2)
        .relu("act1")
        .pool("pool1", max)
        .conv("conv2", 16, 5, 1, 0)
        .relu("act2")
        .pool("pool2", max)
        .dense("fc1", 120)
        .relu("act3")
        .dense("fc2", 84)
        .relu("act4")
        .dense("fc3", 10)
        .done(seed)
}
