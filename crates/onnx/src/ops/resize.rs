//! `Resize` and `Upsample`: each result position is a weighted sum of operand positions along each axis.

use super::axes::{axis_list, bounded, ints, operand_shape};
use super::rearrange::{Moved, Pick};
use crate::facts::Facts;
use crate::lower::Fault;
use crate::node::OnnxNode;
use graph::Selection;
use layout::SparseMatrix;

const NEAREST: &str = "use mode nearest, linear or cubic without antialias, or ConvTranspose";

/// Positions and weights that make one result position.
type Taps = Vec<(u32, f64)>;

/// The result of a `Resize` or `Upsample`.
pub(super) fn resize(node: OnnxNode<'_>, facts: &Facts) -> Result<Moved, Fault> {
    let shape = operand_shape(node, facts)?;
    let rule = Rule::of(node)?;
    let (sizes, scales) = sizes(node, facts, shape)?;
    bounded(&sizes)?;
    let along = |k: usize| -> Vec<Taps> {
        let (n, size) = (shape[k], sizes[k]);
        if n as u64 == size && scales[k] == 1.0 {
            return (0..n as u32).map(|place| vec![(place, 1.0)]).collect();
        }
        let out = |place: u64| {
            rule.taps(
                n,
                rule.source(place as f64, n as f64, size as f64, scales[k]),
            )
        };
        (0..size).map(out).collect()
    };
    let axes: Vec<Vec<Taps>> = (0..shape.len()).map(along).collect();
    let to: Vec<usize> = sizes.iter().map(|&size| size as usize).collect();
    let pick = if axes.iter().flatten().all(|taps| taps.len() == 1) {
        let mut selection = Selection::all(shape);
        for (k, along) in axes.iter().enumerate() {
            selection = selection.along(k, along.iter().map(|taps| Some(taps[0].0)));
        }
        Pick::One(selection)
    } else {
        Pick::Sums(product(shape, &axes)?)
    };
    Ok(Moved {
        from: shape.to_vec(),
        pick,
        to,
    })
}

/// Sizes of the result, and scale of each axis.
fn sizes(
    node: OnnxNode<'_>,
    facts: &Facts,
    shape: &[usize],
) -> Result<(Vec<u64>, Vec<f64>), Fault> {
    let rank = shape.len();
    let axes = axis_list(node.ints("axes").map(<[i64]>::to_vec), rank)?;
    let is_old = node.operator() == "Upsample" || node.opset < 11;
    let stored = |k: usize| node.input(k).and_then(|name| facts.constant(name));
    let scales: Option<Vec<f64>> = match (is_old, node.floats("scales")) {
        (true, Some(scales)) => Some(scales),
        (true, None) => stored(1).map(|t| t.values().to_vec()),
        (false, _) => stored(2).map(|t| t.values().to_vec()),
    };
    let scales = scales.filter(|scales| !scales.is_empty());
    let wanted = if is_old {
        None
    } else {
        ints(node, facts, 3, "sizes")?
    };
    let mut result: Vec<u64> = shape.iter().map(|&n| n as u64).collect();
    let mut factors = vec![1.0; rank];
    match (scales, wanted) {
        (Some(scales), _) if scales.len() == axes.len() => {
            for (&axis, &scale) in axes.iter().zip(&scales) {
                if !(scale > 0.0 && scale <= 65536.0) {
                    return Err(Fault::Shape(format!("found a scale of {scale}")));
                }
                factors[axis] = scale;
                result[axis] = (shape[axis] as f64 * scale).floor() as u64;
            }
        }
        (None, Some(wanted)) if wanted.len() == axes.len() => {
            if node
                .text("keep_aspect_ratio_policy")
                .is_some_and(|policy| policy != "stretch")
            {
                return Err(Fault::unsupported(
                    "it keeps the aspect ratio",
                    "name the sizes",
                ));
            }
            for (&axis, &size) in axes.iter().zip(&wanted) {
                result[axis] = u64::try_from(size).unwrap_or(0);
                factors[axis] = size as f64 / shape[axis] as f64;
            }
        }
        _ => {
            return Err(Fault::unsupported(
                format!(
                    "found neither scales nor sizes for {} axes as constants",
                    axes.len()
                ),
                "export with fixed shapes and simplify with onnxsim",
            ));
        }
    }
    if result.contains(&0) {
        return Err(Fault::Shape(format!("found a result of shape {result:?}")));
    }
    Ok((result, factors))
}

/// How positions and weights are computed.
struct Rule<'a> {
    mode: &'a str,
    coordinates: &'a str,
    rounding: &'a str,
    cubic: f64,
}

impl<'a> Rule<'a> {
    fn of(node: OnnxNode<'a>) -> Result<Self, Fault> {
        let is_old = node.operator() == "Upsample" || node.opset < 11;
        let or = |name: &str, new: &'static str, old: &'static str| match is_old {
            true => old,
            false => node.text(name).unwrap_or(new),
        };
        let rule = Self {
            mode: node.text("mode").unwrap_or("nearest"),
            coordinates: or("coordinate_transformation_mode", "half_pixel", "asymmetric"),
            rounding: or("nearest_mode", "round_prefer_floor", "floor"),
            cubic: node.float("cubic_coeff_a", -0.75),
        };
        let known = [
            "half_pixel",
            "half_pixel_symmetric",
            "pytorch_half_pixel",
            "asymmetric",
            "align_corners",
        ];
        if node.int("antialias", 0) != 0 || node.int("exclude_outside", 0) != 0 {
            return Err(Fault::unsupported(
                "it weighs by a filter of its own",
                NEAREST,
            ));
        }
        if !["nearest", "linear", "cubic"].contains(&rule.mode)
            || !known.contains(&rule.coordinates)
        {
            let why = format!(
                "found mode '{}', coordinates '{}'",
                rule.mode, rule.coordinates
            );
            return Err(Fault::unsupported(why, NEAREST));
        }
        Ok(rule)
    }

    /// The operand's coordinate of a result position.
    fn source(&self, at: f64, n: f64, size: f64, scale: f64) -> f64 {
        match self.coordinates {
            "asymmetric" => at / scale,
            "align_corners" if size <= 1.0 => 0.0,
            // ONNX aligns with the scaled size, before it is rounded.
            "align_corners" => at * (n - 1.0) / (n * scale - 1.0),
            "pytorch_half_pixel" if size <= 1.0 => 0.0,
            "half_pixel_symmetric" => {
                let adjustment = size / (n * scale);
                n / 2.0 * (1.0 - adjustment) + (at + 0.5) / scale - 0.5
            }
            _ => (at + 0.5) / scale - 0.5,
        }
    }

    fn taps(&self, n: usize, x: f64) -> Taps {
        let last = n as f64 - 1.0;
        let place = |x: f64| x.clamp(0.0, last) as u32;
        if self.mode == "nearest" {
            let rounded = match self.rounding {
                "floor" => x.floor(),
                "ceil" => x.ceil(),
                "round_prefer_ceil" => (x + 0.5).floor(),
                _ => (x - 0.5).ceil(),
            };
            return vec![(place(rounded), 1.0)];
        }
        let (base, t) = (x.floor(), x - x.floor());
        let weights = match self.mode {
            "linear" => vec![(0.0, 1.0 - t), (1.0, t)],
            _ => [-1.0, 0.0, 1.0, 2.0]
                .map(|k| (k, self.kernel(t - k)))
                .to_vec(),
        };
        let mut taps = Taps::new();
        for (offset, weight) in weights.into_iter().filter(|(_, weight)| *weight != 0.0) {
            let at = place(base + offset);
            match taps.iter_mut().find(|(place, _)| *place == at) {
                Some((_, sum)) => *sum += weight,
                None => taps.push((at, weight)),
            }
        }
        taps
    }

    /// Keys' cubic convolution kernel.
    fn kernel(&self, x: f64) -> f64 {
        let (a, x) = (self.cubic, x.abs());
        match x {
            ..=1.0 => ((a + 2.0) * x - (a + 3.0)) * x * x + 1.0,
            ..2.0 => ((a * x - 5.0 * a) * x + 8.0 * a) * x - 4.0 * a,
            _ => 0.0,
        }
    }
}

/// The matrix whose weights are products of weights per axis.
fn product(shape: &[usize], axes: &[Vec<Taps>]) -> Result<SparseMatrix, Fault> {
    let mut rows: Vec<Taps> = vec![vec![(0, 1.0)]];
    for (&n, along) in shape.iter().zip(axes) {
        let n_entries = |rows: &[Taps]| rows.iter().map(|taps| taps.len() as u64).sum::<u64>();
        bounded(&[n_entries(&rows), n_entries(along)])?;
        let mut next = Vec::with_capacity(rows.len() * along.len());
        for row in &rows {
            for taps in along {
                let each = |&(at, weight): &(u32, f64)| {
                    taps.iter()
                        .map(move |&(place, w)| (at * n as u32 + place, weight * w))
                };
                next.push(row.iter().flat_map(each).collect());
            }
        }
        rows = next;
    }
    let cols: usize = shape.iter().product();
    let entries = rows.iter().enumerate().flat_map(|(row, taps)| {
        taps.iter()
            .map(move |&(col, weight)| (row as u32, col, weight))
    });
    Ok(SparseMatrix::from_triplets(
        rows.len() as u32,
        cols as u32,
        entries,
    ))
}
