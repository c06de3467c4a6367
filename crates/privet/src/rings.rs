//! Which rings are tried, with which scales.

use crate::{Error, Options};
use graph::{Basis, Graph, Op};
use params::{MAX_LOG_N, max_log_qp};
use pass::{PipelineError, Refusal, Settings};
use std::collections::BTreeMap;

/// Smallest scale that is tried on its own account: below it, rounding reaches the third decimal of ordinary values.
const MIN_SCALE_BITS: u8 = 34;
/// Smallest scale there are primes for; results too large for it are refused by `choose-params`.
const LEAST_SCALE_BITS: u8 = 30;
/// Scale used where the ring allows it.
const FULL_SCALE_BITS: u8 = 40;
/// Smallest ring worth trying.
const MIN_LOG_N: u8 = 12;

/// A ring and a scale to try.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Ring {
    /// log2 of the ring degree.
    pub log_n: u8,
    /// log2 of the scale.
    pub scale_bits: u8,
}

impl Ring {
    /// Slots of a ciphertext.
    pub fn n_slots(self) -> u32 {
        1 << (self.log_n - 1)
    }

    /// Whether so many levels may fit: a scale for each and for the last prime.
    fn holds(self, levels: u32) -> bool {
        let room = max_log_qp(self.log_n).unwrap_or(0);
        u32::from(self.scale_bits) * (levels + 1) <= room
    }
}

/// Rings to try in rising degree, each with the scales to try in falling size.
pub(crate) fn ring_plan(graph: &Graph, settings: &Settings, options: &Options) -> Vec<Vec<Ring>> {
    let depth = depth(graph);
    let result_bits = result_bits(graph, settings);
    let full = full_scale_bits(result_bits);
    let scales = |log_n: u8| -> Vec<Ring> {
        if let Some(scale_bits) = options.scale_bits {
            return vec![Ring { log_n, scale_bits }];
        }
        let Some(room) = max_log_qp(log_n) else {
            return vec![Ring {
                log_n,
                scale_bits: full,
            }];
        };
        let fits = |s: u8| u32::from(s) * (depth + 2) + result_bits <= room;
        let fitting: Vec<Ring> = (MIN_SCALE_BITS.min(full)..=full)
            .rev()
            .filter(|&s| fits(s))
            .map(|scale_bits| Ring { log_n, scale_bits })
            .collect();
        if fitting.is_empty() {
            vec![Ring {
                log_n,
                scale_bits: MIN_SCALE_BITS.min(full),
            }]
        } else {
            fitting
        }
    };
    degrees(options).into_iter().map(scales).collect()
}

fn degrees(options: &Options) -> Vec<u8> {
    let all = || (MIN_LOG_N..=MAX_LOG_N).collect();
    options.log_n.map_or_else(all, |n| vec![n])
}

/// Bits of the largest result, sign and guard bits as choose-params wants them.
fn result_bits(graph: &Graph, settings: &Settings) -> u32 {
    let bound = passes::util::bound::result_bound(graph, settings).unwrap_or(0.0);
    bound.max(1.0).log2().ceil() as u32 + 3
}

/// The largest scale that, with such results, the last prime holds in 48 bits.
fn full_scale_bits(result_bits: u32) -> u8 {
    FULL_SCALE_BITS
        .min(48u32.saturating_sub(result_bits) as u8)
        .max(LEAST_SCALE_BITS)
}

/// The rings that hold every single layer, each with the largest scale: values are refreshed between layers.
///
/// # Errors
/// [`Error::Compile`] if there are none.
pub(crate) fn refresh_plan(
    graph: &Graph,
    settings: &Settings,
    options: &Options,
) -> Result<Vec<Vec<Ring>>, Error> {
    let layers = graph.order().into_iter().map(|id| own_depth(graph, id));
    let deepest = layers.max().unwrap_or(0);
    let full = full_scale_bits(result_bits(graph, settings));
    let scale_bits = options.scale_bits.unwrap_or(full);
    let rings = degrees(options).into_iter();
    let rings = rings.map(|log_n| Ring { log_n, scale_bits });
    // One more for the special prime.
    let plan: Vec<Vec<Ring>> = rings
        .filter(|ring| ring.holds(deepest + 1))
        .map(|ring| vec![ring])
        .collect();
    if plan.is_empty() {
        let why = format!("one layer takes {deepest} levels, more than the ring allowed has");
        let help = "a larger --log-n, or activations of lower degree (--max-degree 3)";
        return Err(PipelineError::Refused(Refusal::new(why).help(help)).into());
    }
    Ok(plan)
}

/// Whether no ring was found to hold the network's depth.
pub(crate) fn is_too_deep(error: &Error) -> bool {
    matches!(error, Error::Compile(PipelineError::Refused(refusal)) if refusal.pass == Some("choose-params"))
}

/// Levels the polynomial network needs.
pub(crate) fn depth(graph: &Graph) -> u32 {
    let mut levels: BTreeMap<graph::NodeId, u32> = BTreeMap::new();
    for id in graph.order() {
        let below = graph
            .operands(id)
            .iter()
            .map(|o| levels[o])
            .max()
            .unwrap_or(0);
        levels.insert(id, below + own_depth(graph, id));
    }
    graph
        .outputs()
        .iter()
        .filter_map(|o| levels.get(o))
        .copied()
        .max()
        .unwrap_or(0)
}

/// Levels that one node takes.
fn own_depth(graph: &Graph, id: graph::NodeId) -> u32 {
    match &graph.node(id).op {
        Op::Conv { .. } | Op::Dense { .. } | Op::Linear { .. } | Op::Mul => 1,
        Op::Affine { scale, .. } => u32::from(scale.values().iter().any(|v| *v != 1.0)),
        Op::Polynomial(p) => match p.basis {
            Basis::Power if p.is_square() => 1,
            _ => (p.degree() as u32 + 1).next_power_of_two().trailing_zeros(),
        },
        _ => 0,
    }
}

/// Says by how much a ring is too small for the network's depth, and what would help.
pub(crate) fn too_deep(graph: &Graph, levels: u32, scale_bits: u32, log_n: u8, room: u32) -> Error {
    let polynomials = graph
        .order()
        .into_iter()
        .filter(|&id| matches!(graph.node(id).op, Op::Polynomial(_)))
        .count();
    let why = format!(
        "the network needs {levels} levels ({polynomials} activations among them), about {} bits of modulus; ring degree 2^{log_n} allows {room} at 128-bit security",
        (levels + 2) * scale_bits
    );
    let help = if log_n < MAX_LOG_N {
        format!("--log-n {} or none", log_n + 1)
    } else {
        "--refresh client: the data owner decrypts and encrypts some values between layers, takes part in every run and sees those values, which can reveal the model; or --max-degree 3, or fewer layers".to_owned()
    };
    PipelineError::Refused(Refusal {
        pass: Some("choose-params"),
        ..Refusal::new(why).help(help)
    })
    .into()
}
