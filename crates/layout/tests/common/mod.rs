//! Random numbers from seeds, and running plans.

use privet_layout::{LinearPlan, SparseMatrix};

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
