//! Hybrid key switching: decompose into digits modulo QP, multiply by the key.

use super::keys::KeySwitchKey;
use crate::context::Context;
use crate::ring::limbs::Limbs;
use crate::ring::parallel::each;
use crate::ring::poly::Poly;
use params::{DigitRange, Level};
use smallvec::SmallVec;
use std::ops::Range;

/// A polynomial's residues lifted out of transformed form digit by digit, ready to be converted limb by limb.
pub(crate) struct Lifted<'a> {
    x: &'a Poly,
    y: Limbs,
    u: Limbs,
    digits: Vec<DigitRange>,
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
        let mut y = Limbs::stale(n, n_q);
        let digit_of = |i: usize| digits.iter().position(|r| r.contains(&i)).unwrap_or(0);
        each(y.iter_mut(), |i, limb| {
            let range = &digits[digit_of(i)];
            let conversion = ctx.mod_up(range.end - 1);
            ctx.inverse_of(i, limb, &conversion.scalings[i - range.start], x.limb(i));
        });
        let mut u = Limbs::stale(n, digits.len());
        each(u.iter_mut(), |d, limb| {
            let range = &digits[d];
            let inputs: Vec<&[u64]> = range.clone().map(|i| y.limb(i)).collect();
            ctx.mod_up(range.end - 1)
                .quotient(ctx.kernels(), limb, &inputs);
        });
        Self { x, y, u, digits }
    }

    pub fn n_digits(&self) -> usize {
        self.digits.len()
    }

    /// The limb of digit `d` that needs no conversion: the operand's own, for a prime inside the digit.
    pub fn own_limb(&self, d: usize, prime: usize) -> Option<&'a [u64]> {
        self.digits[d].contains(&prime).then(|| self.x.limb(prime))
    }

    /// Digit `d`, centred, in the limbs `first..` of basis QP, as many as `limbs` holds; after the first pass of the transform. Those of
    /// primes inside the digit are left as they are.
    pub fn lift(&self, ctx: &Context, d: usize, first: usize, limbs: &mut [&mut [u64]]) {
        let range = &self.digits[d];
        let primes = (first..).map(|j| ctx.prime_of_limb(j, self.x.n_q()));
        let mut targets: Vec<(usize, &mut [u64])> = primes
            .zip(limbs.iter_mut().map(|limb| &mut **limb))
            .filter(|(prime, _)| !range.contains(prime))
            .collect();
        let y = range.clone().map(|i| self.y.limb(i));
        let inputs: Vec<&[u64]> = y.chain([self.u.limb(d)]).collect();
        ctx.mod_up(range.end - 1)
            .convert(ctx.kernels(), ctx.tables(), &mut targets, &inputs);
    }
}

/// All digits of `x` modulo QP, transformed.
///
/// # Cost
/// `digits · (limbs + specials)` transforms.
pub(crate) fn decompose(ctx: &Context, x: &Poly) -> Vec<Poly> {
    let lifted = Lifted::new(ctx, x);
    let n_q = x.n_q();
    let group = ctx.group(n_q + ctx.n_special());
    let mut digits: Vec<Poly> = (0..lifted.n_digits())
        .map(|_| ctx.stale(n_q, ctx.n_special()))
        .collect();
    let mut words: Vec<_> = digits
        .iter_mut()
        .map(|poly| poly.groups_mut(group))
        .collect();
    let groups = (0..).map_while(|_| {
        words
            .iter_mut()
            .map(Iterator::next)
            .collect::<Option<Vec<_>>>()
    });
    each(groups, |i, mut digits| {
        let first = group * i;
        for (d, limbs) in digits.iter_mut().enumerate() {
            lifted.lift(ctx, d, first, limbs);
        }
        for (k, prime) in (first..)
            .map(|j| ctx.prime_of_limb(j, n_q))
            .take(digits[0].len())
            .enumerate()
        {
            for (d, limbs) in digits.iter_mut().enumerate() {
                let limb = &mut *limbs[k];
                match lifted.own_limb(d, prime) {
                    Some(own) => limb.copy_from_slice(own),
                    None => {
                        (0..ctx.blocks()).for_each(|b| ctx.forward_rest(prime, limb, b, [&[]; 2]))
                    }
                }
            }
        }
    });
    drop(words);
    digits
}

/// The key's rows at one prime, the part that goes with the secret's complement first.
pub(crate) fn key_rows<'a>(
    ctx: &Context,
    key: &'a KeySwitchKey,
    prime: usize,
    digits: usize,
) -> [Slices<'a>; 2] {
    [0, 1].map(|i: usize| {
        let limb = |row: &'a [Poly; 2]| row[i].limb(row[i].position(prime, ctx.chain()));
        key.rows[..digits].iter().map(limb).collect()
    })
}

/// The same words of several limbs.
pub(crate) type Slices<'a> = SmallVec<[&'a [u64]; 8]>;

fn cut<'a>(limbs: &[&'a [u64]], range: &Range<usize>) -> Slices<'a> {
    limbs.iter().map(|limb| &limb[range.clone()]).collect()
}

/// Switches `x`, in basis Q: both parts modulo QP, times P, before the automorphism of the key.
///
/// # Cost
/// `digits · (limbs + specials)` transforms. The digits of a few target primes are multiplied while in cache.
pub(crate) fn switch(ctx: &Context, x: &Poly, key: &KeySwitchKey) -> [Poly; 2] {
    let lifted = Lifted::new(ctx, x);
    let (n, n_q) = (ctx.n(), x.n_q());
    let group = ctx.group(n_q + ctx.n_special());
    let (blocks, size) = (ctx.blocks(), n / ctx.blocks());
    let mut out = [
        ctx.stale(n_q, ctx.n_special()),
        ctx.stale(n_q, ctx.n_special()),
    ];
    let [out0, out1] = &mut out;
    let pairs = out0.groups_mut(group).zip(out1.groups_mut(group));
    each(pairs, |i, (limbs0, limbs1)| {
        let (first, len) = (group * i, limbs0.len());
        let mut scratch = Limbs::stale(n, len * lifted.n_digits());
        for (d, mut limbs) in scratch.groups_mut(len).enumerate() {
            lifted.lift(ctx, d, first, &mut limbs);
        }
        for (k, (limb0, limb1)) in limbs0.into_iter().zip(limbs1).enumerate() {
            let prime = ctx.prime_of_limb(first + k, n_q);
            let rows = key_rows(ctx, key, prime, lifted.n_digits());
            for block in 0..blocks {
                let [b, a] = &rows;
                for (d, (b, a)) in b.iter().zip(a).enumerate() {
                    if lifted.own_limb(d, prime).is_none() {
                        let limb = scratch.limb_mut(d * len + k);
                        ctx.forward_rest(prime, limb, block, [b, a]);
                    }
                }
                let range = block * size..(block + 1) * size;
                let digit = |d: usize| {
                    lifted
                        .own_limb(d, prime)
                        .unwrap_or(scratch.limb(d * len + k))
                };
                let digits: Slices<'_> = (0..lifted.n_digits()).map(digit).collect();
                let out = [&mut limb0[range.clone()], &mut limb1[range.clone()]];
                (ctx.kernels().key_product)(
                    ctx.modulus(prime),
                    out,
                    &cut(&digits, &range),
                    &cut(b, &range),
                    &cut(a, &range),
                );
            }
        }
    });
    out
}
