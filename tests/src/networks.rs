//! Networks made from seeds, with what they have in common with trained ones: layers, strides, branches, polynomials.

use crate::rng::Rng;
use privet::extend::graph::{Op, PoolGeometry};
use privet::extend::layout::ConvGeometry;
use privet::extend::{Basis, Calibration, Graph, NodeId, Polynomial, Settings, Tensor};
use std::sync::Arc;

/// A network and the settings it is compiled with.
#[derive(Clone, Debug)]
pub struct Case {
    /// For messages.
    pub name: String,
    /// The network.
    pub graph: Graph,
    /// Ring and scale; samples of the network's own input.
    pub settings: Settings,
}

/// A network under construction; every node reads the one before unless told otherwise.
pub struct Net {
    graph: Graph,
    last: NodeId,
    rng: Rng,
    n_nodes: usize,
}

impl Net {
    /// A network with one input.
    ///
    /// # Panics
    /// If the shape is none.
    pub fn new(name: &str, shape: &[usize], seed: u64) -> Self {
        let mut graph = Graph::new(name);
        let last = graph
            .add(
                "x",
                Op::Input {
                    shape: shape.to_vec(),
                },
                &[],
            )
            .expect("an input");
        Self {
            graph,
            last,
            rng: Rng::new(seed),
            n_nodes: 0,
        }
    }

    /// The node added last.
    pub fn last(&self) -> NodeId {
        self.last
    }

    fn add(&mut self, op: Op, operands: &[NodeId]) -> NodeId {
        self.n_nodes += 1;
        let name = format!("{}{}", op.word(), self.n_nodes);
        self.last = self
            .graph
            .add(&name, op, operands)
            .expect("the operation fits");
        self.last
    }

    fn tensor(&mut self, shape: &[usize], scale: f64) -> Tensor {
        let values = self.rng.vector(shape.iter().product(), scale);
        Tensor::new(shape, values).expect("as many values as elements")
    }

    /// A fully connected layer whose outputs stay about as large as its inputs.
    #[must_use]
    pub fn dense(mut self, outputs: usize) -> Self {
        let inputs = self.graph.n_elements(self.last);
        let weight = self.tensor(&[outputs, inputs], (3.0 / inputs as f64).sqrt());
        let bias = self.tensor(&[outputs], 0.3);
        self.add(Op::Dense { weight, bias }, &[self.last]);
        self
    }

    /// A convolution.
    #[must_use]
    pub fn conv(
        mut self,
        outputs: u32,
        kernel: (u32, u32),
        stride: (u32, u32),
        pad: [u32; 4],
        groups: u32,
    ) -> Self {
        let &[channels, height, width] = self.graph.shape(self.last) else {
            panic!("a conv reads an image")
        };
        let geometry = ConvGeometry {
            in_channels: channels as u32,
            in_height: height as u32,
            in_width: width as u32,
            out_channels: outputs,
            kernel,
            stride,
            pad,
            dilation: (1, 1),
            groups,
        };
        let shape = [
            outputs as usize,
            channels / groups as usize,
            kernel.0 as usize,
            kernel.1 as usize,
        ];
        let n_taps = shape[1..].iter().product::<usize>() as f64;
        let weight = self.tensor(&shape, (3.0 / n_taps).sqrt());
        let bias = self.tensor(&[outputs as usize], 0.3);
        self.add(
            Op::Conv {
                geometry,
                weight,
                bias,
            },
            &[self.last],
        );
        self
    }

    /// Averages over square windows.
    #[must_use]
    pub fn average(mut self, kernel: u32, stride: u32, pad: u32, count_include_pad: bool) -> Self {
        let geometry = PoolGeometry {
            kernel: (kernel, kernel),
            stride: (stride, stride),
            pad: [pad; 4],
            count_include_pad,
        };
        self.add(Op::AvgPool(geometry), &[self.last]);
        self
    }

    /// The average of each channel.
    #[must_use]
    pub fn global_average(mut self) -> Self {
        self.add(Op::GlobalAvgPool, &[self.last]);
        self
    }

    /// Zeros around the image.
    #[must_use]
    pub fn pad(mut self, pad: [u32; 4]) -> Self {
        self.add(Op::Pad(pad), &[self.last]);
        self
    }

    /// A factor and a summand per channel, as a batch normalization is imported.
    #[must_use]
    pub fn affine(mut self) -> Self {
        let mut shape = self.graph.shape(self.last).to_vec();
        shape.iter_mut().skip(1).for_each(|n| *n = 1);
        let scale = self.tensor(&shape, 0.4).map(|v| 1.0 + v);
        let shift = self.tensor(&shape, 0.4);
        self.add(Op::Affine { scale, shift }, &[self.last]);
        self
    }

    /// `x²`.
    #[must_use]
    pub fn square(self) -> Self {
        self.power(&[0.0, 0.0, 1.0])
    }

    /// A polynomial given by its powers.
    #[must_use]
    pub fn power(mut self, coefficients: &[f64]) -> Self {
        self.add(
            Op::Polynomial(Polynomial {
                basis: Basis::Power,
                coefficients: coefficients.to_vec(),
            }),
            &[self.last],
        );
        self
    }

    /// A random Chebyshev series of that degree on an interval that holds what dense layers make.
    #[must_use]
    pub fn series(mut self, degree: usize) -> Self {
        let mut coefficients = self.rng.vector(degree + 1, 0.5);
        coefficients[degree] += 1.0;
        self.add(
            Op::Polynomial(Polynomial {
                basis: Basis::Chebyshev {
                    low: -4.0,
                    high: 4.0,
                },
                coefficients,
            }),
            &[self.last],
        );
        self
    }

    /// The same elements in another shape.
    #[must_use]
    pub fn reshape(mut self, shape: &[usize]) -> Self {
        self.add(
            Op::Reshape {
                shape: shape.to_vec(),
            },
            &[self.last],
        );
        self
    }

    /// The sum with an earlier node.
    #[must_use]
    pub fn plus(mut self, other: NodeId) -> Self {
        self.add(Op::Add, &[self.last, other]);
        self
    }

    /// The product with an earlier node.
    #[must_use]
    pub fn times(mut self, other: NodeId) -> Self {
        self.add(Op::Mul, &[self.last, other]);
        self
    }

    /// Sets weights of the last layer to zero where the function of row and column says so, of filter and channel for a
    /// convolution.
    #[must_use]
    pub fn without(mut self, is_zero: impl Fn(usize, usize) -> bool) -> Self {
        if let Op::Dense { weight, .. } | Op::Conv { weight, .. } =
            &mut self.graph.node_mut(self.last).op
        {
            let taps: usize = weight.shape()[2..].iter().product();
            let cols = weight.shape()[1];
            let values = weight
                .values()
                .iter()
                .enumerate()
                .map(|(i, v)| (i / taps, v))
                .map(|(i, v)| if is_zero(i / cols, i % cols) { 0.0 } else { *v })
                .collect();
            *weight = Tensor::new(weight.shape(), values).expect("the same shape");
        }
        self
    }

    /// The last node is the network's result.
    #[must_use]
    pub fn done(mut self) -> Graph {
        self.graph.set_outputs(&[self.last]);
        self.graph
    }

    /// Goes on from an earlier node.
    #[must_use]
    pub fn from(mut self, node: NodeId) -> Self {
        self.last = node;
        self
    }

    /// Any operation on the last node and others.
    #[must_use]
    pub fn then(mut self, op: Op, others: &[NodeId]) -> Self {
        let operands: Vec<NodeId> = [&[self.last], others].concat();
        self.add(op, &operands);
        self
    }

    /// A transposed convolution with square windows that do not overlap.
    #[must_use]
    pub fn enlarge(mut self, outputs: u32, factor: u32) -> Self {
        let &[channels, height, width] = self.graph.shape(self.last) else {
            panic!("a transposed conv reads an image")
        };
        let geometry = ConvGeometry {
            in_channels: outputs,
            in_height: height as u32 * factor,
            in_width: width as u32 * factor,
            out_channels: channels as u32,
            kernel: (factor, factor),
            stride: (factor, factor),
            pad: [0; 4],
            dilation: (1, 1),
            groups: 1,
        };
        let shape = [channels, outputs as usize, factor as usize, factor as usize];
        let weight = self.tensor(&shape, (3.0 / channels as f64).sqrt());
        let bias = self.tensor(&[outputs as usize], 0.3);
        let op = Op::ConvTranspose {
            geometry,
            weight,
            bias,
        };
        self.then(op, &[])
    }

    /// The last node and an earlier one are the network's results.
    #[must_use]
    pub fn done_with(mut self, other: NodeId) -> Graph {
        self.graph.set_outputs(&[self.last, other]);
        self.graph
    }
}

/// Samples in `[-1, 1)` for every input of a network.
pub fn samples(graph: &Graph, n: usize, seed: u64) -> Vec<Vec<Vec<f64>>> {
    let mut rng = Rng::new(seed);
    let mut sample = || {
        graph
            .inputs()
            .iter()
            .map(|&id| rng.vector(graph.n_elements(id), 1.0))
            .collect()
    };
    (0..n).map(|_| sample()).collect()
}

/// A case that is calibrated on samples of its own.
pub fn case(name: &str, graph: Graph, log_n: u8, scale_bits: u8) -> Case {
    let calibration = Some(Arc::new(Calibration {
        samples: samples(&graph, 24, 7),
    }));
    Case {
        name: format!("{name} at 2^{log_n}"),
        graph,
        settings: Settings {
            log_n,
            scale_bits,
            calibration,
            ..Settings::default()
        },
    }
}

/// The networks, by name.
pub fn all() -> Vec<(&'static str, Graph)> {
    let mlp = |seed| {
        Net::new("mlp", &[12], seed)
            .dense(9)
            .square()
            .dense(5)
            .square()
            .dense(3)
            .done()
    };
    let residual = {
        let net = Net::new("residual", &[2, 4, 4], 11).conv(2, (3, 3), (1, 1), [1; 4], 1);
        let skip = net.last();
        net.square()
            .conv(2, (3, 3), (1, 1), [1; 4], 1)
            .plus(skip)
            .square()
            .reshape(&[32])
            .dense(3)
            .done()
    };
    let residual_strided = {
        let net = Net::new("residual strided", &[1, 6, 6], 12).affine();
        let entry = net.last();
        let net = net.conv(2, (3, 3), (2, 2), [1; 4], 1).square();
        let branch = net.last();
        let mut net = net;
        net.last = entry;
        net.conv(2, (1, 1), (2, 2), [0; 4], 1)
            .plus(branch)
            .global_average()
            .reshape(&[2])
            .dense(2)
            .done()
    };
    let two_results = {
        let net = Net::new("two results", &[8], 13).dense(6);
        let early = net.last();
        net.square().dense(4).done_with(early)
    };
    // Names as exporters write them, and as nobody should.
    let odd_names = {
        let mut graph = Net::new("odd names", &[6], 24)
            .dense(5)
            .square()
            .dense(2)
            .done();
        let names = ["/net/fc; one", "a b * c at 2^3", "größe = \"2\""];
        for (id, name) in graph.order().into_iter().skip(1).zip(names) {
            graph.node_mut(id).name = name.to_owned();
        }
        graph
    };
    let gated = {
        let net = Net::new("gated", &[8], 14).dense(8);
        let gate = net.last();
        net.square().dense(8).times(gate).dense(3).done()
    };
    let dead_residual = {
        let net = Net::new("dead residual", &[6], 27)
            .dense(8)
            .without(|r, _| r < 3);
        let skip = net.last();
        net.square()
            .dense(8)
            .without(|r, _| r == 1 || r == 2 || r == 7)
            .plus(skip)
            .square()
            .dense(2)
            .without(|_, c| c == 4)
            .done()
    };
    vec![
        ("mlp", mlp(1)),
        ("mlp of another seed", mlp(2)),
        (
            "single layer",
            Net::new("single layer", &[10], 3).dense(4).done(),
        ),
        (
            "no linear layer",
            Net::new("no linear layer", &[5], 4).square().done(),
        ),
        (
            "conv",
            Net::new("conv", &[1, 8, 8], 5)
                .conv(3, (3, 3), (2, 2), [1; 4], 1)
                .square()
                .average(2, 2, 0, false)
                .reshape(&[12])
                .dense(4)
                .done(),
        ),
        (
            "conv, padded pool",
            Net::new("padded pool", &[2, 6, 6], 6)
                .pad([1, 0, 1, 2])
                .conv(2, (3, 2), (1, 2), [0, 1, 0, 0], 1)
                .affine()
                .square()
                .average(3, 2, 1, false)
                .global_average()
                .reshape(&[2])
                .dense(3)
                .done(),
        ),
        (
            "conv, counted padding",
            Net::new("counted padding", &[1, 5, 5], 15)
                .average(3, 2, 1, true)
                .conv(2, (2, 2), (1, 1), [0; 4], 1)
                .square()
                .reshape(&[2, 4])
                .reshape(&[8])
                .dense(2)
                .done(),
        ),
        (
            "grouped conv",
            Net::new("grouped", &[4, 4, 4], 7)
                .conv(4, (3, 3), (1, 1), [1; 4], 2)
                .square()
                .conv(4, (2, 2), (2, 2), [0; 4], 4)
                .square()
                .reshape(&[16])
                .dense(3)
                .done(),
        ),
        (
            "batch norms",
            Net::new("batch norms", &[2, 4, 4], 8)
                .affine()
                .conv(3, (3, 3), (1, 1), [1; 4], 1)
                .affine()
                .square()
                .affine()
                .reshape(&[48])
                .dense(4)
                .affine()
                .done(),
        ),
        ("residual", residual),
        ("residual, strided", residual_strided),
        ("two results", two_results),
        ("gated", gated),
        ("odd names", odd_names),
        (
            "quadratics",
            Net::new("quadratics", &[6], 16)
                .dense(6)
                .power(&[0.5, 1.0, -0.25])
                .dense(5)
                .power(&[0.0, 0.0, 0.7])
                .dense(2)
                .done(),
        ),
        (
            "degree one",
            Net::new("degree one", &[6], 17)
                .dense(6)
                .power(&[0.5, 2.0])
                .dense(5)
                .square()
                .dense(2)
                .done(),
        ),
        (
            "cubic",
            Net::new("cubic", &[6], 18)
                .dense(6)
                .series(3)
                .dense(3)
                .done(),
        ),
        (
            "quintic in powers",
            Net::new("quintic", &[6], 19)
                .dense(6)
                .power(&[0.1, 1.0, 0.0, -0.1, 0.0, 0.01])
                .dense(3)
                .done(),
        ),
        (
            "degree 7",
            Net::new("degree 7", &[6], 20)
                .dense(5)
                .series(7)
                .dense(3)
                .done(),
        ),
        (
            "degree 9",
            Net::new("degree 9", &[6], 21)
                .dense(5)
                .series(9)
                .dense(3)
                .done(),
        ),
        (
            "degrees 4 and 6",
            Net::new("degrees 4 and 6", &[6], 22)
                .dense(5)
                .series(4)
                .dense(5)
                .series(6)
                .dense(3)
                .done(),
        ),
        (
            "sparse",
            Net::new("sparse", &[16], 23)
                .dense(16)
                .without(|r, c| (c + 16 - r) % 16 % 3 != 0)
                .square()
                .dense(8)
                .without(|r, c| (r + c) % 2 == 0)
                .done(),
        ),
        (
            "shuffled diagonals",
            Net::new("shuffled diagonals", &[16], 28)
                .dense(16)
                .without(|r, c| (3 * c + 16 - r) % 16 > 1)
                .square()
                .dense(16)
                .without(|r, c| (5 * c + 16 - r) % 16 > 1)
                .done(),
        ),
        (
            "dead neurons",
            Net::new("dead neurons", &[20], 25)
                .dense(9)
                .without(|r, c| r == 2 || c % 3 != 0)
                .power(&[0.5, 1.0, 0.25])
                .dense(6)
                .without(|r, c| c == 4 || r == 1)
                .square()
                .dense(3)
                .without(|_, c| c == 5)
                .done(),
        ),
        (
            "dead channels",
            Net::new("dead channels", &[1, 6, 6], 26)
                .conv(5, (3, 3), (1, 1), [1; 4], 1)
                .without(|f, _| f == 1)
                .affine()
                .square()
                .conv(4, (3, 3), (2, 2), [1; 4], 1)
                .without(|f, c| c == 3 || f == 0)
                .square()
                .conv(4, (2, 2), (1, 1), [0; 4], 2)
                .reshape(&[16])
                .dense(3)
                .without(|_, c| c / 4 == 3)
                .done(),
        ),
        ("dead residual units", dead_residual),
    ]
}

/// Every network in rings too small to be secure, where tensors take several ciphertexts, and in ordinary ones.
pub fn corpus() -> Vec<Case> {
    let mut cases = Vec::new();
    for (name, graph) in all() {
        for log_n in [4, 6, 15] {
            cases.push(case(name, graph.clone(), log_n, 38));
        }
    }
    cases
}
