//! Least squares by Householder reflections.

/// The triangular form of a least-squares problem; solves it for every leading set of columns.
pub struct Triangular {
    /// Column `k` holds `R[0..=k][k]`.
    columns: Vec<Vec<f64>>,
    /// The right-hand side in the same orthogonal coordinates.
    rhs: Vec<f64>,
}

impl Triangular {
    /// Reduces `Σ_k x_k · columns[k] ≈ rhs`, all of one length, at least as long as there are columns.
    ///
    /// # Source
    /// Householder, "Unitary triangularization of a nonsymmetric matrix", J. ACM 5 (1958).
    pub fn new(mut columns: Vec<Vec<f64>>, mut rhs: Vec<f64>) -> Self {
        for k in 0..columns.len() {
            let (done, rest) = columns.split_at_mut(k + 1);
            let pivot = &mut done[k];
            let norm = pivot[k..].iter().map(|x| x * x).sum::<f64>().sqrt();
            let diagonal = if pivot[k] > 0.0 { -norm } else { norm };
            // The reflection is 1 - v·vᵀ / (v·v / 2); v·v / 2 = norm² - diagonal · pivot.
            let half = norm * norm - diagonal * pivot[k];
            let mut v = pivot[k..].to_vec();
            v[0] -= diagonal;
            pivot[k] = diagonal;
            pivot.truncate(k + 1);
            if half > 0.0 {
                for column in rest.iter_mut().chain([&mut rhs]) {
                    let tail = &mut column[k..];
                    let dot: f64 = tail.iter().zip(&v).map(|(a, b)| a * b).sum();
                    tail.iter_mut()
                        .zip(&v)
                        .for_each(|(a, b)| *a -= b * dot / half);
                }
            }
        }
        Self { columns, rhs }
    }

    /// Coefficients of the best combination of the first `n` columns; zero for a column that depends on those before.
    pub fn solve(&self, n: usize) -> Vec<f64> {
        let largest = self
            .columns
            .iter()
            .map(|column| column[column.len() - 1].abs());
        let tiny = 1e-12 * largest.fold(0.0, f64::max);
        let mut x = vec![0.0; n];
        for k in (0..n).rev() {
            let known: f64 = (k + 1..n).map(|j| self.columns[j][k] * x[j]).sum();
            let diagonal = self.columns[k][k];
            if diagonal.abs() > tiny {
                x[k] = (self.rhs[k] - known) / diagonal;
            }
        }
        x
    }

    /// Norm of what the first `n` columns leave of the right-hand side.
    pub fn residual(&self, n: usize) -> f64 {
        self.rhs[n..].iter().map(|x| x * x).sum::<f64>().sqrt()
    }
}
