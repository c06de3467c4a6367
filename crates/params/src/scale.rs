//! Exact scales.

use serde::{Deserialize, Serialize};
use smallvec::SmallVec;
use std::fmt;

/// An exact scale `2^a · Π q_i^{e_i}` over chain primes `q_i`, with integer exponents.
///
/// Equality is exact: two values may be added only when their scales are equal. Text form: `2^40`, `2^80/q2`,
/// `2^80/q2^2*q1`, primes in falling order.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(try_from = "Stored")]
pub struct Scale {
    two: i32,
    /// Sorted by prime index, falling; no zero exponents.
    primes: SmallVec<[(u8, i16); 4]>,
}

/// A scale as it is stored, not yet checked.
#[derive(Deserialize)]
struct Stored {
    two: i32,
    primes: Vec<(u8, i16)>,
}

impl TryFrom<Stored> for Scale {
    type Error = String;

    fn try_from(stored: Stored) -> Result<Self, String> {
        Self::from_exponents(stored.two, &stored.primes).ok_or_else(|| {
            format!(
                "a scale of 2^{} and {} primes, expected falling primes and exponents from 1 to {}",
                stored.two,
                stored.primes.len(),
                Self::MAX_EXPONENT
            )
        })
    }
}

impl Scale {
    /// Largest magnitude of an exponent in a scale that is read: far above what a chain can hold.
    pub const MAX_EXPONENT: i32 = 1 << 13;

    /// The scale `2^two · Π q_i^{e_i}` of exponents that come from outside; `None` unless prime indices fall, no prime's
    /// exponent is 0 and none is beyond [`Scale::MAX_EXPONENT`].
    pub fn from_exponents(two: i32, primes: &[(u8, i16)]) -> Option<Self> {
        let falling = primes.windows(2).all(|pair| pair[0].0 > pair[1].0);
        let scale = Self {
            two,
            primes: SmallVec::from_slice(primes),
        };
        let sound = falling && scale.is_in_range() && primes.iter().all(|&(_, e)| e != 0);
        sound.then_some(scale)
    }

    /// `2^bits`.
    pub fn power_of_two(bits: i32) -> Self {
        Self {
            two: bits,
            primes: SmallVec::new(),
        }
    }

    /// The chain prime with index `index`.
    pub fn prime(index: u8) -> Self {
        Self {
            two: 0,
            primes: SmallVec::from_slice(&[(index, 1)]),
        }
    }

    /// The scale 1.
    pub fn one() -> Self {
        Self::default()
    }

    fn combine(&self, other: &Self, sign: i16) -> Self {
        let mut primes: SmallVec<[(u8, i16); 4]> = self.primes.clone();
        for &(index, exp) in &other.primes {
            match primes.iter_mut().find(|(i, _)| *i == index) {
                Some((_, e)) => *e = e.saturating_add(exp.saturating_mul(sign)),
                None => primes.push((index, exp.saturating_mul(sign))),
            }
        }
        primes.retain(|(_, e)| *e != 0);
        primes.sort_by_key(|&(index, _)| std::cmp::Reverse(index));
        Self {
            two: self
                .two
                .saturating_add(other.two.saturating_mul(i32::from(sign))),
            primes,
        }
    }

    /// Product of two scales.
    #[must_use]
    pub fn times(&self, other: &Self) -> Self {
        self.combine(other, 1)
    }

    /// Quotient of two scales.
    #[must_use]
    pub fn over(&self, other: &Self) -> Self {
        self.combine(other, -1)
    }

    /// The power of two and the exponents `(prime index, exponent)`, prime indices falling.
    pub fn exponents(&self) -> (i32, &[(u8, i16)]) {
        (self.two, &self.primes)
    }

    /// Whether no exponent is beyond [`Scale::MAX_EXPONENT`]; products and quotients of two such scales are exact.
    pub fn is_in_range(&self) -> bool {
        let small = |e: i32| e.unsigned_abs() <= Self::MAX_EXPONENT as u32;
        small(self.two) && self.primes.iter().all(|&(_, e)| small(e.into()))
    }

    /// log2, given the chain primes `q`. Primes beyond `q` count as 0 bits.
    pub fn log2(&self, q: &[u64]) -> f64 {
        let primes = self.primes.iter().map(|&(i, e)| {
            f64::from(e) * q.get(usize::from(i)).map_or(0.0, |&p| (p as f64).log2())
        });
        f64::from(self.two) + primes.sum::<f64>()
    }

    /// The value as a double, relative error below 2^-48; computed by multiplication and division only, so that it is
    /// the same on every machine. `None` when it is not a normal double or names a prime that `q` lacks.
    pub fn value(&self, q: &[u64]) -> Option<f64> {
        // Factors 2^a are applied last and exactly; quotients p/2^b stay near 1 in between.
        let (mut acc, mut two) = (1.0f64, i64::from(self.two));
        for &(i, e) in &self.primes {
            let p = *q.get(usize::from(i))?;
            let bits = 63 - p.leading_zeros() as i32;
            let near_one = p as f64 / (1u64 << bits) as f64;
            for _ in 0..e.unsigned_abs() {
                if e > 0 {
                    acc *= near_one
                } else {
                    acc /= near_one
                }
            }
            two += i64::from(bits) * i64::from(e);
        }
        let bits = u64::try_from(two + 1023)
            .ok()
            .filter(|b| (1..2047).contains(b))?;
        Some(acc * f64::from_bits(bits << 52)).filter(|v| v.is_normal())
    }

    /// Reads the text form; `None` if malformed or beyond [`Scale::MAX_EXPONENT`].
    pub fn parse(text: &str) -> Option<Self> {
        let mut scale = Self::one();
        let mut rest = text;
        let mut sign = 1;
        loop {
            let end = rest.find(['*', '/']).unwrap_or(rest.len());
            let (factor, tail) = rest.split_at(end);
            let (base, exp) = match factor.split_once('^') {
                Some((base, exp)) => (base, exp.parse::<i16>().ok()?),
                None => (factor, 1),
            };
            let unit = match base {
                "1" => Self::one(),
                "2" => Self::power_of_two(i32::from(exp)),
                _ => {
                    let index = base.strip_prefix('q')?.parse().ok()?;
                    let mut unit = Self::one();
                    if exp != 0 {
                        unit.primes.push((index, exp));
                    }
                    unit
                }
            };
            scale = scale.combine(&unit, sign);
            let Some(op) = tail.chars().next() else {
                return Self::from_exponents(scale.two, &scale.primes);
            };
            sign = if op == '/' { -1 } else { 1 };
            rest = &tail[1..];
        }
    }
}

impl fmt::Display for Scale {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.two == 0 && self.primes.is_empty() {
            return write!(f, "1");
        }
        let mut first = true;
        if self.two != 0 || self.primes[0].1 < 0 {
            if self.two == 0 {
                write!(f, "1")?
            } else {
                write!(f, "2^{}", self.two)?
            }
            first = false;
        }
        for &(i, e) in &self.primes {
            match (first, e > 0) {
                (true, _) => {}
                (false, true) => write!(f, "*")?,
                (false, false) => write!(f, "/")?,
            }
            first = false;
            write!(f, "q{i}")?;
            if e.unsigned_abs() != 1 {
                write!(f, "^{}", e.unsigned_abs())?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_form_parses_back() {
        let q2 = Scale::prime(2);
        let cases = [
            Scale::one(),
            Scale::power_of_two(40),
            Scale::power_of_two(80).over(&q2),
            Scale::power_of_two(80)
                .over(&q2)
                .over(&q2)
                .times(&Scale::prime(1)),
            q2.clone(),
            Scale::one().over(&q2),
        ];
        for scale in cases {
            assert_eq!(
                Scale::parse(&scale.to_string()),
                Some(scale.clone()),
                "{scale}"
            );
        }
        assert_eq!(Scale::parse("2^80/q2").unwrap().to_string(), "2^80/q2");
        for bad in ["", "2^", "q", "3^4", "2^40/", "2^40//q1", "x"] {
            assert_eq!(Scale::parse(bad), None, "{bad}");
        }
    }

    #[test]
    fn exponents_out_of_order_or_range_are_no_scale() {
        assert_eq!(
            Scale::from_exponents(80, &[(2, -2), (1, 1)]),
            Scale::parse("2^80/q2^2*q1")
        );
        let top = Scale::MAX_EXPONENT as i16;
        for (two, primes) in [
            (0, &[(1, 1), (2, 1)][..]),
            (0, &[(1, 1), (1, 1)]),
            (0, &[(1, 0)]),
            (0, &[(1, top + 1)]),
            (0, &[(1, i16::MIN)]),
            (Scale::MAX_EXPONENT + 1, &[]),
            (i32::MIN, &[]),
        ] {
            assert_eq!(Scale::from_exponents(two, primes), None);
        }
        for text in ["2^9000", "1/q1^-32768", "q1^5000*q1^5000"] {
            assert_eq!(Scale::parse(text), None, "{text}");
        }
    }

    #[test]
    fn multiplication_and_division_cancel_exactly() {
        let scale = Scale::power_of_two(40).times(&Scale::prime(3));
        assert_eq!(scale.over(&Scale::prime(3)), Scale::power_of_two(40));
        let q = [(1 << 48) - 1, 3, 5, (1u64 << 40) + 131_073];
        let exact = 2f64.powi(40) * q[3] as f64;
        assert!((scale.value(&q).unwrap() / exact - 1.0).abs() < 1e-15);
        assert!((scale.log2(&q) - exact.log2()).abs() < 1e-12);
    }
}
