//! Linear layers: baby steps, plain products, giant steps, collapse, bias.

use super::{Packed, Site};
use crate::util::linear::linear_map;
use ::circuit::{Circuit, Op, PlainValues, PlainVector, RotationClass, ValueId};
use layout::{Cell, LinearPlan};
use params::Rotation;
use pass::Refusal;

/// `out_i = Σ_b rot(Σ_j Σ_a plain · rot(x_j, a), b)`, then rotate-and-add, then the bias.
pub(super) fn lower(
    circuit: &mut Circuit,
    site: &Site<'_>,
    x: &Packed,
) -> Result<Vec<ValueId>, Refusal> {
    let node = site.graph.node(site.id);
    let plan = node.facts.plan.clone().ok_or_else(|| {
        site.refuse("has no kernel plan")
            .help("run plan-rotations first")
    })?;
    let n_slots = circuit.n_slots();
    let rotation = |amount: u32| Rotation::new(i64::from(amount), n_slots);
    let layer = Some(site.layer);
    let mut outputs = Vec::with_capacity(plan.output.n_ciphertexts as usize);
    for out_ct in 0..plan.output.n_ciphertexts {
        let mut y = match plan.plan.nested {
            true => nested_giants(circuit, site, x, &plan, out_ct),
            false => spread_giants(circuit, site, x, &plan, out_ct),
        };
        for &amount in &plan.collapse {
            let moved = circuit.push_rotation(y, rotation(amount), RotationClass::Collapse, layer);
            y = circuit.push_op(Op::Add(y, moved), layer);
        }
        outputs.push(y);
    }
    let operand = site.graph.operands(site.id)[0];
    let map = linear_map(&node.op, site.graph.shape(operand))
        .ok_or_else(|| site.refuse("is not linear"))?;
    Ok(add_packed(
        circuit,
        site,
        outputs,
        &plan.output.pack(&map.bias),
        "bias",
    ))
}

/// The sum of all giant steps, each rotated on its own.
fn spread_giants(
    circuit: &mut Circuit,
    site: &Site<'_>,
    x: &Packed,
    plan: &LinearPlan,
    out_ct: u32,
) -> ValueId {
    let layer = Some(site.layer);
    let mut giants: Vec<ValueId> = Vec::new();
    for &giant in plan.plan.giants.get(out_ct as usize).into_iter().flatten() {
        let terms = products(circuit, site, x, plan, (out_ct, giant));
        if !terms.is_empty() {
            let sum = circuit.push_sum(&terms, layer);
            let by = Rotation::new(i64::from(giant), circuit.n_slots());
            giants.push(circuit.push_rotation(sum, by, RotationClass::Giant, layer));
        }
    }
    if giants.is_empty() {
        return zero(circuit, site, x);
    }
    circuit.push_sum(&giants, layer)
}

/// The same sum from the last giant down: what has been summed is rotated by the step to the giant before and joins its
/// products.
fn nested_giants(
    circuit: &mut Circuit,
    site: &Site<'_>,
    x: &Packed,
    plan: &LinearPlan,
    out_ct: u32,
) -> ValueId {
    let layer = Some(site.layer);
    let giants = plan
        .plan
        .giants
        .get(out_ct as usize)
        .map_or(&[][..], Vec::as_slice);
    let steps = plan.plan.steps(out_ct as usize);
    let mut sum = None;
    for (&giant, step) in giants.iter().zip(steps).rev() {
        let terms = products(circuit, site, x, plan, (out_ct, giant));
        let inner = (!terms.is_empty()).then(|| circuit.push_sum(&terms, layer));
        let parts: Vec<ValueId> = inner.into_iter().chain(sum).collect();
        let by = Rotation::new(i64::from(step), circuit.n_slots());
        sum = (!parts.is_empty()).then(|| {
            let sum = circuit.push_sum(&parts, layer);
            circuit.push_rotation(sum, by, RotationClass::Giant, layer)
        });
    }
    sum.unwrap_or_else(|| zero(circuit, site, x))
}

/// No weight reaches this ciphertext: it is zero before its bias.
fn zero(circuit: &mut Circuit, site: &Site<'_>, x: &Packed) -> ValueId {
    let zero = Op::MulScalar {
        x: x.cts[0],
        factor: 0.0,
        scale: None,
    };
    circuit.push_op(zero, Some(site.layer))
}

/// The plain products of one output and one giant.
fn products(
    circuit: &mut Circuit,
    site: &Site<'_>,
    x: &Packed,
    plan: &LinearPlan,
    (out_ct, giant): (u32, u32),
) -> Vec<ValueId> {
    let name = &site.graph.node(site.id).name;
    let layer = Some(site.layer);
    let here = |cell: &&Cell| cell.out_ct == out_ct && cell.giant == giant;
    let product = |cell: &Cell| {
        let moved = circuit.push_rotation(
            x.cts[cell.in_ct as usize],
            Rotation::new(i64::from(cell.baby), circuit.n_slots()),
            RotationClass::Baby,
            layer,
        );
        let plain = circuit.add_plain(PlainVector {
            name: format!("{name}.{out_ct}.{}.{giant}.{}", cell.in_ct, cell.baby),
            period: cell.period,
            values: PlainValues::Sparse(cell.entries.clone()),
        });
        let product = Op::MulPlain {
            x: moved,
            plain,
            scale: None,
        };
        circuit.push_op(product, layer)
    };
    plan.cells.iter().filter(here).map(product).collect()
}

/// Adds one plain vector to each ciphertext, where it is not zero.
pub(super) fn add_packed(
    circuit: &mut Circuit,
    site: &Site<'_>,
    cts: Vec<ValueId>,
    packed: &[Vec<f64>],
    what: &str,
) -> Vec<ValueId> {
    let name = &site.graph.node(site.id).name;
    let add = |(i, (x, values)): (usize, (ValueId, &Vec<f64>))| {
        if values.iter().all(|v| *v == 0.0) {
            return x;
        }
        let plain = circuit.add_plain(PlainVector {
            name: format!("{name}.{what}.{i}"),
            period: values.len() as u32,
            values: PlainValues::Dense(values.clone()),
        });
        circuit.push_op(Op::AddPlain { x, plain }, Some(site.layer))
    };
    cts.into_iter().zip(packed).enumerate().map(add).collect()
}
