//! Structure checks of the ONNX graph: what is alive, in order, supported and of sane size.

use crate::node::OnnxNode;
use crate::{ImportError, OPSETS, ops};
use std::collections::HashSet;
use tract_onnx::pb::{GraphProto, ModelProto};

/// Nodes accepted in one model.
const MAX_NODES: usize = 20_000;
/// Largest kernel, stride, dilation, padding or group count accepted.
const MAX_GEOMETRY: i64 = 1 << 16;

/// The operator set of the standard domain.
///
/// # Errors
/// [`ImportError::Opset`].
pub(crate) fn opset(model: &ModelProto) -> Result<i64, ImportError> {
    let found = model
        .opset_import
        .iter()
        .find(|o| is_standard(&o.domain))
        .map(|o| o.version);
    found
        .filter(|n| OPSETS.contains(n))
        .ok_or(ImportError::Opset { found })
}

fn is_standard(domain: &str) -> bool {
    domain.is_empty() || domain == "ai.onnx"
}

/// Removes nodes that no output needs, and results that nothing reads from the end of each node's list.
///
/// # Errors
/// [`ImportError::Inconsistent`] if a name is defined twice, used before its definition or never defined.
pub(crate) fn keep_live(graph: &mut GraphProto) -> Result<(), ImportError> {
    if graph.node.len() > MAX_NODES {
        let what = "the number of nodes".to_owned();
        return Err(ImportError::TooLarge {
            what,
            found: graph.node.len() as u64,
            limit: MAX_NODES as u64,
        });
    }
    check_order(graph)?;
    let mut read: HashSet<String> = graph.output.iter().map(|o| o.name.clone()).collect();
    let mut live = vec![false; graph.node.len()];
    for (node, live) in graph.node.iter_mut().zip(&mut live).rev() {
        *live = node.output.iter().any(|name| read.contains(name));
        if *live {
            read.extend(node.input.iter().cloned());
            let n_read = node
                .output
                .iter()
                .rposition(|name| read.contains(name))
                .map_or(1, |last| last + 1);
            // How a Split cuts depends on how many results it has.
            if node.op_type != "Split" {
                node.output.truncate(n_read);
            }
        }
    }
    let mut live = live.into_iter();
    graph.node.retain(|_| live.next().unwrap_or(false));
    graph.initializer.retain(|t| read.contains(&t.name));
    graph.input.retain(|i| read.contains(&i.name));
    graph.value_info.clear();
    graph.sparse_initializer.clear();
    graph.quantization_annotation.clear();
    Ok(())
}

fn check_order(graph: &GraphProto) -> Result<(), ImportError> {
    let fault = |what: String| Err(ImportError::Inconsistent { what });
    let mut defined: HashSet<&str> = graph.input.iter().map(|i| i.name.as_str()).collect();
    defined.extend(graph.initializer.iter().map(|t| t.name.as_str()));
    for proto in &graph.node {
        let origin = OnnxNode { proto, opset: 0 }.origin();
        if let Some(name) = proto
            .input
            .iter()
            .find(|n| !n.is_empty() && !defined.contains(n.as_str()))
        {
            return fault(format!(
                "{origin} reads '{name}', which nothing before it defines"
            ));
        }
        if proto.output.first().is_none_or(String::is_empty) {
            return fault(format!("{origin} has no first result"));
        }
        for name in proto.output.iter().filter(|n| !n.is_empty()) {
            if !defined.insert(name) {
                return fault(format!(
                    "{origin} defines '{name}', which is defined already"
                ));
            }
        }
    }
    match graph
        .output
        .iter()
        .find(|o| !defined.contains(o.name.as_str()))
    {
        Some(output) => fault(format!("nothing defines the output '{}'", output.name)),
        None if graph.output.is_empty() => fault("found no output, expected one".to_owned()),
        None => Ok(()),
    }
}

/// Checks that every node is of a supported type and that its sizes are sane.
///
/// # Errors
/// [`ImportError::Quantized`], [`ImportError::Unsupported`], [`ImportError::Shape`].
pub(crate) fn nodes(graph: &GraphProto, opset: i64) -> Result<(), ImportError> {
    let ends = at_the_end(graph);
    for proto in &graph.node {
        let node = OnnxNode { proto, opset };
        let operator = node.operator();
        let refuse = |why: &str, help: &str| {
            Err(ImportError::Unsupported {
                site: node.site(),
                why: why.to_owned(),
                help: help.to_owned(),
            })
        };
        if ops::is_quantized(operator) {
            return Err(ImportError::Quantized { site: node.site() });
        }
        if !is_standard(&proto.domain) {
            let why = format!(
                "it belongs to the domain '{}', expected the standard operators",
                proto.domain
            );
            return refuse(&why, "export without runtime-specific optimization");
        }
        if !ops::is_known(operator) {
            let is_last = ends.contains(node.output());
            let (why, help) = ops::refusal(operator, is_last);
            return refuse(why, &help);
        }
        if let Some(why) = insane_attribute(&node) {
            return Err(ImportError::Shape {
                site: node.site(),
                why,
            });
        }
    }
    Ok(())
}

/// Turns every softmax that only reshaping nodes follow into an identity; says which.
///
/// Its values rank along its axis as its operand's do, and the owner of the key can compute it after decryption.
pub(crate) fn drop_final_softmax(graph: &mut GraphProto) -> Vec<String> {
    let ends: HashSet<String> = only_at_the_end(graph)
        .into_iter()
        .map(str::to_owned)
        .collect();
    let mut remarks = Vec::new();
    for proto in &mut graph.node {
        let is_softmax = matches!(proto.op_type.as_str(), "Softmax" | "LogSoftmax");
        if !is_softmax || !is_standard(&proto.domain) {
            continue;
        }
        let node = OnnxNode { proto, opset: 0 };
        if ends.contains(node.output()) {
            remarks.push(format!(
                "{} is left out: the outputs are the values before it, which rank alike along its axis",
                node.origin()
            ));
            proto.op_type = "Identity".to_owned();
            proto.attribute.clear();
            proto.input.truncate(1);
        }
    }
    remarks
}

/// Values that nothing but renaming and reshaping nodes at the end reads.
fn only_at_the_end(graph: &GraphProto) -> HashSet<&str> {
    let mut ends = at_the_end(graph);
    for node in graph.node.iter().rev() {
        let goes_on = !node.output.iter().all(|name| ends.contains(name.as_str()));
        if goes_on || !PASSES.contains(&node.op_type.as_str()) {
            node.input.iter().for_each(|name| {
                ends.remove(name.as_str());
            });
        }
    }
    ends
}

/// Operators that only rename, reshape and transpose.
const PASSES: [&str; 7] = [
    "Identity",
    "Cast",
    "Reshape",
    "Flatten",
    "Squeeze",
    "Unsqueeze",
    "Transpose",
];

/// Values from which only renaming and reshaping nodes lead to the outputs.
fn at_the_end(graph: &GraphProto) -> HashSet<&str> {
    let mut ends: HashSet<&str> = graph.output.iter().map(|o| o.name.as_str()).collect();
    for node in graph.node.iter().rev() {
        let passes = PASSES.contains(&node.op_type.as_str()) || node.op_type == "ArgMax";
        if passes && node.output.iter().any(|name| ends.contains(name.as_str())) {
            ends.extend(node.input.first().map(String::as_str));
        }
    }
    ends
}

fn insane_attribute(node: &OnnxNode<'_>) -> Option<String> {
    for attribute in &node.proto.attribute {
        let values = match attribute.name.as_str() {
            "kernel_shape" | "strides" | "dilations" => Some((1, &attribute.ints)),
            "pads" if node.operator() == "Pad" => Some((-MAX_GEOMETRY, &attribute.ints)),
            "pads" => Some((0, &attribute.ints)),
            _ => None,
        };
        if let Some((low, ints)) = values {
            let limit = if attribute.name == "pads" { 16 } else { 8 };
            if ints.len() > limit || ints.iter().any(|n| !(low..=MAX_GEOMETRY).contains(n)) {
                return Some(format!(
                    "found {} {ints:?}, expected numbers from {low} to {MAX_GEOMETRY}",
                    attribute.name
                ));
            }
        }
        if attribute.name == "group" && !(1..=MAX_GEOMETRY).contains(&attribute.i) {
            return Some(format!(
                "found group {}, expected 1 to {MAX_GEOMETRY}",
                attribute.i
            ));
        }
        if ["perm", "axes"].contains(&attribute.name.as_str()) && attribute.ints.len() > 8 {
            return Some(format!(
                "found {} axes, expected at most 8",
                attribute.ints.len()
            ));
        }
        if attribute.name == "auto_pad" {
            let known: [&[u8]; 4] = [b"NOTSET", b"VALID", b"SAME_UPPER", b"SAME_LOWER"];
            if !known.contains(&attribute.s.as_slice()) {
                return Some(format!(
                    "found auto_pad '{}', expected NOTSET, VALID, SAME_UPPER or SAME_LOWER",
                    String::from_utf8_lossy(&attribute.s)
                ));
            }
        }
    }
    None
}
