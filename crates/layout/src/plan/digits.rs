//! How one shift splits into a baby and a giant.

use super::shifts::residue;
use super::{DigitRange, PlanCosts};

/// How shifts are split; the fields are explained at [`super::BsgsPlan`].
#[derive(Clone, Copy)]
pub(super) struct Split {
    pub n1: u32,
    pub n2: u32,
    pub lift: u32,
    pub signed: bool,
    pub digits: DigitRange,
    pub exchanged: bool,
}

impl Split {
    /// What the split of `n` residues between one pair of ciphertexts can not be cheaper than, as each side has only so many
    /// digits.
    pub fn least_cost(&self, n: u32, costs: &PlanCosts) -> f64 {
        let (digits, rests) = match self.n2 {
            0 => (self.n1, self.lift / self.n1 + 2),
            n2 => (u32::MAX, n2 + 1),
        };
        let [digits, rests] = [n.div_ceil(rests), n.div_ceil(digits)];
        let (babies, giants) = match self.exchanged {
            true => (rests, digits),
            false => (digits, rests),
        };
        let moved = |n: u32| f64::from(n.saturating_sub(1));
        moved(babies) * costs.k_h + moved(giants) * costs.k_g
    }
}

/// The split of one lifted shift.
#[derive(Clone, Copy)]
pub(super) struct Digits {
    first: Modulus,
    both: Option<Modulus>,
    exchanged: bool,
    pub m: u32,
}

impl Digits {
    pub fn new(split: Split, m: u32) -> Self {
        let (first, second) = match split.digits {
            DigitRange::Above => (0, 0),
            DigitRange::Around => (2, 2),
            DigitRange::Mixed => (2, 4),
        };
        let modulus =
            |n: u32, part: u32| Modulus::new(n, split.lift, n.checked_div(part).unwrap_or(0));
        Self {
            first: modulus(split.n1, first),
            both: (split.n2 != 0).then(|| modulus(split.n1 * split.n2, second)),
            exchanged: split.exchanged,
            m,
        }
    }

    /// Baby and giant, residues modulo `m` whose sum is congruent to `shift`.
    #[inline]
    pub fn of(self, shift: i32) -> (u32, u32) {
        let first = self.first.digit(shift);
        let rest = match self.both {
            Some(both) => both.digit(shift - first),
            None => shift - first,
        };
        let (digit, rest) = (residue(shift - rest, self.m), residue(rest, self.m));
        if self.exchanged {
            (rest, digit)
        } else {
            (digit, rest)
        }
    }
}

/// Digits modulo `n`, from `-origin` on.
#[derive(Clone, Copy)]
struct Modulus {
    n: u32,
    origin: i32,
    /// A multiple of `n` that makes every dividend positive.
    offset: i32,
}

impl Modulus {
    fn new(n: u32, lift: u32, origin: u32) -> Self {
        Self {
            n,
            origin: origin as i32,
            offset: ((2 * lift).div_ceil(n) * n) as i32,
        }
    }

    #[inline]
    fn digit(self, shift: i32) -> i32 {
        ((shift + self.origin + self.offset) as u32 % self.n) as i32 - self.origin
    }
}
