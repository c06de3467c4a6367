#![doc = include_str!("README.md")]

mod compose;

use ::circuit::{Circuit, KeyManifest};
use compose::Sums;
use params::Params;
use pass::{Changed, Pass, PassCx, PassInfo, Refusal};
use serde::{Deserialize, Serialize};

/// See the module.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct PlanKeys {}

impl Pass<Circuit> for PlanKeys {
    fn info(&self) -> PassInfo {
        PassInfo::new(
            "plan-keys",
            "exactly the keys the circuit uses, each up to the level of its highest use",
        )
        .needs("parameters are chosen")
        .gives("the circuit has a key manifest")
    }

    fn run(&self, circuit: &mut Circuit, cx: &mut PassCx<'_>) -> Result<Changed, Refusal> {
        let mut keys = circuit.needed_keys();
        if let (Some(needed), Some(params), Some(cap)) =
            (&keys, circuit.params(), cx.settings.key_memory)
            && needed.bytes(params) > cap
        {
            *circuit = composed(circuit, needed, params, cap, cx)?;
            keys = circuit.needed_keys();
        }
        if circuit.keys() == keys.as_ref() {
            return Ok(Changed::No);
        }
        if let (Some(keys), Some(params)) = (&keys, circuit.params()) {
            let full = (keys.rotations.len()
                + usize::from(keys.conjugation.is_some())
                + usize::from(keys.relinearization.is_some())) as u64
                * params.key_bytes(params.max_level());
            cx.note(format!(
                "{} rotation keys, {} bytes; {full} bytes if none were trimmed",
                keys.rotations.len(),
                keys.bytes(params)
            ));
        }
        circuit.set_keys(keys);
        Ok(Changed::Yes)
    }
}

/// The circuit with rotations made of others, so that its keys need at most `cap` bytes.
fn composed(
    circuit: &Circuit,
    needed: &KeyManifest,
    params: &Params,
    cap: u64,
    cx: &mut PassCx<'_>,
) -> Result<Circuit, Refusal> {
    let facts = ::circuit::facts(circuit)
        .map_err(|e| Refusal::new(format!("the circuit is not valid: {e}")))?;
    let all = Sums::new(circuit, &facts, needed, params, &cx.settings.costs);
    let before = needed.bytes(params);
    let sums = all.fit(cap).map_err(|least| {
        Refusal::new(format!(
            "evaluation keys take {before} bytes, {cap} are allowed; the fewest that were found to serve, {} rotation keys and what products need, take {}",
            least.keys().len(),
            least.bytes()
        ))
        .help(format!(
            "--key-memory {}MiB or more",
            least.bytes().div_ceil(1 << 20)
        ))
        .enough(least.bytes())
    })?;
    let next = sums.apply(circuit);
    cx.note(format!(
        "{} rotation keys of {before} bytes became {} under a cap of {cap}, by {} more rotations",
        needed.rotations.len(),
        sums.keys().len(),
        ::circuit::counts(&next).rotations - ::circuit::counts(circuit).rotations
    ));
    Ok(next)
}
