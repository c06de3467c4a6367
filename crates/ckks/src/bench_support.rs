//! Single kernels on data of their own, for benches and instruction counts. Not part of the interface.

use crate::ring::automorphism::AutomorphismTable;
use crate::ring::buffer::Buffer;
use crate::ring::fft::FftTable;
use crate::ring::kernels::Isa;
use crate::ring::modulus::{Factor, Modulus};
use crate::ring::ntt::NttTable;

/// Names of this machine's instruction sets, best last.
pub fn instruction_sets() -> Vec<&'static str> {
    Isa::available().map(|isa| isa.kernels().name).collect()
}

/// Name of a kernel, and a call of it.
pub type Call = (&'static str, Box<dyn FnMut()>);

/// Reproducible words below `bound`.
fn words(seed: u64, bound: u64, n: usize) -> Buffer {
    let mut x = seed;
    let mut out = Buffer::stale(n);
    for word in out.iter_mut() {
        x = x
            .wrapping_mul(6364136223846793005)
            .wrapping_add(1442695040888963407);
        *word = (x >> 8) % bound;
    }
    out
}

/// Calls of the kernels of instruction set `isa` on limbs of `n` words, `n` a power of two from 16 on, modulo a prime of
/// `bits` bits. Sums have three terms.
///
/// # Panics
/// If this machine lacks the set, or there is no such prime.
pub fn kernels(isa: &str, bits: u8, n: usize) -> Vec<Call> {
    let isa = Isa::available()
        .find(|set| set.kernels().name == isa)
        .expect("an available instruction set");
    let p = params::find_primes(bits, 1, true, &[])[0];
    let (k, m) = (isa.kernels(), Modulus::new(p));
    let limb = |seed: u64| words(seed, p, n);
    let c = m.factor(p / 3);
    let mut calls: Vec<Call> = Vec::new();
    let mut add = |name, call: Box<dyn FnMut()>| calls.push((name, call));

    let (table, mut x) = (NttTable::new(m, n, isa), limb(1));
    add("forward", Box::new(move || (k.forward)(&table, &mut x)));
    let (table, mut x) = (NttTable::new(m, n, isa), limb(1));
    let scaling = table.scaling(p / 5);
    add(
        "inverse",
        Box::new(move || (k.inverse)(&table, &mut x, &scaling)),
    );

    // Three sources, to one and to two targets.
    for (name, targets) in [("dot", 1), ("dot_two", 2)] {
        let inputs = [limb(1), limb(2), limb(3)];
        let factors: Vec<Factor> = (5..8).map(|i| m.factor(p / i)).collect();
        let mut out: Vec<Buffer> = (0..targets).map(limb).collect();
        let call = move || {
            let mut out = out.iter_mut().map(|x| &mut **x);
            let rows = [&factors[..]; 2];
            let inputs = [&inputs[0][..], &inputs[1], &inputs[2]];
            if let (Some(first), second) = (out.next(), out.next()) {
                match second {
                    None => (k.dot)(&[&m], &mut [first], &inputs, &rows[..1]),
                    Some(second) => (k.dot)(&[&m; 2], &mut [first, second], &inputs, &rows),
                }
            }
        };
        add(name, Box::new(call));
    }
    let (inputs, mut out) = ([limb(1), limb(2), limb(3)], limb(4));
    let weights = [1 << 51, (1 << 52) - 1, (1 << 50) + 1];
    let call = move || {
        let inputs = [&inputs[0][..], &inputs[1], &inputs[2]];
        (k.round_quotient)(&mut out, &inputs, &weights, u32::from(bits) - 1);
    };
    add("round_quotient", Box::new(call));
    let inputs: Vec<Buffer> = (0..9).map(limb).collect();
    let (mut b, mut a) = (limb(10), limb(11));
    let call = move || {
        let part = |i: usize| [0, 1, 2].map(|d| &inputs[3 * i + d][..]);
        let (digits, key_b, key_a) = (part(0), part(1), part(2));
        (k.key_product)(&m, [&mut b, &mut a], &digits, &key_b, &key_a);
    };
    add("key_product", Box::new(call));
    let (inputs, mut out) = ([1, 2, 3, 4].map(limb), [5, 6, 7].map(limb));
    let call = move || {
        let [a0, a1, b0, b1] = &inputs;
        let [out0, out1, out2] = &mut out;
        (k.tensor)(&m, [out0, out1, out2], [a0, a1], [b0, b1]);
    };
    add("tensor", Box::new(call));

    macro_rules! simple {
        ($($name:ident($m:ident, $out:ident $(, $arg:ident)*);)*) => {$({
            let (mut $out, x, y) = (limb(1), limb(2), limb(3));
            let call = move || {
                let _ = (&x, &y);
                (k.$name)(&$m, &mut $out $(, simple!(@ $arg x y))*);
            };
            add(stringify!($name), Box::new(call));
        })*};
        (@ x $x:ident $y:ident) => { &$x };
        (@ y $x:ident $y:ident) => { &$y };
        (@ c $x:ident $y:ident) => { c };
    }
    simple! {
        add(m, out, x, y);
        sub_assign(m, out, x);
        mul(m, out, x, y);
        mul_add(m, out, x, y);
        mul_const(m, out, x, c);
        mul_const_add(m, out, x, c);
        sub_mul_const(m, out, x, c);
        sub_mul_const_add(m, out, x, c, y);
    }

    let (table, a, mut out) = (AutomorphismTable::new(5, n), limb(1), limb(2));
    add(
        "permute",
        Box::new(move || (k.permute)(&mut out, &a, &table)),
    );
    let mut out = limb(1);
    let signed: Vec<i64> = limb(2).iter().map(|&x| x as i64 - (p / 2) as i64).collect();
    add(
        "reduce_signed",
        Box::new(move || (k.reduce_signed)(&m, &mut out, &signed)),
    );
    let x = limb(1);
    let call = move || {
        std::hint::black_box((k.all_below)(&x, p));
    };
    add("all_below", Box::new(call));
    for (name, transform) in [
        ("fft_forward", k.fft_forward),
        ("fft_inverse", k.fft_inverse),
    ] {
        let (table, mut re, mut im) = (FftTable::new(n / 2), vec![0.0; n / 2], vec![0.0; n / 2]);
        add(name, Box::new(move || transform(&table, &mut re, &mut im)));
    }
    calls
}
