//! Networks made from seeds.
#![allow(dead_code, reason = "each test crate uses its part")]

use privet::extend::graph::{Op, parse};
use privet::extend::{Graph, Polynomial, Tensor, evaluate};

/// Numbers from a seed.
pub struct Random(pub u64);

impl Random {
    /// Uniform in 0..1, by splitmix.
    pub fn uniform(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) >> 11) as f64 / (1u64 << 53) as f64
    }

    /// Of deviation 1.
    pub fn normal(&mut self) -> f64 {
        let radius = (-2.0 * (1.0 - self.uniform()).ln()).sqrt();
        radius * (std::f64::consts::TAU * self.uniform()).cos()
    }
}

/// Dense layers with squares between them; neurons differ by log-normal factors of deviation `skew`.
pub fn chain(sizes: &[usize], skew: f64, seed: u64) -> Graph {
    let mut random = Random(seed);
    let mut factors =
        |n: &usize| -> Vec<f64> { (0..*n).map(|_| (skew * random.normal()).exp()).collect() };
    let neurons: Vec<Vec<f64>> = sizes.iter().map(&mut factors).collect();
    let mut graph = Graph::new("chain");
    let shape = vec![sizes[0]];
    let mut last = graph.add("x", Op::Input { shape }, &[]).unwrap();
    for (k, pair) in neurons.windows(2).enumerate() {
        let scale = (1.0 / pair[0].len() as f64).sqrt();
        let weights = pair[1]
            .iter()
            .flat_map(|u| pair[0].iter().map(move |v| u * v));
        let weights = weights.map(|uv| scale * uv * random.normal()).collect();
        let weight = Tensor::new(&[sizes[k + 1], sizes[k]], weights).unwrap();
        let bias = Tensor::vector((0..sizes[k + 1]).map(|_| 0.1 * random.normal()).collect());
        let dense = Op::Dense { weight, bias };
        last = graph.add(&format!("fc{}", k + 1), dense, &[last]).unwrap();
        if k + 2 < sizes.len() {
            let square = Op::Polynomial(Polynomial::square());
            last = graph.add(&format!("s{}", k + 1), square, &[last]).unwrap();
        }
    }
    graph.set_outputs(&[last]);
    graph
}

/// A graph in text form; `WEIGHTS`, in order, are random weights of the named convolutions of 2x2 taps from 4 to 2
/// channels.
pub fn parse_network(lines: &str, random: &[&str]) -> Graph {
    let mut text = lines.to_owned();
    for (k, _) in random.iter().enumerate() {
        text = text.replacen("WEIGHTS", &conv_weights(2, 4, 2, k as u64), 1);
    }
    parse(&format!("graph \"g\" {{\n{text}\n}}")).unwrap()
}

/// Weights `[outputs, inputs, side, side]` as text.
pub fn conv_weights(outputs: usize, inputs: usize, side: usize, seed: u64) -> String {
    let mut random = Random(seed);
    let mut list = |n: usize, inner: &mut dyn FnMut(&mut Random) -> String| {
        let all: Vec<String> = (0..n).map(|_| inner(&mut random)).collect();
        format!("[{}]", all.join(", "))
    };
    list(outputs, &mut |random| {
        let channels: Vec<String> = (0..inputs)
            .map(|_| {
                let rows: Vec<String> = (0..side)
                    .map(|_| {
                        let row: Vec<String> = (0..side)
                            .map(|_| format!("{:.6}", random.normal()))
                            .collect();
                        format!("[{}]", row.join(", "))
                    })
                    .collect();
                format!("[{}]", rows.join(", "))
            })
            .collect();
        format!("[{}]", channels.join(", "))
    })
}

/// Weights `[outputs, inputs]` as text.
pub fn dense_weights(outputs: usize, inputs: usize, seed: u64) -> String {
    let mut random = Random(seed);
    let mut row = || -> String {
        let row: Vec<String> = (0..inputs)
            .map(|_| format!("{:.6}", random.normal()))
            .collect();
        format!("[{}]", row.join(", "))
    };
    let rows: Vec<String> = (0..outputs).map(|_| row()).collect();
    format!("[{}]", rows.join(", "))
}

/// `n` numbers as text.
pub fn numbers(n: usize, seed: u64) -> String {
    let text = dense_weights(1, n, seed);
    text[1..text.len() - 1].to_owned()
}

/// A chain, a residual network, a concatenation, and convolutions with groups, pooling and a flatten, with tile shapes.
pub fn various() -> Vec<(Graph, [usize; 2])> {
    let text =
        |name: &str, lines: String| parse(&format!("graph \"{name}\" {{\n{lines}\n}}")).unwrap();
    let d = dense_weights;
    let residual = format!(
        "%0 \"x\" = input -> [12]
         %1 \"a\" = dense %0 weight {} bias {}
         %2 \"p\" = polynomial %1 power [0.1, 0.5, 0.2]
         %3 \"b\" = dense %2 weight {} bias {}
         %4 \"sum\" = add %1, %3
         %5 \"bn\" = affine %4 scale {} shift {}
         %6 \"c\" = dense %5 weight {} bias {}
         return %6",
        d(16, 12, 1),
        numbers(16, 2),
        d(16, 16, 3),
        numbers(16, 4),
        numbers(16, 5),
        numbers(16, 6),
        d(8, 16, 7),
        numbers(8, 8),
    );
    let concat = format!(
        "%0 \"x\" = input -> [12]
         %1 \"a\" = dense %0 weight {} bias {}
         %2 \"b\" = dense %0 weight {} bias {}
         %3 \"cat\" = concat %1, %2 axis 0
         %4 \"p\" = polynomial %3 power [0, 0, 1]
         %5 \"c\" = dense %4 weight {} bias {}
         return %5",
        d(8, 12, 1),
        numbers(8, 2),
        d(16, 12, 3),
        numbers(16, 4),
        d(8, 24, 5),
        numbers(8, 6),
    );
    let conv = format!(
        "%0 \"x\" = input -> [1, 6, 6]
         %1 \"c1\" = conv %0 out 8 kernel 3x3 stride 1,1 weight {} bias {}
         %2 \"p1\" = polynomial %1 power [0, 0.3, 0.1]
         %3 \"pool\" = avg_pool %2 kernel 2x2 stride 2,2
         %4 \"c2\" = conv %3 out 8 kernel 1x1 stride 1,1 weight {} bias {}
         %5 \"f\" = reshape %4 -> [32]
         %6 \"p2\" = polynomial %5 power [0, 0.3, 0.1]
         %7 \"fc\" = dense %6 weight {} bias {}
         return %7",
        conv_weights(8, 1, 3, 1),
        numbers(8, 2),
        conv_weights(8, 8, 1, 3),
        numbers(8, 4),
        d(12, 32, 5),
        numbers(12, 6),
    );
    let grouped = format!(
        "%0 \"x\" = input -> [8, 2, 2]
         %1 \"c1\" = conv %0 out 8 kernel 1x1 stride 1,1 weight {} bias {}
         %2 \"g\" = conv %1 out 8 kernel 1x1 stride 1,1 groups 2 weight {} bias {}
         %3 \"dw\" = conv %2 out 8 kernel 1x1 stride 1,1 groups 8 weight {} bias {}
         %4 \"c2\" = conv %3 out 16 kernel 1x1 stride 1,1 weight {} bias {}
         %5 \"c3\" = conv %4 out 8 kernel 1x1 stride 1,1 weight {} bias {}
         return %5",
        conv_weights(8, 8, 1, 1),
        numbers(8, 2),
        conv_weights(8, 4, 1, 3),
        numbers(8, 4),
        conv_weights(8, 1, 1, 5),
        numbers(8, 6),
        conv_weights(16, 8, 1, 7),
        numbers(16, 8),
        conv_weights(8, 16, 1, 9),
        numbers(8, 10),
    );
    vec![
        (chain(&[16, 24, 12, 8], 0.5, 4), [2, 4]),
        (text("residual", residual), [2, 2]),
        (text("concat", concat), [2, 2]),
        (text("conv", conv), [2, 2]),
        (text("grouped", grouped), [2, 2]),
    ]
}

/// The largest difference of results, over some samples.
pub fn largest_gap(a: &Graph, b: &Graph) -> f64 {
    let mut random = Random(11);
    let n = a.n_elements(a.inputs()[0]);
    let mut gap = 0.0f64;
    for _ in 0..3 {
        let sample: Vec<f64> = (0..n).map(|_| random.normal()).collect();
        let [x, y] = [a, b].map(|g| evaluate(g, std::slice::from_ref(&sample)).unwrap().concat());
        assert_eq!(x.len(), y.len());
        let gaps = x.iter().zip(&y).map(|(x, y)| (x - y).abs());
        gap = gaps.fold(gap, f64::max);
    }
    gap
}

/// A network of dense layers with squares between them, untrained.
pub fn dense(sizes: &[usize]) -> Graph {
    let mut graph = Graph::new("dense");
    let op = Op::Input {
        shape: vec![sizes[0]],
    };
    let mut at = graph.add("x", op, &[]).unwrap();
    for (k, pair) in sizes.windows(2).enumerate() {
        let layer = Op::Dense {
            weight: Tensor::zeros(&[pair[1], pair[0]]),
            bias: Tensor::zeros(&[pair[1]]),
        };
        at = graph.add(&format!("fc{}", k + 1), layer, &[at]).unwrap();
        if k + 2 < sizes.len() {
            let square = Op::Polynomial(Polynomial::square());
            at = graph.add(&format!("act{}", k + 1), square, &[at]).unwrap();
        }
    }
    graph.set_outputs(&[at]);
    train::initialized(&graph, 1)
}

/// Four kinds of blobs on eight by eight pixels, one kind after another.
pub fn digits(n: usize) -> train::Dataset {
    let mut state = 7u64;
    let mut unit = || {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as f32 / (1u64 << 31) as f32
    };
    let (mut inputs, mut labels) = (Vec::new(), Vec::new());
    for k in 0..n {
        let class = k % 4;
        let (x, y) = (
            2.0 + 3.0 * (class % 2) as f32 + unit(),
            2.0 + 3.0 * (class / 2) as f32 + unit(),
        );
        for at in 0..64 {
            let (dx, dy) = ((at % 8) as f32 - x, (at / 8) as f32 - y);
            inputs.push((-(dx * dx + dy * dy) / 3.0).exp() + 0.3 * unit());
        }
        labels.push(class as u32);
    }
    train::Dataset::classes(64, inputs, labels).unwrap()
}
