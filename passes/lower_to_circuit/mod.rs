#![doc = include_str!("README.md")]

mod elementwise;
mod linear;
mod polynomial;
mod scalar;

use crate::util::ports;
use ::circuit::{Circuit, Layer, LayerId, Op as CircuitOp, PlainValues, PlainVector, ValueId};
use graph::{Graph, NodeId, Op};
use layout::Periodic;
use pass::{Lower, PassCx, PassInfo, Refusal};
use std::collections::BTreeMap;

/// See the module.
#[derive(Clone, Copy, Debug, Default)]
pub struct LowerToCircuit;

/// A tensor in ciphertexts.
#[derive(Clone, Debug)]
struct Packed {
    /// One value per ciphertext.
    cts: Vec<ValueId>,
    layout: Periodic,
}

/// What every operator's lowering needs.
struct Site<'a> {
    graph: &'a Graph,
    id: NodeId,
    layer: LayerId,
    /// Slots of the ciphertext for each slot of the layouts: samples that lie side by side.
    width: u32,
}

impl Site<'_> {
    fn refuse(&self, why: impl AsRef<str>) -> Refusal {
        let node = self.graph.node(self.id);
        let origin = node
            .origin
            .first()
            .map_or(node.name.as_str(), String::as_str);
        Refusal::new(format!("{origin}: {}", why.as_ref()))
    }
}

impl Lower for LowerToCircuit {
    fn info(&self) -> PassInfo {
        PassInfo::new(
            "lower-to-circuit",
            "tensor operations become homomorphic operations on their plans",
        )
        .needs("every node has a layout, every linear node a plan; activations are polynomials")
        .gives("a circuit without levels, scales and keys")
    }

    fn lower(&self, graph: &Graph, cx: &mut PassCx<'_>) -> Result<Circuit, Refusal> {
        let layout_of = |id: NodeId| {
            let missing = || {
                Refusal::new(format!("{} has no layout", graph.node(id).name))
                    .help("run choose-packing first")
            };
            graph.node(id).facts.layout.clone().ok_or_else(missing)
        };
        let mut n_inputs = 0;
        let mut tensors: BTreeMap<NodeId, Packed> = BTreeMap::new();
        for &id in graph.inputs() {
            let layout = layout_of(id)?;
            let first = n_inputs;
            n_inputs += layout.n_ciphertexts;
            tensors.insert(
                id,
                Packed {
                    cts: (first..n_inputs).map(ValueId).collect(),
                    layout,
                },
            );
        }
        let mut circuit = Circuit::new(cx.settings.n_slots(), n_inputs as usize);
        for id in graph.order() {
            let node = graph.node(id);
            if matches!(node.op, Op::Input { .. }) {
                continue;
            }
            let operands: Vec<Packed> = graph
                .operands(id)
                .iter()
                .map(|o| tensors[o].clone())
                .collect();
            let layer = circuit.add_layer(Layer {
                name: node.name.clone(),
            });
            let width = cx.settings.batch_width;
            let site = Site {
                graph,
                id,
                layer,
                width,
            };
            let layout = layout_of(id)?;
            let cts = lower_node(&mut circuit, &site, &operands, &layout)?;
            tensors.insert(id, Packed { cts, layout });
        }
        let outputs: Vec<ValueId> = graph
            .outputs()
            .iter()
            .flat_map(|o| tensors[o].cts.clone())
            .collect();
        circuit.set_outputs(outputs);
        circuit.set_bound(crate::util::bound::result_bound(graph, cx.settings));
        cx.note(format!(
            "{} input and {} output ciphertexts",
            n_inputs,
            circuit.outputs().len()
        ));
        Ok(circuit)
    }
}

/// The product with values that repeat every `n_places` slots of a sample; one number for all needs no encoding.
fn multiply(
    circuit: &mut Circuit,
    site: &Site<'_>,
    x: ValueId,
    n_places: u32,
    values: PlainValues,
    name: impl FnOnce() -> String,
) -> ValueId {
    let single = match &values {
        PlainValues::Dense(values) if n_places == 1 => values.first().copied(),
        PlainValues::Sparse(entries) if n_places == 1 => entries.first().map(|&(_, v)| v),
        _ => None,
    };
    let scale = None;
    let op = match single {
        Some(factor) => CircuitOp::MulScalar { x, factor, scale },
        None => {
            let plain = PlainVector::spread(name(), n_places, values, site.width);
            let plain = circuit.add_plain(plain);
            CircuitOp::MulPlain { x, plain, scale }
        }
    };
    circuit.push_op(op, Some(site.layer))
}

fn lower_node(
    circuit: &mut Circuit,
    site: &Site<'_>,
    operands: &[Packed],
    layout: &Periodic,
) -> Result<Vec<ValueId>, Refusal> {
    let node = site.graph.node(site.id);
    match &node.op {
        Op::Conv { .. } | Op::Dense { .. } | Op::Linear { .. } => {
            let of = &operands[0];
            match of.layout.n_slots {
                1 => scalar::lower(circuit, site, of),
                _ => linear::lower(circuit, site, of),
            }
        }
        Op::Polynomial(polynomial) if !polynomial.is_square() && layout.is_dirty() => Err(site
            .refuse(format!(
                "a polynomial of degree {} would act on unknown slots in {layout}",
                polynomial.degree()
            ))
            .help("clear them in the layer before: `*` instead of `1?`")),
        Op::Polynomial(polynomial) => operands[0]
            .cts
            .iter()
            .map(|&x| polynomial::lower(circuit, site, polynomial, x))
            .collect(),
        Op::Affine { scale, shift } => {
            elementwise::affine(circuit, site, &operands[0], scale, shift)
        }
        Op::Add => Ok(elementwise::add(circuit, site, operands)),
        Op::Mul => Ok(elementwise::mul(circuit, site, operands)),
        Op::Reshape { .. } => Ok(operands[0].cts.clone()),
        Op::Select(_) if ports::is_port(site.graph, site.id) => Ok(operands[0].cts.clone()),
        Op::Input { .. } => Err(site.refuse("an input can not be lowered twice")),
        Op::Activation(activation) => Err(site
            .refuse(format!("{} is not a polynomial", activation.word()))
            .help("run approximate-activations first")),
        Op::AvgPool(_)
        | Op::MaxPool(_)
        | Op::GlobalAvgPool
        | Op::Pad(_)
        | Op::ConvTranspose { .. }
        | Op::Select(_)
        | Op::Concat { .. }
        | Op::Mean { .. } => Err(site
            .refuse(format!("{} is not linear yet, in {layout}", node.op.word()))
            .help("run lower-pooling first")),
    }
}
