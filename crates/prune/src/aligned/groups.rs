//! What a circuit pays for, as groups of weights that have to vanish together.

use super::cells::PlannedLayer;
use super::{Members, Pricer};
use privet::passes::util::price::Prices;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use train::ParameterId;

/// What vanishes with a group.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Family {
    /// A product with a plaintext.
    Cell,
    /// A rotation of an input ciphertext.
    Baby,
    /// A rotation of a sum of an output ciphertext.
    Giant,
}

/// Weights that one resource of the circuit serves.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Group {
    /// Place in the list.
    pub id: usize,
    /// The layer.
    pub layer: String,
    /// The resource.
    pub family: Family,
    /// Microseconds of the resource.
    pub cost_us: f64,
    /// The weights, ascending.
    pub members: Vec<(ParameterId, Vec<u32>)>,
    /// Whether the resource costs nothing: baby 0 and giant 0.
    pub exempt: bool,
}

/// The groups of planned layers: per layer cells, then babies of each input ciphertext over all outputs, then giants of each
/// output ciphertext over all inputs.
pub fn groups(pricer: &Pricer, layers: &[PlannedLayer]) -> Vec<Group> {
    let mut groups = Vec::new();
    for layer in layers {
        let costs = Prices::new(pricer.settings(), layer.levels).plan(layer.below + 1);
        type Key = fn(&Members) -> (u32, u32, u32, u32);
        let families: [(Family, f64, Key); 3] = [
            (Family::Cell, costs.c_mul, |c| {
                (c.out_ct, c.in_ct, c.giant, c.baby)
            }),
            (Family::Baby, costs.k_h, |c| (c.in_ct, 0, 0, c.baby)),
            (Family::Giant, costs.k_g, |c| (c.out_ct, 0, 0, c.giant)),
        ];
        for (family, cost_us, key) in families {
            let mut found: BTreeMap<_, Vec<u32>> = BTreeMap::new();
            for cell in &layer.cells {
                found.entry(key(cell)).or_default().extend(&cell.weights);
            }
            for ((.., amount), mut weights) in found {
                weights.sort_unstable();
                weights.dedup();
                let exempt = family != Family::Cell && amount == 0;
                groups.push(Group {
                    id: groups.len(),
                    layer: layer.weight.node.clone(),
                    family,
                    cost_us: if exempt { 0.0 } else { cost_us },
                    members: vec![(layer.weight.clone(), weights)],
                    exempt,
                });
            }
        }
    }
    groups
}
