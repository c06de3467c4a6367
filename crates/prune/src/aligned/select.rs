//! Which babies and giants of a layer are kept.

/// The cells of a layer by giant and baby: rows are giants of an output ciphertext, columns babies of an input ciphertext.
#[derive(Clone, Debug, PartialEq)]
pub struct Grid {
    /// Price of each row; 0 for giant 0.
    pub row_costs: Vec<f64>,
    /// Price of each column; 0 for baby 0.
    pub col_costs: Vec<f64>,
    /// Importance per cell, row-major; 0 where there is none.
    pub importance: Vec<f64>,
    /// Price per cell; 0 where there is none.
    pub cell_costs: Vec<f64>,
}

/// Rows, columns and cells that are kept.
#[derive(Clone, Debug, PartialEq)]
pub struct Selection {
    /// Rows kept.
    pub rows: Vec<bool>,
    /// Columns kept.
    pub cols: Vec<bool>,
    /// Importance kept less what it costs; in given numbers of rows and columns the importance alone.
    pub gain: f64,
}

/// Up to so many lines on the shorter side all subsets are tried.
const EXACT_SIDE: usize = 10;
/// Alternations from one start; each raises the gain, so that few are needed.
const ALTERNATIONS: usize = 50;

impl Grid {
    fn n_rows(&self) -> usize {
        self.row_costs.len()
    }

    fn n_cols(&self) -> usize {
        self.col_costs.len()
    }

    /// Whether the cell at `row`, `col` is worth more than it costs.
    pub fn is_worth(&self, row: usize, col: usize, lambda: f64) -> bool {
        let at = row * self.n_cols() + col;
        self.importance[at] > lambda * self.cell_costs[at]
    }

    /// The rows and columns that maximize the kept cells' importance less `lambda` times the price of what is kept.
    ///
    /// Exact where one side is short. Else the best of alternating from several starts, fixing the columns and taking the
    /// rows that pay, then the reverse, and of dropping lines one by one by what each is worth per unit of its price.
    pub fn select(&self, lambda: f64) -> Selection {
        let values = Values::new(self, lambda);
        if self.n_rows().min(self.n_cols()) <= EXACT_SIDE {
            return values.exact();
        }
        values.heuristic()
    }

    /// So many rows and columns that have a price, and all that have none: as much importance as alternating finds.
    pub fn select_sized(&self, n_rows: usize, n_cols: usize) -> Selection {
        let values = Values::new(self, 0.0);
        let top = |cols: &[bool]| {
            let rows = heaviest(&values.row_sums(cols), &self.row_costs, n_rows);
            let cols = heaviest(&values.col_sums(&rows), &self.col_costs, n_cols);
            values.selected(rows, cols)
        };
        let improved = |start: Vec<bool>| {
            let mut selection = top(&start);
            for _ in 0..ALTERNATIONS {
                let next = top(&selection.cols);
                if next.gain <= selection.gain {
                    break;
                }
                selection = next;
            }
            selection
        };
        let mut starts = values.starts(2).into_iter().map(improved);
        let first = starts.next().expect("all columns are a start");
        starts.fold(
            first,
            |best, next| if next.gain > best.gain { next } else { best },
        )
    }
}

/// A grid at one lambda: cells that pay, and prices in units of importance.
struct Values {
    /// Per row, per column, what the cell is worth beyond its price.
    cells: Vec<Vec<f64>>,
    row_costs: Vec<f64>,
    col_costs: Vec<f64>,
}

impl Values {
    fn new(grid: &Grid, lambda: f64) -> Self {
        let worth = |(importance, cost): (&f64, &f64)| (importance - lambda * cost).max(0.0);
        let cells: Vec<f64> = grid
            .importance
            .iter()
            .zip(&grid.cell_costs)
            .map(worth)
            .collect();
        let scaled = |costs: &[f64]| costs.iter().map(|cost| lambda * cost).collect();
        let lines = cells.chunks(grid.n_cols().max(1)).map(<[f64]>::to_vec);
        Self {
            cells: lines.collect(),
            row_costs: scaled(&grid.row_costs),
            col_costs: scaled(&grid.col_costs),
        }
    }

    fn transposed(&self) -> Self {
        let n_cols = self.col_costs.len();
        let line = |col: usize| self.cells.iter().map(|row| row[col]).collect();
        Self {
            cells: (0..n_cols).map(line).collect(),
            row_costs: self.col_costs.clone(),
            col_costs: self.row_costs.clone(),
        }
    }

    /// Per row, the worth of its cells in the kept columns.
    fn row_sums(&self, cols: &[bool]) -> Vec<f64> {
        let sum = |row: &Vec<f64>| {
            let kept = row.iter().zip(cols).filter(|(_, kept)| **kept);
            kept.map(|(value, _)| value).sum()
        };
        self.cells.iter().map(sum).collect()
    }

    fn col_sums(&self, rows: &[bool]) -> Vec<f64> {
        let mut sums = vec![0.0; self.col_costs.len()];
        for (row, _) in self.cells.iter().zip(rows).filter(|(_, kept)| **kept) {
            sums.iter_mut()
                .zip(row)
                .for_each(|(sum, value)| *sum += value);
        }
        sums
    }

    fn gain(&self, rows: &[bool], cols: &[bool]) -> f64 {
        let sums = self.row_sums(cols);
        let kept = rows.iter().zip(sums.iter().zip(&self.row_costs));
        let of_rows: f64 = kept
            .filter(|(kept, _)| **kept)
            .map(|(_, (sum, cost))| sum - cost)
            .sum();
        let kept = cols.iter().zip(&self.col_costs).filter(|(kept, _)| **kept);
        of_rows - kept.map(|(_, cost)| cost).sum::<f64>()
    }

    /// The rows that pay for the kept columns.
    fn paying_rows(&self, cols: &[bool]) -> Vec<bool> {
        let sums = self.row_sums(cols).into_iter().zip(&self.row_costs);
        sums.map(|(sum, cost)| sum > *cost).collect()
    }

    fn paying_cols(&self, rows: &[bool]) -> Vec<bool> {
        let sums = self.col_sums(rows).into_iter().zip(&self.col_costs);
        sums.map(|(sum, cost)| sum > *cost).collect()
    }

    fn alternated(&self, mut cols: Vec<bool>) -> Selection {
        let mut rows = self.paying_rows(&cols);
        for _ in 0..ALTERNATIONS {
            let next = self.paying_cols(&rows);
            if next == cols {
                break;
            }
            cols = next;
            rows = self.paying_rows(&cols);
        }
        self.selected(rows, cols)
    }

    fn selected(&self, rows: Vec<bool>, cols: Vec<bool>) -> Selection {
        let gain = self.gain(&rows, &cols);
        Selection { rows, cols, gain }
    }

    /// Columns to begin with: all, and the heaviest of what is left, one in `part` fewer each time, by all rows and by the
    /// heaviest row alone.
    fn starts(&self, part: usize) -> Vec<Vec<bool>> {
        let n = self.col_costs.len();
        let all_rows = vec![true; self.row_costs.len()];
        let by_sum = order(&self.col_sums(&all_rows));
        let sums = self.row_sums(&vec![true; n]);
        let heaviest = order(&sums).first().map(|&row| order(&self.cells[row]));
        let mut starts = vec![vec![true; n]];
        for order in std::iter::once(by_sum).chain(heaviest) {
            let mut size = n - n.div_ceil(part);
            while size > 0 {
                let mut cols = vec![false; n];
                order.iter().take(size).for_each(|&col| cols[col] = true);
                starts.push(cols);
                size -= size.div_ceil(part);
            }
        }
        starts
    }

    fn heuristic(&self) -> Selection {
        let from_cols = self
            .starts(4)
            .into_iter()
            .map(|start| self.alternated(start));
        let turned = self.transposed();
        let from_rows = turned.starts(4).into_iter().map(|start| {
            let found = turned.alternated(start);
            self.selected(found.cols, found.rows)
        });
        let mut best = self.selected(
            vec![false; self.row_costs.len()],
            vec![false; self.col_costs.len()],
        );
        for found in from_cols.chain(from_rows).chain([self.greedy()]) {
            if found.gain > best.gain {
                best = found;
            }
        }
        best
    }

    /// Drops one line after the other, always that which is worth least per unit of its price, and polishes the best state.
    fn greedy(&self) -> Selection {
        let (mut rows, mut cols) = (
            vec![true; self.row_costs.len()],
            vec![true; self.col_costs.len()],
        );
        let mut best = self.selected(rows.clone(), cols.clone());
        loop {
            let (row_sums, col_sums) = (self.row_sums(&cols), self.col_sums(&rows));
            let rate = |sum: &f64, cost: &f64| {
                if *cost > 0.0 {
                    sum / cost
                } else {
                    f64::INFINITY
                }
            };
            let of = |kept: &[bool], sums: &[f64], costs: &[f64]| {
                let lines = (0..kept.len()).filter(|&i| kept[i] && costs[i] > 0.0);
                let rates = lines.map(|i| (rate(&sums[i], &costs[i]), i));
                rates.min_by(|a, b| a.0.total_cmp(&b.0))
            };
            let row = of(&rows, &row_sums, &self.row_costs);
            let col = of(&cols, &col_sums, &self.col_costs);
            match (row, col) {
                (Some(row), Some(col)) if col.0 < row.0 => cols[col.1] = false,
                (Some(row), _) => rows[row.1] = false,
                (None, Some(col)) => cols[col.1] = false,
                (None, None) => break,
            }
            let gain = self.gain(&rows, &cols);
            if gain > best.gain {
                best = Selection {
                    rows: rows.clone(),
                    cols: cols.clone(),
                    gain,
                };
            }
        }
        let polished = self.alternated(best.cols.clone());
        if polished.gain > best.gain {
            polished
        } else {
            best
        }
    }

    /// The best of all subsets of the shorter side's lines.
    fn exact(&self) -> Selection {
        if self.row_costs.len() < self.col_costs.len() {
            let found = self.transposed().exact();
            return Selection {
                rows: found.cols,
                cols: found.rows,
                gain: found.gain,
            };
        }
        let n = self.col_costs.len();
        let mut best = self.alternated(vec![false; n]);
        for subset in 1..1u32 << n {
            let cols: Vec<bool> = (0..n).map(|col| subset >> col & 1 == 1).collect();
            let found = self.selected(self.paying_rows(&cols), cols);
            if found.gain > best.gain {
                best = found;
            }
        }
        best
    }
}

/// Places by falling value; ties by place.
fn order(values: &[f64]) -> Vec<usize> {
    let mut order: Vec<usize> = (0..values.len()).collect();
    order.sort_by(|&a, &b| values[b].total_cmp(&values[a]));
    order
}

/// The `n` heaviest lines that have a price, and all without one.
fn heaviest(values: &[f64], costs: &[f64], n: usize) -> Vec<bool> {
    let mut kept: Vec<bool> = costs.iter().map(|cost| *cost == 0.0).collect();
    let priced = order(values).into_iter().filter(|&at| costs[at] > 0.0);
    priced.take(n).for_each(|at| kept[at] = true);
    kept
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand_chacha::ChaCha8Rng;
    use rand_core::{Rng, SeedableRng};

    fn random(rng: &mut ChaCha8Rng, n_rows: usize, n_cols: usize) -> Grid {
        let mut unit = || f64::from(rng.next_u32()) / f64::from(u32::MAX);
        let scales: Vec<f64> = (0..n_rows + n_cols).map(|_| unit() * unit()).collect();
        let importance = (0..n_rows * n_cols)
            .map(|at| scales[at / n_cols] * scales[n_rows + at % n_cols] * unit());
        let importance = importance.collect();
        let priced =
            |n: usize, cost: f64| (0..n).map(|at| if at == 0 { 0.0 } else { cost }).collect();
        Grid {
            row_costs: priced(n_rows, 1.0),
            col_costs: priced(n_cols, 0.4),
            importance,
            cell_costs: vec![0.02; n_rows * n_cols],
        }
    }

    #[test]
    fn alternating_is_never_above_and_seldom_below_the_best_of_all_subsets() {
        let mut rng = ChaCha8Rng::seed_from_u64(1);
        let (mut n_best, mut n_all) = (0, 0);
        for (n_rows, n_cols) in [(5, 9), (12, 12), (7, 12), (30, 8)] {
            for lambda in [0.01, 0.1, 0.3, 0.8] {
                for _ in 0..3 {
                    let values = Values::new(&random(&mut rng, n_rows, n_cols), lambda);
                    let (exact, found) = (values.exact().gain, values.heuristic().gain);
                    assert!(found <= exact + 1e-12, "{found} above {exact}");
                    assert!(found >= 0.97 * exact, "{found} of {exact}");
                    n_all += 1;
                    n_best += usize::from(found >= exact - 1e-12);
                }
            }
        }
        assert!(n_best * 10 >= n_all * 9, "{n_best} of {n_all}");
    }

    #[test]
    fn a_planted_grid_is_found() {
        let (n_rows, n_cols) = (20, 24);
        let inside = |row: usize, col: usize| row.is_multiple_of(3) && col % 4 == 1;
        let cell = |at: usize| {
            if inside(at / n_cols, at % n_cols) {
                1.0
            } else {
                0.05
            }
        };
        let grid = Grid {
            row_costs: vec![1.0; n_rows],
            col_costs: vec![1.0; n_cols],
            importance: (0..n_rows * n_cols).map(cell).collect(),
            cell_costs: vec![0.0; n_rows * n_cols],
        };
        for found in [grid.select(1.5), grid.select_sized(7, 6)] {
            let rows: Vec<bool> = (0..n_rows).map(|row| inside(row, 1)).collect();
            let cols: Vec<bool> = (0..n_cols).map(|col| inside(0, col)).collect();
            assert_eq!((found.rows, found.cols), (rows, cols));
        }
    }

    #[test]
    fn free_lines_stay_where_they_hold_anything() {
        let mut rng = ChaCha8Rng::seed_from_u64(2);
        let found = random(&mut rng, 9, 13).select(0.2);
        assert!(found.rows[0] && found.cols[0]);
        let nothing = random(&mut rng, 9, 13).select(1e6);
        assert_eq!(nothing.gain, 0.0);
    }
}
