//! Random numbers from seeds.

/// A number in `-1..1` that depends on `seed` and `index` alone.
pub fn noise(seed: u64, index: usize) -> f64 {
    let mut z = seed ^ (index as u64 + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    ((z ^ (z >> 31)) >> 11) as f64 / (1u64 << 52) as f64 - 1.0
}

pub fn noises(seed: u64, n: usize) -> Vec<f64> {
    (0..n).map(|index| noise(seed, index)).collect()
}
