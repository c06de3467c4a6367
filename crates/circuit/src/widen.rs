//! Two primes per level, for scales larger than any prime.

use crate::{Circuit, CircuitError, Op, ValueId};
use params::{Level, Params, Scale};

/// The circuit with every level made of two primes and every rescale of two.
///
/// Level `l` becomes `2l + 1`, prime `q_l` the product of `q_{2l}` and `q_{2l+1}`, the fresh scale that of `params`.
/// Values, plain vectors and results stay the same. Keys are planned anew.
///
/// # Errors
/// [`CircuitError::Invalid`] if the circuit has no levels or scales, or its scales are no powers of its fresh one times
/// chain primes.
///
/// # Panics
/// If the circuit has no parameters.
///
/// # Source
/// Composite scaling: Agrawal et al., ePrint 2023/1462.
pub fn widen(circuit: &Circuit, params: Params) -> Result<Circuit, CircuitError> {
    let old_bits = circuit
        .params()
        .expect("the circuit has parameters")
        .spec()
        .scale_bits;
    let new_bits = params.spec().scale_bits;
    let scale_of = |scale: &Scale| -> Option<Scale> {
        let (two, primes) = scale.exponents();
        let power = (two % i32::from(old_bits) == 0).then(|| two / i32::from(old_bits))?;
        let mut wide = Scale::power_of_two(power * i32::from(new_bits));
        for &(index, exponent) in primes {
            for _ in 0..exponent.unsigned_abs() {
                for half in [2 * index, 2 * index + 1] {
                    let prime = Scale::prime(half);
                    wide = if exponent > 0 {
                        wide.times(&prime)
                    } else {
                        wide.over(&prime)
                    };
                }
            }
        }
        Some(wide)
    };
    let level_of = |level: Level| Level(2 * level.0 + 1);
    let mut odd: Option<(ValueId, &'static str)> = None;
    let mut wide = circuit.rebuild(|next, id, mut value| {
        match &mut value.op {
            Op::MulPlain { scale, .. } | Op::MulScalar { scale, .. } => {
                *scale = scale.as_ref().and_then(scale_of);
                if scale.is_none() {
                    odd.get_or_insert((id, circuit.op(id).word()));
                }
            }
            Op::DropLevel { to, .. } => *to = level_of(*to),
            Op::Refresh { to, scale, .. } => {
                *to = level_of(*to);
                *scale = scale.as_ref().and_then(scale_of);
            }
            _ => {}
        }
        let twice = matches!(value.op, Op::Rescale(_) | Op::ModDown { rescale: true, .. });
        let layer = value.layer;
        let first = next.push(value);
        if twice {
            next.push_op(Op::Rescale(first), layer)
        } else {
            first
        }
    });
    if let Some((value, op)) = odd {
        let why = "its factor's scale is no power of the fresh one times chain primes".to_owned();
        return Err(CircuitError::Invalid { value, op, why });
    }
    for input in wide.inputs_mut() {
        input.level = input.level.map(level_of);
        input.scale = input.scale.as_ref().and_then(scale_of);
    }
    wide.set_params(params);
    wide.set_keys(None);
    crate::verify(&wide).map_err(|mut faults| faults.swap_remove(0))?;
    let keys = wide.needed_keys();
    wide.set_keys(keys);
    Ok(wide)
}
