//! Equal constants are one, and their numbers are those of their residues.

use super::*;

fn constants(vectors: &[&[f64]]) -> (Constants, Vec<Pt>) {
    let plain = |values: &&[f64]| {
        Arc::new(PlainVector {
            name: String::new(),
            period: values.len() as u32,
            each: 1,
            values: PlainValues::Dense(values.to_vec()),
        })
    };
    let plains: Vec<_> = vectors.iter().map(plain).collect();
    let mut all = Constants::new(&plains);
    let pts = (0..plains.len()).map(|i| all.plain(i)).collect();
    (all, pts)
}

#[test]
fn equal_vectors_are_one_constant() {
    let (mut all, pts) = constants(&[&[1.0, 2.0], &[1.0, 2.0, 1.0, 2.0], &[2.0, 1.0]]);
    assert_eq!(pts[0], pts[1]);
    assert_eq!(all.rotate(pts[0], 1), Some(pts[2]));
    assert_eq!(all.rotate(pts[0], 3), Some(pts[2]));
    assert_eq!(all.rotate(pts[0], 2), Some(pts[0]));
}

#[test]
fn what_is_computed_has_the_numbers_of_its_residues() {
    let (mut all, pts) = constants(&[&[1.0, 0.0, 3.0, -0.5], &[0.25, -4.0]]);
    let rotated = all.rotate(pts[0], 3).expect("room");
    let product = all.multiply(rotated, pts[1]).expect("room");
    let sum = all.add(product, pts[0]).expect("room");
    let negated = all.negate(sum).expect("room");
    let values = all.values(negated);
    assert_eq!(values, [-0.875, 4.0, -3.0, 12.5]);
    for (slot, value) in (0..).zip(&values) {
        assert_eq!(all.at(negated, slot + 4), field::of(*value), "slot {slot}");
    }
    assert_eq!(all.support(product), [true, true, false, true]);
}

#[test]
fn what_cancels_is_zero() {
    let (mut all, pts) = constants(&[&[1.0, 0.1]]);
    let negated = all.negate(pts[0]).expect("room");
    let sum = all.add(pts[0], negated).expect("room");
    assert!(all.is_zero(sum) && all.period(sum) == 1);
    let (one, two) = (all.number(1.0), all.number(2.0));
    assert!(all.add(one, one) == Some(two) && all.is_number(two));
}

#[test]
fn values_in_neighbouring_slots_are_those_slots() {
    let values = PlainValues::Dense(vec![1.0, 2.0]);
    let repeated = Arc::new(PlainVector::spread("", 2, values, 2));
    let plain = PlainValues::Dense(vec![1.0, 1.0, 2.0, 2.0]);
    let plain = Arc::new(PlainVector::spread("", 4, plain, 1));
    let mut all = Constants::new(&[repeated, plain]);
    assert_eq!(all.plain(0), all.plain(1));
    let pt = all.plain(0);
    assert_eq!(all.values(pt), [1.0, 1.0, 2.0, 2.0]);
}
