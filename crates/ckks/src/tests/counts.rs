//! Exact numbers of transforms, and independence of threads and kernels.

use super::{Kit, small};
use crate::ring::kernels::Isa;
use crate::{Basis, Ciphertext, Context, KeySwitchKey, PublicKey};
use params::{Level, Scale};

#[test]
fn transforms_are_as_priced() {
    let mut kit = Kit::new(&small(6), 1);
    let ctx = kit.ctx.clone();
    let special = 2u64;
    let relin = kit.relinearization_key(kit.top());
    let rotation = kit.rotation_key(1, kit.top());
    let public = PublicKey::generate(&ctx, &kit.secret, &mut kit.randomness);
    for level in (0..=4).map(Level) {
        let limbs = level.n_limbs() as u64;
        let all = limbs + special;
        let digits = ctx.params().digits_at(level).len() as u64;
        let count = |what: &str, want: u64, f: &mut dyn FnMut()| {
            ctx.counters().reset();
            f();
            assert_eq!(ctx.counters().transforms(), want, "{what} at {level}");
        };
        let values = kit.values(1);
        let encode = |basis| ctx.encode(&values, &kit.scale(), level, basis).unwrap();
        count("encode", limbs, &mut || drop(encode(Basis::Q)));
        count("encode in QP", all, &mut || drop(encode(Basis::QP)));
        count("encode scalar", 0, &mut || {
            ctx.encode(&[0.5], &Scale::power_of_two(30), level, Basis::QP)
                .unwrap();
        });
        count("encode a period", limbs, &mut || {
            ctx.encode(&values[..4], &kit.scale(), level, Basis::Q)
                .unwrap();
        });
        let plain = encode(Basis::QP);
        let x = ctx.encrypt(&plain, &kit.secret, &mut kit.randomness);
        count("encrypt", limbs, &mut || {
            drop(ctx.encrypt(&plain, &kit.secret, &mut kit.randomness))
        });
        count("encrypt_public", 5 * all, &mut || {
            ctx.encrypt_public(&plain, &public, &mut kit.randomness);
        });
        count("decrypt", 0, &mut || drop(ctx.decrypt(&x, &kit.secret)));
        let ct3 = ctx.square(&x).unwrap();
        count("mul", 0, &mut || drop(ctx.mul(&x, &x).unwrap()));
        count("add", 0, &mut || drop(ctx.add(&x, &x).unwrap()));
        count("mul_plain", 0, &mut || {
            drop(ctx.mul_plain(&x, &plain).unwrap())
        });
        count("mul_scalar", 0, &mut || {
            drop(ctx.mul_scalar(&x, 0.5, &kit.scale()).unwrap())
        });
        count("drop_level", 0, &mut || {
            drop(ctx.drop_level(&x, Level(0)).unwrap())
        });
        count("relinearize", (digits + 2) * all, &mut || {
            drop(ctx.relinearize(&ct3, &relin).unwrap())
        });
        count("rotate", (digits + 2) * all, &mut || {
            drop(ctx.rotate(&x, &rotation).unwrap())
        });
        count("decompose", digits * all, &mut || {
            drop(ctx.decompose(&x).unwrap())
        });
        let shared = ctx.decompose(&x).unwrap();
        count("rotate_hoisted", 0, &mut || {
            drop(ctx.rotate_hoisted(&shared, &rotation).unwrap())
        });
        let ext = ctx.rotate_hoisted(&shared, &rotation).unwrap();
        count("extend", 0, &mut || drop(ctx.extend(&x).unwrap()));
        count("add_ext", 0, &mut || drop(ctx.add_ext(&ext, &ext).unwrap()));
        count("mul_plain_ext", 0, &mut || {
            drop(ctx.mul_plain_ext(&ext, &plain).unwrap())
        });
        count("mod_down", 2 * all, &mut || {
            drop(ctx.mod_down(&ext).unwrap())
        });
        count("decompose_ext", (digits + 1) * all, &mut || {
            drop(ctx.decompose_ext(&ext).unwrap())
        });
        if level.0 > 0 {
            count("rescale", 2 * limbs, &mut || drop(ctx.rescale(&x).unwrap()));
            count("rescale of degree 2", 3 * limbs, &mut || {
                drop(ctx.rescale(&ct3).unwrap())
            });
            count("mod_down_rescale", 2 * all, &mut || {
                drop(ctx.mod_down_rescale(&ext).unwrap())
            });
        }
        let key = || KeySwitchKey::relinearization(&ctx, &kit.secret, level, &mut kit.randomness);
        let mut key = key;
        count("a key", digits * all, &mut || drop(key()));
        let bytes = key().to_bytes();
        count("loading a key", 0, &mut || {
            drop(KeySwitchKey::from_bytes(&ctx, &bytes).unwrap())
        });
    }
}

/// Bytes of everything that a session makes.
fn session(ctx: Context) -> Vec<Vec<u8>> {
    let mut kit = Kit::with(ctx, 3);
    let ctx = kit.ctx.clone();
    let relin = kit.relinearization_key(kit.top());
    let key = kit.rotation_key(5, Level(3));
    let public = PublicKey::generate(&ctx, &kit.secret, &mut kit.randomness);
    let x = kit.encrypt(&kit.values(1));
    let plain = ctx
        .encode(&kit.values(2), &Scale::prime(3), Level(3), Basis::QP)
        .unwrap();
    let y = ctx.encrypt_public(
        &ctx.encode(&kit.values(3)[..8], &kit.scale(), kit.top(), Basis::Q)
            .unwrap(),
        &public,
        &mut kit.randomness,
    );
    let product = ctx.relinearize(&ctx.mul(&x, &y).unwrap(), &relin).unwrap();
    let product = ctx.rescale(&product).unwrap();
    let digits = ctx.decompose(&product).unwrap();
    let mut ext = ctx
        .mul_plain_ext(&ctx.rotate_hoisted(&digits, &key).unwrap(), &plain)
        .unwrap();
    ctx.mul_plain_ext_accumulate(&mut ext, &ctx.extend(&product).unwrap(), &plain)
        .unwrap();
    let inner = ctx
        .rotate_hoisted(&ctx.decompose_ext(&ext).unwrap(), &key)
        .unwrap();
    let last = ctx
        .mod_down_rescale(&ctx.add_ext(&ext, &inner).unwrap())
        .unwrap();
    let turned = ctx.rotate(&last, &key).unwrap();
    let slots = kit
        .decrypt(&turned)
        .iter()
        .flat_map(|v| v.to_le_bytes())
        .collect();
    let all: Vec<&Ciphertext> = vec![&x, &y, &product, &last, &turned];
    let mut bytes: Vec<Vec<u8>> = all.into_iter().map(Ciphertext::to_bytes).collect();
    bytes.extend([relin.to_bytes(), key.to_bytes(), public.to_bytes(), slots]);
    bytes
}

fn with_threads<T: Send>(threads: usize, f: impl FnOnce() -> T + Send) -> T {
    let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build();
    pool.unwrap().install(f)
}

#[test]
fn results_do_not_depend_on_threads() {
    let with = |threads| with_threads(threads, || session(Context::new(&small(8)).unwrap()));
    let one = with(1);
    assert!(one == with(2) && one == with(5));
}

#[test]
fn results_do_not_depend_on_kernels() {
    for log_n in [4, 7, 10] {
        let with = |isa, threads| {
            let run = || session(Context::with_isa(&small(log_n), isa).unwrap());
            with_threads(threads, run)
        };
        let scalar = with(Isa::Scalar, 1);
        for isa in Isa::available() {
            for threads in [1, 2] {
                assert!(
                    with(isa, threads) == scalar,
                    "{isa:?}, {threads} threads, 2^{log_n}"
                );
            }
        }
    }
    assert_eq!(
        Context::with_isa(&small(4), Isa::Scalar)
            .unwrap()
            .kernel_name(),
        "scalar"
    );
}
