//! Linear assignment.

/// The column of each row so that the sum of `costs`, row by row, is least. Ties go to lower columns.
///
/// # Cost
/// `O(n³)`, by shortest augmenting paths.
///
/// # Source
/// Jonker and Volgenant, Computing 38 (1987).
pub fn assign(costs: &[f64], n: usize) -> Vec<usize> {
    // Rows and columns count from 1; 0 is the row or column that is not there yet.
    let mut row_price = vec![0.0; n + 1];
    let mut col_price = vec![0.0; n + 1];
    let mut row_of = vec![0usize; n + 1];
    let mut before = vec![0usize; n + 1];
    for row in 1..=n {
        row_of[0] = row;
        let mut least = vec![f64::INFINITY; n + 1];
        let mut done = vec![false; n + 1];
        let mut col = 0;
        while row_of[col] != 0 {
            done[col] = true;
            let at = row_of[col];
            let line = &costs[(at - 1) * n..at * n];
            let (mut step, mut next) = (f64::INFINITY, 0);
            for k in (1..=n).filter(|&k| !done[k]) {
                let reduced = line[k - 1] - row_price[at] - col_price[k];
                if reduced < least[k] {
                    (least[k], before[k]) = (reduced, col);
                }
                if least[k] < step {
                    (step, next) = (least[k], k);
                }
            }
            for k in 0..=n {
                if done[k] {
                    row_price[row_of[k]] += step;
                    col_price[k] -= step;
                } else {
                    least[k] -= step;
                }
            }
            col = next;
        }
        while col != 0 {
            row_of[col] = row_of[before[col]];
            col = before[col];
        }
    }
    let mut columns = vec![0; n];
    (1..=n).for_each(|col| columns[row_of[col] - 1] = col - 1);
    columns
}

#[cfg(test)]
mod tests {
    use super::assign;

    fn permutations(n: usize) -> Vec<Vec<usize>> {
        if n == 0 {
            return vec![Vec::new()];
        }
        let insert = |p: Vec<usize>| {
            (0..n).map(move |at| {
                let mut p = p.clone();
                p.insert(at, n - 1);
                p
            })
        };
        permutations(n - 1).into_iter().flat_map(insert).collect()
    }

    #[test]
    fn as_cheap_as_the_best_of_all_permutations() {
        let mut state = 7u64;
        for n in 1..=7 {
            for _ in 0..20 {
                let mut next = || {
                    state = state
                        .wrapping_mul(6_364_136_223_846_793_005)
                        .wrapping_add(1);
                    ((state >> 33) % 12) as f64
                };
                let costs: Vec<f64> = (0..n * n).map(|_| next()).collect();
                let sum = |p: &[usize]| {
                    p.iter()
                        .enumerate()
                        .map(|(r, &c)| costs[r * n + c])
                        .sum::<f64>()
                };
                let best = permutations(n)
                    .iter()
                    .map(|p| sum(p))
                    .fold(f64::INFINITY, f64::min);
                assert_eq!(sum(&assign(&costs, n)), best);
            }
        }
    }
}
