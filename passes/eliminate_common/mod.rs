#![doc = include_str!("README.md")]

use crate::util::common::without_repeats;
use ::circuit::Circuit;
use pass::{Changed, Pass, PassCx, PassInfo, Refusal};
use serde::{Deserialize, Serialize};

/// See the module.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct EliminateCommon {}

impl Pass<Circuit> for EliminateCommon {
    fn info(&self) -> PassInfo {
        PassInfo::new("eliminate-common", "equal values become one value")
            .gives("no two values but zeros have the same operation on the same operands")
    }

    fn run(&self, circuit: &mut Circuit, cx: &mut PassCx<'_>) -> Result<Changed, Refusal> {
        let (next, merged) = without_repeats(circuit);
        if merged == 0 {
            return Ok(Changed::No);
        }
        *circuit = next;
        cx.note(format!("{merged} values were computed twice"));
        Ok(Changed::Yes)
    }
}
