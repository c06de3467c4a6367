//! Modulus chains that fit the security table.

use params::ParamsSpec;
use pass::Refusal;

/// Largest prime that the multiply kernels take.
pub const MAX_BITS: u8 = 48;
/// Sign, and a factor of four for values larger than any seen.
pub const GUARD_BITS: u8 = 3;
/// Largest number of special primes worth trying.
const MAX_SPECIAL: usize = 12;
/// Bits by which the special primes should exceed a digit, so that key switching costs no precision.
const HEADROOM_BITS: f64 = 6.0;

/// Size of the last prime: scale, largest result, sign and guard bits.
///
/// # Errors
/// [`Refusal`] if no prime is that large.
pub fn base_bits(scale_bits: u8, bound: Option<f64>) -> Result<u8, Refusal> {
    let Some(bound) = bound.filter(|b| *b > 0.0) else {
        return Ok(MAX_BITS);
    };
    let bits = f64::from(scale_bits) + bound.log2().ceil().max(0.0) + f64::from(GUARD_BITS);
    if bits > f64::from(MAX_BITS) {
        return Err(Refusal::new(format!(
            "results up to {bound:.0} need a last prime of {bits:.0} bits at scale 2^{scale_bits}, the largest is {MAX_BITS}"
        ))
        .help(format!(
            "divide the weights and the bias of the last layer by {:.0} and multiply the results by it after decryption",
            (bits - f64::from(MAX_BITS)).exp2()
        )));
    }
    Ok((bits as u8).max(scale_bits + 2).min(MAX_BITS))
}

/// Chains to price: every number of special primes, digits as large as those allow, the short digit at the bottom.
pub fn candidates(
    log_n: u8,
    levels: usize,
    scale_bits: u8,
    base_bits: u8,
    bound: u32,
) -> Vec<ParamsSpec> {
    let mut found = Vec::new();
    for n_special in 1..=MAX_SPECIAL {
        for headroom in [HEADROOM_BITS, 3.0, 1.0, 0.0] {
            // The base prime takes what the bound leaves, for values beyond the calibrated ones.
            for base in [MAX_BITS, base_bits] {
                for special in (scale_bits..=MAX_BITS).rev() {
                    let total = usize::from(base)
                        + levels * usize::from(scale_bits)
                        + n_special * usize::from(special);
                    if total > bound as usize {
                        continue;
                    }
                    let chain: Vec<u8> = std::iter::once(base)
                        .chain(std::iter::repeat_n(scale_bits, levels))
                        .collect();
                    if let Some(digits) =
                        cut(&chain, n_special as f64 * f64::from(special) - headroom)
                    {
                        found.push(ParamsSpec {
                            log_n,
                            chain_bits: chain,
                            special_bits: vec![special; n_special],
                            digits,
                            scale_bits,
                        });
                        break;
                    }
                }
            }
        }
    }
    found
}

/// Digits of at most `room` bits each, from the top down, evened out; sizes from `q_0` upward.
pub fn cut(chain: &[u8], room: f64) -> Option<Vec<u8>> {
    let mut digits: Vec<u8> = Vec::new();
    let mut bits = f64::INFINITY;
    for prime in chain.iter().rev().map(|&b| f64::from(b)) {
        if prime > room {
            return None;
        }
        if bits + prime > room {
            digits.push(0);
            bits = 0.0;
        }
        *digits.last_mut()? += 1;
        bits += prime;
    }
    digits.reverse();
    Some(digits)
}
