//! Prices of sums that are made together with their products.

use super::*;

/// Price of a sum of `count` plain products modulo QP, and of what comes before them.
fn sum_of(count: usize, more: &str) -> (f64, f64) {
    let rotate =
        "%1 = decompose %0\n  %2 = rotate_hoisted %1 by 1\n  %3 = mul_scalar %2 * 0.5 at q2";
    let products: String = (0..count)
        .map(|i| format!("  %{} = mul_plain %2 * [0.5, {i}.0] at q2\n", i + 4))
        .collect();
    let terms: Vec<String> = (0..count).map(|i| format!("%{}", i + 4)).collect();
    let circuit = |body: &str| {
        let text = format!(
            "; params: n=2^14 q=48,40,40 p=48 digits=1,1,1 scale=2^40\n\
             circuit (%0: ct L2 2^40) {{\n  {rotate}\n{body}}}\n"
        );
        let circuit = crate::parse(&text).unwrap();
        CostTable::default().circuit_us(&circuit).unwrap().0
    };
    let sum = format!(
        "{products}  %90 = sum {}{more}\n  return %90\n",
        terms.join(", ")
    );
    (circuit(&sum), circuit("  return %3\n"))
}

#[test]
fn a_fused_sum_costs_its_products_and_one_share() {
    let FusedUs { each, once } = CostTable::default().fused_us(14, 3, 1, 3);
    assert!(each > 0.0 && once >= 0.0);
    for count in [2, 8, 20] {
        let (with, without) = sum_of(count, "");
        let expected = once + count as f64 * each;
        assert!(
            (with - without - expected).abs() < 1e-6,
            "{count}: {with} - {without}"
        );
    }
    // A product with a number joins at its price in a sum; alone it costs what it costs alone.
    let (with, without) = sum_of(3, ", %3");
    let us = |what| CostTable::default().us(what, 14, 4, 0, 3);
    let (inside, alone) = (us(Measured::ScalarProduct), us(Measured::MulScalar));
    let found = with - without + alone - inside;
    assert!((found - once - 3.0 * each).abs() < 1e-6);
}

#[test]
fn rows_that_contradict_each_other_still_price_every_part() {
    let row = |op: Measured, us: f64| CostRow {
        op,
        log_n: 14,
        limbs: 3,
        special: 1,
        digits: 3,
        us,
    };
    let table = |two: f64, eight: f64| {
        let rest = Measured::ALL
            .into_iter()
            .filter(|op| !op.name().contains("products"));
        let sums = [
            row(Measured::Sum2ProductsExt, two),
            row(Measured::Sum8ProductsExt, eight),
        ];
        let rows = rest.map(|op| row(op, 1.0)).chain(sums).collect();
        CostTable::new("none", 1, rows)
            .unwrap()
            .fused_us(14, 3, 1, 3)
    };
    assert_eq!(
        table(30.0, 90.0),
        FusedUs {
            each: 10.0,
            once: 10.0
        }
    );
    assert_eq!(
        table(1.0, 80.0),
        FusedUs {
            each: 10.0,
            once: 0.0
        }
    );
    assert_eq!(
        table(99.0, 80.0),
        FusedUs {
            each: 5.0,
            once: 40.0
        }
    );
}
