//! Growing a choice from the leaves: each class takes the node whose set of paid things costs least.

use super::{Choice, Node, Problem};
use std::collections::HashMap;

/// Sweeps over all classes.
const MAX_SWEEPS: usize = 48;

/// Numbers below some bound.
type Set = Vec<u64>;

fn insert(set: &mut Set, number: usize) {
    set[number / 64] |= 1 << (number % 64);
}

fn holds(set: &Set, number: usize) -> bool {
    set[number / 64] >> (number % 64) & 1 == 1
}

fn numbers(set: &Set) -> impl Iterator<Item = usize> + '_ {
    set.iter().enumerate().flat_map(|(word, &bits)| {
        let mut left = bits;
        std::iter::from_fn(move || {
            let bit = left.trailing_zeros() as usize;
            left &= left.wrapping_sub(1);
            (bit < 64).then_some(word * 64 + bit)
        })
    })
}

/// What a class costs with its best node.
#[derive(Clone)]
struct Best {
    node: usize,
    price: f64,
    /// Classes, then digits of classes, then keys.
    paid: Set,
}

impl Problem {
    /// A choice for every class that can be computed from the leaves.
    ///
    /// # Source
    /// The greedy DAG extraction of the extraction-gym collection, with digits and keys among what is shared.
    pub(super) fn grow(&self) -> Choice {
        let n = self.ids.len();
        let mut keys: HashMap<u32, usize> = HashMap::new();
        for node in self.nodes.iter().flatten() {
            if let Node::Rot(by, _) = node {
                let next = 2 * n + keys.len();
                keys.entry(*by).or_insert(next);
            }
        }
        let n_words = (2 * n + keys.len()).div_ceil(64);
        let mut weights = vec![0.0; 2 * n + keys.len()];
        for (class, decomposed) in self.decomposed.iter().enumerate() {
            weights[n + class] = if *decomposed {
                0.0
            } else {
                self.prices.decompose
            };
        }
        for (by, &key) in &keys {
            let is_paid = self.amounts.contains(by);
            weights[key] = if is_paid { 0.0 } else { self.prices.key };
        }
        let mut best: Vec<Option<Best>> = vec![None; n];
        let mut fresh = vec![true; n];
        for sweep in 0..MAX_SWEEPS {
            let was_fresh = std::mem::replace(&mut fresh, vec![false; n]);
            for class in 0..n {
                for (pick, node) in self.nodes[class].iter().enumerate() {
                    let stale = |c: usize| !was_fresh[c] && !fresh[c];
                    if sweep > 0 && self.operands(node).all(stale) {
                        continue;
                    }
                    let paid = self.paid(node, class, &best, &keys, n_words);
                    let Some(paid) = paid else { continue };
                    let kept = std::mem::replace(&mut weights[class], self.own(node));
                    let price = numbers(&paid).map(|i| weights[i]).sum();
                    weights[class] = kept;
                    if best[class]
                        .as_ref()
                        .is_none_or(|b| price < b.price * (1.0 - 1e-9))
                    {
                        best[class] = Some(Best {
                            node: pick,
                            price,
                            paid,
                        });
                        weights[class] = self.own(node);
                        fresh[class] = true;
                    }
                }
            }
            if !fresh.contains(&true) {
                break;
            }
        }
        best.into_iter().map(|b| b.map(|b| b.node)).collect()
    }

    /// All that a node needs; `None` if an operand has no choice yet, or needs this class.
    fn paid(
        &self,
        node: &Node,
        class: usize,
        best: &[Option<Best>],
        keys: &HashMap<u32, usize>,
        n_words: usize,
    ) -> Option<Set> {
        let mut paid = vec![0; n_words];
        for operand in self.operands(node) {
            let part = &best[operand].as_ref()?.paid;
            paid.iter_mut().zip(part).for_each(|(all, p)| *all |= p);
        }
        if holds(&paid, class) {
            return None;
        }
        insert(&mut paid, class);
        if let Node::Rot(by, [x]) = node {
            insert(&mut paid, self.ids.len() + self.place[x]);
            insert(&mut paid, keys[by]);
        }
        Some(paid)
    }
}
