//! The circuit: a vector of values in topological order.

use crate::{Kind, LayerId, Op, PlainId, PlainVector, RotationClass, Value, ValueId};
use params::{GaloisElement, Level, Params, Rotation, Scale};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Level and scale of an input, once they are known.
#[derive(Clone, Debug, PartialEq, Default, Serialize, Deserialize)]
pub struct InputFact {
    /// Fresh level.
    pub level: Option<Level>,
    /// Fresh scale.
    pub scale: Option<Scale>,
}

/// A layer of the network behind the circuit, for per-layer counts.
#[derive(Clone, Debug, PartialEq, Default, Serialize, Deserialize)]
pub struct Layer {
    /// The graph node's name.
    pub name: String,
}

/// Keys that a run needs, each with the highest level at which it is used.
#[derive(Clone, Debug, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct KeyManifest {
    /// Rotation keys by amount.
    pub rotations: BTreeMap<Rotation, Level>,
    /// The conjugation key.
    pub conjugation: Option<Level>,
    /// The relinearization key.
    pub relinearization: Option<Level>,
}

impl KeyManifest {
    /// Galois elements with the level of each key, amounts first, conjugation last.
    pub fn galois(&self, log_n: u8) -> Vec<(GaloisElement, Level)> {
        let rotations = self.rotations.iter().map(|(r, l)| (r.galois(log_n), *l));
        rotations
            .chain(
                self.conjugation
                    .map(|l| (GaloisElement::conjugation(log_n), l)),
            )
            .collect()
    }

    /// Bytes of all keys, expanded.
    pub fn bytes(&self, params: &Params) -> u64 {
        let levels = self
            .rotations
            .values()
            .chain(&self.conjugation)
            .chain(&self.relinearization);
        levels.map(|&l| params.key_bytes(l)).sum()
    }
}

/// A list of homomorphic operations, operands before users.
#[derive(Clone, Debug, PartialEq)]
pub struct Circuit {
    n_slots: usize,
    inputs: Vec<InputFact>,
    values: Vec<Value>,
    plains: Vec<Arc<PlainVector>>,
    outputs: Vec<ValueId>,
    layers: Vec<Layer>,
    params: Option<Params>,
    keys: Option<KeyManifest>,
    bound: Option<f64>,
}

/// Checked parts of a circuit.
pub(crate) struct Stored {
    pub n_slots: usize,
    pub inputs: Vec<InputFact>,
    pub values: Vec<Value>,
    pub plains: Vec<PlainVector>,
    pub outputs: Vec<ValueId>,
    pub layers: Vec<Layer>,
    pub params: Option<Params>,
    pub keys: Option<KeyManifest>,
    pub bound: Option<f64>,
}

impl Circuit {
    /// A circuit of parts that were checked.
    pub(crate) fn from_stored(stored: Stored) -> Self {
        let Stored {
            n_slots,
            inputs,
            values,
            plains,
            outputs,
            layers,
            params,
            keys,
            bound,
        } = stored;
        let plains = plains.into_iter().map(Arc::new).collect();
        Self {
            n_slots,
            inputs,
            values,
            plains,
            outputs,
            layers,
            params,
            keys,
            bound,
        }
    }

    /// A circuit without operations for ciphertexts of `n_slots` slots, with `n_inputs` encrypted inputs, which are
    /// its first values.
    pub fn new(n_slots: usize, n_inputs: usize) -> Self {
        let values = (0..n_inputs as u32)
            .map(|index| Value {
                op: Op::Input { index },
                layer: None,
                class: None,
            })
            .collect();
        Self {
            n_slots,
            inputs: vec![InputFact::default(); n_inputs],
            values,
            plains: Vec::new(),
            outputs: Vec::new(),
            layers: Vec::new(),
            params: None,
            keys: None,
            bound: None,
        }
    }

    /// An empty circuit with the inputs, layers, plain vectors and parameters of this one; what rewriting passes fill.
    pub fn emptied(&self) -> Self {
        Self {
            values: Vec::new(),
            outputs: Vec::new(),
            ..self.clone()
        }
    }

    /// Appends a value. The operation may read only values that exist.
    ///
    /// # Panics
    /// If an operand does not exist yet.
    pub fn push(&mut self, value: Value) -> ValueId {
        assert!(
            value
                .op
                .operands()
                .iter()
                .all(|o| o.index() < self.values.len()),
            "operands come before users"
        );
        self.values.push(value);
        ValueId(self.values.len() as u32 - 1)
    }

    /// Appends an operation for a layer.
    pub fn push_op(&mut self, op: Op, layer: Option<LayerId>) -> ValueId {
        self.push(Value {
            op,
            layer,
            class: None,
        })
    }

    /// Appends a rotation; nothing if it moves nothing.
    pub fn push_rotation(
        &mut self,
        x: ValueId,
        by: Rotation,
        class: RotationClass,
        layer: Option<LayerId>,
    ) -> ValueId {
        if by.is_zero() {
            return x;
        }
        self.push(Value {
            op: Op::Rotate { x, by },
            layer,
            class: Some(class),
        })
    }

    /// Appends the sum of one or more values.
    pub fn push_sum(&mut self, terms: &[ValueId], layer: Option<LayerId>) -> ValueId {
        match *terms {
            [x] => x,
            [a, b] => self.push_op(Op::Add(a, b), layer),
            _ => self.push_op(Op::Sum(terms.to_vec()), layer),
        }
    }

    /// Adds a plain vector.
    pub fn add_plain(&mut self, plain: PlainVector) -> PlainId {
        self.plains.push(Arc::new(plain));
        PlainId(self.plains.len() as u32 - 1)
    }

    /// Adds a layer.
    pub fn add_layer(&mut self, layer: Layer) -> LayerId {
        self.layers.push(layer);
        LayerId(self.layers.len() as u16 - 1)
    }

    /// Declares the results.
    pub fn set_outputs(&mut self, outputs: Vec<ValueId>) {
        self.outputs = outputs;
    }

    /// Slots of each ciphertext.
    pub fn n_slots(&self) -> usize {
        self.n_slots
    }

    /// Facts of the inputs.
    pub fn inputs(&self) -> &[InputFact] {
        &self.inputs
    }

    /// Facts of the inputs, to set level and scale.
    pub fn inputs_mut(&mut self) -> &mut [InputFact] {
        &mut self.inputs
    }

    /// All values with their ids, operands before users.
    pub fn ops(&self) -> impl DoubleEndedIterator<Item = (ValueId, &Op)> {
        self.values
            .iter()
            .enumerate()
            .map(|(i, v)| (ValueId(i as u32), &v.op))
    }

    /// All values, operands before users.
    pub fn values(&self) -> &[Value] {
        &self.values
    }

    /// All values, to edit in place; operands must stay before users.
    pub fn values_mut(&mut self) -> &mut [Value] {
        &mut self.values
    }

    /// A value.
    pub fn value(&self, id: ValueId) -> &Value {
        &self.values[id.index()]
    }

    /// An operation.
    pub fn op(&self, id: ValueId) -> &Op {
        &self.values[id.index()].op
    }

    /// Plain vectors.
    pub fn plains(&self) -> &[Arc<PlainVector>] {
        &self.plains
    }

    /// A plain vector.
    pub fn plain(&self, id: PlainId) -> &Arc<PlainVector> {
        &self.plains[id.0 as usize]
    }

    /// Results.
    pub fn outputs(&self) -> &[ValueId] {
        &self.outputs
    }

    /// Layers.
    pub fn layers(&self) -> &[Layer] {
        &self.layers
    }

    /// Parameters, once chosen.
    pub fn params(&self) -> Option<&Params> {
        self.params.as_ref()
    }

    /// Fixes the parameters.
    pub fn set_params(&mut self, params: Params) {
        self.params = Some(params);
    }

    /// Keys, once planned.
    pub fn keys(&self) -> Option<&KeyManifest> {
        self.keys.as_ref()
    }

    /// Fixes the keys.
    pub fn set_keys(&mut self, keys: Option<KeyManifest>) {
        self.keys = keys;
    }

    /// Largest magnitude that results are expected to have, if known.
    pub fn bound(&self) -> Option<f64> {
        self.bound
    }

    /// States the largest magnitude that results are expected to have.
    pub fn set_bound(&mut self, bound: Option<f64>) {
        self.bound = bound;
    }

    /// For each value, the values that read it, each once and in order.
    pub fn users(&self) -> Vec<Vec<ValueId>> {
        let mut users: Vec<Vec<ValueId>> = vec![Vec::new(); self.values.len()];
        for (id, op) in self.ops() {
            for operand in op.operands() {
                let list = &mut users[operand.index()];
                if list.last() != Some(&id) {
                    list.push(id);
                }
            }
        }
        users
    }

    /// Copies this circuit value by value into an emptied one. `emit` gets the new circuit, the old id and the value
    /// with its operands already renumbered, appends what it likes and returns the id that stands for the old value.
    #[must_use]
    pub fn rebuild(&self, mut emit: impl FnMut(&mut Circuit, ValueId, Value) -> ValueId) -> Self {
        let mut next = self.emptied();
        let mut moved: Vec<ValueId> = Vec::with_capacity(self.values.len());
        for (i, value) in self.values.iter().enumerate() {
            let value = Value {
                op: value.op.clone().map_operands(|o| moved[o.index()]),
                ..value.clone()
            };
            let id = emit(&mut next, ValueId(i as u32), value);
            moved.push(id);
        }
        next.outputs = self.outputs.iter().map(|o| moved[o.index()]).collect();
        next
    }

    /// Drops values that no output needs and plain vectors that no value reads, and renumbers. Inputs stay.
    pub fn compact(&mut self) {
        let mut live = vec![false; self.values.len()];
        self.outputs.iter().for_each(|o| live[o.index()] = true);
        for i in (0..self.values.len()).rev() {
            if live[i] || matches!(self.values[i].op, Op::Input { .. }) {
                live[i] = true;
                self.values[i]
                    .op
                    .operands()
                    .iter()
                    .for_each(|o| live[o.index()] = true);
            }
        }
        let mut plain_moved: Vec<Option<PlainId>> = vec![None; self.plains.len()];
        let mut plains = Vec::new();
        let mut moved = vec![ValueId(u32::MAX); self.values.len()];
        let mut values = Vec::with_capacity(self.values.len());
        for (i, mut value) in std::mem::take(&mut self.values)
            .into_iter()
            .enumerate()
            .filter(|(i, _)| live[*i])
        {
            value.op = value.op.map_operands(|o| moved[o.index()]);
            if let Op::MulPlain { plain, .. } | Op::AddPlain { plain, .. } = &mut value.op {
                let old = plain.0 as usize;
                *plain = *plain_moved[old].get_or_insert_with(|| {
                    plains.push(self.plains[old].clone());
                    PlainId(plains.len() as u32 - 1)
                });
            }
            moved[i] = ValueId(values.len() as u32);
            values.push(value);
        }
        self.values = values;
        self.plains = plains;
        self.outputs.iter_mut().for_each(|o| *o = moved[o.index()]);
    }

    /// Whether every operation acts alike on the slots of each group of `stride` neighbours, and moves whole groups: then
    /// one value for each group tells what becomes of all. A power of two.
    pub fn moves_by(&self, stride: u32) -> bool {
        let moves = |op: &Op| match op {
            Op::Rotate { by, .. } | Op::RotateHoisted { by, .. } => {
                by.amount().is_multiple_of(stride)
            }
            Op::MulPlain { plain, .. } | Op::AddPlain { plain, .. } => {
                self.plain(*plain).is_constant_over(stride)
            }
            _ => true,
        };
        stride == 1 || (stride.is_power_of_two() && self.ops().all(|(_, op)| moves(op)))
    }

    /// Kind of each value; `None` where an operation does not accept its operands.
    pub fn kinds(&self) -> Vec<Option<Kind>> {
        crate::infer::kinds(self)
    }

    /// The keys this circuit needs, from its operations and levels; `None` until levels are known.
    pub fn needed_keys(&self) -> Option<KeyManifest> {
        let facts = crate::infer::facts(self).ok()?;
        let mut keys = KeyManifest::default();
        let raise = |slot: &mut Option<Level>, level: Level| {
            *slot = Some(slot.map_or(level, |l| l.max(level)))
        };
        for (id, op) in self.ops() {
            let operand = op.operands().first().copied();
            let level = operand.and_then(|o| facts[o.index()].level);
            match *op {
                Op::Rotate { by, .. } | Op::RotateHoisted { by, .. } => {
                    let entry = keys.rotations.entry(by).or_insert(level?);
                    *entry = (*entry).max(level?);
                }
                Op::Conjugate(_) => raise(&mut keys.conjugation, level?),
                Op::Relinearize(_) => raise(&mut keys.relinearization, level?),
                _ => debug_assert!(id.index() < self.values.len()),
            }
        }
        Some(keys)
    }
}
