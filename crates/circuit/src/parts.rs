//! A circuit as plain data for storage, and its checked way back.

use crate::circuit::Stored;
use crate::print::INLINE;
use crate::{
    Circuit, CircuitError, InputFact, KeyManifest, Layer, MAX_LAYERS, MAX_NAME, MAX_SLOTS, Op,
    PlainValues, PlainVector, Value,
};
use params::{Params, ParamsSpec};
use serde::{Deserialize, Serialize};

/// Most chain primes.
const MAX_PRIMES: u8 = 64;

/// Everything of a circuit but the numbers of its plain vectors.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CircuitForm {
    n_slots: u32,
    inputs: Vec<InputFact>,
    values: Vec<Value>,
    plains: Vec<PlainForm>,
    outputs: Vec<crate::ValueId>,
    layers: Vec<Layer>,
    params: Option<ParamsSpec>,
    keys: Option<KeyManifest>,
    bound: Option<f64>,
}

/// A plain vector without its numbers.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct PlainForm {
    name: String,
    period: u32,
    each: u32,
    /// Numbers in the file; slots too if it is sparse.
    n_numbers: u32,
    sparse: bool,
}

/// A circuit as plain data: [`Circuit::to_parts`] makes it, [`Circuit::from_parts`] reads it.
#[derive(Clone, Debug, PartialEq)]
pub struct CircuitParts {
    /// Operations and names.
    pub form: CircuitForm,
    /// Numbers of all plain vectors, one vector after another.
    pub numbers: Vec<f64>,
    /// Slots of the sparse vectors' numbers, one vector after another.
    pub slots: Vec<u32>,
}

impl PlainForm {
    /// As [`PlainVector::is_inline`].
    fn is_inline(&self) -> bool {
        self.name.is_empty() && !self.sparse && self.n_numbers as usize <= INLINE && self.each == 1
    }
}

impl CircuitForm {
    /// How many numbers and how many slots belong to this form, as it declares itself.
    pub fn declared(&self) -> (u64, u64) {
        let count = |sparse_only: bool| -> u64 {
            let of = self.plains.iter().filter(|p| p.sparse || !sparse_only);
            of.map(|p| u64::from(p.n_numbers)).sum()
        };
        (count(false), count(true))
    }
}

fn fault(why: impl Into<String>) -> CircuitError {
    CircuitError::Parts { why: why.into() }
}

impl Circuit {
    /// Takes the circuit apart for storage.
    pub fn to_parts(&self) -> CircuitParts {
        let (mut numbers, mut slots, mut plains) = (Vec::new(), Vec::new(), Vec::new());
        for plain in self.plains() {
            let before = numbers.len();
            let sparse = match &plain.values {
                PlainValues::Dense(values) => {
                    numbers.extend_from_slice(values);
                    false
                }
                PlainValues::Sparse(entries) => {
                    slots.extend(entries.iter().map(|(slot, _)| *slot));
                    numbers.extend(entries.iter().map(|(_, value)| *value));
                    true
                }
            };
            let n_numbers = (numbers.len() - before) as u32;
            let (name, period) = (plain.name.clone(), plain.period);
            plains.push(PlainForm {
                name,
                period,
                each: plain.each,
                n_numbers,
                sparse,
            });
        }
        let form = CircuitForm {
            n_slots: self.n_slots() as u32,
            inputs: self.inputs().to_vec(),
            values: self.values().to_vec(),
            plains,
            outputs: self.outputs().to_vec(),
            layers: self.layers().to_vec(),
            params: self.params().map(|p| p.spec().clone()),
            keys: self.keys().cloned(),
            bound: self.bound(),
        };
        CircuitParts {
            form,
            numbers,
            slots,
        }
    }

    /// Builds a circuit from untrusted parts: every id is in range, operands come before users, plain vectors fit their
    /// period and are finite, parameters are secure, and the circuit verifies.
    ///
    /// # Errors
    /// [`CircuitError::Parts`] for the first part that does not fit, or the first fault that [`crate::verify`] finds.
    pub fn from_parts(parts: CircuitParts) -> Result<Self, CircuitError> {
        let form = parts.form;
        if !form.n_slots.is_power_of_two() || form.n_slots as usize > MAX_SLOTS {
            let why = format!(
                "{} slots, expected a power of two up to {MAX_SLOTS}",
                form.n_slots
            );
            return Err(fault(why));
        }
        let params = match form.params.map(Params::new) {
            Some(Err(error)) => return Err(fault(error.to_string())),
            Some(Ok(params)) if params.n_slots() != form.n_slots as usize => {
                let (found, expected) = (form.n_slots, params.n_slots());
                return Err(fault(format!(
                    "{found} slots, expected the ring's {expected}"
                )));
            }
            Some(Ok(params)) => Some(params),
            None => None,
        };
        if let Some(bound) = form.bound.filter(|b| !b.is_finite()) {
            return Err(fault(format!("the bound {bound} is not finite")));
        }
        check_names(&form.layers, &form.plains)?;
        check_values(&form.values, form.inputs.len(), form.layers.len())?;
        check_scales(&form.inputs, &form.values)?;
        let n_values = form.values.len();
        if let Some(odd) = form.outputs.iter().find(|o| o.index() >= n_values) {
            return Err(fault(format!("the output {odd} does not exist")));
        }
        if form.outputs.is_empty() {
            return Err(fault("it returns nothing"));
        }
        let plains = plain_vectors(form.plains, &parts.numbers, &parts.slots, form.n_slots)?;
        let circuit = Circuit::from_stored(Stored {
            n_slots: form.n_slots as usize,
            inputs: form.inputs,
            values: form.values,
            plains,
            outputs: form.outputs,
            layers: form.layers,
            params,
            keys: form.keys,
            bound: form.bound,
        });
        crate::verify(&circuit).map_err(|faults| {
            let first = faults.into_iter().next();
            first.unwrap_or_else(|| fault("it does not verify"))
        })?;
        check_keys(&circuit)?;
        Ok(circuit)
    }
}

/// Checks that names are short, so that a text that repeats them is not endless, and that those of plain vectors differ.
fn check_names(layers: &[Layer], plains: &[PlainForm]) -> Result<(), CircuitError> {
    if layers.len() > MAX_LAYERS {
        let found = layers.len();
        return Err(fault(format!(
            "{found} layers, expected at most {MAX_LAYERS}"
        )));
    }
    let names = layers.iter().map(|layer| &layer.name);
    if let Some(long) = names
        .chain(plains.iter().map(|plain| &plain.name))
        .find(|name| name.len() > MAX_NAME)
    {
        let found = long.len();
        return Err(fault(format!(
            "a name of {found} bytes, expected at most {MAX_NAME}"
        )));
    }
    let mut names: Vec<&str> = plains
        .iter()
        .filter(|plain| !plain.is_inline())
        .map(|plain| plain.name.as_str())
        .collect();
    names.sort_unstable();
    match names.windows(2).find(|pair| pair[0] == pair[1]) {
        Some(pair) => Err(fault(format!("two plain vectors are called {:?}", pair[0]))),
        None => Ok(()),
    }
}

fn check_values(values: &[Value], n_inputs: usize, n_layers: usize) -> Result<(), CircuitError> {
    if n_inputs == 0 || n_inputs > values.len() {
        return Err(fault(format!(
            "{n_inputs} inputs among {} values",
            values.len()
        )));
    }
    if values.len() > u32::MAX as usize {
        return Err(fault(format!("{} values", values.len())));
    }
    for (i, value) in values.iter().enumerate() {
        let expected = i < n_inputs;
        match value.op {
            Op::Input { index } if expected && index as usize == i => {}
            Op::Input { .. } => return Err(fault(format!("%{i} is an input out of place"))),
            _ if expected => return Err(fault(format!("%{i} is not the input it should be"))),
            _ => {}
        }
        if let Some(odd) = value.op.operands().iter().find(|o| o.index() >= i) {
            return Err(fault(format!("%{i} reads {odd}, which comes later")));
        }
        if value.layer.is_some_and(|l| usize::from(l.0) >= n_layers) {
            return Err(fault(format!("%{i} is of a layer that does not exist")));
        }
    }
    Ok(())
}

/// Checks that scales name primes that a chain can have; their sizes are checked with the facts of every value.
fn check_scales(inputs: &[InputFact], values: &[Value]) -> Result<(), CircuitError> {
    for (i, value) in values.iter().enumerate() {
        let scale = match &value.op {
            Op::Input { index } => &inputs[*index as usize].scale,
            Op::MulPlain { scale, .. }
            | Op::MulScalar { scale, .. }
            | Op::Refresh { scale, .. } => scale,
            _ => continue,
        };
        let primes = scale.iter().flat_map(|scale| scale.exponents().1);
        if let Some((odd, _)) = primes.into_iter().find(|(p, _)| *p >= MAX_PRIMES) {
            return Err(fault(format!(
                "the scale of %{i} names q{odd}, expected primes below q{MAX_PRIMES}"
            )));
        }
    }
    Ok(())
}

fn plain_vectors(
    forms: Vec<PlainForm>,
    mut numbers: &[f64],
    mut slots: &[u32],
    n_slots: u32,
) -> Result<Vec<PlainVector>, CircuitError> {
    let mut plains = Vec::with_capacity(forms.len());
    for form in forms {
        let PlainForm {
            name,
            period,
            each,
            n_numbers,
            sparse,
        } = form;
        if !period.is_power_of_two() || period > n_slots {
            let why = format!("period {period} of {name:?} does not divide {n_slots} slots");
            return Err(fault(why));
        }
        if !each.is_power_of_two() || each > period {
            let why = format!("{each} slots for each value of {name:?}, in periods of {period}");
            return Err(fault(why));
        }
        let n_places = period / each;
        let count = n_numbers as usize;
        let missing = || fault(format!("numbers of {name:?} are missing"));
        let (own, rest) = numbers.split_at_checked(count).ok_or_else(missing)?;
        numbers = rest;
        if let Some(odd) = own.iter().find(|v| !v.is_finite()) {
            return Err(fault(format!("{name:?} holds {odd}")));
        }
        let values = if sparse {
            let (places, rest) = slots.split_at_checked(count).ok_or_else(missing)?;
            slots = rest;
            let rising = places.windows(2).all(|pair| pair[0] < pair[1]);
            if !rising || places.last().is_some_and(|last| *last >= n_places) {
                return Err(fault(format!(
                    "slots of {name:?} do not rise below {n_places}"
                )));
            }
            PlainValues::Sparse(places.iter().copied().zip(own.iter().copied()).collect())
        } else {
            if n_numbers != n_places {
                return Err(fault(format!(
                    "{name:?} has {n_numbers} numbers, expected {n_places}"
                )));
            }
            PlainValues::Dense(own.to_vec())
        };
        plains.push(PlainVector {
            name,
            period,
            each,
            values,
        });
    }
    if !numbers.is_empty() || !slots.is_empty() {
        return Err(fault("there are numbers that belong to no plain vector"));
    }
    Ok(plains)
}

/// Checks that the manifest covers what the operations use, and asks for nothing the chain does not have.
fn check_keys(circuit: &Circuit) -> Result<(), CircuitError> {
    let Some(manifest) = circuit.keys() else {
        return Ok(());
    };
    let max = circuit.params().map(Params::max_level);
    let levels = manifest.rotations.values();
    let mut levels = levels
        .chain(&manifest.conjugation)
        .chain(&manifest.relinearization);
    if let Some(level) = levels.find(|l| max.is_none_or(|max| **l > max)) {
        return Err(fault(format!(
            "a key up to {level} is above the chain's end"
        )));
    }
    let n_slots = circuit.n_slots();
    if let Some(odd) = manifest
        .rotations
        .keys()
        .find(|r| r.is_zero() || r.amount() as usize >= n_slots)
    {
        return Err(fault(format!(
            "a key for rotations by {odd} is outside 1..{n_slots}"
        )));
    }
    let Some(needed) = circuit.needed_keys() else {
        return Ok(());
    };
    let short = |have: Option<&params::Level>, need: &params::Level| have.is_none_or(|h| h < need);
    for (rotation, level) in &needed.rotations {
        if short(manifest.rotations.get(rotation), level) {
            return Err(fault(format!(
                "the manifest has no key for rotations by {rotation} at {level}"
            )));
        }
    }
    let others = [
        (&manifest.conjugation, &needed.conjugation),
        (&manifest.relinearization, &needed.relinearization),
    ];
    for (have, need) in others {
        if let Some(level) = need
            && short(have.as_ref(), level)
        {
            return Err(fault(format!(
                "the manifest lacks the conjugation or relinearization key at {level}"
            )));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use params::Scale;

    const TEXT: &str = "\
; params: n=2^12 q=34,30 p=36 digits=1,1 scale=2^30
plain @w period 4 = [1.0, 2.0, 0.5, 0.0]
circuit (%0: ct L1 2^30) {
  %1 = rotate %0 by 1
  %2 = mul_plain %1 * @w at 2^30
  %3 = rescale %2
  return %3
}
";

    fn parts() -> CircuitParts {
        crate::parse(TEXT).expect("the circuit parses").to_parts()
    }

    fn refusal(edit: impl FnOnce(&mut CircuitParts)) -> String {
        let mut parts = parts();
        edit(&mut parts);
        Circuit::from_parts(parts).expect_err("refused").to_string()
    }

    #[test]
    fn there_and_back_is_the_same() {
        let circuit = crate::parse(TEXT).expect("the circuit parses");
        assert_eq!(
            Circuit::from_parts(circuit.to_parts()).as_ref(),
            Ok(&circuit)
        );
    }

    #[test]
    fn what_does_not_fit_is_named() {
        let cases = [
            (refusal(|p| p.form.n_slots = 3), "3 slots"),
            (refusal(|p| p.form.n_slots = 64), "64 slots"),
            (refusal(|p| p.form.inputs.clear()), "0 inputs"),
            (refusal(|p| p.numbers[1] = f64::NAN), "holds NaN"),
            (refusal(|p| p.numbers.truncate(3)), "missing"),
            (refusal(|p| p.numbers.push(0.0)), "no plain vector"),
            (refusal(|p| p.form.plains[0].period = 3), "period 3"),
            (refusal(|p| p.form.plains[0].each = 8), "8 slots for each"),
            (refusal(|p| p.form.plains[0].each = 2), "expected 2"),
            (
                refusal(|p| p.form.values.swap(1, 2)),
                "reads %1, which comes later",
            ),
            (
                refusal(|p| p.form.outputs[0] = crate::ValueId(9)),
                "output %9",
            ),
            (refusal(|p| p.form.outputs.clear()), "returns nothing"),
            (
                refusal(|p| p.form.inputs[0].scale = Some(Scale::power_of_two(i32::MAX))),
                "an exponent beyond",
            ),
            (
                refusal(|p| p.form.inputs[0].scale = Some(Scale::prime(MAX_PRIMES))),
                "names q64",
            ),
            (
                refusal(|p| p.form.params.as_mut().expect("params").chain_bits = vec![36, 36]),
                "128-bit security",
            ),
        ];
        for (found, expected) in cases {
            assert!(found.contains(expected), "{found:?} lacks {expected:?}");
        }
    }

    /// Any altered bytes of the form decode to an error or to a circuit that verifies; none panics.
    #[test]
    fn altered_forms_never_panic() {
        let parts = parts();
        let bytes = postcard::to_stdvec(&parts.form).expect("the form encodes");
        let mut sound = 0;
        for at in 0..bytes.len() {
            for value in [
                0,
                1,
                0x7f,
                0x80,
                0xff,
                bytes[at] ^ 1,
                bytes[at].wrapping_add(1),
            ] {
                let mut altered = bytes.clone();
                altered[at] = value;
                let Ok((form, _)) = postcard::take_from_bytes::<CircuitForm>(&altered) else {
                    continue;
                };
                let parts = CircuitParts {
                    form,
                    ..parts.clone()
                };
                if let Ok(circuit) = Circuit::from_parts(parts) {
                    sound += 1;
                    crate::print(&circuit, crate::Detail::Values);
                    crate::verify(&circuit).expect("what was read verifies");
                }
            }
        }
        assert!(sound > 0, "unchanged bytes are sound");
    }
}
