//! Hybrid key switching: decompose into digits modulo QP, multiply by the key.

use super::keys::KeySwitchKey;
use crate::context::Context;
use crate::ring::buffer::Buffer;
use crate::ring::parallel::each;
use crate::ring::poly::Poly;
use params::{DigitRange, Level};

/// A polynomial's residues lifted out of transformed form digit by digit, ready to be converted limb by limb.
pub(crate) struct Lifted<'a> {
    x: &'a Poly,
    y: Buffer,
    u: Buffer,
    digits: Vec<DigitRange>,
    n: usize,
}

impl<'a> Lifted<'a> {
    /// `x` has basis Q.
    ///
    /// # Cost
    /// One transform per limb of `x`.
    pub fn new(ctx: &Context, x: &'a Poly) -> Self {
        let n = ctx.n();
        let n_q = x.n_q();
        let digits = ctx.params().digits_at(Level((n_q - 1) as u8));
        let mut y = Buffer::stale(n * n_q);
        let digit_of = |i: usize| digits.iter().position(|r| r.contains(&i)).unwrap_or(0);
        each(y.chunks_exact_mut(n), |i, limb| {
            let range = &digits[digit_of(i)];
            let conversion = ctx.mod_up(range.end - 1);
            limb.copy_from_slice(x.limb(i));
            ctx.inverse(i, limb, &conversion.scalings[i - range.start]);
        });
        let mut u = Buffer::stale(n * digits.len());
        each(u.chunks_exact_mut(n), |d, limb| {
            let range = &digits[d];
            let inputs: Vec<&[u64]> = y[n * range.start..n * range.end].chunks_exact(n).collect();
            ctx.mod_up(range.end - 1)
                .quotient(ctx.kernels(), limb, &inputs);
        });
        Self { x, y, u, digits, n }
    }

    pub fn n_digits(&self) -> usize {
        self.digits.len()
    }

    /// The limb of digit `d` that needs no conversion: the operand's own, for a prime inside the digit.
    pub fn own_limb(&self, d: usize, prime: usize) -> Option<&'a [u64]> {
        self.digits[d].contains(&prime).then(|| self.x.limb(prime))
    }

    /// Digit `d`, centred and transformed, in the limbs `first..` of basis QP, as many as `limbs` holds. Those of primes
    /// inside the digit are left as they are.
    ///
    /// # Cost
    /// One transform per prime outside the digit.
    pub fn lift(&self, ctx: &Context, d: usize, first: usize, limbs: &mut [u64]) {
        let (n, range) = (self.n, &self.digits[d]);
        let primes = (first..).map(|j| ctx.prime_of_limb(j, self.x.n_q()));
        let mut targets: Vec<(usize, &mut [u64])> = primes
            .zip(limbs.chunks_exact_mut(n))
            .filter(|(prime, _)| !range.contains(prime))
            .collect();
        let y = self.y[n * range.start..n * range.end].chunks_exact(n);
        let inputs: Vec<&[u64]> = y.chain([&self.u[n * d..n * (d + 1)]]).collect();
        ctx.mod_up(range.end - 1)
            .convert(ctx.kernels(), ctx.tables(), &mut targets, &inputs);
        targets
            .into_iter()
            .for_each(|(prime, limb)| ctx.forward(prime, limb));
    }
}

/// All digits of `x` modulo QP, transformed.
///
/// # Cost
/// `digits · (limbs + specials)` transforms.
pub(crate) fn decompose(ctx: &Context, x: &Poly) -> Vec<Poly> {
    let lifted = Lifted::new(ctx, x);
    let (n, n_q, group) = (ctx.n(), x.n_q(), ctx.group());
    let mut digits: Vec<Poly> = (0..lifted.n_digits())
        .map(|_| ctx.stale(n_q, ctx.n_special()))
        .collect();
    let groups = digits.iter_mut().enumerate().flat_map(|(d, poly)| {
        let groups = poly.words_mut().chunks_mut(group * n).enumerate();
        groups.map(move |(i, limbs)| (d, group * i, limbs))
    });
    each(groups, |_, (d, first, limbs)| {
        for (j, limb) in (first..).zip(limbs.chunks_exact_mut(n)) {
            if let Some(own) = lifted.own_limb(d, ctx.prime_of_limb(j, n_q)) {
                limb.copy_from_slice(own);
            }
        }
        lifted.lift(ctx, d, first, limbs);
    });
    digits
}

/// Limb `j` of both parts of the product of digits and key.
pub(crate) fn key_product_limb(
    ctx: &Context,
    key: &KeySwitchKey,
    prime: usize,
    digits: &[&[u64]],
    out: [&mut [u64]; 2],
) {
    let rows = &key.rows[..digits.len()];
    let position = |poly: &Poly| poly.position(prime, ctx.chain());
    let part = |i: usize| {
        rows.iter()
            .map(|row| row[i].limb(position(&row[i])))
            .collect::<Vec<_>>()
    };
    (ctx.kernels().key_product)(ctx.modulus(prime), out, digits, &part(0), &part(1));
}

/// Switches `x`, in basis Q: both parts modulo QP, times P, before the automorphism of the key.
///
/// # Cost
/// `digits · (limbs + specials)` transforms. The digits of a few target primes are multiplied while in cache.
pub(crate) fn switch(ctx: &Context, x: &Poly, key: &KeySwitchKey) -> [Poly; 2] {
    let lifted = Lifted::new(ctx, x);
    let (n, n_q, group) = (ctx.n(), x.n_q(), ctx.group());
    let mut out = [
        ctx.stale(n_q, ctx.n_special()),
        ctx.stale(n_q, ctx.n_special()),
    ];
    let [out0, out1] = &mut out;
    let pairs = out0
        .words_mut()
        .chunks_mut(group * n)
        .zip(out1.words_mut().chunks_mut(group * n));
    each(pairs, |i, (limbs0, limbs1)| {
        let (first, len) = (group * i, limbs0.len());
        let mut scratch = Buffer::stale(len * lifted.n_digits());
        for (d, limbs) in scratch.chunks_exact_mut(len).enumerate() {
            lifted.lift(ctx, d, first, limbs);
        }
        let outputs = limbs0.chunks_exact_mut(n).zip(limbs1.chunks_exact_mut(n));
        for (k, (limb0, limb1)) in outputs.enumerate() {
            let prime = ctx.prime_of_limb(first + k, n_q);
            let digit = |d: usize| {
                let at = d * len + k * n;
                lifted.own_limb(d, prime).unwrap_or(&scratch[at..at + n])
            };
            let digits: Vec<&[u64]> = (0..lifted.n_digits()).map(digit).collect();
            key_product_limb(ctx, key, prime, &digits, [limb0, limb1]);
        }
    });
    out
}
