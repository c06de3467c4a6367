//! Regression lines.

/// Share of the samples that speak against a unit's own factor behind a series.
const EXACT_SHARE: f64 = 0.1;

/// Sums over pairs of a found value and a wanted one.
#[derive(Clone, Copy, Default)]
pub(super) struct Moments {
    n: f64,
    x: f64,
    y: f64,
    xx: f64,
    xy: f64,
}

impl Moments {
    pub(super) fn add(&mut self, x: f64, y: f64) {
        self.n += 1.0;
        self.x += x;
        self.y += y;
        self.xx += x * x;
        self.xy += x * y;
    }

    /// The factor and summand of the regression of `y` on `x`, with a share of the pairs taken to be exact.
    pub(super) fn line(&self) -> (f64, f64) {
        let variance = self.xx - self.x * self.x / self.n;
        let covariance = self.xy - self.x * self.y / self.n;
        let mix = |part: f64| (1.0 - EXACT_SHARE) * part + EXACT_SHARE * variance;
        let factor = if variance > 0.0 {
            mix(covariance) / variance
        } else {
            1.0
        };
        (factor, (self.y - factor * self.x) / self.n)
    }
}
