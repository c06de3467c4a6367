use params::{Params, ParamsSpec};
use privet_ckks::*;
use std::time::Instant;
fn main() {
    for (log_n, q0, depth, bits, sp, dg) in [
        (13u8, 46u8, 3usize, 38u8, vec![48u8], vec![1u8; 4]),
        (14, 48, 6, 40, vec![42; 3], vec![1, 3, 3]),
        (15, 48, 14, 40, vec![42; 4], vec![3, 4, 4, 4]),
    ] {
        let params = Params::new(ParamsSpec {
            log_n,
            chain_bits: [&[q0][..], &vec![bits; depth]].concat(),
            special_bits: sp.into(),
            digits: dg.into(),
            scale_bits: bits,
        })
        .unwrap();
        let ctx = Context::new(&params).unwrap();
        for prime in [0, 1] {
            let t = ctx.transform_times(prime, |f| {
                let mut v: Vec<f64> = (0..1500)
                    .map(|_| {
                        let s = Instant::now();
                        f();
                        s.elapsed().as_secs_f64() * 1e6
                    })
                    .collect();
                v.sort_by(f64::total_cmp);
                v[300]
            });
            print!("2^{log_n} q_{prime}: fwd {:.2} inv {:.2} | ", t[0], t[1]);
        }
        println!();
    }
}
