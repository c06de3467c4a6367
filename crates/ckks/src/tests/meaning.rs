//! What operations do to slots.

use super::{Kit, max_error, params, small};
use crate::{Basis, CkksError, Context, PublicKey};
use params::{GaloisElement, Level, Params, ParamsSpec, Scale};

/// Slot errors at these parameters stay well below this.
const TOLERANCE: f64 = 1e-5;

fn rotated(values: &[f64], amount: i64) -> Vec<f64> {
    let n = values.len() as i64;
    (0..n)
        .map(|i| values[(i + amount).rem_euclid(n) as usize])
        .collect()
}

#[test]
fn encode_and_decode_are_inverse() {
    let kit = Kit::new(&small(8), 1);
    for len in [1, 2, 8, 32, 128] {
        let values = &kit.values(3)[..len];
        for basis in [Basis::Q, Basis::QP] {
            let plaintext = kit
                .ctx
                .encode(values, &kit.scale(), Level(2), basis)
                .unwrap();
            let periodic: Vec<f64> = (0..128).map(|i| values[i % len]).collect();
            assert!(
                max_error(&kit.ctx.decode(&plaintext), &periodic) < 1e-8,
                "{len}"
            );
        }
    }
    // Coefficients beyond 2^53, and beyond two limbs.
    let values = kit.values(4);
    for bits in [60, 100, 130] {
        let scale = Scale::power_of_two(bits);
        let plaintext = kit
            .ctx
            .encode(&values, &scale, kit.top(), Basis::Q)
            .unwrap();
        assert!(
            max_error(&kit.ctx.decode(&plaintext), &values) < 1e-14,
            "{bits}"
        );
    }
}

#[test]
fn encryption_decrypts() {
    for log_n in [4, 6, 10] {
        let mut kit = Kit::new(&small(log_n), 2);
        let values = kit.values(1);
        let public = PublicKey::generate(&kit.ctx, &kit.secret, &mut kit.randomness);
        for level in [0, 2, 4].map(Level) {
            let x = kit.encrypt_at(&values, level);
            assert!(max_error(&kit.decrypt(&x), &values) < TOLERANCE);
            let plaintext = kit
                .ctx
                .encode(&values, &kit.scale(), level, Basis::Q)
                .unwrap();
            let x = kit
                .ctx
                .encrypt_public(&plaintext, &public, &mut kit.randomness);
            assert!(max_error(&kit.decrypt(&x), &values) < TOLERANCE);
        }
    }
}

#[test]
fn sums_and_products_act_slotwise() {
    let mut kit = Kit::new(&small(8), 3);
    let (u, v) = (kit.values(1), kit.values(2));
    let (x, y) = (kit.encrypt(&u), kit.encrypt(&v));
    let both =
        |f: fn(f64, f64) -> f64| -> Vec<f64> { u.iter().zip(&v).map(|(&a, &b)| f(a, b)).collect() };
    let ctx = kit.ctx.clone();
    let close = |x: &crate::Ciphertext, want: &[f64]| {
        let error = max_error(&kit.decrypt(x), want);
        assert!(error < TOLERANCE, "{error}");
    };
    close(&ctx.add(&x, &y).unwrap(), &both(|a, b| a + b));
    close(&ctx.sub(&x, &y).unwrap(), &both(|a, b| a - b));
    close(&ctx.neg(&x).unwrap(), &both(|a, _| -a));
    close(&ctx.add_scalar(&x, 1.5).unwrap(), &both(|a, _| a + 1.5));
    let plain = ctx.encode(&v, &kit.scale(), kit.top(), Basis::Q).unwrap();
    close(&ctx.add_plain(&x, &plain).unwrap(), &both(|a, b| a + b));
    close(
        &ctx.rescale(&ctx.mul_plain(&x, &plain).unwrap()).unwrap(),
        &both(|a, b| a * b),
    );
    close(
        &ctx.mul_scalar(&x, -0.75, &Scale::prime(4)).unwrap(),
        &both(|a, _| -0.75 * a),
    );
    let product = ctx.mul(&x, &y).unwrap();
    close(&product, &both(|a, b| a * b));
    let square = ctx.square(&x).unwrap();
    close(&square, &both(|a, _| a * a));
    // Degrees mix, in either order.
    let lifted = ctx.mul_scalar(&x, 1.0, &kit.scale()).unwrap();
    close(
        &ctx.sub(&product, &lifted).unwrap(),
        &both(|a, b| a * b - a),
    );
    close(
        &ctx.sub(&lifted, &product).unwrap(),
        &both(|a, b| a - a * b),
    );
    let mut sum = lifted.clone();
    ctx.add_assign(&mut sum, &product).unwrap();
    close(&sum, &both(|a, b| a + a * b));
    let mut acc = ctx.mul_plain(&x, &plain).unwrap();
    ctx.mul_plain_accumulate(&mut acc, &y, &plain).unwrap();
    close(&acc, &both(|a, b| a * b + b * b));
}

#[test]
fn products_relinearize_and_rescale_down_to_level_0() {
    let mut kit = Kit::new(&small(9), 4);
    let key = kit.relinearization_key(kit.top());
    let mut want = kit.values(5);
    let mut x = kit.encrypt(&want);
    for level in (0..4).rev() {
        x = kit
            .ctx
            .rescale(
                &kit.ctx
                    .relinearize(&kit.ctx.square(&x).unwrap(), &key)
                    .unwrap(),
            )
            .unwrap();
        want.iter_mut().for_each(|v| *v *= *v);
        assert_eq!(x.level(), Level(level));
        assert!(max_error(&kit.decrypt(&x), &want) < TOLERANCE);
    }
}

#[test]
fn rotations_of_every_kind_agree() {
    let mut kit = Kit::new(&small(8), 5);
    let values = kit.values(6);
    for level in [0, 1, 3, 4].map(Level) {
        let x = kit.encrypt_at(&values, level);
        let digits = kit.ctx.decompose(&x).unwrap();
        for amount in [0, 1, 5, 64, 127, -1, -7, 128] {
            let key = kit.rotation_key(amount, level);
            let want = rotated(&values, amount);
            let single = kit.ctx.rotate(&x, &key).unwrap();
            assert!(max_error(&kit.decrypt(&single), &want) < TOLERANCE);
            let hoisted = kit.ctx.rotate_hoisted(&digits, &key).unwrap();
            let down = kit.ctx.mod_down(&hoisted).unwrap();
            assert_eq!((down.level(), down.scale()), (x.level(), x.scale()));
            assert!(max_error(&kit.decrypt(&down), &want) < TOLERANCE);
        }
    }
}

#[test]
fn conjugation_keeps_real_slots() {
    let mut kit = Kit::new(&small(8), 6);
    let values = kit.values(7);
    let x = kit.encrypt(&values);
    let galois = GaloisElement::conjugation(8);
    let key = crate::KeySwitchKey::rotation(
        &kit.ctx,
        &kit.secret,
        galois,
        kit.top(),
        &mut kit.randomness,
    );
    assert!(max_error(&kit.decrypt(&kit.ctx.conjugate(&x, &key).unwrap()), &values) < TOLERANCE);
}

#[test]
fn a_double_hoisted_transform_is_its_sum_of_rotations() {
    let mut kit = Kit::new(&small(8), 7);
    let ctx = kit.ctx.clone();
    let values = kit.values(8);
    let x = kit.encrypt(&values);
    let level = kit.top();
    let q_top = Scale::prime(level.0);
    let n = values.len();
    // Σ_g φ_g(Σ_b d_{g,b} ⊙ φ_b(x)) with babies 0, 1, 2 and giants 0, 3.
    let diagonals: Vec<Vec<f64>> = (0..6).map(|i| kit.values(20 + i)).collect();
    let digits = ctx.decompose(&x).unwrap();
    let mut babies = vec![ctx.extend(&x).unwrap()];
    for amount in [1, 2] {
        let key = kit.rotation_key(amount, level);
        babies.push(ctx.rotate_hoisted(&digits, &key).unwrap());
    }
    let giant_key = kit.rotation_key(3, level);
    let mut total = None;
    for g in 0..2 {
        let plain = |b: usize| {
            ctx.encode(&diagonals[3 * g + b], &q_top, level, Basis::QP)
                .unwrap()
        };
        let mut inner = ctx.mul_plain_ext(&babies[0], &plain(0)).unwrap();
        for (b, baby) in babies.iter().enumerate().skip(1) {
            ctx.mul_plain_ext_accumulate(&mut inner, baby, &plain(b))
                .unwrap();
        }
        if g == 1 {
            let inner_digits = ctx.decompose_ext(&inner).unwrap();
            assert_eq!(inner_digits.basis(), Basis::QP);
            inner = ctx.rotate_hoisted(&inner_digits, &giant_key).unwrap();
        }
        total = Some(match total {
            None => inner,
            Some(sum) => ctx.add_ext(&sum, &inner).unwrap(),
        });
    }
    let total = total.unwrap();
    let want: Vec<f64> = (0..n)
        .map(|i| {
            let term = |g: usize, b: usize| {
                let j = (i + 3 * g) % n;
                diagonals[3 * g + b][j] * values[(j + b) % n]
            };
            (0..2)
                .flat_map(|g| (0..3).map(move |b| (g, b)))
                .map(|(g, b)| term(g, b))
                .sum()
        })
        .collect();
    let merged = ctx.mod_down_rescale(&total).unwrap();
    assert_eq!(
        (merged.level(), merged.scale()),
        (Level(level.0 - 1), &kit.scale())
    );
    assert!(max_error(&kit.decrypt(&merged), &want) < TOLERANCE);
    let apart = ctx.rescale(&ctx.mod_down(&total).unwrap()).unwrap();
    assert!(max_error(&kit.decrypt(&apart), &want) < TOLERANCE);
    // The remaining operations modulo QP.
    let mut twice = ctx.sub_ext(&total, &ctx.neg_ext(&total).unwrap()).unwrap();
    ctx.add_ext_assign(&mut twice, &total).unwrap();
    let scaled = ctx
        .mul_scalar_ext(&twice, 0.5, &Scale::power_of_two(20))
        .unwrap();
    let dropped = ctx.drop_level_ext(&scaled, Level(3)).unwrap();
    let half_more: Vec<f64> = want.iter().map(|w| 1.5 * w).collect();
    assert!(max_error(&kit.decrypt(&ctx.mod_down(&dropped).unwrap()), &half_more) < TOLERANCE);
}

#[test]
fn keys_and_digits_serve_lower_levels() {
    let mut kit = Kit::new(&small(8), 8);
    let ctx = kit.ctx.clone();
    let values = kit.values(9);
    let want = rotated(&values, 9);
    let key = kit.rotation_key(9, kit.top());
    let trimmed = kit.rotation_key(9, Level(2));
    assert!(trimmed.bytes() < key.bytes());
    let x = kit.encrypt(&values);
    let digits = ctx.decompose(&x).unwrap();
    for level in (0..=4).map(Level) {
        let lower = ctx.drop_level(&x, level).unwrap();
        assert!(max_error(&kit.decrypt(&ctx.rotate(&lower, &key).unwrap()), &want) < TOLERANCE);
        let cut = ctx.drop_level_digits(&digits, level).unwrap();
        let hoisted = ctx
            .mod_down(&ctx.rotate_hoisted(&cut, &key).unwrap())
            .unwrap();
        assert!(max_error(&kit.decrypt(&hoisted), &want) < TOLERANCE);
        let by_trimmed = ctx.rotate(&lower, &trimmed);
        assert_eq!(by_trimmed.is_ok(), level <= Level(2));
    }
}

#[test]
fn the_secure_reference_chains_work() {
    let depth_3 = ParamsSpec {
        log_n: 13,
        chain_bits: vec![46, 38, 38, 38],
        special_bits: vec![48],
        digits: vec![1; 4],
        scale_bits: 38,
    };
    let depth_6 = ParamsSpec {
        log_n: 14,
        chain_bits: [&[48][..], &[40; 6]].concat(),
        special_bits: vec![42; 3],
        digits: vec![1, 3, 3],
        scale_bits: 40,
    };
    for spec in [depth_3, depth_6] {
        let mut kit = Kit::new(&Params::new(spec).unwrap(), 11);
        let ctx = kit.ctx.clone();
        let values = kit.values(1);
        let (relin, key) = (
            kit.relinearization_key(kit.top()),
            kit.rotation_key(-5, kit.top()),
        );
        let x = kit.encrypt(&values);
        let squared = ctx.rescale(&ctx.relinearize(&ctx.square(&x).unwrap(), &relin).unwrap());
        let turned = ctx.rotate(&squared.unwrap(), &key).unwrap();
        let want: Vec<f64> = rotated(&values, -5).iter().map(|v| v * v).collect();
        assert!(max_error(&kit.decrypt(&turned), &want) < TOLERANCE);
    }
}

#[test]
fn chains_beyond_the_kernels_are_refused() {
    // Seventeen primes of 48 bits sum to more than 2^52.
    let params = params(5, &[48, 40], &[48; 16], &[1, 1], 40);
    let error = Context::new(&params).map(drop);
    assert!(
        matches!(
            error,
            Err(CkksError::DigitRange {
                count: 17,
                bits: 48
            })
        ),
        "{error:?}"
    );
}

#[test]
fn sums_of_plain_products_are_those_of_single_ones_in_either_basis() {
    let mut kit = Kit::new(&small(6), 9);
    let (top, values) = (kit.top(), kit.values(1));
    let (x, scale) = (kit.encrypt_at(&values, top), kit.scale());
    let ctx = &kit.ctx;
    for basis in [Basis::Q, Basis::QP] {
        let plain = ctx.encode(&values, &scale, top, basis).expect("encodes");
        let one = ctx.mul_plain(&x, &plain).expect("multiplies");
        let want = ctx
            .add(&ctx.add(&one, &one).expect("adds"), &one)
            .expect("adds");
        let sum = ctx
            .sum_plain_products(&[(&x, &plain), (&x, &plain)], &[&one])
            .expect("sums");
        assert!(want.parts.iter().zip(&sum.parts).all(|(a, b)| a == b));
    }
    assert!(matches!(
        ctx.sum_plain_products(&[], &[]),
        Err(CkksError::NoOperands)
    ));
}
