//! Kinds, levels and scales, derived from inputs and operations; the rules of `CircuitError::Invalid`.
//!
//! | operation | kinds | level | scale |
//! | --- | --- | --- | --- |
//! | `add`, `sub`, `sum` | ct, ct3 mixed, or ext | equal | equal, kept |
//! | `neg`, `add_plain` | ct, ct3, ext | kept | kept |
//! | `mul_plain`, `mul_scalar` | ct, ct3, ext | kept | product |
//! | `mul`, `square` | ct → ct3 | equal, kept | product |
//! | `relinearize` | ct3 → ct | kept | kept |
//! | `rescale` | ct, ct3 | level − 1 | divided by the dropped prime |
//! | `drop_level` | any but digits | as asked, not higher | kept |
//! | `rotate`, `conjugate` | ct → ct | kept | kept |
//! | `decompose` | ct or ext → digits | kept | kept |
//! | `rotate_hoisted` | digits → ext | kept | kept |
//! | `extend` | ct → ext | kept | kept |
//! | `mod_down`, `mod_down_rescale` | ext → ct | kept, or − 1 | kept, or divided |
//! | `refresh` | ct → ct | as asked, higher | as asked |

use crate::{Circuit, CircuitError, Kind, Op, ValueId};
use params::{Level, Params, Scale};

/// What is known about a value.
#[derive(Clone, Debug, PartialEq)]
pub struct Fact {
    /// Kind.
    pub kind: Kind,
    /// Level, once `assign-levels` has run.
    pub level: Option<Level>,
    /// Scale, once `match-scales` has run.
    pub scale: Option<Scale>,
}

fn kind_of(op: &Op, of: &[Kind]) -> Option<Kind> {
    use Kind::{Ct, Ct3, Digits, Ext};
    match (op, of) {
        (Op::Input { .. }, _) => Some(Ct),
        (Op::Add(..) | Op::Sub(..) | Op::Sum(_), kinds) => {
            let ext = kinds.iter().filter(|k| **k == Ext).count();
            if kinds.contains(&Digits) || (ext > 0 && ext < kinds.len()) {
                None
            } else {
                kinds.iter().copied().max()
            }
        }
        (
            Op::Neg(_)
            | Op::AddPlain { .. }
            | Op::MulPlain { .. }
            | Op::MulScalar { .. }
            | Op::DropLevel { .. },
            [k @ (Ct | Ct3 | Ext)],
        ) => Some(*k),
        (Op::Mul(..), [Ct, Ct]) | (Op::Square(_), [Ct]) => Some(Ct3),
        (Op::Relinearize(_), [Ct3])
        | (Op::Rotate { .. } | Op::Conjugate(_), [Ct])
        | (Op::ModDown { .. }, [Ext])
        | (Op::Refresh { .. }, [Ct]) => Some(Ct),
        (Op::Rescale(_), [k @ (Ct | Ct3)]) => Some(*k),
        (Op::Decompose(_), [Ct | Ext]) => Some(Digits),
        (Op::RotateHoisted { .. }, [Digits]) | (Op::Extend(_), [Ct]) => Some(Ext),
        _ => None,
    }
}

pub(crate) fn kinds(circuit: &Circuit) -> Vec<Option<Kind>> {
    let mut kinds: Vec<Option<Kind>> = Vec::with_capacity(circuit.values().len());
    for (_, op) in circuit.ops() {
        let of: Option<Vec<Kind>> = op.operands().iter().map(|o| kinds[o.index()]).collect();
        kinds.push(of.and_then(|of| kind_of(op, &of)));
    }
    kinds
}

/// Facts of every value.
///
/// # Errors
/// [`CircuitError::Invalid`] at the first operation whose operands do not fit.
pub fn facts(circuit: &Circuit) -> Result<Vec<Fact>, CircuitError> {
    let mut facts: Vec<Fact> = Vec::with_capacity(circuit.values().len());
    for (id, op) in circuit.ops() {
        let fact = fact_of(circuit, op, &facts).and_then(in_range);
        let fact = fact.map_err(|why| CircuitError::Invalid {
            value: id,
            op: op.word(),
            why,
        })?;
        facts.push(fact);
    }
    Ok(facts)
}

/// The fact, if its scale can be multiplied by any other such scale without loss.
fn in_range(fact: Fact) -> Result<Fact, String> {
    match fact.scale.as_ref().filter(|s| !s.is_in_range()) {
        None => Ok(fact),
        Some(odd) => {
            let most = Scale::MAX_EXPONENT;
            Err(format!("scale {odd} has an exponent beyond {most}"))
        }
    }
}

fn fact_of(circuit: &Circuit, op: &Op, facts: &[Fact]) -> Result<Fact, String> {
    let operands = op.operands();
    let of: Vec<&Fact> = operands.iter().map(|o| &facts[o.index()]).collect();
    let kinds: Vec<Kind> = of.iter().map(|f| f.kind).collect();
    let kind = kind_of(op, &kinds).ok_or_else(|| format!("does not take {}", list(&kinds)))?;
    if let Op::Input { index } = op {
        let input = circuit
            .inputs()
            .get(*index as usize)
            .ok_or_else(|| format!("there is no input {index}"))?;
        return Ok(Fact {
            kind,
            level: input.level,
            scale: input.scale.clone(),
        });
    }
    let level = of[0].level;
    if let Some(odd) = of.iter().position(|f| f.level != level) {
        return Err(format!(
            "{} is at {}, {} at {}",
            operands[0],
            show(level),
            operands[odd],
            show(of[odd].level)
        ));
    }
    let scale = of[0].scale.clone();
    let lowered = || match level {
        Some(Level(0)) => Err("nothing is left to rescale at L0".to_owned()),
        Some(Level(l)) => Ok((
            Some(Level(l - 1)),
            scale.as_ref().map(|s| s.over(&Scale::prime(l))),
        )),
        None => Ok((None, None)),
    };
    let times = |s: &Option<Scale>| scale.as_ref().zip(s.as_ref()).map(|(a, b)| a.times(b));
    let (level, scale) = match op {
        Op::Add(..) | Op::Sub(..) | Op::Sum(_) => {
            if operands.len() < 2 {
                return Err("a sum has at least two terms".to_owned());
            }
            if let Some(odd) = of.iter().position(|f| f.scale != scale) {
                return Err(format!(
                    "{} has scale {}, {} has {}",
                    operands[0],
                    show(scale),
                    operands[odd],
                    show(of[odd].scale.clone())
                ));
            }
            (level, scale)
        }
        Op::MulPlain { scale: s, .. } | Op::MulScalar { scale: s, .. } => (level, times(s)),
        Op::Mul(..) => (level, times(&of[1].scale)),
        Op::Square(_) => (level, times(&scale)),
        Op::Rescale(_) | Op::ModDown { rescale: true, .. } => lowered()?,
        Op::DropLevel { to, .. } => match level {
            Some(from) if *to > from => return Err(format!("can not raise {from} to {to}")),
            _ => (level.map(|_| *to), scale),
        },
        Op::Refresh { to, scale: s, .. } => match level {
            Some(from) if *to <= from => return Err(format!("{to} is not above {from}")),
            _ => (level.map(|_| *to), s.clone()),
        },
        _ => (level, scale),
    };
    Ok(Fact { kind, level, scale })
}

fn list(kinds: &[Kind]) -> String {
    let words: Vec<String> = kinds.iter().map(Kind::to_string).collect();
    words.join(", ")
}

fn show<T: ToString>(value: Option<T>) -> String {
    value.map_or_else(|| "none yet".to_owned(), |v| v.to_string())
}

/// A scale that leaves a value no precision, or no room in its modulus.
fn scale_fault(fact: &Fact, params: &Params) -> Option<String> {
    let (level, scale) = (fact.level?, fact.scale.as_ref()?);
    let live = params.q().get(..level.n_limbs())?;
    let modulus: f64 = live.iter().map(|&q| (q as f64).log2()).sum();
    let bits = scale.log2(params.q());
    let least = f64::from(params.spec().scale_bits) / 2.0;
    if bits < least {
        return Some(format!(
            "scale {scale} has {bits:.1} bits, less than half of a fresh one"
        ));
    }
    (bits + 1.0 > modulus)
        .then(|| format!("scale {scale} has {bits:.1} bits, the modulus at {level} {modulus:.1}"))
}

/// Checks everything [`facts`] checks and that outputs are ciphertexts of degree 1, plain vectors exist and fit,
/// rotations are normalized and, once parameters are fixed, that levels fit the chain and scales the modulus.
///
/// # Errors
/// Every fault found, in order; later ones may follow from the first.
pub fn verify(circuit: &Circuit) -> Result<(), Vec<CircuitError>> {
    let mut faults = Vec::new();
    let mut fault = |value: ValueId, op: &Op, why: String| {
        faults.push(CircuitError::Invalid {
            value,
            op: op.word(),
            why,
        })
    };
    for (id, op) in circuit.ops() {
        match op {
            Op::MulPlain { plain, .. } | Op::AddPlain { plain, .. } => match circuit
                .plains()
                .get(plain.0 as usize)
            {
                None => fault(id, op, format!("plain vector {} does not exist", plain.0)),
                Some(p) if !p.period.is_power_of_two() || p.period as usize > circuit.n_slots() => {
                    fault(
                        id,
                        op,
                        format!(
                            "period {} of {} does not divide {} slots",
                            p.period,
                            p.name,
                            circuit.n_slots()
                        ),
                    );
                }
                Some(p) if !p.each.is_power_of_two() || p.each > p.period => {
                    let (each, period) = (p.each, p.period);
                    let why = format!(
                        "{each} slots for each value of {}, in periods of {period}",
                        p.name
                    );
                    fault(id, op, why);
                }
                Some(_) => {}
            },
            Op::Rotate { by, .. } | Op::RotateHoisted { by, .. }
                if by.is_zero() || by.amount() as usize >= circuit.n_slots() =>
            {
                fault(
                    id,
                    op,
                    format!("amount {by} is outside 1..{}", circuit.n_slots()),
                );
            }
            Op::MulScalar { factor, .. } if !factor.is_finite() => {
                fault(id, op, format!("factor {factor} is not finite"))
            }
            _ => {}
        }
    }
    match facts(circuit) {
        Err(error) => faults.push(error),
        Ok(facts) => {
            let max_level = circuit.params().map(Params::max_level);
            for (id, op) in circuit.ops() {
                let fact = &facts[id.index()];
                if let Some(why) = circuit.params().and_then(|p| scale_fault(fact, p)) {
                    faults.push(CircuitError::Invalid {
                        value: id,
                        op: op.word(),
                        why,
                    });
                }
                if let (Some(level), Some(max)) = (fact.level, max_level)
                    && level > max
                {
                    faults.push(CircuitError::Invalid {
                        value: id,
                        op: op.word(),
                        why: format!("{level} is above the chain's {max}"),
                    });
                }
            }
            for &id in circuit.outputs() {
                if facts[id.index()].kind != Kind::Ct {
                    let why = format!("an output is ct, found {}", facts[id.index()].kind);
                    faults.push(CircuitError::Invalid {
                        value: id,
                        op: "return",
                        why,
                    });
                }
            }
        }
    }
    if faults.is_empty() {
        Ok(())
    } else {
        Err(faults)
    }
}
