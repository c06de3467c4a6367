//! The runner.

use crate::parallel::run_parallel;
use crate::{Backend, ExecError, KeyId, Progress, Schedule, Site, Step};
use circuit::{Circuit, Op, ValueId};
use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

/// What a run returned and how much it held at once.
#[derive(Clone, Debug)]
pub struct Run<V> {
    /// Results in order.
    pub outputs: Vec<V>,
    /// Largest number of bytes held in values at once.
    pub live_peak_bytes: u64,
}

/// Runs a circuit on its inputs; values are dropped after their last use, keys fetched before their first.
///
/// One thread runs the schedule step by step. More run steps that do not depend on each other at the same time, none
/// further ahead than [`window`](crate::window) says, and fetch keys meanwhile; the results are the same. `progress` is
/// told numbers that grow, the last one included, though with more threads not every one.
///
/// # Errors
/// [`ExecError`] when inputs are missing or an operation does not accept its operands; where several would fail, that of
/// the earliest in the schedule, with any number of threads.
pub fn run<B: Backend>(
    backend: &B,
    circuit: &Circuit,
    inputs: &[B::Value],
    progress: &Progress<'_>,
) -> Result<Run<B::Value>, ExecError> {
    check_inputs(circuit, inputs.len())?;
    run_on(backend, circuit, &|i| inputs.get(i).cloned(), progress)
}

/// As [`run`], on inputs that are dropped after their last use.
///
/// # Errors
/// As [`run`].
pub fn run_owned<B: Backend>(
    backend: &B,
    circuit: &Circuit,
    inputs: Vec<B::Value>,
    progress: &Progress<'_>,
) -> Result<Run<B::Value>, ExecError> {
    check_inputs(circuit, inputs.len())?;
    let inputs: Vec<_> = inputs.into_iter().map(|x| Mutex::new(Some(x))).collect();
    let take = |i: usize| {
        let mut input = inputs
            .get(i)?
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        input.take()
    };
    run_on(backend, circuit, &take, progress)
}

fn check_inputs(circuit: &Circuit, found: usize) -> Result<(), ExecError> {
    let expected = circuit.inputs().len();
    if found == expected {
        Ok(())
    } else {
        Err(ExecError::Inputs { expected, found })
    }
}

/// Gives each input once.
pub(crate) type Inputs<'a, V> = dyn Fn(usize) -> Option<V> + Sync + 'a;

fn run_on<B: Backend>(
    backend: &B,
    circuit: &Circuit,
    inputs: &Inputs<'_, B::Value>,
    progress: &Progress<'_>,
) -> Result<Run<B::Value>, ExecError> {
    let schedule = Schedule::new(circuit);
    if rayon::current_num_threads() == 1 {
        run_in_order(backend, circuit, &schedule, inputs, progress)
    } else {
        run_parallel(backend, circuit, &schedule, inputs, progress)
    }
}

fn run_in_order<B: Backend>(
    backend: &B,
    circuit: &Circuit,
    schedule: &Schedule,
    inputs: &Inputs<'_, B::Value>,
    progress: &Progress<'_>,
) -> Result<Run<B::Value>, ExecError> {
    let mut keys = key_uses(circuit, schedule);
    let done = run_with_keys(backend, circuit, schedule, inputs, progress, &mut keys);
    if done.is_err() {
        release_held(backend, keys.values());
    }
    done
}

fn run_with_keys<B: Backend>(
    backend: &B,
    circuit: &Circuit,
    schedule: &Schedule,
    inputs: &Inputs<'_, B::Value>,
    progress: &Progress<'_>,
    keys: &mut BTreeMap<KeyId, KeyUses>,
) -> Result<Run<B::Value>, ExecError> {
    let mut values: Vec<Option<B::Value>> = vec![None; circuit.values().len()];
    let (mut live, mut peak) = (0u64, 0u64);
    let total = schedule.steps.len();
    for (i, (step, dying)) in schedule.steps.iter().zip(&schedule.dying).enumerate() {
        let key = schedule.key(circuit, i);
        if let Some(uses) = key.and_then(|k| keys.get_mut(&k))
            && !uses.fetched
        {
            backend.fetch_key(uses.key)?;
            uses.fetched = true;
        }
        let value = execute(backend, circuit, step, inputs, &|id| {
            values[id.index()].as_ref()
        })?;
        if let Some(uses) = key.and_then(|k| keys.get_mut(&k)) {
            uses.left -= 1;
            if uses.left == 0 {
                backend.release_key(uses.key);
            }
        }
        live += backend.bytes(&value);
        peak = peak.max(live);
        values[step.result().index()] = Some(value);
        for id in dying {
            if let Some(dead) = values[id.index()].take() {
                live -= backend.bytes(&dead);
            }
        }
        progress(i + 1, total);
    }
    let wanted = circuit.outputs();
    let mut outputs = Vec::with_capacity(wanted.len());
    for (i, id) in wanted.iter().enumerate() {
        // A value may be returned twice.
        let again = wanted[i + 1..].contains(id);
        let found = match again {
            true => values[id.index()].clone(),
            false => values[id.index()].take(),
        };
        outputs.push(found.ok_or_else(never_computed)?);
    }
    Ok(Run {
        outputs,
        live_peak_bytes: peak,
    })
}

/// A key and the steps that still need it.
pub(crate) struct KeyUses {
    pub key: KeyId,
    pub left: usize,
    pub fetched: bool,
}

pub(crate) fn key_uses(circuit: &Circuit, schedule: &Schedule) -> BTreeMap<KeyId, KeyUses> {
    let mut uses = BTreeMap::new();
    for key in (0..schedule.steps.len()).filter_map(|i| schedule.key(circuit, i)) {
        let fresh = KeyUses {
            key,
            left: 0,
            fetched: false,
        };
        uses.entry(key).or_insert(fresh).left += 1;
    }
    uses
}

/// Lets go of the keys that a run held when it failed.
pub(crate) fn release_held<'k, B: Backend>(backend: &B, keys: impl Iterator<Item = &'k KeyUses>) {
    keys.filter(|uses| uses.fetched && uses.left > 0)
        .for_each(|uses| backend.release_key(uses.key));
}

pub(crate) fn outputs<'v, V: Clone + 'v>(
    circuit: &Circuit,
    get: &dyn Fn(ValueId) -> Option<&'v V>,
) -> Result<Vec<V>, ExecError> {
    circuit
        .outputs()
        .iter()
        .map(|o| get(*o).cloned().ok_or_else(never_computed))
        .collect()
}

fn never_computed() -> ExecError {
    ExecError::Circuit {
        why: "an output was never computed".to_owned(),
    }
}

/// Executes one step on values that `get` finds.
pub(crate) fn execute<'v, B: Backend>(
    backend: &B,
    circuit: &Circuit,
    step: &Step,
    inputs: &Inputs<'_, B::Value>,
    get: &dyn Fn(ValueId) -> Option<&'v B::Value>,
) -> Result<B::Value, ExecError>
where
    B::Value: 'v,
{
    let site = |id| Site { circuit, id };
    let get = |id: ValueId| {
        let missing = || ExecError::Circuit {
            why: format!("{id} is read before it is computed"),
        };
        get(id).ok_or_else(missing)
    };
    match step {
        Step::One(id) => match circuit.op(*id) {
            Op::Input { index } => {
                let missing = || ExecError::Circuit {
                    why: format!("input {index} is read twice"),
                };
                let input = inputs(*index as usize).ok_or_else(missing)?;
                backend.apply(site(*id), &[&input])
            }
            op => {
                let operands: Vec<&B::Value> = op
                    .operands()
                    .iter()
                    .map(|o| get(*o))
                    .collect::<Result<_, _>>()?;
                backend.apply(site(*id), &operands)
            }
        },
        Step::MultiplySum {
            sum,
            products,
            others,
        } => {
            let pairs = products
                .iter()
                .map(|p| Ok((site(*p), get(circuit.op(*p).operands()[0])?)));
            let products: Vec<(Site<'_>, &B::Value)> = pairs.collect::<Result<_, ExecError>>()?;
            let others: Vec<&B::Value> =
                others.iter().map(|o| get(*o)).collect::<Result<_, _>>()?;
            backend.multiply_sum(site(*sum), &products, &others)
        }
    }
}
