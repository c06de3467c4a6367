//! Measured errors of slots against the propagation rules: what operands bring along and what encoding adds.

use super::Kit;
use super::noise::{ERROR, N, ROUNDING, WEIGHT, compare, special, switch_variance, tight};
use crate::{Basis, Ciphertext};
use params::{Params, Scale};

/// Variance of an encoded coefficient, twice: real values have polynomials with `m(X) = m(1/X)`, and so have their
/// rounding errors, all of whose energy is in the real parts.
const ENCODING: f64 = 2.0 / 12.0;
/// Mean square of values uniform in [-1, 1].
const SQUARE: f64 = 1.0 / 3.0;

/// Variance of a slot's real part for a coefficient variance at a scale.
fn slots(params: &Params, coefficient: f64, scale: &Scale) -> f64 {
    N / 2.0 * coefficient / (2.0 * scale.log2(params.q())).exp2()
}

/// Variance of a fresh ciphertext's slots.
fn fresh(params: &Params) -> f64 {
    slots(params, ERROR + ENCODING, &params.scale())
}

/// Mean square of the difference of slots.
fn distance(found: &[f64], expected: impl Fn(usize) -> f64) -> f64 {
    let squares = found.iter().enumerate();
    squares.map(|(i, x)| (x - expected(i)).powi(2)).sum::<f64>() / found.len() as f64
}

fn plain(kit: &Kit, values: &[f64], scale: &Scale, basis: Basis) -> crate::Plaintext {
    kit.ctx.encode(values, scale, kit.top(), basis).unwrap()
}

#[test]
fn encoding_rounds_the_coefficients_there_are() {
    let params = tight();
    let scale = Scale::power_of_two(20);
    for period in [64, 512] {
        let predicted = slots(&params, ENCODING, &scale) * period as f64 / (N / 2.0);
        compare("encode", &params, predicted, |kit| {
            // Keys differ from run to run, values by what the key's stream gives next.
            let seed = u64::from_le_bytes(kit.randomness.seed()[..8].try_into().unwrap());
            let values = &kit.values(seed)[..period];
            let encoded = plain(kit, values, &scale, Basis::Q);
            distance(&kit.ctx.decode(&encoded), |i| values[i % period])
        });
    }
}

#[test]
fn plain_products_and_sums() {
    let params = tight();
    let factor_scale = Scale::power_of_two(30);
    let rounding = slots(&params, ENCODING, &factor_scale);
    // At this scale the factors' rounding outweighs the ciphertext's error.
    let predicted = SQUARE * (fresh(&params) + rounding);
    compare("mul_plain", &params, predicted, |kit| {
        let (z, w) = (kit.values(1), kit.values(2));
        let x = kit.encrypt(&z);
        let product = kit
            .ctx
            .mul_plain(&x, &plain(kit, &w, &factor_scale, Basis::Q));
        distance(&kit.decrypt(&product.unwrap()), |i| z[i] * w[i])
    });
    let full = Scale::power_of_two(44);
    compare(
        "mul_plain, exact factors",
        &params,
        SQUARE * fresh(&params),
        |kit| {
            let (z, w) = (kit.values(1), kit.values(2));
            let x = kit.encrypt(&z);
            let product = kit.ctx.mul_plain(&x, &plain(kit, &w, &full, Basis::Q));
            distance(&kit.decrypt(&product.unwrap()), |i| z[i] * w[i])
        },
    );
    let predicted = 2.0 * fresh(&params) + slots(&params, ENCODING, &params.scale());
    compare("add and add_plain", &params, predicted, |kit| {
        let (a, b, c) = (kit.values(1), kit.values(2), kit.values(3));
        let (x, y) = (kit.encrypt(&a), kit.encrypt(&b));
        let sum = kit.ctx.add(&x, &y).unwrap();
        let sum = kit
            .ctx
            .add_plain(&sum, &plain(kit, &c, &kit.scale(), Basis::Q));
        distance(&kit.decrypt(&sum.unwrap()), |i| a[i] + b[i] + c[i])
    });
}

#[test]
fn products_of_ciphertexts() {
    let params = tight();
    compare("mul", &params, 2.0 * SQUARE * fresh(&params), |kit| {
        let (a, b) = (kit.values(1), kit.values(2));
        let (x, y) = (kit.encrypt(&a), kit.encrypt(&b));
        let product = kit.ctx.mul(&x, &y).unwrap();
        distance(&kit.decrypt(&product), |i| a[i] * b[i])
    });
    compare("square", &params, 4.0 * SQUARE * fresh(&params), |kit| {
        let a = kit.values(1);
        let x = kit.encrypt(&a);
        let square = kit.ctx.square(&x).unwrap();
        distance(&kit.decrypt(&square), |i| a[i] * a[i])
    });
    // The third part meets the square of the secret.
    let division = ROUNDING + 8.0 * N * N / 9.0 / 12.0;
    let q = params.q()[4] as f64;
    let predicted =
        slots(&params, division, &Scale::power_of_two(80)) * q * q + 4.0 * SQUARE * fresh(&params);
    compare("rescale of degree 2", &params, predicted, |kit| {
        let a = kit.values(1);
        let x = kit.encrypt(&a);
        let square = kit.ctx.rescale(&kit.ctx.square(&x).unwrap()).unwrap();
        distance(&kit.decrypt(&square), |i| a[i] * a[i])
    });
}

/// `Σ w_k · (x rotated by k)` modulo QP, and the same in plain.
fn transform(kit: &mut Kit, amounts: &[i64], scale: &Scale) -> (crate::CiphertextExt, Vec<f64>) {
    let z = kit.values(1);
    let x = kit.encrypt(&z);
    let digits = kit.ctx.decompose(&x).unwrap();
    let mut expected = vec![0.0; z.len()];
    let mut sum: Option<crate::CiphertextExt> = None;
    for &amount in amounts {
        let w = kit.values(100 + amount as u64);
        let key = kit.rotation_key(amount, kit.top());
        let turned = kit.ctx.rotate_hoisted(&digits, &key).unwrap();
        let factors = plain(kit, &w, scale, Basis::QP);
        match &mut sum {
            Some(sum) => kit
                .ctx
                .mul_plain_ext_accumulate(sum, &turned, &factors)
                .unwrap(),
            None => sum = Some(kit.ctx.mul_plain_ext(&turned, &factors).unwrap()),
        }
        let n = z.len();
        (0..n).for_each(|i| expected[i] += w[i] * z[(i + amount as usize) % n]);
    }
    (sum.unwrap(), expected)
}

#[test]
fn a_double_hoisted_transform() {
    let params = tight();
    let amounts = [1, 2, 3, 4];
    let factor_scale = Scale::power_of_two(40);
    let product = Scale::power_of_two(80);
    // Key products come before the division by P and are weighted like the value itself.
    let turned = fresh(&params)
        + slots(
            &params,
            switch_variance(&params) / special(&params).powi(2),
            &params.scale(),
        )
        + slots(&params, ENCODING, &factor_scale);
    let summed = amounts.len() as f64 * SQUARE * turned;
    compare(
        "mod_down of a sum",
        &params,
        summed + slots(&params, ROUNDING, &product),
        |kit| {
            let (sum, expected) = transform(kit, &amounts, &factor_scale);
            let down: Ciphertext = kit.ctx.mod_down(&sum).unwrap();
            distance(&kit.decrypt(&down), |i| expected[i])
        },
    );
    let after = slots(&params, ROUNDING, &product.over(&Scale::prime(4)));
    compare(
        "mod_down_rescale of a sum",
        &params,
        summed + after,
        |kit| {
            let (sum, expected) = transform(kit, &amounts, &factor_scale);
            distance(
                &kit.decrypt(&kit.ctx.mod_down_rescale(&sum).unwrap()),
                |i| expected[i],
            )
        },
    );
}

#[test]
fn decomposing_an_extended_value_rounds_one_part() {
    let params = tight();
    let switched = switch_variance(&params) / special(&params).powi(2);
    let own = 2.0 * switched + WEIGHT / 12.0 + ROUNDING;
    let predicted = fresh(&params) + slots(&params, own, &params.scale());
    compare(
        "decompose of an extended value",
        &params,
        predicted,
        |kit| {
            let (first, second) = (
                kit.rotation_key(3, kit.top()),
                kit.rotation_key(5, kit.top()),
            );
            let z = kit.values(1);
            let x = kit.encrypt(&z);
            let digits = kit.ctx.decompose(&x).unwrap();
            let turned = kit.ctx.rotate_hoisted(&digits, &first).unwrap();
            let digits = kit.ctx.decompose_ext(&turned).unwrap();
            let turned = kit.ctx.rotate_hoisted(&digits, &second).unwrap();
            let down = kit.decrypt(&kit.ctx.mod_down(&turned).unwrap());
            distance(&down, |i| z[(i + 8) % z.len()])
        },
    );
}
