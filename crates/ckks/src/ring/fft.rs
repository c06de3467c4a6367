//! The special Fourier transform between slots and real coefficients, in reproducible double arithmetic.
//!
//! Slot `j` is the value at `zeta^(5^j)`, `zeta = exp(i·pi/N)`; coefficients `k` and `k + N/2` travel as the real and
//! imaginary part of one complex number. Only additions, subtractions and multiplications of doubles, in one order, so
//! results are the same on every machine.

use super::ntt::reverse_bits;

/// A sum of two doubles, the second below the rounding error of the first.
#[derive(Clone, Copy)]
struct Double2(f64, f64);

/// `a + b` and its rounding error, for `|a| >= |b|` or `a = 0`.
fn quick_two_sum(a: f64, b: f64) -> Double2 {
    let s = a + b;
    Double2(s, b - (s - a))
}

fn two_sum(a: f64, b: f64) -> Double2 {
    let s = a + b;
    let t = s - a;
    Double2(s, (a - (s - t)) + (b - t))
}

/// `a · b` and its rounding error, by Dekker's splitting.
fn two_prod(a: f64, b: f64) -> Double2 {
    let split = |x: f64| {
        let t = x * 134_217_729.0;
        let high = t - (t - x);
        (high, x - high)
    };
    let p = a * b;
    let ((ah, al), (bh, bl)) = (split(a), split(b));
    Double2(p, ((ah * bh - p) + ah * bl + al * bh) + al * bl)
}

impl Double2 {
    fn add(self, other: Self) -> Self {
        let s = two_sum(self.0, other.0);
        quick_two_sum(s.0, s.1 + self.1 + other.1)
    }

    fn sub(self, other: Self) -> Self {
        self.add(Self(-other.0, -other.1))
    }

    fn mul(self, other: Self) -> Self {
        let p = two_prod(self.0, other.0);
        quick_two_sum(p.0, p.1 + (self.0 * other.1 + self.1 * other.0))
    }

    fn div(self, other: Self) -> Self {
        let q = self.0 / other.0;
        let rest = self.sub(other.mul(Self(q, 0.0)));
        quick_two_sum(q, rest.0 / other.0)
    }

    /// Square root of a positive number: one Newton step from the correctly rounded root.
    fn sqrt(self) -> Self {
        let r = self.0.sqrt();
        let rest = self.sub(two_prod(r, r));
        quick_two_sum(r, rest.0 / (2.0 * r))
    }
}

/// `exp(2·pi·i·k/order)` for `k < order`, a power of two from 4 on, by halving angles and multiplying.
fn roots_of_unity(order: usize) -> Vec<[f64; 2]> {
    let (zero, one) = (Double2(0.0, 0.0), Double2(1.0, 0.0));
    let minus_one = Double2(-1.0, 0.0);
    let mut roots = vec![
        [one, zero],
        [zero, one],
        [minus_one, zero],
        [zero, minus_one],
    ];
    let mut step = [zero, one];
    while roots.len() < order {
        let cos = one.add(step[0]).mul(Double2(0.5, 0.0)).sqrt();
        let sin = step[1].div(cos).mul(Double2(0.5, 0.0));
        step = [cos, sin];
        let next = |&[c, s]: &[Double2; 2]| {
            let turned = [c.mul(cos).sub(s.mul(sin)), s.mul(cos).add(c.mul(sin))];
            [[c, s], turned]
        };
        roots = roots.iter().flat_map(next).collect();
    }
    roots.iter().map(|[c, s]| [c.0, s.0]).collect()
}

/// Twiddles of all layers up to a number of slots.
pub(crate) struct FftTable {
    /// Per layer of half-length `h`, entries `h..2h`: `exp(2·pi·i·5^j / 8h)`.
    re: Vec<f64>,
    im: Vec<f64>,
}

impl FftTable {
    /// For up to `n_slots` slots, a power of two.
    pub fn new(n_slots: usize) -> Self {
        let order = 4 * n_slots;
        let roots = roots_of_unity(order.max(8));
        let (mut re, mut im) = (vec![0.0; n_slots.max(2)], vec![0.0; n_slots.max(2)]);
        let mut half = 1;
        while half < n_slots {
            let mut power = 1;
            for j in 0..half {
                let root = roots[power * (order / (8 * half))];
                (re[half + j], im[half + j]) = (root[0], root[1]);
                power = power * 5 % (8 * half);
            }
            half *= 2;
        }
        Self { re, im }
    }
}

/// Slots in natural order to coefficient pairs in bit-reversed order, times their number.
#[inline(always)]
pub(super) fn inverse_body(table: &FftTable, re: &mut [f64], im: &mut [f64]) {
    let mut half = re.len() / 2;
    while half > 0 {
        let (wr, wi) = (&table.re[half..2 * half], &table.im[half..2 * half]);
        for (re, im) in re
            .chunks_exact_mut(2 * half)
            .zip(im.chunks_exact_mut(2 * half))
        {
            let (ar, br) = re.split_at_mut(half);
            let (ai, bi) = im.split_at_mut(half);
            let (ar, br, ai, bi) = (
                &mut ar[..half],
                &mut br[..half],
                &mut ai[..half],
                &mut bi[..half],
            );
            for j in 0..half {
                let (dr, di) = (ar[j] - br[j], ai[j] - bi[j]);
                ar[j] += br[j];
                ai[j] += bi[j];
                br[j] = dr * wr[j] + di * wi[j];
                bi[j] = di * wr[j] - dr * wi[j];
            }
        }
        half /= 2;
    }
}

/// Coefficient pairs in bit-reversed order to slots in natural order.
#[inline(always)]
pub(super) fn forward_body(table: &FftTable, re: &mut [f64], im: &mut [f64]) {
    let mut half = 1;
    while half < re.len() {
        let (wr, wi) = (&table.re[half..2 * half], &table.im[half..2 * half]);
        for (re, im) in re
            .chunks_exact_mut(2 * half)
            .zip(im.chunks_exact_mut(2 * half))
        {
            let (ar, br) = re.split_at_mut(half);
            let (ai, bi) = im.split_at_mut(half);
            let (ar, br, ai, bi) = (
                &mut ar[..half],
                &mut br[..half],
                &mut ai[..half],
                &mut bi[..half],
            );
            for j in 0..half {
                let (tr, ti) = (br[j] * wr[j] - bi[j] * wi[j], br[j] * wi[j] + bi[j] * wr[j]);
                br[j] = ar[j] - tr;
                bi[j] = ai[j] - ti;
                ar[j] += tr;
                ai[j] += ti;
            }
        }
        half *= 2;
    }
}

pub(super) fn inverse_plain(table: &FftTable, re: &mut [f64], im: &mut [f64]) {
    inverse_body(table, re, im);
}

pub(super) fn forward_plain(table: &FftTable, re: &mut [f64], im: &mut [f64]) {
    forward_body(table, re, im);
}

/// Index of coefficient pair `k` among `n` in the transforms' order.
pub(crate) fn pair_index(k: usize, n: usize) -> usize {
    reverse_bits(k, n.trailing_zeros())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn roots_are_correct_to_the_last_bits() {
        let order = 1 << 12;
        for (k, root) in roots_of_unity(order).iter().enumerate() {
            let angle = std::f64::consts::TAU * k as f64 / order as f64;
            assert!((root[0] - angle.cos()).abs() < 1e-15 && (root[1] - angle.sin()).abs() < 1e-15);
            assert!((root[0] * root[0] + root[1] * root[1] - 1.0).abs() < 5e-16);
        }
    }

    #[test]
    fn transforms_agree_with_the_sum() {
        for n in [1usize, 2, 8, 64] {
            let table = FftTable::new(n);
            let u: Vec<(f64, f64)> = (0..n)
                .map(|k| ((k as f64 * 0.7).sin(), (k as f64 * 1.3).cos()))
                .collect();
            let (mut re, mut im) = (vec![0.0; n], vec![0.0; n]);
            for (k, &pair) in u.iter().enumerate() {
                (re[pair_index(k, n)], im[pair_index(k, n)]) = pair;
            }
            forward_plain(&table, &mut re, &mut im);
            let mut power = 1;
            for j in 0..n {
                let (mut sr, mut si) = (0.0, 0.0);
                for (k, &(ur, ui)) in u.iter().enumerate() {
                    let angle =
                        std::f64::consts::TAU * (power * k % (4 * n)) as f64 / (4 * n) as f64;
                    sr += ur * angle.cos() - ui * angle.sin();
                    si += ur * angle.sin() + ui * angle.cos();
                }
                assert!((sr - re[j]).abs() < 1e-12 && (si - im[j]).abs() < 1e-12);
                power = power * 5 % (4 * n);
            }
            inverse_plain(&table, &mut re, &mut im);
            for (k, pair) in u.iter().enumerate() {
                let i = pair_index(k, n);
                assert!((re[i] / n as f64 - pair.0).abs() < 1e-14);
                assert!((im[i] / n as f64 - pair.1).abs() < 1e-14);
            }
        }
    }
}
