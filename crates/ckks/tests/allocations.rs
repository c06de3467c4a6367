//! Operations take their limbs from the pool: after a first run they ask the allocator for nothing large.

use params::{Level, Params, ParamsSpec, Rotation, Scale};
use privet_ckks::{Basis, Context, KeySwitchKey, Randomness, SecretKey};
use std::alloc::{GlobalAlloc, Layout, System};
use std::hint::black_box;
use std::sync::atomic::{AtomicU64, Ordering};

/// Bytes from which an allocation counts. Lists of limbs are smaller, a limb here is 64 KiB.
const LARGE: usize = 4096;

static N_LARGE: AtomicU64 = AtomicU64::new(0);

struct Counting;

impl Counting {
    fn count(&self, size: usize) {
        if size >= LARGE {
            N_LARGE.fetch_add(1, Ordering::Relaxed);
        }
    }
}

// SAFETY: every call goes to the system's allocator unchanged.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        self.count(layout.size());
        // SAFETY: by the caller's word, as below.
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        self.count(layout.size());
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn dealloc(&self, at: *mut u8, layout: Layout) {
        unsafe { System.dealloc(at, layout) }
    }

    unsafe fn realloc(&self, at: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        self.count(size);
        unsafe { System.realloc(at, layout, size) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// Large allocations of a call of `f` once the pool is warm: the least of several calls, since with many threads any of
/// them may be the first to need so many buffers at once.
fn large<T>(mut f: impl FnMut() -> T) -> u64 {
    let mut count = || {
        let before = N_LARGE.load(Ordering::Relaxed);
        drop(black_box(f()));
        N_LARGE.load(Ordering::Relaxed) - before
    };
    (0..5).map(|_| count()).min().unwrap_or(0)
}

fn check() {
    let spec = ParamsSpec {
        log_n: 13,
        chain_bits: vec![46, 38, 38, 38],
        special_bits: vec![48],
        digits: vec![1; 4],
        scale_bits: 38,
    };
    let params = Params::new(spec).unwrap();
    let ctx = Context::new(&params).unwrap();
    let mut randomness = Randomness::from_seed_for_tests([1; 32]);
    let secret = SecretKey::generate(&ctx, &mut randomness);
    let (level, scale) = (params.max_level(), params.scale());
    let galois = Rotation::new(1, params.n_slots()).galois(params.log_n());
    let key = KeySwitchKey::rotation(&ctx, &secret, galois, level, &mut randomness);
    let relin = KeySwitchKey::relinearization(&ctx, &secret, level, &mut randomness);
    let values: Vec<f64> = (0..params.n_slots()).map(|i| i as f64 * 1e-4).collect();
    let plain = ctx.encode(&values, &scale, level, Basis::Q).unwrap();
    let diagonal = ctx
        .encode(&values, &Scale::prime(level.0), level, Basis::QP)
        .unwrap();
    let x = ctx.encrypt(&plain, &secret, &mut randomness);
    let product = ctx.mul(&x, &x).unwrap();
    let digits = ctx.decompose(&x).unwrap();
    let ext = ctx.rotate_hoisted(&digits, &key).unwrap();
    let raised = ctx.mul_plain_ext(&ext, &diagonal).unwrap();
    let (mut y, mut sum, mut raised_sum) = (x.clone(), ext.clone(), raised.clone());

    let mut found = Vec::new();
    macro_rules! evaluate {
        ($($name:literal: $call:expr;)*) => {
            $(found.push(($name, large(|| $call.unwrap())));)*
        };
    }
    evaluate! {
        "add": ctx.add(&x, &x);
        "sub": ctx.sub(&x, &x);
        "add_assign": ctx.add_assign(&mut y, &x);
        "neg": ctx.neg(&x);
        "add_plain": ctx.add_plain(&x, &plain);
        "mul_plain": ctx.mul_plain(&x, &plain);
        "add_scalar": ctx.add_scalar(&x, 0.5);
        "mul_scalar": ctx.mul_scalar(&x, 0.5, &scale);
        "mul": ctx.mul(&x, &x);
        "square": ctx.square(&x);
        "relinearize": ctx.relinearize(&product, &relin);
        "rescale": ctx.rescale(&product);
        "drop_level": ctx.drop_level(&x, Level(1));
        "rotate": ctx.rotate(&x, &key);
        "decompose": ctx.decompose(&x);
        "rotate_hoisted": ctx.rotate_hoisted(&digits, &key);
        "extend": ctx.extend(&x);
        "add_ext": ctx.add_ext(&ext, &ext);
        "add_ext_assign": ctx.add_ext_assign(&mut sum, &ext);
        "neg_ext": ctx.neg_ext(&ext);
        "mul_plain_ext": ctx.mul_plain_ext(&ext, &diagonal);
        "mul_plain_ext_accumulate": ctx.mul_plain_ext_accumulate(&mut raised_sum, &ext, &diagonal);
        "decompose_ext": ctx.decompose_ext(&ext);
        "mod_down": ctx.mod_down(&ext);
        "mod_down_rescale": ctx.mod_down_rescale(&raised);
        "encode of one value": ctx.encode(&[0.5], &scale, level, Basis::QP);
    }
    let wasteful: Vec<_> = found.into_iter().filter(|&(_, n)| n > 0).collect();
    assert!(wasteful.is_empty(), "large allocations: {wasteful:?}");

    // The key holder's side takes its limbs from the pool too, but keeps lists of doubles and of coefficients elsewhere.
    let found = [
        (
            "encode",
            3,
            large(|| ctx.encode(&values, &scale, level, Basis::Q)),
        ),
        (
            "encrypt",
            1,
            large(|| ctx.encrypt(&plain, &secret, &mut randomness)),
        ),
        ("decrypt", 0, large(|| ctx.decrypt(&x, &secret))),
        ("decode", 2, large(|| ctx.decode(&plain))),
    ];
    for (name, most, n) in found {
        assert!(n <= most, "{name}: {n} large allocations");
    }
}

#[test]
fn evaluation_allocates_nothing_large() {
    for threads in [1, 2] {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build();
        pool.unwrap().install(check);
    }
}
