//! Sparse linear maps between tensor elements.

/// A sparse matrix, rows = outputs, columns = inputs, stored by compressed rows.
///
/// Entries of value zero are kept until [`SparseMatrix::drop_zeros`]: what is stored is the structure of the layer, whatever its weights.
#[derive(Clone, Debug, PartialEq)]
pub struct SparseMatrix {
    rows: u32,
    cols: u32,
    row_start: Vec<usize>,
    col: Vec<u32>,
    value: Vec<f64>,
}

impl SparseMatrix {
    /// Builds a matrix from entries `(row, col, value)` in any order; entries at the same place add up.
    ///
    /// # Panics
    /// If an index is outside the matrix.
    pub fn from_triplets(
        rows: u32,
        cols: u32,
        triplets: impl IntoIterator<Item = (u32, u32, f64)>,
    ) -> Self {
        let mut triplets: Vec<_> = triplets.into_iter().collect();
        let inside = |&(row, col, _): &(u32, u32, f64)| row < rows && col < cols;
        assert!(triplets.iter().all(inside), "entry outside the matrix");
        triplets.sort_by_key(|&(row, col, _)| (row, col));
        let mut matrix = Self::empty(rows, cols, triplets.len());
        let mut last = None;
        for (row, col, value) in triplets {
            if last == Some((row, col)) {
                *matrix.value.last_mut().expect("an entry was just pushed") += value;
                continue;
            }
            matrix.open_row(row);
            matrix.push(col, value);
            last = Some((row, col));
        }
        matrix.open_row(rows);
        matrix
    }

    /// Builds a matrix from all its values, row-major. Zeros are stored.
    ///
    /// # Panics
    /// If `values.len()` is not `rows · cols`.
    pub fn from_dense(rows: u32, cols: u32, values: &[f64]) -> Self {
        let width = cols as usize;
        assert_eq!(values.len(), rows as usize * width, "dense matrix size");
        Self {
            rows,
            cols,
            row_start: (0..=rows as usize).map(|row| row * width).collect(),
            col: (0..rows).flat_map(|_| 0..cols).collect(),
            value: values.to_vec(),
        }
    }

    /// The identity on `n` elements.
    pub fn identity(n: u32) -> Self {
        Self {
            rows: n,
            cols: n,
            row_start: (0..=n as usize).collect(),
            col: (0..n).collect(),
            value: vec![1.0; n as usize],
        }
    }

    /// Outputs.
    pub fn rows(&self) -> u32 {
        self.rows
    }

    /// Inputs.
    pub fn cols(&self) -> u32 {
        self.cols
    }

    /// Stored entries, zeros included.
    pub fn nnz(&self) -> usize {
        self.value.len()
    }

    /// Stored entries `(row, col, value)`, by row, then column.
    pub fn entries(&self) -> impl Iterator<Item = (u32, u32, f64)> + '_ {
        (0..self.rows).flat_map(move |row| self.row(row).map(move |(col, value)| (row, col, value)))
    }

    /// Stored entries `(col, value)` of one row.
    ///
    /// # Panics
    /// If `row` is outside the matrix.
    pub fn row(&self, row: u32) -> impl Iterator<Item = (u32, f64)> + '_ {
        let range = self.row_start[row as usize]..self.row_start[row as usize + 1];
        let cols = self.col[range.clone()].iter().copied();
        cols.zip(self.value[range].iter().copied())
    }

    /// The product with a vector.
    ///
    /// # Panics
    /// If `x.len()` is not the number of columns.
    pub fn matvec(&self, x: &[f64]) -> Vec<f64> {
        assert_eq!(x.len(), self.cols as usize, "vector length");
        let dot = |row| self.row(row).map(|(col, v)| v * x[col as usize]).sum();
        (0..self.rows).map(dot).collect()
    }

    /// The matrix of `self` after `other`.
    ///
    /// # Panics
    /// If `self` has not as many columns as `other` has rows.
    pub fn product(&self, other: &Self) -> Self {
        assert_eq!(self.cols, other.rows, "inner sizes of a matrix product");
        let mut result = Self::empty(self.rows, other.cols, self.nnz());
        let mut sum = vec![0.0; other.cols as usize];
        let mut seen_in = vec![u32::MAX; other.cols as usize];
        let mut touched = Vec::new();
        for row in 0..self.rows {
            result.open_row(row);
            for (inner, left) in self.row(row) {
                for (col, right) in other.row(inner) {
                    let at = col as usize;
                    if seen_in[at] != row {
                        seen_in[at] = row;
                        sum[at] = 0.0;
                        touched.push(col);
                    }
                    sum[at] += left * right;
                }
            }
            touched.sort_unstable();
            for col in touched.drain(..) {
                result.push(col, sum[col as usize]);
            }
        }
        result.open_row(self.rows);
        result
    }

    /// The matrix with rows and columns exchanged.
    pub fn transposed(&self) -> Self {
        let swapped = self.entries().map(|(row, col, value)| (col, row, value));
        Self::from_triplets(self.cols, self.rows, swapped)
    }

    /// The sum of two matrices of one size.
    ///
    /// # Panics
    /// If the sizes differ.
    pub fn sum(&self, other: &Self) -> Self {
        let sizes = [self, other].map(|matrix| (matrix.rows, matrix.cols));
        assert_eq!(sizes[0], sizes[1], "sizes of a matrix sum");
        Self::from_triplets(self.rows, self.cols, self.entries().chain(other.entries()))
    }

    /// Multiplies each row by its factor.
    ///
    /// # Panics
    /// If there is not one factor per row.
    pub fn scale_rows(&mut self, factors: &[f64]) {
        assert_eq!(factors.len(), self.rows as usize, "one factor per row");
        for (row, factor) in factors.iter().enumerate() {
            for value in &mut self.value[self.row_start[row]..self.row_start[row + 1]] {
                *value *= factor;
            }
        }
    }

    /// Multiplies each column by its factor.
    ///
    /// # Panics
    /// If there is not one factor per column.
    pub fn scale_cols(&mut self, factors: &[f64]) {
        assert_eq!(factors.len(), self.cols as usize, "one factor per column");
        for (value, &col) in self.value.iter_mut().zip(&self.col) {
            *value *= factors[col as usize];
        }
    }

    /// Forgets the entries of value zero.
    pub fn drop_zeros(&mut self) {
        let mut result = Self::empty(self.rows, self.cols, self.nnz());
        for row in 0..self.rows {
            result.open_row(row);
            for (col, value) in self.row(row).filter(|&(_, value)| value != 0.0) {
                result.push(col, value);
            }
        }
        result.open_row(self.rows);
        *self = result;
    }

    fn empty(rows: u32, cols: u32, capacity: usize) -> Self {
        Self {
            rows,
            cols,
            row_start: Vec::with_capacity(rows as usize + 1),
            col: Vec::with_capacity(capacity),
            value: Vec::with_capacity(capacity),
        }
    }

    /// Starts rows up to and including `row`; the end of the last row is row `rows`.
    fn open_row(&mut self, row: u32) {
        self.row_start.resize(row as usize + 1, self.value.len());
    }

    fn push(&mut self, col: u32, value: f64) {
        self.col.push(col);
        self.value.push(value);
    }
}
