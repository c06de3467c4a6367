//! Shapes, batches, names and operator sets of hand-built models.

mod common;

use common::{Model, int, ints, words};

fn image() -> Model {
    Model::new(&["1", "4", "9", "8"])
}

#[test]
fn shapes() {
    let chain = image().int64s("a", &[0]).int64s("s", &[0, -1, 4]);
    let chain = chain
        .node("Unsqueeze", &["x", "a"], "u", &[])
        .node("Squeeze", &["u", "a"], "q", &[])
        .node("Reshape", &["q", "s"], "y", &[]);
    assert_eq!(words(&chain.agrees()), ["reshape"]);
    let back = image()
        .int64s("a", &[2])
        .node("Unsqueeze", &["x", "a"], "u", &[])
        .node("Squeeze", &["u", "a"], "q", &[])
        .node("Relu", &["q"], "y", &[]);
    assert_eq!(words(&back.agrees()), ["relu"]);
    let thin = Model::new(&["1", "6", "1", "1"]).node(
        "Transpose",
        &["x"],
        "y",
        &[ints("perm", &[0, 2, 3, 1])],
    );
    assert_eq!(words(&thin.agrees()), ["reshape"]);
    let same = image()
        .node("Identity", &["x"], "i", &[])
        .node("Dropout", &["i"], "d", &[])
        .node("Cast", &["d"], "c", &[int("to", 1)]);
    assert_eq!(
        words(&same.node("Relu", &["c"], "y", &[]).agrees()),
        ["relu"]
    );
}

#[test]
fn exported_view_of_size() {
    let net = Model::new(&["batch", "4", "3", "3"])
        .int64s("zero", &[0])
        .int64s("rest", &[-1]);
    let net = net
        .node("Shape", &["x"], "s", &[])
        .node("Gather", &["s", "zero"], "n", &[])
        .node("Concat", &["n", "rest"], "v", &[int("axis", 0)]);
    assert_eq!(
        words(&net.node("Reshape", &["x", "v"], "y", &[]).agrees()),
        ["reshape"]
    );
}

#[test]
fn padding() {
    let pads = [0, 0, 1, 2, 0, 0, 0, 3];
    let operand = image()
        .int64s("p", &pads)
        .node("Pad", &["x", "p"], "y", &[]);
    assert_eq!(words(&operand.agrees()), ["pad"]);
    image()
        .opset(10)
        .node("Pad", &["x"], "y", &[ints("pads", &pads)])
        .agrees();
    let axes = image()
        .opset(18)
        .int64s("p", &[1, 2, 0, 3])
        .int64s("a", &[2, 3])
        .weight("z", &[], &[0.0]);
    assert_eq!(
        words(&axes.node("Pad", &["x", "p", "z", "a"], "y", &[]).agrees()),
        ["pad"]
    );
    let nothing = image()
        .int64s("p", &[0; 8])
        .node("Pad", &["x", "p"], "q", &[])
        .node("Relu", &["q"], "y", &[]);
    assert_eq!(words(&nothing.agrees()), ["relu"]);
}

#[test]
fn batch_axes() {
    for batch in ["1", "8", "batch", "0"] {
        let net = Model::new(&[batch, "2", "4", "4"])
            .random("w", &[32, 3])
            .int64s("s", &[batch.parse().unwrap_or(-1).clamp(-1, 8), 32]);
        let net = if batch == "0" {
            net.int64s("s2", &[1, 32])
                .node("Reshape", &["x", "s2"], "r", &[])
        } else {
            net.node("Reshape", &["x", "s"], "r", &[])
        };
        let graph = net.node("MatMul", &["r", "w"], "y", &[]).graph();
        assert_eq!(words(&graph), ["reshape", "dense"], "batch {batch}");
        assert_eq!(graph.shape(graph.inputs()[0]), [2, 4, 4]);
    }
}

#[test]
fn initializers_listed_as_inputs() {
    let mut net =
        Model::new(&["1", "12"])
            .random("w", &[12, 5])
            .node("MatMul", &["x", "w"], "y", &[]);
    net.graph.input.insert(0, common::port("w", &["12", "5"]));
    assert_eq!(words(&net.agrees()), ["dense"]);
    assert_eq!(net.import().unwrap().info.inputs.len(), 1);
}

#[test]
fn every_operator_set() {
    for opset in 7..=20 {
        let net = Model::new(&["n", "1", "8", "8"])
            .opset(opset)
            .random("w", &[3, 1, 3, 3])
            .random("f", &[10, 27])
            .random("b", &[10]);
        let net = net
            .node("Conv", &["x", "w"], "c", &[ints("kernel_shape", &[3, 3])])
            .node("Relu", &["c"], "r", &[]);
        let net = net.node(
            "AveragePool",
            &["r"],
            "p",
            &[ints("kernel_shape", &[2, 2]), ints("strides", &[2, 2])],
        );
        let net = net.node("Flatten", &["p"], "l", &[]).node(
            "Gemm",
            &["l", "f", "b"],
            "y",
            &[int("transB", 1)],
        );
        let graph = net.agrees();
        assert_eq!(
            words(&graph),
            ["conv", "relu", "avg_pool", "reshape", "dense"],
            "opset {opset}"
        );
        assert_eq!(net.import().unwrap().info.opset, opset);
    }
}

#[test]
fn residuals_and_dead_branches() {
    let net = image().random("w", &[4, 4, 3, 3]).node(
        "Conv",
        &["x", "w"],
        "c",
        &[ints("pads", &[1, 1, 1, 1])],
    );
    let net = net
        .node("LSTM", &["x"], "unused", &[])
        .node("Add", &["c", "x"], "s", &[])
        .node("Relu", &["s"], "y", &[]);
    assert_eq!(words(&net.graph()), ["conv", "add", "relu"]);
}

#[test]
fn nodes_without_names_are_named_after_their_result() {
    let mut net = image().node("Relu", &["x"], "y", &[]);
    net.graph.node[0].name.clear();
    let graph = net.graph();
    assert_eq!(graph.node(graph.outputs()[0]).name, "Relu:y");
}
