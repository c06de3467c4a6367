//! What the description of an ONNX node says about its place in a file that Privet wrote.
//!
//! A graph node may take several ONNX nodes. Each of these says in its description whether it is a part, or whether the
//! value is whole, so that reading the file gives one graph node again, under the same name. A file without such
//! descriptions is read by the forms that exporters use.

use tract_onnx::pb::NodeProto;

/// The place of an ONNX node among those that stand for one graph node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// A later one completes the value.
    Part,
    /// As [`Step::Part`]: the variable of a Chebyshev series, mapped to `[-1, 1]`.
    Argument,
    /// The value is complete.
    Whole,
    /// The value is complete, and a polynomial.
    Polynomial,
}

impl Step {
    const ALL: [(Self, &str); 4] = [
        (Self::Part, "privet: part"),
        (Self::Argument, "privet: argument"),
        (Self::Whole, "privet: whole"),
        (Self::Polynomial, "privet: polynomial"),
    ];

    /// The node's description.
    pub(crate) fn text(self) -> &'static str {
        let found = Self::ALL.iter().find(|(step, _)| *step == self);
        found.map_or("", |(_, text)| text)
    }

    /// What the node's description says; `None` for other files.
    pub(crate) fn of(proto: &NodeProto) -> Option<Self> {
        let found = Self::ALL.iter().find(|(_, text)| *text == proto.doc_string);
        found.map(|(step, _)| *step)
    }

    /// Whether the graph node is complete.
    pub(crate) fn is_last(self) -> bool {
        matches!(self, Self::Whole | Self::Polynomial)
    }
}
