//! Running a plan on plain vectors: the slow twin of every backend.

use super::{LinearPlan, PlanCounts};

impl LinearPlan {
    /// Runs the plan on plain slots, rotation by rotation, and counts what it did.
    ///
    /// # Shapes
    /// - `slots`: per input ciphertext, its period at least; repeated to `n_slots`.
    /// - result: per output ciphertext, all `n_slots`. Of the counts, diagonals and keys are left 0.
    ///
    /// # Panics
    /// If there are fewer vectors than input ciphertexts, or an empty one.
    pub fn simulate(&self, slots: &[Vec<f64>]) -> (Vec<Vec<f64>>, PlanCounts) {
        let n_slots = self.input.n_slots as usize;
        let mut counts = PlanCounts::default();
        let mut rotated = Vec::new();
        for (x, babies) in slots.iter().zip(&self.plan.babies) {
            let x: Vec<f64> = x.iter().copied().cycle().take(n_slots).collect();
            let rotations = babies
                .iter()
                .map(|&a| (a, rotate(&x, a, &mut counts.babies)));
            rotated.push(rotations.collect::<Vec<_>>());
        }
        let mut outputs = Vec::new();
        for (out_ct, giants) in self.plan.giants.iter().enumerate() {
            let mut output = vec![0.0; n_slots];
            for &giant in giants {
                let mut inner = vec![0.0; n_slots];
                let here = |cell: &&super::Cell| cell.out_ct as usize == out_ct;
                for cell in self.cells.iter().filter(here) {
                    if cell.giant != giant {
                        continue;
                    }
                    let babies = &rotated[cell.in_ct as usize];
                    let at = babies.iter().find(|(a, _)| *a == cell.baby);
                    let (_, x) = at.expect("a cell's baby is in the plan");
                    counts.plain_products += 1;
                    for &(slot, weight) in &cell.entries {
                        for at in (slot as usize..n_slots).step_by(cell.period as usize) {
                            inner[at] += weight * x[at];
                        }
                    }
                }
                add(&mut output, &rotate(&inner, giant, &mut counts.giants));
            }
            if !giants.is_empty() {
                self.finish(&mut output, &mut counts);
            }
            outputs.push(output);
        }
        (outputs, counts)
    }

    /// Collapse, mask and duplicates.
    fn finish(&self, output: &mut [f64], counts: &mut PlanCounts) {
        for &amount in &self.collapse {
            let moved = rotate(output, amount, &mut counts.collapse);
            add(output, &moved);
        }
        if let Some(mask) = &self.mask {
            counts.masks += 1;
            let is_kept = |slot: usize| {
                let slot = (slot % mask.period as usize) as u32;
                mask.slots.binary_search(&slot).is_ok()
            };
            let cleared = (0..output.len()).filter(|&slot| !is_kept(slot));
            cleared.for_each(|slot| output[slot] = 0.0);
        }
        for &amount in &self.duplicate {
            let moved = rotate(output, amount, &mut counts.conversion);
            add(output, &moved);
        }
    }
}

fn rotate(x: &[f64], amount: u32, count: &mut u64) -> Vec<f64> {
    *count += u64::from(amount != 0);
    let mut x = x.to_vec();
    x.rotate_left(amount as usize);
    x
}

fn add(sum: &mut [f64], x: &[f64]) {
    for (sum, x) in sum.iter_mut().zip(x) {
        *sum += x;
    }
}
