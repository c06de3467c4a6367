//! Linear layers: baby steps, plain products, giant steps, collapse, mask and duplicates, bias.

use super::{Packed, Site, multiply};
use crate::util::linear::linear_map;
use ::circuit::{Circuit, Op, PlainValues, PlainVector, RotationClass, ValueId};
use params::Rotation;
use pass::Refusal;

/// `out_i = Σ_b rot(Σ_j Σ_a plain · rot(x_j, a), b)`, then rotate-and-add, then mask and duplicates if the output is to be
/// replicated, then the bias.
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
    let rotation = |amount: u32| Rotation::new(i64::from(amount) * i64::from(site.width), n_slots);
    let layer = Some(site.layer);
    let mut outputs = Vec::with_capacity(plan.output.n_ciphertexts as usize);
    let mut cells = plan
        .cells
        .chunk_by(|a, b| (a.out_ct, a.giant) == (b.out_ct, b.giant))
        .peekable();
    for out_ct in 0..plan.output.n_ciphertexts {
        let mut giants: Vec<ValueId> = Vec::new();
        while let Some(group) = cells.next_if(|group| group[0].out_ct == out_ct) {
            let mut terms = Vec::with_capacity(group.len());
            for cell in group {
                let moved = circuit.push_rotation(
                    x.cts[cell.in_ct as usize],
                    rotation(cell.baby),
                    RotationClass::Baby,
                    layer,
                );
                let name = || {
                    format!(
                        "{}.{}.{}.{}.{}",
                        node.name, cell.out_ct, cell.in_ct, cell.giant, cell.baby
                    )
                };
                let values = PlainValues::Sparse(cell.entries.clone());
                terms.push(multiply(circuit, site, moved, cell.period, values, name));
            }
            let sum = circuit.push_sum(&terms, layer);
            let giant = rotation(group[0].giant);
            giants.push(circuit.push_rotation(sum, giant, RotationClass::Giant, layer));
        }
        if giants.is_empty() {
            // No weight reaches this ciphertext: it is zero before its bias.
            let zero = Op::MulScalar {
                x: x.cts[0],
                factor: 0.0,
                scale: None,
            };
            outputs.push(circuit.push_op(zero, layer));
            continue;
        }
        let mut y = circuit.push_sum(&giants, layer);
        let add_moved = |circuit: &mut Circuit, y, amount, class| {
            let moved = circuit.push_rotation(y, rotation(amount), class, layer);
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
