//! Sums of products and cut transforms against exact arithmetic and whole transforms, at extreme residues.

use super::tests::{Words, primes};
use super::*;

/// `Σ a_i · b_i + Σ c_j` modulo `p`.
fn exact(p: u64, factors: impl Iterator<Item = (u64, u64)>, addends: &[&[u64]], i: usize) -> u64 {
    let p = u128::from(p);
    let products = factors.fold(0, |sum, (a, b)| (sum + u128::from(a) * u128::from(b)) % p);
    let sum = addends
        .iter()
        .fold(products, |sum, x| (sum + u128::from(x[i])) % p);
    sum as u64
}

#[test]
fn sums_of_many_products_are_exact() {
    let mut words = Words(77);
    for p in primes() {
        let m = &Modulus::new(p);
        for n in [16, 48, 272] {
            let largest = vec![vec![p - 1; n]];
            let random: Vec<Vec<u64>> = (0..13).map(|_| words.limb(p, n)).collect();
            for pool in [largest, random] {
                let pick = |count: usize, step: usize| -> Vec<&[u64]> {
                    (0..count)
                        .map(|i| &pool[(step * i + 1) % pool.len()][..])
                        .collect()
                };
                for (count, more) in [
                    (0, 0),
                    (0, 3),
                    (1, 0),
                    (2, 4),
                    (5, 1),
                    (15, 0),
                    (17, 1),
                    (33, 4),
                    (200, 1),
                ] {
                    let (plain, x, addends) = (
                        pick(count, 1),
                        [5, 7].map(|s| pick(count, s)),
                        [3, 2].map(|s| pick(more, s)),
                    );
                    for isa in Isa::available() {
                        let mut out = [vec![1; n], vec![1; n]];
                        let [out0, out1] = &mut out;
                        (isa.kernels().sum_products)(
                            m,
                            [out0, out1],
                            &plain,
                            [&x[0], &x[1]],
                            [&addends[0], &addends[1]],
                        );
                        for part in 0..2 {
                            for i in [0, 7, 8, n - 1] {
                                let factors = plain.iter().zip(&x[part]).map(|(a, b)| (a[i], b[i]));
                                assert_eq!(
                                    out[part][i],
                                    exact(p, factors, &addends[part], i),
                                    "{isa:?} {p} {n} {count}"
                                );
                            }
                        }
                    }
                }
            }
        }
    }
}

#[test]
fn cut_transforms_are_the_whole_ones() {
    let mut words = Words(78);
    for p in primes() {
        for log_n in [4, 6, 7, 8, 10, 11, 13] {
            let n = 1usize << log_n;
            for isa in Isa::available() {
                let (table, k) = (NttTable::new(Modulus::new(p), n, isa), isa.kernels());
                for limb in [vec![p - 1; n], words.limb(p, n)] {
                    let (mut whole, mut cut) = (limb.clone(), limb.clone());
                    (k.forward)(&table, &mut whole);
                    let (blocks, columns) = ((k.blocks)(&table), n / (k.blocks)(&table));
                    for start in (0..columns).step_by(64).rev() {
                        (k.forward_head)(&table, &mut cut, start..columns.min(start + 64));
                    }
                    for block in (0..blocks).rev() {
                        (k.forward_rest)(&table, &mut cut, block, [&limb, &[]]);
                    }
                    assert_eq!(whole, cut, "{isa:?} {p} {n}");
                    let (scaling, mut back) = (table.scaling(5), vec![9; n]);
                    (k.inverse_of)(&table, &mut back, &scaling, &whole);
                    let five = limb
                        .iter()
                        .map(|&x| (5 * u128::from(x) % u128::from(p)) as u64);
                    assert!(back.iter().copied().eq(five), "{isa:?} {p} {n}");
                }
            }
        }
    }
}
