//! How many samples lie side by side, and what a compilation for so many is worth.

use crate::Error;
use crate::rings::Ring;
use circuit::Circuit;
use pass::{Objective, Packing, PipelineError, Refusal, Settings};

/// The samples that the user wants in one go, if that was said.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Batch(pub Option<u32>);

impl Batch {
    /// Widths to try in a ring: one that holds the batch, or all up to it where the objective decides between them.
    pub fn widths(self, ring: Ring, settings: &Settings) -> Vec<u32> {
        let n_slots = ring.n_slots();
        let fits = |width: &u32| *width <= n_slots;
        let holding = self.0.unwrap_or(1).checked_next_power_of_two();
        let all = |most: u32| -> Vec<u32> { (0..=most.ilog2()).map(|log| 1 << log).collect() };
        match (&settings.packing, settings.objective) {
            (Packing::Batch, _) => vec![n_slots; usize::from(self.0.is_none_or(|n| n <= n_slots))],
            (Packing::Tile(Some(sizes)), _) => {
                sizes.last().copied().filter(fits).into_iter().collect()
            }
            (_, Objective::Throughput) => {
                let most = if self.0.is_some() { holding } else { None };
                all(most.map_or(n_slots, |width| width.min(n_slots)))
            }
            (_, Objective::Memory) => all(holding.map_or(n_slots, |width| width.min(n_slots))),
            _ => holding.filter(fits).into_iter().collect(),
        }
    }

    /// What the objective makes least.
    ///
    /// # Errors
    /// [`Error::Run`] if the circuit is not sound.
    pub fn cost(self, circuit: &Circuit, settings: &Settings) -> Result<f64, Error> {
        if settings.objective == Objective::Memory {
            let plan = exec::plan_memory(circuit, None)?;
            // What the process holds besides is the same for all.
            return Ok((plan.held_bytes + plan.kept_plaintext_bytes) as f64);
        }
        let invalid = |e: circuit::CircuitError| exec::ExecError::Circuit { why: e.to_string() };
        let (us, _) = settings.costs.circuit_us(circuit).map_err(invalid)?;
        if settings.objective != Objective::Throughput {
            return Ok(us);
        }
        let runs = |n: u32| f64::from(n.div_ceil(settings.batch_width)) / f64::from(n);
        Ok(us * runs(self.0.unwrap_or(settings.batch_width)))
    }

    /// No ring holds the batch.
    pub fn too_large(self, plan: &[Vec<Ring>]) -> Error {
        let rings = plan.iter().flatten();
        let most = rings.map(|ring| ring.n_slots()).max().unwrap_or(0);
        let refusal = match self.0.filter(|n| *n > most) {
            Some(n) => Refusal::new(format!(
                "a batch of {n} samples, the largest ring to try has {most} slots"
            ))
            .help(format!("--batch {most}, or a larger --log-n or none")),
            None => Refusal::new("no ring degree to try"),
        };
        PipelineError::Refused(refusal).into()
    }
}
