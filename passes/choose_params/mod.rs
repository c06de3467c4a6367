#![doc = include_str!("README.md")]

use crate::util::chain::{MAX_BITS, base_bits, candidates};
use ::circuit::{Circuit, Op, facts};
use params::{MAX_LOG_N, Params, max_log_qp};
use pass::{Changed, Pass, PassCx, PassInfo, Refusal};
use serde::{Deserialize, Serialize};

pub use crate::util::chain::cut;

/// See the module.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ChooseParams {}

impl Pass<Circuit> for ChooseParams {
    fn info(&self) -> PassInfo {
        PassInfo::new(
            "choose-params",
            "the cheapest modulus chain that fits the circuit at 128 bits",
        )
        .needs("levels and scales are known")
        .gives("the circuit has parameters from the security table")
        .source(
            "Bossuat et al., ePrint 2024/463 (table); Han and Ki, ePrint 2019/688 (cost of digits)",
        )
    }

    fn run(&self, circuit: &mut Circuit, cx: &mut PassCx<'_>) -> Result<Changed, Refusal> {
        if circuit.params().is_some() {
            return Ok(Changed::No);
        }
        let facts = facts(circuit).map_err(|e| Refusal::new(e.to_string()))?;
        let levels = facts
            .iter()
            .filter_map(|f| f.level)
            .max()
            .map_or(0, |l| usize::from(l.0));
        let scale_bits = cx.settings.scale_bits;
        let refreshes = circuit
            .ops()
            .any(|(_, op)| matches!(op, Op::Refresh { .. }));
        // The last prime holds values that are refreshed too, which no bound on results covers.
        let base_bits = match base_bits(scale_bits, circuit.bound())? {
            _ if refreshes => MAX_BITS,
            bits => bits,
        };
        let log_n = cx.settings.log_n;
        let bound = max_log_qp(log_n).ok_or_else(|| {
            Refusal::new(format!(
                "ring degree 2^{log_n} is not in the security table"
            ))
        })?;
        let mut best: Option<(f64, Params)> = None;
        for spec in candidates(log_n, levels, scale_bits, base_bits, bound) {
            let Ok(params) = Params::new(spec) else {
                continue;
            };
            let mut trial = circuit.clone();
            trial.set_params(params.clone());
            let (cost, _) = cx
                .settings
                .costs
                .circuit_us(&trial)
                .map_err(|e| Refusal::new(e.to_string()))?;
            if best.as_ref().is_none_or(|(least, _)| cost < *least) {
                best = Some((cost, params));
            }
        }
        let (_, params) =
            best.ok_or_else(|| too_deep(log_n, levels, scale_bits, base_bits, bound))?;
        cx.note(format!(
            "ring degree 2^{log_n}, {} chain and {} special primes, {} digits, log QP {:.0} of {bound}",
            params.q().len(),
            params.special().len(),
            params.spec().digits.len(),
            params.log_qp()
        ));
        circuit.set_params(params);
        Ok(Changed::Yes)
    }
}

fn too_deep(log_n: u8, levels: usize, scale_bits: u8, base_bits: u8, bound: u32) -> Refusal {
    let needed =
        usize::from(base_bits) + levels * usize::from(scale_bits) + usize::from(scale_bits);
    let refusal = Refusal::new(format!(
        "{levels} levels of {scale_bits} bits need at least {needed} bits of modulus, ring degree 2^{log_n} allows {bound} at 128-bit security"
    ));
    let fits =
        (log_n + 1..=MAX_LOG_N).find(|&n| max_log_qp(n).is_some_and(|b| b as usize >= needed));
    match fits {
        Some(n) => refusal.help(format!("--log-n {n}")),
        None => refusal.help(
            "use activations of lower degree (--max-degree 3) or fewer layers, or --refresh client",
        ),
    }
}
