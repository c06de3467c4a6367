//! Bytes from outside, and operands that do not fit together.

use super::{Kit, params, small};
use crate::{Basis, Ciphertext, CkksError, EvaluationKeys, KeySwitchKey, PublicKey, SecretKey};
use params::{GaloisElement, Level, Scale};
use proptest::prelude::*;

type Reading = fn(&crate::Context, &[u8]) -> Result<Vec<u8>, CkksError>;

/// One object of each kind: its bytes, and how to read and write them again.
fn objects(kit: &mut Kit) -> Vec<(&'static str, Vec<u8>, Reading)> {
    let x = kit.encrypt_at(&kit.values(1), Level(2));
    let ct3 = kit.ctx.rescale(&kit.ctx.square(&x).unwrap()).unwrap();
    let relin = kit.relinearization_key(Level(1));
    let rotation = kit.rotation_key(3, Level(2));
    let public = PublicKey::generate(&kit.ctx, &kit.secret, &mut kit.randomness);
    let ciphertext: Reading = |ctx, bytes| Ok(Ciphertext::from_bytes(ctx, bytes)?.to_bytes());
    let key: Reading = |ctx, bytes| Ok(KeySwitchKey::from_bytes(ctx, bytes)?.to_bytes());
    vec![
        ("ciphertext", x.to_bytes(), ciphertext),
        ("degree 2", ct3.to_bytes(), ciphertext),
        ("relinearization key", relin.to_bytes(), key),
        ("rotation key", rotation.to_bytes(), key),
        ("public key", public.to_bytes(), |ctx, bytes| {
            Ok(PublicKey::from_bytes(ctx, bytes)?.to_bytes())
        }),
        (
            "secret key",
            kit.secret.to_bytes().to_vec(),
            |ctx, bytes| Ok(SecretKey::from_bytes(ctx, bytes)?.to_bytes().to_vec()),
        ),
    ]
}

#[test]
fn round_trips_and_all_truncations() {
    let mut kit = Kit::new(&small(4), 1);
    let other = Kit::new(&small(5), 1).ctx;
    for (what, bytes, read) in objects(&mut kit) {
        assert_eq!(read(&kit.ctx, &bytes).as_ref(), Ok(&bytes), "{what}");
        for len in 0..bytes.len() {
            assert!(
                read(&kit.ctx, &bytes[..len]).is_err(),
                "{what} cut to {len}"
            );
        }
        let longer = [&bytes[..], &[0]].concat();
        assert!(read(&kit.ctx, &longer).is_err(), "{what} with a byte more");
        let mismatch = CkksError::ParamsMismatch {
            found: kit.ctx.params().id(),
            expected: other.params().id(),
        };
        assert_eq!(read(&other, &bytes), Err(mismatch), "{what}");
    }
}

#[test]
fn altered_headers_are_refused_or_read_as_they_stand() {
    let mut kit = Kit::new(&small(4), 2);
    for (what, bytes, read) in objects(&mut kit) {
        for at in 0..bytes.len().min(96) {
            for bit in 0..8 {
                let mut altered = bytes.clone();
                altered[at] ^= 1 << bit;
                // Nothing panics; what is accepted is written back unchanged.
                match read(&kit.ctx, &altered) {
                    Ok(again) => assert!(again == altered, "{what} byte {at}"),
                    Err(_) => continue,
                }
                assert!(at >= 38, "{what}: the header's byte {at} was ignored");
            }
        }
        // The last word beyond every prime.
        if what != "secret key" {
            let mut altered = bytes.clone();
            let end = altered.len();
            altered[end - 8..].fill(0xff);
            let refusal = read(&kit.ctx, &altered).expect_err("refused").to_string();
            let start = format!(
                "malformed bytes: a residue is {}, expected less than ",
                u64::MAX
            );
            assert!(refusal.starts_with(&start), "{what}: {refusal}");
        }
    }
}

#[test]
fn scales_and_levels_out_of_range_are_refused() {
    let mut kit = Kit::new(&small(4), 3);
    let x = kit.encrypt_at(&kit.values(1), Level(1));
    let tampered = |level: Level, scale: Scale| {
        let mut x = x.clone();
        (x.level, x.scale) = (level, scale);
        Ciphertext::from_bytes(&kit.ctx, &x.to_bytes())
    };
    assert!(tampered(Level(1), Scale::power_of_two(70).over(&Scale::prime(4))).is_ok());
    for (level, scale) in [
        (Level(0), kit.scale()),
        (Level(2), kit.scale()),
        (Level(5), kit.scale()),
        (Level(255), kit.scale()),
        (Level(1), Scale::power_of_two(-1)),
        (Level(1), Scale::power_of_two(90)),
        (Level(1), Scale::power_of_two(i32::MAX)),
        (Level(1), Scale::power_of_two(i32::MIN)),
        (Level(1), Scale::prime(5)),
        (
            Level(1),
            Scale::power_of_two(40)
                .over(&Scale::prime(1))
                .over(&Scale::prime(1)),
        ),
    ] {
        assert!(tampered(level, scale.clone()).is_err(), "{level} {scale}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_bytes_panic(bytes in prop::collection::vec(any::<u8>(), 0..400), keep in 0usize..80) {
        let mut kit = Kit::new(&small(4), 4);
        for (_, valid, read) in objects(&mut kit) {
            let keep = keep.min(valid.len());
            let _ = read(&kit.ctx, &[&valid[..keep], &bytes].concat());
        }
    }
}

#[test]
fn operands_that_do_not_fit_are_refused() {
    let mut kit = Kit::new(&small(5), 5);
    let ctx = kit.ctx.clone();
    let values = kit.values(1);
    let (x, low) = (kit.encrypt(&values), kit.encrypt_at(&values, Level(1)));
    let top = kit.top();
    let plain = |scale: &Scale, level, basis| ctx.encode(&values, scale, level, basis).unwrap();
    let levels = Err(CkksError::LevelMismatch {
        left: top,
        right: Level(1),
    });
    assert_eq!(ctx.add(&x, &low).map(drop), levels);
    assert_eq!(ctx.mul(&x, &low).map(drop), levels);
    assert_eq!(
        ctx.mul_plain(&x, &plain(&kit.scale(), Level(1), Basis::Q))
            .map(drop),
        levels
    );
    let twice = Scale::power_of_two(37);
    let scales = Err(CkksError::ScaleMismatch {
        left: kit.scale(),
        right: twice.clone(),
    });
    assert_eq!(
        ctx.add_plain(&x, &plain(&twice, top, Basis::Q)).map(drop),
        scales
    );
    let mut acc = x.clone();
    let product = ctx.mul_plain_accumulate(&mut acc, &x, &plain(&twice, top, Basis::Q));
    assert!(matches!(product, Err(CkksError::ScaleMismatch { .. })));
    let ct3 = ctx.square(&x).unwrap();
    let degree = Err(CkksError::DegreeMismatch {
        expected: 1,
        found: 2,
    });
    assert_eq!(ctx.mul(&ct3, &x).map(drop), degree);
    assert_eq!(ctx.decompose(&ct3).map(drop), degree);
    assert_eq!(ctx.extend(&ct3).map(drop), degree);
    let (relin, rotation) = (
        kit.relinearization_key(Level(2)),
        kit.rotation_key(1, Level(2)),
    );
    let kind = Err(CkksError::KeyKind);
    assert_eq!(ctx.rotate(&low, &relin).map(drop), kind);
    assert_eq!(ctx.relinearize(&ct3, &rotation).map(drop), kind);
    let available = Err(CkksError::KeyLevel {
        needed: top,
        available: Level(2),
    });
    assert_eq!(ctx.rotate(&x, &rotation).map(drop), available);
    assert_eq!(ctx.relinearize(&ct3, &relin).map(drop), available);
    assert_eq!(
        ctx.rotate(&ctx.drop_level(&ct3, Level(2)).unwrap(), &rotation)
            .map(drop),
        degree
    );
    let wrong = Err(CkksError::DegreeMismatch {
        expected: 2,
        found: 1,
    });
    assert_eq!(ctx.relinearize(&low, &relin).map(drop), wrong);
    let ground = ctx.drop_level(&x, Level(0)).unwrap();
    assert_eq!(ctx.rescale(&ground).map(drop), Err(CkksError::NoLevelLeft));
    let ext = ctx.extend(&ground).unwrap();
    assert_eq!(
        ctx.mod_down_rescale(&ext).map(drop),
        Err(CkksError::NoLevelLeft)
    );
    let raised = Err(CkksError::LevelRange {
        wanted: Level(2),
        available: Level(1),
    });
    assert_eq!(ctx.drop_level(&low, Level(2)).map(drop), raised);
    let in_q = plain(&kit.scale(), Level(0), Basis::Q);
    assert_eq!(
        ctx.mul_plain_ext(&ext, &in_q).map(drop),
        Err(CkksError::BasisMismatch)
    );
    let mut other = Kit::new(&params(5, &[45, 36], &[40, 41], &[1, 1], 36), 1);
    let foreign = other.encrypt(&values);
    let mismatch = Err(CkksError::ParamsMismatch {
        found: foreign.params_id(),
        expected: ctx.params().id(),
    });
    assert_eq!(ctx.add(&x, &foreign).map(drop), mismatch);
    assert_eq!(ctx.rotate(&foreign, &rotation).map(drop), mismatch);
    let foreign_key = other.rotation_key(1, Level(1));
    assert_eq!(ctx.rotate(&low, &foreign_key).map(drop), mismatch);
}

#[test]
fn values_that_do_not_fit_are_refused() {
    let kit = Kit::new(&small(5), 6);
    let ctx = &kit.ctx;
    let encode = |values: &[f64], scale: i32, level: u8| {
        ctx.encode(values, &Scale::power_of_two(scale), Level(level), Basis::Q)
            .map(drop)
    };
    assert_eq!(
        encode(&[1.0, f64::NAN], 36, 0),
        Err(CkksError::NotFinite { index: 1 })
    );
    assert_eq!(
        encode(&[f64::INFINITY], 36, 0),
        Err(CkksError::NotFinite { index: 0 })
    );
    assert_eq!(
        encode(&[0.0; 3], 36, 0),
        Err(CkksError::SlotCount {
            found: 3,
            n_slots: 16
        })
    );
    assert_eq!(
        encode(&[], 36, 0),
        Err(CkksError::SlotCount {
            found: 0,
            n_slots: 16
        })
    );
    assert_eq!(
        encode(&[0.0; 32], 36, 0),
        Err(CkksError::SlotCount {
            found: 32,
            n_slots: 16
        })
    );
    assert!(matches!(
        encode(&[0.0; 2], 36, 9),
        Err(CkksError::LevelRange { .. })
    ));
    assert!(matches!(
        encode(&[1.0], 44, 0),
        Err(CkksError::TooLarge { .. })
    ));
    assert!(encode(&[1.0], 43, 0).is_ok());
    assert!(matches!(
        encode(&[1e300, 1e300], 900, 4),
        Err(CkksError::TooLarge { .. })
    ));
    assert!(matches!(
        encode(&[1.0], 2000, 4),
        Err(CkksError::ScaleRange { .. })
    ));
    let even = ctx.automorphism(GaloisElement(4)).map(drop);
    assert_eq!(
        even,
        Err(CkksError::GaloisElement {
            element: 4,
            bound: 64
        })
    );
}

#[test]
fn key_sets_find_and_miss() {
    let mut kit = Kit::new(&small(5), 7);
    let mut keys = EvaluationKeys::new();
    let galois = kit.galois(2);
    assert_eq!(
        keys.require_rotation(galois).map(drop),
        Err(CkksError::MissingRotationKey { galois })
    );
    assert_eq!(
        keys.require_relinearization().map(drop),
        Err(CkksError::MissingRelinearizationKey)
    );
    keys.insert(kit.rotation_key(2, Level(1)));
    keys.insert(kit.relinearization_key(Level(1)));
    assert_eq!(
        keys.require_rotation(galois).unwrap().galois(),
        Some(galois)
    );
    let relin = keys.require_relinearization().unwrap();
    assert_eq!(relin.bytes() as u64, kit.ctx.params().key_bytes(Level(1)));
    assert!(
        relin.bytes_seeded() == relin.to_bytes().len()
            && 2 * relin.bytes_seeded() < relin.bytes() + 300
    );
    assert_eq!((keys.iter().count(), keys.rotations().len()), (2, 1));
    assert_eq!(
        keys.bytes(),
        keys.iter().map(KeySwitchKey::bytes).sum::<usize>()
    );
}

#[test]
fn secrets_do_not_print() {
    let kit = Kit::new(&small(4), 8);
    let id = kit.ctx.params().id();
    assert_eq!(
        format!("{:?}", kit.secret),
        format!("SecretKey({id:?}, ..)")
    );
    assert_eq!(format!("{:?}", kit.randomness), "Randomness(..)");
}
