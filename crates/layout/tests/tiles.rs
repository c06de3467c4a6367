//! Counts of tile tensors: products, rotations and masks follow from shapes.

use std::collections::BTreeSet;

use privet_layout::{
    ConvGeometry, Elementwise, Periodic, SparseMatrix, TileDim, TileTensor, plan_tiles,
};

fn tensor(text: &str) -> TileTensor {
    text.parse().expect("a tile tensor")
}

fn ones(rows: u32, cols: u32) -> SparseMatrix {
    SparseMatrix::from_dense(rows, cols, &vec![1.0; (rows * cols) as usize])
}

#[test]
fn text_parses_back() {
    for text in [
        "[784/4, */8, 512/512]",
        "[12~/4, 12~?/4, 6]",
        "[1?/8]",
        "[3?]",
    ] {
        assert_eq!(tensor(text).to_string(), text);
    }
    for (text, why) in [
        ("[3/3]", "a tile size is 3, expected a power of two"),
        (
            "[0/4]",
            "tile tensor [0/4], expected every dimension has a value, a replicated one exactly one",
        ),
        (
            "[/4]",
            "expected a dimension such as 784/8, */8, 28~/4 or 1?/8, found `/4`",
        ),
        ("3/4", "expected dimensions in brackets, found `3/4`"),
    ] {
        assert_eq!(
            text.parse::<TileTensor>().expect_err("refused").to_string(),
            why
        );
    }
    for text in [
        "periodic 8/32 x49 [tiles */4, 392/8]",
        "periodic 64/64 x4 [tiles 8~/4, 8~/4, 1, */4 order 2 0 1]",
    ] {
        let layout: Periodic = text.parse().expect("a layout");
        assert_eq!(layout.to_string(), text);
    }
    for text in [
        "periodic 16/32 x49 [tiles */4, 392/8]",
        "periodic 64/64 x4 [tiles 8~/4, 8~/4, 1, */4 order 2 0]",
        "periodic 64/64 x4 [tiles 8~/4, 8~/4, 1, */4 order 2 0 9]",
        "periodic 64/128 x4 [tiles 8~/4, 8~/4, 1, */4]",
        "periodic 8/32 x49 [tiles */4, 392/8, copies 1+0..1]",
    ] {
        assert!(text.parse::<Periodic>().is_err(), "{text}");
    }
}

/// The tiles of a 5x6 matrix, in 16 and 32 slots.
#[test]
fn a_matrix_in_tiles() {
    let tiles = |log_slots: u32| -> Vec<u64> {
        let shape = |k: u32| {
            TileTensor::new(
                [5, 6]
                    .into_iter()
                    .zip([k, log_slots - k])
                    .map(|(n, k)| TileDim::values(n, 1 << k))
                    .collect::<Vec<_>>(),
            )
        };
        (0..=log_slots).map(|k| shape(k).n_tiles()).collect()
    };
    assert_eq!(tiles(4), [5, 3, 4, 3, 6]);
    assert_eq!(tiles(5), [5, 3, 2, 2, 3, 6]);
}

/// Sums, duplicates and spare slots.
#[test]
fn shapes_of_operations() {
    let mul = |a: &str, b: &str| tensor(a).elementwise(&tensor(b), Elementwise::Mul);
    let product = |a, b| mul(a, b).expect("they combine").to_string();
    assert_eq!(product("[100/8, 20/4]", "[*/8, 20/4]"), "[100/8, 20/4]");
    assert_eq!(product("[100/8, 3?/4]", "[100/8, 3/4]"), "[100/8, 3/4]");
    assert_eq!(product("[100/8, 3?/4]", "[100/8, 3?/4]"), "[100/8, 3?/4]");
    // A slot that is spare along both dimensions is unknown in both operands.
    assert_eq!(product("[5?/8, 3/4]", "[5/8, 3?/4]"), "[5?/8, 3/4]");
    assert!(
        mul("[100/8, 1/4]", "[100/8, 3/4]").is_err(),
        "one value does not broadcast"
    );
    assert!(mul("[12~/4]", "[12/4]").is_err(), "one is interleaved");
    assert!(mul("[12/4]", "[12/8]").is_err(), "tiles differ");
    let add = |a: &str, b: &str| {
        let sum = tensor(a).elementwise(&tensor(b), Elementwise::Add);
        sum.expect("they combine").to_string()
    };
    assert_eq!(add("[5/8, 3/4]", "[5/8, 3?/4]"), "[5/8, 3?/4]");
    assert_eq!(add("[5/8, 4/4]", "[*/8, 4/4]"), "[5?/8, 4/4]");

    let sum = |text: &str, dim| tensor(text).sum(dim).expect("a sum");
    let first = sum("[1, 100/8, 20/4]", 1);
    assert_eq!(
        (first.tensor.to_string(), first.amounts),
        ("[1, */8, 20/4]".into(), vec![16, 8, 4])
    );
    let second = sum("[100/8, 20/4]", 1);
    assert_eq!(
        (second.tensor.to_string(), second.amounts),
        ("[100/8, 1?/4]".into(), vec![2, 1])
    );
    let few = sum("[100/8, 3/16]", 1);
    assert_eq!(few.amounts, [2, 1], "three values in four slots");
    assert!(
        tensor("[100/8, 1?/4]").sum(1).is_err(),
        "unknown slots can not be summed"
    );

    let dirty = second.tensor;
    assert!(dirty.duplicated(1).is_err(), "clean first");
    let copied = dirty.cleaned().duplicated(1).expect("one value");
    assert_eq!(
        (copied.tensor.to_string(), copied.amounts),
        ("[100/8, */4]".into(), vec![30, 31])
    );
}

/// `products; rotations per layer; masks` of a network of dense layers in alternating forms, the first layer in form A.
fn dense_network(sizes: &[u32], [t1, t2, tb]: [u32; 3], batch: u32) -> String {
    let (first, second) = (TileDim::values, TileDim::replicated);
    let last = TileDim::values(batch, tb);
    let mut x = TileTensor::new([first(sizes[0], t1), second(t2), last]);
    let (mut products, mut rotations, mut masks) = (0, Vec::new(), 0);
    for (layer, &m) in sizes[1..].iter().enumerate() {
        let is_a = layer % 2 == 0;
        let k = sizes[layer];
        let weights = match is_a {
            true => [first(k, t1), first(m, t2), second(tb)],
            false => [first(m, t1), first(k, t2), second(tb)],
        };
        let terms = x
            .elementwise(&TileTensor::new(weights), Elementwise::Mul)
            .expect("forms fit");
        products += terms.n_tiles();
        let sum = terms.sum(usize::from(!is_a)).expect("a sum");
        x = sum.tensor;
        let mut count = (x.n_tiles() * sum.amounts.len() as u64).to_string();
        if !is_a && layer + 2 < sizes.len() {
            masks += x.n_tiles();
            let copied = x.cleaned().duplicated(1).expect("one value");
            x = copied.tensor;
            count += &format!("+{}", x.n_tiles() * copied.amounts.len() as u64);
        }
        rotations.push(count);
    }
    format!("{products}; {}; {masks}", rotations.join(", "))
}

#[test]
fn dense_networks() {
    let ae = [784, 256, 64, 256, 784];
    let mlp = [784, 128, 128, 10];
    assert_eq!(
        dense_network(&ae, [4, 8, 512], 512),
        "13568; 64, 48+48, 64, 588; 16"
    );
    assert_eq!(
        dense_network(&ae, [4, 4, 1024], 1024),
        "27136; 128, 32+32, 128, 392; 16"
    );
    assert_eq!(
        dense_network(&[784, 32, 784], [4, 8, 512], 512),
        "1568; 8, 588; 0"
    );
    assert_eq!(
        dense_network(&mlp, [16, 16, 64], 64),
        "464; 32, 32+32, 4; 8"
    );
    assert_eq!(dense_network(&mlp, [128, 128, 1], 1), "9; 7, 7+7, 7; 1");
    assert_eq!(dense_network(&mlp, [128, 64, 1], 1), "17; 14, 6+6, 7; 1");
    assert_eq!(dense_network(&mlp, [64, 64, 1], 1), "32; 12, 12+12, 6; 2");
}

/// The kernels of [`plan_tiles`] take as many products and rotations.
#[test]
fn dense_kernels() {
    let sizes = [784, 128, 128, 10];
    for ([t1, t2], expected) in [
        ([128, 128], (9, 28, 1)),
        ([128, 64], (17, 33, 1)),
        ([64, 64], (32, 42, 2)),
    ] {
        let shapes = [
            [TileDim::values(784, t1), TileDim::replicated(t2)],
            [TileDim::replicated(t1), TileDim::values(128, t2)],
            [TileDim::values(128, t1), TileDim::replicated(t2)],
            [TileDim::replicated(t1), TileDim::values(10, t2)],
        ];
        let layouts = shapes.map(|dims| Periodic::tiles(TileTensor::new(dims)));
        let plans = (0..3).map(|i| {
            let matrix = ones(sizes[i + 1], sizes[i]);
            plan_tiles(&matrix, &layouts[i], &layouts[i + 1])
                .expect("a plan")
                .counts
        });
        let sum = plans.fold((0, 0, 0), |(products, rotations, masks), counts| {
            assert_eq!(counts.decomposed, 0);
            (
                products + counts.plain_products,
                rotations + counts.rotations(),
                masks + counts.masks,
            )
        });
        assert_eq!(sum, expected, "[{t1}, {t2}]");
    }
}

/// Rotations that shifts of an interleaved dimension take.
#[test]
fn interleaved_shifts() {
    let dim = TileDim::interleaved(12, 4);
    let rotated = |shifts: &[u32]| {
        let all = shifts
            .iter()
            .flat_map(|&shift| (0..12).map(move |i| (i, i + shift)));
        let inside = all.filter(|&(_, from)| from < 12);
        let moved = inside.map(|(to, from)| {
            let ((_, at), (tile, source)) = (dim.place(to), dim.place(from));
            (tile, source - at)
        });
        moved
            .filter(|&(_, by)| by != 0)
            .collect::<BTreeSet<_>>()
            .len()
    };
    assert_eq!(
        [
            rotated(&[1]),
            rotated(&[2]),
            rotated(&[1, 2]),
            rotated(&[5])
        ],
        [1, 2, 2, 3]
    );
}

/// Distinct rotated tiles of a convolution, per channel: `(ex + fx − s)(ey + fy − s) − ex·ey`.
#[test]
fn interleaved_convolutions() {
    for (external, kernel, stride, expected) in [
        (4, 3, 1, 20),
        (4, 5, 1, 48),
        (4, 5, 2, 33),
        (2, 3, 1, 12),
        (7, 5, 1, 72),
    ] {
        let size = external * 8;
        let geometry = ConvGeometry {
            in_channels: 1,
            in_height: size,
            in_width: size,
            out_channels: 2,
            kernel: (kernel, kernel),
            stride: (stride, stride),
            pad: [kernel / 2; 4],
            dilation: (1, 1),
            groups: 1,
        };
        let image = |c: TileDim, f: TileDim, size: u32| {
            let [y, x] = [TileDim::interleaved(size, 8); 2];
            let order = if f.is_replicated() {
                vec![0, 1, 2]
            } else {
                vec![3, 1, 2]
            };
            Periodic::tiles_in_order(TileTensor::new([c, y, x, f]), order)
        };
        let (out_size, _) = geometry.out_size();
        let input = image(TileDim::values(1, 1), TileDim::replicated(2), size);
        let output = image(TileDim::replicated(1), TileDim::values(2, 2), out_size);
        let taps = (2 * kernel * kernel) as usize;
        let plan = plan_tiles(&geometry.matrix(&vec![1.0; taps]), &input, &output).expect("a plan");
        assert_eq!(
            plan.counts.babies, expected,
            "e = {external}, {kernel}x{kernel}/{stride}"
        );
        assert_eq!(plan.counts.rotations(), expected);
    }
}
