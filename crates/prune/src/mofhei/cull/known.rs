//! Which elements are constant, and which are needed once constants moved into biases.

use super::plane;
use privet::extend::graph::Op;
use privet::extend::layout::ConvGeometry;
use privet::extend::{Graph, NodeId, Tensor};
use std::collections::BTreeMap;

/// What is known of every element of every tensor.
pub(super) struct Known {
    constant: BTreeMap<NodeId, Vec<Option<f64>>>,
    needed: BTreeMap<NodeId, Vec<bool>>,
}

impl Known {
    pub(super) fn new(graph: &Graph) -> Self {
        let order = graph.order();
        let mut known = Self {
            constant: BTreeMap::new(),
            needed: BTreeMap::new(),
        };
        for &id in &order {
            let constant = known.constant_of(graph, id);
            known.constant.insert(id, constant);
            let is_output = graph.outputs().contains(&id);
            known
                .needed
                .insert(id, vec![is_output; graph.n_elements(id)]);
        }
        for &id in order.iter().rev() {
            known.need_operands(graph, id);
        }
        known
    }

    /// Per element, its value if that depends on no input.
    pub(super) fn constant(&self, id: NodeId) -> &[Option<f64>] {
        &self.constant[&id]
    }

    /// Per element, whether an output depends on it.
    pub(super) fn needed(&self, id: NodeId) -> &[bool] {
        &self.needed[&id]
    }

    fn constant_of(&self, graph: &Graph, id: NodeId) -> Vec<Option<f64>> {
        let node = graph.node(id);
        let operands = graph.operands(id);
        let x = || self.constant(operands[0]);
        let map = |f: &dyn Fn(f64) -> f64| -> Vec<Option<f64>> {
            let each = |v: &Option<f64>| v.map(f).filter(|y| y.is_finite());
            x().iter().map(each).collect()
        };
        let unknown = || vec![None; graph.n_elements(id)];
        let planes = || x().chunks(plane(graph.shape(operands[0])));
        let spread = |v: Option<f64>| std::iter::repeat_n(v, plane(&node.shape));
        match &node.op {
            Op::Polynomial(polynomial) => map(&|v| polynomial.eval(v)),
            Op::Activation(activation) => map(&|v| activation.eval(v)),
            Op::Reshape { .. } => x().to_vec(),
            Op::Affine { scale, shift } => {
                affine(x(), scale, shift, &node.shape).unwrap_or_else(unknown)
            }
            Op::Add => {
                let pairs = x().iter().zip(self.constant(operands[1]));
                pairs.map(|(a, b)| Some((*a)? + (*b)?)).collect()
            }
            Op::Dense { weight, bias } => dense(weight, bias, x()),
            Op::Conv {
                geometry,
                weight,
                bias,
            } => match conv(geometry, weight, bias, x(), graph.shape(operands[0])) {
                Some(channels) => channels.into_iter().flat_map(spread).collect(),
                None => unknown(),
            },
            Op::AvgPool(pool) => {
                let keeps = |v: &f64| pool.pad == [0; 4] || !pool.count_include_pad || *v == 0.0;
                let each = planes().map(|p| uniform(p).filter(keeps));
                each.flat_map(spread).collect()
            }
            Op::MaxPool(pool) if pool.pad == [0; 4] => {
                planes().map(uniform).flat_map(spread).collect()
            }
            Op::GlobalAvgPool => planes().map(uniform).flat_map(spread).collect(),
            Op::Pad(_) => {
                let each = planes().map(|p| uniform(p).filter(|v| *v == 0.0));
                each.flat_map(spread).collect()
            }
            Op::Concat { axis: 0 } => {
                let all = operands.iter().flat_map(|o| self.constant(*o));
                all.copied().collect()
            }
            _ => unknown(),
        }
    }

    fn need_operands(&mut self, graph: &Graph, id: NodeId) {
        let node = graph.node(id);
        let constant = &self.constant[&id];
        let open = |e: usize| self.needed[&id][e] && constant[e].is_none();
        let needed: Vec<bool> = (0..constant.len()).map(open).collect();
        let operands = graph.operands(id);
        let whole = |o: &NodeId| vec![true; graph.n_elements(*o)];
        let reads: Vec<Vec<bool>> = match &node.op {
            Op::Dense { weight, .. } => {
                vec![dense_reads(weight, &needed, self.constant(operands[0]))]
            }
            Op::Conv {
                geometry, weight, ..
            } if is_separable(geometry) => {
                let x = self.constant(operands[0]);
                vec![conv_reads(
                    geometry,
                    weight,
                    &needed,
                    x,
                    graph.shape(operands[0]),
                )]
            }
            Op::Conv { .. } => {
                self.need(id, &vec![true; graph.n_elements(id)]);
                operands.iter().map(whole).collect()
            }
            Op::Polynomial(_)
            | Op::Activation(_)
            | Op::Affine { .. }
            | Op::Reshape { .. }
            | Op::Add
            | Op::Mul => vec![needed; operands.len()],
            Op::AvgPool(_) | Op::MaxPool(_) | Op::GlobalAvgPool | Op::Pad(_) => {
                let per_operand = plane(graph.shape(operands[0]));
                let channels = needed.chunks(plane(&node.shape));
                let read = channels
                    .flat_map(|c| std::iter::repeat_n(c.contains(&true), per_operand))
                    .collect();
                vec![read]
            }
            Op::Concat { axis: 0 } => {
                let mut rest = needed.as_slice();
                let mut parts = Vec::new();
                for operand in &operands {
                    let (part, after) = rest.split_at(graph.n_elements(*operand));
                    parts.push(part.to_vec());
                    rest = after;
                }
                parts
            }
            Op::Select(selection) => {
                let mut read = vec![false; graph.n_elements(operands[0])];
                let sources = selection.sources(graph.shape(operands[0]));
                let sources = sources.iter().zip(&needed).filter(|(_, needed)| **needed);
                for source in sources.filter_map(|(source, _)| *source) {
                    read[source as usize] = true;
                }
                vec![read]
            }
            _ => operands.iter().map(whole).collect(),
        };
        for (operand, read) in operands.iter().zip(&reads) {
            self.need(*operand, read);
        }
    }

    fn need(&mut self, id: NodeId, read: &[bool]) {
        let target = self.needed.get_mut(&id).into_iter().flatten();
        target.zip(read).for_each(|(t, r)| *t |= *r);
    }
}

/// The value that all elements of a channel have.
fn uniform(plane: &[Option<f64>]) -> Option<f64> {
    let first = *plane.first()?;
    plane.iter().all(|v| *v == first).then_some(first)?
}

/// Whether channels can leave without the others: no groups, or one for each channel.
fn is_separable(geometry: &ConvGeometry) -> bool {
    let groups = geometry.groups;
    groups == 1 || (groups == geometry.in_channels && groups == geometry.out_channels)
}

fn affine(
    x: &[Option<f64>],
    scale: &Tensor,
    shift: &Tensor,
    shape: &[usize],
) -> Option<Vec<Option<f64>>> {
    let (scale, shift) = (scale.broadcast_to(shape)?, shift.broadcast_to(shape)?);
    let pairs = scale.values().iter().zip(shift.values());
    let each = x.iter().zip(pairs).map(|(x, (s, t))| match x {
        Some(x) => Some(x * s + t),
        None => (*s == 0.0).then_some(*t),
    });
    Some(each.collect())
}

fn dense(weight: &Tensor, bias: &Tensor, x: &[Option<f64>]) -> Vec<Option<f64>> {
    let rows = weight.values().chunks(x.len().max(1)).zip(bias.values());
    rows.map(|(row, bias)| {
        let mut used = row.iter().zip(x).filter(|(w, _)| **w != 0.0);
        used.try_fold(*bias, |sum, (w, x)| Some(sum + w * (*x)?))
    })
    .collect()
}

/// Input channels with their weights, by output channel.
fn kernels<'a>(
    geometry: &ConvGeometry,
    weight: &'a Tensor,
) -> impl Iterator<Item = Vec<(usize, &'a [f64])>> {
    let taps = (geometry.kernel.0 * geometry.kernel.1) as usize;
    let in_group = (geometry.in_channels / geometry.groups) as usize;
    let out_group = (geometry.out_channels / geometry.groups) as usize;
    let filters = weight.values().chunks(in_group * taps).enumerate();
    filters.map(move |(o, filter)| {
        let first = o / out_group * in_group;
        filter
            .chunks(taps)
            .enumerate()
            .map(|(i, k)| (first + i, k))
            .collect()
    })
}

/// The value of each input channel if a bias can hold what it adds.
fn channel_constants(
    geometry: &ConvGeometry,
    x: &[Option<f64>],
    shape: &[usize],
) -> Vec<Option<f64>> {
    let keeps = |v: &f64| geometry.pad == [0; 4] || *v == 0.0;
    x.chunks(plane(shape))
        .map(|p| uniform(p).filter(keeps))
        .collect()
}

/// Constant output channels; `None` for grouped convolutions.
fn conv(
    geometry: &ConvGeometry,
    weight: &Tensor,
    bias: &Tensor,
    x: &[Option<f64>],
    shape: &[usize],
) -> Option<Vec<Option<f64>>> {
    if !is_separable(geometry) {
        return None;
    }
    let channels = channel_constants(geometry, x, shape);
    let filters = kernels(geometry, weight).zip(bias.values());
    let each = filters.map(|(filter, bias)| {
        let mut used = filter.iter().filter(|(_, k)| k.iter().any(|w| *w != 0.0));
        used.try_fold(*bias, |sum, (i, k)| {
            Some(sum + channels[*i]? * k.iter().sum::<f64>())
        })
    });
    Some(each.collect())
}

fn dense_reads(weight: &Tensor, needed: &[bool], x: &[Option<f64>]) -> Vec<bool> {
    let mut read = vec![false; x.len()];
    let rows = weight.values().chunks(x.len().max(1)).zip(needed);
    for (row, _) in rows.filter(|(_, needed)| **needed) {
        for ((read, w), x) in read.iter_mut().zip(row).zip(x) {
            *read |= *w != 0.0 && x.is_none();
        }
    }
    read
}

fn conv_reads(
    geometry: &ConvGeometry,
    weight: &Tensor,
    needed: &[bool],
    x: &[Option<f64>],
    shape: &[usize],
) -> Vec<bool> {
    let channels = channel_constants(geometry, x, shape);
    let mut read = vec![false; channels.len()];
    let out_plane = needed.len() / geometry.out_channels as usize;
    let filters = kernels(geometry, weight).zip(needed.chunks(out_plane.max(1)));
    for (filter, _) in filters.filter(|(_, needed)| needed.contains(&true)) {
        for (i, k) in filter {
            read[i] |= channels[i].is_none() && k.iter().any(|w| *w != 0.0);
        }
    }
    let spread = |r: bool| std::iter::repeat_n(r, plane(shape));
    read.into_iter().flat_map(spread).collect()
}
