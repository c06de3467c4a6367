//! Which weights sit in which plaintexts of the plans the compiler makes.

use super::levels::below;
use super::taps::Taps;
use super::{Error, Pricer};
use privet::extend::graph::Op;
use privet::extend::layout::{LinearPlan, Periodic, SparseMatrix};
use privet::extend::{Graph, NodeId};
use privet::passes::util::linear::linear_map;
use privet::passes::util::plan::plan_one;
use train::ParameterId;

/// A linear layer as the compiler plans it.
#[derive(Clone, Debug)]
pub struct PlannedLayer {
    /// The weight.
    pub weight: ParameterId,
    /// Elements of the weight.
    pub n_weights: usize,
    /// Levels left below the layer's result.
    pub below: u32,
    /// Levels of the whole network.
    pub levels: u32,
    /// Where its input sits.
    pub input: Periodic,
    /// Where its output sits.
    pub output: Periodic,
    /// Its matrix; the value of an entry is its number, from 1.
    pub numbered: SparseMatrix,
    /// Per entry of the matrix, the weights it is made of.
    pub made_of: Vec<Vec<u32>>,
    /// Shifts are equal modulo this.
    pub modulus: u32,
    /// Its plaintexts.
    pub cells: Vec<Members>,
    /// Rotate-and-adds of its sums.
    pub n_collapse: u64,
}

/// One plaintext and what it holds.
#[derive(Clone, Debug, PartialEq)]
pub struct Members {
    /// Output ciphertext.
    pub out_ct: u32,
    /// Input ciphertext.
    pub in_ct: u32,
    /// Rotation of the input.
    pub baby: u32,
    /// Rotation of the sum.
    pub giant: u32,
    /// Weights, ascending, each once.
    pub weights: Vec<u32>,
}

impl Members {
    /// The whole rotation.
    pub fn residue(&self, modulus: u32) -> u32 {
        (self.baby + self.giant) % modulus
    }
}

/// The layers of a network whose units stay where they are, with the plans for the pricer's ring. Weights that are zero are
/// in no cell. Layers in tiles, transposed convolutions and dense layers that a pool was folded into are left out.
///
/// # Errors
/// [`Error::Compile`] with the pass that refuses the network.
pub fn layers(pricer: &Pricer, graph: &Graph) -> Result<Vec<PlannedLayer>, Error> {
    let planned = pricer.price_in_place(graph)?.graph;
    let taps = Taps::new(graph, pricer.settings())?;
    let below = below(&planned);
    let levels = planned
        .inputs()
        .iter()
        .map(|id| below[id])
        .max()
        .unwrap_or(0);
    let mut layers = Vec::new();
    for id in planned.order() {
        let Some(plan) = planned.node(id).facts.plan.clone() else {
            continue;
        };
        if plan.output.as_tiles().is_some() {
            continue;
        }
        let Some((weight, made_of, numbered)) = numbered(graph, &planned, id, &taps) else {
            continue;
        };
        let Ok(plan) = plan_one(&numbered, &plan.input, &plan.output, pricer.settings()) else {
            continue;
        };
        layers.push(PlannedLayer {
            n_weights: weight.1,
            weight: weight.0,
            below: below[&id],
            levels,
            modulus: plan.input.period.min(plan.output.period),
            cells: cells(&plan, &made_of),
            n_collapse: plan.counts.collapse,
            input: plan.input,
            output: plan.output,
            numbered,
            made_of,
        });
    }
    Ok(layers)
}

type Numbered = ((ParameterId, usize), Vec<Vec<u32>>, SparseMatrix);

/// The matrix of a planned node with numbers for values, and the weights that each entry is made of.
fn numbered(graph: &Graph, planned: &Graph, id: NodeId, taps: &Taps) -> Option<Numbered> {
    let node = planned.node(id);
    let source = graph.find(&node.name)?;
    let matrix = linear_map(&node.op, planned.shape(planned.operands(id)[0]))?.matrix;
    let (rows, cols) = (matrix.rows(), matrix.cols());
    let used = |&(.., value): &(u32, u32, f64)| value != 0.0;
    let places: Vec<(u32, u32, f64)> = matrix.entries().filter(used).collect();
    let (len, made_of) = match &graph.node(source).op {
        Op::Dense { weight, .. } if weight.shape() == [rows as usize, cols as usize] => {
            let made_of = places.iter().map(|(row, col, _)| vec![row * cols + col]);
            (weight.len(), made_of.collect())
        }
        Op::Conv {
            geometry, weight, ..
        } => {
            let shape = (weight.shape(), geometry.groups as usize);
            let made_of = taps.made_of(&node.name, shape, &places, (rows, cols))?;
            (weight.len(), made_of)
        }
        _ => return None,
    };
    let numbers = places.iter().zip(1u32..);
    let numbers = numbers.map(|(&(row, col, _), n)| (row, col, f64::from(n)));
    let numbered = SparseMatrix::from_triplets(rows, cols, numbers);
    Some(((ParameterId::weight(&node.name), len), made_of, numbered))
}

fn cells(plan: &LinearPlan, made_of: &[Vec<u32>]) -> Vec<Members> {
    let cells = plan.cells.iter().map(|cell| {
        let numbers = cell.entries.iter().map(|&(_, number)| number as usize - 1);
        let mut weights: Vec<u32> = numbers.flat_map(|at| made_of[at].iter().copied()).collect();
        weights.sort_unstable();
        weights.dedup();
        Members {
            out_ct: cell.out_ct,
            in_ct: cell.in_ct,
            baby: cell.baby,
            giant: cell.giant,
            weights,
        }
    });
    cells.collect()
}
