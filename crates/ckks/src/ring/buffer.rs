//! Aligned limb storage that is used again instead of freed.

use std::collections::HashMap;
use std::ops::{Deref, DerefMut};
use std::sync::Mutex;

/// One cache line; gives buffers the alignment that the widest loads want.
#[derive(Clone, Copy)]
#[repr(C, align(64))]
struct Line([u64; 8]);

/// Free buffers by length, and their total number of lines.
struct Pool {
    free: Option<HashMap<usize, Vec<Vec<Line>>>>,
    lines: usize,
}

/// Most lines kept for later use: 512 MiB.
const MAX_POOLED_LINES: usize = (512 << 20) / 64;

static POOL: Mutex<Pool> = Mutex::new(Pool {
    free: None,
    lines: 0,
});

/// Words at 64-byte alignment. Dropping it hands the storage to a pool; secret contents must be wiped before.
pub(crate) struct Buffer {
    lines: Vec<Line>,
}

impl Buffer {
    /// A buffer of `len` words, a multiple of 8, with unspecified (old) contents.
    pub fn stale(len: usize) -> Self {
        Self::pooled(len).unwrap_or_else(|| Self {
            lines: vec![Line([0; 8]); len / 8],
        })
    }

    /// As [`Buffer::stale`]; `None` if the system has not the memory.
    pub fn try_stale(len: usize) -> Option<Self> {
        Self::pooled(len).or_else(|| {
            let mut lines = Vec::new();
            lines.try_reserve_exact(len / 8).ok()?;
            lines.resize(len / 8, Line([0; 8]));
            Some(Self { lines })
        })
    }

    /// A buffer that was used before, if there is one of this length.
    fn pooled(len: usize) -> Option<Self> {
        debug_assert_eq!(len % 8, 0);
        let n_lines = len / 8;
        let mut pool = POOL.lock().ok()?;
        let lines = pool.free.as_mut()?.get_mut(&n_lines)?.pop()?;
        pool.lines -= n_lines;
        Some(Self { lines })
    }
}

impl Deref for Buffer {
    type Target = [u64];

    fn deref(&self) -> &[u64] {
        // SAFETY: `Line` is `repr(C)` over `[u64; 8]` with size 64, so the vector is that many initialized words.
        unsafe { std::slice::from_raw_parts(self.lines.as_ptr().cast(), self.lines.len() * 8) }
    }
}

impl DerefMut for Buffer {
    fn deref_mut(&mut self) -> &mut [u64] {
        // SAFETY: as in `deref`, and the borrow is unique.
        unsafe {
            std::slice::from_raw_parts_mut(self.lines.as_mut_ptr().cast(), self.lines.len() * 8)
        }
    }
}

impl Clone for Buffer {
    fn clone(&self) -> Self {
        let mut copy = Self::stale(self.len());
        copy.copy_from_slice(self);
        copy
    }
}

impl Drop for Buffer {
    fn drop(&mut self) {
        let lines = std::mem::take(&mut self.lines);
        let n_lines = lines.len();
        if let Ok(mut pool) = POOL.lock()
            && n_lines > 0
            && pool.lines + n_lines <= MAX_POOLED_LINES
        {
            pool.lines += n_lines;
            pool.free
                .get_or_insert_with(HashMap::new)
                .entry(n_lines)
                .or_default()
                .push(lines);
        }
    }
}

/// Returns all pooled storage to the system allocator.
pub fn release_pool() {
    if let Ok(mut pool) = POOL.lock() {
        pool.free = None;
        pool.lines = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buffers_are_aligned_and_of_the_length_asked_for() {
        for len in [16, 64, 4096] {
            for _ in 0..3 {
                let mut buffer = Buffer::stale(len);
                assert_eq!((buffer.as_ptr() as usize % 64, buffer.len()), (0, len));
                buffer.fill(7);
                assert!(buffer.clone().iter().all(|&x| x == 7));
            }
        }
    }
}
