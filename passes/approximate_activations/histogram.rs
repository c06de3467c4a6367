//! How often values fall where, and what is wanted there.

/// Bins per histogram.
const N_BINS: usize = 512;

/// Share of the weight that is spread evenly, so that a fit stays bounded where no sample fell.
const FLOOR: f64 = 0.02;

/// Counts over equal bins; values outside count in the nearest.
pub(super) struct Histogram {
    low: f64,
    width: f64,
    /// Weight and weighted sum of wanted values, per bin.
    bins: Vec<(f64, f64)>,
}

/// A row of a fit.
pub(super) struct Point {
    pub(super) x: f64,
    /// What is wanted at `x`.
    pub(super) y: f64,
    /// Share of the whole weight.
    pub(super) weight: f64,
}

impl Histogram {
    /// Empty bins over an interval of positive length.
    pub(super) fn new((low, high): (f64, f64)) -> Self {
        Self {
            low,
            width: (high - low) / N_BINS as f64,
            bins: vec![(0.0, 0.0); N_BINS],
        }
    }

    /// Counts a value and what is wanted there, with a weight.
    pub(super) fn add(&mut self, x: f64, y: f64, weight: f64) {
        // The cast saturates.
        let bin = ((x - self.low) / self.width) as usize;
        let (total, sum) = &mut self.bins[bin.min(N_BINS - 1)];
        *total += weight;
        *sum += weight * y;
    }

    /// One point per bin: the mean of what is wanted there, and `f` under the even floor where it is finite.
    pub(super) fn points(&self, f: impl Fn(f64) -> f64) -> Vec<Point> {
        let total: f64 = self.bins.iter().map(|bin| bin.0).sum();
        let share = (1.0 - FLOOR) / if total > 0.0 { total } else { 1.0 };
        let point = |(k, &(count, sum)): (usize, &(f64, f64))| {
            let x = self.low + (k as f64 + 0.5) * self.width;
            let even = Some(f(x)).filter(|y| y.is_finite());
            let floor = even.map_or(0.0, |_| FLOOR / N_BINS as f64);
            let weight = share * count + floor;
            let mean = (share * sum + floor * even.unwrap_or(0.0)) / weight;
            let y = if weight > 0.0 { mean } else { 0.0 };
            Point { x, y, weight }
        };
        self.bins.iter().enumerate().map(point).collect()
    }
}
