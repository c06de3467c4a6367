//! Random numbers from a seed.

use rand_chacha::ChaCha8Rng;
use rand_core::{Rng, SeedableRng};

/// A generator, the same everywhere for one seed.
pub(crate) fn generator(seed: u64) -> ChaCha8Rng {
    ChaCha8Rng::seed_from_u64(seed)
}

/// `0..n` in random order.
pub(crate) fn permutation(n: usize, seed: u64) -> Vec<u32> {
    let mut rng = generator(seed);
    let mut order: Vec<u32> = (0..n as u32).collect();
    for last in (1..n).rev() {
        let k = (u64::from(rng.next_u32()) * (last as u64 + 1)) >> 32;
        order.swap(last, k as usize);
    }
    order
}
