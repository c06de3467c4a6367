#![doc = include_str!("README.md")]

use ::circuit::Circuit;
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
        let keys = circuit.needed_keys();
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
