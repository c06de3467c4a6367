//! The published operation model of batched inference, against its published counts, and our own circuits beside it.

use privet::extend::{
    Basis, Graph, NodeId, Polynomial, PoolGeometry, Tensor, counts, graph::Op, layout::ConvGeometry,
};
use privet::prelude::{Model, Options, Packing, compile};
use privet::{Operations, operations};

/// A network under construction, weights of no meaning.
struct Builder {
    graph: Graph,
    at: NodeId,
    n_nodes: usize,
}

impl Builder {
    fn new(shape: &[usize]) -> Self {
        let mut graph = Graph::new("net");
        let shape = shape.to_vec();
        let at = graph.add("x", Op::Input { shape }, &[]).expect("an input");
        let n_nodes = 0;
        Self { graph, at, n_nodes }
    }

    fn add(mut self, op: Op) -> Self {
        self.n_nodes += 1;
        let name = format!("n{}", self.n_nodes);
        self.at = self.graph.add(&name, op, &[self.at]).expect("shapes agree");
        self
    }

    fn weights(shape: &[usize], n_inputs: usize) -> Tensor {
        let n: usize = shape.iter().product();
        // Different, not zero, and small enough that results stay near 1.
        let weight = |i: usize| (1.0 + (i as f64 * 0.618).fract()) / n_inputs as f64;
        Tensor::new(shape, (0..n).map(weight).collect()).expect("as many as the shape says")
    }

    /// A valid 5x5 convolution.
    fn conv(self, out_channels: usize, stride: u32) -> Self {
        let shape = self.graph.shape(self.at).to_vec();
        let in_channels = shape[0];
        let geometry = ConvGeometry {
            in_channels: in_channels as u32,
            in_height: shape[1] as u32,
            in_width: shape[2] as u32,
            out_channels: out_channels as u32,
            kernel: (5, 5),
            stride: (stride, stride),
            pad: [0; 4],
            dilation: (1, 1),
            groups: 1,
        };
        self.add(Op::Conv {
            geometry,
            weight: Self::weights(&[out_channels, in_channels, 5, 5], 25 * in_channels),
            bias: Tensor::vector(vec![0.1; out_channels]),
        })
    }

    fn dense(self, outputs: usize) -> Self {
        let inputs = self.graph.n_elements(self.at);
        let flat = self.add(Op::Reshape {
            shape: vec![inputs],
        });
        flat.add(Op::Dense {
            weight: Self::weights(&[outputs, inputs], inputs),
            bias: Tensor::vector(vec![0.1; outputs]),
        })
    }

    fn quadratic(self) -> Self {
        self.add(Op::Polynomial(Polynomial {
            basis: Basis::Power,
            coefficients: vec![0.1, 0.5, 0.25],
        }))
    }

    fn square(self) -> Self {
        self.add(Op::Polynomial(Polynomial::square()))
    }

    fn average(self) -> Self {
        self.add(Op::AvgPool(PoolGeometry {
            kernel: (2, 2),
            stride: (2, 2),
            pad: [0; 4],
            count_include_pad: false,
        }))
    }

    fn build(mut self) -> Graph {
        self.graph.set_outputs(&[self.at]);
        self.graph
    }
}

/// Three convolutions of `units[..3]`, a dense layer of `units[3]`, and the classifier.
fn lenet(side: usize, stride: u32, units: [usize; 4], classes: usize) -> Graph {
    let [c0, c1, c2, d0] = units;
    let body = Builder::new(&[1, side, side])
        .conv(c0, stride)
        .quadratic()
        .average()
        .conv(c1, 1)
        .quadratic()
        .average()
        .conv(c2, 1)
        .quadratic();
    body.dense(d0).square().dense(classes).build()
}

fn dense_chain(widths: &[usize]) -> Graph {
    let (&outputs, hidden) = widths[1..].split_last().expect("two widths");
    let body = hidden
        .iter()
        .fold(Builder::new(&widths[..1]), |b, &n| b.dense(n).square());
    body.dense(outputs).build()
}

fn counted(graph: &Graph) -> Operations {
    operations(graph).expect("the model knows all of it")
}

#[test]
fn pruned_lenets_have_the_published_counts() {
    let published = [
        ([6, 16, 120, 84], 6508, 437_368, 877_972),
        ([3, 8, 61, 48], 3261, 144_835, 291_294),
        ([3, 7, 51, 39], 3142, 132_676, 266_917),
        ([3, 5, 37, 29], 2918, 111_668, 224_791),
        ([2, 5, 32, 22], 2122, 75_941, 152_938),
        ([1, 3, 25, 18], 1127, 33_203, 66_966),
        ([1, 2, 16, 9], 1009, 28_880, 58_261),
        ([1, 1, 7, 5], 896, 25_254, 50_955),
    ];
    for (units, ct_ct, ct_plain, total) in published {
        let found = counted(&lenet(32, 1, units, 10));
        assert_eq!(
            (found.ct_ct, found.ct_plain, found.total()),
            (ct_ct, ct_plain, total),
            "{units:?}"
        );
    }
}

#[test]
fn other_networks_have_the_published_totals() {
    let xray = lenet(64, 2, [6, 16, 120, 84], 2);
    assert_eq!(counted(&xray).total(), 1_019_116);
    let published: [(&[usize], u64); 4] = [
        (&[12, 64, 128, 256, 2], 84_928),
        (&[784, 32, 784], 100_384),
        (&[784, 64, 784], 200_768),
        (&[784, 64, 32, 64, 784], 209_056),
    ];
    for (widths, total) in published {
        assert_eq!(counted(&dense_chain(widths)).total(), total, "{widths:?}");
    }
}

#[test]
fn zero_weights_cost_nothing_and_what_is_unknown_is_not_counted() {
    let mut sparse = dense_chain(&[12, 4, 2]);
    let before = counted(&sparse);
    let first = sparse.find("n2").expect("the first layer");
    if let Op::Dense { weight, .. } = &mut sparse.node_mut(first).op {
        let mut values = weight.values().to_vec();
        values[..5].fill(0.0);
        *weight = Tensor::new(&[4, 12], values).expect("the same shape");
    }
    let after = counted(&sparse);
    assert_eq!(
        (
            before.ct_plain - after.ct_plain,
            before.additions - after.additions
        ),
        (5, 5)
    );
    let unknown = Builder::new(&[1, 4, 4]).add(Op::GlobalAvgPool).build();
    assert_eq!(operations(&unknown), None);
}

/// The smallest column: what our compiler makes of the same network, quadratics and pools folded.
#[test]
fn our_batch_circuit_has_fewer_operations() {
    let graph = lenet(32, 1, [1, 1, 7, 5], 10);
    let published = counted(&graph);
    let options = Options {
        packing: Packing::Batch,
        log_n: Some(14),
        ..Options::default()
    };
    let passes = privet::passes::standard();
    let compiled = compile(
        &Model::from_graph(graph),
        &options,
        &passes,
        &mut |_, _, _, _| {},
    );
    let own = counts(&compiled.expect("it compiles").circuit);
    assert_eq!((own.rotations, own.mul_plain), (0, 0));
    assert_eq!(own.mul, published.ct_ct);
    // A product less for each coefficient of a quadratic and each divisor: 3 · (784 + 100 + 7) + 196 + 25.
    assert_eq!(published.ct_plain - own.mul_scalar, 2894);
    assert!(own.add + own.add_plain < published.additions);
}
