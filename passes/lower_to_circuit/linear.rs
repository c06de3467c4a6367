//! Linear layers: baby steps, plain products, giant steps, collapse, mask and duplicates, bias.

use super::{Packed, Site, multiply};
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
    let layer = Some(site.layer);
    let mut outputs = Vec::with_capacity(plan.output.n_ciphertexts as usize);
    let mut cells = plan
        .cells
        .chunk_by(|a, b| (a.out_ct, a.giant) == (b.out_ct, b.giant))
        .peekable();
    for out_ct in 0..plan.output.n_ciphertexts {
        let mut groups: Vec<&[Cell]> = Vec::new();
        while let Some(group) = cells.next_if(|group| group[0].out_ct == out_ct) {
            groups.push(group);
        }
        if groups.is_empty() {
            // No weight reaches this ciphertext: it is zero before its bias, whatever it is made of. An input is always
            // there, and what led here is not kept alive.
            let zero = Op::MulScalar {
                x: ValueId(0),
                factor: 0.0,
                scale: None,
            };
            outputs.push(circuit.push_op(zero, layer));
            continue;
        }
        let mut y = match plan.plan.nested {
            true => nested_giants(circuit, site, x, &plan, &groups),
            false => spread_giants(circuit, site, x, &groups),
        };
        let add_moved = |circuit: &mut Circuit, y, amount, class| {
            let moved = circuit.push_rotation(y, rotation(circuit, site, amount), class, layer);
            circuit.push_op(Op::Add(y, moved), layer)
        };
        for &amount in &plan.collapse {
            y = add_moved(circuit, y, amount, RotationClass::Collapse);
        }
        if let Some(mask) = &plan.mask {
            let entries = mask.slots.iter().map(|&slot| (slot, 1.0)).collect();
            let name = || format!("{}.mask.{out_ct}", node.name);
            let values = PlainValues::Sparse(entries);
            y = multiply(circuit, site, y, mask.period, values, name);
        }
        for &amount in &plan.duplicate {
            y = add_moved(circuit, y, amount, RotationClass::Conversion);
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

/// A rotation of a sample's slots, in slots of the ciphertext.
fn rotation(circuit: &Circuit, site: &Site<'_>, amount: u32) -> Rotation {
    Rotation::new(i64::from(amount) * i64::from(site.width), circuit.n_slots())
}

/// The sum of all giant steps, each rotated on its own.
fn spread_giants(
    circuit: &mut Circuit,
    site: &Site<'_>,
    x: &Packed,
    groups: &[&[Cell]],
) -> ValueId {
    let layer = Some(site.layer);
    let giant = |group: &&[Cell]| {
        let sum = products(circuit, site, x, group);
        let by = rotation(circuit, site, group[0].giant);
        circuit.push_rotation(sum, by, RotationClass::Giant, layer)
    };
    let giants: Vec<ValueId> = groups.iter().map(giant).collect();
    circuit.push_sum(&giants, layer)
}

/// The same sum from the last giant down: what has been summed is rotated by the step to the giant before and joins its
/// products.
fn nested_giants(
    circuit: &mut Circuit,
    site: &Site<'_>,
    x: &Packed,
    plan: &LinearPlan,
    groups: &[&[Cell]],
) -> ValueId {
    let layer = Some(site.layer);
    let output = groups[0][0].out_ct as usize;
    let giants = plan.plan.giants.get(output).map_or(&[][..], Vec::as_slice);
    let steps = plan.plan.steps(output);
    let mut sum = None;
    for (&giant, step) in giants.iter().zip(steps).rev() {
        let group = groups.iter().find(|group| group[0].giant == giant);
        let inner = group.map(|group| products(circuit, site, x, group));
        let parts: Vec<ValueId> = inner.into_iter().chain(sum).collect();
        let by = rotation(circuit, site, step);
        sum = (!parts.is_empty()).then(|| {
            let sum = circuit.push_sum(&parts, layer);
            circuit.push_rotation(sum, by, RotationClass::Giant, layer)
        });
    }
    sum.expect("some giant has cells")
}

/// The sum of the plain products of one output and one giant.
fn products(circuit: &mut Circuit, site: &Site<'_>, x: &Packed, group: &[Cell]) -> ValueId {
    let node = &site.graph.node(site.id).name;
    let layer = Some(site.layer);
    let product = |cell: &Cell| {
        let by = rotation(circuit, site, cell.baby);
        let source = x.cts[cell.in_ct as usize];
        let moved = circuit.push_rotation(source, by, RotationClass::Baby, layer);
        let name = || {
            format!(
                "{node}.{}.{}.{}.{}",
                cell.out_ct, cell.in_ct, cell.giant, cell.baby
            )
        };
        let values = PlainValues::Sparse(cell.entries.clone());
        multiply(circuit, site, moved, cell.period, values, name)
    };
    let terms: Vec<ValueId> = group.iter().map(product).collect();
    circuit.push_sum(&terms, layer)
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
        let plain = PlainVector::spread(
            format!("{name}.{what}.{i}"),
            values.len() as u32,
            PlainValues::Dense(values.clone()),
            site.width,
        );
        let plain = circuit.add_plain(plain);
        circuit.push_op(Op::AddPlain { x, plain }, Some(site.layer))
    };
    cts.into_iter().zip(packed).enumerate().map(add).collect()
}
