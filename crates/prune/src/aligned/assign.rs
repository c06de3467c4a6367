//! Which unit sits where, so that what is important falls on kept diagonals.

use privet::passes::co_permute_layers::assignment::assign;

/// Sweeps over all classes at most.
const SWEEPS: usize = 8;
/// Largest class that is placed: assignment takes time with the third power of it.
const LARGEST: usize = 1024;
/// Share of the loss that a placement has to spare.
const LEAST_GAIN: f64 = 1e-9;

/// A layer between two classes of units.
#[derive(Clone, Debug, PartialEq)]
pub struct Link {
    /// Class of the outputs.
    pub rows: usize,
    /// Class of the inputs.
    pub cols: usize,
    /// Importance by unit, row-major.
    pub importance: Vec<f64>,
    /// Whether a weight is kept, by place, row-major.
    pub kept: Vec<bool>,
}

/// Layers and the classes of units between them.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Placement {
    /// Units per class.
    pub sizes: Vec<usize>,
    /// Whether the units of a class may change places.
    pub movable: Vec<bool>,
    /// The layers.
    pub links: Vec<Link>,
}

/// Per class, the unit at each place.
pub type Orders = Vec<Vec<u32>>;

impl Placement {
    /// Every unit in its own place.
    pub fn identity(&self) -> Orders {
        let sizes = self.sizes.iter();
        sizes.map(|&n| (0..n as u32).collect()).collect()
    }

    /// Importance that falls on places that are not kept.
    pub fn lost(&self, orders: &Orders) -> f64 {
        self.links
            .iter()
            .map(|link| self.lost_by(link, orders))
            .sum()
    }

    fn lost_by(&self, link: &Link, orders: &Orders) -> f64 {
        let n_cols = self.sizes[link.cols];
        let mut lost = 0.0;
        for (row, &unit) in orders[link.rows].iter().enumerate() {
            let line = &link.importance[unit as usize * n_cols..][..n_cols];
            let kept = &link.kept[row * n_cols..][..n_cols];
            let at = orders[link.cols].iter().zip(kept);
            lost += at
                .filter(|(_, kept)| !**kept)
                .map(|(&col, _)| line[col as usize])
                .sum::<f64>();
        }
        lost
    }

    /// Orders that lose no more than `start`: classes take turns to be placed, each as well as it can be with the others
    /// where they are, until nothing is gained.
    ///
    /// # Cost
    /// Per class of `n` units with `k` neighbours `O(n²·(n + k))`; classes of more than 1024 units stay.
    pub fn improved(&self, start: Orders) -> Orders {
        let mut orders = start;
        for _ in 0..SWEEPS {
            let mut is_better = false;
            let free = |class: &usize| self.movable[*class] && self.sizes[*class] <= LARGEST;
            for class in (0..self.sizes.len()).filter(free) {
                let before = self.lost(&orders);
                let mut trial = orders.clone();
                trial[class] = self.placed(&orders, class);
                if self.lost(&trial) < before * (1.0 - LEAST_GAIN) {
                    (orders, is_better) = (trial, true);
                }
            }
            if !is_better {
                break;
            }
        }
        orders
    }

    /// The order of a class that loses least with all others where they are. Layers within the class count as if their other
    /// side stayed.
    fn placed(&self, orders: &Orders, class: usize) -> Vec<u32> {
        let n = self.sizes[class];
        let mut costs = vec![0.0; n * n];
        for link in &self.links {
            let n_cols = self.sizes[link.cols];
            if link.rows == class {
                self.add_rows(link, orders, n_cols, &mut costs);
            }
            if link.cols == class {
                self.add_cols(link, orders, n_cols, &mut costs);
            }
        }
        let mut order = vec![0; n];
        let places = assign(&costs, n);
        let pairs = places.into_iter().zip(0..);
        pairs.for_each(|(place, unit)| order[place] = unit);
        order
    }

    /// What each unit loses at each place as a row.
    fn add_rows(&self, link: &Link, orders: &Orders, n_cols: usize, costs: &mut [f64]) {
        let n = self.sizes[link.rows];
        for unit in 0..n {
            let line = &link.importance[unit * n_cols..][..n_cols];
            let placed: Vec<f64> = orders[link.cols]
                .iter()
                .map(|&col| line[col as usize])
                .collect();
            for place in 0..n {
                let kept = &link.kept[place * n_cols..][..n_cols];
                let dropped = placed.iter().zip(kept).filter(|(_, kept)| !**kept);
                costs[unit * n + place] += dropped.map(|(worth, _)| worth).sum::<f64>();
            }
        }
    }

    /// What each unit loses at each place as a column.
    fn add_cols(&self, link: &Link, orders: &Orders, n_cols: usize, costs: &mut [f64]) {
        for (row, &at) in orders[link.rows].iter().enumerate() {
            let line = &link.importance[at as usize * n_cols..][..n_cols];
            let kept = &link.kept[row * n_cols..][..n_cols];
            for (place, _) in kept.iter().enumerate().filter(|(_, kept)| !**kept) {
                for (unit, worth) in line.iter().enumerate() {
                    costs[unit * n_cols + place] += worth;
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand_chacha::ChaCha8Rng;
    use rand_core::{Rng, SeedableRng};

    /// Two layers around one hidden class of `n`, of which shifts modulo `m` are kept.
    fn random(rng: &mut ChaCha8Rng, n: usize) -> Placement {
        let sizes = vec![6, n, 5];
        let mut link = |rows: usize, cols: usize, m: usize, kept: usize| {
            let (n_rows, n_cols) = (sizes[rows], sizes[cols]);
            let mut unit = || f64::from(rng.next_u32()) / f64::from(u32::MAX);
            let shift = |at: usize| (at % n_cols + m * n_rows - at / n_cols) % m;
            Link {
                rows,
                cols,
                importance: (0..n_rows * n_cols).map(|_| unit() * unit()).collect(),
                kept: (0..n_rows * n_cols).map(|at| shift(at) < kept).collect(),
            }
        };
        let links = vec![link(1, 0, 4, 2), link(2, 1, 4, 1)];
        Placement {
            sizes,
            movable: vec![false, true, false],
            links,
        }
    }

    /// The least loss over all orders of class 1.
    fn exhaustive(placement: &Placement, orders: &mut Orders, from: usize) -> f64 {
        let n = placement.sizes[1];
        if from == n {
            return placement.lost(orders);
        }
        let mut least = f64::INFINITY;
        for at in from..n {
            orders[1].swap(from, at);
            least = least.min(exhaustive(placement, orders, from + 1));
            orders[1].swap(from, at);
        }
        least
    }

    #[test]
    fn one_class_is_placed_as_well_as_can_be() {
        let mut rng = ChaCha8Rng::seed_from_u64(5);
        for n in 2..=8 {
            let placement = random(&mut rng, n);
            let found = placement.improved(placement.identity());
            let least = exhaustive(&placement, &mut placement.identity(), 0);
            assert!((placement.lost(&found) - least).abs() < 1e-9, "{n}");
            let mut units = found[1].clone();
            units.sort_unstable();
            assert_eq!(units, placement.identity()[1]);
        }
    }

    #[test]
    fn alternating_never_loses_more_and_leaves_pinned_classes() {
        let mut rng = ChaCha8Rng::seed_from_u64(6);
        for n in [12, 20] {
            let mut placement = random(&mut rng, n);
            placement.movable = vec![true, true, false];
            let start = placement.identity();
            let found = placement.improved(start.clone());
            assert!(placement.lost(&found) < placement.lost(&start));
            assert_eq!(found[2], start[2]);
            assert_eq!(placement.improved(found.clone()), found);
        }
    }
}
