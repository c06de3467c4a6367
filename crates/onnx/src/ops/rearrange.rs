//! Operators that move elements: each result element is one operand element, or a fill.

mod cut;
mod spread;

use super::axes::operand_shape;
use super::resize;
use crate::facts::Facts;
use crate::lower::{Data, Fault, Lowering, per_sample};
use crate::node::OnnxNode;
use graph::{NodeId, Op, Selection};
use layout::SparseMatrix;
pub(super) use spread::broadcast;

/// One result of an operator that moves elements, batch axis included.
pub(crate) struct Moved {
    /// The operand's shape when elements are picked.
    pub(super) from: Vec<usize>,
    pub(super) pick: Pick,
    /// The result's shape.
    pub(crate) to: Vec<usize>,
}

/// How the result is made of the operand.
pub(super) enum Pick {
    /// One element, or the fill, for each.
    One(Selection),
    /// Weighted sums, the product of weights per axis.
    Sums(SparseMatrix),
}

impl Moved {
    fn one(from: &[usize], selection: Selection) -> Self {
        let to = selection.sizes();
        Self {
            from: from.to_vec(),
            pick: Pick::One(selection),
            to,
        }
    }

    fn shaped(self, to: Vec<usize>) -> Self {
        Self { to, ..self }
    }
}

/// The results of a node that moves elements of its first operand; `None` for any other operator.
pub(crate) fn results(node: OnnxNode<'_>, facts: &Facts) -> Option<Result<Vec<Moved>, Fault>> {
    let one = |moved: Result<Moved, Fault>| Some(moved.map(|moved| vec![moved]));
    match node.operator() {
        "Transpose" => one(transpose(node, facts)),
        "Slice" => one(cut::slice(node, facts)),
        "Split" => Some(cut::split(node, facts)),
        "Gather" => one(cut::gather(node, facts)),
        "Tile" => one(spread::tile(node, facts)),
        "Expand" => one(spread::expand(node, facts)),
        "Pad" => one(spread::pad(node, facts)),
        "DepthToSpace" | "SpaceToDepth" => one(spread::blocks(node, facts)),
        "Resize" | "Upsample" => one(resize::resize(node, facts)),
        _ => None,
    }
}

/// Lowers the results that are read, in order.
pub(crate) fn lower<'a>(cx: &mut Lowering<'a>, node: OnnxNode<'a>) -> Result<Vec<Data>, Fault> {
    let x = cx.data(node, 0)?;
    let results = results(node, cx.facts)
        .ok_or_else(|| Fault::Shape(format!("'{}' moves no elements", node.operator())))??;
    let each = results.iter().map(|moved| emit(cx, node, x.id, moved));
    each.map(|id| id.map(Data::new)).collect()
}

/// Lowers the first result.
pub(super) fn first<'a>(cx: &mut Lowering<'a>, node: OnnxNode<'a>) -> Result<Data, Fault> {
    let first = lower(cx, node)?.into_iter().next();
    first.ok_or_else(|| Fault::Shape("found no result".to_owned()))
}

/// Adds the node for one result; only a reshape where elements keep their order.
pub(super) fn emit<'a>(
    cx: &mut Lowering<'a>,
    node: OnnxNode<'a>,
    x: NodeId,
    moved: &Moved,
) -> Result<NodeId, Fault> {
    let op = match &moved.pick {
        Pick::One(selection) if keeps_order(selection, &moved.from) => None,
        Pick::One(selection) => Some(selection.clone()),
        Pick::Sums(matrix) => {
            let op = Op::Linear {
                matrix: matrix.clone().into(),
                bias: graph::Tensor::zeros(per_sample(&moved.to)),
                stride: None,
            };
            return cx.emit(node, op, &[x]);
        }
    };
    let Some(mut selection) = op else {
        return shaped(cx, node, x, per_sample(&moved.to), "shape");
    };
    let mut from = moved.from.as_slice();
    let whole = Selection::all(&from[..1.min(from.len())]);
    // The batch axis stays out of the graph's shapes where nothing happens along it.
    if from.len() > 1
        && from[0] == 1
        && selection.axes[0] == 0
        && selection.places[0] == whole.places[0]
    {
        from = &from[1..];
        selection.places.remove(0);
        selection.axes.remove(0);
        selection.axes.iter_mut().for_each(|axis| *axis -= 1);
    }
    let x = shaped(cx, node, x, from, "operand")?;
    cx.emit(node, Op::Select(selection), &[x])
}

/// Reshapes if need be.
pub(super) fn shaped<'a>(
    cx: &mut Lowering<'a>,
    node: OnnxNode<'a>,
    x: NodeId,
    shape: &[usize],
    part: &str,
) -> Result<NodeId, Fault> {
    if cx.graph.shape(x) == shape {
        return Ok(x);
    }
    let shape = shape.to_vec();
    cx.emit_part(node, part, Op::Reshape { shape }, &[x])
}

/// Whether only axes of size 1 pass others.
fn keeps_order(selection: &Selection, from: &[usize]) -> bool {
    let mut all = Selection::transposed(from, &selection.axes);
    all.fill = selection.fill;
    let passed = selection.axes.iter().filter(|&&axis| from[axis] != 1);
    all == *selection && passed.is_sorted()
}

fn transpose(node: OnnxNode<'_>, facts: &Facts) -> Result<Moved, Fault> {
    let shape = operand_shape(node, facts)?;
    let reversed: Vec<i64> = (0..shape.len() as i64).rev().collect();
    let perm = node.ints("perm").unwrap_or(&reversed);
    let axes: Vec<usize> = perm.iter().map(|&axis| axis as usize).collect();
    let mut sorted = axes.clone();
    sorted.sort_unstable();
    if !sorted.iter().copied().eq(0..shape.len()) {
        return Err(Fault::Shape(format!(
            "found perm {perm:?}, expected a permutation of {} axes",
            shape.len()
        )));
    }
    Ok(Moved::one(shape, Selection::transposed(shape, &axes)))
}
