//! A polynomial as residues modulo live chain primes and, in basis QP, all special primes.

use super::buffer::Buffer;

/// Limb-major residues in `[0, p)`: `n_q` chain limbs, then `n_special` special limbs.
#[derive(Clone)]
pub(crate) struct Poly {
    buffer: Buffer,
    n: usize,
    n_q: usize,
    n_special: usize,
}

impl Poly {
    /// Unspecified contents.
    pub fn stale(n: usize, n_q: usize, n_special: usize) -> Self {
        Self {
            buffer: Buffer::stale(n * (n_q + n_special)),
            n,
            n_q,
            n_special,
        }
    }

    /// As [`Poly::stale`]; `None` if the system has not the memory.
    pub fn try_stale(n: usize, n_q: usize, n_special: usize) -> Option<Self> {
        Some(Self {
            buffer: Buffer::try_stale(n * (n_q + n_special))?,
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

    pub fn bytes(&self) -> usize {
        8 * self.buffer.len()
    }

    pub fn limb(&self, j: usize) -> &[u64] {
        &self.buffer[j * self.n..(j + 1) * self.n]
    }

    pub fn limb_mut(&mut self, j: usize) -> &mut [u64] {
        &mut self.buffer[j * self.n..(j + 1) * self.n]
    }

    pub fn limbs(&self) -> impl Iterator<Item = &[u64]> {
        self.buffer.chunks_exact(self.n)
    }

    pub fn limbs_mut(&mut self) -> impl Iterator<Item = &mut [u64]> {
        self.buffer.chunks_exact_mut(self.n)
    }

    pub fn words(&self) -> &[u64] {
        &self.buffer
    }

    pub fn words_mut(&mut self) -> &mut [u64] {
        &mut self.buffer
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
        out.buffer[..n_q * self.n].copy_from_slice(&self.buffer[..n_q * self.n]);
        out.buffer[n_q * self.n..]
            .copy_from_slice(&self.buffer[self.n_q * self.n..(self.n_q + n_special) * self.n]);
        out
    }
}
