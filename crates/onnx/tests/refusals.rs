//! What is refused, and in which words.

mod common;

use common::{Model, float, int, ints, text};
use privet_onnx::{ImportError, import_bytes};
use prost::Message;

fn image() -> Model {
    Model::new(&["1", "4", "9", "8"])
}

fn row() -> Model {
    Model::new(&["1", "12"])
}

#[test]
fn operators() {
    assert_eq!(
        row().node("LSTM", &["x"], "y", &[]).refusal(),
        "LSTM 'LSTM_0' (opset 17) is not supported: it has no counterpart in an encrypted network · \
         help: unroll the network into feed-forward layers before export"
    );
    assert_eq!(
        row()
            .node("Relu", &["x"], "r", &[])
            .node("ArgMax", &["r"], "y", &[int("axis", 1)])
            .refusal(),
        "ArgMax 'ArgMax_1' (opset 17) is not supported: it ranks the outputs, which the owner of the key does after decryption · \
         help: remove the final ArgMax: the argmax stays the same"
    );
    assert_eq!(
        row()
            .node("Softmax", &["x"], "s", &[])
            .node("Relu", &["s"], "y", &[])
            .refusal(),
        "Softmax 'Softmax_0' (opset 17) is not supported: it compares elements with one another, which a polynomial of few levels can not · \
         help: use layers without attention, or a polynomial activation"
    );
    for last in ["Hardmax", "TopK"] {
        let refusal = row()
            .node(last, &["x"], "s", &[])
            .node("Identity", &["s"], "y", &[])
            .refusal();
        assert!(
            refusal.ends_with(&format!(
                "help: remove the final {last}: the argmax stays the same"
            )),
            "{refusal}"
        );
    }
    assert_eq!(
        row().node("Florble", &["x"], "y", &[]).refusal(),
        "Florble 'Florble_0' (opset 17) is not supported: it has no counterpart in an encrypted network · \
         help: see the table of supported operators; onnxsim removes many helper nodes"
    );
    for (operator, why) in [
        (
            "InstanceNormalization",
            "it divides by statistics of the sample",
        ),
        ("ReduceMax", "it compares elements with one another"),
        ("ReduceProd", "it multiplies all elements"),
        ("Sign", "its values jump"),
        (
            "Einsum",
            "it multiplies computed values in ways that are not lowered",
        ),
    ] {
        let refusal = image().node(operator, &["x"], "y", &[]).refusal();
        assert!(refusal.contains(why), "{refusal}");
    }
}

#[test]
fn foreign_domains() {
    let mut net = row().node("Gelu", &["x"], "y", &[]);
    net.graph.node[0].domain = "com.microsoft".into();
    assert_eq!(
        net.refusal(),
        "Gelu 'Gelu_0' (opset 17) is not supported: it belongs to the domain 'com.microsoft', expected the standard operators · \
         help: export without runtime-specific optimization"
    );
}

#[test]
fn operator_sets() {
    let help = "help: export with opset_version=17, or convert with onnx.version_converter";
    for opset in [1, 6, 23] {
        let refusal = row().opset(opset).node("Relu", &["x"], "y", &[]).refusal();
        assert_eq!(
            refusal,
            format!("the model has opset {opset}, supported are 7 to 22 · {help}")
        );
    }
    let mut proto = row().node("Relu", &["x"], "y", &[]).proto();
    proto.opset_import.clear();
    let error = import_bytes(&proto.encode_to_vec(), "test", None).unwrap_err();
    assert_eq!(
        error.to_string(),
        "the model names no opset, supported are 7 to 22"
    );
}

#[test]
fn quantized_networks() {
    let net = row()
        .weight("s", &[], &[0.1])
        .node("QuantizeLinear", &["x", "s"], "q", &[])
        .node("DequantizeLinear", &["q", "s"], "y", &[]);
    assert_eq!(
        net.refusal(),
        "QuantizeLinear 'QuantizeLinear_0' (opset 17) belongs to a quantized network, expected floating point · \
         help: export the floating-point network, before quantization"
    );
}

#[test]
fn weights_that_are_computed() {
    let net = row()
        .random("w", &[12, 12])
        .node("Gemm", &["x", "w"], "h", &[])
        .node("Transpose", &["h"], "t", &[]);
    assert_eq!(
        net.node("MatMul", &["h", "t"], "y", &[]).refusal(),
        "MatMul 'MatMul_2' (opset 17) is not supported: both operands are computed from the network's input, expected a constant weight · \
         help: make one operand a stored tensor"
    );
    let conv = image()
        .random("w", &[4, 4, 1, 1])
        .random("b", &[4])
        .node("Conv", &["x", "w", "b"], "c", &[])
        .node("Conv", &["x", "c"], "y", &[]);
    assert!(matches!(
        conv.import(),
        Err(ImportError::Unsupported { .. } | ImportError::Shape { .. })
    ));
}

#[test]
fn shapes_that_depend_on_values() {
    let net =
        row()
            .node("Cast", &["x"], "s", &[int("to", 7)])
            .node("Reshape", &["x", "s"], "y", &[]);
    assert!(net.refusal().starts_with("Reshape 'Reshape_1' (opset 17): found a shape that depends on values, expected a fixed one"), "{}", net.refusal());
    let misfit = row()
        .random("w", &[11, 5])
        .node("MatMul", &["x", "w"], "y", &[]);
    assert!(matches!(misfit.import(), Err(ImportError::Shape { .. })));
}

#[test]
fn forms_of_supported_operators() {
    let refused = |net: Model, why: &str| assert!(net.refusal().contains(why), "{}", net.refusal());
    refused(
        image()
            .random("w", &[3, 1, 8, 5])
            .node("MatMul", &["x", "w"], "y", &[]),
        "it multiplies stacks of matrices that do not match one to one",
    );
    refused(
        image().node("ReduceMean", &["x"], "y", &[ints("axes", &[0, 1])]),
        "it reduces the batch axis, which mixes samples",
    );
    refused(
        image().node("Concat", &["x", "x"], "y", &[int("axis", 0)]),
        "it joins samples along the batch axis",
    );
    refused(
        image().node("Slice", &["x", "x", "x"], "y", &[]),
        "its start 'x' is computed from the network's input",
    );
    refused(
        image().node("Gather", &["x", "x"], "y", &[]),
        "its indices 'x' are computed from the network's input",
    );
    refused(
        image().node("Shrink", &["x"], "y", &[float("lambd", 1.0)]),
        "found bias 0 and lambd 1: the function jumps",
    );
    refused(
        image().random("w", &[4, 2, 2, 2]).node(
            "ConvTranspose",
            &["x", "w"],
            "y",
            &[ints("output_padding", &[1, 1])],
        ),
        "found output_padding 1 with stride 1",
    );
    refused(
        image().weight("s", &[4], &[1.0, 1.0, 2.0, 2.0]).node(
            "Resize",
            &["x", "", "s"],
            "y",
            &[text("coordinate_transformation_mode", "tf_crop_and_resize")],
        ),
        "found mode 'nearest', coordinates 'tf_crop_and_resize'",
    );
    refused(
        row()
            .weight("e", &[], &[2.5])
            .node("Pow", &["x", "e"], "y", &[]),
        "found the exponent 2.5",
    );
    refused(
        row().node("Div", &["x", "x"], "y", &[]),
        "it divides by a value computed from the network's input",
    );
    refused(
        row()
            .weight("z", &[], &[0.0])
            .node("Div", &["x", "z"], "y", &[]),
        "it divides by zero",
    );
    refused(
        row()
            .node("Relu", &["x"], "r", &[])
            .node("Max", &["x", "r"], "y", &[]),
        "it compares two computed values",
    );
    refused(
        row().node("Cast", &["x"], "y", &[int("to", 7)]),
        "it casts to INT64",
    );
    refused(
        row().node("Celu", &["x"], "y", &[float("alpha", -2.0)]),
        "found alpha -2, expected a positive number",
    );
    refused(
        image().node(
            "AveragePool",
            &["x"],
            "y",
            &[ints("kernel_shape", &[2, 2]), ints("strides", &[0, 1])],
        ),
        "found strides [0, 1], expected numbers from 1",
    );
    refused(
        image().node(
            "MaxPool",
            &["x"],
            "y",
            &[ints("kernel_shape", &[2, 2]), ints("dilations", &[2, 2])],
        ),
        "found dilations (2, 2), expected 1",
    );
    refused(
        Model::new(&["1", "2", "5", "5", "5"])
            .random("w", &[3, 2, 3, 3, 3])
            .node("Conv", &["x", "w"], "y", &[]),
        "found 3 spatial axes, expected 1 or 2",
    );
    refused(
        image()
            .random("w", &[3, 3, 1, 1])
            .node("Conv", &["x", "w"], "y", &[]),
        "Conv 'Conv_0' (opset 17): ",
    );
    refused(
        image().random("w", &[3, 4, 3, 3]).node(
            "Conv",
            &["x", "w"],
            "y",
            &[text("auto_pad", "SOME")],
        ),
        "found auto_pad 'SOME', expected NOTSET",
    );
}
