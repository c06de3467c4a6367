//! What a window computes, as terms.

use super::constants::Pt;
use egg::{Id, Language};

/// One operation. The children of sums and products are sorted, so that neither needs rules of its own.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Node {
    /// A value from outside the window.
    Leaf(u32),
    /// Of any number of terms; none is zero.
    Sum(Vec<Id>),
    Neg([Id; 1]),
    Rot(u32, [Id; 1]),
    /// Product with a constant.
    Times(Pt, [Id; 1]),
    /// Sum with a constant.
    Plus(Pt, [Id; 1]),
    /// Product of two values, relinearized.
    Prod([Id; 2]),
}

/// A node without its children.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Kind {
    Leaf(u32),
    Sum(usize),
    Neg,
    Rot(u32),
    Times(Pt),
    Plus(Pt),
    Prod,
}

impl Language for Node {
    type Discriminant = Kind;

    fn discriminant(&self) -> Kind {
        match self {
            Self::Leaf(i) => Kind::Leaf(*i),
            Self::Sum(terms) => Kind::Sum(terms.len()),
            Self::Neg(_) => Kind::Neg,
            Self::Rot(by, _) => Kind::Rot(*by),
            Self::Times(pt, _) => Kind::Times(*pt),
            Self::Plus(pt, _) => Kind::Plus(*pt),
            Self::Prod(_) => Kind::Prod,
        }
    }

    fn matches(&self, other: &Self) -> bool {
        self.discriminant() == other.discriminant()
    }

    fn children(&self) -> &[Id] {
        match self {
            Self::Leaf(_) => &[],
            Self::Sum(terms) => terms,
            Self::Prod(pair) => pair,
            Self::Neg(x) | Self::Rot(_, x) | Self::Times(_, x) | Self::Plus(_, x) => x,
        }
    }

    fn children_mut(&mut self) -> &mut [Id] {
        match self {
            Self::Leaf(_) => &mut [],
            Self::Sum(terms) => terms,
            Self::Prod(pair) => pair,
            Self::Neg(x) | Self::Rot(_, x) | Self::Times(_, x) | Self::Plus(_, x) => x,
        }
    }

    // egg renames children through this one, so children stay sorted when classes merge.
    fn update_children<F: FnMut(Id) -> Id>(&mut self, mut f: F) {
        self.children_mut().iter_mut().for_each(|id| *id = f(*id));
        if let Self::Sum(_) | Self::Prod(_) = self {
            self.children_mut().sort_unstable();
        }
    }
}
