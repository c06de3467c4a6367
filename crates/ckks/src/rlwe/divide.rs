//! Exact division by some of a polynomial's own primes, rounded to nearest: mod down, rescale, and both at once.

use crate::context::Context;
use crate::ring::convert::Conversion;
use crate::ring::limbs::Limbs;
use crate::ring::parallel::each;
use crate::ring::poly::Poly;

/// The residues that a division removes, lifted out of transformed form, and their quotient `u`.
pub(crate) struct Remainder {
    y_and_u: Limbs,
}

impl Remainder {
    /// # Cost
    /// One transform per prime divided by.
    pub fn new(ctx: &Context, x: &Poly, conversion: &Conversion) -> Self {
        let sources = &conversion.sources;
        let mut y_and_u = Limbs::stale(ctx.n(), sources.len() + 1);
        let (y, mut u) = y_and_u.split_at_mut(sources.len());
        let mut y: Vec<&mut [u64]> = y.collect();
        each(y.iter_mut(), |i, limb| {
            let from = x.limb(x.position(sources[i], ctx.chain()));
            ctx.inverse_of(sources[i], limb, &conversion.scalings[i], from);
        });
        let y: Vec<&[u64]> = y.iter().map(|limb| &**limb).collect();
        u.by_ref()
            .for_each(|u| conversion.quotient(ctx.kernels(), u, &y));
        drop(u);
        Self { y_and_u }
    }

    /// Limbs `first..` of the quotient of `x`, plus those of `addend`, as many as `out` holds.
    ///
    /// # Cost
    /// One transform per limb.
    pub fn divide_limbs(
        &self,
        ctx: &Context,
        conversion: &Conversion,
        first: usize,
        x: &Poly,
        out: Vec<&mut [u64]>,
        addend: Option<&Poly>,
    ) {
        let inputs: Vec<&[u64]> = self.y_and_u.iter().collect();
        let mut targets: Vec<(usize, &mut [u64])> = (first..).zip(out).collect();
        conversion.convert(ctx.kernels(), ctx.tables(), &mut targets, &inputs);
        let size = ctx.n() / ctx.blocks();
        for (j, out) in targets {
            let (m, c, k) = (ctx.modulus(j), conversion.inverse_product[j], ctx.kernels());
            let (x, addend) = (x.limb(j), addend.map(|y| y.limb(j)));
            for block in 0..ctx.blocks() {
                ctx.forward_rest(j, out, block, [x, addend.unwrap_or_default()]);
                let range = block * size..(block + 1) * size;
                let out = &mut out[range.clone()];
                match addend {
                    None => (k.sub_mul_const)(m, out, &x[range], c),
                    Some(y) => (k.sub_mul_const_add)(m, out, &x[range.clone()], c, &y[range]),
                }
            }
        }
    }
}

/// `round(x / D)` modulo the first `n_q` chain primes, `D` the product of the conversion's sources, plus `addend`.
///
/// # Cost
/// One transform per source and per limb of the result.
pub(crate) fn divide(
    ctx: &Context,
    x: &Poly,
    conversion: &Conversion,
    n_q: usize,
    addend: Option<&Poly>,
) -> Poly {
    let remainder = Remainder::new(ctx, x, conversion);
    let mut out = ctx.stale(n_q, 0);
    let group = ctx.group(n_q);
    each(out.groups_mut(group), |i, limbs| {
        remainder.divide_limbs(ctx, conversion, group * i, x, limbs, addend);
    });
    out
}
