//! Memory before it is needed.

use crate::{ExecError, Schedule};
use circuit::{Circuit, Fact, Kind, Op, facts};
use params::Params;

/// Predicted bytes of a run, and how many encoded weights may be kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MemoryPlan {
    /// All evaluation keys, expanded.
    pub key_bytes: u64,
    /// Most that ciphertexts hold at once.
    pub live_bytes: u64,
    /// Most values alive at once.
    pub live_values: u64,
    /// All weights encoded.
    pub plaintext_bytes: u64,
    /// Encoded weights that are kept; the rest are encoded when used.
    pub kept_plaintext_bytes: u64,
    /// What the process held when this was planned, and scratch space.
    pub base_bytes: u64,
}

impl MemoryPlan {
    /// The predicted peak of the process, with one eighth for buffers that wait to be used again.
    pub fn peak_bytes(&self) -> u64 {
        let held = self.key_bytes + self.live_bytes + self.kept_plaintext_bytes;
        self.base_bytes + held + held / 8
    }
}

/// Bytes of a value.
fn value_bytes(fact: &Fact, params: &Params) -> u64 {
    let limb = 8 * params.ring_degree() as u64;
    let Some(level) = fact.level else { return 0 };
    let (m, k) = (level.n_limbs() as u64, params.special().len() as u64);
    match fact.kind {
        Kind::Ct => 2 * m * limb,
        Kind::Ct3 => 3 * m * limb,
        Kind::Ext => 2 * (m + k) * limb,
        // The digits and the part that is carried along.
        Kind::Digits => (params.digits_at(level).len() as u64 * (m + k) + m + k) * limb,
    }
}

/// Bytes of the encoded plain vector of an operation; 0 if it has none.
pub(crate) fn plaintext_bytes(circuit: &Circuit, op: &Op, facts: &[Fact], params: &Params) -> u64 {
    let (Op::MulPlain { x, plain, .. } | Op::AddPlain { x, plain }) = op else {
        return 0;
    };
    let fact = &facts[x.index()];
    let Some(level) = fact.level else { return 0 };
    if circuit.plain(*plain).as_splat().is_some() && matches!(op, Op::AddPlain { .. }) {
        return 0;
    }
    let special = if fact.kind == Kind::Ext {
        params.special().len()
    } else {
        0
    };
    (level.n_limbs() + special) as u64 * 8 * params.ring_degree() as u64
}

/// Predicts the memory of a run. With a cap, as many encoded weights are kept as fit under it.
///
/// # Errors
/// [`ExecError::Memory`] if even without kept weights the cap is exceeded; [`ExecError::Circuit`] if the circuit is
/// not finished.
pub fn plan_memory(circuit: &Circuit, cap: Option<u64>) -> Result<MemoryPlan, ExecError> {
    let unfinished = |why: &str| ExecError::Circuit {
        why: why.to_owned(),
    };
    let params = circuit
        .params()
        .ok_or_else(|| unfinished("it has no parameters; run choose-params"))?;
    let keys = circuit
        .keys()
        .ok_or_else(|| unfinished("it has no key manifest; run plan-keys"))?;
    let facts = facts(circuit).map_err(|e| ExecError::Circuit { why: e.to_string() })?;
    let schedule = Schedule::new(circuit);
    let (mut live, mut peak) = (0u64, 0u64);
    let (mut values, mut most_values) = (0u64, 0u64);
    for (step, dying) in schedule.steps.iter().zip(&schedule.dying) {
        live += value_bytes(&facts[step.result().index()], params);
        peak = peak.max(live);
        values += 1;
        most_values = most_values.max(values);
        values -= dying.len() as u64;
        live -= dying
            .iter()
            .map(|d| value_bytes(&facts[d.index()], params))
            .sum::<u64>();
    }
    let all: u64 = circuit
        .ops()
        .map(|(_, op)| plaintext_bytes(circuit, op, &facts, params))
        .sum();
    // Scratch: a key switch in flight, one encoding, tables of the ring.
    let limbs = (params.q().len() + params.special().len()) as u64;
    let scratch = 8 * params.ring_degree() as u64 * limbs * 8;
    let mut plan = MemoryPlan {
        key_bytes: keys.bytes(params),
        live_bytes: peak,
        live_values: most_values,
        plaintext_bytes: all,
        kept_plaintext_bytes: 0,
        base_bytes: current_rss().unwrap_or(0) + scratch,
    };
    let least = plan.peak_bytes();
    plan.kept_plaintext_bytes = match cap {
        None => all,
        Some(cap) if least > cap => {
            return Err(ExecError::Memory {
                needed_bytes: least,
                allowed_bytes: cap,
            });
        }
        Some(cap) => all.min((cap - least) / 9 * 8),
    };
    Ok(plan)
}

fn status_kib(key: &str) -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|l| l.starts_with(key))?;
    line.split_whitespace().nth(1)?.parse().ok()
}

fn current_rss() -> Option<u64> {
    status_kib("VmRSS:").map(|k| k * 1024)
}

/// Largest resident memory of this process so far; `None` where the system does not tell.
pub fn peak_rss() -> Option<u64> {
    status_kib("VmHWM:").map(|k| k * 1024)
}

/// Memory that can still be had; `None` where the system does not tell.
pub fn available_memory() -> Option<u64> {
    let info = std::fs::read_to_string("/proc/meminfo").ok()?;
    let line = info.lines().find(|l| l.starts_with("MemAvailable:"))?;
    line.split_whitespace()
        .nth(1)?
        .parse::<u64>()
        .ok()
        .map(|k| k * 1024)
}
