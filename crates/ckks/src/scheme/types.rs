//! Plaintexts, ciphertexts and their extended forms.

use crate::CkksError;
use crate::bytes::{Kind, Reader, Writer, malformed};
use crate::context::Context;
use crate::ring::poly::Poly;
use params::{Level, ParamsId, Scale};
use std::fmt;
use zeroize::Zeroize;

/// What residues are taken modulo.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Basis {
    /// The live chain primes.
    Q,
    /// The live chain primes and all special primes.
    QP,
}

/// An encoded message. Not secret by type, but treated so: printed without values.
#[derive(Clone)]
pub struct Plaintext {
    pub(crate) params: ParamsId,
    pub(crate) poly: Poly,
    pub(crate) level: Level,
    pub(crate) scale: Scale,
}

impl Zeroize for Plaintext {
    /// Wipes the polynomial; level and scale stay.
    fn zeroize(&mut self) {
        self.poly.all_words_mut().zeroize();
    }
}

/// A ciphertext of degree 1, or of degree 2 right after a product.
#[derive(Clone)]
pub struct Ciphertext {
    pub(crate) params: ParamsId,
    /// `degree + 1` polynomials in basis Q, transformed.
    pub(crate) parts: Vec<Poly>,
    pub(crate) level: Level,
    pub(crate) scale: Scale,
}

/// A ciphertext of degree 1 times P, modulo QP. Its scale is stated without P.
#[derive(Clone)]
pub struct CiphertextExt {
    pub(crate) params: ParamsId,
    pub(crate) parts: [Poly; 2],
    pub(crate) level: Level,
    pub(crate) scale: Scale,
}

/// The digits of a ciphertext's second part, with its first part, ready for many rotations.
#[derive(Clone)]
pub struct Digits {
    pub(crate) params: ParamsId,
    /// Basis QP, transformed.
    pub(crate) digits: Vec<Poly>,
    /// Basis Q, or basis QP and then times P.
    pub(crate) c0: Poly,
    pub(crate) level: Level,
    pub(crate) scale: Scale,
}

macro_rules! describe {
    ($($type:ident),*) => {$(
        impl $type {
            /// The level.
            pub fn level(&self) -> Level {
                self.level
            }

            /// The scale.
            pub fn scale(&self) -> &Scale {
                &self.scale
            }

            /// The parameter set.
            pub fn params_id(&self) -> ParamsId {
                self.params
            }
        }

        impl fmt::Debug for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($type), "({} {}, {} bytes)"), self.level, self.scale, self.bytes())
            }
        }
    )*};
}

describe!(Plaintext, Ciphertext, CiphertextExt, Digits);

fn basis_of(poly: &Poly) -> Basis {
    if poly.n_special() == 0 {
        Basis::Q
    } else {
        Basis::QP
    }
}

impl Plaintext {
    /// What the residues are taken modulo.
    pub fn basis(&self) -> Basis {
        basis_of(&self.poly)
    }

    /// Bytes in memory.
    pub fn bytes(&self) -> usize {
        self.poly.bytes()
    }
}

impl CiphertextExt {
    /// Bytes in memory.
    pub fn bytes(&self) -> usize {
        self.parts.iter().map(Poly::bytes).sum()
    }
}

impl Digits {
    /// Bytes in memory.
    pub fn bytes(&self) -> usize {
        self.digits.iter().chain([&self.c0]).map(Poly::bytes).sum()
    }

    /// What the first part is taken modulo: Q from a ciphertext, QP from an extended one.
    pub fn basis(&self) -> Basis {
        basis_of(&self.c0)
    }
}

impl Ciphertext {
    /// Number of polynomials minus one: 1 or 2.
    pub fn degree(&self) -> u8 {
        (self.parts.len() - 1) as u8
    }

    /// Bytes in memory.
    pub fn bytes(&self) -> usize {
        self.parts.iter().map(Poly::bytes).sum()
    }

    /// Header, level, degree, scale, residues.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut writer = Writer::new(
            Kind::Ciphertext,
            self.params,
            Writer::HEADER + 64 + self.bytes(),
        );
        writer.u8(self.level.0);
        writer.u8(self.degree());
        writer.scale(&self.scale);
        self.parts.iter().for_each(|poly| writer.poly(poly));
        writer.finish()
    }

    /// Reads untrusted bytes.
    ///
    /// # Errors
    /// [`CkksError::Malformed`], [`CkksError::ParamsMismatch`] or [`CkksError::Memory`]. Lengths are checked before anything is allocated.
    pub fn from_bytes(ctx: &Context, bytes: &[u8]) -> Result<Self, CkksError> {
        let mut reader = Reader::new(ctx, Kind::Ciphertext, bytes)?;
        let level = reader.level()?;
        let degree = reader.u8()?;
        if !(1..=2).contains(&degree) {
            return Err(malformed("the degree", degree, "1 or 2"));
        }
        let scale = reader.scale(level)?;
        let n_parts = usize::from(degree) + 1;
        reader.expect_words(n_parts * level.n_limbs() * ctx.n())?;
        let parts = (0..n_parts)
            .map(|_| reader.poly(level.n_limbs(), 0))
            .collect::<Result<_, _>>()?;
        reader.end()?;
        Ok(Self {
            params: ctx.id(),
            parts,
            level,
            scale,
        })
    }
}

/// What [`Context::check_pair`] compares.
pub(crate) trait Operand {
    fn id(&self) -> ParamsId;
    fn at(&self) -> (Level, &Scale);
}

macro_rules! operand {
    ($($type:ident),*) => {$(
        impl Operand for $type {
            fn id(&self) -> ParamsId {
                self.params
            }

            fn at(&self) -> (Level, &Scale) {
                (self.level, &self.scale)
            }
        }
    )*};
}

operand!(Plaintext, Ciphertext, CiphertextExt);

impl Context {
    /// Checks that both operands belong here and have the same level.
    pub(crate) fn check_pair(&self, a: &impl Operand, b: &impl Operand) -> Result<(), CkksError> {
        self.check(a.id())?;
        self.check(b.id())?;
        let (left, right) = (a.at().0, b.at().0);
        if left == right {
            Ok(())
        } else {
            Err(CkksError::LevelMismatch { left, right })
        }
    }

    /// As [`Context::check_pair`], and that the scales are equal.
    pub(crate) fn check_sum(&self, a: &impl Operand, b: &impl Operand) -> Result<(), CkksError> {
        self.check_pair(a, b)?;
        check_scales(a.at().1, b.at().1)
    }
}

pub(crate) fn check_scales(left: &Scale, right: &Scale) -> Result<(), CkksError> {
    if left == right {
        Ok(())
    } else {
        Err(CkksError::ScaleMismatch {
            left: left.clone(),
            right: right.clone(),
        })
    }
}

impl Ciphertext {
    pub(crate) fn check_degree(&self, expected: u8) -> Result<(), CkksError> {
        let found = self.degree();
        if found == expected {
            Ok(())
        } else {
            Err(CkksError::DegreeMismatch { expected, found })
        }
    }
}
