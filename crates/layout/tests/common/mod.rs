//! Random numbers from seeds, and running plans.

mod noise;

pub use noise::*;

use privet_layout::{LinearPlan, SparseMatrix};

/// Runs the plan and compares every slot with the packed product.
pub fn run(matrix: &SparseMatrix, plan: &LinearPlan, seed: u64) {
    let x = noises(seed, matrix.cols() as usize);
    let (slots, counts) = plan.simulate(&plan.input.pack(&x));
    let product = matrix.matvec(&x);
    let expected = plan.output.pack(&product);
    assert_eq!(slots.len(), expected.len());
    for (slots, expected) in slots.iter().zip(&expected) {
        assert_eq!(expected.len(), plan.output.period as usize);
        for (slot, &found) in slots.iter().enumerate() {
            let expected = expected[slot % expected.len()];
            assert!(
                (found - expected).abs() < 1e-9,
                "slot {slot}: {found}, not {expected}"
            );
        }
    }
    assert_eq!(plan.output.unpack(&slots).len(), product.len());
    assert_eq!(counts.babies, plan.counts.babies);
    assert_eq!(counts.giants, plan.counts.giants);
    assert_eq!(counts.collapse, plan.counts.collapse);
    assert_eq!(counts.plain_products, plan.counts.plain_products);
}
