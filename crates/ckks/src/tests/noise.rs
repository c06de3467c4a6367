//! Measured noise against the variances of the noise model.

use super::{Kit, params};
use crate::ring::poly::Poly;
use crate::{Basis, Ciphertext, Context, PublicKey};
use params::{Params, Scale};

const RUNS: u8 = 32;
const LOG_N: u8 = 10;
pub(super) const N: f64 = (1 << LOG_N) as f64;
/// Variance of an error coefficient.
pub(super) const ERROR: f64 = 10.5;
/// Nonzero coefficients of a secret.
pub(super) const WEIGHT: f64 = 2.0 * N / 3.0;
/// Variance of rounding both parts of a ciphertext.
pub(super) const ROUNDING: f64 = (1.0 + WEIGHT) / 12.0;

/// P is as large as the largest digit only, so that key-switch noise shows.
pub(super) fn tight() -> Params {
    params(LOG_N, &[45, 40, 40, 40, 40], &[40, 41], &[1, 2, 2], 40)
}

/// Key-switch variance before the division by P.
pub(super) fn switch_variance(params: &Params) -> f64 {
    let digits = params.digit_ranges().into_iter();
    let products = digits.map(|r| params.q()[r].iter().map(|&q| q as f64).product::<f64>());
    products.map(|d| N * ERROR * d * d / 12.0).sum()
}

pub(super) fn special(params: &Params) -> f64 {
    params.special().iter().map(|&p| p as f64).product()
}

/// Centred coefficients, exact below half of the first two primes.
fn coefficients(ctx: &Context, poly: &Poly) -> Vec<i128> {
    let mut low = poly.trimmed(2.min(poly.n_q()), false);
    for (j, limb) in low.limbs_mut().enumerate() {
        ctx.inverse(j, limb, &ctx.tables()[j].scaling(1));
    }
    let centre = |x: i128, q: i128| if 2 * x > q { x - q } else { x };
    let q0 = i128::from(ctx.params().q()[0]);
    let limbs: Vec<&[u64]> = low.limbs().collect();
    let [first, second] = limbs[..] else {
        return limbs[0]
            .iter()
            .map(|&x| centre(i128::from(x), q0))
            .collect();
    };
    let m = ctx.modulus(1);
    let inverse = m.invert(q0 as u64);
    let pairs = first.iter().zip(second);
    let join = |(&a, &b): (&u64, &u64)| {
        let digit = m.mul(m.sub(b, m.reduce(a)), inverse);
        centre(i128::from(a) + q0 * i128::from(digit), q0 * i128::from(m.p))
    };
    pairs.map(join).collect()
}

fn phase(kit: &Kit, x: &Ciphertext) -> Vec<i128> {
    coefficients(&kit.ctx, &kit.ctx.decrypt(x, &kit.secret).poly)
}

/// Mean square of `a - b / divisor`.
fn distance(a: &[i128], b: &[i128], divisor: f64) -> f64 {
    let part = |(&a, &b): (&i128, &i128)| {
        // The integer quotient is taken apart so that no digits are lost.
        let whole = (b as f64 / divisor).round() as i128;
        let rest = (b - whole * divisor as i128) as f64 / divisor;
        (a - whole) as f64 - rest
    };
    a.iter().zip(b).map(part).map(|d| d * d).sum::<f64>() / a.len() as f64
}

/// Runs `measure` on fresh keys and compares the mean variance with the prediction.
pub(super) fn compare(
    what: &str,
    params: &Params,
    predicted: f64,
    measure: impl Fn(&mut Kit) -> f64,
) {
    let ctx = Context::new(params).unwrap();
    let total: f64 = (0..RUNS)
        .map(|seed| measure(&mut Kit::with(ctx.clone(), seed)))
        .sum();
    let ratio = (total / f64::from(RUNS) / predicted).log2() / 2.0;
    assert!(
        (-1.0..=0.25).contains(&ratio),
        "{what}: log2(measured/predicted) = {ratio:.3}"
    );
}

#[test]
fn encryption() {
    let params = tight();
    let message = |kit: &Kit| {
        let plaintext = kit
            .ctx
            .encode(&kit.values(1), &kit.scale(), kit.top(), Basis::Q)
            .unwrap();
        let m = coefficients(&kit.ctx, &plaintext.poly);
        (plaintext, m)
    };
    compare("secret", &params, ERROR, |kit| {
        let (plaintext, m) = message(kit);
        let x = kit
            .ctx
            .encrypt(&plaintext, &kit.secret, &mut kit.randomness);
        distance(&phase(kit, &x), &m, 1.0)
    });
    let fresh = ERROR * (1.0 + 4.0 * N / 3.0) / special(&params).powi(2);
    compare("public", &params, ROUNDING + fresh, |kit| {
        let (plaintext, m) = message(kit);
        let key = PublicKey::generate(&kit.ctx, &kit.secret, &mut kit.randomness);
        let x = kit
            .ctx
            .encrypt_public(&plaintext, &key, &mut kit.randomness);
        distance(&phase(kit, &x), &m, 1.0)
    });
}

#[test]
fn rescale_rounds_once() {
    compare("rescale", &tight(), ROUNDING, |kit| {
        let top = kit.top();
        let x = kit.encrypt(&kit.values(1));
        let x = kit
            .ctx
            .mul_scalar(&x, 0.5, &Scale::power_of_two(30))
            .unwrap();
        let q = kit.ctx.params().q()[usize::from(top.0)] as f64;
        distance(
            &phase(kit, &kit.ctx.rescale(&x).unwrap()),
            &phase(kit, &x),
            q,
        )
    });
}

#[test]
fn key_switches() {
    let params = tight();
    let before = switch_variance(&params);
    let after = before / special(&params).powi(2) + ROUNDING;
    compare("relinearize", &params, after, |kit| {
        let key = kit.relinearization_key(kit.top());
        let x = kit.encrypt(&kit.values(1));
        let ct3 = kit.ctx.square(&x).unwrap();
        let got = phase(kit, &kit.ctx.relinearize(&ct3, &key).unwrap());
        distance(&got, &phase(kit, &ct3), 1.0)
    });
    let turned = |kit: &Kit, x: &Ciphertext| {
        let plaintext = kit.ctx.decrypt(x, &kit.secret);
        let table = kit.ctx.automorphism(kit.galois(3)).unwrap();
        let mut poly = plaintext.poly.clone();
        for (out, limb) in poly.limbs_mut().zip(plaintext.poly.limbs()) {
            (kit.ctx.kernels().permute)(out, limb, &table);
        }
        coefficients(&kit.ctx, &poly)
    };
    compare("rotate", &params, after, |kit| {
        let key = kit.rotation_key(3, kit.top());
        let x = kit.encrypt(&kit.values(1));
        distance(
            &phase(kit, &kit.ctx.rotate(&x, &key).unwrap()),
            &turned(kit, &x),
            1.0,
        )
    });
    // A hoisted rotation and the same rotation alone differ by nothing but the order of rounding and automorphism.
    compare("rotate_hoisted and mod_down", &params, after, |kit| {
        let key = kit.rotation_key(3, kit.top());
        let x = kit.encrypt(&kit.values(1));
        let hoisted = kit
            .ctx
            .rotate_hoisted(&kit.ctx.decompose(&x).unwrap(), &key)
            .unwrap();
        let down = kit.ctx.mod_down(&hoisted).unwrap();
        let alone = kit.ctx.rotate(&x, &key).unwrap();
        assert!(down.parts.iter().zip(&alone.parts).all(|(a, b)| a == b));
        distance(&phase(kit, &down), &turned(kit, &x), 1.0)
    });
    compare("mod_down_rescale", &params, ROUNDING, |kit| {
        let key = kit.rotation_key(3, kit.top());
        let x = kit.encrypt(&kit.values(1));
        let x = kit
            .ctx
            .mul_scalar(&x, 0.5, &Scale::power_of_two(30))
            .unwrap();
        let hoisted = kit
            .ctx
            .rotate_hoisted(&kit.ctx.decompose(&x).unwrap(), &key)
            .unwrap();
        let merged = kit.ctx.mod_down_rescale(&hoisted).unwrap();
        let q = kit.ctx.params().q()[usize::from(x.level().0)] as f64;
        distance(&phase(kit, &merged), &turned(kit, &x), q)
    });
}

#[test]
fn extending_and_dividing_again_adds_no_noise() {
    let mut kit = Kit::new(&tight(), 9);
    let x = kit.encrypt(&kit.values(1));
    let again = kit.ctx.mod_down(&kit.ctx.extend(&x).unwrap()).unwrap();
    assert!(x.parts.iter().zip(&again.parts).all(|(a, b)| a == b));
}
