//! Writes the text form of a graph.

mod moves;

use crate::text::{ConstantName, Nested, Number, Quoted};
use crate::{Basis, Graph, Node, NodeId, Op, PoolGeometry, Tensor};
use layout::{LinearPlan, SparseMatrix};
use std::collections::BTreeMap;
use std::fmt::{self, Display, Write};

/// Constants up to this many elements are written where they are used.
const MAX_INLINE: usize = 16;

/// How much of large constants is printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Detail {
    /// Shape and hash, as a comment; parses back only where no constant is large.
    Shapes,
    /// All values; parses back to an equal graph.
    Values,
}

/// The text form, one node per line; ids count up in evaluation order.
///
/// A line is `%id "name" = word operands attributes -> [shape] from "origin" range low..high layout periodic …`, for instance
/// `%1 "conv1" = conv %0 out 6 kernel 5x5 stride 1,1 pad 2,2,2,2 weight @conv1.weight bias [0.5, 1, 0, 0, 0, 0] -> [6, 28, 28]`.
/// Attributes with their usual value are left out. Constants of at most 16 elements stand in the line, one bracket per axis;
/// larger ones are named after node and role and, with [`Detail::Values`], defined before the first node:
/// `tensor @conv1.weight [6, 1, 5, 5] = [0.1, …]`, `matrix @fold.matrix 84x400 = [row col value, …]`.
/// A kernel plan is a comment: it does not parse back.
pub fn print(graph: &Graph, detail: Detail) -> String {
    Text { graph, detail }.to_string()
}

impl Display for Graph {
    /// The text form with [`Detail::Shapes`].
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Text {
            graph: self,
            detail: Detail::Shapes,
        }
        .fmt(f)
    }
}

struct Text<'a> {
    graph: &'a Graph,
    detail: Detail,
}

impl Display for Text<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let order = self.graph.order_with_cycles();
        let ids: BTreeMap<NodeId, usize> =
            order.iter().enumerate().map(|(k, &id)| (id, k)).collect();
        // An output that does not exist, in a broken graph, keeps its id of the node table.
        let number = |id: &NodeId| ids.get(id).map_or(id.to_string(), |k| format!("%{k}"));
        let wires = |wires: &[NodeId]| list(wires.iter().map(number));
        writeln!(f, "graph {} {{", Quoted(&self.graph.name))?;
        if self.detail == Detail::Values {
            order.iter().try_for_each(|&id| self.constants(f, id))?;
        }
        for id in &order {
            let node = self.graph.node(*id);
            write!(
                f,
                "  %{} {} = {}",
                ids[id],
                Quoted(&node.name),
                node.op.word()
            )?;
            let operands = self.graph.operands(*id);
            if !operands.is_empty() {
                write!(f, " {}", wires(&operands))?;
            }
            let mut comments = Vec::new();
            self.attributes(f, node, &mut comments)?;
            facts(f, node)?;
            if let Some(plan) = &node.facts.plan {
                comments.push(summary(plan));
            }
            match comments.is_empty() {
                true => writeln!(f)?,
                false => writeln!(f, " ; {}", comments.join(", "))?,
            }
        }
        writeln!(
            f,
            "  {}",
            format!("return {}", wires(self.graph.outputs())).trim_end()
        )?;
        writeln!(f, "}}")
    }
}

impl Text<'_> {
    /// Definitions of a node's large constants.
    fn constants(&self, f: &mut fmt::Formatter<'_>, id: NodeId) -> fmt::Result {
        let node = self.graph.node(id);
        if let Op::Linear { matrix, .. } = &node.op
            && matrix.nnz() > MAX_INLINE
        {
            let name = format!("{}.matrix", node.name);
            writeln!(f, "  matrix {} {}", ConstantName(&name), Entries(matrix))?;
        }
        for (role, tensor) in self.graph.constants(id) {
            if tensor.len() > MAX_INLINE {
                let name = format!("{}.{role}", node.name);
                let values = list(tensor.values().iter().map(|&x| Number(x)));
                writeln!(
                    f,
                    "  tensor {} {:?} = [{values}]",
                    ConstantName(&name),
                    tensor.shape()
                )?;
            }
        }
        Ok(())
    }

    fn attributes(
        &self,
        f: &mut fmt::Formatter<'_>,
        node: &Node,
        comments: &mut Vec<String>,
    ) -> fmt::Result {
        let mut tensor = |f: &mut fmt::Formatter<'_>, role: &str, tensor: &Tensor| {
            if tensor.len() <= MAX_INLINE {
                return write!(f, " {role} {}", Nested(tensor));
            }
            if self.detail == Detail::Shapes {
                let hash = hash(tensor.values().iter().copied());
                comments.push(format!("{role} {:?} fnv {hash:016x}", tensor.shape()));
            }
            write!(
                f,
                " {role} {}",
                ConstantName(&format!("{}.{role}", node.name))
            )
        };
        match &node.op {
            Op::Input { .. } | Op::Reshape { .. } | Op::GlobalAvgPool | Op::Add | Op::Mul => Ok(()),
            Op::Conv {
                geometry: g,
                weight,
                bias,
            } => {
                write!(f, " out {}", g.out_channels)?;
                moves::window(f, g)?;
                tensor(f, "weight", weight)?;
                tensor(f, "bias", bias)
            }
            Op::ConvTranspose {
                geometry: g,
                weight,
                bias,
            } => {
                write!(f, " out {}x{}x{}", g.in_channels, g.in_height, g.in_width)?;
                moves::window(f, g)?;
                tensor(f, "weight", weight)?;
                tensor(f, "bias", bias)
            }
            Op::Select(selection) => moves::select(f, selection),
            Op::Concat { axis } => write!(f, " axis {axis}"),
            Op::Mean { axes } => write!(f, " axes [{}]", list(axes)),
            Op::Dense { weight, bias } => {
                tensor(f, "weight", weight)?;
                tensor(f, "bias", bias)
            }
            Op::Linear {
                matrix,
                bias,
                stride,
            } => {
                if let Some((down, across)) = stride {
                    write!(f, " stride {down},{across}")?;
                }
                tensor(f, "bias", bias)?;
                if matrix.nnz() <= MAX_INLINE {
                    return write!(f, " matrix {}", Entries(matrix));
                }
                if self.detail == Detail::Shapes {
                    let (rows, cols, n) = (matrix.rows(), matrix.cols(), matrix.nnz());
                    let numbers = matrix
                        .entries()
                        .flat_map(|(r, c, x)| [r.into(), c.into(), x]);
                    let hash = hash(numbers);
                    comments.push(format!("matrix {rows}x{cols} {n} entries fnv {hash:016x}"));
                }
                write!(
                    f,
                    " matrix {}",
                    ConstantName(&format!("{}.matrix", node.name))
                )
            }
            Op::AvgPool(g) | Op::MaxPool(g) => pool(f, g),
            Op::Affine { scale, shift } => {
                tensor(f, "scale", scale)?;
                tensor(f, "shift", shift)
            }
            Op::Pad([top, left, bottom, right]) => write!(f, " {top},{left},{bottom},{right}"),
            Op::Activation(activation) => {
                let mut parameters = activation.parameters().into_iter();
                parameters.try_for_each(|(word, value)| write!(f, " {word} {}", Number(value)))
            }
            Op::Polynomial(polynomial) => {
                match polynomial.basis {
                    Basis::Power => write!(f, " power")?,
                    Basis::Chebyshev { low, high } => {
                        write!(f, " chebyshev {}..{}", Number(low), Number(high))?;
                    }
                }
                write!(
                    f,
                    " [{}]",
                    list(polynomial.coefficients.iter().map(|&c| Number(c)))
                )
            }
        }
    }
}

/// `10x84 = [row col value, …]`
struct Entries<'a>(&'a SparseMatrix);

impl Display for Entries<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let entries = self
            .0
            .entries()
            .map(|(row, col, x)| format!("{row} {col} {}", Number(x)));
        write!(
            f,
            "{}x{} = [{}]",
            self.0.rows(),
            self.0.cols(),
            list(entries)
        )
    }
}

fn pool(f: &mut fmt::Formatter<'_>, g: &PoolGeometry) -> fmt::Result {
    write!(
        f,
        " kernel {}x{} stride {},{}",
        g.kernel.0, g.kernel.1, g.stride.0, g.stride.1
    )?;
    pads(f, g.pad)?;
    if g.count_include_pad {
        f.write_str(" count_include_pad")
    } else {
        Ok(())
    }
}

fn pads(f: &mut fmt::Formatter<'_>, pad: [u32; 4]) -> fmt::Result {
    let [top, left, bottom, right] = pad;
    if pad == [0; 4] {
        Ok(())
    } else {
        write!(f, " pad {top},{left},{bottom},{right}")
    }
}

fn facts(f: &mut fmt::Formatter<'_>, node: &Node) -> fmt::Result {
    let shape = match &node.op {
        Op::Input { shape } | Op::Reshape { shape } => shape,
        _ => &node.shape,
    };
    write!(f, " -> {shape:?}")?;
    if !node.origin.is_empty() {
        write!(
            f,
            " from {}",
            list(node.origin.iter().map(|origin| Quoted(origin)))
        )?;
    }
    if let Some(range) = node.facts.range {
        write!(f, " range {}..{}", Number(range.low), Number(range.high))?;
    }
    match &node.facts.layout {
        Some(layout) => write!(f, " layout {layout}"),
        None => Ok(()),
    }
}

/// A plan is derived knowledge: its counts tell it apart in a diff, the planner makes it anew.
fn summary(plan: &LinearPlan) -> String {
    let c = &plan.counts;
    let (zero, total) = (c.diagonals_zero, c.diagonals_total);
    let (babies, giants, collapse) = (c.babies, c.giants, c.collapse);
    let products = c.plain_products;
    format!(
        "plan diagonals {total} zero {zero} baby {babies} giant {giants} collapse {collapse} mul_plain {products}"
    )
}

fn list(items: impl IntoIterator<Item = impl Display>) -> String {
    let mut text = String::new();
    for (k, item) in items.into_iter().enumerate() {
        let comma = if k == 0 { "" } else { ", " };
        write!(text, "{comma}{item}").expect("a string takes all text");
    }
    text
}

/// FNV-1a of the bits, to see in a diff whether large constants changed.
fn hash(values: impl Iterator<Item = f64>) -> u64 {
    let bytes = values.flat_map(|x| x.to_bits().to_le_bytes());
    bytes.fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    })
}
