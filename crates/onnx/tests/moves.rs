//! Operators that pick, join, average and spread elements: what they become, and that they compute what tract computes.

mod common;

use common::{Model, float, int, ints, text, words};
use tract_onnx::pb::AttributeProto;

fn image() -> Model {
    Model::new(&["1", "4", "9", "8"])
}

fn node(operator: &str, inputs: &[&str], attributes: &[AttributeProto]) -> Model {
    image().node(operator, inputs, "y", attributes)
}

#[test]
fn transposes() {
    let perm = |perm: &[i64]| node("Transpose", &["x"], &[ints("perm", perm)]).agrees();
    assert_eq!(words(&perm(&[0, 2, 3, 1])), ["select"]);
    perm(&[0, 1, 3, 2]);
    perm(&[0, 3, 2, 1]);
    assert_eq!(words(&perm(&[1, 0, 2, 3])), ["reshape"]);
    perm(&[2, 0, 1, 3]);
    node("Transpose", &["x"], &[]).agrees();
}

#[test]
fn slices() {
    let cut = |starts: &[i64], ends: &[i64], axes: &[i64], steps: &[i64]| {
        let model = image()
            .int64s("start", starts)
            .int64s("end", ends)
            .int64s("axes", axes)
            .int64s("steps", steps);
        let inputs = ["x", "start", "end", "axes", "steps"];
        model.node("Slice", &inputs, "y", &[]).agrees()
    };
    let graph = cut(&[1, 2], &[3, 100], &[1, 3], &[1, 2]);
    assert_eq!(words(&graph), ["select"]);
    assert_eq!(graph.shape(graph.outputs()[0]), [2, 9, 3]);
    cut(&[-1], &[i64::MIN], &[2], &[-1]);
    cut(&[7], &[-7], &[-1], &[-3]);
    assert_eq!(
        words(&cut(&[0], &[i64::MAX], &[0], &[1])),
        Vec::<&str>::new()
    );
    let old = [
        ints("starts", &[0, 1]),
        ints("ends", &[1, -1]),
        ints("axes", &[0, 2]),
    ];
    image().opset(9).node("Slice", &["x"], "y", &old).agrees();
}

#[test]
fn splits() {
    let sizes =
        image()
            .int64s("sizes", &[1, 3])
            .node("Split", &["x", "sizes"], "a", &[int("axis", 1)]);
    let both = |mut model: Model| {
        let node = model.graph.node.last_mut().unwrap();
        node.output.push("b".into());
        model
    };
    // The second part is read, then the first.
    let second = both(sizes.clone()).node("Relu", &["b"], "y", &[]);
    assert_eq!(words(&second.agrees()), ["select", "relu"]);
    let first = both(sizes).node("Relu", &["a"], "y", &[]).agrees();
    assert_eq!(first.shape(first.outputs()[0]), [1, 9, 8]);
    let equal = both(
        image()
            .opset(11)
            .node("Split", &["x"], "a", &[int("axis", 3)]),
    );
    let joined = equal.node("Concat", &["b", "a"], "y", &[int("axis", 3)]);
    assert_eq!(words(&joined.agrees()), ["select", "select", "concat"]);
}

#[test]
fn gathers() {
    let pick = |indices: &[i64], axis: i64| {
        let model = image().int64s("i", indices);
        model
            .node("Gather", &["x", "i"], "y", &[int("axis", axis)])
            .agrees()
    };
    assert_eq!(words(&pick(&[3, 0, 0], 1)), ["select"]);
    pick(&[-1, 2], 3);
    let mut scalar = image()
        .int64s("i", &[2])
        .node("Gather", &["x", "i"], "y", &[int("axis", 1)]);
    scalar.graph.initializer[0].dims.clear();
    let graph = scalar.agrees();
    assert_eq!(graph.shape(graph.outputs()[0]), [9, 8]);
}

#[test]
fn concatenations() {
    let conv = image()
        .random("w", &[3, 4, 1, 1])
        .random("c", &[1, 2, 9, 8])
        .node("Conv", &["x", "w"], "a", &[]);
    let two = conv
        .clone()
        .node("Concat", &["a", "x"], "y", &[int("axis", 1)]);
    assert_eq!(words(&two.agrees()), ["conv", "concat"]);
    let constant = conv.node("Concat", &["a", "c", "x"], "y", &[int("axis", -3)]);
    assert_eq!(
        words(&constant.agrees()),
        ["conv", "concat", "select", "affine"]
    );
    node("Concat", &["x", "x", "x"], &[int("axis", 3)]).agrees();
    // Without the batch, the first axis is one like others.
    let rows = image()
        .int64s("s", &[4, 72])
        .node("Reshape", &["x", "s"], "r", &[]);
    rows.node("Concat", &["r", "r"], "y", &[int("axis", 0)])
        .agrees();
}

#[test]
fn repetitions_and_broadcasts() {
    image()
        .int64s("r", &[1, 2, 1, 3])
        .node("Tile", &["x", "r"], "y", &[])
        .agrees();
    let means = image().node("GlobalAveragePool", &["x"], "g", &[]);
    let wide = means
        .clone()
        .int64s("s", &[1, 4, 9, 8])
        .node("Expand", &["g", "s"], "y", &[]);
    assert_eq!(words(&wide.agrees()), ["global_avg_pool", "select"]);
    let product = means.clone().node("Mul", &["x", "g"], "y", &[]);
    assert_eq!(
        words(&product.agrees()),
        ["global_avg_pool", "select", "mul"]
    );
    means.node("Sub", &["g", "x"], "y", &[]).agrees();
    let outer = Model::new(&["1", "5"])
        .random("c", &[3, 1])
        .node("Add", &["x", "c"], "y", &[]);
    assert_eq!(words(&outer.agrees()), ["reshape", "select", "affine"]);
}

#[test]
fn paddings() {
    let pad = |mode: &str, amounts: &[i64], value: f32| {
        let model = image().int64s("p", amounts).weight("v", &[], &[value]);
        model.node("Pad", &["x", "p", "v"], "y", &[text("mode", mode)])
    };
    assert_eq!(
        words(&pad("constant", &[0, 0, 1, 2, 0, 0, 0, 3], 0.0).agrees()),
        ["pad"]
    );
    let values = pad("constant", &[0, 0, 1, 2, 0, 0, 0, 3], 0.5);
    assert_eq!(words(&values.agrees()), ["select"]);
    pad("constant", &[0, 1, 0, 0, 0, 2, 0, 0], 0.0).agrees();
    // tract pads with zeros here; these are NumPy's.
    let row = |mode: &str| {
        let model = Model::new(&["1", "1", "3"]).int64s("p", &[0, 0, 2, 0, 0, 1]);
        let graph = model
            .node("Pad", &["x", "p"], "y", &[text("mode", mode)])
            .graph();
        graph::evaluate(&graph, &[vec![1.0, 2.0, 3.0]])
            .unwrap()
            .remove(0)
    };
    assert_eq!(row("edge"), [1.0, 1.0, 1.0, 2.0, 3.0, 3.0]);
    assert_eq!(row("reflect"), [3.0, 2.0, 1.0, 2.0, 3.0, 2.0]);
    let cropped = pad("constant", &[0, 0, -1, -2, 0, 0, 0, 3], 0.0).graph();
    assert_eq!(cropped.shape(cropped.outputs()[0]), [4, 8, 9]);
    assert_eq!(words(&cropped), ["select"]);
}

#[test]
fn blocks() {
    let deep = Model::new(&["1", "8", "3", "5"]);
    for mode in ["DCR", "CRD"] {
        let attributes = [int("blocksize", 2), text("mode", mode)];
        deep.clone()
            .node("DepthToSpace", &["x"], "y", &attributes)
            .agrees();
    }
    let flat = Model::new(&["1", "3", "4", "6"]);
    flat.node("SpaceToDepth", &["x"], "y", &[int("blocksize", 2)])
        .agrees();
}

#[test]
fn enlargements() {
    let scaled = |attributes: &[AttributeProto], scales: [f32; 4]| {
        let model = image().weight("s", &[4], &scales);
        model.node("Resize", &["x", "", "s"], "y", attributes)
    };
    let twice = scaled(&[], [1.0, 1.0, 2.0, 2.0]);
    assert_eq!(words(&twice.agrees()), ["select"]);
    for mode in [
        "asymmetric",
        "half_pixel",
        "align_corners",
        "pytorch_half_pixel",
    ] {
        let coordinates = text("coordinate_transformation_mode", mode);
        for rounding in ["floor", "round_prefer_floor"] {
            let attributes = [coordinates.clone(), text("nearest_mode", rounding)];
            scaled(&attributes, [1.0, 1.0, 2.0, 3.0]).agrees();
        }
        let linear = scaled(&[coordinates, text("mode", "linear")], [1.0, 1.0, 2.0, 1.5]);
        assert_eq!(words(&linear.agrees()), ["linear"]);
    }
    let old = image().opset(9).weight("s", &[4], &[1.0, 1.0, 2.0, 2.0]);
    let graph = old.node("Upsample", &["x", "s"], "y", &[]).graph();
    assert_eq!(graph.shape(graph.outputs()[0]), [4, 18, 16]);
}

#[test]
fn transposed_convolutions() {
    let spread = |attributes: &[AttributeProto], weight: &[i64]| {
        let groups = attributes
            .iter()
            .find(|a| a.name == "group")
            .map_or(1, |a| a.i);
        let model = image()
            .random("w", weight)
            .random("b", &[weight[1] * groups]);
        model
            .node("ConvTranspose", &["x", "w", "b"], "y", attributes)
            .agrees()
    };
    let graph = spread(&[ints("strides", &[2, 2])], &[4, 3, 2, 2]);
    assert_eq!(words(&graph), ["conv_transpose"]);
    assert_eq!(graph.shape(graph.outputs()[0]), [3, 18, 16]);
    spread(&[], &[4, 2, 3, 3]);
    spread(
        &[ints("strides", &[2, 3]), ints("pads", &[1, 0, 1, 2])],
        &[4, 2, 3, 3],
    );
    let padded = [
        ints("strides", &[2, 2]),
        ints("pads", &[1, 1, 1, 1]),
        ints("output_padding", &[1, 1]),
    ];
    spread(&padded, &[4, 2, 3, 3]);
    spread(&[ints("dilations", &[2, 1])], &[4, 2, 3, 3]);
    spread(&[int("group", 2), ints("strides", &[2, 2])], &[4, 3, 2, 2]);
    let signal = Model::new(&["1", "3", "20"]).random("w", &[3, 2, 4]);
    signal
        .node("ConvTranspose", &["x", "w"], "y", &[ints("strides", &[2])])
        .agrees();
}

#[test]
fn reductions() {
    for operator in ["ReduceMean", "ReduceSum", "ReduceL1", "ReduceSumSquare"] {
        for axes in [&[1][..], &[2, 3], &[-1], &[1, 3]] {
            for keep in [0, 1] {
                let model = image().opset(11);
                let attributes = [ints("axes", axes), int("keepdims", keep)];
                model.node(operator, &["x"], "y", &attributes).agrees();
            }
        }
    }
    let norm = node("ReduceL2", &["x"], &[ints("axes", &[1])]).agrees();
    assert_eq!(words(&norm), ["polynomial", "mean", "affine", "sqrt"]);
    node("ReduceLogSumExp", &["x"], &[ints("axes", &[1])]).agrees();
    let all = node("ReduceMean", &["x"], &[]).agrees();
    assert_eq!(all.n_elements(all.outputs()[0]), 1);
}

#[test]
fn products_of_many_rows() {
    let x = Model::new(&["1", "6", "12"]);
    let right = x
        .clone()
        .random("w", &[12, 5])
        .node("MatMul", &["x", "w"], "y", &[]);
    assert_eq!(words(&right.agrees()), ["select", "conv", "select"]);
    let left = x
        .clone()
        .random("w", &[5, 6])
        .node("MatMul", &["w", "x"], "y", &[]);
    assert_eq!(words(&left.agrees()), ["conv"]);
    let stack = image()
        .random("w", &[8, 5])
        .node("MatMul", &["x", "w"], "y", &[]);
    stack.agrees();
    image()
        .random("w", &[4, 8, 5])
        .node("MatMul", &["x", "w"], "y", &[])
        .agrees();
    image()
        .random("w", &[4, 5, 9])
        .node("MatMul", &["w", "x"], "y", &[])
        .agrees();
    let rows = x
        .int64s("s", &[6, 12])
        .random("c", &[5])
        .node("Reshape", &["x", "s"], "r", &[]);
    let plain = [float("alpha", 0.5), float("beta", 2.0)];
    rows.clone()
        .random("w", &[12, 5])
        .node("Gemm", &["r", "w", "c"], "y", &plain)
        .agrees();
    let turned = [int("transA", 1), int("transB", 1)];
    rows.random("w", &[5, 6])
        .node("Gemm", &["r", "w", "c"], "y", &turned)
        .agrees();
}

#[test]
fn choices_by_a_stored_condition() {
    let mut model = image()
        .weight("c", &[9, 8], &common::noise(72, 3))
        .random("k", &[1, 4, 9, 8]);
    let condition = &mut model.graph.initializer[0];
    condition.data_type = tract_onnx::pb::tensor_proto::DataType::Bool as i32;
    condition.int32_data = condition
        .float_data
        .iter()
        .map(|&x| i32::from(x > 0.0))
        .collect();
    condition.float_data.clear();
    let chosen = model.clone().node("Where", &["c", "x", "k"], "y", &[]);
    assert_eq!(words(&chosen.agrees()), ["affine", "affine"]);
    let both = model
        .node("Relu", &["x"], "r", &[])
        .node("Where", &["c", "r", "x"], "y", &[]);
    both.agrees();
}

#[test]
fn a_final_softmax_is_left_out() {
    let row = Model::new(&["1", "12"]).random("w", &[12, 5]);
    let net =
        row.node("MatMul", &["x", "w"], "m", &[])
            .node("Softmax", &["m"], "s", &[int("axis", -1)]);
    let imported = net
        .clone()
        .node("Identity", &["s"], "y", &[])
        .import()
        .unwrap();
    assert_eq!(words(&imported.graph), ["dense"]);
    assert_eq!(
        imported.info.remarks,
        [
            "Softmax 'Softmax_1' is left out: the outputs are the values before it, which rank alike along its axis"
        ]
    );
    let inner = net.node("Exp", &["s"], "y", &[]).refusal();
    assert!(
        inner.contains("it compares elements with one another"),
        "{inner}"
    );
}
