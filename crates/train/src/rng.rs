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

/// Normally distributed numbers, by Box and Muller.
pub(crate) struct Gaussian {
    rng: ChaCha8Rng,
    spare: Option<f64>,
}

impl Gaussian {
    pub(crate) fn new(seed: u64) -> Self {
        Self {
            rng: generator(seed),
            spare: None,
        }
    }

    pub(crate) fn draw(&mut self) -> f64 {
        if let Some(spare) = self.spare.take() {
            return spare;
        }
        let mut unit = || (f64::from(self.rng.next_u32()) + 0.5) / 4_294_967_296.0;
        let (radius, angle) = ((-2.0 * unit().ln()).sqrt(), std::f64::consts::TAU * unit());
        self.spare = Some(radius * angle.sin());
        radius * angle.cos()
    }
}
