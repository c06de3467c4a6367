//! Zeros gathered into whole tiles: balanced k-means on masks, then swaps.

use super::masks::{Mask, Masks};

/// Passes over all classes, and refinements of one clustering.
const PASSES: usize = 5;
const REFINEMENTS: usize = 20;
/// Pairs tried per class and round of swaps.
const SWAPS: usize = 60_000;

/// An order of units per class.
pub type Orders = Vec<Vec<u32>>;

/// Tiles without a weight, over all masks, where class `c` is cut into groups of `tiles[c]`.
pub fn empty_tiles(masks: &Masks, tiles: &[usize], orders: &Orders) -> (usize, usize) {
    let groups: Vec<Vec<u32>> = (0..orders.len())
        .map(|c| groups_of(&orders[c], tiles[c]))
        .collect();
    let (mut empty, mut total) = (0, 0);
    for mask in &masks.masks {
        let n_rows = masks.sizes[mask.rows].div_ceil(tiles[mask.rows]);
        let n_cols = masks.sizes[mask.cols].div_ceil(tiles[mask.cols]);
        let mut used = vec![false; n_rows * n_cols];
        for &(row, col) in &mask.entries {
            let (row, col) = (
                groups[mask.rows][row as usize],
                groups[mask.cols][col as usize],
            );
            used[row as usize * n_cols + col as usize] = true;
        }
        total += used.len();
        empty += used.iter().filter(|used| !**used).count();
    }
    (empty, total)
}

/// The group of each unit.
fn groups_of(order: &[u32], tile: usize) -> Vec<u32> {
    let mut groups = vec![0; order.len()];
    for (place, &unit) in order.iter().enumerate() {
        groups[unit as usize] = (place / tile) as u32;
    }
    groups
}

/// Orders with more empty tiles than `start`, or `start`: clusters first, then swaps; the best state that was seen.
/// Only classes of `movable` change.
///
/// # Source
/// HE-PEx, ePrint 2022/889, for the clustering; the swaps are ours.
pub fn gather(masks: &Masks, tiles: &[usize], start: Orders, movable: &[bool]) -> Orders {
    let (best, _) = clustered(masks, tiles, start, movable);
    swapped(masks, tiles, best, movable)
}

/// The clustering alone, and how many tiles it leaves empty.
pub fn clustered(
    masks: &Masks,
    tiles: &[usize],
    start: Orders,
    movable: &[bool],
) -> (Orders, usize) {
    let mut least = empty_tiles(masks, tiles, &start).0;
    let (mut best, mut orders) = (start.clone(), start);
    for pass in 0..PASSES {
        let before = least;
        for phase in [0, 1] {
            for class in (0..orders.len()).filter(|&c| movable[c] && masks.phases[c] == phase) {
                let features = features(masks, tiles, &orders, class, pass == 0);
                orders[class] = clusters(&features, tiles[class]);
            }
            let empty = empty_tiles(masks, tiles, &orders).0;
            if empty > least {
                (least, best) = (empty, orders.clone());
            }
        }
        if pass > 0 && least == before {
            break;
        }
    }
    (best, least)
}

/// Per unit, the neighbours it shares a weight with: units, or groups of units.
fn features(
    masks: &Masks,
    tiles: &[usize],
    orders: &Orders,
    class: usize,
    raw: bool,
) -> Vec<Vec<u64>> {
    let mut features = vec![Vec::new(); masks.sizes[class]];
    for (mask, side) in masks.of(class) {
        let other = mask.class(1 - side);
        let place: Vec<u32> = match raw {
            true => (0..masks.sizes[other] as u32).collect(),
            false => groups_of(&orders[other], tiles[other]),
        };
        let width = place
            .iter()
            .max()
            .map_or(0, |last| *last as usize + 1)
            .div_ceil(64);
        let start = features[0].len();
        features.iter_mut().for_each(|f| f.resize(start + width, 0));
        for &entry in &mask.entries {
            let (unit, neighbour) = Mask::seen(entry, side);
            let bit = place[neighbour as usize] as usize;
            features[unit as usize][start + bit / 64] |= 1 << (bit % 64);
        }
    }
    features
}

fn distance(a: &[u64], b: &[u64]) -> u32 {
    a.iter().zip(b).map(|(a, b)| (a ^ b).count_ones()).sum()
}

/// Balanced k-means: clusters of exactly `tile` units, the last one with the rest.
fn clusters(features: &[Vec<u64>], tile: usize) -> Vec<u32> {
    let n = features.len();
    let k = n.div_ceil(tile);
    let popcount = |&unit: &u32| {
        features[unit as usize]
            .iter()
            .map(|w| w.count_ones())
            .sum::<u32>()
    };
    let mut order: Vec<u32> = (0..n as u32).collect();
    order.sort_by_key(popcount);
    let mut pairs: Vec<(u32, u32, u32)> = Vec::with_capacity(n * k);
    for _ in 0..REFINEMENTS {
        let centroids: Vec<Vec<u64>> = order
            .chunks(tile)
            .map(|units| majority(features, units))
            .collect();
        pairs.clear();
        for (unit, feature) in features.iter().enumerate() {
            let to = centroids.iter().enumerate();
            pairs.extend(
                to.map(|(c, centroid)| (distance(feature, centroid), unit as u32, c as u32)),
            );
        }
        pairs.sort_unstable();
        let mut members: Vec<Vec<u32>> = vec![Vec::new(); k];
        let mut placed = vec![false; n];
        for &(_, unit, cluster) in &pairs {
            let room = tile.min(n - tile * cluster as usize);
            let cluster = &mut members[cluster as usize];
            if !placed[unit as usize] && cluster.len() < room {
                placed[unit as usize] = true;
                cluster.push(unit);
            }
        }
        members.iter_mut().for_each(|units| units.sort_unstable());
        let next = members.concat();
        if next == order {
            break;
        }
        order = next;
    }
    order
}

/// The bits that more than half of the units have.
fn majority(features: &[Vec<u64>], units: &[u32]) -> Vec<u64> {
    let n_bits = features[0].len() * 64;
    let mut votes = vec![0usize; n_bits];
    for &unit in units {
        for (word, &bits) in features[unit as usize].iter().enumerate() {
            let mut bits = bits;
            while bits != 0 {
                votes[word * 64 + bits.trailing_zeros() as usize] += 1;
                bits &= bits - 1;
            }
        }
    }
    let mut centroid = vec![0; n_bits / 64];
    for (bit, _) in votes
        .iter()
        .enumerate()
        .filter(|(_, votes)| 2 * **votes > units.len())
    {
        centroid[bit / 64] |= 1 << (bit % 64);
    }
    centroid
}

/// Weights of every unit per neighbouring group, and of every group.
struct Counts {
    width: usize,
    unit: Vec<u16>,
    group: Vec<u32>,
}

impl Counts {
    fn new(masks: &Masks, tiles: &[usize], orders: &Orders, class: usize) -> Self {
        let groups = |c: usize| masks.sizes[c].div_ceil(tiles[c]);
        let width = masks
            .of(class)
            .map(|(mask, side)| groups(mask.class(1 - side)))
            .sum();
        let mut unit = vec![0u16; masks.sizes[class] * width];
        let mut start = 0;
        for (mask, side) in masks.of(class) {
            let other = mask.class(1 - side);
            let place = groups_of(&orders[other], tiles[other]);
            for &entry in &mask.entries {
                let (u, neighbour) = Mask::seen(entry, side);
                unit[u as usize * width + start + place[neighbour as usize] as usize] += 1;
            }
            start += groups(other);
        }
        let mut group = vec![0u32; groups(class) * width];
        for (place, &u) in orders[class].iter().enumerate() {
            let sums = &mut group[place / tiles[class] * width..][..width];
            let own = &unit[u as usize * width..][..width];
            sums.iter_mut()
                .zip(own)
                .for_each(|(sum, n)| *sum += u32::from(*n));
        }
        Self { width, unit, group }
    }

    /// Exchanges two units of different groups if that empties tiles, or none and makes counts more uneven.
    fn exchange(&mut self, (a, in_a): (u32, usize), (b, in_b): (u32, usize)) -> bool {
        let width = self.width;
        let own_a = &self.unit[a as usize * width..][..width];
        let own_b = &self.unit[b as usize * width..][..width];
        let (sum_a, sum_b) = (
            &self.group[in_a * width..][..width],
            &self.group[in_b * width..][..width],
        );
        let (mut emptied, mut squares) = (0i64, 0i64);
        for k in 0..width {
            let change = i64::from(own_b[k]) - i64::from(own_a[k]);
            let (x, y) = (i64::from(sum_a[k]), i64::from(sum_b[k]));
            emptied += i64::from(x + change == 0) + i64::from(y == change)
                - i64::from(x == 0)
                - i64::from(y == 0);
            squares += change * (x + change - y);
        }
        if emptied < 0 || (emptied == 0 && squares <= 0) {
            return false;
        }
        for k in 0..width {
            let (from_a, from_b) = (
                u32::from(self.unit[a as usize * width + k]),
                u32::from(self.unit[b as usize * width + k]),
            );
            let sum = &mut self.group[in_a * width + k];
            *sum = *sum + from_b - from_a;
            let sum = &mut self.group[in_b * width + k];
            *sum = *sum + from_a - from_b;
        }
        true
    }
}

/// Hill climbing over pairs of units; never fewer empty tiles.
fn swapped(masks: &Masks, tiles: &[usize], mut orders: Orders, movable: &[bool]) -> Orders {
    let mut state = 0x9e37_79b9_7f4a_7c15u64;
    let mut below = move |n: usize| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state % n as u64) as usize
    };
    for _ in 0..PASSES {
        let before = empty_tiles(masks, tiles, &orders).0;
        for class in (0..orders.len()).filter(|&c| movable[c] && masks.sizes[c] > tiles[c]) {
            let mut counts = Counts::new(masks, tiles, &orders, class);
            let (n, tile) = (masks.sizes[class], tiles[class]);
            for _ in 0..SWAPS {
                let (x, y) = (below(n), below(n));
                let (a, b) = ((orders[class][x], x / tile), (orders[class][y], y / tile));
                if a.1 != b.1 && counts.exchange(a, b) {
                    orders[class].swap(x, y);
                }
            }
        }
        if empty_tiles(masks, tiles, &orders).0 == before {
            break;
        }
    }
    orders
}
