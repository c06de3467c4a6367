//! Tables of the transforms that compute in doubles.

use super::buffer::Buffer;
use super::modulus::Modulus;

/// Words in a block of the last pass.
pub(crate) const BLOCK: usize = 32;

/// Twiddles as doubles in `[-p/2, p/2]`, and the passes over a limb.
pub(crate) struct DoubleTwiddles {
    /// Value and quotient by `p` in bit-reversed order, for all but the last two layers.
    pub forward: Vec<[f64; 2]>,
    /// Values of the last two layers, as vectors in the order of use.
    pub forward_tail: Buffer,
    pub inverse: Vec<[f64; 2]>,
    pub inverse_tail: Buffer,
    /// Layers of each pass before the last, which has five.
    pub passes: Vec<usize>,
}

impl DoubleTwiddles {
    /// Whether there is a transform of size `n`.
    pub fn fits(n: usize) -> bool {
        (2 * BLOCK..=1 << 16).contains(&n)
    }

    /// From the powers of the root and of its inverse in bit-reversed order.
    pub fn new(modulus: &Modulus, forward: &[u64], inverse: &[u64]) -> Self {
        let mut left = (forward.len() / BLOCK).trailing_zeros() as usize;
        let mut passes = Vec::new();
        while left > 0 {
            let layers = if left == 4 { 2 } else { left.min(3) };
            passes.push(layers);
            left -= layers;
        }
        Self {
            forward: pairs(modulus, forward),
            forward_tail: tail(modulus, forward),
            inverse: pairs(modulus, inverse),
            inverse_tail: tail(modulus, inverse),
            passes,
        }
    }

    /// Size of the transform.
    pub fn n(&self) -> usize {
        4 * self.forward.len()
    }
}

/// `c` in `[-p/2, p/2]`.
pub(crate) fn centred(modulus: &Modulus, c: u64) -> f64 {
    if c > modulus.p / 2 {
        -((modulus.p - c) as f64)
    } else {
        c as f64
    }
}

fn pairs(modulus: &Modulus, powers: &[u64]) -> Vec<[f64; 2]> {
    let powers = powers[..powers.len() / 4].iter();
    let pair = |&w: &u64| {
        let value = centred(modulus, w);
        [value, value / modulus.p as f64]
    };
    powers.map(pair).collect()
}

/// Per half block of 16 words, for the four groups of four words in it, one twiddle of the layer with `n/4` and two of
/// the layer with `n/2` twiddles. The quotients cost one instruction each, and memory traffic costs more.
fn tail(modulus: &Modulus, powers: &[u64]) -> Buffer {
    let n = powers.len();
    let mut words = Buffer::stale(n / 16 * 12);
    for (half, out) in words.chunks_exact_mut(12).enumerate() {
        for lane in 0..4 {
            let group = 4 * half + lane;
            let indices = [n / 4 + group, n / 2 + 2 * group, n / 2 + 2 * group + 1];
            for (vector, index) in out.chunks_exact_mut(4).zip(indices) {
                vector[lane] = centred(modulus, powers[index]).to_bits();
            }
        }
    }
    words
}
