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
            for (&giant, step) in giants.iter().zip(self.plan.steps(out_ct)).rev() {
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
                if self.plan.nested {
                    add(&mut output, &inner);
                    output = rotate(&output, step, &mut counts.giants);
                } else {
                    add(&mut output, &rotate(&inner, step, &mut counts.giants));
                }
            }
            for &amount in &self.collapse {
                let moved = rotate(&output, amount, &mut counts.collapse);
                add(&mut output, &moved);
            }
            outputs.push(output);
        }
        (outputs, counts)
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
