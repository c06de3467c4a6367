//! Operations element by element.

use super::linear::add_packed;
use super::{Packed, Site, multiply};
use ::circuit::{Circuit, Op, PlainValues, ValueId};
use graph::Tensor;
use pass::Refusal;

/// `x · scale + shift`; one number needs no encoded factor.
pub(super) fn affine(
    circuit: &mut Circuit,
    site: &Site<'_>,
    x: &Packed,
    scale: &Tensor,
    shift: &Tensor,
) -> Result<Vec<ValueId>, Refusal> {
    let node = site.graph.node(site.id);
    let spread = |t: &Tensor| {
        t.broadcast_to(&node.shape).ok_or_else(|| {
            site.refuse(format!(
                "constant of shape {:?} does not fit {:?}",
                t.shape(),
                node.shape
            ))
        })
    };
    let (scale, shift) = (spread(scale)?, spread(shift)?);
    let first = scale.values().first().copied().unwrap_or(1.0);
    let layer = Some(site.layer);
    let scaled: Vec<ValueId> = if scale.values().iter().all(|v| *v == 1.0) {
        x.cts.clone()
    } else if scale.values().iter().all(|v| *v == first) {
        x.cts
            .iter()
            .map(|&x| {
                circuit.push_op(
                    Op::MulScalar {
                        x,
                        factor: first,
                        scale: None,
                    },
                    layer,
                )
            })
            .collect()
    } else {
        let packed = x.layout.pack(scale.values());
        let product = |(i, (&x, values)): (usize, (&ValueId, Vec<f64>))| {
            let name = || format!("{}.scale.{i}", node.name);
            let n_places = values.len() as u32;
            multiply(circuit, site, x, n_places, PlainValues::Dense(values), name)
        };
        x.cts.iter().zip(packed).enumerate().map(product).collect()
    };
    Ok(add_packed(
        circuit,
        site,
        scaled,
        &x.layout.pack(shift.values()),
        "shift",
    ))
}

pub(super) fn add(circuit: &mut Circuit, site: &Site<'_>, operands: &[Packed]) -> Vec<ValueId> {
    let pairs = operands[0].cts.iter().zip(&operands[1].cts);
    pairs
        .map(|(&a, &b)| circuit.push_op(Op::Add(a, b), Some(site.layer)))
        .collect()
}

pub(super) fn mul(circuit: &mut Circuit, site: &Site<'_>, operands: &[Packed]) -> Vec<ValueId> {
    let pairs = operands[0].cts.iter().zip(&operands[1].cts);
    let product = |(&a, &b): (&ValueId, &ValueId)| {
        let product = circuit.push_op(
            if a == b { Op::Square(a) } else { Op::Mul(a, b) },
            Some(site.layer),
        );
        circuit.push_op(Op::Relinearize(product), Some(site.layer))
    };
    pairs.map(product).collect()
}
