//! Operation counts: exact integers, the same planned and executed.

use crate::{Circuit, Kind, LayerId, Op, RotationClass, Value};
use std::ops::AddAssign;

/// How often each operation occurs. A plain `rotate`, `conjugate` or `relinearize` counts as one decompose, one key
/// product and one mod down too, so that circuits compare in the same units before and after hoisting.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, Hash)]
pub struct Counts {
    /// Slot rotations of every class: the figure the literature calls rotations.
    pub rotations: u64,
    /// Baby steps.
    pub baby: u64,
    /// Giant steps.
    pub giant: u64,
    /// Rotate-and-adds.
    pub collapse: u64,
    /// Changes of layout, and rotations of no class.
    pub conversion: u64,
    /// Complex conjugations.
    pub conjugate: u64,
    /// Rotations of shared digits, whatever their class.
    pub rotations_hoisted: u64,
    /// Inner products of digits and a key.
    pub key_products: u64,
    /// Decompositions into digits. One of an `ext` value includes the mod down of one of its two parts.
    pub decompose: u64,
    /// Divisions by P.
    pub mod_down: u64,
    /// Relinearizations.
    pub relinearize: u64,
    /// Divisions by a chain prime, those merged into a mod down included.
    pub rescale: u64,
    /// Products with a plain vector.
    pub mul_plain: u64,
    /// Products with one number.
    pub mul_scalar: u64,
    /// Products of two ciphertexts, squares included.
    pub mul: u64,
    /// Additions and subtractions of two ciphertexts; a sum of n terms counts n − 1.
    pub add: u64,
    /// Additions of a plain vector.
    pub add_plain: u64,
    /// Plain vectors encoded: one per `mul_plain` and `add_plain`.
    pub encode: u64,
    /// Bootstraps.
    pub bootstrap: u64,
    /// Client refreshes.
    pub refresh: u64,
}

impl Counts {
    /// Every count with its name, in the report's order.
    pub fn named(&self) -> [(&'static str, u64); 20] {
        [
            ("rotations", self.rotations),
            ("baby", self.baby),
            ("giant", self.giant),
            ("collapse", self.collapse),
            ("conversion", self.conversion),
            ("conjugate", self.conjugate),
            ("rotations_hoisted", self.rotations_hoisted),
            ("key_products", self.key_products),
            ("decompose", self.decompose),
            ("mod_down", self.mod_down),
            ("relinearize", self.relinearize),
            ("rescale", self.rescale),
            ("mul_plain", self.mul_plain),
            ("mul_scalar", self.mul_scalar),
            ("mul", self.mul),
            ("add", self.add),
            ("add_plain", self.add_plain),
            ("encode", self.encode),
            ("bootstrap", self.bootstrap),
            ("refresh", self.refresh),
        ]
    }
}

impl AddAssign for Counts {
    fn add_assign(&mut self, o: Self) {
        self.rotations += o.rotations;
        self.baby += o.baby;
        self.giant += o.giant;
        self.collapse += o.collapse;
        self.conversion += o.conversion;
        self.conjugate += o.conjugate;
        self.rotations_hoisted += o.rotations_hoisted;
        self.key_products += o.key_products;
        self.decompose += o.decompose;
        self.mod_down += o.mod_down;
        self.relinearize += o.relinearize;
        self.rescale += o.rescale;
        self.mul_plain += o.mul_plain;
        self.mul_scalar += o.mul_scalar;
        self.mul += o.mul;
        self.add += o.add;
        self.add_plain += o.add_plain;
        self.encode += o.encode;
        self.bootstrap += o.bootstrap;
        self.refresh += o.refresh;
    }
}

/// Counts of one value.
pub fn counts_of(value: &Value) -> Counts {
    let mut c = Counts::default();
    let mut rotation = |hoisted: bool| {
        c.rotations = 1;
        c.key_products = 1;
        match value.class {
            Some(RotationClass::Baby) => c.baby = 1,
            Some(RotationClass::Giant) => c.giant = 1,
            Some(RotationClass::Collapse) => c.collapse = 1,
            Some(RotationClass::Conversion) | None => c.conversion = 1,
        }
        if hoisted {
            c.rotations_hoisted = 1;
        } else {
            c.decompose = 1;
            c.mod_down = 1;
        }
    };
    match &value.op {
        Op::Input { .. } | Op::DropLevel { .. } | Op::Extend(_) | Op::Neg(_) => {}
        Op::Add(..) | Op::Sub(..) => c.add = 1,
        Op::Sum(terms) => c.add = terms.len() as u64 - 1,
        Op::AddPlain { .. } => {
            c.add_plain = 1;
            c.encode = 1;
        }
        Op::MulPlain { .. } => {
            c.mul_plain = 1;
            c.encode = 1;
        }
        Op::MulScalar { .. } => c.mul_scalar = 1,
        Op::Mul(..) | Op::Square(_) => c.mul = 1,
        Op::Relinearize(_) => {
            c.relinearize = 1;
            c.decompose = 1;
            c.key_products = 1;
            c.mod_down = 1;
        }
        Op::Rescale(_) => c.rescale = 1,
        Op::Rotate { .. } => rotation(false),
        Op::RotateHoisted { .. } => rotation(true),
        Op::Conjugate(_) => {
            c.conjugate = 1;
            c.decompose = 1;
            c.key_products = 1;
            c.mod_down = 1;
        }
        Op::Decompose(_) => c.decompose = 1,
        Op::ModDown { rescale, .. } => {
            c.mod_down = 1;
            c.rescale = u64::from(*rescale);
        }
        Op::Refresh { .. } => c.refresh = 1,
    }
    c
}

/// Counts of the whole circuit.
pub fn counts(circuit: &Circuit) -> Counts {
    let mut total = Counts::default();
    circuit.values().iter().for_each(|v| total += counts_of(v));
    total
}

/// Counts of each layer, in layer order; values of no layer are left out.
pub fn layer_counts(circuit: &Circuit) -> Vec<Counts> {
    let mut layers = vec![Counts::default(); circuit.layers().len()];
    for value in circuit.values() {
        if let Some(LayerId(index)) = value.layer
            && let Some(layer) = layers.get_mut(usize::from(index))
        {
            *layer += counts_of(value);
        }
    }
    layers
}

impl Circuit {
    /// Rescales on the longest path: the level an input needs if none is wasted and nothing is refreshed.
    pub fn depth(&self) -> u64 {
        let mut depth = vec![0u64; self.values().len()];
        for (id, op) in self.ops() {
            let below = op
                .operands()
                .iter()
                .map(|o| depth[o.index()])
                .max()
                .unwrap_or(0);
            depth[id.index()] = below
                + u64::from(matches!(
                    op,
                    Op::Rescale(_) | Op::ModDown { rescale: true, .. }
                ));
        }
        self.outputs()
            .iter()
            .map(|o| depth[o.index()])
            .max()
            .unwrap_or(0)
    }

    /// Number of different rotation amounts, conjugation included: Galois keys to make.
    pub fn n_galois_keys(&self) -> u64 {
        let mut amounts: Vec<u32> = self
            .ops()
            .filter_map(|(_, op)| match op {
                Op::Rotate { by, .. } | Op::RotateHoisted { by, .. } => Some(by.amount()),
                Op::Conjugate(_) => Some(u32::MAX),
                _ => None,
            })
            .collect();
        amounts.sort_unstable();
        amounts.dedup();
        amounts.len() as u64
    }

    /// Kind of one value, if its operands fit.
    pub fn kind(&self, id: crate::ValueId) -> Option<Kind> {
        self.kinds()[id.index()]
    }
}
