//! Fits of an activation to the values it meets.

use super::fit::{Fit, Form, to_unit};
use super::histogram::{Histogram, Point};
use super::moments::Moments;
use super::search::Class;
use super::sign::Composition;
use crate::util::least_squares::Triangular;
use ::graph::{Activation, Basis, Polynomial, Values};

/// A quadratic whose curvature is below this share of its slope would need a shift that costs precision.
const LEAST_CURVATURE: f64 = 1.0 / 64.0;

/// A series grows fast outside its interval, so that is widened beyond the margin, to this many times the width.
const ROOM: f64 = 1.2;

/// Compositions grow faster still, and twice the width costs them a level at most.
pub(super) const SIGN_ROOM: f64 = 2.0;

/// A unit's scale for a series is at least this share of the largest: what one unit shows in a few samples is no bound.
const LEAST_SCALE: f64 = 0.75;

/// Intervals of single units are at least this share of the widest.
const LEAST_WIDTH: f64 = 0.02;

/// A lower degree is taken if its error is at most this much larger.
pub(super) const NO_WORSE: f64 = 1.02;

/// What is to be fitted.
pub(super) struct Target<'a> {
    pub(super) activation: Activation,
    /// Inputs as they arrive behind the layers already replaced, per sample.
    pub(super) inputs: &'a [Values],
    /// What the original activation gives in the original network, per sample.
    pub(super) wanted: &'a [Values],
    pub(super) n_units: usize,
    /// Whether factors behind the polynomial are absorbed.
    pub(super) scales_out: bool,
    /// Share of the half-width added on both sides of what was seen.
    pub(super) margin: f64,
}

/// What all units have in common once each has its factor.
pub(super) struct Common {
    /// What each unit's inputs and results are divided by.
    pub(super) factors: Vec<f64>,
    /// Each unit's own interval, factors not yet divided out.
    pub(super) intervals: Vec<(f64, f64)>,
    /// The interval that holds all of theirs, widened.
    pub(super) interval: (f64, f64),
    /// What is wanted there.
    pub(super) points: Vec<Point>,
    /// Mean square of the factors.
    pub(super) weight: f64,
}

impl Target<'_> {
    /// The best fit of a class: the square form for degree 2, else a Chebyshev series of the lowest degree that is about
    /// as good as the highest, or products with signs.
    pub(super) fn fit(&self, class: Class, compositions: &[Composition]) -> Fit {
        match class {
            Class::Series { high: 2, .. } => self.quadratic(),
            Class::Series { low, high, .. } => self.chebyshev(low, high),
            Class::Sign { depth } => {
                let signs = self.signs(depth, compositions);
                signs.unwrap_or_else(|| self.quadratic())
            }
        }
    }

    /// Calls `f` with unit, input and wanted value.
    fn each(&self, mut f: impl FnMut(usize, f64, f64)) {
        for (values, wanted) in self.inputs.iter().zip(self.wanted) {
            let plane = values.len() / self.n_units;
            let planes = values.chunks_exact(plane).zip(wanted.chunks_exact(plane));
            for (u, (values, wanted)) in planes.enumerate() {
                values.iter().zip(wanted).for_each(|(&x, &y)| f(u, x, y));
            }
        }
    }

    /// Per unit, what was seen and the margin, of positive length.
    fn intervals(&self) -> Vec<(f64, f64)> {
        let mut seen = vec![(f64::INFINITY, f64::NEG_INFINITY); self.n_units];
        self.each(|u, x, _| seen[u] = (seen[u].0.min(x), seen[u].1.max(x)));
        let widest = seen.iter().map(|(a, b)| b - a).fold(0.0, f64::max);
        let least = if widest > 0.0 {
            LEAST_WIDTH * widest
        } else {
            1.0
        };
        let widened = |(a, b): (f64, f64)| {
            let (middle, half) = (0.5 * (a + b), 0.5 * (b - a).max(least));
            let half = half * (1.0 + self.margin);
            (middle - half, middle + half)
        };
        seen.into_iter().map(widened).collect()
    }

    fn reduced(&self, points: &[Point], to_unit: (f64, f64), degree: usize) -> Triangular {
        let mut columns = vec![Vec::with_capacity(points.len()); degree + 1];
        let mut rhs = Vec::with_capacity(points.len());
        for point in points {
            let (u, root) = (point.x * to_unit.0 + to_unit.1, point.weight.sqrt());
            let (mut before, mut now) = (u, 1.0);
            for column in &mut columns {
                column.push(root * now);
                (before, now) = (now, 2.0 * u * now - before);
            }
            rhs.push(root * point.y);
        }
        Triangular::new(columns, rhs)
    }

    /// Each unit's own `±(x · scale + shift)² + summand`.
    fn quadratic(&self) -> Fit {
        let intervals = self.intervals();
        let mut histograms: Vec<Histogram> = intervals.iter().map(|&i| Histogram::new(i)).collect();
        self.each(|u, x, y| histograms[u].add(x, y, 1.0));
        let mut fit = Fit::of(Form::Series(Polynomial::square()), &intervals);
        let mut squares = 0.0;
        for (&interval, histogram) in intervals.iter().zip(&histograms) {
            let to_unit = to_unit(interval);
            let points = histogram.points(|x| self.activation.eval(x));
            let system = self.reduced(&points, to_unit, 2);
            let line = system.solve(2);
            let [c0, c1, c2] = system.solve(3)[..] else {
                continue;
            };
            // c0 + c1·u + c2·(2u² - 1)
            let (mut a0, mut a1, mut a2) = (c0 - c2, c1, 2.0 * c2);
            if a2.abs() < LEAST_CURVATURE * a1.abs() {
                a2 = (LEAST_CURVATURE * line[1].abs()).copysign(a2);
                let mean: f64 = points
                    .iter()
                    .map(|p| p.weight * (p.x * to_unit.0 + to_unit.1).powi(2))
                    .sum();
                (a0, a1) = (line[0] - a2 * mean, line[1]);
            }
            let root = a2.abs().sqrt();
            let shift = if a2 == 0.0 { 0.0 } else { a1 / (2.0 * a2) };
            fit.scale_in.push(root * to_unit.0);
            fit.shift_in.push(root * (to_unit.1 + shift));
            fit.scale_out.push(if a2 < 0.0 { -1.0 } else { 1.0 });
            fit.shift_out.push(a0 - a2 * shift * shift);
            squares += system.residual(3).powi(2);
        }
        fit.rms = (squares / intervals.len() as f64).sqrt();
        fit
    }

    /// Moves and scales each unit's results to what is wanted there on average, drawn towards what they are.
    pub(super) fn correct(&self, fit: &mut Fit) {
        let mut moments = vec![Moments::default(); self.n_units];
        self.each(|u, x, y| {
            let z = fit.form.eval(x * fit.scale_in[u] + fit.shift_in[u]);
            moments[u].add(z * fit.scale_out[u] + fit.shift_out[u], y);
        });
        for (u, moments) in moments.iter().enumerate() {
            let (factor, summand) = moments.line();
            fit.scale_out[u] *= factor;
            fit.shift_out[u] = fit.shift_out[u] * factor + summand;
        }
    }

    /// One interval for all units, widened to `room` times its width; where the activation is homogeneous, each unit is
    /// scaled to it.
    pub(super) fn common(&self, room: f64) -> Common {
        let intervals = self.intervals();
        let own = |(a, b): &(f64, f64)| a.abs().max(b.abs());
        let largest = intervals.iter().map(own).fold(0.0, f64::max);
        let factors: Vec<f64> = if self.scales_out && is_homogeneous(self.activation) {
            let factor = |interval| own(interval).max(LEAST_SCALE * largest);
            intervals.iter().map(factor).collect()
        } else {
            vec![1.0; intervals.len()]
        };
        let ends = intervals.iter().zip(&factors);
        let (a, b) = ends.fold((f64::INFINITY, f64::NEG_INFINITY), |(a, b), (i, f)| {
            (a.min(i.0 / f), b.max(i.1 / f))
        });
        let (middle, half) = (0.5 * (a + b), 0.5 * room * (b - a));
        let interval = (middle - half, middle + half);
        let mut histogram = Histogram::new(interval);
        let mut weight = 0.0;
        self.each(|u, x, y| {
            let f = factors[u];
            histogram.add(x / f, y / f, f * f);
            weight += f * f;
        });
        let n_values: usize = self.inputs.iter().map(Vec::len).sum();
        Common {
            points: histogram.points(|x| self.activation.eval(x)),
            factors,
            intervals,
            interval,
            weight: weight / n_values.max(1) as f64,
        }
    }

    /// One series for all units.
    fn chebyshev(&self, low: usize, high: usize) -> Fit {
        let common = self.common(ROOM);
        let to_unit = to_unit(common.interval);
        let system = self.reduced(&common.points, to_unit, high);
        let enough = NO_WORSE * system.residual(high + 1);
        let degree = (low..high).find(|d| system.residual(d + 1) <= enough);
        let degree = degree.unwrap_or(high);
        let polynomial = Polynomial {
            basis: Basis::Chebyshev {
                low: -1.0,
                high: 1.0,
            },
            coefficients: system.solve(degree + 1),
        };
        let form = Form::Series(polynomial);
        self.shared(form, &common, to_unit, system.residual(degree + 1))
    }

    /// A fit whose units share a form on `[-1, 1]`. `rms` is its error where every unit's factor is one.
    pub(super) fn shared(&self, form: Form, common: &Common, to_unit: (f64, f64), rms: f64) -> Fit {
        let mut fit = Fit::of(form, &common.intervals);
        for factor in &common.factors {
            fit.scale_in.push(to_unit.0 / factor);
            fit.shift_in.push(to_unit.1);
            fit.scale_out.push(*factor);
            fit.shift_out.push(0.0);
        }
        if self.scales_out {
            self.correct(&mut fit);
        }
        fit.rms = rms * common.weight.sqrt();
        fit
    }
}

/// Whether `f(c · x) = c · f(x)` for positive `c`.
fn is_homogeneous(activation: Activation) -> bool {
    matches!(
        activation,
        Activation::Relu | Activation::LeakyRelu { .. } | Activation::Abs
    )
}
