//! Prints median times of the main operations on the reference chains, one thread, in microseconds.
//!
//! `cargo run --release -p privet-ckks --example timing [log_n]`

use params::{Level, Params, ParamsSpec, Rotation, Scale};
use privet_ckks::{Basis, Context, KeySwitchKey, Randomness, SecretKey};
use std::hint::black_box;
use std::time::Instant;

fn chains() -> Vec<ParamsSpec> {
    let spec = |log_n, q0: u8, depth, bits, special: &[u8], digits: &[u8]| ParamsSpec {
        log_n,
        chain_bits: [&[q0][..], &vec![bits; depth]].concat(),
        special_bits: special.into(),
        digits: digits.into(),
        scale_bits: bits,
    };
    vec![
        spec(13, 46, 3, 38, &[48], &[1; 4]),
        spec(14, 48, 6, 40, &[42; 3], &[1, 3, 3]),
        spec(15, 48, 14, 40, &[42; 4], &[3, 4, 4, 4]),
        spec(16, 48, 30, 40, &[47; 7], &[7, 8, 8, 8]),
    ]
}

fn median<T>(repetitions: usize, mut f: impl FnMut() -> T) -> f64 {
    let mut times: Vec<f64> = (0..repetitions)
        .map(|_| {
            let start = Instant::now();
            black_box(f());
            start.elapsed().as_secs_f64() * 1e6
        })
        .collect();
    times.sort_by(f64::total_cmp);
    times[repetitions / 2]
}

fn report(spec: ParamsSpec) {
    let params = Params::new(spec).expect("reference chains are secure");
    let start = Instant::now();
    let ctx = Context::new(&params).expect("reference chains are supported");
    let setup = start.elapsed().as_secs_f64() * 1e6;
    println!(
        "\nN = 2^{}, {} limbs, kernels {}",
        params.log_n(),
        params.q().len(),
        ctx.kernel_name()
    );
    let row = |name: &str, time: f64| println!("  {name:<28} {time:>10.1}");
    row("context", setup);
    let mut randomness = Randomness::from_seed_for_tests([1; 32]);
    let secret = SecretKey::generate(&ctx, &mut randomness);
    let level = params.max_level();
    let values: Vec<f64> = (0..params.n_slots())
        .map(|i| (i as f64 * 0.37).sin())
        .collect();
    let scale = params.scale();
    let reps = if params.log_n() >= 15 { 15 } else { 51 };

    for (prime, size) in [(0, "q_0"), (1, "q_1")] {
        let [forward, inverse] = ctx.transform_times(prime, |f| median(201, f));
        row(&format!("NTT forward {size}"), forward);
        row(&format!("NTT inverse {size}"), inverse);
    }
    row(
        "encode Q",
        median(reps, || {
            ctx.encode(&values, &scale, level, Basis::Q).unwrap()
        }),
    );
    row(
        "encode QP",
        median(reps, || {
            ctx.encode(&values, &scale, level, Basis::QP).unwrap()
        }),
    );
    row(
        "encode Q, period 64",
        median(reps, || {
            ctx.encode(&values[..64], &scale, level, Basis::Q).unwrap()
        }),
    );
    row(
        "encode scalar",
        median(reps, || {
            ctx.encode(&values[..1], &scale, level, Basis::Q).unwrap()
        }),
    );
    let plain = ctx.encode(&values, &scale, level, Basis::Q).unwrap();
    let plain_ext = ctx
        .encode(&values, &Scale::prime(level.0), level, Basis::QP)
        .unwrap();
    let x = ctx.encrypt(&plain, &secret, &mut randomness);
    row(
        "encrypt secret",
        median(reps, || ctx.encrypt(&plain, &secret, &mut randomness)),
    );
    row(
        "decrypt and decode",
        median(reps, || ctx.decode(&ctx.decrypt(&x, &secret))),
    );
    let galois = Rotation::new(1, params.n_slots()).galois(params.log_n());
    let keygen = || KeySwitchKey::rotation(&ctx, &secret, galois, level, &mut randomness);
    row("rotation key", median(7, keygen));
    let key = KeySwitchKey::rotation(&ctx, &secret, galois, level, &mut randomness);
    let relin = KeySwitchKey::relinearization(&ctx, &secret, level, &mut randomness);
    row("add", median(reps, || ctx.add(&x, &x).unwrap()));
    row(
        "mul_plain",
        median(reps, || ctx.mul_plain(&x, &plain).unwrap()),
    );
    row("rescale", median(reps, || ctx.rescale(&x).unwrap()));
    row("rotate", median(reps, || ctx.rotate(&x, &key).unwrap()));
    let whole = || {
        ctx.rescale(&ctx.relinearize(&ctx.mul(&x, &x).unwrap(), &relin).unwrap())
            .unwrap()
    };
    row("mul, relinearize, rescale", median(reps, whole));
    row("mul alone", median(reps, || ctx.mul(&x, &x).unwrap()));
    row("decompose", median(reps, || ctx.decompose(&x).unwrap()));
    let digits = ctx.decompose(&x).unwrap();
    row(
        "rotate_hoisted",
        median(reps, || ctx.rotate_hoisted(&digits, &key).unwrap()),
    );
    let ext = ctx.rotate_hoisted(&digits, &key).unwrap();
    let mut acc = ctx.mul_plain_ext(&ext, &plain_ext).unwrap();
    row(
        "mul_plain_ext_accumulate",
        median(reps, || {
            ctx.mul_plain_ext_accumulate(&mut acc, &ext, &plain_ext)
                .unwrap();
        }),
    );
    row("mod_down", median(reps, || ctx.mod_down(&ext).unwrap()));
    row(
        "mod_down_rescale",
        median(reps, || ctx.mod_down_rescale(&acc).unwrap()),
    );
    row(
        "drop_level to 0",
        median(reps, || ctx.drop_level(&x, Level(0)).unwrap()),
    );
}

fn main() {
    let only: Option<u8> = std::env::args().nth(1).and_then(|arg| arg.parse().ok());
    let pool = rayon::ThreadPoolBuilder::new()
        .num_threads(1)
        .build()
        .expect("one thread");
    pool.install(|| {
        let wanted = |spec: &ParamsSpec| only.map_or(spec.log_n < 16, |n| spec.log_n == n);
        chains().into_iter().filter(wanted).for_each(report);
    });
}
