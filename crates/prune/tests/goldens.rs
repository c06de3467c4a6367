//! Babies and giants of aligned and of random pruning, on vectors without copies.

use privet::extend::layout::{Periodic, PlanOptions, SparseMatrix, plan_linear};
use rand_chacha::ChaCha8Rng;
use rand_core::{Rng, SeedableRng};

/// Babies and giants of a square layer with weights on these diagonals.
fn rotations(n: u32, kept: &[bool]) -> u64 {
    let on = |row: u32| {
        (0..n)
            .filter(move |d| kept[*d as usize])
            .map(move |d| (row, (row + d) % n, 1.0))
    };
    let matrix = SparseMatrix::from_triplets(n, n, (0..n).flat_map(on));
    let vector = Periodic::vector(n, 2 * n);
    let plan = plan_linear(&matrix, &vector, &vector, &PlanOptions::default()).unwrap();
    plan.counts.babies + plan.counts.giants
}

/// The grid of `a` babies that holds `k` diagonals.
fn grid(n: u32, k: u32, a: u32) -> Vec<bool> {
    let giants = k.div_ceil(a);
    let mut kept = vec![false; n as usize];
    (0..k).for_each(|at| kept[((at % a) + (at / a) * (n / giants)) as usize % n as usize] = true);
    kept
}

const DENSITIES: [f64; 4] = [0.5, 0.25, 0.1, 0.05];

#[test]
fn aligned_diagonals_cost_twice_the_root_of_their_number() {
    let table = [
        (128, [14, 10, 6, 3]),
        (512, [30, 21, 13, 9]),
        (1024, [44, 30, 19, 13]),
    ];
    for (n, goldens) in table {
        for (density, golden) in DENSITIES.into_iter().zip(goldens) {
            let k = (density * f64::from(n)).round() as u32;
            let formula = (1..=k).map(|a| a + k.div_ceil(a) - 2).min().unwrap();
            assert_eq!(formula, golden, "{n} {density}");
            let best = (1..=k).filter(|a| a + k.div_ceil(*a) - 2 == golden);
            let planned = best.map(|a| rotations(n, &grid(n, k, a))).min().unwrap();
            assert_eq!(planned, u64::from(golden), "{n} {density}");
        }
    }
}

#[test]
fn random_diagonals_cost_nearly_what_all_do() {
    let mut rng = ChaCha8Rng::seed_from_u64(7);
    // With n1 chosen anew; the planner knows more splits, and so is a little cheaper.
    for (n, goldens) in [
        (128, [21.0, 19.1, 11.2, 5.5]),
        (512, [44.0, 43.6, 36.5, 23.5]),
    ] {
        for (density, golden) in DENSITIES.into_iter().zip(goldens) {
            let k = (density * f64::from(n)).round() as usize;
            let draws = 4;
            let mut drawn = || {
                let mut order: Vec<usize> = (0..n as usize).collect();
                (1..order.len())
                    .rev()
                    .for_each(|at| order.swap(at, (rng.next_u64() % (at as u64 + 1)) as usize));
                let mut kept = vec![false; n as usize];
                order[..k].iter().for_each(|&d| kept[d] = true);
                rotations(n, &kept) as f64
            };
            let mean = (0..draws).map(|_| drawn()).sum::<f64>() / f64::from(draws);
            assert!(
                mean <= golden + 1.0 && mean >= 0.8 * golden,
                "{n} {density}: {mean}, {golden}"
            );
        }
    }
}
