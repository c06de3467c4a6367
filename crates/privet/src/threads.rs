//! How many threads work.

/// Uses `n` threads from now on; false if work has begun already, which settles their number.
pub fn use_threads(n: usize) -> bool {
    rayon::ThreadPoolBuilder::new()
        .num_threads(n)
        .build_global()
        .is_ok()
}

/// Threads in use.
pub fn threads() -> usize {
    rayon::current_num_threads()
}
