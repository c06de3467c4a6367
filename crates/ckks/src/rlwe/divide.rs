//! Exact division by some of a polynomial's own primes, rounded to nearest: mod down, rescale, and both at once.

use crate::context::Context;
use crate::ring::buffer::Buffer;
use crate::ring::convert::Conversion;
use crate::ring::parallel::each;
use crate::ring::poly::Poly;

/// The residues that a division removes, lifted out of transformed form, and their quotient `u`.
pub(crate) struct Remainder {
    y_and_u: Buffer,
    n: usize,
}

impl Remainder {
    /// # Cost
    /// One transform per prime divided by.
    pub fn new(ctx: &Context, x: &Poly, conversion: &Conversion) -> Self {
        let n = ctx.n();
        let sources = &conversion.sources;
        let mut y_and_u = Buffer::stale(n * (sources.len() + 1));
        let (y, u) = y_and_u.split_at_mut(n * sources.len());
        each(y.chunks_exact_mut(n), |i, limb| {
            limb.copy_from_slice(x.limb(x.position(sources[i], ctx.chain())));
            ctx.inverse(sources[i], limb, &conversion.scalings[i]);
        });
        let y: Vec<&[u64]> = y.chunks_exact(n).collect();
        conversion.quotient(ctx.kernels(), u, &y);
        Self { y_and_u, n }
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
        out: &mut [u64],
        addend: Option<&Poly>,
    ) {
        let inputs: Vec<&[u64]> = self.y_and_u.chunks_exact(self.n).collect();
        let mut targets: Vec<(usize, &mut [u64])> =
            (first..).zip(out.chunks_exact_mut(self.n)).collect();
        conversion.convert(ctx.kernels(), ctx.tables(), &mut targets, &inputs);
        for (j, out) in targets {
            ctx.forward(j, out);
            let (m, c) = (ctx.modulus(j), conversion.inverse_product[j]);
            match addend {
                None => (ctx.kernels().sub_mul_const)(m, out, x.limb(j), c),
                Some(y) => (ctx.kernels().sub_mul_const_add)(m, out, x.limb(j), c, y.limb(j)),
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
    let group = ctx.group();
    each(out.words_mut().chunks_mut(group * ctx.n()), |i, limbs| {
        remainder.divide_limbs(ctx, conversion, group * i, x, limbs, addend);
    });
    out
}
