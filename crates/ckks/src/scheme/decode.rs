//! From plaintext polynomials back to slots.

use super::types::Plaintext;
use crate::context::Context;
use crate::ring::fft::pair_index;
use crate::ring::modulus::Factor;
use crate::ring::parallel::each;
use params::Level;
use zeroize::{Zeroize, Zeroizing};

/// Decoding looks at no more limbs than coefficients up to this times the scale need.
const LARGEST: f64 = (1u64 << 40) as f64;

impl Context {
    /// The slots' real parts.
    ///
    /// Uses as many limbs as hold coefficients of up to `2^40` times the scale, by mixed-radix conversion. Nothing of them
    /// stays behind in memory.
    ///
    /// # Panics
    /// If the plaintext belongs to other parameters.
    pub fn decode(&self, plaintext: &Plaintext) -> Vec<f64> {
        assert_eq!(
            plaintext.params,
            self.id(),
            "the plaintext belongs to other parameters"
        );
        let q = self.params().q();
        let delta = plaintext.scale.value(q).unwrap_or(f64::INFINITY);
        let mut n_limbs = 1;
        while n_limbs < plaintext.level.n_limbs()
            && self.half_modulus(Level(n_limbs as u8 - 1)) < delta * LARGEST
        {
            n_limbs += 1;
        }
        let mut limbs = plaintext.poly.trimmed(n_limbs, false);
        each(limbs.limbs_mut(), |j, limb| {
            self.inverse(j, limb, &self.tables()[j].scaling(1));
        });
        let radix = MixedRadix::new(self, n_limbs);
        let n_slots = self.params().n_slots();
        let (mut re, mut im) = (vec![0.0; n_slots], Zeroizing::new(vec![0.0; n_slots]));
        let mut residues = Zeroizing::new(vec![0; n_limbs]);
        let mut coefficient = |k: usize| {
            residues
                .iter_mut()
                .zip(limbs.limbs())
                .for_each(|(r, limb)| *r = limb[k]);
            radix.centred(self, &mut residues) / delta
        };
        for k in 0..n_slots {
            let i = pair_index(k, n_slots);
            re[i] = coefficient(k);
            im[i] = coefficient(k + n_slots);
        }
        limbs.all_words_mut().zeroize();
        (self.kernels().fft_forward)(self.fft(), &mut re, &mut im);
        re
    }
}

/// Conversion of residues to doubles, digit by digit.
///
/// # Source
/// Garner, 1959.
struct MixedRadix {
    /// Entry `i`: `q_j^-1 mod q_i` for `j < i`.
    inverses: Vec<Vec<Factor>>,
    /// Digits of half the modulus, rounded down.
    half: Vec<u64>,
}

impl MixedRadix {
    fn new(ctx: &Context, n_limbs: usize) -> Self {
        let q = &ctx.params().q()[..n_limbs];
        let inverses = (0..n_limbs).map(|i| {
            let m = ctx.modulus(i);
            q[..i].iter().map(|&p| m.factor(m.invert(p))).collect()
        });
        // (Q - 1)/2 has the digits (q_i - 1)/2, all of which are whole as the primes are odd.
        Self {
            inverses: inverses.collect(),
            half: q.iter().map(|p| p / 2).collect(),
        }
    }

    /// The centred value of the residues, which are overwritten, to relative precision `2^-50`.
    fn centred(&self, ctx: &Context, residues: &mut [u64]) -> f64 {
        let q = ctx.params().q();
        for i in 1..residues.len() {
            let m = ctx.modulus(i);
            for j in 0..i {
                let digit = m.reduce(residues[j]);
                residues[i] = m.mul_factor(m.sub(residues[i], digit), self.inverses[i][j]);
            }
        }
        let digits = residues;
        let negative = digits.iter().rev().gt(self.half.iter().rev());
        if negative {
            // Q - x = (Q - 1 - x) + 1, and Q - 1 has the digits q_i - 1.
            digits.iter_mut().zip(q).for_each(|(d, &p)| *d = p - 1 - *d);
            digits[0] += 1;
        }
        let size = digits
            .iter()
            .zip(q)
            .rev()
            .fold(0.0, |acc, (&d, &p)| acc * p as f64 + d as f64);
        if negative { -size } else { size }
    }
}

#[cfg(test)]
mod tests {
    use crate::Basis;
    use crate::ring::buffer::Buffer;
    use crate::tests::{Kit, params};
    use params::Level;
    use zeroize::Zeroize;

    #[test]
    fn decoding_and_wiping_leave_nothing_in_the_pool() {
        // A size that no other test uses, since the pool belongs to the process.
        let kit = Kit::new(
            &params(10, &[45, 36, 36, 36, 36, 36, 36], &[46], &[1; 7], 36),
            1,
        );
        let top = Level(6);
        let values = kit.values(3);
        let mut plaintext = kit
            .ctx
            .encode(&values, &kit.ctx.params().scale(), top, Basis::Q)
            .expect("small values");
        // Two limbs hold 2^40 times the scale. What is given back last is handed out first.
        let limbs = |n: usize| plaintext.poly.trimmed(n, false).all_words_mut().len();
        let lengths = [limbs(2), limbs(7)];
        let decoded = kit.ctx.decode(&plaintext);
        assert!((decoded[1] - values[1]).abs() < 1e-6);
        plaintext.zeroize();
        drop(plaintext);
        for len in lengths {
            assert!(
                Buffer::stale(len).iter().all(|&word| word == 0),
                "{len} words"
            );
        }
    }
}
