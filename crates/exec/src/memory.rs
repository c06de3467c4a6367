//! Memory before it is needed.

use crate::ckks_backend::FUSED_ENCODINGS;
use crate::{ExecError, KeyId, Schedule};
use circuit::{Circuit, Fact, Kind, Op, facts};
use params::{Level, Params};
use std::collections::BTreeMap;

/// Most that dropped polynomials hold for later use.
const MAX_POOLED_BYTES: u64 = 512 << 20;

/// How long evaluation keys stay in memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyUse {
    /// All of them, always.
    Resident,
    /// From shortly before their first use in the schedule to their last.
    Scheduled,
}

/// Predicted bytes of a run, and how many encoded weights may be kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MemoryPlan {
    /// How long evaluation keys stay in memory.
    pub key_use: KeyUse,
    /// Most that evaluation keys hold at once, expanded.
    pub key_bytes: u64,
    /// Most that ciphertexts hold at once.
    pub live_bytes: u64,
    /// Most that keys and ciphertexts hold, together, with dropped ones whose room waits for others of their size.
    pub held_bytes: u64,
    /// Most values alive at once, steps in order.
    pub live_values: u64,
    /// All weights encoded, those apart that are one number.
    pub plaintext_bytes: u64,
    /// Encoded weights that are kept; the rest are encoded when used.
    pub kept_plaintext_bytes: u64,
    /// What the process held when this was planned, and scratch space.
    pub base_bytes: u64,
    /// Most that the process had held until then.
    pub past_peak_bytes: u64,
}

impl MemoryPlan {
    /// The predicted peak of the process, what is past included.
    pub fn peak_bytes(&self) -> u64 {
        self.coming_bytes().max(self.past_peak_bytes)
    }

    /// The predicted peak of the run, with one sixteenth for what the allocator keeps.
    fn coming_bytes(&self) -> u64 {
        let held = self.held_bytes + self.kept_plaintext_bytes;
        self.base_bytes + held + held / 16
    }
}

/// Polynomials of a value, as limbs of each and their number.
fn polynomials(op: &Op, fact: &Fact, facts: &[Fact], params: &Params) -> Vec<(usize, usize)> {
    let Some(level) = fact.level else {
        return Vec::new();
    };
    let (m, k) = (level.n_limbs(), params.special().len());
    match (fact.kind, op) {
        (Kind::Ct, _) => vec![(m, 2)],
        (Kind::Ct3, _) => vec![(m, 3)],
        (Kind::Ext, _) => vec![(m + k, 2)],
        // The digits, and the part that is carried along in the basis it had.
        (Kind::Digits, Op::Decompose(x)) if facts[x.index()].kind == Kind::Ct => {
            vec![(m + k, params.digits_at(level).len()), (m, 1)]
        }
        (Kind::Digits, _) => vec![(m + k, params.digits_at(level).len() + 1)],
    }
}

/// Bytes of the encoded plain vector of an operation; 0 if it has none, or one that is never kept.
pub(crate) fn plaintext_bytes(circuit: &Circuit, op: &Op, facts: &[Fact], params: &Params) -> u64 {
    let (Op::MulPlain { x, plain, .. } | Op::AddPlain { x, plain }) = op else {
        return 0;
    };
    let fact = &facts[x.index()];
    let Some(level) = fact.level else { return 0 };
    if circuit.plain(*plain).as_splat().is_some() {
        return 0;
    }
    let special = if fact.kind == Kind::Ext {
        params.special().len()
    } else {
        0
    };
    (level.n_limbs() + special) as u64 * 8 * params.ring_degree() as u64
}

/// Predicts the memory of a run with all keys in memory. With a cap, as many encoded weights are kept as fit under it.
///
/// # Errors
/// [`ExecError::Memory`] if even without kept weights the cap is exceeded; [`ExecError::Circuit`] if the circuit is
/// not finished.
pub fn plan_memory(circuit: &Circuit, cap: Option<u64>) -> Result<MemoryPlan, ExecError> {
    plan_memory_for(circuit, cap, KeyUse::Resident)
}

/// As [`plan_memory`], for keys that are held as `key_use` says.
///
/// # Errors
/// As [`plan_memory`].
pub fn plan_memory_for(
    circuit: &Circuit,
    cap: Option<u64>,
    key_use: KeyUse,
) -> Result<MemoryPlan, ExecError> {
    let unfinished = |why: &str| ExecError::Circuit {
        why: why.to_owned(),
    };
    let params = circuit
        .params()
        .ok_or_else(|| unfinished("it has no parameters; run choose-params"))?;
    let manifest = circuit
        .keys()
        .ok_or_else(|| unfinished("it has no key manifest; run plan-keys"))?;
    let facts = facts(circuit).map_err(|e| ExecError::Circuit { why: e.to_string() })?;
    let schedule = Schedule::new(circuit);
    let n_steps = schedule.steps.len();
    let n_threads = rayon::current_num_threads();
    // The window allows more, but as the earliest step goes first, each thread is one step ahead, seldom two.
    let ahead = if n_threads == 1 { 0 } else { n_threads };
    let lives = schedule.lives(circuit);
    let limb = 8 * params.ring_degree() as u64;
    let mut values = Held::new(n_steps);
    let mut keys = Held::new(n_steps);
    let mut counted = Held::new(n_steps);
    // What is dropped serves again, but only for polynomials of as many limbs.
    let mut sizes: BTreeMap<usize, Held> = BTreeMap::new();
    let mut hold = |total: &mut Held, first: usize, last: usize, limbs: usize, count: usize| {
        let (first, bytes) = (first.saturating_sub(ahead), (limbs * count) as u64 * limb);
        total.add(first, last, bytes);
        sizes
            .entry(limbs)
            .or_insert_with(|| Held::new(n_steps))
            .add(first, last, bytes);
    };
    for ((id, op), life) in circuit.ops().zip(&lives) {
        if let Some((first, last)) = *life {
            for (limbs, count) in polynomials(op, &facts[id.index()], &facts, params) {
                hold(&mut values, first, last, limbs, count);
            }
            counted.add(first, last, 1);
        }
    }
    let mut resident = 0;
    let mut reading = 0;
    match key_use {
        KeyUse::Resident => resident = manifest.bytes(params),
        KeyUse::Scheduled => {
            let mut uses: BTreeMap<KeyId, (usize, usize)> = BTreeMap::new();
            for i in 0..n_steps {
                if let Some(key) = schedule.key(circuit, i) {
                    uses.entry(key).or_insert((i, i)).1 = i;
                }
            }
            let galois = manifest.galois(params.log_n()).into_iter();
            let levels: BTreeMap<KeyId, Level> = galois
                .map(|(g, level)| (Some(g), level))
                .chain(manifest.relinearization.map(|level| (None, level)))
                .collect();
            for (key, (first, last)) in uses {
                if let Some(&level) = levels.get(&key) {
                    let limbs = level.n_limbs() + params.special().len();
                    let count = 2 * params.digits_at(level).len();
                    hold(&mut keys, first, last, limbs, count);
                    // The seeded half while it is read, on every thread.
                    reading = reading.max(params.key_bytes(level) / 2 * n_threads as u64);
                }
            }
        }
    }
    let all: u64 = circuit
        .ops()
        .map(|(_, op)| plaintext_bytes(circuit, op, &facts, params))
        .sum();
    // Scratch: the buffers of a key switch at every level, which wait for the next of their size, and those of a further
    // one per thread; per thread the encodings of a fused sum; tables of the ring.
    let special = params.special().len();
    let switch = |m: usize| m + 2 * params.digits_at(Level((m - 1) as u8)).len() + special + 2;
    let switches: usize = (1..=params.q().len()).map(switch).sum();
    let all_limbs = params.q().len() + special;
    let further = (n_threads - 1) * switch(params.q().len());
    let encodings = n_threads * (FUSED_ENCODINGS + 1) * all_limbs;
    let scratch = (4 * all_limbs + switches + further + encodings) as u64 * limb + reading;
    let mut plan = MemoryPlan {
        key_use,
        key_bytes: resident + keys.most(),
        live_bytes: values.most(),
        held_bytes: resident + with_dropped(sizes.values()),
        live_values: counted.most(),
        plaintext_bytes: all,
        kept_plaintext_bytes: 0,
        base_bytes: held_now() + scratch,
        past_peak_bytes: peak_rss().unwrap_or(0),
    };
    let least = plan.coming_bytes();
    plan.kept_plaintext_bytes = match cap {
        None => all,
        Some(cap) if least > cap => {
            return Err(ExecError::Memory {
                needed_bytes: least + least / 20,
                allowed_bytes: cap,
            });
        }
        Some(cap) => all.min((cap - least) / 17 * 16),
    };
    Ok(plan)
}

/// As [`plan_memory`], but for keys read by schedule where not all of them fit under the cap.
///
/// # Errors
/// As [`plan_memory`], if not even that fits.
pub fn plan_memory_under(circuit: &Circuit, cap: Option<u64>) -> Result<MemoryPlan, ExecError> {
    match plan_memory_for(circuit, cap, KeyUse::Resident) {
        Err(ExecError::Memory { .. }) => plan_memory_for(circuit, cap, KeyUse::Scheduled),
        plan => plan,
    }
}

/// Bytes as an option takes them, rounded up: `1GiB`, `1331MiB`.
pub fn typed_bytes(bytes: u64) -> String {
    const GIB: u64 = 1 << 30;
    if bytes > 0 && bytes.is_multiple_of(GIB) {
        format!("{}GiB", bytes / GIB)
    } else {
        format!("{}MiB", bytes.div_ceil(1 << 20))
    }
}

/// Most bytes of what is held and of what was dropped and waits for others of its size, of which there is one `Held` each.
fn with_dropped<'a>(sizes: impl Iterator<Item = &'a Held>) -> u64 {
    let sizes: Vec<&Held> = sizes.collect();
    let n_steps = sizes.first().map_or(0, |held| held.0.len());
    let mut waiting = vec![0i64; sizes.len()];
    let (mut held, mut most) = (0, 0);
    for step in 0..n_steps {
        for (size, waiting) in sizes.iter().zip(&mut waiting) {
            let change = size.0[step];
            held += change;
            // What is needed comes first from what waits.
            *waiting = (*waiting - change).max(0);
        }
        let mut room = MAX_POOLED_BYTES as i64;
        for waiting in &mut waiting {
            *waiting = (*waiting).min(room);
            room -= *waiting;
        }
        most = most.max(held + waiting.iter().sum::<i64>());
    }
    most as u64
}

/// An amount over the steps of a schedule, as its changes from step to step.
struct Held(Vec<i64>);

impl Held {
    fn new(n_steps: usize) -> Self {
        Self(vec![0; n_steps + 1])
    }

    /// So much more from step `first` to step `last`, both included.
    fn add(&mut self, first: usize, last: usize, amount: u64) {
        let end = (last + 1).min(self.0.len() - 1);
        if first < end {
            self.0[first] += amount as i64;
            self.0[end] -= amount as i64;
        }
    }

    fn most(&self) -> u64 {
        let held = self.0.iter().scan(0, |held, change| {
            *held += change;
            Some(*held)
        });
        held.max().unwrap_or(0) as u64
    }
}

fn status_kib(key: &str) -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|l| l.starts_with(key))?;
    line.split_whitespace().nth(1)?.parse().ok()
}

/// Resident memory of this process, without what was freed.
fn held_now() -> u64 {
    ckks::release_pool();
    status_kib("VmRSS:").map_or(0, |k| k * 1024)
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
