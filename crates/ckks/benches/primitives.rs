//! Medians of every primitive on the reference chains, one thread.
//!
//! `cargo bench -p privet-ckks` runs all, with a filter such as `-- 2^14/rotate` a part; `PRIVET_ISA` chooses the
//! kernels. Dependencies are built for build time here, so add
//! `--config 'profile.bench.package.tfhe-ntt.opt-level=3'` when the rows of tfhe-ntt are to be quoted.

use criterion::measurement::WallTime;
use criterion::{BenchmarkGroup, Criterion};
use params::{Params, ParamsSpec, Rotation, Scale};
use privet_ckks::{Basis, Context, KeySwitchKey, PublicKey, Randomness, SecretKey, bench_support};
use std::hint::black_box;
use std::time::Duration;
use tfhe_ntt::prime64::Plan;

type Group<'a> = BenchmarkGroup<'a, WallTime>;

/// Bits of the prime at which transforms are compared, where tfhe-ntt is fastest.
const COMPARED_BITS: u8 = 46;

/// The reference chains of depths 3, 7 and 14.
fn chains() -> [ParamsSpec; 3] {
    let spec = |log_n, q0: u8, depth, bits, special: &[u8], digits: &[u8]| ParamsSpec {
        log_n,
        chain_bits: [&[q0][..], &vec![bits; depth]].concat(),
        special_bits: special.into(),
        digits: digits.into(),
        scale_bits: bits,
    };
    [
        spec(13, 46, 3, 38, &[48], &[1; 4]),
        spec(14, 43, 7, 38, &[40; 3], &[2, 3, 3]),
        spec(15, 48, 14, 40, &[42; 4], &[3, 4, 4, 4]),
    ]
}

fn bench<T>(group: &mut Group, name: &str, mut f: impl FnMut() -> T) {
    group.bench_function(name, |b| b.iter(|| black_box(f())));
}

/// Single kernels, and the transforms of tfhe-ntt beside ours, on one limb.
fn kernels(group: &mut Group, isa: &str, n: usize) {
    for (name, mut call) in bench_support::kernels(isa, COMPARED_BITS, n) {
        bench(group, &format!("kernel/{name}"), &mut call);
    }
    let p = params::find_primes(COMPARED_BITS, 1, true, &[])[0];
    let plan = Plan::try_new(n, p).expect("the prime suits");
    let mut limb: Vec<u64> = (0..n as u64).collect();
    bench(group, "tfhe-ntt/forward", || plan.fwd(&mut limb));
    bench(group, "tfhe-ntt/inverse", || plan.inv(&mut limb));
}

fn operations(group: &mut Group, ctx: &Context) {
    let params = ctx.params();
    let (level, scale) = (params.max_level(), params.scale());
    let mut randomness = Randomness::from_seed_for_tests([1; 32]);
    let secret = SecretKey::generate(ctx, &mut randomness);
    let values: Vec<f64> = (0..params.n_slots())
        .map(|i| (i as f64 * 0.37).sin())
        .collect();

    // A NTT of each limb counts in "encode": all slots, a period of 64, one value for all.
    for (name, len) in [("slots", values.len()), ("period 64", 64), ("scalar", 1)] {
        let encode = |basis| ctx.encode(&values[..len], &scale, level, basis).unwrap();
        bench(group, &format!("encode/{name}"), || encode(Basis::Q));
    }
    bench(group, "encode/slots in QP", || {
        ctx.encode(&values, &scale, level, Basis::QP).unwrap()
    });
    let plain = ctx.encode(&values, &scale, level, Basis::Q).unwrap();
    let diagonal = ctx
        .encode(&values, &Scale::prime(level.0), level, Basis::QP)
        .unwrap();

    let galois = Rotation::new(1, params.n_slots()).galois(params.log_n());
    bench(group, "key generation", || {
        KeySwitchKey::rotation(ctx, &secret, galois, level, &mut randomness)
    });
    let key = KeySwitchKey::rotation(ctx, &secret, galois, level, &mut randomness);
    let relin = KeySwitchKey::relinearization(ctx, &secret, level, &mut randomness);
    let bytes = key.to_bytes();
    bench(group, "key load", || {
        KeySwitchKey::from_bytes(ctx, &bytes).unwrap()
    });

    let public = PublicKey::generate(ctx, &secret, &mut randomness);
    bench(group, "encrypt/secret", || {
        ctx.encrypt(&plain, &secret, &mut randomness)
    });
    bench(group, "encrypt/public", || {
        ctx.encrypt_public(&diagonal, &public, &mut randomness)
    });
    let x = ctx.encrypt(&plain, &secret, &mut randomness);
    bench(group, "decrypt", || ctx.decrypt(&x, &secret));
    let decrypted = ctx.decrypt(&x, &secret);
    bench(group, "decode", || ctx.decode(&decrypted));

    bench(group, "add", || ctx.add(&x, &x).unwrap());
    bench(group, "mul_plain", || ctx.mul_plain(&x, &plain).unwrap());
    bench(group, "rescale", || ctx.rescale(&x).unwrap());
    bench(group, "mul", || ctx.mul(&x, &x).unwrap());
    bench(group, "mul, relinearize, rescale", || {
        let product = ctx.mul(&x, &x).unwrap();
        ctx.rescale(&ctx.relinearize(&product, &relin).unwrap())
            .unwrap()
    });
    bench(group, "rotate", || ctx.rotate(&x, &key).unwrap());
    bench(group, "decompose", || ctx.decompose(&x).unwrap());
    let digits = ctx.decompose(&x).unwrap();
    // The key product with its automorphism.
    bench(group, "rotate_hoisted", || {
        ctx.rotate_hoisted(&digits, &key).unwrap()
    });
    let ext = ctx.rotate_hoisted(&digits, &key).unwrap();
    bench(group, "mod_down", || ctx.mod_down(&ext).unwrap());
    bench(group, "mod_down_rescale", || {
        ctx.mod_down_rescale(&ext).unwrap()
    });
    let mut sum = ctx.mul_plain_ext(&ext, &diagonal).unwrap();
    bench(group, "mul_plain_ext_accumulate", || {
        ctx.mul_plain_ext_accumulate(&mut sum, &ext, &diagonal)
            .unwrap();
    });
    let keys: Vec<KeySwitchKey> = (1..=8)
        .map(|k| Rotation::new(k, params.n_slots()).galois(params.log_n()))
        .map(|galois| KeySwitchKey::rotation(ctx, &secret, galois, level, &mut randomness))
        .collect();
    bench(group, "8 hoisted rotations", || {
        let digits = ctx.decompose(&x).unwrap();
        for key in &keys {
            let ext = ctx.rotate_hoisted(&digits, key).unwrap();
            black_box(ctx.mod_down(&ext).unwrap());
        }
    });
}

fn main() {
    let pool = rayon::ThreadPoolBuilder::new().num_threads(1).build();
    pool.expect("one thread").install(|| {
        let mut criterion = Criterion::default()
            .sample_size(25)
            .warm_up_time(Duration::from_millis(300))
            .measurement_time(Duration::from_secs(1))
            .configure_from_args();
        for spec in chains() {
            let params = Params::new(spec).expect("reference chains are secure");
            let ctx = Context::new(&params).expect("reference chains are supported");
            let mut group = criterion.benchmark_group(format!("2^{}", params.log_n()));
            kernels(&mut group, ctx.kernel_name(), params.ring_degree());
            operations(&mut group, &ctx);
            group.finish();
        }
        criterion.final_summary();
    });
}
