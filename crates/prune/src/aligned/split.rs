//! Ways to split shifts into babies and giants.

/// Baby counts that are tried are these times powers of two.
const ODD: [u32; 4] = [1, 3, 5, 7];

/// One way to split a residue into two summands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Split {
    /// Digits are taken modulo this.
    pub n1: u32,
    /// Residues lie around zero, not above it.
    pub signed: bool,
    /// Digits lie around zero, not above it.
    pub centred: bool,
    /// Digits are giants; babies are multiples of `n1`.
    pub strided: bool,
}

impl Split {
    /// Baby and giant of a residue modulo `m`, a power of two; their sum is congruent to it.
    pub fn of(self, residue: u32, m: u32) -> (u32, u32) {
        let (residue, m) = (i64::from(residue), i64::from(m));
        let lifted = match self.signed && residue >= m / 2 {
            true => residue - m,
            false => residue,
        };
        let n1 = i64::from(self.n1);
        let origin = if self.centred { n1 / 2 } else { 0 };
        let digit = (lifted + origin).rem_euclid(n1) - origin;
        let [digit, rest] = [digit, lifted - digit].map(|part| part.rem_euclid(m) as u32);
        match self.strided {
            true => (rest, digit),
            false => (digit, rest),
        }
    }
}

/// The splits to try modulo `m`.
pub fn splits(m: u32) -> Vec<Split> {
    let powers = |odd: u32| (0..27).map(move |k| odd << k).take_while(move |&n| n <= m);
    let mut sizes: Vec<u32> = ODD.into_iter().flat_map(powers).collect();
    sizes.sort_unstable();
    let flags = [false, true];
    let ways = sizes.into_iter().flat_map(move |n1| {
        flags.into_iter().flat_map(move |signed| {
            flags.into_iter().flat_map(move |centred| {
                let made = move |strided| Split {
                    n1,
                    signed,
                    centred,
                    strided,
                };
                flags.map(made)
            })
        })
    });
    // Where a digit is all there is, giants and babies change roles without need.
    ways.filter(|split| split.n1 > 1 || !(split.centred || split.signed))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn summands_add_up_and_are_few() {
        for m in [8, 64, 256] {
            for split in splits(m) {
                let mut digits: Vec<u32> = Vec::new();
                for residue in 0..m {
                    let (baby, giant) = split.of(residue, m);
                    assert_eq!((baby + giant) % m, residue, "{split:?}");
                    digits.push(if split.strided { giant } else { baby });
                }
                digits.sort_unstable();
                digits.dedup();
                assert!(digits.len() as u32 <= split.n1, "{split:?}");
            }
        }
    }
}
