//! Aligned limb storage that is used again instead of freed.

use memmap2::MmapMut;
use std::collections::HashMap;
use std::ops::{Deref, DerefMut};
use std::sync::Mutex;

/// One cache line; gives buffers the alignment that the widest loads want.
#[derive(Clone, Copy)]
#[repr(C, align(64))]
struct Line([u64; 8]);

/// Memory for some lines, all of it initialized.
enum Lines {
    /// From the allocator.
    Heap(Vec<Line>),
    /// Mapped for itself, for which the system may use large pages: streams through keys and weights touch a new page
    /// every few hundred cycles otherwise.
    Mapped(MmapMut),
}

/// From this size on buffers are mapped: the size of a large page.
const MAPPED_BYTES: usize = 2 << 20;

impl Lines {
    fn new(n_lines: usize) -> Self {
        Self::map(n_lines).unwrap_or_else(|| Self::Heap(vec![Line([0; 8]); n_lines]))
    }

    /// `None` if the system has not the memory.
    fn try_new(n_lines: usize) -> Option<Self> {
        Self::map(n_lines).or_else(|| {
            let mut lines = Vec::new();
            lines.try_reserve_exact(n_lines).ok()?;
            lines.resize(n_lines, Line([0; 8]));
            Some(Self::Heap(lines))
        })
    }

    /// A mapping of its own, for large buffers.
    fn map(n_lines: usize) -> Option<Self> {
        let bytes = n_lines
            .checked_mul(64)
            .filter(|&bytes| bytes >= MAPPED_BYTES)?;
        let map = MmapMut::map_anon(bytes).ok()?;
        // A hint: without large pages everything works as well.
        #[cfg(target_os = "linux")]
        let _ = map.advise(memmap2::Advice::HugePage);
        Some(Self::Mapped(map))
    }

    fn count(&self) -> usize {
        match self {
            Self::Heap(lines) => lines.len(),
            Self::Mapped(map) => map.len() / 64,
        }
    }

    fn start(&self) -> *const u64 {
        match self {
            Self::Heap(lines) => lines.as_ptr().cast(),
            Self::Mapped(map) => map.as_ptr().cast(),
        }
    }

    fn start_mut(&mut self) -> *mut u64 {
        match self {
            Self::Heap(lines) => lines.as_mut_ptr().cast(),
            Self::Mapped(map) => map.as_mut_ptr().cast(),
        }
    }
}

/// Free buffers by length, and their total number of lines.
struct Pool {
    free: Option<HashMap<usize, Vec<Lines>>>,
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
    lines: Lines,
}

impl Buffer {
    /// A buffer of `len` words, a multiple of 8, with unspecified (old) contents.
    pub fn stale(len: usize) -> Self {
        Self::pooled(len).unwrap_or_else(|| Self {
            lines: Lines::new(len / 8),
        })
    }

    /// As [`Buffer::stale`]; `None` if the system has not the memory.
    pub fn try_stale(len: usize) -> Option<Self> {
        Self::pooled(len).or_else(|| Lines::try_new(len / 8).map(|lines| Self { lines }))
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
        // SAFETY: either kind of storage is that many lines of 8 initialized words, at an alignment of 64 bytes.
        unsafe { std::slice::from_raw_parts(self.lines.start(), self.lines.count() * 8) }
    }
}

impl DerefMut for Buffer {
    fn deref_mut(&mut self) -> &mut [u64] {
        let words = self.lines.count() * 8;
        // SAFETY: as in `deref`, and the borrow is unique.
        unsafe { std::slice::from_raw_parts_mut(self.lines.start_mut(), words) }
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
        let lines = std::mem::replace(&mut self.lines, Lines::Heap(Vec::new()));
        let n_lines = lines.count();
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

/// Returns all pooled storage to the system allocator, and what the allocator holds free to the system.
pub fn release_pool() {
    if let Ok(mut pool) = POOL.lock() {
        pool.free = None;
        pool.lines = 0;
    }
    trim_heap();
}

#[cfg(all(target_os = "linux", target_env = "gnu"))]
fn trim_heap() {
    unsafe extern "C" {
        safe fn malloc_trim(pad: usize) -> i32;
    }
    // Whether anything was returned does not matter.
    let _ = malloc_trim(0);
}

#[cfg(not(all(target_os = "linux", target_env = "gnu")))]
fn trim_heap() {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buffers_are_aligned_and_of_the_length_asked_for() {
        for len in [16, 64, 4096, 1 << 18, (1 << 18) + 8] {
            for _ in 0..3 {
                let mut buffer = Buffer::stale(len);
                assert_eq!((buffer.as_ptr() as usize % 64, buffer.len()), (0, len));
                buffer.fill(7);
                assert!(buffer.clone().iter().all(|&x| x == 7));
            }
        }
    }
}
