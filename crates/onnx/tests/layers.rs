//! Hand-built layers: what they become, and that they compute what tract computes.

mod common;

use common::{Model, float, int, ints, text, words};
use graph::Op;

fn image() -> Model {
    Model::new(&["1", "4", "9", "8"])
}

fn conv(attributes: &[tract_onnx::pb::AttributeProto], weight: &[i64]) -> Model {
    image().random("w", weight).random("b", &[weight[0]]).node(
        "Conv",
        &["x", "w", "b"],
        "y",
        attributes,
    )
}

#[test]
fn convolutions() {
    let w = [6, 4, 3, 3];
    assert_eq!(words(&conv(&[], &w).agrees()), ["conv"]);
    for auto_pad in ["SAME_UPPER", "SAME_LOWER", "VALID", "NOTSET"] {
        for stride in [1, 2, 3] {
            conv(
                &[text("auto_pad", auto_pad), ints("strides", &[stride, 2])],
                &w,
            )
            .agrees();
            conv(
                &[text("auto_pad", auto_pad), ints("strides", &[stride, 1])],
                &[6, 4, 2, 4],
            )
            .agrees();
        }
    }
    conv(
        &[ints("pads", &[0, 1, 2, 3]), ints("kernel_shape", &[3, 3])],
        &w,
    )
    .agrees();
    conv(
        &[ints("dilations", &[2, 1]), ints("pads", &[1, 1, 1, 1])],
        &w,
    )
    .agrees();
    conv(
        &[ints("dilations", &[2, 2]), text("auto_pad", "SAME_UPPER")],
        &w,
    )
    .agrees();
    conv(&[int("group", 2), ints("strides", &[2, 2])], &[6, 2, 3, 3]).agrees();
    conv(
        &[int("group", 4), ints("pads", &[1, 1, 1, 1])],
        &[4, 1, 3, 3],
    )
    .agrees();
    conv(&[int("group", 4)], &[8, 1, 1, 1]).agrees();
}

#[test]
fn convolution_without_bias_and_in_one_dimension() {
    image()
        .random("w", &[2, 4, 5, 5])
        .node("Conv", &["x", "w"], "y", &[])
        .agrees();
    let signal = Model::new(&["1", "3", "20"])
        .random("w", &[5, 3, 4])
        .random("b", &[5]);
    let attributes = [
        ints("strides", &[2]),
        ints("pads", &[1, 2]),
        ints("dilations", &[2]),
    ];
    let graph = signal
        .node("Conv", &["x", "w", "b"], "c", &attributes)
        .node("Relu", &["c"], "y", &[])
        .agrees();
    assert_eq!(graph.shape(graph.outputs()[0]), [5, 9]);
}

#[test]
fn batch_norm_after_convolution() {
    let model = conv(&[], &[6, 4, 3, 3])
        .random("g", &[6])
        .random("o", &[6])
        .random("m", &[6])
        .weight("v", &[6], &[0.5, 1.0, 2.0, 0.1, 3.0, 1.5]);
    let graph = model
        .clone()
        .node(
            "BatchNormalization",
            &["y", "g", "o", "m", "v"],
            "z",
            &[float("epsilon", 1e-3)],
        )
        .agrees();
    assert_eq!(words(&graph), ["conv", "affine"]);
    let Op::Affine { scale, .. } = &graph.node(graph.outputs()[0]).op else {
        panic!("no affine")
    };
    assert_eq!(scale.shape(), [6, 1, 1]);
}

#[test]
fn matrix_products() {
    let row = Model::new(&["batch", "12"])
        .random("w", &[12, 5])
        .random("b", &[5]);
    let graph = row
        .clone()
        .node("MatMul", &["x", "w"], "p", &[])
        .node("Add", &["p", "b"], "y", &[])
        .agrees();
    assert_eq!(words(&graph), ["dense", "affine"]);
    assert_eq!(
        words(
            &row.clone()
                .node("Add", &["b", "b"], "bb", &[])
                .node("MatMul", &["x", "w"], "p", &[])
                .node("Add", &["bb", "p"], "y", &[])
                .agrees()
        ),
        ["dense", "affine"]
    );
    row.clone()
        .node("Gemm", &["x", "w", "b"], "y", &[])
        .agrees();
    row.clone()
        .node(
            "Gemm",
            &["x", "w", "b"],
            "y",
            &[float("alpha", 0.5), float("beta", 2.0)],
        )
        .agrees();
    row.clone()
        .node("Gemm", &["x", "w", "b"], "y", &[float("beta", 0.0)])
        .agrees();
    row.clone().node("Gemm", &["x", "w"], "y", &[]).agrees();
    row.clone()
        .random("c", &[1, 1])
        .node("Gemm", &["x", "w", "c"], "y", &[])
        .agrees();
    let turned = Model::new(&["1", "12"])
        .random("w", &[5, 12])
        .random("b", &[5]);
    turned
        .clone()
        .node("Gemm", &["x", "w", "b"], "y", &[int("transB", 1)])
        .agrees();
    let column = turned.node("Transpose", &["x"], "t", &[]);
    column
        .clone()
        .node(
            "Gemm",
            &["t", "w", "b"],
            "y",
            &[int("transA", 1), int("transB", 1)],
        )
        .agrees();
    column
        .clone()
        .node("MatMul", &["w", "t"], "y", &[])
        .agrees();
    column
        .random("v", &[12, 7])
        .node("Gemm", &["v", "t"], "y", &[int("transA", 1)])
        .agrees();
}

#[test]
fn products_over_flattened_images() {
    let net = image()
        .random("w", &[288, 5])
        .node("Flatten", &["x"], "f", &[])
        .node("MatMul", &["f", "w"], "y", &[]);
    assert_eq!(words(&net.agrees()), ["reshape", "dense"]);
    let deep = image()
        .random("w", &[288, 5])
        .int64s("s", &[1, 1, 288])
        .node("Reshape", &["x", "s"], "r", &[])
        .node("MatMul", &["r", "w"], "y", &[]);
    let graph = deep.agrees();
    assert_eq!(graph.shape(graph.outputs()[0]), [1, 5]);
    let merged = image()
        .random("w", &[288, 5])
        .int64s("s", &[-1])
        .node("Reshape", &["x", "s"], "r", &[])
        .node("MatMul", &["r", "w"], "y", &[]);
    merged.agrees();
}

#[test]
fn reshaped_and_transposed_weights() {
    let net = Model::new(&["1", "12"])
        .random("w", &[5, 4, 3])
        .int64s("s", &[5, 12]);
    let net = net.node("Reshape", &["w", "s"], "r", &[]).node(
        "Transpose",
        &["r"],
        "t",
        &[ints("perm", &[1, 0])],
    );
    assert_eq!(
        words(&net.node("MatMul", &["x", "t"], "y", &[]).agrees()),
        ["dense"]
    );
}

#[test]
fn large_weights_are_folded() {
    let net = Model::new(&["1", "1200"]).random("w", &[700, 1200]).node(
        "Transpose",
        &["w"],
        "t",
        &[ints("perm", &[1, 0])],
    );
    assert_eq!(
        words(&net.node("MatMul", &["x", "t"], "y", &[]).agrees()),
        ["dense"]
    );
}

#[test]
fn pools() {
    for operator in ["AveragePool", "MaxPool"] {
        let kernel = ints("kernel_shape", &[3, 2]);
        let pool = |attributes: &[tract_onnx::pb::AttributeProto]| {
            let mut all = vec![kernel.clone()];
            all.extend_from_slice(attributes);
            image().node(operator, &["x"], "y", &all).agrees();
        };
        pool(&[]);
        pool(&[ints("strides", &[2, 2])]);
        pool(&[ints("strides", &[2, 2]), ints("pads", &[1, 0, 2, 1])]);
        pool(&[ints("strides", &[2, 3]), int("ceil_mode", 1)]);
        pool(&[ints("strides", &[3, 3]), text("auto_pad", "SAME_UPPER")]);
        pool(&[ints("strides", &[2, 1]), text("auto_pad", "SAME_LOWER")]);
        let signal = Model::new(&["1", "3", "20"]);
        signal
            .node(
                operator,
                &["x"],
                "y",
                &[ints("kernel_shape", &[4]), ints("strides", &[3])],
            )
            .agrees();
    }
    let counted = [
        ints("kernel_shape", &[3, 3]),
        ints("pads", &[1, 1, 1, 1]),
        int("count_include_pad", 1),
    ];
    image().node("AveragePool", &["x"], "y", &counted).agrees();
}

#[test]
fn global_pools() {
    assert_eq!(
        words(&image().node("GlobalAveragePool", &["x"], "y", &[]).agrees()),
        ["global_avg_pool"]
    );
    image().node("GlobalMaxPool", &["x"], "y", &[]).agrees();
    let mean = |keep| {
        image().node(
            "ReduceMean",
            &["x"],
            "y",
            &[ints("axes", &[2, -1]), int("keepdims", keep)],
        )
    };
    assert_eq!(words(&mean(1).agrees()), ["global_avg_pool"]);
    assert_eq!(words(&mean(0).agrees()), ["global_avg_pool", "reshape"]);
    let operand = image()
        .opset(18)
        .int64s("a", &[2, 3])
        .node("ReduceMean", &["x", "a"], "y", &[]);
    assert_eq!(words(&operand.agrees()), ["global_avg_pool"]);
    image()
        .int64s("a", &[3, 2])
        .node("ReduceSum", &["x", "a"], "y", &[])
        .agrees();
}
