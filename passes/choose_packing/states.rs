//! Layouts that a tensor of a chain may have, and which layers lead from one to another.

use super::chain::Tensor;
use layout::{Periodic, TileDim, TileTensor};

/// Most ciphertexts of a tensor between layers, for each that it needs at least.
const MOST_CIPHERTEXTS: u32 = 16;

/// Families of layouts; tile sizes tell members apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Family {
    /// What the diagonal packing chose, every value in one place.
    Single,
    /// The same with copies.
    Copied,
    /// `[n/t1, */t2]`: what form A reads and form B writes.
    Rows(u32),
    /// `[n/t1, 1/s, */r]`: rows duplicated as often as the next layer's form A reads them.
    FewRows(u32),
    /// `[*/t1, n/t2]`: what form B reads and form A writes.
    Columns(u32),
    /// `[n/t1, 1/t2]`, for results.
    Sums(u32),
    /// `[C/a, H~/y, W~/x, */b]`.
    ChannelsFirst([u32; 4]),
    /// `[*/a, H~/y, W~/x, C/b]`.
    ChannelsLast([u32; 4]),
}

/// What a layer between two families is called.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Kernel {
    Diagonals,
    Tiles(&'static str),
}

impl Family {
    pub fn is_tiled(&self) -> bool {
        !matches!(self, Self::Single | Self::Copied)
    }
}

/// The kernel of a layer that reads one family and writes another; nothing if none is worth trying.
pub(super) fn kernel(from: Family, to: Family) -> Option<Kernel> {
    use Family::*;
    let word = match (from, to) {
        (Single, Single) | (Copied, Copied) | (Copied, Single) => return Some(Kernel::Diagonals),
        (Rows(a) | FewRows(a), Columns(b)) if a == b => "form A",
        (Columns(a), Rows(b) | FewRows(b) | Sums(b)) if a == b => "form B",
        (Single, Rows(_) | FewRows(_) | Sums(_)) => "form B",
        (ChannelsFirst(a), ChannelsLast(b)) | (ChannelsLast(a), ChannelsFirst(b)) if a == b => {
            "interleaved"
        }
        (ChannelsFirst([a, y, x, _]), Columns(t)) if a * y * x == t => "form A",
        (ChannelsLast([a, ..]), Rows(t) | FewRows(t) | Sums(t)) if a == t => "form B",
        _ => return None,
    };
    Some(Kernel::Tiles(word))
}

/// Tiled layouts of a tensor, `most` ciphertexts at most; of dense ones only those with so many rows, if that is given.
/// `next` has the elements of the tensor after it, `splits` the tile sizes of images.
pub(super) fn tiled(
    tensor: &Tensor,
    n_slots: u32,
    (rows, splits): (Option<u32>, &[[u32; 4]]),
    next: Option<u32>,
    most: Option<u32>,
) -> Vec<(Family, Periodic)> {
    let least = tensor.n_elements.div_ceil(n_slots);
    let most = most.unwrap_or_else(|| least.saturating_mul(MOST_CIPHERTEXTS));
    let mut families = Vec::new();
    let powers = || (0..=n_slots.ilog2()).map(|k| 1u32 << k);
    for t in powers().filter(|&t| rows.is_none_or(|rows| rows == t)) {
        families.extend([Family::Columns(t), Family::Rows(t)]);
        families.push(match next {
            None => Family::Sums(t),
            Some(_) => Family::FewRows(t),
        });
    }
    if tensor.image.is_some() {
        for &split in splits {
            families.extend([Family::ChannelsFirst(split), Family::ChannelsLast(split)]);
        }
    }
    // Replicas of results would be paid for nothing.
    families.retain(|family| next.is_some() || !matches!(family, Family::Rows(_)));
    let layout = |family| Some((family, layout(family, tensor, next, n_slots)?));
    let fits =
        |(_, layout): &(Family, Periodic)| layout.n_ciphertexts <= most && layout.check().is_ok();
    families
        .into_iter()
        .filter_map(layout)
        .filter(fits)
        .collect()
}

/// Tile sizes `[a, y, x, b]` for the images of a chain: rows and columns no longer than the largest image's.
pub(super) fn splits(tensors: &[Tensor], n_slots: u32) -> Vec<[u32; 4]> {
    let images = || tensors.iter().filter_map(|tensor| tensor.image);
    let height = images().map(|[_, height, _]| height).max().unwrap_or(1);
    let width = images().map(|[_, _, width]| width).max().unwrap_or(1);
    let logs = |n: u32| 0..=n.next_power_of_two().ilog2();
    let mut splits = Vec::new();
    for (y, x) in logs(height).flat_map(|y| logs(width).map(move |x| (y, x))) {
        let Some(rest) = n_slots.ilog2().checked_sub(y + x) else {
            continue;
        };
        splits.extend((0..=rest).map(|a| [1 << a, 1 << y, 1 << x, 1 << (rest - a)]));
    }
    splits
}

fn layout(family: Family, tensor: &Tensor, next: Option<u32>, n_slots: u32) -> Option<Periodic> {
    let n = tensor.n_elements;
    let (values, replicated) = (TileDim::values, TileDim::replicated);
    let image = |[a, y, x, b]: [u32; 4], is_first: bool| {
        let [c, h, w] = tensor.image?;
        let (outer, order) = match is_first {
            true => ([values(c, a), replicated(b)], [0, 1, 2]),
            false => ([replicated(a), values(c, b)], [3, 1, 2]),
        };
        let inner = [TileDim::interleaved(h, y), TileDim::interleaved(w, x)];
        let dims = [outer[0], inner[0], inner[1], outer[1]];
        Some(Periodic::tiles_in_order(TileTensor::new(dims), order))
    };
    let dense = |dims: [TileDim; 2]| Some(Periodic::tiles(TileTensor::new(dims)));
    let few_rows = |t: u32| {
        let (columns, copies) = (n_slots / t, next?.checked_next_power_of_two()?);
        (copies < columns).then(|| {
            let dims = [
                values(n, t),
                values(1, columns / copies),
                replicated(copies),
            ];
            Periodic::tiles(TileTensor::new(dims))
        })
    };
    match family {
        Family::Single | Family::Copied => None,
        Family::Rows(t) => dense([values(n, t), replicated(n_slots / t)]),
        Family::FewRows(t) => few_rows(t),
        Family::Columns(t) => dense([replicated(t), values(n, n_slots / t)]),
        Family::Sums(t) => dense([values(n, t), values(1, n_slots / t)]),
        Family::ChannelsFirst(split) => image(split, true),
        Family::ChannelsLast(split) => image(split, false),
    }
}
