//! Reading the text form; [`crate::print()`] shows it.

use crate::print::INLINE;
use crate::{
    Circuit, CircuitError, KeyManifest, Layer, LayerId, MAX_LAYERS, MAX_NAME, MAX_SLOTS, Op,
    PlainId, PlainValues, PlainVector, RotationClass, Value, ValueId,
};
use params::{Level, Params, ParamsSpec, Rotation, Scale};
use std::collections::BTreeMap;

/// Reads a circuit from its text form.
///
/// # Errors
/// [`CircuitError::Parse`] with the line, what was found and what was expected.
pub fn parse(text: &str) -> Result<Circuit, CircuitError> {
    let mut parser = Parser::default();
    for (i, raw) in text.lines().enumerate() {
        parser
            .line(raw.trim())
            .map_err(|why| CircuitError::Parse { line: i + 1, why })?;
    }
    let end = CircuitError::Parse {
        line: text.lines().count(),
        why: "the circuit has no closing brace".to_owned(),
    };
    parser.circuit.filter(|_| parser.closed).ok_or(end)
}

#[derive(Default)]
struct Parser {
    n_slots: Option<usize>,
    params: Option<Params>,
    keys: Option<Vec<String>>,
    bound: Option<f64>,
    layers: Vec<Layer>,
    plains: Vec<PlainVector>,
    named: BTreeMap<String, PlainId>,
    values: BTreeMap<String, ValueId>,
    circuit: Option<Circuit>,
    closed: bool,
}

impl Parser {
    fn line(&mut self, line: &str) -> Result<(), String> {
        if let Some(directive) = line.strip_prefix(';') {
            return if self.circuit.is_none() {
                self.directive(directive.trim())
            } else {
                Ok(())
            };
        }
        let line = line.split(" ;").next().unwrap_or_default().trim();
        if line.is_empty() {
            Ok(())
        } else if self.closed {
            Err(format!(
                "nothing may follow the closing brace, found `{line}`"
            ))
        } else if let Some(rest) = line.strip_prefix("plain ") {
            self.plain(rest)
        } else if let Some(rest) = line.strip_prefix("circuit ") {
            self.open(rest)
        } else if line == "}" {
            self.closed = true;
            let finished = self
                .circuit
                .as_ref()
                .is_some_and(|c| !c.outputs().is_empty());
            if finished {
                Ok(())
            } else {
                Err("a circuit returns at least one value".to_owned())
            }
        } else if let Some(rest) = line.strip_prefix("return ") {
            let outputs: Result<Vec<ValueId>, String> =
                rest.split(',').map(|w| self.value(w.trim())).collect();
            let outputs = outputs?;
            self.body()?.set_outputs(outputs);
            Ok(())
        } else {
            self.assignment(line)
        }
    }

    fn circuit_mut(&mut self) -> Result<&mut Circuit, String> {
        self.circuit
            .as_mut()
            .ok_or_else(|| "expected `circuit (…) {` first".to_owned())
    }

    /// The circuit, before its results are named.
    fn body(&mut self) -> Result<&mut Circuit, String> {
        let circuit = self.circuit_mut()?;
        if circuit.outputs().is_empty() {
            Ok(circuit)
        } else {
            Err("only `}` may follow `return`".to_owned())
        }
    }

    fn set_slots(&mut self, n: usize) -> Result<(), String> {
        match self.n_slots.replace(n) {
            Some(before) if before != n => Err(format!("{n} slots, {before} were given above")),
            _ => Ok(()),
        }
    }

    fn directive(&mut self, text: &str) -> Result<(), String> {
        if let Some(rest) = text.strip_prefix("params:") {
            let params = params_line(rest)?;
            self.set_slots(params.n_slots())?;
            self.params = Some(params);
        } else if let Some(rest) = text.strip_prefix("slots:") {
            let n: usize = rest
                .trim()
                .parse()
                .map_err(|_| format!("expected a slot count, found `{}`", rest.trim()))?;
            if !n.is_power_of_two() || n > MAX_SLOTS {
                return Err(format!(
                    "a slot count is a power of two up to {MAX_SLOTS}, found {n}"
                ));
            }
            self.set_slots(n)?;
        } else if let Some(rest) = text.strip_prefix("bound:") {
            self.bound = Some(number(rest.trim())?);
        } else if let Some(rest) = text.strip_prefix("keys:") {
            self.keys = Some(rest.split_whitespace().map(str::to_owned).collect());
        } else if let Some((index, name)) =
            text.strip_prefix("layer ").and_then(|r| r.split_once(':'))
        {
            if index.trim().parse() != Ok(self.layers.len()) {
                return Err(format!(
                    "expected layer {}, found `{}`",
                    self.layers.len(),
                    index.trim()
                ));
            }
            if self.layers.len() == MAX_LAYERS {
                return Err(format!("expected at most {MAX_LAYERS} layers"));
            }
            let name = unescaped(name.trim())?;
            self.layers.push(Layer { name });
        }
        Ok(())
    }

    fn plain(&mut self, rest: &str) -> Result<(), String> {
        if self.circuit.is_some() {
            return Err("plain vectors come before the circuit".to_owned());
        }
        let form = "expected `plain @name period N = …` or `plain @name period N each M = …`";
        let (head, values) = rest.split_once('=').ok_or(form)?;
        let words: Vec<&str> = head.split_whitespace().collect();
        let (period, each) = match words[1.min(words.len())..] {
            ["period", period] => (period, "1"),
            ["period", period, "each", each] => (period, each),
            _ => return Err(form.to_owned()),
        };
        let name = words[0]
            .strip_prefix('@')
            .ok_or("a plain vector's name starts with @")?;
        let name = unescaped(name)?;
        if self.named.contains_key(&name) {
            return Err(format!("plain vector @{name} is defined twice"));
        }
        let period: u32 = period
            .parse()
            .map_err(|_| format!("expected a period, found `{period}`"))?;
        let each = each
            .parse()
            .ok()
            .filter(|each: &u32| each.is_power_of_two() && *each <= period)
            .ok_or_else(|| {
                format!("expected a power of two up to the period {period}, found `each {each}`")
            })?;
        if !period.is_power_of_two() {
            return Err(format!("a period is a power of two, found {period}"));
        }
        let values = plain_values(values.trim(), period / each)?;
        let plain = PlainVector {
            name,
            period,
            each,
            values,
        };
        if plain.is_inline() {
            return Err(
                "a short plain vector without a name is written where it is used".to_owned(),
            );
        }
        let id = PlainId(self.plains.len() as u32);
        self.named.insert(plain.name.clone(), id);
        self.plains.push(plain);
        Ok(())
    }

    fn open(&mut self, rest: &str) -> Result<(), String> {
        let inner = rest
            .strip_prefix('(')
            .and_then(|r| r.strip_suffix(") {"))
            .ok_or("expected `circuit (%0: ct, …) {`")?;
        if self.circuit.is_some() {
            return Err("a second circuit begins, expected one".to_owned());
        }
        let n_slots = self
            .n_slots
            .ok_or("expected a line `; params: …` or `; slots: N` before the circuit")?;
        let items: Vec<&str> = inner
            .split(',')
            .map(str::trim)
            .filter(|s| !s.is_empty())
            .collect();
        let mut circuit = Circuit::new(n_slots, items.len());
        for (i, item) in items.iter().enumerate() {
            let (name, fact) = item
                .split_once(':')
                .ok_or_else(|| format!("expected `%{i}: ct`, found `{item}`"))?;
            let mut words = fact.split_whitespace();
            if words.next() != Some("ct") {
                return Err(format!("an input is ct, found `{item}`"));
            }
            for word in words {
                match word.strip_prefix('L') {
                    Some(_) => circuit.inputs_mut()[i].level = Some(level(word)?),
                    None => circuit.inputs_mut()[i].scale = Some(scale(word)?),
                }
            }
            let name = name.trim().to_owned();
            if let Some(before) = self.values.insert(name, ValueId(i as u32)) {
                return Err(format!("the inputs {before} and %{i} have one name"));
            }
        }
        std::mem::take(&mut self.layers).into_iter().for_each(|l| {
            circuit.add_layer(l);
        });
        std::mem::take(&mut self.plains).into_iter().for_each(|p| {
            circuit.add_plain(p);
        });
        circuit.set_bound(self.bound);
        if let Some(words) = self.keys.take() {
            circuit.set_keys(Some(keys(&words, n_slots)?));
        }
        if let Some(params) = self.params.take() {
            circuit.set_params(params);
        }
        self.circuit = Some(circuit);
        Ok(())
    }

    fn value(&self, word: &str) -> Result<ValueId, String> {
        self.values
            .get(word)
            .copied()
            .ok_or_else(|| format!("`{word}` is not defined above"))
    }

    fn assignment(&mut self, line: &str) -> Result<(), String> {
        let (name, right) = line
            .split_once('=')
            .ok_or_else(|| format!("expected `%n = operation`, found `{line}`"))?;
        let name = name.trim().to_owned();
        if self.values.contains_key(&name) {
            return Err(format!("`{name}` is defined twice"));
        }
        let (word, mut rest) = right
            .trim()
            .split_once(' ')
            .ok_or_else(|| format!("expected an operation, found `{}`", right.trim()))?;
        let mut layer = None;
        let mut class = None;
        if let Some((before, index)) = rest.rsplit_once(" #") {
            let n_layers = self.circuit_mut()?.layers().len();
            let known = index.trim().parse().ok();
            let known = known.filter(|i: &u16| usize::from(*i) < n_layers);
            layer = Some(LayerId(known.ok_or_else(|| {
                format!("expected the number of one of {n_layers} layers, found `#{index}`")
            })?));
            rest = before;
        }
        for c in [
            RotationClass::Baby,
            RotationClass::Giant,
            RotationClass::Collapse,
            RotationClass::Conversion,
        ] {
            let before = rest.trim_end().strip_suffix(c.word());
            if let Some(before) = before.filter(|b| b.ends_with(' ')) {
                class = Some(c);
                rest = before;
            }
        }
        let op = self.operation(word, rest.trim())?;
        let id = self.body()?.push(Value { op, layer, class });
        self.values.insert(name, id);
        Ok(())
    }

    fn operation(&mut self, word: &str, rest: &str) -> Result<Op, String> {
        let one = |p: &Self| p.value(rest);
        let two = |p: &Self| -> Result<(ValueId, ValueId), String> {
            let (a, b) = rest
                .split_once(',')
                .ok_or_else(|| format!("{word} takes two values, found `{rest}`"))?;
            Ok((p.value(a.trim())?, p.value(b.trim())?))
        };
        let split = |at: &str| {
            rest.split_once(at)
                .map(|(a, b)| (a.trim(), b.trim()))
                .ok_or_else(|| format!("expected `{word} %x{at}…`, found `{rest}`"))
        };
        Ok(match word {
            "add" => two(self).map(|(a, b)| Op::Add(a, b))?,
            "sub" => two(self).map(|(a, b)| Op::Sub(a, b))?,
            "mul" => two(self).map(|(a, b)| Op::Mul(a, b))?,
            "sum" => Op::Sum(
                rest.split(',')
                    .map(|w| self.value(w.trim()))
                    .collect::<Result<_, _>>()?,
            ),
            "neg" => Op::Neg(one(self)?),
            "square" => Op::Square(one(self)?),
            "relinearize" => Op::Relinearize(one(self)?),
            "rescale" => Op::Rescale(one(self)?),
            "conjugate" => Op::Conjugate(one(self)?),
            "decompose" => Op::Decompose(one(self)?),
            "extend" => Op::Extend(one(self)?),
            "mod_down" => Op::ModDown {
                x: one(self)?,
                rescale: false,
            },
            "mod_down_rescale" => Op::ModDown {
                x: one(self)?,
                rescale: true,
            },
            "drop_level" => {
                let (x, to) = split(" to ")?;
                Op::DropLevel {
                    x: self.value(x)?,
                    to: level(to)?,
                }
            }
            "refresh" => {
                let (x, to) = split(" to ")?;
                let (to, at) = match to.split_once(" at ") {
                    Some((to, at)) => (to.trim(), Some(scale(at.trim())?)),
                    None => (to, None),
                };
                Op::Refresh {
                    x: self.value(x)?,
                    to: level(to)?,
                    scale: at,
                }
            }
            "rotate" | "rotate_hoisted" => {
                let (x, by) = split(" by ")?;
                let (x, n_slots) = (self.value(x)?, self.circuit_mut()?.n_slots());
                let amount: i64 = by
                    .parse()
                    .map_err(|_| format!("expected an amount, found `{by}`"))?;
                let by = Rotation::new(amount, n_slots);
                if word == "rotate" {
                    Op::Rotate { x, by }
                } else {
                    Op::RotateHoisted { digits: x, by }
                }
            }
            "add_plain" => {
                let (x, plain) = split(" + ")?;
                Op::AddPlain {
                    x: self.value(x)?,
                    plain: self.plain_ref(plain)?,
                }
            }
            "mul_plain" | "mul_scalar" => {
                let (x, factor) = split(" * ")?;
                let x = self.value(x)?;
                let (factor, at) = match factor.split_once(" at ") {
                    Some((factor, at)) => (factor.trim(), Some(scale(at.trim())?)),
                    None => (factor, None),
                };
                if word == "mul_plain" {
                    Op::MulPlain {
                        x,
                        plain: self.plain_ref(factor)?,
                        scale: at,
                    }
                } else {
                    Op::MulScalar {
                        x,
                        factor: number(factor)?,
                        scale: at,
                    }
                }
            }
            _ => return Err(format!("`{word}` is no operation")),
        })
    }

    fn plain_ref(&mut self, text: &str) -> Result<PlainId, String> {
        if let Some(name) = text.strip_prefix('@') {
            let missing = || {
                format!(
                    "plain vector @{name} is not defined; print with values to get a text that parses back"
                )
            };
            let found = self.named.get(&unescaped(name)?).copied();
            return found.ok_or_else(missing);
        }
        let count = text.split(',').count();
        if !text.starts_with('[') || count > INLINE {
            return Err(format!(
                "a plain vector without a name is a list of at most {INLINE} values"
            ));
        }
        let count = count as u32;
        let values = plain_values(text, count)?;
        Ok(self.circuit_mut()?.add_plain(PlainVector {
            name: String::new(),
            period: count,
            each: 1,
            values,
        }))
    }
}

/// A name whose unusual characters are written by their numbers, `\u{20}`.
fn unescaped(word: &str) -> Result<String, String> {
    let mut parts = word.split("\\u{");
    let mut name = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let (number, rest) = part.split_once('}').unwrap_or((part, ""));
        let number = u32::from_str_radix(number, 16).ok();
        let c = number.and_then(char::from_u32);
        name.push(c.ok_or_else(|| format!("expected a character's number in `{word}`"))?);
        name.push_str(rest);
    }
    if name.len() > MAX_NAME {
        return Err(format!(
            "a name has at most {MAX_NAME} bytes, found {}",
            name.len()
        ));
    }
    Ok(name)
}

fn level(word: &str) -> Result<Level, String> {
    word.strip_prefix('L')
        .and_then(|n| n.parse().ok())
        .map(Level)
        .ok_or_else(|| format!("expected a level such as L2, found `{word}`"))
}

fn scale(word: &str) -> Result<Scale, String> {
    Scale::parse(word)
        .ok_or_else(|| format!("expected a scale such as 2^40 or 2^80/q2, found `{word}`"))
}

fn number(word: &str) -> Result<f64, String> {
    word.parse()
        .ok()
        .filter(|number: &f64| number.is_finite())
        .ok_or_else(|| format!("expected a finite number, found `{word}`"))
}

/// Values of so many places.
fn plain_values(text: &str, n_places: u32) -> Result<PlainValues, String> {
    if !n_places.is_power_of_two() {
        return Err(format!("a period is a power of two, found {n_places}"));
    }
    let bracketed =
        |open: char, close: char| text.strip_prefix(open).and_then(|t| t.strip_suffix(close));
    if let Some(inner) = bracketed('[', ']') {
        let values: Vec<f64> = inner
            .split(',')
            .map(|w| number(w.trim()))
            .collect::<Result<_, _>>()?;
        if values.len() != n_places as usize {
            return Err(format!(
                "expected {n_places} values, found {}",
                values.len()
            ));
        }
        return Ok(PlainValues::Dense(values));
    }
    let inner = bracketed('{', '}')
        .ok_or_else(|| format!("expected [values] or {{slot: value}}, found `{text}`"))?;
    let mut entries: Vec<(u32, f64)> = Vec::new();
    for item in inner.split(',').map(str::trim).filter(|s| !s.is_empty()) {
        let (slot, value) = item
            .split_once(':')
            .ok_or_else(|| format!("expected slot: value, found `{item}`"))?;
        let slot: u32 = slot
            .trim()
            .parse()
            .map_err(|_| format!("expected a slot, found `{slot}`"))?;
        if slot >= n_places || entries.last().is_some_and(|(last, _)| *last >= slot) {
            return Err(format!(
                "slot {slot} is out of order or outside the period {n_places}"
            ));
        }
        entries.push((slot, number(value.trim())?));
    }
    Ok(PlainValues::Sparse(entries))
}

fn keys(words: &[String], n_slots: usize) -> Result<KeyManifest, String> {
    let mut keys = KeyManifest::default();
    for word in words {
        let (key, at) = word
            .split_once('@')
            .ok_or_else(|| format!("expected amount@level, found `{word}`"))?;
        let at = level(at)?;
        match key {
            "conjugate" => keys.conjugation = Some(at),
            "relinearize" => keys.relinearization = Some(at),
            _ => {
                let amount: i64 = key
                    .parse()
                    .map_err(|_| format!("expected an amount, found `{key}`"))?;
                keys.rotations.insert(Rotation::new(amount, n_slots), at);
            }
        }
    }
    Ok(keys)
}

/// Reads `n=2^14 q=48,40 p=48 digits=1,1 scale=2^40`; digits default to one prime each, `insecure` skips the table.
fn params_line(text: &str) -> Result<Params, String> {
    let mut spec = ParamsSpec {
        log_n: 0,
        chain_bits: Vec::new(),
        special_bits: Vec::new(),
        digits: Vec::new(),
        scale_bits: 0,
    };
    let mut insecure = false;
    for word in text.split_whitespace() {
        let (key, value) = word.split_once('=').unwrap_or((word, ""));
        let bits = |v: &str| -> Result<Vec<u8>, String> {
            v.split(',')
                .map(|b| {
                    b.parse()
                        .map_err(|_| format!("expected sizes, found `{word}`"))
                })
                .collect()
        };
        let power = |v: &str| {
            v.strip_prefix("2^")
                .and_then(|b| b.parse().ok())
                .ok_or_else(|| format!("expected a power of two, found `{word}`"))
        };
        match key {
            "n" => spec.log_n = power(value)?,
            "scale" => spec.scale_bits = power(value)?,
            "q" => spec.chain_bits = bits(value)?,
            "p" => spec.special_bits = bits(value)?,
            "digits" => spec.digits = bits(value)?,
            "insecure" => insecure = true,
            _ => {
                return Err(format!(
                    "`{key}` is no parameter; known are n, q, p, digits, scale"
                ));
            }
        }
    }
    if spec.digits.is_empty() {
        spec.digits = vec![1; spec.chain_bits.len()];
    }
    let built = if insecure {
        Params::new_insecure_for_tests(spec)
    } else {
        Params::new(spec)
    };
    built.map_err(|e| e.to_string())
}
