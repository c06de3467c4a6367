use params::{Params, ParamsSpec, Rotation};
use privet_ckks::*;
use std::time::Instant;
fn main() {
    let log_n: u8 = std::env::args().nth(1).unwrap().parse().unwrap();
    let spec = |log_n, q0: u8, depth, bits, special: &[u8], digits: &[u8]| ParamsSpec {
        log_n,
        chain_bits: [&[q0][..], &vec![bits; depth]].concat(),
        special_bits: special.into(),
        digits: digits.into(),
        scale_bits: bits,
    };
    let s = match log_n {
        13 => spec(13, 46, 3, 38, &[48], &[1; 4]),
        14 => spec(14, 43, 7, 38, &[40; 3], &[2, 3, 3]),
        _ => spec(15, 48, 14, 40, &[42; 4], &[3, 4, 4, 4]),
    };
    let params = Params::new(s).unwrap();
    let ctx = Context::new(&params).unwrap();
    let mut r = Randomness::from_seed_for_tests([1; 32]);
    let secret = SecretKey::generate(&ctx, &mut r);
    let level = params.max_level();
    let v: Vec<f64> = (0..params.n_slots())
        .map(|i| (i as f64 * 0.37).sin())
        .collect();
    let plain = ctx.encode(&v, &params.scale(), level, Basis::Q).unwrap();
    let x = ctx.encrypt(&plain, &secret, &mut r);
    let key = KeySwitchKey::rotation(
        &ctx,
        &secret,
        Rotation::new(1, params.n_slots()).galois(log_n),
        level,
        &mut r,
    );
    let pool = rayon::ThreadPoolBuilder::new()
        .num_threads(1)
        .build()
        .unwrap();
    pool.install(|| {
        let reps: usize = std::env::args().nth(2).map_or(100, |x| x.parse().unwrap());
        let mut t: Vec<f64> = (0..reps)
            .map(|_| {
                let s = Instant::now();
                std::hint::black_box(ctx.rotate(&x, &key).unwrap());
                s.elapsed().as_secs_f64() * 1e6
            })
            .collect();
        t.sort_by(f64::total_cmp);
        let f = |i: usize| t[i];
        println!(
            "2^{log_n} rotate min {:.0} median {:.0} max {:.0}",
            f(0),
            f(reps / 2),
            f(reps - 1)
        );
    });
}
