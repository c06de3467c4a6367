//! What parts of a network cost at a level, before there is a circuit.

use ::circuit::{CostTable, Measured};
use layout::{Periodic, PlanCosts, PlanCounts};
use params::max_log_qp;
use pass::{Objective, Settings};

/// Bits that the last prime has more than the others, and bits of a special prime: assumed until `choose-params` has run.
const LAST_BITS: u32 = 8;
const SPECIAL_BITS: u32 = 50;

/// Prices of one ring, in microseconds, or in rotations where those are the objective.
pub struct Prices<'a> {
    costs: &'a CostTable,
    objective: Objective,
    log_n: u8,
    /// Special primes, and limbs of a digit.
    special: usize,
}

impl<'a> Prices<'a> {
    /// Prices for the settings' ring and a network of so many levels: as many special primes as it leaves room for, but
    /// no more than make two digits.
    pub fn new(settings: &'a Settings, levels: u32) -> Self {
        let modulus = u32::from(settings.scale_bits) * (levels + 1) + LAST_BITS;
        let room = max_log_qp(settings.log_n).unwrap_or(0);
        let special = room.saturating_sub(modulus) / SPECIAL_BITS;
        let most = (levels + 1).div_ceil(2).max(1);
        Self {
            special: special.clamp(1, most) as usize,
            costs: &settings.costs,
            objective: settings.objective,
            log_n: settings.log_n,
        }
    }

    fn us(&self, what: Measured, levels: u32) -> f64 {
        let limbs = levels as usize + 1;
        let digits = limbs.div_ceil(self.special);
        self.costs.us(what, self.log_n, limbs, self.special, digits)
    }

    /// Prices of a plan's parts that run on a ciphertext of so many levels.
    pub fn plan(&self, levels: u32) -> PlanCosts {
        if self.objective == Objective::Rotations {
            // Products decide between plans of as many rotations.
            return PlanCosts {
                c_mul: 1e-4,
                ..PlanCosts::default()
            };
        }
        let limbs = levels as usize + 1;
        let digits = limbs.div_ceil(self.special);
        let fused = self.costs.fused_us(self.log_n, limbs, self.special, digits);
        PlanCosts {
            k_dec: self.us(Measured::Decompose, levels),
            k_h: self.us(Measured::RotateHoisted, levels),
            k_g: self.us(Measured::Rotate, levels),
            k_md: self.us(Measured::ModDown, levels),
            k_rs: self.us(Measured::Rescale, levels),
            c_mul: fused.each,
        }
    }

    /// A layer that leaves so many levels below its output.
    pub fn layer(&self, output: &Periodic, counts: &PlanCounts, below: u32) -> f64 {
        let masked = u32::from(counts.masks > 0);
        let is_rotated = counts.babies > 0;
        let before = PlanCounts {
            conversion: 0,
            decomposed: counts.decomposed * u64::from(is_rotated),
            ..*counts
        };
        let mut first = self.plan(below + 1 + masked);
        if !is_rotated && self.objective != Objective::Rotations {
            // Products of what is not rotated need no special primes.
            let limbs = f64::from(below + 2 + masked);
            first.c_mul *= limbs / (limbs + self.special as f64);
        }
        let conversions = self.plan(below + 1).k_g * counts.conversion as f64;
        first.of(output, &before) + conversions
    }

    /// A product of ciphertexts, relinearized and rescaled, that leaves so many levels.
    pub fn product(&self, below: u32) -> f64 {
        match self.objective {
            Objective::Rotations => 0.0,
            _ => self.us(Measured::MulRelinearizeRescale, below + 1),
        }
    }
}
