//! ONNX's own node tests, run through the evaluator.
//!
//! They come with the `onnx` Python package, in `onnx/backend/test/data/node`:
//!
//! ```sh
//! PRIVET_ONNX_NODE_TESTS=…/node cargo test --release -p privet-onnx --test node_tests -- --nocapture
//! ```
//!
//! Each is one operator whose operands are all graph inputs. The first floating-point one stays the network's input,
//! the others become stored tensors. Where the first axis is a batch, samples are evaluated one by one; everywhere
//! else a batch axis is put before the input and taken away again by a Reshape.

mod common;

use common::port;
use privet_onnx as onnx;
use prost::Message;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use tract_onnx::pb::tensor_proto::DataType;
use tract_onnx::pb::type_proto::Value;
use tract_onnx::pb::{GraphProto, ModelProto, NodeProto, TensorProto, ValueInfoProto};

/// Operators whose first axis is the batch.
const BATCHED: [&str; 9] = [
    "Conv",
    "ConvTranspose",
    "AveragePool",
    "MaxPool",
    "GlobalAveragePool",
    "GlobalMaxPool",
    "BatchNormalization",
    "DepthToSpace",
    "SpaceToDepth",
];

enum Outcome {
    Passed,
    Refused(String),
    Failed(String),
}

/// A test's model and one set of operands and results.
struct Case {
    model: ModelProto,
    inputs: Vec<TensorProto>,
    outputs: Vec<TensorProto>,
}

/// Operators that the table says are supported, and those it says are computed on constants.
fn table() -> [BTreeSet<&'static str>; 2] {
    let text = include_str!("../OPERATORS.md");
    let (supported, _) = text.split_once("Refused by name").unwrap();
    let (rows, folded) = supported.split_once("On constants alone").unwrap();
    let first_cells = rows.lines().filter(|line| line.starts_with("| `"));
    let cells: Vec<&str> = first_cells
        .filter_map(|row| row.split('|').nth(1))
        .collect();
    let words = |text: &'static str| text.split('`').skip(1).step_by(2);
    let rows = cells.into_iter().flat_map(words).collect();
    [rows, words(folded).collect()]
}

fn read<M: Message + Default>(path: &Path) -> M {
    let bytes = std::fs::read(path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    M::decode(bytes.as_slice()).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
}

/// Data sets of a test; operands that are no tensors end the list.
fn cases(folder: &Path) -> Vec<Case> {
    let tensors = |set: &Path, word: &str| {
        let file = |k| set.join(format!("{word}_{k}.pb"));
        (0..)
            .map(file)
            .take_while(|path| path.exists())
            .map(|path| read(&path))
            .collect()
    };
    let sets = (0..).map(|k| folder.join(format!("test_data_set_{k}")));
    sets.take_while(|set| set.is_dir())
        .map(|set| Case {
            model: read(&folder.join("model.onnx")),
            inputs: tensors(&set, "input"),
            outputs: tensors(&set, "output"),
        })
        .collect()
}

/// Elements of a tensor of numbers.
fn values(tensor: &TensorProto) -> Option<Vec<f64>> {
    let raw = tensor.raw_data.as_slice();
    let half = |bits: u16| {
        let (exponent, fraction) = (i32::from(bits >> 10 & 31), f64::from(bits & 1023));
        let size = match exponent {
            0 => fraction * 2f64.powi(-24),
            31 => f64::INFINITY,
            _ => (1.0 + fraction / 1024.0) * 2f64.powi(exponent - 15),
        };
        if bits >> 15 == 1 { -size } else { size }
    };
    let values: Vec<f64> = match DataType::try_from(tensor.data_type).ok()? {
        DataType::Float if raw.is_empty() => tensor.float_data.iter().map(|&x| x.into()).collect(),
        DataType::Float => raw
            .as_chunks()
            .0
            .iter()
            .map(|b| f32::from_le_bytes(*b).into())
            .collect(),
        DataType::Double if raw.is_empty() => tensor.double_data.clone(),
        DataType::Double => raw
            .as_chunks()
            .0
            .iter()
            .map(|b| f64::from_le_bytes(*b))
            .collect(),
        DataType::Float16 => raw
            .as_chunks()
            .0
            .iter()
            .map(|b| half(u16::from_le_bytes(*b)))
            .collect(),
        DataType::Int64 => raw
            .as_chunks()
            .0
            .iter()
            .map(|b| i64::from_le_bytes(*b) as f64)
            .collect(),
        _ => return None,
    };
    let n: i64 = tensor.dims.iter().product();
    (values.len() as i64 == n).then_some(values)
}

fn is_float(tensor: &TensorProto) -> bool {
    let floats = [DataType::Float, DataType::Double, DataType::Float16];
    floats.iter().any(|&float| float as i32 == tensor.data_type)
}

/// The network of a case, its input's place, and how many samples its input holds.
fn network(case: &Case) -> Result<(ModelProto, usize, usize), String> {
    let mut model = case.model.clone();
    let versions = model.opset_import.iter_mut().find(|o| o.domain.is_empty());
    let version = versions.ok_or("it has no standard operator set")?;
    // The tests name the set in which an operator last changed.
    version.version = version.version.max(7);
    let graph = model.graph.as_mut().ok_or("it has no graph")?;
    if graph.input.len() != case.inputs.len() {
        return Err("its operands are not all tensors".to_owned());
    }
    let at = case.inputs.iter().position(is_float);
    let at = at.ok_or("it has no floating-point operand")?;
    for (k, (input, tensor)) in graph.input.clone().iter().zip(&case.inputs).enumerate() {
        if k != at {
            let name = input.name.clone();
            graph.initializer.push(TensorProto {
                name,
                ..tensor.clone()
            });
        }
    }
    graph.input = vec![graph.input.swap_remove(at)];
    let dims = &case.inputs[at].dims;
    if dims.contains(&0) {
        return Err("its operand is empty".to_owned());
    }
    let is_batched = graph
        .node
        .iter()
        .all(|n| BATCHED.contains(&n.op_type.as_str()));
    let samples = if is_batched { dims[0].max(1) } else { 1 };
    let mut shape: Vec<i64> = dims.clone();
    if is_batched {
        shape[0] = 1;
    } else {
        unsqueeze(graph, dims);
        shape.insert(0, 1);
        // A single number is a vector of one.
        if shape.len() == 1 {
            shape.push(1);
        }
    }
    let shape: Vec<String> = shape.iter().map(i64::to_string).collect();
    let shape: Vec<&str> = shape.iter().map(String::as_str).collect();
    let declared = port(&graph.input[0].name, &shape);
    let kind = graph.input[0].clone();
    graph.input[0] = declared;
    retype(&mut graph.input[0], &kind);
    Ok((model, at, samples as usize))
}

/// Keeps the element type that an input was declared with.
fn retype(port: &mut ValueInfoProto, from: &ValueInfoProto) {
    let kind = |port: &ValueInfoProto| port.r#type.as_ref()?.value.clone();
    let (Some(Value::TensorType(found)), Some(value)) = (
        kind(from),
        port.r#type.as_mut().and_then(|t| t.value.as_mut()),
    ) else {
        return;
    };
    let Value::TensorType(tensor) = value;
    tensor.elem_type = found.elem_type;
}

/// Puts a batch axis before the input and takes it away again.
fn unsqueeze(graph: &mut GraphProto, dims: &[i64]) {
    let name = graph.input[0].name.clone();
    let [batched, shape] = ["batched", "shape"].map(|word| format!("{name} {word}"));
    graph.initializer.push(TensorProto {
        name: shape.clone(),
        dims: vec![dims.len() as i64],
        data_type: DataType::Int64 as i32,
        int64_data: dims.to_vec(),
        ..TensorProto::default()
    });
    graph.input[0].name.clone_from(&batched);
    let reshape = NodeProto {
        name: "sample".into(),
        op_type: "Reshape".into(),
        input: vec![batched, shape],
        output: vec![name],
        ..NodeProto::default()
    };
    graph.node.insert(0, reshape);
}

fn run(case: &Case) -> Outcome {
    let (model, at, samples) = match network(case) {
        Ok(network) => network,
        Err(why) => return Outcome::Refused(why),
    };
    let imported = match onnx::import_bytes(&model.encode_to_vec(), "node", None) {
        Ok(imported) => imported,
        Err(error) => return Outcome::Refused(error.to_string()),
    };
    if let Err(faults) = imported.graph.verify() {
        return Outcome::Failed(format!("invalid: {faults:?}"));
    }
    let Some(x) = values(&case.inputs[at]) else {
        return Outcome::Refused("its operand is not read by this test".to_owned());
    };
    let mut found: Vec<Vec<f64>> = vec![Vec::new(); imported.graph.outputs().len()];
    for sample in x.chunks(x.len() / samples) {
        match graph::evaluate(&imported.graph, &[sample.to_vec()]) {
            Ok(results) => {
                let parts = found.iter_mut().zip(results);
                parts.for_each(|(all, part)| all.extend(part));
            }
            Err(error) => return Outcome::Refused(error.to_string()),
        }
    }
    if !imported.info.remarks.is_empty() {
        found[0] = ranked(case, &found[0]);
    }
    for (found, expected) in found.iter().zip(&case.outputs) {
        let Some(wanted) = values(expected) else {
            return Outcome::Failed("its result is no number".to_owned());
        };
        if found.len() != wanted.len() {
            return Outcome::Failed(format!("{} elements, not {}", found.len(), wanted.len()));
        }
        let is_half = expected.data_type == DataType::Float16 as i32;
        let tolerance = if is_half { 1e-3 } else { 1e-4 };
        for (k, (a, b)) in found.iter().zip(&wanted).enumerate() {
            let is_close = (a - b).abs() <= 1e-5 + tolerance * b.abs();
            if !is_close && a != b && !(a.is_nan() && b.is_nan()) {
                return Outcome::Failed(format!("element {k} is {a}, not {b}"));
            }
        }
    }
    Outcome::Passed
}

/// The softmax, which import leaves to the owner of the key, of what was found.
fn ranked(case: &Case, found: &[f64]) -> Vec<f64> {
    let node = &case.model.graph.as_ref().unwrap().node[0];
    let dims = &case.inputs[0].dims;
    let axis = node
        .attribute
        .iter()
        .find(|a| a.name == "axis")
        .map_or(-1, |a| a.i);
    let axis = axis.rem_euclid(dims.len() as i64) as usize;
    let step: usize = dims[axis + 1..].iter().product::<i64>() as usize;
    let size = dims[axis] as usize;
    let mut result = found.to_vec();
    for start in (0..found.len()).filter(|k| (k / step).is_multiple_of(size)) {
        let line = || (0..size).map(|k| start + k * step);
        let largest = line().map(|k| found[k]).fold(f64::NEG_INFINITY, f64::max);
        let total: f64 = line().map(|k| (found[k] - largest).exp()).sum();
        for k in line() {
            let log = found[k] - largest - total.ln();
            result[k] = if node.op_type == "LogSoftmax" {
                log
            } else {
                log.exp()
            };
        }
    }
    result
}

/// Passed, refused, failed.
type Counts = [usize; 3];

#[test]
fn node_tests_of_onnx() {
    let Some(folder) = std::env::var_os("PRIVET_ONNX_NODE_TESTS").map(PathBuf::from) else {
        println!("skipped: PRIVET_ONNX_NODE_TESTS names no folder of ONNX node tests");
        return;
    };
    let [mut supported, folded] = table();
    supported.extend(["Softmax", "LogSoftmax"]);
    let mut folders: Vec<PathBuf> = std::fs::read_dir(&folder)
        .unwrap_or_else(|e| panic!("{}: {e}", folder.display()))
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.join("model.onnx").is_file())
        .collect();
    folders.sort();
    let mut by_operator: BTreeMap<String, Counts> = BTreeMap::new();
    let (mut reasons, mut failures, mut n_others) = (Vec::new(), Vec::new(), 0);
    for folder in &folders {
        let test = folder.file_name().unwrap().to_string_lossy().into_owned();
        let model: ModelProto = read(&folder.join("model.onnx"));
        let nodes = model.graph.map(|graph| graph.node).unwrap_or_default();
        let known = |n: &NodeProto| {
            let word = n.op_type.as_str();
            n.domain.is_empty() && (supported.contains(word) || folded.contains(word))
        };
        let main = nodes
            .iter()
            .find(|n| supported.contains(n.op_type.as_str()));
        let (Some(main), true) = (main, nodes.iter().all(known)) else {
            n_others += 1;
            continue;
        };
        let operator = match nodes.len() {
            1 => main.op_type.clone(),
            _ => "several".to_owned(),
        };
        for case in cases(folder) {
            let counts = by_operator.entry(operator.clone()).or_default();
            match run(&case) {
                Outcome::Passed => counts[0] += 1,
                Outcome::Refused(why) => {
                    counts[1] += 1;
                    reasons.push(format!("{operator} {test}: {why}"));
                }
                Outcome::Failed(why) => {
                    counts[2] += 1;
                    failures.push(format!("{operator} {test}: {why}"));
                }
            }
        }
    }
    reasons.sort();
    reasons
        .iter()
        .for_each(|reason| println!("refused: {reason}"));
    failures
        .iter()
        .for_each(|failure| println!("FAILED: {failure}"));
    let mut total = [0; 3];
    for (operator, counts) in &by_operator {
        let [passed, refused, failed] = counts;
        println!("{operator:24} {passed:4} passed {refused:4} refused {failed:4} failed");
        total.iter_mut().zip(counts).for_each(|(sum, n)| *sum += n);
    }
    let [passed, refused, failed] = total;
    println!(
        "{} operators: {passed} passed, {refused} refused, {failed} failed; {n_others} tests of other operators",
        by_operator.len()
    );
    assert!(failures.is_empty(), "{failures:#?}");
    assert!(passed > 0, "no test passed");
}
