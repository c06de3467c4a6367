//! Prepares the ONNX graph for shape analysis: one input, a batch of one, constants of bounded size.

use crate::node::OnnxNode;
use crate::tensors::{int64s, n_elements};
use crate::{ImportError, ops};
use std::collections::{HashMap, HashSet};
use tract_onnx::pb::tensor_proto::DataType;
use tract_onnx::pb::tensor_shape_proto::Dimension;
use tract_onnx::pb::tensor_shape_proto::dimension::Value as Size;
use tract_onnx::pb::{GraphProto, TensorProto, ValueInfoProto, type_proto};

/// Elements of the largest tensor accepted, constant or not.
pub(crate) const MAX_ELEMENTS: u64 = 1 << 27;

/// The declared type of an input or output.
pub(crate) fn tensor_type(port: &ValueInfoProto) -> Option<&type_proto::Tensor> {
    let type_proto::Value::TensorType(tensor) = port.r#type.as_ref()?.value.as_ref()?;
    Some(tensor)
}

/// Finds the network's input, checks it and declares its batch as 1; answers with its name and shape.
///
/// # Errors
/// [`ImportError::MultipleInputs`], [`ImportError::Input`].
pub(crate) fn fix(graph: &mut GraphProto) -> Result<(String, Vec<usize>), ImportError> {
    let stored: HashSet<String> = graph.initializer.iter().map(|t| t.name.clone()).collect();
    graph.input.retain(|i| !stored.contains(&i.name));
    let [input] = graph.input.as_mut_slice() else {
        return Err(ImportError::MultipleInputs {
            found: graph.input.iter().map(|i| i.name.clone()).collect(),
        });
    };
    let name = input.name.clone();
    let fault = |why: String| ImportError::Input {
        input: name.clone(),
        why,
    };
    let Some(type_proto::Value::TensorType(tensor)) =
        input.r#type.as_mut().and_then(|t| t.value.as_mut())
    else {
        return Err(fault("is no tensor, expected one".to_owned()));
    };
    let found = DataType::try_from(tensor.elem_type).unwrap_or(DataType::Undefined);
    if !matches!(
        found,
        DataType::Float | DataType::Double | DataType::Float16
    ) {
        return Err(fault(format!(
            "has elements of type {}, expected FLOAT, DOUBLE or FLOAT16",
            found.as_str_name()
        )));
    }
    let dims = tensor
        .shape
        .as_mut()
        .map(|s| s.dim.as_mut_slice())
        .unwrap_or_default();
    let [batch, rest @ ..] = dims else {
        return Err(fault("has no shape, expected [batch, ...]".to_owned()));
    };
    if rest.is_empty() {
        return Err(fault(
            "has one axis, expected a batch axis before it".to_owned(),
        ));
    }
    let fixed = fixed_size(batch).unwrap_or(1);
    batch.value = Some(Size::DimValue(1));
    let text = shape_text(dims);
    let shape: Option<Vec<usize>> = dims.iter().map(fixed_size).collect();
    let shape = shape.ok_or_else(|| {
        fault(format!(
            "has the shape {text}, expected numbers after the batch axis"
        ))
    })?;
    let n_elements = shape
        .iter()
        .try_fold(1u64, |n, &d| n.checked_mul(d as u64))
        .unwrap_or(u64::MAX);
    if n_elements > MAX_ELEMENTS {
        return Err(fault(format!(
            "has {n_elements} elements, expected at most {MAX_ELEMENTS}"
        )));
    }
    if fixed > 1 {
        unbatch_reshapes(graph, fixed);
    }
    Ok((name, shape))
}

fn fixed_size(dim: &Dimension) -> Option<usize> {
    match dim.value {
        Some(Size::DimValue(n)) => usize::try_from(n).ok().filter(|&n| n > 0),
        _ => None,
    }
}

/// `[batch_size, 1, 28, 28]`.
pub(crate) fn shape_text(dims: &[Dimension]) -> String {
    let dim = |d: &Dimension| match &d.value {
        Some(Size::DimValue(n)) => n.to_string(),
        Some(Size::DimParam(name)) => name.clone(),
        None => "?".to_owned(),
    };
    format!("[{}]", dims.iter().map(dim).collect::<Vec<_>>().join(", "))
}

/// Values computed from the network's input; shapes of such values are not.
fn dynamic(graph: &GraphProto) -> HashSet<&str> {
    let mut dynamic: HashSet<&str> = graph.input.iter().map(|i| i.name.as_str()).collect();
    for node in &graph.node {
        if node.op_type != "Shape"
            && node
                .input
                .iter()
                .any(|name| dynamic.contains(name.as_str()))
        {
            dynamic.extend(node.output.iter().map(String::as_str));
        }
    }
    dynamic
}

/// Tensors stored in the model, by the value that holds them.
fn stored(graph: &GraphProto) -> HashMap<&str, &TensorProto> {
    let initializers = graph.initializer.iter().map(|t| (t.name.as_str(), t));
    let constants = graph.node.iter().filter(|n| n.op_type == "Constant");
    let constants = constants.filter_map(|n| {
        Some((
            n.output.first()?.as_str(),
            n.attribute.iter().find_map(|a| a.t.as_ref())?,
        ))
    });
    initializers.chain(constants).collect()
}

/// Where the network's value is reshaped to a stored shape that starts with the old batch, makes that 1.
fn unbatch_reshapes(graph: &mut GraphProto, batch: usize) {
    let mut changed = Vec::new();
    {
        let (dynamic, stored) = (dynamic(graph), stored(graph));
        for (k, node) in graph
            .node
            .iter()
            .enumerate()
            .filter(|(_, n)| n.op_type == "Reshape")
        {
            let (Some(data), Some(shape)) = (node.input.first(), node.input.get(1)) else {
                continue;
            };
            let Some(mut ints) = stored.get(shape.as_str()).and_then(|t| int64s(t)) else {
                continue;
            };
            if dynamic.contains(data.as_str()) && ints.first() == Some(&(batch as i64)) {
                ints[0] = 1;
                changed.push((k, format!("{shape}:batch-1:{k}"), ints));
            }
        }
    }
    for (k, name, ints) in changed {
        graph.node[k].input[1].clone_from(&name);
        let dims = vec![ints.len() as i64];
        let data_type = DataType::Int64 as i32;
        graph.initializer.push(TensorProto {
            name,
            dims,
            data_type,
            int64_data: ints,
            ..TensorProto::default()
        });
    }
}

/// Bounds the sizes of constants that are computed from constants.
///
/// # Errors
/// [`ImportError::TooLarge`], or [`ImportError::Unsupported`] for an operator that is not folded.
pub(crate) fn check_constants(graph: &GraphProto, opset: i64) -> Result<(), ImportError> {
    let (dynamic, stored) = (dynamic(graph), stored(graph));
    let mut bounds: HashMap<&str, u64> = stored
        .iter()
        .map(|(&name, t)| (name, n_elements(t).unwrap_or(u64::MAX)))
        .collect();
    for proto in graph.node.iter().filter(|n| {
        n.output
            .first()
            .is_some_and(|name| !dynamic.contains(name.as_str()))
    }) {
        let node = OnnxNode { proto, opset };
        let of = |k: usize| {
            node.input(k)
                .and_then(|name| bounds.get(name))
                .copied()
                .unwrap_or(1)
        };
        let all = || (0..proto.input.len()).map(of);
        let refuse = |why: &str| {
            let help = "simplify the model with onnxsim, which computes its constants".to_owned();
            Err(ImportError::Unsupported {
                site: node.site(),
                why: why.to_owned(),
                help,
            })
        };
        let bound = match ops::folding(node.operator()) {
            ops::Folding::Constant => proto
                .output
                .first()
                .and_then(|name| bounds.get(name.as_str()))
                .copied()
                .unwrap_or(1 << 10),
            ops::Folding::Shape => 16,
            ops::Folding::FirstOperand => of(0),
            ops::Folding::Sum => all().fold(0, u64::saturating_add),
            ops::Folding::Product => {
                let alike = node.input(0).and_then(|a| stored.get(a)).map(|t| &t.dims);
                let same = alike.is_some()
                    && (1..proto.input.len()).all(|k| {
                        node.input(k).and_then(|b| stored.get(b)).map(|t| &t.dims) == alike
                    });
                if same {
                    of(0)
                } else {
                    all().fold(1, u64::saturating_mul)
                }
            }
            ops::Folding::Filled(k) => match node
                .input(k)
                .and_then(|name| stored.get(name))
                .and_then(|t| int64s(t))
            {
                Some(dims) => dims
                    .iter()
                    .fold(if k == 0 { 1 } else { of(0) }, |n: u64, &d| {
                        n.saturating_mul(u64::try_from(d).unwrap_or(u64::MAX))
                    }),
                None => return refuse("its shape is computed, expected a stored one"),
            },
            ops::Folding::No => return refuse("all its operands are constants"),
        };
        if bound > MAX_ELEMENTS {
            let what = format!("the constant computed by {}", node.origin());
            return Err(ImportError::TooLarge {
                what,
                found: bound,
                limit: MAX_ELEMENTS,
            });
        }
        bounds.extend(proto.output.iter().map(|name| (name.as_str(), bound)));
    }
    Ok(())
}
