//! Measuring the cost table of the machine at hand.

use crate::{ExecError, Progress};
use circuit::{CostRow, CostTable, Measured};
use ckks::{Basis, CkksError, Context, KeySwitchKey, Randomness, SecretKey};
use params::{Level, Params, ParamsSpec, Rotation, Scale};
use std::collections::BTreeMap;
use std::hint::black_box;
use std::time::{Duration, Instant};

/// Rings that a table covers unless asked otherwise, as log2 of the degree. 16 takes as long as these together.
pub const MEASURED_RINGS: [u8; 3] = [13, 14, 15];

/// What products over cold ciphertexts are measured on: more than caches hold.
const COLD_BYTES: u64 = 256 << 20;
/// Every level is visited so often, so that a moment in which the machine is busy falls on few samples of each.
const ROUNDS: usize = 4;
/// Fewest and most samples of one operation in a round.
const SAMPLES: (usize, usize) = (3, 51);
/// A round goes on to the next operation after so long.
const PATIENCE: Duration = Duration::from_millis(60);

/// The chain that a ring is measured on: as deep as 128-bit security allows at usual scales. `None` below 13 and above 16.
fn chain(log_n: u8) -> Option<ParamsSpec> {
    let spec = |q0: u8, depth, bits: u8, special: &[u8], digits: &[u8]| ParamsSpec {
        log_n,
        chain_bits: [&[q0][..], &vec![bits; depth]].concat(),
        special_bits: special.into(),
        digits: digits.into(),
        scale_bits: bits,
    };
    Some(match log_n {
        13 => spec(46, 3, 38, &[48], &[1; 4]),
        14 => spec(43, 7, 38, &[40; 3], &[2, 3, 3]),
        15 => spec(48, 14, 40, &[42; 4], &[3, 4, 4, 4]),
        16 => spec(48, 30, 40, &[47; 7], &[7, 8, 8, 8]),
        _ => return None,
    })
}

/// Levels to measure: the top, the bottom and some between.
fn levels(top: Level) -> Vec<Level> {
    let mut levels: Vec<Level> = (0..=4)
        .map(|i| Level((u16::from(top.0) * i / 4) as u8))
        .collect();
    levels.dedup();
    levels
}

/// Times of `f` in microseconds, after one that does not count.
fn sample<T>(mut f: impl FnMut() -> Result<T, CkksError>) -> Result<Vec<f64>, CkksError> {
    let start = Instant::now();
    black_box(f()?);
    let mut times = Vec::new();
    while times.len() < SAMPLES.0 || (times.len() < SAMPLES.1 && start.elapsed() < PATIENCE) {
        let before = Instant::now();
        black_box(f()?);
        times.push(before.elapsed().as_secs_f64() * 1e6);
    }
    Ok(times)
}

/// To two digits after the point: finer than any clock, and above 0.
fn median(mut times: Vec<f64>) -> f64 {
    times.sort_by(f64::total_cmp);
    let us = times.get(times.len() / 2).copied().unwrap_or_default();
    ((us * 100.0).round() / 100.0).max(0.01)
}

/// Measures all operations on the rings named, with the threads of the current pool.
///
/// # Cost
/// About ten seconds per ring, thirty at 2^16, where it also needs 2 GiB.
///
/// # Errors
/// [`ExecError::Measure`] for a ring outside 13 to 16, and if no ring is named.
pub fn measure_costs(log_ns: &[u8], progress: &Progress<'_>) -> Result<CostTable, ExecError> {
    let fault = |why: String| ExecError::Measure { why };
    let mut specs = Vec::new();
    for &log_n in log_ns {
        let unknown = || fault(format!("ring degree 2^{log_n} is not among 2^13 to 2^16"));
        specs.push(chain(log_n).ok_or_else(unknown)?);
    }
    let mut rows = Vec::new();
    let mut machine = "";
    let total: usize = ROUNDS * specs.iter().map(|s| levels(top(s)).len()).sum::<usize>();
    let mut done = 0;
    for spec in specs {
        let params = Params::new(spec).map_err(|e| fault(e.to_string()))?;
        let ctx = Context::new(&params).map_err(|e| fault(e.to_string()))?;
        machine = ctx.kernel_name();
        let mut ring = Ring::new(&ctx);
        for _ in 0..ROUNDS {
            ring.transforms();
            for level in levels(params.max_level()) {
                ring.at(level).map_err(|e| fault(e.to_string()))?;
                done += 1;
                progress(done, total);
            }
        }
        rows.extend(ring.rows());
        ckks::release_pool();
    }
    let rank = |op: Measured| Measured::ALL.iter().position(|o| *o == op);
    rows.sort_by_key(|r| (r.log_n, rank(r.op), r.limbs));
    CostTable::new(machine, rayon::current_num_threads() as u32, rows)
        .map_err(|e| fault(e.to_string()))
}

fn top(spec: &ParamsSpec) -> Level {
    Level((spec.chain_bits.len() - 1) as u8)
}

/// Keys of one ring, and the times measured on it by operation, limbs and special primes.
struct Ring<'a> {
    ctx: &'a Context,
    secret: SecretKey,
    rotation: KeySwitchKey,
    relinearization: KeySwitchKey,
    times: BTreeMap<(Measured, usize, usize), Vec<f64>>,
}

impl<'a> Ring<'a> {
    fn new(ctx: &'a Context) -> Self {
        let mut randomness = Randomness::from_os();
        let secret = SecretKey::generate(ctx, &mut randomness);
        let top = ctx.params().max_level();
        let galois = Rotation::new(1, ctx.params().n_slots()).galois(ctx.params().log_n());
        let rotation = KeySwitchKey::rotation(ctx, &secret, galois, top, &mut randomness);
        let relinearization = KeySwitchKey::relinearization(ctx, &secret, top, &mut randomness);
        Self {
            ctx,
            secret,
            rotation,
            relinearization,
            times: BTreeMap::new(),
        }
    }

    fn rows(self) -> Vec<CostRow> {
        let params = self.ctx.params();
        let row = |((op, limbs, special), times)| CostRow {
            op,
            log_n: params.log_n(),
            limbs: limbs as u8,
            special: special as u8,
            digits: params.digits_at(Level((limbs - 1) as u8)).len() as u8,
            us: median(times),
        };
        self.times.into_iter().map(row).collect()
    }

    /// What has no level: the transforms of one limb.
    fn transforms(&mut self) {
        let times = &mut self.times;
        let mut names = [Measured::NttForward, Measured::NttInverse].into_iter();
        self.ctx.transform_times(1, |f| {
            let infallible = || {
                f();
                Ok(())
            };
            if let (Some(name), Ok(found)) = (names.next(), sample(infallible)) {
                times.entry((name, 1, 0)).or_default().extend(found);
            }
            0.0
        });
    }

    /// Everything at one level.
    fn at(&mut self, level: Level) -> Result<(), CkksError> {
        use Measured as M;
        let (ctx, params) = (self.ctx, self.ctx.params());
        let (n_slots, limbs) = (params.n_slots(), level.n_limbs());
        let mut randomness = Randomness::from_os();
        let values: Vec<f64> = (0..n_slots).map(|i| (i as f64 * 0.37).sin()).collect();
        let scale = params.scale();
        // Leaves room for the scale even at the last level.
        let small = Scale::power_of_two(20);
        let plain = ctx.encode(&values, &small, level, Basis::Q)?;
        let plain_ext = ctx.encode(&values, &small, level, Basis::QP)?;
        let x = ctx.encrypt(
            &ctx.encode(&values, &scale, level, Basis::Q)?,
            &self.secret,
            &mut randomness,
        );
        let digits = ctx.decompose(&x)?;
        let ext = ctx.rotate_hoisted(&digits, &self.rotation)?;
        // Operands of their own for every product, as in a layer.
        let terms = vec![(ext.clone(), plain_ext); 8];
        let terms: Vec<_> = terms.iter().map(|(x, plain)| (x, plain)).collect();
        let sum = ctx.sum_plain_products_ext(&terms[..1], &[])?;
        let product = ctx.mul(&x, &x)?;

        let times = &mut self.times;
        let mut push = |op, special, found: Vec<f64>| {
            times.entry((op, limbs, special)).or_default().extend(found);
        };
        let k = params.special().len();
        let encode = || ctx.encode(&values, &small, level, Basis::Q);
        push(M::Encode, 0, sample(encode)?);
        let number = || ctx.encode(&values[1..2], &small, level, Basis::Q);
        push(M::EncodeScalar, 0, sample(number)?);
        let encrypt = || Ok(ctx.encrypt(&plain, &self.secret, &mut randomness));
        push(M::Encrypt, 0, sample(encrypt)?);
        let decrypt = || Ok(ctx.decode(&ctx.decrypt(&x, &self.secret)));
        push(M::Decrypt, 0, sample(decrypt)?);
        let galois = Rotation::new(1, n_slots).galois(params.log_n());
        let key = || {
            let (secret, random) = (&self.secret, &mut randomness);
            Ok(KeySwitchKey::rotation(ctx, secret, galois, level, random))
        };
        push(M::RotationKey, k, sample(key)?);
        push(M::Add, 0, sample(|| ctx.add(&x, &x))?);
        push(M::MulPlain, 0, sample(|| ctx.mul_plain(&x, &plain))?);
        // The short sums take turns, so that their operands are as far away as those of the long one.
        let mut first = 0;
        let two = || {
            first = (first + 2) % terms.len();
            ctx.sum_plain_products_ext(&terms[first..first + 2], &[])
        };
        push(M::Sum2ProductsExt, k, sample(two)?);
        push(
            M::Sum8ProductsExt,
            k,
            sample(|| ctx.sum_plain_products_ext(&terms, &[]))?,
        );
        let scalar = || ctx.mul_scalar(&x, 0.3, &small);
        push(M::MulScalar, 0, sample(scalar)?);
        let n_cold = (COLD_BYTES / params.ciphertext_bytes(level)).clamp(8, 256) as usize;
        let cold = vec![x.clone(); n_cold];
        let cold: Vec<_> = cold.iter().map(|x| (x, 0.3, &small)).collect();
        let whole = sample(|| ctx.sum_scalar_products(&cold, &[]))?;
        let each = whole.into_iter().map(|us| us / n_cold as f64);
        push(M::ScalarProduct, 0, each.collect());
        push(M::Mul, 0, sample(|| ctx.mul(&x, &x))?);
        let relinearize = || ctx.relinearize(&product, &self.relinearization);
        push(M::Relinearize, k, sample(relinearize)?);
        push(M::Rotate, k, sample(|| ctx.rotate(&x, &self.rotation))?);
        push(M::Decompose, k, sample(|| ctx.decompose(&x))?);
        let hoisted = || ctx.rotate_hoisted(&digits, &self.rotation);
        push(M::RotateHoisted, k, sample(hoisted)?);
        let eight = || {
            let digits = ctx.decompose(&x)?;
            for _ in 0..8 {
                black_box(ctx.mod_down(&ctx.rotate_hoisted(&digits, &self.rotation)?)?);
            }
            Ok(())
        };
        push(M::Rotate8Hoisted, k, sample(eight)?);
        push(M::ModDown, k, sample(|| ctx.mod_down(&ext))?);
        if level > Level(0) {
            push(M::Rescale, 0, sample(|| ctx.rescale(&x))?);
            push(M::ModDownRescale, k, sample(|| ctx.mod_down_rescale(&sum))?);
            let whole = || ctx.rescale(&ctx.relinearize(&ctx.mul(&x, &x)?, &self.relinearization)?);
            push(M::MulRelinearizeRescale, k, sample(whole)?);
        }
        Ok(())
    }
}
