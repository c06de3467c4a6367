//! Networks of the published experiments, untrained.

use privet::extend::layout::ConvGeometry;
use privet::extend::{Activation, Graph, NodeId, Polynomial, PoolGeometry, Tensor, graph::Op};

/// A chain of layers under construction.
pub struct Chain {
    graph: Graph,
    at: NodeId,
}

impl Chain {
    /// A network that takes samples of a shape.
    pub fn new(name: &str, shape: &[usize]) -> Self {
        let mut graph = Graph::new(name);
        let op = Op::Input {
            shape: shape.to_vec(),
        };
        let at = graph.add("x", op, &[]).expect("an input fits");
        Self { graph, at }
    }

    fn add(mut self, name: &str, op: Op) -> Self {
        let added = self.graph.add(name, op, &[self.at]);
        self.at = added.expect("layers of these networks fit");
        self
    }

    /// A fully connected layer.
    #[must_use]
    pub fn dense(self, name: &str, outputs: usize) -> Self {
        let inputs = self.graph.n_elements(self.at);
        let (weight, bias) = (Tensor::zeros(&[outputs, inputs]), Tensor::zeros(&[outputs]));
        self.add(name, Op::Dense { weight, bias })
    }

    /// A convolution of a square kernel.
    #[must_use]
    pub fn conv(self, name: &str, outputs: usize, kernel: u32, stride: u32, pad: u32) -> Self {
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
            groups: 1,
        };
        let side = kernel as usize;
        let op = Op::Conv {
            geometry,
            weight: Tensor::zeros(&[outputs, shape[0], side, side]),
            bias: Tensor::zeros(&[outputs]),
        };
        self.add(name, op)
    }

    /// An activation.
    #[must_use]
    pub fn activation(self, name: &str, activation: Activation) -> Self {
        self.add(name, Op::Activation(activation))
    }

    /// A square.
    #[must_use]
    pub fn square(self, name: &str) -> Self {
        self.add(name, Op::Polynomial(Polynomial::square()))
    }

    /// A pooling over windows of two by two.
    #[must_use]
    pub fn pool(self, name: &str, maximum: bool) -> Self {
        let pool = PoolGeometry {
            kernel: (2, 2),
            stride: (2, 2),
            pad: [0; 4],
            count_include_pad: false,
        };
        let op = match maximum {
            true => Op::MaxPool(pool),
            false => Op::AvgPool(pool),
        };
        self.add(name, op)
    }

    /// The network with weights drawn by a seed.
    pub fn done(mut self, seed: u64) -> Graph {
        self.graph.set_outputs(&[self.at]);
        train::initialized(&self.graph, seed)
    }
}

/// MOFHEI's LeNet: 32x32 inputs, unpadded 5x5 convolutions 28, 10 and 1 wide, maximum pools, an activation after each
/// convolution and after the layer of 84.
pub fn lenet_32(activation: Activation, seed: u64) -> Graph {
    Chain::new("lenet-32", &[1, 32, 32])
        .conv("conv1", 6, 5, 1, 0)
        .activation("act1", activation)
        .pool("pool1", true)
        .conv("conv2", 16, 5, 1, 0)
        .activation("act2", activation)
        .pool("pool2", true)
        .conv("conv3", 120, 5, 1, 0)
        .activation("act3", activation)
        .dense("fc1", 84)
        .activation("act4", activation)
        .dense("fc2", 10)
        .done(seed)
}

/// The LeNet of Orion's and EVA's experiments: strided 5x5 convolutions of 32 and 64 channels, 512 units, squares.
pub fn lenet_wide(seed: u64) -> Graph {
    Chain::new("lenet-wide", &[1, 28, 28])
        .conv("conv1", 32, 5, 2, 2)
        .square("act1")
        .conv("conv2", 64, 5, 2, 2)
        .square("act2")
        .dense("fc1", 512)
        .square("act3")
        .dense("fc2", 10)
        .done(seed)
}

/// A network of dense layers with squares between them.
pub fn dense(name: &str, sizes: &[usize], seed: u64) -> Graph {
    let mut chain = Chain::new(name, &[sizes[0]]);
    for (k, &size) in sizes[1..].iter().enumerate() {
        chain = chain.dense(&format!("fc{}", k + 1), size);
        if k + 2 < sizes.len() {
            chain = chain.square(&format!("act{}", k + 1));
        }
    }
    chain.done(seed)
}
