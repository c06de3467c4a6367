//! Limbs side by side, at distances that are no power of two.

use super::buffer::Buffer;

/// Limbs of `n` words each.
///
/// Between two of them lie a few unused words: without these the same word of every limb would fall into the same set
/// of every cache, and whatever walks several limbs at once would evict its own data.
#[derive(Clone)]
pub(crate) struct Limbs {
    buffer: Buffer,
    n: usize,
}

/// Words from one limb to the next: one cache line more than `n`, and a sixty-fourth of `n`.
fn stride(n: usize) -> usize {
    n + n / 512 * 8 + 8
}

impl Limbs {
    /// Unspecified contents.
    pub fn stale(n: usize, count: usize) -> Self {
        Self {
            buffer: Buffer::stale(stride(n) * count),
            n,
        }
    }

    /// As [`Limbs::stale`]; `None` if the system has not the memory.
    pub fn try_stale(n: usize, count: usize) -> Option<Self> {
        let buffer = Buffer::try_stale(stride(n).checked_mul(count)?)?;
        Some(Self { buffer, n })
    }

    pub fn limb(&self, j: usize) -> &[u64] {
        let start = j * stride(self.n);
        &self.buffer[start..start + self.n]
    }

    pub fn limb_mut(&mut self, j: usize) -> &mut [u64] {
        let start = j * stride(self.n);
        &mut self.buffer[start..start + self.n]
    }

    pub fn iter(&self) -> impl Iterator<Item = &[u64]> {
        let n = self.n;
        self.buffer.chunks_exact(stride(n)).map(move |x| &x[..n])
    }

    pub fn iter_mut(&mut self) -> impl Iterator<Item = &mut [u64]> {
        let n = self.n;
        let chunks = self.buffer.chunks_exact_mut(stride(n));
        chunks.map(move |x| &mut x[..n])
    }

    /// `size` consecutive limbs at a time, the last group may be smaller.
    pub fn groups_mut(&mut self, size: usize) -> impl Iterator<Item = Vec<&mut [u64]>> {
        let n = self.n;
        let groups = self.buffer.chunks_mut(size * stride(n));
        groups.map(move |group| {
            let chunks = group.chunks_exact_mut(stride(n));
            chunks.map(|x| &mut x[..n]).collect()
        })
    }

    /// The limbs before the `count`-th, and the others.
    pub fn split_at_mut(
        &mut self,
        count: usize,
    ) -> (
        impl Iterator<Item = &mut [u64]>,
        impl Iterator<Item = &mut [u64]>,
    ) {
        let n = self.n;
        let (first, rest) = self.buffer.split_at_mut(count * stride(n));
        (
            first.chunks_exact_mut(stride(n)).map(move |x| &mut x[..n]),
            rest.chunks_exact_mut(stride(n)).map(move |x| &mut x[..n]),
        )
    }

    /// Every word, those between limbs too, for wiping.
    pub fn all_words_mut(&mut self) -> &mut [u64] {
        &mut self.buffer
    }
}
