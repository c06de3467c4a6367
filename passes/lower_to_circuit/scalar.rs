//! Linear layers on single elements, one ciphertext each: products with numbers, and sums.

use super::linear::add_packed;
use super::{Packed, Site};
use crate::util::linear::linear_map;
use ::circuit::{Circuit, Op, ValueId};
use pass::Refusal;
use std::collections::HashMap;

/// `y_i = Σ_w w · Σ_{j: W_ij = w} x_j + b_i`: terms of one weight are added before they are multiplied. Such sums are
/// made once for all results, so a pool that was folded into the next layer is still summed once. Where all weights of
/// the layer are 1, nothing is multiplied and no level used.
pub(super) fn lower(
    circuit: &mut Circuit,
    site: &Site<'_>,
    x: &Packed,
) -> Result<Vec<ValueId>, Refusal> {
    let node = site.graph.node(site.id);
    let operand = site.graph.operands(site.id)[0];
    let map = linear_map(&node.op, site.graph.shape(operand))
        .ok_or_else(|| site.refuse("is not linear"))?;
    let layer = Some(site.layer);
    let rows = 0..map.matrix.rows();
    let weights = |row: u32| map.matrix.row(row).filter(|&(_, weight)| weight != 0.0);
    let is_selection = rows.clone().all(|row| {
        let mut weights = weights(row).map(|(_, weight)| weight);
        weights.next() == Some(1.0) && weights.all(|weight| weight == 1.0)
    });
    let mut sums: HashMap<Vec<ValueId>, ValueId> = HashMap::new();
    let mut outputs = Vec::with_capacity(rows.len());
    for row in rows {
        let mut groups: Vec<(f64, Vec<ValueId>)> = Vec::new();
        let mut place: HashMap<u64, usize> = HashMap::new();
        for (column, weight) in weights(row) {
            let at = *place.entry(weight.to_bits()).or_insert(groups.len());
            if at == groups.len() {
                groups.push((weight, Vec::new()));
            }
            groups[at].1.push(x.cts[column as usize]);
        }
        let mut terms = Vec::with_capacity(groups.len());
        for (factor, members) in groups {
            let x = match members[..] {
                [x] => x,
                _ => *sums
                    .entry(members)
                    .or_insert_with_key(|members| circuit.push_sum(members, layer)),
            };
            let scale = None;
            terms.push(match is_selection {
                true => x,
                false => circuit.push_op(Op::MulScalar { x, factor, scale }, layer),
            });
        }
        if terms.is_empty() {
            // No weight reaches this element: it is zero before its bias.
            let (x, factor, scale) = (x.cts[0], 0.0, None);
            terms.push(circuit.push_op(Op::MulScalar { x, factor, scale }, layer));
        }
        outputs.push(circuit.push_sum(&terms, layer));
    }
    let bias: Vec<Vec<f64>> = map.bias.iter().map(|&b| vec![b]).collect();
    Ok(add_packed(circuit, site, outputs, &bias, "bias"))
}
