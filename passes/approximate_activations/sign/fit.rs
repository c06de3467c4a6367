//! Products with signs, fitted to the values an activation meets.

use super::{Composition, Piecewise, Term};
use crate::approximate_activations::fit::{Fit, Form};
use crate::approximate_activations::histogram::Point;
use crate::approximate_activations::target::{NO_WORSE, SIGN_ROOM, Target};

impl Target<'_> {
    /// Of the compositions that take `depth` levels with their product, the one that errs least on the values seen, or
    /// one of fewer products that is about as good; `None` for activations that are not piecewise linear.
    pub(in super::super) fn signs(
        &self,
        depth: usize,
        compositions: &[Composition],
    ) -> Option<Fit> {
        let piecewise = Piecewise::of(self.activation)?;
        let common = self.common(SIGN_ROOM);
        let (low, high) = common.interval;
        let first = piecewise.bends[0].1;
        // Every argument of a sign lies within this distance of its bend.
        let reach = piecewise
            .bends
            .iter()
            .map(|(_, at)| (high - at).max(at - low));
        let reach = reach.fold(0.0, f64::max);
        let to_unit = (1.0 / reach, -first / reach);
        let of_depth = compositions.iter().filter(|c| c.depth + 1 == depth);
        let candidate = |composition: &Composition| {
            let form = piecewise.with(composition, reach);
            let rms = rms(&form, &common.points, to_unit);
            (composition.products, rms, form)
        };
        let all: Vec<(usize, f64, Form)> = of_depth.map(candidate).collect();
        let least = all.iter().map(|c| c.1).fold(f64::INFINITY, f64::min);
        let good = all.into_iter().filter(|c| c.1 <= NO_WORSE * least);
        let (_, rms, form) = good.min_by(|a, b| a.0.cmp(&b.0).then(a.1.total_cmp(&b.1)))?;
        Some(self.shared(form, &common, to_unit, rms))
    }
}

fn rms(form: &Form, points: &[Point], (scale, shift): (f64, f64)) -> f64 {
    let square = |p: &Point| p.weight * (form.eval(p.x * scale + shift) - p.y).powi(2);
    points.iter().map(square).sum::<f64>().sqrt()
}

impl Piecewise {
    /// The function of `(x − at) / reach`, `at` being the first bend.
    fn with(&self, composition: &Composition, reach: f64) -> Form {
        let first = self.bends[0].1;
        let term = |(k, &(weight, at)): (usize, &(f64, f64))| {
            let slope = if k == 0 { self.slope * reach } else { 0.0 };
            let shift = (first - at) / reach;
            Term::new(&composition.factors, shift, weight * reach, slope)
        };
        Form::Signs {
            terms: self.bends.iter().enumerate().map(term).collect(),
            constant: self.constant + self.slope * first,
            low: composition.low,
            error: composition.error,
        }
    }
}
