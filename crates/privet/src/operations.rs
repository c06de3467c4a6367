//! The operation model in which batched inference is published: one ciphertext per element, layer by layer, nothing
//! folded.
//!
//! | layer | per result | ct·ct | ct·plain | additions |
//! | --- | --- | --- | --- | --- |
//! | linear, `K` inputs | K products, K − 1 sums and the bias | 0 | K | K |
//! | square | | 1 | 0 | 0 |
//! | polynomial of degree `d` | one product per power, one per coefficient | d − 1 | d + 1 | d |
//! | average of `K` | sums, and one product with the divisor | 0 | 1 | K − 1 |
//!
//! What Privet itself runs is counted by [`circuit::counts`] and has fewer of all: shifts and factors of quadratics and
//! divisors of pools move into the neighbouring layers.
//!
//! # Source
//! MOFHEI, whose published counts the formulas reproduce; the terms are told apart by them.

use graph::{Graph, NodeId, Op};
use passes::util::linear::linear_map;

/// Homomorphic operations of a network in the published model.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Operations {
    /// Products of two ciphertexts.
    pub ct_ct: u64,
    /// Products of a ciphertext and a number.
    pub ct_plain: u64,
    /// Additions.
    pub additions: u64,
}

impl Operations {
    /// All of them.
    pub fn total(&self) -> u64 {
        self.ct_ct + self.ct_plain + self.additions
    }

    /// So many times as many.
    fn times(self, n: u64) -> Self {
        Self {
            ct_ct: n * self.ct_ct,
            ct_plain: n * self.ct_plain,
            additions: n * self.additions,
        }
    }
}

/// Counts a network before any pass; `None` if it has an operation that the model does not know.
pub fn operations(graph: &Graph) -> Option<Operations> {
    let mut total = Operations::default();
    for id in graph.order() {
        let of_node = of_node(graph, id)?;
        total.ct_ct += of_node.ct_ct;
        total.ct_plain += of_node.ct_plain;
        total.additions += of_node.additions;
    }
    Some(total)
}

fn of_node(graph: &Graph, id: NodeId) -> Option<Operations> {
    let op = &graph.node(id).op;
    let n_results = graph.n_elements(id) as u64;
    Some(match op {
        Op::Input { .. } | Op::Reshape { .. } => Operations::default(),
        Op::Conv { .. } | Op::Dense { .. } | Op::Linear { .. } => {
            let operand = graph.operands(id).first().copied()?;
            let matrix = linear_map(op, graph.shape(operand))?.matrix;
            let weights = matrix.entries().filter(|(.., w)| *w != 0.0).count() as u64;
            Operations {
                ct_ct: 0,
                ct_plain: weights,
                additions: weights,
            }
        }
        Op::Polynomial(p) if p.is_square() => Operations {
            ct_ct: n_results,
            ..Operations::default()
        },
        Op::Polynomial(p) => {
            let degree = p.degree() as u64;
            let one = Operations {
                ct_ct: degree.saturating_sub(1),
                ct_plain: degree + 1,
                additions: degree,
            };
            one.times(n_results)
        }
        Op::AvgPool(pool) if pool.pad == [0; 4] => {
            let one = Operations {
                ct_ct: 0,
                ct_plain: 1,
                additions: u64::from(pool.kernel.0) * u64::from(pool.kernel.1) - 1,
            };
            one.times(n_results)
        }
        _ => return None,
    })
}
