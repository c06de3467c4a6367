//! What can go wrong, as data.

use params::{GaloisElement, Level, ParamsId, Scale};

/// Why an operation was refused. Operands are left as they were.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum CkksError {
    /// The caller mixes objects of different parameter sets.
    #[error("an operand belongs to parameters {found}, expected {expected}")]
    ParamsMismatch {
        /// Parameters of the operand.
        found: ParamsId,
        /// Parameters of the context.
        expected: ParamsId,
    },
    /// The caller's circuit is wrong: levels must meet before this operation.
    #[error("the levels {left} and {right} differ")]
    LevelMismatch {
        /// Level of the first operand.
        left: Level,
        /// Level of the second operand.
        right: Level,
    },
    /// The caller's circuit is wrong: scales must be equal before an addition.
    #[error("the scales {left} and {right} differ")]
    ScaleMismatch {
        /// Scale of the first operand.
        left: Scale,
        /// Scale of the second operand.
        right: Scale,
    },
    /// The caller's circuit is wrong: relinearize earlier, or not at all.
    #[error("a ciphertext of degree {expected} is needed, found degree {found}")]
    DegreeMismatch {
        /// Degree that the operation works on.
        expected: u8,
        /// Degree of the operand.
        found: u8,
    },
    /// The caller's circuit is wrong: a sum has nothing to start from.
    #[error("a sum of plain products needs at least one, found none")]
    NoOperands,
    /// The caller encoded in the wrong basis.
    #[error("a plaintext modulo QP is needed, found one modulo Q")]
    BasisMismatch,
    /// The chain is used up, or a level was asked for that is above the operand's.
    #[error("level {wanted} can not be reached from {available}")]
    LevelRange {
        /// Level asked for.
        wanted: Level,
        /// Highest level available.
        available: Level,
    },
    /// The operand is at level 0.
    #[error("there is no level left to rescale")]
    NoLevelLeft,
    /// The key was generated for a lower level.
    #[error("the key serves up to {available}, the operand is at {needed}")]
    KeyLevel {
        /// Level of the operand.
        needed: Level,
        /// Highest level of the key.
        available: Level,
    },
    /// The caller passed a rotation key to relinearize, or the reverse.
    #[error("this key does not serve this operation")]
    KeyKind,
    /// The key set lacks the rotation key.
    #[error("there is no key for the Galois element {}", galois.0)]
    MissingRotationKey {
        /// Element that was asked for.
        galois: GaloisElement,
    },
    /// The key set lacks the relinearization key.
    #[error("there is no relinearization key")]
    MissingRelinearizationKey,
    /// An automorphism needs an odd exponent below `2N`.
    #[error("{element} is not an odd number below {bound}")]
    GaloisElement {
        /// Exponent asked for.
        element: u64,
        /// Exclusive bound, `2N`.
        bound: u64,
    },
    /// The values do not fill the slots periodically.
    #[error("{found} values do not repeat in {n_slots} slots")]
    SlotCount {
        /// Number of values given.
        found: usize,
        /// Slots of a ciphertext.
        n_slots: usize,
    },
    /// A value is infinite or not a number.
    #[error("value {index} is not finite")]
    NotFinite {
        /// Index of the value.
        index: usize,
    },
    /// A coefficient would wrap around the modulus.
    #[error(
        "a coefficient of {needed_bits:.1} bits does not fit the {available_bits:.1} bits of the modulus"
    )]
    TooLarge {
        /// log2 of the largest coefficient.
        needed_bits: f64,
        /// log2 of half the modulus.
        available_bits: f64,
    },
    /// A scale is no double, or names a prime outside the chain.
    #[error("the scale {scale} can not be used here")]
    ScaleRange {
        /// The scale.
        scale: Scale,
    },
    /// The parameters are outside what the kernels can hold.
    #[error("a digit of {count} primes of up to {bits} bits is beyond the kernels' range")]
    DigitRange {
        /// Primes in the digit or among the specials.
        count: usize,
        /// Size of the largest.
        bits: u32,
    },
    /// The system refuses memory for an object that is read.
    #[error("the system refuses {bytes} bytes of memory")]
    Memory {
        /// Bytes asked for.
        bytes: usize,
    },
    /// Bytes are not what they claim to be; the sender's turn.
    #[error("malformed bytes: {what} is {found}, expected {expected}")]
    Malformed {
        /// Which part.
        what: &'static str,
        /// What it is.
        found: String,
        /// What it can be.
        expected: String,
    },
}
