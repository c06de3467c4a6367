//! Shapes and constants of all values, by tract's inference rules.
//!
//! tract is stopped before it types or simplifies anything: at this stage one of its nodes stands for one ONNX node,
//! so every value keeps its name and its geometry. Folding and lowering are ours, in f64.

use crate::batch::MAX_ELEMENTS;
use crate::node::OnnxNode;
use crate::{ImportError, Site, ops};
use std::collections::HashMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use tract_onnx::pb::ModelProto;
use tract_onnx::prelude::{OutletId, TVec, TractResult};
use tract_onnx::tract_hir::internal::{
    DatumType, DimLike, Factoid, InferenceFact, InferenceModel, IntoArcTensor, IntoTValue, Tensor,
};

/// What is known about the values of a model, by name.
#[derive(Default)]
pub(crate) struct Facts {
    shapes: HashMap<String, Vec<usize>>,
    constants: HashMap<String, Arc<Tensor>>,
}

impl Facts {
    /// Shape of a value, batch axis included.
    pub(crate) fn shape(&self, value: &str) -> Option<&[usize]> {
        self.shapes.get(value).map(Vec::as_slice)
    }

    pub(crate) fn is_constant(&self, value: &str) -> bool {
        self.constants.contains_key(value)
    }

    /// A constant's shape and elements; `None` if the value is not constant or holds no numbers.
    pub(crate) fn constant(&self, value: &str) -> Option<graph::Tensor> {
        let tensor = self.constants.get(value)?;
        let cast = tensor.cast_to_dt(DatumType::F64).ok()?;
        let elements = cast
            .try_as_plain_ram()
            .ok()?
            .as_slice::<f64>()
            .ok()?
            .to_vec();
        graph::Tensor::new(tensor.shape(), elements)
    }
}

/// Infers shapes and folds constants, node by node in order.
///
/// # Errors
/// [`ImportError::Shape`] for the first node whose shapes do not fit or depend on values.
pub(crate) fn infer(model: &ModelProto, opset: i64) -> Result<Facts, ImportError> {
    let parsed = guarded(|| tract_onnx::onnx().parse(model, None));
    let parsed = parsed.map_err(|why| ImportError::Shape {
        site: named_in(model, opset, &why),
        why,
    })?;
    let nodes = model
        .graph
        .as_ref()
        .map(|g| g.node.as_slice())
        .unwrap_or_default();
    let mut inference = parsed.model;
    let mut facts = Facts::default();
    for (value, &outlet) in &parsed.outlets_by_name {
        record(&mut facts, &inference, value, outlet);
    }
    // Results of ONNX nodes come last in tract's list, in the same order.
    let first = inference.nodes().len().saturating_sub(nodes.len());
    for (k, proto) in nodes.iter().enumerate() {
        let node = OnnxNode { proto, opset };
        let fault = |why: String| ImportError::Shape {
            site: node.site(),
            why,
        };
        check_axes(node, &facts).map_err(fault)?;
        let is_computed = node.input(0).is_some_and(|x| !facts.is_constant(x));
        match ops::shapes(node, &facts).filter(|_| is_computed) {
            Some(shapes) => {
                let shapes = shapes.map_err(|fault| fault.at(node))?;
                set_shapes(&mut inference, first + k, &shapes).map_err(fault)?;
            }
            None => guarded(|| infer_node(&mut inference, first + k)).map_err(fault)?,
        }
        for value in proto.output.iter().filter(|name| !name.is_empty()) {
            if let Some(&outlet) = parsed.outlets_by_name.get(value) {
                record(&mut facts, &inference, value, outlet);
            }
            let shape = facts.shape(value).ok_or_else(|| {
                fault("found a shape that depends on values, expected a fixed one".to_owned())
            })?;
            let n = shape
                .iter()
                .try_fold(1u64, |n, &d| n.checked_mul(d as u64))
                .unwrap_or(u64::MAX);
            if n > MAX_ELEMENTS || shape.contains(&0) && !facts.is_constant(value) {
                return Err(fault(format!(
                    "found a result of shape {shape:?}, expected 1 to {MAX_ELEMENTS} elements"
                )));
            }
        }
    }
    Ok(facts)
}

/// Attributes that tract indexes without looking: one number per spatial axis, an axis that exists.
fn check_axes(node: OnnxNode<'_>, facts: &Facts) -> Result<(), String> {
    let Some(rank) = node
        .input(0)
        .and_then(|x| facts.shape(x))
        .map(<[usize]>::len)
    else {
        return Ok(());
    };
    match node.operator() {
        "Conv" | "AveragePool" | "MaxPool" => {
            let spatial = rank.saturating_sub(2);
            for (name, expected) in [
                ("kernel_shape", spatial),
                ("strides", spatial),
                ("dilations", spatial),
                ("pads", 2 * spatial),
            ] {
                if let Some(ints) = node.ints(name).filter(|ints| ints.len() != expected) {
                    return Err(format!(
                        "found {name} {ints:?}, expected {expected} numbers"
                    ));
                }
            }
            Ok(())
        }
        "Flatten" if node.int("axis", 1).unsigned_abs() > rank as u64 => Err(format!(
            "found axis {}, expected one of {rank}",
            node.int("axis", 1)
        )),
        _ => Ok(()),
    }
}

fn record(facts: &mut Facts, model: &InferenceModel, value: &str, outlet: OutletId) {
    let Ok(fact) = model.outlet_fact(outlet) else {
        return;
    };
    let shape = fact
        .shape
        .concretize()
        .and_then(|dims| dims.iter().map(|d| d.to_usize().ok()).collect());
    if let Some(shape) = shape {
        facts.shapes.insert(value.to_owned(), shape);
    }
    if let Some(tensor) = fact.value.concretize() {
        facts.constants.insert(value.to_owned(), tensor);
    }
}

/// Results of the first operand's type, in these shapes.
fn set_shapes(model: &mut InferenceModel, id: usize, shapes: &[Vec<usize>]) -> Result<(), String> {
    guarded(|| {
        let found = {
            let (inputs, _) = model.node_facts(id)?;
            inputs.first().and_then(|fact| fact.datum_type.concretize())
        };
        let datum_type = found.unwrap_or(DatumType::F32);
        for (slot, shape) in shapes.iter().enumerate() {
            let fact = InferenceFact::dt_shape(datum_type, shape.as_slice());
            model.set_outlet_fact(OutletId::new(id, slot), fact)?;
        }
        Ok(())
    })
}

/// One step of inference; results of constant operands are computed, whatever their size.
fn infer_node(model: &mut InferenceModel, id: usize) -> TractResult<()> {
    let (inputs, outputs) = model.node_facts(id)?;
    let inputs: TVec<InferenceFact> = inputs.into_iter().cloned().collect();
    let outputs: TVec<InferenceFact> = outputs.into_iter().cloned().collect();
    let op = &mut model.node_mut(id).op;
    let (_, mut inferred, _) = op.infer(
        inputs.iter().collect(),
        outputs.iter().collect(),
        TVec::new(),
    )?;
    let known: Option<TVec<_>> = inputs
        .iter()
        .map(|fact| fact.value.concretize().map(|t| t.into_tvalue()))
        .collect();
    if let Some(values) = known.filter(|v| !v.is_empty())
        && inferred.iter().any(|fact| !fact.value.is_concrete())
        && let Some(results) = op.eval_out_of_plan(values)?
    {
        inferred = results
            .into_iter()
            .map(|t| InferenceFact::try_from(t.into_arc_tensor()))
            .collect::<TractResult<_>>()?;
    }
    for (slot, fact) in inferred.into_iter().enumerate() {
        model.set_outlet_fact(OutletId::new(id, slot), fact)?;
    }
    Ok(())
}

/// Runs foreign code; its errors and its panics become one line.
fn guarded<T>(run: impl FnOnce() -> TractResult<T>) -> Result<T, String> {
    match catch_unwind(AssertUnwindSafe(run)) {
        Ok(Ok(result)) => Ok(result),
        Ok(Err(error)) => Err(line(
            &error
                .chain()
                .map(ToString::to_string)
                .collect::<Vec<_>>()
                .join(": "),
        )),
        Err(panic) => {
            let text = panic
                .downcast_ref::<String>()
                .map(String::as_str)
                .or(panic.downcast_ref::<&str>().copied());
            Err(line(text.unwrap_or("shape inference stopped")))
        }
    }
}

/// The start of a message, in one line that begins in lower case and has no final stop.
fn line(text: &str) -> String {
    let words: Vec<&str> = text.split_whitespace().collect();
    let text: String = words.join(" ").chars().take(300).collect();
    let mut chars = text.trim_end_matches(['.', ':', ' ']).chars();
    chars
        .next()
        .map(|c| c.to_lowercase().chain(chars).collect())
        .unwrap_or_default()
}

/// The node that a message about building nodes means.
fn named_in(model: &ModelProto, opset: i64, message: &str) -> Site {
    let nodes = model
        .graph
        .as_ref()
        .map(|g| g.node.as_slice())
        .unwrap_or_default();
    let found = nodes
        .iter()
        .find(|n| message.contains(&format!("building node {} ({})", n.name, n.op_type)));
    let unknown = Site {
        operator: "graph".to_owned(),
        node: model
            .graph
            .as_ref()
            .map_or(String::new(), |g| g.name.clone()),
        opset,
    };
    found.map_or(unknown, |proto| OnnxNode { proto, opset }.site())
}
