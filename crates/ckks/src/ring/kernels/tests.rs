//! Every vector kernel against its scalar twin, word for word, and the transforms against their definition.

use super::*;
use crate::ring::automorphism::AutomorphismTable;
use crate::slow;

pub(super) struct Words(pub u64);

impl Words {
    fn next(&mut self) -> u64 {
        self.0 = self
            .0
            .wrapping_mul(6364136223846793005)
            .wrapping_add(1442695040888963407);
        self.0 ^ self.0 >> 29
    }

    /// Residues, with the extremes among them.
    pub fn limb(&mut self, p: u64, n: usize) -> Vec<u64> {
        let pick = |x: u64| match x >> 60 {
            0 => p - 1 - (x & 1),
            1 => x & 1,
            _ => x % p,
        };
        (0..n).map(|_| pick(self.next())).collect()
    }
}

pub(super) fn primes() -> Vec<u64> {
    (30..=48u8)
        .flat_map(|bits| {
            let around = params::find_primes(bits, 2, false, &[]);
            [around, params::find_primes(bits, 1, true, &[])].concat()
        })
        .collect()
}

#[test]
fn scalar_transform_is_the_definition() {
    let mut words = Words(1);
    for p in [30, 40, 48].map(|bits| params::find_primes(bits, 1, false, &[])[0]) {
        for n in [16usize, 64, 128] {
            let table = NttTable::new(Modulus::new(p), n, Isa::Scalar);
            let limb = words.limb(p, n);
            let mut transformed = limb.clone();
            (scalar::KERNELS.forward)(&table, &mut transformed);
            assert_eq!(transformed, slow::evaluate(&limb, p));
            assert_eq!(slow::interpolate(&transformed, p), limb);
            (scalar::KERNELS.inverse)(&table, &mut transformed, &table.scaling(3));
            let three: Vec<u64> = limb.iter().map(|x| 3 * x % p).collect();
            assert_eq!(transformed, three);
        }
    }
}

/// Every set of this machine but the scalar one.
fn vector_sets() -> impl Iterator<Item = Isa> {
    Isa::available().skip(1)
}

#[test]
fn vector_transforms_agree_with_scalar_ones() {
    let mut words = Words(2);
    for p in primes() {
        for log_n in 4..=15 {
            vector_sets().for_each(|isa| check_transforms(isa, p, 1 << log_n, &mut words));
        }
    }
    let largest = params::find_primes(48, 1, true, &[])[0];
    vector_sets().for_each(|isa| check_transforms(isa, largest, 1 << 16, &mut words));
}

/// The largest primes that a modulus admits, beyond those of parameters.
#[cfg(target_arch = "x86_64")]
#[test]
fn transforms_in_doubles_have_no_smaller_bound() {
    let mut words = Words(4);
    for isa in vector_sets().filter(|&isa| isa == Isa::Avx2) {
        for p in params::find_primes(49, 3, true, &[]) {
            (6..=16).for_each(|log_n| check_transforms(isa, p, 1 << log_n, &mut words));
        }
    }
}

fn check_transforms(isa: Isa, p: u64, n: usize, words: &mut Words) {
    let modulus = Modulus::new(p);
    let (slow, fast) = (
        NttTable::new(modulus, n, Isa::Scalar),
        NttTable::new(modulus, n, isa),
    );
    let mostly_large = (0..n).map(|i| p - 1 - (i as u64 & 1)).collect();
    for limb in [vec![p - 1; n], vec![0; n], mostly_large, words.limb(p, n)] {
        let (mut a, mut b) = (limb.clone(), limb.clone());
        (scalar::KERNELS.forward)(&slow, &mut a);
        (isa.kernels().forward)(&fast, &mut b);
        assert!(a == b, "forward {isa:?} {p} {n}");
        let (mut a, mut b) = (limb.clone(), limb);
        let c = words.next() % p;
        (scalar::KERNELS.inverse)(&slow, &mut a, &slow.scaling(c));
        (isa.kernels().inverse)(&fast, &mut b, &fast.scaling(c));
        assert!(a == b, "inverse {isa:?} {p} {n}");
    }
}

#[test]
fn vector_kernels_agree_with_scalar_ones() {
    vector_sets().for_each(check_kernels);
}

fn check_kernels(isa: Isa) {
    let (s, v) = (&scalar::KERNELS, isa.kernels());
    let mut words = Words(3);
    for p in primes() {
        let m = &Modulus::new(p);
        for n in [16, 48, 256] {
            let (x, y, z) = (words.limb(p, n), words.limb(p, n), words.limb(p, n));
            let c = m.factor(words.next() % p);
            let both = |f: &dyn Fn(&Kernels, &mut [u64])| {
                let (mut a, mut b) = (x.clone(), x.clone());
                f(s, &mut a);
                f(v, &mut b);
                assert_eq!(a, b, "{isa:?} {p} {n}");
            };
            both(&|k, out| (k.add)(m, out, &y, &z));
            both(&|k, out| (k.add_assign)(m, out, &y));
            both(&|k, out| (k.sub)(m, out, &y, &z));
            both(&|k, out| (k.sub_assign)(m, out, &y));
            both(&|k, out| (k.neg_assign)(m, out));
            both(&|k, out| (k.mul)(m, out, &y, &z));
            both(&|k, out| (k.mul_assign)(m, out, &y));
            both(&|k, out| (k.mul_add)(m, out, &y, &z));
            both(&|k, out| (k.mul_const)(m, out, &y, c));
            both(&|k, out| (k.mul_const_add)(m, out, &y, c));
            both(&|k, out| (k.add_const)(m, out, c.value));
            both(&|k, out| (k.sub_mul_const)(m, out, &y, c));
            both(&|k, out| (k.sub_mul_const_add)(m, out, &y, c, &z));
            let signed: Vec<i64> = words
                .limb(1 << 50, n)
                .iter()
                .map(|&w| if w & 2 == 0 { w as i64 } else { -(w as i64) })
                .collect();
            both(&|k, out| (k.reduce_signed)(m, out, &signed));
            // Inputs of other primes, as many as the range allows.
            let inputs: Vec<Vec<u64>> = (0..15).map(|_| words.limb(1 << 48, n)).collect();
            let inputs: Vec<&[u64]> = inputs.iter().map(Vec::as_slice).collect();
            let factors: Vec<Factor> = (0..15).map(|_| m.factor(words.next() % p)).collect();
            let mut weights: Vec<u64> = (0..15).map(|_| words.next() >> 12).collect();
            weights[0] = 1 << 51;
            for count in [1, 4, 15] {
                for group in 1..=5 {
                    both(&|k, out| {
                        let mut rest = vec![vec![0; n]; group - 1];
                        let mut outs: Vec<&mut [u64]> =
                            rest.iter_mut().map(Vec::as_mut_slice).collect();
                        outs.push(out);
                        (k.dot)(
                            &[m; 5][..group],
                            &mut outs,
                            &inputs[..count],
                            &[&factors[..]; 5][..group],
                        );
                    });
                }
                both(&|k, out| (k.round_quotient)(out, &inputs[..count], &weights, 39));
            }
            let digits: Vec<Vec<u64>> = (0..66).map(|_| words.limb(p, n)).collect();
            let digits: Vec<&[u64]> = digits.iter().map(Vec::as_slice).collect();
            for count in [0, 1, 3, 22] {
                let part = |i: usize| &digits[i * count..(i + 1) * count];
                both(&|k, out| {
                    (k.key_product)(m, [out, &mut vec![0; n]], part(0), part(1), part(2))
                });
                both(&|k, out| {
                    (k.key_product)(m, [&mut vec![0; n], out], part(0), part(1), part(2))
                });
            }
            for i in 0..3 {
                both(&|k, out| {
                    let mut parts = [0; 3].map(|_| vec![0; n]);
                    let [d0, d1, d2] = &mut parts;
                    (k.tensor)(m, [d0, d1, d2], [&x, &y], [&z, digits[0]]);
                    out.copy_from_slice(&parts[i]);
                });
            }
            if n.is_power_of_two() {
                let table = AutomorphismTable::new((words.next() % (2 * n as u64)) | 1, n);
                both(&|k, out| (k.permute)(out, &y, &table));
            }
            for bad in [0, n / 2, n - 1] {
                let mut limb = x.clone();
                assert!((s.all_below)(&limb, p) && (v.all_below)(&limb, p));
                limb[bad] = p;
                assert!(!(s.all_below)(&limb, p) && !(v.all_below)(&limb, p));
                limb[bad] = u64::MAX;
                assert!(!(s.all_below)(&limb, p) && !(v.all_below)(&limb, p));
            }
        }
    }
}

#[test]
fn sums_of_many_terms_agree() {
    let mut words = Words(5);
    for p in primes() {
        let (m, n) = (&Modulus::new(p), 16);
        let inputs: Vec<Vec<u64>> = (0..63).map(|_| words.limb(1 << 46, n)).collect();
        let inputs: Vec<&[u64]> = inputs.iter().map(Vec::as_slice).collect();
        let factors: Vec<Factor> = (0..63).map(|_| m.factor(words.next() % p)).collect();
        for count in [16, 17, 32, 33, 63] {
            let with = |k: &Kernels| {
                let mut out = vec![0; n];
                (k.dot)(&[m], &mut [&mut out], &inputs[..count], &[&factors]);
                out
            };
            let want = with(&scalar::KERNELS);
            vector_sets()
                .for_each(|isa| assert_eq!(with(isa.kernels()), want, "{isa:?} {p} {count}"));
        }
    }
}

#[test]
fn fourier_transforms_agree_bit_for_bit() {
    let table = crate::ring::fft::FftTable::new(1 << 10);
    for (v, n) in vector_sets().flat_map(|v| [1usize, 2, 16, 1 << 10].map(|n| (v.kernels(), n))) {
        let re: Vec<f64> = (0..n).map(|i| (i as f64 * 0.3).sin()).collect();
        let (mut a, mut b) = ((re.clone(), re.clone()), (re.clone(), re.clone()));
        (scalar::KERNELS.fft_inverse)(&table, &mut a.0, &mut a.1);
        (v.fft_inverse)(&table, &mut b.0, &mut b.1);
        assert_eq!(a, b);
        (scalar::KERNELS.fft_forward)(&table, &mut a.0, &mut a.1);
        (v.fft_forward)(&table, &mut b.0, &mut b.1);
        assert_eq!(a, b);
    }
}

#[test]
fn every_available_set_can_be_named_and_nothing_else_matters() {
    for isa in Isa::available() {
        assert_eq!(Isa::named(Some(isa.kernels().name)), isa);
    }
    for name in [None, Some(""), Some("avx1024"), Some("Scalar")] {
        assert_eq!(Isa::named(name), Isa::best());
    }
}
