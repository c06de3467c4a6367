//! The text form.
//!
//! ```text
//! ; params: n=2^14 q=48,40,40 p=48 digits=1,1,1 scale=2^40
//! ; layer 0: fc1
//! plain @fc1.bias period 4 = [1.0, 2.0, 0.0, 0.0]
//! circuit (%0: ct L2 2^40) {
//!   %1 = rotate %0 by 1 baby #0  ; ct L2 2^40
//!   %2 = mul_plain %1 * @fc1.bias at q2
//!   return %2
//! }
//! ```

use crate::{Circuit, Fact, Kind, Op, PlainId, PlainValues, PlainVector, facts};
use std::fmt::{self, Write};

/// How much of the plain vectors is printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Detail {
    /// Names of long vectors only; the text parses back if none is long.
    Names,
    /// All values; the text always parses back.
    Values,
}

/// Vectors of at most this many values are written where they are used, if they have no name.
pub(crate) const INLINE: usize = 16;

impl PlainVector {
    pub(crate) fn is_inline(&self) -> bool {
        let is_short = matches!(&self.values, PlainValues::Dense(v) if v.len() <= INLINE);
        is_short && self.name.is_empty() && self.each == 1
    }
}

/// Prints a circuit.
pub fn print(circuit: &Circuit, detail: Detail) -> String {
    let mut out = String::new();
    write_text(circuit, detail, &mut out).expect("writing to a string");
    out
}

/// Prints a circuit line by line, for texts that should not be in memory at once.
///
/// # Errors
/// Those of `out`.
pub fn write_text(circuit: &Circuit, detail: Detail, out: &mut impl Write) -> fmt::Result {
    header(circuit, detail, out)?;
    let facts = facts(circuit).ok();
    let fact = |i: usize| facts.as_ref().map(|f| &f[i]);
    out.write_str("circuit (")?;
    for (i, input) in circuit.inputs().iter().enumerate() {
        write!(out, "{}%{i}: ct", if i == 0 { "" } else { ", " })?;
        if let Some(level) = input.level {
            write!(out, " {level}")?;
        }
        if let Some(scale) = &input.scale {
            write!(out, " {scale}")?;
        }
    }
    out.write_str(") {\n")?;
    for (value, (id, op)) in circuit.values().iter().zip(circuit.ops()) {
        if matches!(op, Op::Input { .. }) {
            continue;
        }
        let mut line = format!("  {id} = {}", operation(circuit, op));
        if let Some(class) = value.class {
            write!(line, " {}", class.word())?;
        }
        if let Some(layer) = value.layer {
            write!(line, " #{}", layer.0)?;
        }
        if let Some(fact) = fact(id.index()) {
            let text = fact_text(fact);
            if !text.is_empty() {
                line = format!("{line:<30}  ; {text}");
            }
        }
        writeln!(out, "{}", line.trim_end())?;
    }
    let outputs: Vec<String> = circuit.outputs().iter().map(ToString::to_string).collect();
    writeln!(out, "  return {}\n}}", outputs.join(", "))
}

fn header(circuit: &Circuit, detail: Detail, out: &mut impl Write) -> fmt::Result {
    let join = |bits: &[u8]| bits.iter().map(u8::to_string).collect::<Vec<_>>().join(",");
    match circuit.params() {
        Some(params) => {
            let spec = params.spec();
            let mark = if params.is_insecure() {
                " insecure"
            } else {
                ""
            };
            writeln!(
                out,
                "; params: n=2^{} q={} p={} digits={} scale=2^{}{mark}",
                spec.log_n,
                join(&spec.chain_bits),
                join(&spec.special_bits),
                join(&spec.digits),
                spec.scale_bits
            )
        }
        None => writeln!(out, "; slots: {}", circuit.n_slots()),
    }?;
    if let Some(bound) = circuit.bound() {
        writeln!(out, "; bound: {bound:?}")?;
    }
    if let Some(keys) = circuit.keys() {
        let mut words: Vec<String> = keys
            .rotations
            .iter()
            .map(|(r, l)| format!("{r}@{l}"))
            .collect();
        words.extend(keys.conjugation.map(|l| format!("conjugate@{l}")));
        words.extend(keys.relinearization.map(|l| format!("relinearize@{l}")));
        words.insert(0, "; keys:".to_owned());
        writeln!(out, "{}", words.join(" "))?;
    }
    for (i, layer) in circuit.layers().iter().enumerate() {
        writeln!(out, "; layer {i}: {}", one_line(&layer.name))?;
    }
    for plain in circuit
        .plains()
        .iter()
        .filter(|p| detail == Detail::Values && !p.is_inline())
    {
        let values = match &plain.values {
            PlainValues::Dense(values) => dense(values),
            PlainValues::Sparse(entries) => {
                let words: Vec<String> =
                    entries.iter().map(|(s, v)| format!("{s}: {v:?}")).collect();
                format!("{{{}}}", words.join(", "))
            }
        };
        let each = match plain.each {
            1 => String::new(),
            each => format!(" each {each}"),
        };
        let (name, period) = (escaped(&plain.name), plain.period);
        writeln!(out, "plain @{name} period {period}{each} = {values}")?;
    }
    Ok(())
}

/// A name that may have spaces inside: what would end the line or be trimmed away by its number.
fn one_line(name: &str) -> String {
    let mut text = String::new();
    for (i, c) in name.char_indices() {
        let at_edge = i == 0 || i + c.len_utf8() == name.len();
        if c.is_control() || c == '\\' || (c.is_whitespace() && at_edge) {
            text.extend(c.escape_unicode());
        } else {
            text.push(c);
        }
    }
    text
}

/// A name as one word of the text: other characters than those of ordinary names by their numbers, `\u{20}`.
fn escaped(name: &str) -> String {
    let plain = |c: char| c.is_alphanumeric() || "_./:-".contains(c);
    let mut text = String::new();
    for c in name.chars() {
        if plain(c) {
            text.push(c);
        } else {
            text.extend(c.escape_unicode());
        }
    }
    text
}

fn dense(values: &[f64]) -> String {
    let words: Vec<String> = values.iter().map(|v| format!("{v:?}")).collect();
    format!("[{}]", words.join(", "))
}

fn fact_text(fact: &Fact) -> String {
    // A plain ct before levels are known says nothing that the line does not.
    let mut words = Vec::new();
    if fact.kind != Kind::Ct || fact.level.is_some() {
        words.push(fact.kind.to_string());
    }
    words.extend(fact.level.map(|l| l.to_string()));
    words.extend(fact.scale.as_ref().map(ToString::to_string));
    words.join(" ")
}

fn operation(circuit: &Circuit, op: &Op) -> String {
    let plain = |id: PlainId| match circuit.plains().get(id.0 as usize) {
        Some(p) if p.is_inline() => dense(&p.period_values()),
        Some(p) => format!("@{}", escaped(&p.name)),
        None => format!("@missing{}", id.0),
    };
    let at = |scale: &Option<params::Scale>| {
        scale
            .as_ref()
            .map_or_else(String::new, |s| format!(" at {s}"))
    };
    let word = op.word();
    match op {
        Op::Input { index } => format!("{word} {index}"),
        Op::AddPlain { x, plain: p } => format!("{word} {x} + {}", plain(*p)),
        Op::MulPlain { x, plain: p, scale } => format!("{word} {x} * {}{}", plain(*p), at(scale)),
        Op::MulScalar { x, factor, scale } => format!("{word} {x} * {factor:?}{}", at(scale)),
        Op::DropLevel { x, to } => format!("{word} {x} to {to}"),
        Op::Refresh { x, to, scale } => format!("{word} {x} to {to}{}", at(scale)),
        Op::Rotate { x, by } | Op::RotateHoisted { digits: x, by } => format!("{word} {x} by {by}"),
        _ => {
            let operands: Vec<String> = op.operands().iter().map(ToString::to_string).collect();
            format!("{word} {}", operands.join(", "))
        }
    }
}
