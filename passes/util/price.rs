//! What parts of a network cost at a level, before there is a circuit.

use ::circuit::{CostTable, Measured};
use layout::{Periodic, PlanCosts, PlanCounts};
use pass::{Objective, Settings};

/// Special primes and limbs per digit assumed until `choose-params` has run.
const SPECIAL: usize = 3;

/// Prices of one ring, in microseconds, or in rotations where those are the objective.
pub struct Prices<'a> {
    costs: &'a CostTable,
    objective: Objective,
    log_n: u8,
}

impl<'a> Prices<'a> {
    /// Prices for the settings' ring.
    pub fn new(settings: &'a Settings) -> Self {
        Self {
            costs: &settings.costs,
            objective: settings.objective,
            log_n: settings.log_n,
        }
    }

    fn us(&self, what: Measured, levels: u32) -> f64 {
        let limbs = levels as usize + 1;
        let digits = limbs.div_ceil(SPECIAL);
        self.costs.us(what, self.log_n, limbs, SPECIAL, digits)
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
        let digits = limbs.div_ceil(SPECIAL);
        let fused = self.costs.fused_us(self.log_n, limbs, SPECIAL, digits);
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
        let before = PlanCounts {
            conversion: 0,
            ..*counts
        };
        let conversions = self.plan(below + 1).k_g * counts.conversion as f64;
        self.plan(below + 1 + masked).of(output, &before) + conversions
    }

    /// A product of ciphertexts, relinearized and rescaled, that leaves so many levels.
    pub fn product(&self, below: u32) -> f64 {
        match self.objective {
            Objective::Rotations => 0.0,
            _ => self.us(Measured::MulRelinearizeRescale, below + 1),
        }
    }
}
