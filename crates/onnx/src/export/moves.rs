//! Operations that move, join and average elements.

use super::ExportError;
use super::proto::Attribute::{Int, Ints};
use super::writer::Writer;
use graph::{NodeId, Run, Selection};

/// The first operand of a graph node as one vector per sample.
pub(super) fn flattened(writer: &mut Writer<'_>, id: NodeId) -> String {
    let x = writer.operand(id, 0);
    let shape = writer.operand_shape(id);
    if shape.len() == 1 {
        return x;
    }
    let n = shape.iter().product::<usize>() as i64;
    let vector = writer.ints(id, "vector.shape", &[-1, n]);
    writer.part(id, ("Reshape", "vector"), &[&x, &vector], &[])
}

/// Ends a graph node with a value in the shape of its result.
pub(super) fn reshape_value(
    writer: &mut Writer<'_>,
    id: NodeId,
    value: &str,
) -> Result<(), ExportError> {
    let shape = writer.graph().shape(id).iter().map(|&size| size as i64);
    let shape: Vec<i64> = std::iter::once(0).chain(shape).collect();
    let shape = writer.ints(id, "shape", &shape);
    writer.whole(id, "Reshape", &[value, &shape], &[])
}

/// `Reshape`.
pub(super) fn reshape(writer: &mut Writer<'_>, id: NodeId) -> Result<(), ExportError> {
    let x = writer.operand(id, 0);
    reshape_value(writer, id, &x)
}

/// `Pad` with zeros around images.
pub(super) fn pad(
    writer: &mut Writer<'_>,
    id: NodeId,
    [top, left, bottom, right]: [u32; 4],
) -> Result<(), ExportError> {
    let rank = writer.operand_shape(id).len();
    let mut pads = vec![0; 2 * (rank + 1)];
    (pads[rank], pads[2 * rank + 1]) = (i64::from(left), i64::from(right));
    if rank > 2 {
        (pads[rank - 1], pads[2 * rank]) = (i64::from(top), i64::from(bottom));
    }
    let x = writer.operand(id, 0);
    let pads = writer.ints(id, "pads", &pads);
    writer.whole(id, "Pad", &[&x, &pads], &[])
}

/// `Concat`.
pub(super) fn concat(writer: &mut Writer<'_>, id: NodeId, axis: usize) -> Result<(), ExportError> {
    let n = writer.graph().operands(id).len();
    let values: Vec<String> = (0..n).map(|k| writer.operand(id, k)).collect();
    let values: Vec<&str> = values.iter().map(String::as_str).collect();
    writer.whole(id, "Concat", &values, &[Int("axis", axis as i64 + 1)])
}

/// `ReduceMean`.
pub(super) fn mean(writer: &mut Writer<'_>, id: NodeId, axes: &[usize]) -> Result<(), ExportError> {
    let axes = axes.iter().map(|&axis| axis as i64 + 1).collect();
    let x = writer.operand(id, 0);
    writer.whole(id, "ReduceMean", &[&x], &[Ints("axes", axes)])
}

/// One operator of a selection.
enum Pick {
    /// `Transpose` by these axes, batch axis included.
    Transpose(Vec<i64>),
    /// `Pad` by amounts before and after each axis, batch axis included.
    Pad(Vec<i64>),
    /// `Gather` of positions along an axis, batch axis included.
    Gather(i64, Vec<i64>),
}

/// `Transpose`, then `Pad`, then a `Gather` for each axis; those that do nothing are left out.
pub(super) fn select(
    writer: &mut Writer<'_>,
    id: NodeId,
    selection: &Selection,
) -> Result<(), ExportError> {
    let picks = picks(selection, writer.operand_shape(id));
    let mut x = writer.operand(id, 0);
    let n = picks.len();
    if n == 0 {
        return writer.whole(id, "Identity", &[&x], &[]);
    }
    for (k, pick) in picks.into_iter().enumerate() {
        let (operator, constants, attributes) = match pick {
            Pick::Transpose(axes) => ("Transpose", Vec::new(), vec![Ints("perm", axes)]),
            Pick::Pad(pads) => {
                let pads = writer.ints(id, "pads", &pads);
                let fill = writer.number(id, "fill", selection.fill)?;
                ("Pad", vec![pads, fill], Vec::new())
            }
            Pick::Gather(axis, places) => {
                let places = writer.ints(id, "places", &places);
                ("Gather", vec![places], vec![Int("axis", axis)])
            }
        };
        let inputs: Vec<&str> = std::iter::once(&x)
            .chain(&constants)
            .map(String::as_str)
            .collect();
        if k + 1 == n {
            return writer.whole(id, operator, &inputs, &attributes);
        }
        x = writer.part(id, (operator, "pick"), &inputs, &attributes);
    }
    Ok(())
}

fn picks(selection: &Selection, shape: &[usize]) -> Vec<Pick> {
    let rank = shape.len();
    let mut picks = Vec::new();
    if !selection.axes.is_sorted() {
        let axes = selection.axes.iter().map(|&axis| axis as i64 + 1);
        picks.push(Pick::Transpose(std::iter::once(0).chain(axes).collect()));
    }
    let mut pads = vec![0; 2 * (rank + 1)];
    let mut gathers = Vec::new();
    for (k, (&axis, runs)) in selection.axes.iter().zip(&selection.places).enumerate() {
        let size = shape[axis];
        let ends = ends(runs, size);
        if let Some((before, after)) = ends {
            (pads[k + 1], pads[rank + k + 2]) = (i64::from(before), i64::from(after));
            continue;
        }
        let empty = size as i64;
        if runs.iter().any(|run| run.start.is_none()) {
            pads[rank + k + 2] = 1;
        }
        gathers.push(Pick::Gather(k as i64 + 1, places(runs, empty)));
    }
    if pads.iter().any(|&n| n != 0) {
        picks.push(Pick::Pad(pads));
    }
    picks.extend(gathers);
    picks
}

/// Positions one by one, with `empty` where the fill stands.
fn places(runs: &[Run], empty: i64) -> Vec<i64> {
    let along = |run: &Run| {
        let (start, step) = (run.start, i64::from(run.step));
        (0..i64::from(run.count)).map(move |k| start.map_or(empty, |s| i64::from(s) + step * k))
    };
    runs.iter().flat_map(along).collect()
}

/// Places of the fill before and after a whole axis, if that is all.
fn ends(runs: &[Run], size: usize) -> Option<(u32, u32)> {
    let is_whole = |run: &Run| {
        run.start == Some(0) && run.count as usize == size && (run.step == 1 || size == 1)
    };
    match runs {
        [whole] if is_whole(whole) => Some((0, 0)),
        [first, whole] if first.start.is_none() && is_whole(whole) => Some((first.count, 0)),
        [whole, last] if last.start.is_none() && is_whole(whole) => Some((0, last.count)),
        [first, whole, last]
            if first.start.is_none() && last.start.is_none() && is_whole(whole) =>
        {
            Some((first.count, last.count))
        }
        _ => None,
    }
}
