//! Automorphisms `X -> X^g` as permutations of transformed limbs.

use super::ntt::reverse_bits;

/// The permutation of one automorphism: cache lines move as wholes and are shuffled inside by one of eight patterns.
pub(crate) struct AutomorphismTable {
    /// Source line of every line, with the pattern in the top three bits.
    lines: Vec<u32>,
    patterns: [[u64; 8]; 8],
}

const PATTERN_SHIFT: u32 = 29;

impl AutomorphismTable {
    /// The table for odd `g` at ring degree `n >= 16`.
    ///
    /// Index `i` holds the value at exponent `e = 2·brv(i)+1`; the image holds there what was at exponent `g·e`.
    /// With `i = 8·line + r`, `e` is `2·brv(line)+1` plus `n/4` times the reversal of `r`, so that the source's line
    /// depends on the line alone.
    pub fn new(g: u64, n: usize) -> Self {
        let log_n = n.trailing_zeros();
        let source = |i: usize| {
            let exponent = 2 * reverse_bits(i, log_n) as u64 + 1;
            let image = g.wrapping_mul(exponent) & (2 * n as u64 - 1);
            reverse_bits((image as usize - 1) / 2, log_n)
        };
        // Where a line's first word comes from fixes the pattern, since g is the same for all lines.
        let mut patterns = [[0; 8]; 8];
        let mut lines = Vec::with_capacity(n / 8);
        for line in 0..n / 8 {
            let first = source(8 * line);
            let pattern = first % 8;
            for (r, slot) in patterns[pattern].iter_mut().enumerate() {
                *slot = source(8 * line + r) as u64 % 8;
            }
            lines.push((first / 8) as u32 | (pattern as u32) << PATTERN_SHIFT);
        }
        Self { lines, patterns }
    }

    /// Per line, the source line and the words to take from it.
    pub fn lines(&self) -> impl Iterator<Item = (usize, &[u64; 8])> {
        self.lines.iter().map(|&entry| {
            let line = entry & ((1 << PATTERN_SHIFT) - 1);
            (
                line as usize,
                &self.patterns[(entry >> PATTERN_SHIFT) as usize],
            )
        })
    }

    /// Number of words that the table permutes.
    pub fn n(&self) -> usize {
        8 * self.lines.len()
    }
}

/// The inverse of odd `g` modulo `2n`.
pub(crate) fn inverse_galois(g: u64, n: usize) -> u64 {
    let mut inv = g;
    for _ in 0..5 {
        inv = inv.wrapping_mul(2u64.wrapping_sub(g.wrapping_mul(inv)));
    }
    inv & (2 * n as u64 - 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_agree_with_the_definition() {
        for log_n in 4..=10u32 {
            let n = 1usize << log_n;
            for g in [
                1,
                3,
                5,
                25,
                2 * n as u64 - 1,
                n as u64 + 1,
                2 * n as u64 - 5,
            ] {
                let table = AutomorphismTable::new(g, n);
                let mut got = Vec::new();
                for (line, pattern) in table.lines() {
                    got.extend(pattern.iter().map(|&k| 8 * line + k as usize));
                }
                for (i, &from) in got.iter().enumerate() {
                    let exponent = |i| 2 * reverse_bits(i, log_n) as u64 + 1;
                    assert_eq!(exponent(from), g * exponent(i) % (2 * n as u64));
                }
                assert_eq!(g * inverse_galois(g, n) % (2 * n as u64), 1);
            }
        }
    }
}
