//! How often values fall where.

/// Bins per histogram.
const N_BINS: usize = 512;

/// Share of the weight that is spread evenly, so that a fit stays bounded where no sample fell.
const FLOOR: f64 = 0.04;

/// Counts over equal bins; values outside count in the nearest.
pub(super) struct Histogram {
    low: f64,
    width: f64,
    counts: Vec<f64>,
}

impl Histogram {
    /// Empty bins over an interval of positive length.
    pub(super) fn new((low, high): (f64, f64)) -> Self {
        Self {
            low,
            width: (high - low) / N_BINS as f64,
            counts: vec![0.0; N_BINS],
        }
    }

    /// Counts a value with a weight.
    pub(super) fn add(&mut self, x: f64, weight: f64) {
        // The cast saturates.
        let bin = ((x - self.low) / self.width) as usize;
        self.counts[bin.min(N_BINS - 1)] += weight;
    }

    /// Centres of the bins with their share of the weight, the even floor included; shares add up to 1.
    pub(super) fn points(&self) -> Vec<(f64, f64)> {
        let total: f64 = self.counts.iter().sum();
        let total = if total > 0.0 { total } else { 1.0 };
        let share = |count: f64| (1.0 - FLOOR) * count / total + FLOOR / N_BINS as f64;
        let centre = |bin: usize| self.low + (bin as f64 + 0.5) * self.width;
        let bins = self.counts.iter().enumerate();
        bins.map(|(bin, &count)| (centre(bin), share(count)))
            .collect()
    }
}
