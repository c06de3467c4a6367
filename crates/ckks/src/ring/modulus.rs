//! One prime modulus and the constants that both kernel families need.

/// Mask of the 52 bits that the IFMA instructions multiply.
pub(crate) const MASK_52: u64 = (1 << 52) - 1;

/// A prime `p` with `2^29 < p < 2^49`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Modulus {
    pub p: u64,
    /// `p^-1 mod 2^64`; its low 52 bits are `p^-1 mod 2^52`.
    pub inv: u64,
    /// `2^128 mod p`.
    pub r128: u64,
    /// `2^104 mod p`, and that times `p^-1` modulo `2^52`.
    pub r104: u64,
    pub r104_inv: u64,
    /// `floor(2^52 / p)`: also how many products of residues a lazy sum may hold.
    pub budget: u64,
}

/// A constant factor, prepared for every kernel.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Factor {
    pub value: u64,
    /// `floor(value · 2^64 / p)`.
    pub shoup: u64,
    /// `value · 2^52 mod p`.
    pub mont: u64,
    /// `mont · p^-1 mod 2^52`.
    pub mont_inv: u64,
}

impl Modulus {
    /// # Panics
    /// If `p` is even or outside the range above.
    pub fn new(p: u64) -> Self {
        assert!(
            p & 1 == 1 && p > 1 << 29 && p < 1 << 49,
            "modulus out of range"
        );
        let mut inv = p;
        for _ in 0..5 {
            inv = inv.wrapping_mul(2u64.wrapping_sub(p.wrapping_mul(inv)));
        }
        debug_assert_eq!(p.wrapping_mul(inv), 1);
        let two_64 = (u128::from(u64::MAX) % u128::from(p) + 1) % u128::from(p);
        let r128 = (two_64 * two_64 % u128::from(p)) as u64;
        let r104 = ((1u128 << 104) % u128::from(p)) as u64;
        let r104_inv = r104.wrapping_mul(inv) & MASK_52;
        Self {
            p,
            inv,
            r128,
            r104,
            r104_inv,
            budget: (1 << 52) / p,
        }
    }

    /// `x · 2^-64 mod p` for `x < 2^64 · p`.
    #[inline(always)]
    pub fn redc(&self, x: u128) -> u64 {
        let m = (x as u64).wrapping_mul(self.inv);
        let high = (x >> 64) as u64;
        let low = ((u128::from(m) * u128::from(self.p)) >> 64) as u64;
        let (t, borrow) = high.overflowing_sub(low);
        if borrow { t.wrapping_add(self.p) } else { t }
    }

    /// `x mod p` for `x < 2^64 · p`.
    #[inline(always)]
    pub fn reduce_wide(&self, x: u128) -> u64 {
        self.redc(u128::from(self.redc(x)) * u128::from(self.r128))
    }

    /// Any `u64` modulo `p`.
    #[inline(always)]
    pub fn reduce(&self, x: u64) -> u64 {
        self.reduce_wide(u128::from(x))
    }

    #[inline(always)]
    pub fn add(&self, a: u64, b: u64) -> u64 {
        let s = a + b;
        s.min(s.wrapping_sub(self.p))
    }

    #[inline(always)]
    pub fn sub(&self, a: u64, b: u64) -> u64 {
        let d = a.wrapping_sub(b);
        d.min(d.wrapping_add(self.p))
    }

    #[inline(always)]
    pub fn neg(&self, a: u64) -> u64 {
        self.sub(0, a)
    }

    #[inline(always)]
    pub fn mul(&self, a: u64, b: u64) -> u64 {
        self.reduce_wide(u128::from(a) * u128::from(b))
    }

    pub fn pow(&self, mut base: u64, mut exp: u64) -> u64 {
        let mut acc = 1;
        while exp > 0 {
            if exp & 1 == 1 {
                acc = self.mul(acc, base);
            }
            base = self.mul(base, base);
            exp >>= 1;
        }
        acc
    }

    /// Inverse of `a`, not a multiple of `p`.
    pub fn invert(&self, a: u64) -> u64 {
        self.pow(self.reduce(a), self.p - 2)
    }

    pub fn factor(&self, value: u64) -> Factor {
        debug_assert!(value < self.p);
        let shoup = ((u128::from(value) << 64) / u128::from(self.p)) as u64;
        let mont = ((u128::from(value) << 52) % u128::from(self.p)) as u64;
        let mont_inv = mont.wrapping_mul(self.inv) & MASK_52;
        Factor {
            value,
            shoup,
            mont,
            mont_inv,
        }
    }

    /// `a · factor` in `[0, 2p)` for any `a`.
    #[inline(always)]
    pub fn mul_lazy(&self, a: u64, value: u64, shoup: u64) -> u64 {
        let q = ((u128::from(a) * u128::from(shoup)) >> 64) as u64;
        a.wrapping_mul(value).wrapping_sub(q.wrapping_mul(self.p))
    }

    /// `a · factor mod p` for any `a`.
    #[inline(always)]
    pub fn mul_factor(&self, a: u64, factor: Factor) -> u64 {
        let r = self.mul_lazy(a, factor.value, factor.shoup);
        r.min(r.wrapping_sub(self.p))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arithmetic_agrees_with_u128_division() {
        let mut x = 1u64;
        for bits in 30..=48u8 {
            for p in params::find_primes(bits, 2, false, &[]) {
                let m = Modulus::new(p);
                for _ in 0..200 {
                    x = x
                        .wrapping_mul(6364136223846793005)
                        .wrapping_add(1442695040888963407);
                    let (a, b) = (x % p, (x >> 7) % p);
                    let want = (u128::from(a) * u128::from(b) % u128::from(p)) as u64;
                    assert_eq!(m.mul(a, b), want);
                    assert_eq!(m.mul_factor(a, m.factor(b)), want);
                    assert_eq!(m.reduce(x), x % p);
                    assert_eq!(m.add(a, b), (a + b) % p);
                    assert_eq!(m.sub(a, b), (a + p - b) % p);
                    let wide = u128::from(x) * u128::from(p - 1);
                    assert_eq!(m.reduce_wide(wide), (wide % u128::from(p)) as u64);
                }
                assert_eq!(m.mul(7, m.invert(7)), 1);
                assert_eq!(m.mul(p - 1, p - 1), 1);
            }
        }
    }
}
