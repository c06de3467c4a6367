//! What can be wrong with a layout or a plan's arguments.

/// A layout or a linear layer this crate can not work with. The caller's turn: every variant is a refusal of its arguments.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum LayoutError {
    /// Slot counts and periods are powers of two.
    #[error("{what} is {found}, expected a power of two")]
    NotPowerOfTwo {
        /// Which number.
        what: &'static str,
        /// Its value.
        found: u32,
    },
    /// Shifts are computed in 32 bits, with room for lifting them.
    #[error("{found} slots, at most {most} are supported")]
    TooManySlots {
        /// Slots asked for.
        found: u32,
        /// Most slots of one ciphertext.
        most: u32,
    },
    /// A period is at most the slot count, and equal to it when there are several ciphertexts.
    #[error("period {period} does not fit {n_ciphertexts} ciphertexts of {n_slots} slots")]
    BadPeriod {
        /// The period.
        period: u32,
        /// Slots of one ciphertext.
        n_slots: u32,
        /// Ciphertexts of the layout.
        n_ciphertexts: u32,
    },
    /// Positions reach past the period, or past the last ciphertext.
    #[error("positions reach {extent}, the layout has room for {room}")]
    OutOfRoom {
        /// One more than the largest position.
        extent: u64,
        /// Positions available.
        room: u64,
    },
    /// Two elements share a position.
    #[error("two elements sit at position {position}")]
    Overlap {
        /// The shared position.
        position: u32,
    },
    /// Copies have an offset and positions in use, in a layout of one ciphertext; there are not many millions of them.
    #[error("a copy without offset or positions, or that leaves its ciphertext, or too many")]
    BadCopies,
    /// A layer is planned on other positions than its diagonals were read on.
    #[error("the layouts place elements elsewhere than those the diagonals were read on")]
    OtherPositions,
    /// The index map does not describe as many elements as the layout has.
    #[error("the index map places {found} elements, the layout has {expected}")]
    ElementCount {
        /// Elements of the layout.
        expected: u32,
        /// Elements of the index map.
        found: u64,
    },
    /// A matrix side differs from its layout.
    #[error("the matrix has {found} {side}, its layout has {expected} elements")]
    ShapeMismatch {
        /// `rows` or `columns`.
        side: &'static str,
        /// Elements of the layout.
        expected: u32,
        /// Rows or columns of the matrix.
        found: u32,
    },
    /// Input and output of one layer count slots differently.
    #[error("the input has {input} slots, the output {output}")]
    SlotMismatch {
        /// Slots of the input.
        input: u32,
        /// Slots of the output.
        output: u32,
    },
    /// A convolution or a feature map with no meaning.
    #[error("{what}")]
    BadGeometry {
        /// What is wrong.
        what: &'static str,
    },
    /// A tile tensor without meaning, or one that an operation can not take.
    #[error("tile tensor {found}, expected {expected}")]
    BadTiles {
        /// What should have come.
        expected: &'static str,
        /// The tensor.
        found: String,
    },
    /// A cost that orders nothing.
    #[error("cost {what} is negative or not a finite number")]
    BadCost {
        /// Which cost.
        what: &'static str,
    },
    /// Text that is not a layout.
    #[error("expected {expected}, found `{found}`")]
    Parse {
        /// What should have come.
        expected: &'static str,
        /// The rest of the text.
        found: String,
    },
}
