//! Plain little-endian bytes of every object, and their checked reading.
//!
//! A header (magic, version, kind, parameter identity) comes before kind-specific fields and limbs. Lengths follow
//! from the parameters, never from the bytes.

use crate::CkksError;
use crate::context::Context;
use crate::ring::poly::Poly;
use params::{Level, ParamsId, Scale};

const MAGIC: [u8; 4] = *b"PVHE";
const VERSION: u8 = 1;

/// Which object follows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Kind {
    Secret = 1,
    Public = 2,
    KeySwitch = 3,
    Ciphertext = 4,
}

/// Appends fields.
pub(crate) struct Writer {
    out: Vec<u8>,
}

impl Writer {
    pub const HEADER: usize = 4 + 1 + 1 + 32;

    pub fn new(kind: Kind, params: ParamsId, capacity: usize) -> Self {
        let mut out = Vec::with_capacity(capacity);
        out.extend(MAGIC);
        out.extend([VERSION, kind as u8]);
        out.extend(params.0);
        Self { out }
    }

    pub fn u8(&mut self, x: u8) {
        self.out.push(x);
    }

    pub fn bytes(&mut self, x: &[u8]) {
        self.out.extend_from_slice(x);
    }

    pub fn scale(&mut self, scale: &Scale) {
        let (two, primes) = scale.exponents();
        self.bytes(&two.to_le_bytes());
        self.u8(primes.len() as u8);
        for &(index, exponent) in primes {
            self.u8(index);
            self.bytes(&exponent.to_le_bytes());
        }
    }

    pub fn poly(&mut self, poly: &Poly) {
        self.out.reserve(poly.bytes());
        poly.limbs()
            .flatten()
            .for_each(|word| self.out.extend_from_slice(&word.to_le_bytes()));
    }

    pub fn finish(self) -> Vec<u8> {
        self.out
    }
}

/// Takes fields, checking as it goes.
pub(crate) struct Reader<'a> {
    ctx: &'a Context,
    rest: &'a [u8],
}

/// An error that says what was found where something else was expected.
pub(crate) fn malformed(
    what: &'static str,
    found: impl ToString,
    expected: impl ToString,
) -> CkksError {
    CkksError::Malformed {
        what,
        found: found.to_string(),
        expected: expected.to_string(),
    }
}

fn truncated(found: usize, needed: usize) -> CkksError {
    malformed("the rest's length", found, format!("at least {needed}"))
}

impl<'a> Reader<'a> {
    /// Checks the header.
    pub fn new(ctx: &'a Context, kind: Kind, bytes: &'a [u8]) -> Result<Self, CkksError> {
        let mut reader = Self { ctx, rest: bytes };
        let magic: [u8; 4] = reader.array()?;
        if magic != MAGIC {
            let (found, expected) = (magic.escape_ascii(), MAGIC.escape_ascii());
            return Err(malformed("the magic", found, expected));
        }
        let version = reader.u8()?;
        if version != VERSION {
            return Err(malformed("the version", version, VERSION));
        }
        let found = reader.u8()?;
        if found != kind as u8 {
            return Err(malformed("the kind", found, kind as u8));
        }
        ctx.check(ParamsId(reader.array()?))?;
        Ok(reader)
    }

    pub fn take(&mut self, len: usize) -> Result<&'a [u8], CkksError> {
        let (head, rest) = self
            .rest
            .split_at_checked(len)
            .ok_or_else(|| truncated(self.rest.len(), len))?;
        self.rest = rest;
        Ok(head)
    }

    pub fn array<const K: usize>(&mut self) -> Result<[u8; K], CkksError> {
        let (head, rest) = self
            .rest
            .split_first_chunk()
            .ok_or_else(|| truncated(self.rest.len(), K))?;
        self.rest = rest;
        Ok(*head)
    }

    pub fn u8(&mut self) -> Result<u8, CkksError> {
        Ok(self.array::<1>()?[0])
    }

    pub fn u64(&mut self) -> Result<u64, CkksError> {
        Ok(u64::from_le_bytes(self.array()?))
    }

    pub fn level(&mut self) -> Result<Level, CkksError> {
        let level = Level(self.u8()?);
        let max = self.ctx.params().max_level();
        if level > max {
            return Err(malformed("the level", level, format!("at most {max}")));
        }
        Ok(level)
    }

    /// A scale in canonical form, between 1 and the modulus at `level`.
    pub fn scale(&mut self, level: Level) -> Result<Scale, CkksError> {
        let two = i32::from_le_bytes(self.array()?);
        let n_primes = usize::from(self.u8()?);
        if n_primes > self.ctx.chain() {
            let expected = format!("at most {}", self.ctx.chain());
            return Err(malformed(
                "the number of the scale's primes",
                n_primes,
                expected,
            ));
        }
        let mut primes = Vec::with_capacity(n_primes);
        for _ in 0..n_primes {
            let index = self.u8()?;
            primes.push((index, i16::from_le_bytes(self.array()?)));
        }
        let scale = Scale::from_exponents(two, &primes).ok_or_else(|| {
            malformed(
                "the scale",
                format!("2^{two}, {primes:?}"),
                "falling primes",
            )
        })?;
        let q = self.ctx.params().q();
        let bits = scale.log2(q);
        let available: f64 = q[..level.n_limbs()]
            .iter()
            .map(|&p| (p as f64).log2())
            .sum();
        if !(0.0..=available).contains(&bits) || scale.value(q).is_none() {
            let expected = format!("1 to 2^{available:.1}");
            return Err(malformed("the scale", scale, expected));
        }
        Ok(scale)
    }

    /// Fails unless exactly `words` words are left; call before allocating.
    pub fn expect_words(&self, words: usize) -> Result<(), CkksError> {
        if self.rest.len() == 8 * words {
            Ok(())
        } else {
            Err(malformed("the rest's length", self.rest.len(), 8 * words))
        }
    }

    /// A polynomial, every residue checked.
    pub fn poly(&mut self, n_q: usize, n_special: usize) -> Result<Poly, CkksError> {
        let bytes = self.take(8 * self.ctx.n() * (n_q + n_special))?;
        let mut poly = self.ctx.try_stale(n_q, n_special)?;
        let words = poly.limbs_mut().flatten();
        for (word, bytes) in words.zip(bytes.as_chunks::<8>().0) {
            *word = u64::from_le_bytes(*bytes);
        }
        for (j, limb) in poly.limbs().enumerate() {
            let p = self.ctx.limb_modulus(j, n_q).p;
            if !(self.ctx.kernels().all_below)(limb, p) {
                let largest = limb.iter().copied().max().unwrap_or(0);
                return Err(malformed("a residue", largest, format!("less than {p}")));
            }
        }
        Ok(poly)
    }

    /// Fails unless all bytes were used.
    pub fn end(&self) -> Result<(), CkksError> {
        self.expect_words(0)
    }
}
