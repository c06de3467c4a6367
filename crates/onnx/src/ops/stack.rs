//! Products of stacks of matrices with a constant: convolutions of width 1 over the rows that do not mix.

use super::conv::number;
use super::rearrange;
use crate::lower::{Data, Fault, Lowering};
use crate::node::OnnxNode;
use graph::{NodeId, Op, Selection, Tensor};
use layout::ConvGeometry;

/// Whether a `MatMul` by a constant has more rows, or columns, than one vector per sample.
pub(super) fn applies(cx: &Lowering<'_>, node: OnnxNode<'_>) -> Result<bool, Fault> {
    let left = cx.optional_data(node, 0).is_some();
    let right = cx.optional_data(node, 1).is_some();
    let k = usize::from(right);
    let shape = cx.shape(node.input(k).unwrap_or_default())?;
    let others = match (left, right, shape) {
        (true, false, [lead @ .., _]) => lead.iter().product(),
        (false, true, [lead @ .., _, cols]) => lead.iter().product::<usize>() * cols,
        _ => 1,
    };
    let constant = cx.shape(node.input(1 - k).unwrap_or_default())?;
    Ok(left != right && (others > 1 || constant.len() > 2 && constant[0] > 1))
}

/// The matrices of a stack: how many, rows, columns.
fn matrices(shape: &[usize], is_left: bool) -> [usize; 3] {
    match *shape {
        [ref lead @ .., rows, cols] => [lead.iter().product(), rows, cols],
        [n] if is_left => [1, 1, n],
        [n] => [1, n, 1],
        [] => [1, 1, 1],
    }
}

/// `X · W` or `W · X` for each matrix of a stack.
pub(super) fn mat_mul<'a>(cx: &mut Lowering<'a>, node: OnnxNode<'a>) -> Result<Data, Fault> {
    let x_is_left = cx.optional_data(node, 0).is_some();
    let (at, of) = if x_is_left { (0, 1) } else { (1, 0) };
    let x = cx.data(node, at)?;
    let weight = cx.weight(node, of, "weight")?;
    let size = matrices(cx.shape(node.input(at).unwrap_or_default())?, x_is_left);
    multiply(cx, node, (x.id, size), &weight, x_is_left).map(Data::new)
}

/// `Gemm` of more rows, or columns, than one vector per sample, before its bias; `None` where it has one.
pub(super) fn gemm<'a>(
    cx: &mut Lowering<'a>,
    node: OnnxNode<'a>,
    transposed: (bool, bool),
) -> Result<Option<NodeId>, Fault> {
    let at = usize::from(cx.optional_data(node, 0).is_none());
    let flags = [transposed.0, transposed.1];
    let (&[rows, cols], Some(x)) = (
        cx.shape(node.input(at).unwrap_or_default())?,
        cx.optional_data(node, at),
    ) else {
        return Ok(None);
    };
    let others = if flags[at] == (at == 0) { cols } else { rows };
    if others == 1 || cx.optional_data(node, 1 - at).is_some() {
        return Ok(None);
    }
    let (mut x, mut size) = (x.id, [1, rows, cols]);
    if flags[at] {
        x = turn(cx, node, x, size, [0, 2, 1], "transposed")?;
        size = [1, cols, rows];
    }
    let weight = cx.weight(node, 1 - at, "weight")?;
    let &[rows, cols] = weight.shape() else {
        let found = weight.shape();
        return Err(Fault::Shape(format!("found a weight of shape {found:?}")));
    };
    let weight = if flags[1 - at] {
        let values = weight.values();
        let column = |col: usize| (0..rows).map(move |row| values[row * cols + col]);
        let values = (0..cols).flat_map(column).collect();
        Tensor::new(&[cols, rows], values).unwrap_or(weight)
    } else {
        weight
    };
    multiply(cx, node, (x, size), &weight, at == 0).map(Some)
}

fn multiply<'a>(
    cx: &mut Lowering<'a>,
    node: OnnxNode<'a>,
    (x, [n_x, x_rows, x_cols]): (NodeId, [usize; 3]),
    weight: &Tensor,
    x_is_left: bool,
) -> Result<NodeId, Fault> {
    let [n_w, w_rows, w_cols] = matrices(weight.shape(), !x_is_left);
    let fits = if x_is_left {
        x_cols == w_rows
    } else {
        w_cols == x_rows
    };
    if !fits || (n_w != 1 && n_w != n_x) {
        let shapes = (weight.shape(), n_x, x_rows, x_cols);
        return Err(Fault::unsupported(
            format!("it multiplies stacks of matrices that do not match one to one, {shapes:?}"),
            "use one weight for all, or one for each",
        ));
    }
    // Channels are what is summed over; positions are what is not.
    let (inner, out, others) = if x_is_left {
        (x_cols, w_cols, x_rows)
    } else {
        (x_rows, w_rows, x_cols)
    };
    let shared = n_w == 1;
    let is_turned = x_is_left || shared && n_x > 1;
    // As [stack, channels, positions], one stack where all share the weight.
    let (from, axes) = match (x_is_left, shared) {
        (true, true) => ([1, n_x * others, inner], [0, 2, 1]),
        (true, false) => ([n_x, others, inner], [0, 2, 1]),
        (false, true) => ([n_x, inner, others], [1, 0, 2]),
        (false, false) => ([n_x, inner, others], [0, 1, 2]),
    };
    let x = if is_turned {
        turn(cx, node, x, from, axes, "channels first")?
    } else {
        x
    };
    let positions = if shared { n_x * others } else { others };
    let x = rearrange::shaped(cx, node, x, &[n_w * inner, positions], "rows")?;
    let filters = filters(weight, [n_w, out, inner], x_is_left)?;
    let geometry = ConvGeometry {
        in_channels: number(n_w * inner)?,
        in_height: 1,
        in_width: number(positions)?,
        out_channels: number(n_w * out)?,
        kernel: (1, 1),
        stride: (1, 1),
        pad: [0; 4],
        dilation: (1, 1),
        groups: number(n_w)?,
    };
    geometry.check().map_err(|e| Fault::Shape(e.to_string()))?;
    let bias = Tensor::zeros(&[n_w * out]);
    let op = Op::Conv {
        geometry,
        weight: filters,
        bias,
    };
    let y = cx.emit(node, op, &[x])?;
    let back = match (x_is_left, shared) {
        (true, true) => ([1, out, n_x * others], [0, 2, 1]),
        (true, false) => ([n_x, out, others], [0, 2, 1]),
        (false, true) => ([out, n_x, others], [1, 0, 2]),
        (false, false) => return Ok(y),
    };
    if !is_turned {
        return Ok(y);
    }
    turn(cx, node, y, back.0, back.1, "rows first")
}

/// Filters `[stack · out, inner, 1, 1]` of a constant stored by input where it stands on the right.
fn filters(
    weight: &Tensor,
    [stack, out, inner]: [usize; 3],
    is_stored_by_input: bool,
) -> Result<Tensor, Fault> {
    let values = weight.values();
    let mut filters = Vec::with_capacity(values.len());
    for matrix in values.chunks_exact((out * inner).max(1)) {
        for row in 0..out {
            filters.extend((0..inner).map(|col| match is_stored_by_input {
                true => matrix[col * out + row],
                false => matrix[row * inner + col],
            }));
        }
    }
    Tensor::new(&[stack * out, inner, 1, 1], filters)
        .ok_or_else(|| Fault::Shape(format!("found a weight of shape {:?}", weight.shape())))
}

fn turn<'a>(
    cx: &mut Lowering<'a>,
    node: OnnxNode<'a>,
    x: NodeId,
    from: [usize; 3],
    axes: [usize; 3],
    part: &str,
) -> Result<NodeId, Fault> {
    // A single matrix needs no axis for the stack.
    let lone = usize::from(from[0] == 1 && axes[0] == 0);
    let axes: Vec<usize> = axes[lone..].iter().map(|axis| axis - lone).collect();
    let x = rearrange::shaped(cx, node, x, &from[lone..], "matrices")?;
    let op = Op::Select(Selection::transposed(&from[lone..], &axes));
    cx.emit_part(node, part, op, &[x])
}
