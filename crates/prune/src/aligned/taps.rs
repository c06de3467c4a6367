//! Which taps of a convolution reach which entries of its matrix, whatever was folded into it.

use super::Error;
use privet::extend::graph::Op;
use privet::extend::layout::SparseMatrix;
use privet::extend::{Graph, Settings};
use privet::passes::util::linear::linear_map;
use std::collections::BTreeMap;
use train::{ParameterId, parameters, set_parameter};

/// Per convolution, per tap, the matrix of the compiled layer with weights at this tap alone.
pub(super) struct Taps(BTreeMap<String, Vec<SparseMatrix>>);

impl Taps {
    /// Runs the folding passes once per tap on a copy of the network whose convolutions have weights 1 there and 0 elsewhere.
    pub fn new(graph: &Graph, settings: &Settings) -> Result<Self, Error> {
        let pipeline = privet::passes::graph().standard();
        let folding = pipeline.up_to("fold-linear").map_err(privet::Error::from)?;
        let sizes = parameters(graph).into_iter().filter_map(|(id, values)| {
            let is_conv = matches!(graph.node(graph.find(&id.node)?).op, Op::Conv { .. });
            let n_taps = values.shape().iter().skip(2).product::<usize>();
            (is_conv && id.word == "weight").then_some((id, values.len(), n_taps))
        });
        let convolutions: Vec<(ParameterId, usize, usize)> = sizes.collect();
        let most = convolutions.iter().map(|conv| conv.2).max().unwrap_or(0);
        let mut taps: BTreeMap<String, Vec<SparseMatrix>> = BTreeMap::new();
        for tap in 0..most {
            let mut probe = graph.clone();
            let with_tap = || convolutions.iter().filter(|conv| tap < conv.2);
            for (id, len, n_taps) in with_tap() {
                let at_tap = (0..*len).map(|at| if at % n_taps == tap { 1.0 } else { 0.0 });
                set_parameter(&mut probe, id, at_tap.collect());
            }
            let folded = folding.run(&mut probe, settings, &mut |_, _, _| {});
            folded.map_err(privet::Error::from)?;
            for (id, ..) in with_tap() {
                let Some(node) = probe.find(&id.node) else {
                    continue;
                };
                let operands = probe.operands(node);
                let shape = operands.first().map(|&operand| probe.shape(operand));
                let op = &probe.node(node).op;
                let Some(map) = shape.and_then(|shape| linear_map(op, shape)) else {
                    continue;
                };
                let known = taps.entry(id.node.clone()).or_default();
                // A convolution that is gone in one probe is gone in all.
                if known.len() == tap {
                    known.push(map.matrix);
                }
            }
        }
        Ok(Self(taps))
    }

    /// Per entry of a compiled layer, weights of the convolution of that name, of shape
    /// `[out, in / groups, height, width]`; nothing if some entry is reached by none.
    pub fn made_of(
        &self,
        name: &str,
        (shape, groups): (&[usize], usize),
        places: &[(u32, u32, f64)],
        (rows, cols): (u32, u32),
    ) -> Option<Vec<Vec<u32>>> {
        let [n_out, n_in, height, width] = *shape else {
            return None;
        };
        let n_taps = height * width;
        let taps = self.0.get(name).filter(|taps| taps.len() == n_taps)?;
        let (channels, filters) = (n_in * groups, n_out / groups.max(1));
        let is_whole =
            (rows as usize).is_multiple_of(n_out) && (cols as usize).is_multiple_of(channels);
        if !is_whole {
            return None;
        }
        let (row_plane, col_plane) = (rows as usize / n_out, cols as usize / channels);
        let mut made_of = vec![Vec::new(); places.len()];
        for (tap, matrix) in taps.iter().enumerate() {
            if (matrix.rows(), matrix.cols()) != (rows, cols) {
                return None;
            }
            for (row, col, _) in matrix.entries().filter(|&(.., value)| value != 0.0) {
                let (filter, channel) = (row as usize / row_plane, col as usize / col_plane);
                if channel / n_in != filter / filters {
                    return None;
                }
                let found = places.binary_search_by_key(&(row, col), |&(row, col, _)| (row, col));
                if let Ok(at) = found {
                    made_of[at].push(((filter * n_in + channel % n_in) * n_taps + tap) as u32);
                }
            }
        }
        made_of
            .iter()
            .all(|weights| !weights.is_empty())
            .then_some(made_of)
    }
}
