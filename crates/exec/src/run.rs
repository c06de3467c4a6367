//! The runner.

use crate::{Backend, ExecError, Progress, Schedule, Site, Step};
use circuit::Circuit;

/// What a run returned and how much it held at once.
#[derive(Clone, Debug)]
pub struct Run<V> {
    /// Results in order.
    pub outputs: Vec<V>,
    /// Largest number of bytes held in values at once.
    pub live_peak_bytes: u64,
}

/// Runs a circuit on its inputs, step by step; values are dropped after their last use.
///
/// # Errors
/// [`ExecError`] when inputs are missing or an operation does not accept its operands.
pub fn run<B: Backend>(
    backend: &B,
    circuit: &Circuit,
    inputs: &[B::Value],
    progress: &Progress<'_>,
) -> Result<Run<B::Value>, ExecError> {
    let expected = circuit.inputs().len();
    if inputs.len() != expected {
        return Err(ExecError::Inputs {
            expected,
            found: inputs.len(),
        });
    }
    let schedule = Schedule::new(circuit);
    let mut values: Vec<Option<B::Value>> = vec![None; circuit.values().len()];
    let (mut live, mut peak) = (0u64, 0u64);
    let total = schedule.steps.len();
    for (i, (step, dying)) in schedule.steps.iter().zip(&schedule.dying).enumerate() {
        let value = execute(backend, circuit, step, inputs, &values)?;
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
    let missing = || ExecError::Circuit {
        why: "an output was never computed".to_owned(),
    };
    let outputs = circuit
        .outputs()
        .iter()
        .map(|o| values[o.index()].clone().ok_or_else(missing))
        .collect::<Result<_, _>>()?;
    Ok(Run {
        outputs,
        live_peak_bytes: peak,
    })
}

fn execute<B: Backend>(
    backend: &B,
    circuit: &Circuit,
    step: &Step,
    inputs: &[B::Value],
    values: &[Option<B::Value>],
) -> Result<B::Value, ExecError> {
    let site = |id| Site { circuit, id };
    let get = |id: circuit::ValueId| {
        let missing = || ExecError::Circuit {
            why: format!("{id} is read before it is computed"),
        };
        values[id.index()].as_ref().ok_or_else(missing)
    };
    match step {
        Step::One(id) => match circuit.op(*id) {
            circuit::Op::Input { index } => backend.apply(site(*id), &[&inputs[*index as usize]]),
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
