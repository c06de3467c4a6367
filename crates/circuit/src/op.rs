//! Operations and the ids they speak in.

use params::{Level, Rotation, Scale};
use serde::{Deserialize, Serialize};
use smallvec::SmallVec;
use std::fmt;

/// A value of one circuit: the result of one operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct ValueId(pub u32);

impl ValueId {
    /// Position in the circuit.
    pub fn index(self) -> usize {
        self.0 as usize
    }
}

impl fmt::Display for ValueId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "%{}", self.0)
    }
}

/// A plain vector of one circuit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct PlainId(pub u32);

/// A layer of the network, for per-layer counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct LayerId(pub u16);

/// What a value is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Kind {
    /// Ciphertext of degree 1, basis Q.
    Ct,
    /// Ciphertext of degree 2, basis Q.
    Ct3,
    /// Decomposed ciphertext, ready for key products.
    Digits,
    /// Degree 1, basis QP; its scale is printed without P.
    Ext,
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Ct => "ct",
            Self::Ct3 => "ct3",
            Self::Digits => "digits",
            Self::Ext => "ext",
        })
    }
}

/// Why a rotation is there. Unmarked ones count as conversions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum RotationClass {
    /// Baby step of a linear layer.
    Baby,
    /// Giant step of a linear layer.
    Giant,
    /// Rotate-and-add that folds periods together.
    Collapse,
    /// Change of layout.
    Conversion,
}

impl RotationClass {
    /// The word in the text form.
    pub fn word(self) -> &'static str {
        match self {
            Self::Baby => "baby",
            Self::Giant => "giant",
            Self::Collapse => "collapse",
            Self::Conversion => "conversion",
        }
    }
}

/// Operands of an operation.
pub type Operands = SmallVec<[ValueId; 2]>;

/// One homomorphic operation. Kinds, levels and scales of each are in [`crate::facts`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Op {
    /// An encrypted input; `index` counts input ciphertexts.
    Input {
        /// Position among the inputs.
        index: u32,
    },
    /// `a + b`.
    Add(ValueId, ValueId),
    /// `a − b`.
    Sub(ValueId, ValueId),
    /// `−x`.
    Neg(ValueId),
    /// Sum of two or more values.
    Sum(Vec<ValueId>),
    /// `x + plain`, the plain vector encoded at `x`'s level and scale.
    AddPlain {
        /// Operand.
        x: ValueId,
        /// Summand.
        plain: PlainId,
    },
    /// `x · plain` slot by slot, the plain vector encoded at `scale`.
    MulPlain {
        /// Operand.
        x: ValueId,
        /// Factor.
        plain: PlainId,
        /// Scale of the encoding, once `match-scales` has run.
        scale: Option<Scale>,
    },
    /// `x · factor`; needs no encoding.
    MulScalar {
        /// Operand.
        x: ValueId,
        /// Factor.
        factor: f64,
        /// Scale of the factor, once `match-scales` has run.
        scale: Option<Scale>,
    },
    /// `a · b`, degree 2.
    Mul(ValueId, ValueId),
    /// `x²`, degree 2.
    Square(ValueId),
    /// Degree 2 to degree 1.
    Relinearize(ValueId),
    /// Divides by the last live prime.
    Rescale(ValueId),
    /// Forgets limbs down to `to`.
    DropLevel {
        /// Operand.
        x: ValueId,
        /// Level of the result.
        to: Level,
    },
    /// Rotates left by `by` slots.
    Rotate {
        /// Operand.
        x: ValueId,
        /// Amount.
        by: Rotation,
    },
    /// Complex conjugate of every slot.
    Conjugate(ValueId),
    /// Splits into digits modulo QP.
    Decompose(ValueId),
    /// Rotation of decomposed digits: one key product.
    RotateHoisted {
        /// Digits.
        digits: ValueId,
        /// Amount.
        by: Rotation,
    },
    /// Multiplies by P into basis QP; costs no transform.
    Extend(ValueId),
    /// Divides by P, and by the last live prime too if `rescale`.
    ModDown {
        /// Operand.
        x: ValueId,
        /// Whether the division by the last prime is merged in.
        rescale: bool,
    },
    /// Decrypts and encrypts anew at a higher level: a round through the client, who holds the key.
    Refresh {
        /// Operand.
        x: ValueId,
        /// Level of the result.
        to: Level,
        /// Scale of the result, once `match-scales` has run.
        scale: Option<Scale>,
    },
}

impl Op {
    /// The word in the text form.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Input { .. } => "input",
            Self::Add(..) => "add",
            Self::Sub(..) => "sub",
            Self::Neg(_) => "neg",
            Self::Sum(_) => "sum",
            Self::AddPlain { .. } => "add_plain",
            Self::MulPlain { .. } => "mul_plain",
            Self::MulScalar { .. } => "mul_scalar",
            Self::Mul(..) => "mul",
            Self::Square(_) => "square",
            Self::Relinearize(_) => "relinearize",
            Self::Rescale(_) => "rescale",
            Self::DropLevel { .. } => "drop_level",
            Self::Rotate { .. } => "rotate",
            Self::Conjugate(_) => "conjugate",
            Self::Decompose(_) => "decompose",
            Self::RotateHoisted { .. } => "rotate_hoisted",
            Self::Extend(_) => "extend",
            Self::ModDown { rescale: false, .. } => "mod_down",
            Self::ModDown { rescale: true, .. } => "mod_down_rescale",
            Self::Refresh { .. } => "refresh",
        }
    }

    /// Values it reads, in order.
    pub fn operands(&self) -> Operands {
        match self {
            Self::Input { .. } => SmallVec::new(),
            Self::Add(a, b) | Self::Sub(a, b) | Self::Mul(a, b) => SmallVec::from_slice(&[*a, *b]),
            Self::Sum(terms) => SmallVec::from_slice(terms),
            Self::Neg(x)
            | Self::Square(x)
            | Self::Relinearize(x)
            | Self::Rescale(x)
            | Self::Conjugate(x)
            | Self::Decompose(x)
            | Self::Extend(x)
            | Self::AddPlain { x, .. }
            | Self::MulPlain { x, .. }
            | Self::MulScalar { x, .. }
            | Self::DropLevel { x, .. }
            | Self::Rotate { x, .. }
            | Self::ModDown { x, .. }
            | Self::Refresh { x, .. }
            | Self::RotateHoisted { digits: x, .. } => SmallVec::from_slice(&[*x]),
        }
    }

    /// The same operation on other operands.
    #[must_use]
    pub fn map_operands(mut self, mut f: impl FnMut(ValueId) -> ValueId) -> Self {
        match &mut self {
            Self::Input { .. } => {}
            Self::Add(a, b) | Self::Sub(a, b) | Self::Mul(a, b) => {
                *a = f(*a);
                *b = f(*b);
            }
            Self::Sum(terms) => terms.iter_mut().for_each(|t| *t = f(*t)),
            Self::Neg(x)
            | Self::Square(x)
            | Self::Relinearize(x)
            | Self::Rescale(x)
            | Self::Conjugate(x)
            | Self::Decompose(x)
            | Self::Extend(x)
            | Self::AddPlain { x, .. }
            | Self::MulPlain { x, .. }
            | Self::MulScalar { x, .. }
            | Self::DropLevel { x, .. }
            | Self::Rotate { x, .. }
            | Self::ModDown { x, .. }
            | Self::Refresh { x, .. }
            | Self::RotateHoisted { digits: x, .. } => *x = f(*x),
        }
        self
    }

    /// Whether it moves slots.
    pub fn is_rotation(&self) -> bool {
        matches!(self, Self::Rotate { .. } | Self::RotateHoisted { .. })
    }
}

/// A value: its operation, and the layer and rotation class it is counted under.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Value {
    /// What computes it.
    pub op: Op,
    /// The layer it belongs to.
    pub layer: Option<LayerId>,
    /// For rotations, why it is there.
    pub class: Option<RotationClass>,
}
