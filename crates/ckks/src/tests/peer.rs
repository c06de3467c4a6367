//! Our transform against that of tfhe-ntt, which has its own root and order.

use crate::ring::kernels::Isa;
use crate::ring::modulus::Modulus;
use crate::ring::ntt::NttTable;
use std::collections::HashMap;
use tfhe_ntt::prime64::Plan;

/// Reproducible residues.
fn residues(p: u64, n: usize) -> Vec<u64> {
    let next = |x: &u64| {
        Some(
            x.wrapping_mul(6364136223846793005)
                .wrapping_add(1442695040888963407),
        )
    };
    let words = std::iter::successors(Some(p), next).skip(1);
    words.take(n).map(|x| (x >> 11) % p).collect()
}

fn forward(isa: Isa, table: &NttTable, limb: &[u64]) -> Vec<u64> {
    let mut limb = limb.to_vec();
    (isa.kernels().forward)(table, &mut limb);
    limb
}

/// Where each of their values stands in our order: a transform of `X` lists the roots, all different.
fn permutation(ours: &[u64], theirs: &[u64]) -> Vec<usize> {
    let place: HashMap<u64, usize> = ours.iter().copied().zip(0..).collect();
    theirs.iter().map(|root| place[root]).collect()
}

#[test]
fn transforms_equal_those_of_tfhe_ntt() {
    let cases = [30u8, 36, 40, 46, 48]
        .into_iter()
        .flat_map(|bits| params::find_primes(bits, 2, false, &[]))
        .flat_map(|p| [5, 7, 10, 13].map(|log_n| (p, 1usize << log_n)));
    for (p, n) in cases {
        let plan = Plan::try_new(n, p).unwrap();
        let mut x = vec![0; n];
        x[1] = 1;
        let mut their_roots = x.clone();
        plan.fwd(&mut their_roots);
        let coefficients = residues(p, n);
        let mut their_values = coefficients.clone();
        plan.fwd(&mut their_values);
        // Without normalization their inverse returns `n` times the coefficients.
        let mut their_inverse = their_values.clone();
        plan.inv(&mut their_inverse);
        for isa in Isa::available() {
            let table = NttTable::new(Modulus::new(p), n, isa);
            let order = permutation(&forward(isa, &table, &x), &their_roots);
            let mut values = forward(isa, &table, &coefficients);
            let reordered: Vec<u64> = order.iter().map(|&i| values[i]).collect();
            assert!(reordered == their_values, "forward {isa:?} {p} {n}");
            (isa.kernels().inverse)(&table, &mut values, &table.scaling(n as u64));
            assert!(values == their_inverse, "inverse {isa:?} {p} {n}");
        }
    }
}
