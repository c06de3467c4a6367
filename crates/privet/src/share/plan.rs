//! A scale large enough for shared results.

use super::{STATISTICAL_BITS, Share, ShareOptions};
use crate::batch::Batch;
use crate::compile::{Dump, cheapest};
use crate::rings::Ring;
use crate::{Client, Error};
use circuit::{Circuit, CostTable, widen};
use graph::Graph;
use params::{MAX_LOG_N, Params, ParamsSpec, max_log_qp};
use pass::{Compiler, PipelineError, Refusal, Settings};

/// Bits of the largest result that should survive.
const WANTED_BITS: f64 = 10.0;
/// Fewer are refused.
const LEAST_BITS: f64 = 4.0;
/// Sizes of the two primes of a level; a pair is one scale.
const PRIME_BITS: std::ops::RangeInclusive<u8> = 32..=46;
/// Largest prime.
const MAX_BITS: u8 = 48;
/// Most special primes worth trying.
const MAX_SPECIAL: usize = 16;
/// Bits by which the special primes exceed a digit where that is affordable.
const HEADROOM_BITS: [f64; 3] = [6.0, 3.0, 0.0];

/// A compiled circuit made over for shared results.
struct Planned {
    circuit: Circuit,
    share: Share,
}

/// The smallest ring in which results can be shared, with two primes for each of its circuit's levels.
pub(crate) fn smallest_ring(
    graph: &Graph,
    settings: &Settings,
    compiler: &Compiler,
    plan: &[Vec<Ring>],
    dump: &mut Dump<'_>,
    name: &str,
    asked: ShareOptions,
) -> Result<(pass::Compiled, Share), Error> {
    let mut refused = None;
    for rings in plan {
        let made = match cheapest(
            graph,
            settings,
            compiler,
            std::slice::from_ref(rings),
            Batch(Some(1)),
            dump,
        ) {
            Ok(made) => made,
            Err(error) => {
                refused = Some(error);
                continue;
            }
        };
        let bound = asked.input_bound.or_else(|| {
            // Without calibration the range is that of made-up inputs, which nobody declared.
            settings.calibration.as_ref()?;
            let input = made.graph.inputs().first()?;
            let range = made.graph.node(*input).facts.range?;
            Some(range.low.abs().max(range.high.abs()))
        });
        let Some(bound) = bound.filter(|b| b.is_finite() && *b > 0.0) else {
            let refusal = Refusal::new("results can be shared only where the inputs are bounded")
                .help("--input-bound 1 for inputs between -1 and 1, or give typical inputs with --calibration");
            return Err(PipelineError::Refused(refusal).into());
        };
        match widened(
            &made.graph,
            &made.circuit,
            name,
            asked,
            bound,
            &settings.costs,
        ) {
            Ok(planned) => {
                let circuit = planned.circuit;
                return Ok((pass::Compiled { circuit, ..made }, planned.share));
            }
            Err(error) => refused = Some(error),
        }
    }
    Err(refused
        .unwrap_or_else(|| PipelineError::Refused(Refusal::new("no ring degree to try")).into()))
}

/// Two primes per level, as small as leaves [`WANTED_BITS`], or else as large as the ring allows.
///
/// # Errors
/// [`Error::Compile`] if fewer than [`LEAST_BITS`] survive, with the figures.
fn widened(
    graph: &Graph,
    circuit: &Circuit,
    model: &str,
    options: ShareOptions,
    input_bound: f64,
    costs: &CostTable,
) -> Result<Planned, Error> {
    let mut best: Option<(f64, Planned)> = None;
    let mut why = "two primes for every level exceed what the security table allows".to_owned();
    for bits in PRIME_BITS.step_by(2) {
        let Some(params) = choose(circuit, bits, costs) else {
            break;
        };
        let invalid = |e: circuit::CircuitError| exec::ExecError::Circuit { why: e.to_string() };
        let wide = widen(circuit, params).map_err(invalid)?;
        let Some(client) = Client::new(graph, &wide, model) else {
            break;
        };
        let share = match Share::certify(&client, &wide, options.results, input_bound) {
            Ok(share) => share,
            Err(error) => {
                // What is known of a smaller scale says more.
                if best.is_none() {
                    why = format!("for inputs up to {input_bound}, {error}");
                }
                continue;
            }
        };
        let survive = surviving_bits(&client, &share);
        if !share.deviation.is_finite() {
            if best.is_none() {
                why = format!(
                    "{} results of {} values need more noise than can be sampled on a grid finer than it",
                    options.results,
                    client
                        .outputs
                        .iter()
                        .map(|o| o.shape.iter().product::<usize>())
                        .sum::<usize>(),
                );
            }
            continue;
        }
        let figures = format!(
            "{survive:.1} bits of the largest expected result survive, {LEAST_BITS} are needed: its error is at most {:.1e}, {STATISTICAL_BITS} bits of statistical security for {} results add noise of {:.1e}",
            share.error_bound, options.results, share.deviation
        );
        if best.as_ref().is_none_or(|(most, _)| survive > *most) {
            why = figures;
            best = Some((
                survive,
                Planned {
                    circuit: wide,
                    share,
                },
            ));
        }
        if survive >= WANTED_BITS {
            break;
        }
    }
    match best {
        Some((survive, planned)) if survive >= LEAST_BITS => Ok(planned),
        _ => Err(refusal(circuit, &why)),
    }
}

/// log2 of the largest expected result over the deviation of the noise.
fn surviving_bits(client: &Client, share: &Share) -> f64 {
    let ranges = client.outputs.iter().filter_map(|o| o.range);
    let largest = ranges.fold(0.0f64, |m, r| m.max(r.low.abs()).max(r.high.abs()));
    (largest / share.deviation).log2()
}

fn refusal(circuit: &Circuit, why: &str) -> Error {
    let log_n = circuit.n_slots().trailing_zeros() + 1;
    let ring = if log_n < u32::from(MAX_LOG_N) {
        "a larger --log-n, "
    } else {
        ""
    };
    let help = format!(
        "{ring}a smaller --input-bound, fewer shared results, or a network of fewer levels"
    );
    PipelineError::Refused(
        Refusal::new(format!(
            "results can not be shared at ring degree 2^{log_n}: {why}"
        ))
        .help(help),
    )
    .into()
}

/// The cheapest chain of pairs of primes for the circuit's levels.
fn choose(circuit: &Circuit, bits: u8, costs: &CostTable) -> Option<Params> {
    let old = circuit.params()?;
    let levels = usize::from(old.max_level().0);
    let room = max_log_qp(old.log_n())? as usize;
    // The lowest pair holds scale, result, sign and guard bits.
    let mut chain_bits = vec![MAX_BITS; 2];
    chain_bits.extend(std::iter::repeat_n(bits, 2 * levels));
    let chain: usize = chain_bits.iter().map(|&b| usize::from(b)).sum();
    let mut best: Option<(f64, Params)> = None;
    for n_special in 1..=MAX_SPECIAL {
        if chain + n_special * usize::from(MAX_BITS) > room {
            break;
        }
        for headroom in HEADROOM_BITS {
            let digit_bits = n_special as f64 * f64::from(MAX_BITS) - headroom;
            let Some(digits) = passes::choose_params::cut(&chain_bits, digit_bits) else {
                continue;
            };
            let spec = ParamsSpec {
                log_n: old.log_n(),
                chain_bits: chain_bits.clone(),
                special_bits: vec![MAX_BITS; n_special],
                digits,
                scale_bits: 2 * bits,
            };
            let Ok(params) = Params::new(spec) else {
                continue;
            };
            let Ok(wide) = widen(circuit, params.clone()) else {
                continue;
            };
            let Ok((us, _)) = costs.circuit_us(&wide) else {
                continue;
            };
            if best.as_ref().is_none_or(|(least, _)| us < *least) {
                best = Some((us, params));
            }
        }
    }
    best.map(|(_, params)| params)
}
