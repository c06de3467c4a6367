//! Plain vectors as plaintext polynomials: which are kept, and how each is encoded.

use crate::memory::plaintext_bytes;
use crate::{ExecError, Progress};
use circuit::{Circuit, CostTable, Fact, Kind, Op, PlainId, ValueId, facts};
use ckks::{Basis, CkksError, Context, Plaintext};
use params::{Level, Scale};
use rayon::prelude::*;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Plain vectors encoded ahead of time, by the value that uses them.
pub struct Encoded {
    plaintexts: Vec<Option<Plaintext>>,
    bytes: u64,
}

impl Encoded {
    /// Encodes plain vectors while `budget` bytes last; the rest is encoded when used.
    ///
    /// Those come first whose encoding takes longest per byte they hold, in the order of their use where that is equal.
    /// A vector of one number is encoded faster than it is read, and never kept.
    ///
    /// # Errors
    /// [`ExecError::Operation`] if a vector can not be encoded at its level and scale.
    pub fn ahead(
        ctx: &Context,
        circuit: &Circuit,
        budget: u64,
        progress: &Progress<'_>,
    ) -> Result<Self, ExecError> {
        let facts = complete_facts(circuit)?;
        let wanted = worth_most(ctx, circuit, &facts, budget);
        let done = AtomicUsize::new(0);
        let one = |&id: &ValueId| {
            let result = encode(ctx, circuit, circuit.op(id), &facts)?;
            progress(done.fetch_add(1, Ordering::Relaxed) + 1, wanted.len());
            let named = |source| ExecError::Operation {
                value: id,
                op: circuit.op(id).word(),
                source,
            };
            Some(result.map(|p| (id, p)).map_err(named))
        };
        let made: Vec<(ValueId, Plaintext)> = wanted
            .par_iter()
            .filter_map(one)
            .collect::<Result<_, _>>()?;
        let mut plaintexts = vec![None; circuit.values().len()];
        let bytes = made.iter().map(|(_, p)| p.bytes() as u64).sum();
        made.into_iter()
            .for_each(|(id, p)| plaintexts[id.index()] = Some(p));
        Ok(Self { plaintexts, bytes })
    }

    /// Bytes held.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// The plaintext of an operation, if it is kept.
    pub(crate) fn get(&self, id: ValueId) -> Option<&Plaintext> {
        self.plaintexts.get(id.index()).and_then(Option::as_ref)
    }
}

/// The operations whose plaintexts are kept.
fn worth_most(ctx: &Context, circuit: &Circuit, facts: &[Fact], budget: u64) -> Vec<ValueId> {
    let params = ctx.params();
    let limb = 8 * params.ring_degree() as u64;
    let costs = CostTable::default();
    let worth = |(id, op): (ValueId, &Op)| {
        let bytes = plaintext_bytes(circuit, op, facts, params);
        let (plain, ..) = recipe(op, facts).filter(|_| bytes > 0)?;
        let period = circuit.plain(plain).period as usize;
        let us = costs.encode_us(params.log_n(), (bytes / limb) as usize, period);
        Some((us / bytes as f64, bytes, id))
    };
    let mut candidates: Vec<(f64, u64, ValueId)> = circuit.ops().filter_map(worth).collect();
    // Stable: equals stay in the order of their use.
    candidates.sort_by(|a, b| b.0.total_cmp(&a.0));
    let mut left = budget;
    candidates.retain(|(_, bytes, _)| match left.checked_sub(*bytes) {
        Some(rest) => {
            left = rest;
            true
        }
        None => false,
    });
    candidates.into_iter().map(|(.., id)| id).collect()
}

/// What is encoded for an operation: values, scale, level, basis.
fn recipe(op: &Op, facts: &[Fact]) -> Option<(PlainId, Scale, Level, Basis)> {
    let (x, plain, scale): (&ValueId, &PlainId, Option<&Scale>) = match op {
        Op::MulPlain { x, plain, scale } => (x, plain, scale.as_ref()),
        Op::AddPlain { x, plain } => (x, plain, None),
        _ => return None,
    };
    let fact = &facts[x.index()];
    let scale = scale.or(fact.scale.as_ref())?.clone();
    let basis = if fact.kind == Kind::Ext {
        Basis::QP
    } else {
        Basis::Q
    };
    Some((*plain, scale, fact.level?, basis))
}

/// Encodes the plain vector of an operation; `None` if it has none.
pub(crate) fn encode(
    ctx: &Context,
    circuit: &Circuit,
    op: &Op,
    facts: &[Fact],
) -> Option<Result<Plaintext, CkksError>> {
    let (plain, scale, level, basis) = recipe(op, facts)?;
    Some(ctx.encode(&circuit.plain(plain).period_values(), &scale, level, basis))
}

/// Facts of a circuit whose levels and scales are all known.
///
/// # Errors
/// [`ExecError::Circuit`] naming the first value without.
pub(crate) fn complete_facts(circuit: &Circuit) -> Result<Vec<Fact>, ExecError> {
    let facts = facts(circuit).map_err(|e| ExecError::Circuit { why: e.to_string() })?;
    let incomplete = |f: &Fact| f.level.is_none() || f.scale.is_none();
    match facts.iter().position(incomplete) {
        Some(i) => Err(ExecError::Circuit {
            why: format!("%{i} has no level or no scale; run assign-levels and match-scales"),
        }),
        None => Ok(facts),
    }
}
