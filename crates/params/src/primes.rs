//! Search for NTT-friendly primes.

/// Every prime is 1 modulo this, so that one table serves all ring degrees up to 2^16.
const STEP: u64 = 1 << 17;

fn mul_mod(a: u64, b: u64, m: u64) -> u64 {
    (u128::from(a) * u128::from(b) % u128::from(m)) as u64
}

fn pow_mod(mut base: u64, mut exp: u64, m: u64) -> u64 {
    let mut acc = 1;
    base %= m;
    while exp > 0 {
        if exp & 1 == 1 {
            acc = mul_mod(acc, base, m);
        }
        base = mul_mod(base, base, m);
        exp >>= 1;
    }
    acc
}

/// Deterministic Miller-Rabin, correct for every `u64`.
///
/// # Source
/// The first twelve primes as witnesses suffice below 3.3e24 (Sorenson and Webster, 2015).
pub fn is_prime(n: u64) -> bool {
    const WITNESSES: [u64; 12] = [2, 3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37];
    if n < 2 {
        return false;
    }
    for p in WITNESSES {
        if n.is_multiple_of(p) {
            return n == p;
        }
    }
    let twos = (n - 1).trailing_zeros();
    let odd = (n - 1) >> twos;
    WITNESSES.iter().all(|&witness| {
        let mut x = pow_mod(witness, odd, n);
        if x == 1 || x == n - 1 {
            return true;
        }
        for _ in 1..twos {
            x = mul_mod(x, x, n);
            if x == n - 1 {
                return true;
            }
        }
        false
    })
}

/// The `count` primes nearest to `2^bits` that are 1 modulo 2^17 and not in `taken`, nearest first.
///
/// With `below_only`, only primes under `2^bits` (special primes and `q_0`, so that their size is exactly `bits`).
/// Returns fewer when the range `(2^(bits-1), 2^(bits+1))` holds no more.
pub fn find_primes(bits: u8, count: usize, below_only: bool, taken: &[u64]) -> Vec<u64> {
    let target = 1u64 << bits;
    let mut found = Vec::with_capacity(count);
    for k in 0..(target / 2 / STEP) {
        let below = target - k * STEP + 1;
        let above = target + k * STEP + 1;
        let candidates = [
            Some(above).filter(|_| !below_only),
            Some(below).filter(|_| k > 0),
        ];
        for p in candidates.into_iter().flatten() {
            if found.len() == count {
                return found;
            }
            if !taken.contains(&p) && !found.contains(&p) && is_prime(p) {
                found.push(p);
            }
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn small_numbers_agree_with_trial_division() {
        for n in 0..5000u64 {
            let naive = n >= 2 && (2..n).take_while(|d| d * d <= n).all(|d| n % d != 0);
            assert_eq!(is_prime(n), naive, "{n}");
        }
    }

    #[test]
    fn thirty_two_primes_lie_near_the_usual_scales() {
        // ckks.md section 2: within 2^-15 of 2^40 and 2^-21 of 2^46 there are 32 such primes.
        for (bits, tolerance_bits) in [(40u8, 15u8), (46, 19)] {
            let primes = find_primes(bits, 32, false, &[]);
            assert_eq!(primes.len(), 32);
            let bound = 1u64 << (bits - tolerance_bits);
            assert!(
                primes.iter().all(|p| p.abs_diff(1 << bits) < bound),
                "{bits}"
            );
        }
    }
}
