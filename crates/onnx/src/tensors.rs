//! Checks of stored tensors, before anything reads them.

use crate::node::OnnxNode;
use crate::{ImportError, Site, external};
use std::collections::HashMap;
use std::path::Path;
use tract_onnx::pb::tensor_proto::DataType;
use tract_onnx::pb::{GraphProto, TensorProto};

/// Operators whose operands may be infinite: bounds that do not bind.
const MAY_BE_INFINITE: [&str; 4] = ["Clip", "Max", "Min", "Pad"];

/// Loads external data and checks every tensor that a node reads: type, size, finite elements.
///
/// # Errors
/// [`ImportError::Tensor`], [`ImportError::NonFinite`], [`ImportError::External`].
pub(crate) fn check(
    graph: &mut GraphProto,
    opset: i64,
    folder: Option<&Path>,
) -> Result<(), ImportError> {
    let mut readers: HashMap<String, (Site, bool)> = HashMap::new();
    for proto in &graph.node {
        let node = OnnxNode { proto, opset };
        let bound = MAY_BE_INFINITE.contains(&node.operator());
        for (slot, name) in proto.input.iter().enumerate() {
            let entry = readers
                .entry(name.clone())
                .or_insert_with(|| (node.site(), true));
            entry.1 &= bound && slot > 0;
        }
    }
    graph.initializer.retain(|t| readers.contains_key(&t.name));
    for tensor in &mut graph.initializer {
        let (site, may_be_infinite) = &readers[&tensor.name];
        check_tensor(tensor, site, *may_be_infinite, folder)?;
    }
    for proto in &mut graph.node {
        let node = OnnxNode { proto, opset };
        let (site, output) = (node.site(), node.output().to_owned());
        let may_be_infinite = readers.get(&output).is_some_and(|(_, bound)| *bound);
        for tensor in proto.attribute.iter_mut().filter_map(|a| a.t.as_mut()) {
            tensor.name.clone_from(&output);
            check_tensor(tensor, &site, may_be_infinite, folder)?;
        }
    }
    Ok(())
}

fn check_tensor(
    tensor: &mut TensorProto,
    site: &Site,
    may_be_infinite: bool,
    folder: Option<&Path>,
) -> Result<(), ImportError> {
    let fault = |why: String| ImportError::Tensor {
        tensor: tensor.name.clone(),
        site: site.clone(),
        why,
    };
    let size = element_bytes(tensor.data_type).map_err(fault)?;
    let n_elements = n_elements(tensor)
        .ok_or_else(|| fault(format!("found the shape {:?}, expected sizes", tensor.dims)))?;
    let n_bytes = n_elements.checked_mul(size).ok_or_else(|| {
        fault(format!(
            "found the shape {:?}, expected a smaller one",
            tensor.dims
        ))
    })?;
    if external::is_external(tensor) {
        external::load(tensor, folder, n_bytes)?;
    }
    let fault = |why: String| ImportError::Tensor {
        tensor: tensor.name.clone(),
        site: site.clone(),
        why,
    };
    let stored = n_stored(tensor);
    if !tensor.raw_data.is_empty() && tensor.raw_data.len() as u64 != n_bytes {
        return Err(fault(format!(
            "found {} bytes, expected {n_bytes} for shape {:?}",
            tensor.raw_data.len(),
            tensor.dims
        )));
    }
    if tensor.raw_data.is_empty() && stored != n_elements {
        return Err(fault(format!(
            "found {stored} elements, expected {n_elements} for shape {:?}",
            tensor.dims
        )));
    }
    if may_be_infinite {
        return Ok(());
    }
    match first_non_finite(tensor) {
        Some((index, value)) => Err(ImportError::NonFinite {
            tensor: tensor.name.clone(),
            site: site.clone(),
            index,
            value,
        }),
        None => Ok(()),
    }
}

fn element_bytes(data_type: i32) -> Result<u64, String> {
    let data_type = DataType::try_from(data_type)
        .map_err(|_| format!("found element type {data_type}, expected a number type"))?;
    match data_type {
        DataType::Float | DataType::Int32 | DataType::Uint32 => Ok(4),
        DataType::Double | DataType::Int64 | DataType::Uint64 => Ok(8),
        DataType::Float16 | DataType::Int16 | DataType::Uint16 => Ok(2),
        DataType::Bool | DataType::Int8 | DataType::Uint8 => Ok(1),
        other => Err(format!(
            "found element type {}, expected FLOAT, DOUBLE or FLOAT16",
            other.as_str_name()
        )),
    }
}

/// Product of the declared sizes; `None` for a negative size or an overflow.
pub(crate) fn n_elements(tensor: &TensorProto) -> Option<u64> {
    tensor
        .dims
        .iter()
        .try_fold(1u64, |n, &d| n.checked_mul(u64::try_from(d).ok()?))
}

fn n_stored(tensor: &TensorProto) -> u64 {
    let n = match DataType::try_from(tensor.data_type) {
        Ok(DataType::Float) => tensor.float_data.len(),
        Ok(DataType::Double) => tensor.double_data.len(),
        Ok(DataType::Int64) => tensor.int64_data.len(),
        Ok(DataType::Uint64 | DataType::Uint32) => tensor.uint64_data.len(),
        _ => tensor.int32_data.len(),
    };
    n as u64
}

fn first_non_finite(tensor: &TensorProto) -> Option<(usize, f64)> {
    let raw = tensor.raw_data.as_slice();
    let find = |mut values: Box<dyn Iterator<Item = f64> + '_>| {
        let mut index = 0;
        values.find_map(|x| {
            index += 1;
            (!x.is_finite()).then_some((index - 1, x))
        })
    };
    match DataType::try_from(tensor.data_type).ok()? {
        DataType::Float => {
            let raw = raw
                .as_chunks()
                .0
                .iter()
                .map(|b| f64::from(f32::from_le_bytes(*b)));
            find(Box::new(
                raw.chain(tensor.float_data.iter().map(|&x| f64::from(x))),
            ))
        }
        DataType::Double => {
            let raw = raw.as_chunks().0.iter().map(|b| f64::from_le_bytes(*b));
            find(Box::new(raw.chain(tensor.double_data.iter().copied())))
        }
        DataType::Float16 => {
            // All exponent bits set: infinite without a mantissa, else not a number.
            let value = |bits: u16| match (bits & 0x7c00 == 0x7c00, bits & 0x3ff) {
                (false, _) => 0.0,
                (true, 0) => f64::INFINITY,
                (true, _) => f64::NAN,
            };
            let raw = raw.as_chunks().0.iter().map(|b| u16::from_le_bytes(*b));
            find(Box::new(
                raw.chain(tensor.int32_data.iter().map(|&x| x as u16))
                    .map(value),
            ))
        }
        _ => None,
    }
}

/// Elements of a stored INT64 tensor.
pub(crate) fn int64s(tensor: &TensorProto) -> Option<Vec<i64>> {
    if tensor.data_type != DataType::Int64 as i32 {
        return None;
    }
    if tensor.raw_data.is_empty() {
        return Some(tensor.int64_data.clone());
    }
    Some(
        tensor
            .raw_data
            .as_chunks()
            .0
            .iter()
            .map(|b| i64::from_le_bytes(*b))
            .collect(),
    )
}
