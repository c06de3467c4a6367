//! Files, tensors and data beside the model: what is refused before any node is read.

mod common;

use common::Model;
use privet_onnx::{import_bytes, import_file};
use tract_onnx::pb::StringStringEntryProto;
use tract_onnx::pb::tensor_proto::{DataLocation, DataType};

fn row() -> Model {
    Model::new(&["1", "12"])
}

#[test]
fn weights_that_diverged() {
    let net = row()
        .weight(
            "w",
            &[12, 1],
            &[
                0.5,
                1.0,
                2.0,
                f32::NAN,
                0.0,
                0.0,
                0.0,
                0.0,
                0.0,
                0.0,
                0.0,
                0.0,
            ],
        )
        .node("MatMul", &["x", "w"], "y", &[]);
    let expected = "tensor 'w' of MatMul 'MatMul_0' (opset 17) has NaN at element 3, expected a finite number · help: train again: a weight diverged";
    assert_eq!(net.refusal(), expected);
    let mut raw = net.clone();
    let tensor = &mut raw.graph.initializer[0];
    tensor.raw_data = std::mem::take(&mut tensor.float_data)
        .iter()
        .flat_map(|v| v.to_le_bytes())
        .collect();
    assert_eq!(raw.refusal(), expected);
}

#[test]
fn tensors_that_do_not_fit_their_declaration() {
    let mut net = row()
        .random("w", &[12, 5])
        .node("MatMul", &["x", "w"], "y", &[]);
    net.graph.initializer[0].dims = vec![1 << 40, 1 << 10];
    assert_eq!(
        net.refusal(),
        "tensor 'w' of MatMul 'MatMul_0' (opset 17): found 60 elements, expected 1125899906842624 for shape [1099511627776, 1024] · \
         help: export the model again"
    );
    net.graph.initializer[0].dims = vec![1 << 40, 1 << 40];
    assert!(
        net.refusal()
            .contains("found the shape [1099511627776, 1099511627776], expected sizes")
    );
    net.graph.initializer[0].dims = vec![-12, 5];
    assert!(
        net.refusal()
            .contains("found the shape [-12, 5], expected sizes")
    );
    net.graph.initializer[0].data_type = DataType::Bfloat16 as i32;
    assert!(
        net.refusal()
            .contains("found element type BFLOAT16, expected FLOAT, DOUBLE or FLOAT16")
    );
}

#[test]
fn constants_that_would_grow() {
    let net = row()
        .random("a", &[20_000, 1])
        .random("b", &[1, 20_000])
        .node("Mul", &["a", "b"], "c", &[])
        .node("MatMul", &["x", "c"], "y", &[]);
    assert_eq!(
        net.refusal(),
        "the constant computed by Mul 'Mul_0' is 400000000, the limit is 134217728 · help: export a smaller network"
    );
    let filled = row()
        .int64s("s", &[1 << 30, 1 << 30])
        .node("ConstantOfShape", &["s"], "c", &[])
        .node("MatMul", &["x", "c"], "y", &[]);
    assert!(
        filled
            .refusal()
            .contains("is 1152921504606846976, the limit is 134217728")
    );
}

#[test]
fn inputs() {
    let two = || {
        let mut net = row().node("Add", &["x", "z"], "y", &[]);
        net.graph.input.push(common::port("z", &["1", "12"]));
        net
    };
    assert_eq!(
        two().refusal(),
        "the model has 2 inputs (x, z), expected one · help: export a network with one input; fold the others into constants"
    );
    let mut unread = two();
    unread.graph.node[0].input[1] = "x".into();
    unread.graph();
    let flexible = Model::new(&["batch", "3", "height", "width"]).node("Relu", &["x"], "y", &[]);
    assert_eq!(
        flexible.refusal(),
        "input 'x' has the shape [1, 3, height, width], expected numbers after the batch axis · \
         help: export with one float input of fixed shape, its first axis the batch"
    );
    assert!(
        Model::new(&["12"])
            .node("Relu", &["x"], "y", &[])
            .refusal()
            .starts_with("input 'x' has one axis, expected a batch axis before it")
    );
    assert!(
        Model::new(&["1", "4611686018427387904", "8"])
            .node("Relu", &["x"], "y", &[])
            .refusal()
            .starts_with("input 'x' has 18446744073709551615")
    );
}

#[test]
fn graphs_that_contradict_themselves() {
    let help = "help: run onnx.checker.check_model on the file and export it again";
    let lost = row().node("Add", &["x", "nowhere"], "y", &[]);
    assert_eq!(
        lost.refusal(),
        format!(
            "the model is inconsistent: Add 'Add_0' reads 'nowhere', which nothing before it defines · {help}"
        )
    );
    let cycle = row()
        .node("Add", &["x", "b"], "a", &[])
        .node("Relu", &["a"], "b", &[]);
    assert!(
        cycle
            .refusal()
            .contains("Add 'Add_0' reads 'b', which nothing before it defines")
    );
    let twice = row()
        .node("Relu", &["x"], "a", &[])
        .node("Tanh", &["x"], "a", &[]);
    assert_eq!(
        twice.refusal(),
        format!(
            "the model is inconsistent: Tanh 'Tanh_1' defines 'a', which is defined already · {help}"
        )
    );
    let mut nothing = row().node("Relu", &["x"], "y", &[]);
    nothing.graph.output.push(common::port("z", &[]));
    assert!(nothing.refusal().contains("nothing defines the output 'z'"));
    let constant = row().random("w", &[1, 12]).node("Neg", &["w"], "y", &[]);
    assert!(constant.import().is_err());
}

#[test]
fn files() {
    let missing = import_file(std::path::Path::new("nowhere.onnx")).unwrap_err();
    assert!(
        missing
            .to_string()
            .starts_with("can not read 'nowhere.onnx': "),
        "{missing}"
    );
    let of = |bytes: &[u8]| import_bytes(bytes, "test", None).unwrap_err().to_string();
    assert_eq!(
        of(&[]),
        "not an ONNX model: found no IR version, expected one, at byte 0"
    );
    assert_eq!(
        of(b"hello world"),
        "not an ONNX model: found wire type 4, expected a protobuf field, at byte 2"
    );
    assert_eq!(
        of(b"\x89PNG\r\n"),
        "the file is truncated: it has 6 bytes, and the field at byte 0 ends at byte 10"
    );
    let bytes = row().node("Relu", &["x"], "y", &[]).bytes();
    assert_eq!(
        of(&bytes[..20]),
        format!(
            "the file is truncated: it has 20 bytes, and the field at byte 8 ends at byte {}",
            bytes.len() - 4
        )
    );
}

#[test]
fn external_data() {
    let folder = tempfile::tempdir().unwrap();
    let inner = folder.path().join("model");
    std::fs::create_dir(&inner).unwrap();
    let values: Vec<u8> = common::noise(60, 1)
        .iter()
        .flat_map(|v| v.to_le_bytes())
        .collect();
    for file in [folder.path().join("outside.bin"), inner.join("weights.bin")] {
        std::fs::write(file, [&[0; 8], values.as_slice()].concat()).unwrap();
    }
    let net = |location: &str, offset: &str, length: &str| {
        let mut net = row()
            .random("w", &[12, 5])
            .node("MatMul", &["x", "w"], "y", &[]);
        let tensor = &mut net.graph.initializer[0];
        tensor.float_data.clear();
        tensor.data_location = Some(DataLocation::External as i32);
        let entry = |key: &str, value: &str| StringStringEntryProto {
            key: key.into(),
            value: value.into(),
        };
        tensor.external_data = vec![
            entry("location", location),
            entry("offset", offset),
            entry("length", length),
        ];
        let path = inner.join("net.onnx");
        std::fs::write(&path, net.bytes()).unwrap();
        import_file(&path).map_err(|e| e.to_string())
    };
    let graph = net("weights.bin", "8", "240").unwrap().graph;
    let graph::Op::Dense { weight, .. } = &graph.node(graph.outputs()[0]).op else {
        panic!("no dense")
    };
    assert_eq!(weight.values()[1], f64::from(common::noise(60, 1)[5]));
    let refused =
        |location: &str, offset: &str, length: &str| net(location, offset, length).unwrap_err();
    let leaves = "it leaves the model's folder, expected a path inside";
    assert_eq!(
        refused("../outside.bin", "8", "240"),
        format!("external data of tensor 'w' at '../outside.bin': {leaves}")
    );
    assert!(
        refused(
            &folder.path().join("outside.bin").to_string_lossy(),
            "8",
            "240"
        )
        .ends_with(leaves)
    );
    assert!(
        refused("weights.bin", "9", "240")
            .ends_with("the file has 248 bytes, expected 240 at byte 9")
    );
    assert!(
        refused("weights.bin", "8", "239")
            .ends_with("found 239 bytes, expected 240 for shape [12, 5]")
    );
    assert!(
        refused("weights.bin", "many", "240").ends_with("found offset 'many', expected a number")
    );
    #[cfg(unix)]
    {
        std::os::unix::fs::symlink(folder.path().join("outside.bin"), inner.join("link.bin"))
            .unwrap();
        assert!(refused("link.bin", "8", "240").ends_with(leaves));
    }
}
