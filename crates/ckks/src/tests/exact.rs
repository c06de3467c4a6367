//! Every operation against its slow twin on big integers, word for word.

use super::{Kit, small};
use crate::ring::poly::Poly;
use crate::scheme::types::{Ciphertext, CiphertextExt};
use crate::slow::{self, Coefficients};
use crate::{Basis, Context};
use num_bigint::BigInt;
use params::{Level, Scale};

/// Primes of a polynomial's limbs.
fn primes(ctx: &Context, n_q: usize, special: bool) -> Vec<u64> {
    let mut primes = ctx.params().q()[..n_q].to_vec();
    if special {
        primes.extend(ctx.params().special());
    }
    primes
}

/// Centred coefficients, by definition of the transform and the Chinese remainder theorem.
fn lift(ctx: &Context, poly: &Poly) -> Coefficients {
    let primes = primes(ctx, poly.n_q(), poly.n_special() > 0);
    let limbs: Vec<Vec<u64>> = poly
        .limbs()
        .zip(&primes)
        .map(|(limb, &p)| slow::interpolate(limb, p))
        .collect();
    slow::compose(&limbs, &primes)
}

fn lift_all<'a>(ctx: &Context, parts: impl IntoIterator<Item = &'a Poly>) -> Vec<Coefficients> {
    parts.into_iter().map(|poly| lift(ctx, poly)).collect()
}

/// Checks that `poly` holds the residues of `want`.
fn assert_holds(ctx: &Context, poly: &Poly, want: &[BigInt], what: &str) {
    let primes = primes(ctx, poly.n_q(), poly.n_special() > 0);
    for (j, (limb, &p)) in poly.limbs().zip(&primes).enumerate() {
        let want = slow::evaluate(&slow::residues(want, p), p);
        assert!(limb == want, "{what}, limb {j}");
    }
}

fn special_product(ctx: &Context) -> BigInt {
    slow::product(ctx.params().special())
}

/// `Σ_d digit_d · key_d`, both parts, from the centred digits of `x`.
fn slow_key_product(ctx: &Context, x: &Poly, key: &crate::KeySwitchKey) -> [Coefficients; 2] {
    let level = Level((x.n_q() - 1) as u8);
    let x = lift(ctx, x);
    [0, 1].map(|part: usize| {
        let mut sum = vec![BigInt::ZERO; x.len()];
        for (range, row) in ctx.params().digits_at(level).into_iter().zip(&key.rows) {
            let digit = slow::reduce(&x, &slow::product(&ctx.params().q()[range]));
            let key = lift(ctx, &row[part].trimmed(level.n_limbs(), true));
            sum = slow::add(&sum, &slow::mul(&digit, &key));
        }
        sum
    })
}

fn modulus(ctx: &Context, level: Level, special: bool) -> BigInt {
    slow::product(&primes(ctx, level.n_limbs(), special))
}

/// Division by P and by the primes above `level`, of what is defined modulo QP.
fn slow_divide(ctx: &Context, x: &Coefficients, from: Level, to: Level) -> Coefficients {
    let x = slow::reduce(x, &modulus(ctx, from, true));
    let dropped = slow::product(&ctx.params().q()[to.n_limbs()..from.n_limbs()]);
    slow::divide(&x, &(dropped * special_product(ctx)))
}

#[test]
fn encode_is_the_rounded_sum() {
    for log_n in [4u8, 6, 8] {
        let kit = Kit::new(&small(log_n), 1);
        let n = 1usize << log_n;
        for len in [1, 2, n / 4, n / 2] {
            let values = &kit.values(7)[..len];
            // 2^70 exceeds the exact doubles: there the relative error counts.
            for bits in [20, 36, 70] {
                let scale = Scale::power_of_two(bits);
                let plaintext = kit
                    .ctx
                    .encode(values, &scale, kit.top(), Basis::QP)
                    .unwrap();
                let got = lift(&kit.ctx, &plaintext.poly);
                let want = slow::encode(values, n, 2f64.powi(bits));
                let tolerance = 0.5 + 2f64.powi(bits - 48);
                for (got, want) in got.iter().zip(want) {
                    let got: f64 = got.to_string().parse().unwrap();
                    assert!((got - want).abs() <= tolerance, "{got} {want} at 2^{bits}");
                }
            }
        }
    }
}

#[test]
fn encryption_is_the_formula_with_a_small_error() {
    let mut kit = Kit::new(&small(5), 2);
    let ctx = kit.ctx.clone();
    let s: Coefficients = kit
        .secret
        .coefficients()
        .iter()
        .map(|&c| BigInt::from(c))
        .collect();
    assert_holds(&ctx, &kit.secret.residues.0, &s, "secret");
    let public = crate::PublicKey::generate(&ctx, &kit.secret, &mut kit.randomness);
    let plaintext = ctx
        .encode(&kit.values(1), &kit.scale(), Level(2), Basis::Q)
        .unwrap();
    let m = lift(&ctx, &plaintext.poly);
    let q = modulus(&ctx, Level(2), false);
    let by_secret = ctx.encrypt(&plaintext, &kit.secret, &mut kit.randomness);
    let by_public = ctx.encrypt_public(&plaintext, &public, &mut kit.randomness);
    for x in [by_secret, by_public] {
        let parts = lift_all(&ctx, &x.parts);
        let phase = slow::reduce(&slow::add(&parts[0], &slow::mul(&parts[1], &s)), &q);
        assert_holds(&ctx, &ctx.decrypt(&x, &kit.secret).poly, &phase, "decrypt");
        let error = slow::sub(&phase, &m);
        assert!(
            error
                .iter()
                .all(|e| e < &BigInt::from(60) && e > &BigInt::from(-60))
        );
    }
}

#[test]
fn sums_and_products_are_exact() {
    let mut kit = Kit::new(&small(5), 3);
    let ctx = kit.ctx.clone();
    let level = Level(2);
    let (x, y) = (
        kit.encrypt_at(&kit.values(1), level),
        kit.encrypt_at(&kit.values(2), level),
    );
    let plain = ctx
        .encode(&kit.values(3), &kit.scale(), level, Basis::Q)
        .unwrap();
    let (a, b) = (lift_all(&ctx, &x.parts), lift_all(&ctx, &y.parts));
    let m = lift(&ctx, &plain.poly);
    let holds = |got: &Ciphertext, want: &[Coefficients], what: &str| {
        assert_eq!(got.parts.len(), want.len());
        got.parts
            .iter()
            .zip(want)
            .for_each(|(got, want)| assert_holds(&ctx, got, want, what));
    };
    let each = |f: &dyn Fn(usize) -> Coefficients| [f(0), f(1)];
    holds(
        &ctx.add(&x, &y).unwrap(),
        &each(&|i| slow::add(&a[i], &b[i])),
        "add",
    );
    holds(
        &ctx.sub(&x, &y).unwrap(),
        &each(&|i| slow::sub(&a[i], &b[i])),
        "sub",
    );
    holds(
        &ctx.neg(&x).unwrap(),
        &each(&|i| slow::scale(&a[i], &BigInt::from(-1))),
        "neg",
    );
    holds(
        &ctx.add_plain(&x, &plain).unwrap(),
        &[slow::add(&a[0], &m), a[1].clone()],
        "add_plain",
    );
    let product = ctx.mul_plain(&x, &plain).unwrap();
    holds(&product, &each(&|i| slow::mul(&a[i], &m)), "mul_plain");
    let mut acc = product;
    ctx.mul_plain_accumulate(&mut acc, &y, &plain).unwrap();
    let sum = |i: usize| slow::mul(&slow::add(&a[i], &b[i]), &m);
    holds(&acc, &each(&sum), "mul_plain_accumulate");
    let integer = BigInt::from((0.3 * 2f64.powi(36)).round() as i64);
    let scaled = ctx.mul_scalar(&x, -0.3, &kit.scale()).unwrap();
    holds(
        &scaled,
        &each(&|i| slow::scale(&a[i], &-&integer)),
        "mul_scalar",
    );
    let mut shifted = a.clone();
    shifted[0][0] += &integer;
    holds(&ctx.add_scalar(&x, 0.3).unwrap(), &shifted, "add_scalar");
    let cross = slow::add(&slow::mul(&a[0], &b[1]), &slow::mul(&a[1], &b[0]));
    let tensor = [slow::mul(&a[0], &b[0]), cross, slow::mul(&a[1], &b[1])];
    let ct3 = ctx.mul(&x, &y).unwrap();
    holds(&ct3, &tensor, "mul");
    let more = ctx.mul_scalar(&y, 1.0, &kit.scale()).unwrap();
    let delta = BigInt::from(1u64 << 36);
    let mixed = [
        slow::sub(&slow::scale(&b[0], &delta), &tensor[0]),
        slow::sub(&slow::scale(&b[1], &delta), &tensor[1]),
        slow::scale(&tensor[2], &BigInt::from(-1)),
    ];
    holds(
        &ctx.sub(&more, &ct3).unwrap(),
        &mixed,
        "sub of mixed degrees",
    );
    let (q, q2) = (
        modulus(&ctx, level, false),
        BigInt::from(ctx.params().q()[2]),
    );
    let divided = tensor.map(|d| slow::divide(&slow::reduce(&d, &q), &q2));
    holds(&ctx.rescale(&ct3).unwrap(), &divided, "rescale");
    holds(&ctx.drop_level(&x, Level(0)).unwrap(), &a, "drop_level");
}

#[test]
fn key_switching_is_exact() {
    let mut kit = Kit::new(&small(5), 4);
    let ctx = kit.ctx.clone();
    let relin = kit.relinearization_key(Level(3));
    for level in (0..=3).map(Level) {
        let x = kit.encrypt_at(&kit.values(1), level);
        let ct3 = ctx.square(&x).unwrap();
        let switched = slow_key_product(&ctx, &ct3.parts[2], &relin);
        let got = ctx.relinearize(&ct3, &relin).unwrap();
        for (part, switched) in switched.iter().enumerate() {
            let down = slow_divide(&ctx, switched, level, level);
            let want = slow::add(&down, &lift(&ctx, &ct3.parts[part]));
            assert_holds(&ctx, &got.parts[part], &want, "relinearize");
        }
        for amount in [1, -3] {
            let g = kit.galois(amount);
            let key = kit.rotation_key(amount, Level(3));
            let switched = slow_key_product(&ctx, &x.parts[1], &key);
            let got = ctx.rotate(&x, &key).unwrap();
            let parts = lift_all(&ctx, &x.parts);
            for (part, switched) in switched.iter().enumerate() {
                let mut want = slow_divide(&ctx, switched, level, level);
                if part == 0 {
                    want = slow::add(&want, &parts[0]);
                }
                assert_holds(
                    &ctx,
                    &got.parts[part],
                    &slow::automorphism(&want, g.0),
                    "rotate",
                );
            }
        }
    }
}

#[test]
fn hoisting_is_exact() {
    let mut kit = Kit::new(&small(5), 5);
    let ctx = kit.ctx.clone();
    let p = special_product(&ctx);
    let key = kit.rotation_key(2, Level(4));
    let g = kit.galois(2).0;
    let holds = |got: &CiphertextExt, want: &[Coefficients], what: &str| {
        got.parts
            .iter()
            .zip(want)
            .for_each(|(got, want)| assert_holds(&ctx, got, want, what));
    };
    for level in [1, 2, 4].map(Level) {
        let x = kit.encrypt_at(&kit.values(1), level);
        let parts = lift_all(&ctx, &x.parts);
        let digits = ctx.decompose(&x).unwrap();
        for (range, digit) in ctx
            .params()
            .digits_at(level)
            .into_iter()
            .zip(&digits.digits)
        {
            let want = slow::reduce(&parts[1], &slow::product(&ctx.params().q()[range]));
            assert_holds(&ctx, digit, &want, "decompose");
        }
        let extended = ctx.extend(&x).unwrap();
        holds(
            &extended,
            &[slow::scale(&parts[0], &p), slow::scale(&parts[1], &p)],
            "extend",
        );
        let product = slow_key_product(&ctx, &x.parts[1], &key);
        let hoisted = ctx.rotate_hoisted(&digits, &key).unwrap();
        let with_c0 = slow::add(&product[0], &slow::scale(&parts[0], &p));
        let want = [
            slow::automorphism(&with_c0, g),
            slow::automorphism(&product[1], g),
        ];
        holds(&hoisted, &want, "rotate_hoisted");

        let plain = ctx
            .encode(&kit.values(2), &Scale::prime(level.0), level, Basis::QP)
            .unwrap();
        let m = lift(&ctx, &plain.poly);
        let times = want.clone().map(|w| slow::mul(&w, &m));
        let scaled = ctx.mul_plain_ext(&hoisted, &plain).unwrap();
        holds(&scaled, &times, "mul_plain_ext");
        let mut acc = scaled.clone();
        ctx.mul_plain_ext_accumulate(&mut acc, &extended, &plain)
            .unwrap();
        let sum = [0, 1].map(|i: usize| {
            let term = slow::mul(&slow::scale(&parts[i], &p), &m);
            slow::add(&times[i], &term)
        });
        holds(&acc, &sum, "mul_plain_ext_accumulate");
        let two = |f: &dyn Fn(usize) -> Coefficients| [f(0), f(1)];
        holds(
            &ctx.add_ext(&acc, &scaled).unwrap(),
            &two(&|i| slow::add(&sum[i], &times[i])),
            "add_ext",
        );
        holds(
            &ctx.sub_ext(&acc, &scaled).unwrap(),
            &two(&|i| slow::sub(&sum[i], &times[i])),
            "sub_ext",
        );
        let minus = BigInt::from(-1);
        holds(
            &ctx.neg_ext(&acc).unwrap(),
            &two(&|i| slow::scale(&sum[i], &minus)),
            "neg_ext",
        );
        let eight = ctx
            .mul_scalar_ext(&acc, 0.5, &Scale::power_of_two(4))
            .unwrap();
        holds(
            &eight,
            &two(&|i| slow::scale(&sum[i], &BigInt::from(8))),
            "mul_scalar_ext",
        );

        let (down, lower) = (ctx.mod_down(&acc).unwrap(), Level(level.0 - 1));
        let merged = ctx.mod_down_rescale(&acc).unwrap();
        let inner = ctx.decompose_ext(&acc).unwrap();
        for (i, sum) in sum.iter().enumerate() {
            assert_holds(
                &ctx,
                &down.parts[i],
                &slow_divide(&ctx, sum, level, level),
                "mod_down",
            );
            let want = slow_divide(&ctx, sum, level, lower);
            assert_holds(&ctx, &merged.parts[i], &want, "mod_down_rescale");
        }
        assert_holds(&ctx, &inner.c0, &sum[0], "decompose_ext, c0");
        let again = ctx.decompose(&down).unwrap();
        let same = inner.digits.iter().zip(&again.digits).all(|(a, b)| a == b);
        assert!(same, "decompose_ext");
        let turned = ctx.rotate_hoisted(&inner, &key).unwrap();
        let product = slow_key_product(&ctx, &down.parts[1], &key);
        let with_c0 = slow::add(&product[0], &sum[0]);
        let want = [
            slow::automorphism(&with_c0, g),
            slow::automorphism(&product[1], g),
        ];
        holds(&turned, &want, "rotate_hoisted from decompose_ext");

        let cut = ctx.drop_level_ext(&acc, Level(0)).unwrap();
        holds(&cut, &sum, "drop_level_ext");
        let cut = ctx.drop_level_digits(&digits, Level(0)).unwrap();
        assert_eq!(cut.digits.len(), 1);
        assert_holds(
            &ctx,
            &cut.digits[0],
            &lift(&ctx, &digits.digits[0]),
            "drop_level_digits",
        );
    }
}
