//! What graph and circuit share.

use circuit::Circuit;
use graph::Graph;
use std::collections::BTreeMap;

/// A program form: printable, checkable, countable.
pub trait Program: Clone + Send + Sync {
    /// The word for this form, which is also the ending of its dumps.
    const WORD: &'static str;

    /// The text form, all values included, so that it parses back.
    fn print(&self) -> String;

    /// The text form with long constants by name only.
    fn print_names(&self) -> String;

    /// Every broken invariant.
    fn verify(&self) -> Vec<String>;

    /// Drops what nothing reads and renumbers.
    fn compact(&mut self);

    /// Exact counts, for reports.
    fn count(&self) -> BTreeMap<String, u64>;
}

impl Program for Graph {
    const WORD: &'static str = "graph";

    fn print(&self) -> String {
        graph::print(self, graph::Detail::Values)
    }

    fn print_names(&self) -> String {
        graph::print(self, graph::Detail::Shapes)
    }

    fn verify(&self) -> Vec<String> {
        Graph::verify(self)
            .err()
            .into_iter()
            .flatten()
            .map(|e| e.to_string())
            .collect()
    }

    fn compact(&mut self) {
        Graph::compact(self);
    }

    fn count(&self) -> BTreeMap<String, u64> {
        let mut counts = BTreeMap::new();
        for id in self.order() {
            *counts
                .entry(self.node(id).op.word().to_owned())
                .or_insert(0) += 1;
        }
        counts
    }
}

impl Program for Circuit {
    const WORD: &'static str = "circuit";

    fn print(&self) -> String {
        circuit::print(self, circuit::Detail::Values)
    }

    fn print_names(&self) -> String {
        circuit::print(self, circuit::Detail::Names)
    }

    fn verify(&self) -> Vec<String> {
        circuit::verify(self)
            .err()
            .into_iter()
            .flatten()
            .map(|e| e.to_string())
            .collect()
    }

    fn compact(&mut self) {
        Circuit::compact(self);
    }

    fn count(&self) -> BTreeMap<String, u64> {
        let counts = circuit::counts(self);
        let named = counts
            .named()
            .into_iter()
            .filter(|(_, n)| *n > 0)
            .map(|(name, n)| (name.to_owned(), n));
        named
            .chain([
                ("depth".to_owned(), self.depth()),
                ("keys".to_owned(), self.n_galois_keys()),
            ])
            .collect()
    }
}
