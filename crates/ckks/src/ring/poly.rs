//! A polynomial as residues modulo live chain primes and, in basis QP, all special primes.

use super::limbs::Limbs;

/// Residues in `[0, p)`: `n_q` chain limbs, then `n_special` special limbs.
#[derive(Clone)]
pub(crate) struct Poly {
    limbs: Limbs,
    n: usize,
    n_q: usize,
    n_special: usize,
}

impl Poly {
    /// Unspecified contents.
    pub fn stale(n: usize, n_q: usize, n_special: usize) -> Self {
        Self {
            limbs: Limbs::stale(n, n_q + n_special),
            n,
            n_q,
            n_special,
        }
    }

    /// As [`Poly::stale`]; `None` if the system has not the memory.
    pub fn try_stale(n: usize, n_q: usize, n_special: usize) -> Option<Self> {
        Some(Self {
            limbs: Limbs::try_stale(n, n_q + n_special)?,
            n,
            n_q,
            n_special,
        })
    }

    pub fn n_q(&self) -> usize {
        self.n_q
    }

    pub fn n_special(&self) -> usize {
        self.n_special
    }

    /// Bytes of all residues.
    pub fn bytes(&self) -> usize {
        8 * self.n * (self.n_q + self.n_special)
    }

    pub fn limb(&self, j: usize) -> &[u64] {
        self.limbs.limb(j)
    }

    pub fn limb_mut(&mut self, j: usize) -> &mut [u64] {
        self.limbs.limb_mut(j)
    }

    pub fn limbs(&self) -> impl Iterator<Item = &[u64]> {
        self.limbs.iter()
    }

    pub fn limbs_mut(&mut self) -> impl Iterator<Item = &mut [u64]> {
        self.limbs.iter_mut()
    }

    /// `size` consecutive limbs at a time, the last group may be smaller.
    pub fn groups_mut(&mut self, size: usize) -> impl Iterator<Item = Vec<&mut [u64]>> {
        self.limbs.groups_mut(size)
    }

    /// Everything stored, for wiping.
    pub fn all_words_mut(&mut self) -> &mut [u64] {
        self.limbs.all_words_mut()
    }

    /// Index in `0..n_q + n_special` of the limb of chain prime or special prime `prime`, `chain` being the full
    /// chain's length.
    pub fn position(&self, prime: usize, chain: usize) -> usize {
        if prime < chain {
            prime
        } else {
            self.n_q + prime - chain
        }
    }

    /// The same residues without the chain limbs from `n_q` on, and without special limbs unless `keep_special`.
    pub fn trimmed(&self, n_q: usize, keep_special: bool) -> Self {
        debug_assert!(n_q <= self.n_q);
        let n_special = if keep_special { self.n_special } else { 0 };
        let mut out = Self::stale(self.n, n_q, n_special);
        let from = (0..n_q).chain(self.n_q..self.n_q + n_special);
        out.limbs_mut()
            .zip(from)
            .for_each(|(limb, j)| limb.copy_from_slice(self.limb(j)));
        out
    }
}

impl PartialEq for Poly {
    fn eq(&self, other: &Self) -> bool {
        (self.n_q, self.n_special) == (other.n_q, other.n_special) && self.limbs().eq(other.limbs())
    }
}
