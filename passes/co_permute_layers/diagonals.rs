//! Zeros gathered into whole diagonals: units are placed by linear assignment.

use super::assignment::assign;
use super::masks::{Mask, Masks};
use super::tiles::Orders;
use crate::util::plan;
use layout::{Diagonals, Periodic, SparseMatrix};
use pass::Settings;

/// Largest class that is placed: assignment takes time with the third power of it.
const LARGEST: usize = 1024;
/// Sweeps over all classes at most, and placements in a row for one class that may be no cheaper.
const SWEEPS: usize = 6;
const TRIES: usize = 3;
/// Cubes of class sizes that all placements of one start may take together: a few of the largest, many of small ones.
const WORK: usize = 1 << 30;
/// Share of the price that a change has to spare.
const LEAST_GAIN: f64 = 1e-9;

/// Orders by which the layers' plans are cheaper than by `start`, or `start`, and both prices.
pub fn gather(
    masks: &Masks,
    start: Orders,
    movable: &[bool],
    settings: &Settings,
) -> (Orders, f64, f64) {
    let can_move = |c: &usize| movable[*c] && (2..=LARGEST).contains(&masks.sizes[*c]);
    let classes: Vec<usize> = (0..start.len()).filter(can_move).collect();
    let before: f64 = prices(masks, &start, settings).iter().sum();
    let mut banded = start.clone();
    for _ in 0..SWEEPS {
        classes
            .iter()
            .for_each(|&class| banded[class] = centred(masks, &banded, class));
    }
    let (near, near_price) = improved(masks, start, &classes, settings);
    let (far, far_price) = improved(masks, banded, &classes, settings);
    match far_price < near_price * (1.0 - LEAST_GAIN) {
        true => (far, before, far_price),
        false => (near, before, near_price),
    }
}

fn prices(masks: &Masks, orders: &Orders, settings: &Settings) -> Vec<f64> {
    let of = |mask| price(mask, orders, settings, f64::INFINITY).unwrap_or(f64::INFINITY);
    masks.masks.iter().map(of).collect()
}

/// Classes take turns to be placed while that lowers the price.
fn improved(
    masks: &Masks,
    mut orders: Orders,
    classes: &[usize],
    settings: &Settings,
) -> (Orders, f64) {
    let mut known = prices(masks, &orders, settings);
    let mut work = WORK;
    for _ in 0..SWEEPS {
        let mut improved = false;
        for &class in classes {
            let mut trial = orders.clone();
            for _ in 0..TRIES {
                let Some(left) = work.checked_sub(masks.sizes[class].pow(3)) else {
                    break;
                };
                work = left;
                let next = placed(masks, &trial, class);
                if next == trial[class] {
                    break;
                }
                trial[class] = next;
                if let Some(found) = cheaper(masks, &trial, class, &known, settings) {
                    (orders, known, improved) = (trial.clone(), found, true);
                }
            }
        }
        if !improved {
            break;
        }
    }
    (orders, known.iter().sum())
}

/// Prices by orders that differ in one class from those of `known`, if they are lower in all.
fn cheaper(
    masks: &Masks,
    orders: &Orders,
    class: usize,
    known: &[f64],
    settings: &Settings,
) -> Option<Vec<f64>> {
    let moves = |mask: &Mask| [mask.rows, mask.cols].contains(&class);
    let pairs = || masks.masks.iter().zip(known);
    let before: f64 = known.iter().sum();
    let fixed: f64 = pairs()
        .filter(|(mask, _)| !moves(mask))
        .map(|(_, price)| price)
        .sum();
    let mut left = before * (1.0 - LEAST_GAIN) - fixed;
    let price = |(mask, &known): (&Mask, &f64)| {
        if !moves(mask) {
            return Some(known);
        }
        let found = price(mask, orders, settings, left)?;
        left -= found;
        Some(found)
    };
    pairs().map(price).collect()
}

/// Units by the mean place of those they share weights with: bands come out of it.
fn centred(masks: &Masks, orders: &Orders, class: usize) -> Vec<u32> {
    let n = masks.sizes[class];
    let (mut sums, mut counts) = (vec![0.0; n], vec![0.0; n]);
    for (mask, side) in masks.of(class) {
        let other = mask.class(1 - side);
        let (place, size) = (places(&orders[other]), masks.sizes[other] as f64);
        for &entry in &mask.entries {
            let (unit, neighbour) = Mask::seen(entry, side);
            sums[unit as usize] += f64::from(place[neighbour as usize]) / size;
            counts[unit as usize] += 1.0;
        }
    }
    let mean = |unit: &u32| sums[*unit as usize] / f64::max(counts[*unit as usize], 1.0);
    let mut order = orders[class].clone();
    order.sort_by(|a, b| mean(a).total_cmp(&mean(b)));
    order
}

/// Diagonals with a weight, over all layers.
pub fn in_use(masks: &Masks, orders: &Orders) -> usize {
    let of = |mask: &Mask| {
        counts(masks, mask, orders)
            .iter()
            .filter(|n| **n > 0.0)
            .count()
    };
    masks.masks.iter().map(of).sum()
}

/// Weights on each diagonal of a layer.
fn counts(masks: &Masks, mask: &Mask, orders: &Orders) -> Vec<f64> {
    let m = modulus(masks, mask);
    let (rows, cols) = (places(&orders[mask.rows]), places(&orders[mask.cols]));
    let mut counts = vec![0.0; m as usize];
    for &(row, col) in &mask.entries {
        counts[diagonal(rows[row as usize], cols[col as usize], m)] += 1.0;
    }
    counts
}

fn diagonal(row: u32, col: u32, m: u32) -> usize {
    (col.wrapping_sub(row) & (m - 1)) as usize
}

/// Places of units in an order.
fn places(order: &[u32]) -> Vec<u32> {
    crate::util::reindex::inverse(order)
}

/// Diagonals merge modulo this.
fn modulus(masks: &Masks, mask: &Mask) -> u32 {
    let period = |class: usize| (masks.sizes[class] as u32).next_power_of_two();
    period(mask.rows).min(period(mask.cols))
}

/// What a layer's plan costs on vectors in these orders, if it has one for at most `limit`.
fn price(mask: &Mask, orders: &Orders, settings: &Settings, limit: f64) -> Option<f64> {
    let (rows, cols) = (places(&orders[mask.rows]), places(&orders[mask.cols]));
    let entries = mask
        .entries
        .iter()
        .map(|&(row, col)| (rows[row as usize], cols[col as usize], 1.0));
    let matrix = SparseMatrix::from_triplets(rows.len() as u32, cols.len() as u32, entries);
    let vector = |n: u32| Periodic::vector(n, settings.sample_slots() as u32);
    let (input, output) = (vector(matrix.cols()), vector(matrix.rows()));
    let options = plan::options(settings);
    let diagonals = Diagonals::new(&matrix, &input, &output).ok()?;
    let outline = diagonals.outline(&input, &output, &options, limit).ok()??;
    Some(outline.total(&options.costs)).filter(|total| *total <= limit)
}

/// An order of one class that moves weights to crowded diagonals: each diagonal costs a weight the less the more
/// weights it has, the slope of a cost that only its being empty or not would have.
fn placed(masks: &Masks, orders: &Orders, class: usize) -> Vec<u32> {
    let n = masks.sizes[class];
    let mut costs = vec![0.0; n * n];
    for (mask, side) in masks.of(class) {
        let m = modulus(masks, mask);
        let counts = counts(masks, mask, orders);
        let slopes: Vec<f64> = counts.iter().map(|n| 1.0 / (1.0 + n)).collect();
        let other = places(&orders[mask.class(1 - side)]);
        for &entry in &mask.entries {
            let (unit, neighbour) = Mask::seen(entry, side);
            let at = other[neighbour as usize];
            let line = &mut costs[unit as usize * n..][..n];
            for (place, cost) in line.iter_mut().enumerate() {
                *cost += match side {
                    0 => slopes[diagonal(place as u32, at, m)],
                    _ => slopes[diagonal(at, place as u32, m)],
                };
            }
        }
    }
    let columns = assign(&costs, n);
    let mut order = vec![0; n];
    columns
        .iter()
        .enumerate()
        .for_each(|(unit, &place)| order[place] = unit as u32);
    order
}
