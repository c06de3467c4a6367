//! Elements picked axis by axis: transposition, slices, padding, repetition, enlargement.

use serde::{Deserialize, Serialize};

/// Positions along one axis, as runs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Run {
    /// First position; `None` where the fill stands.
    pub start: Option<u32>,
    /// Distance to the next position.
    pub step: i32,
    /// How many.
    pub count: u32,
}

impl Run {
    /// `count` neighbours from `start` on.
    pub fn from(start: u32, count: u32) -> Self {
        Self {
            start: Some(start),
            step: 1,
            count,
        }
    }

    /// `count` places of the fill.
    pub fn empty(count: u32) -> Self {
        Self {
            start: None,
            step: 0,
            count,
        }
    }

    /// The positions, one by one.
    fn places(&self) -> impl Iterator<Item = Option<u32>> + '_ {
        (0..self.count).map(|k| {
            let start = i64::from(self.start?);
            u32::try_from(start + i64::from(self.step) * i64::from(k)).ok()
        })
    }

    /// Whether all positions are on an axis of that size.
    fn fits(&self, size: usize) -> bool {
        let Some(start) = self.start else {
            return true;
        };
        let last = i64::from(start) + i64::from(self.step) * (i64::from(self.count) - 1);
        (start as usize) < size && usize::try_from(last).is_ok_and(|last| last < size)
    }
}

/// A tensor whose elements are picked from another's, axis by axis.
///
/// Result axis `k` runs along operand axis `axes[k]`, and position `i` on it reads position `places[k][i]` there. Where
/// an axis has no position, the element is the fill.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Selection {
    /// Operand axis of each result axis: a permutation.
    pub axes: Vec<usize>,
    /// Positions along each result axis.
    pub places: Vec<Vec<Run>>,
    /// Elements that are read from nowhere.
    pub fill: f64,
}

impl Selection {
    /// Every element of a tensor of that shape, in place.
    pub fn all(shape: &[usize]) -> Self {
        let whole = |&size: &usize| vec![Run::from(0, u32::try_from(size).unwrap_or(u32::MAX))];
        Self {
            axes: (0..shape.len()).collect(),
            places: shape.iter().map(whole).collect(),
            fill: 0.0,
        }
    }

    /// The tensor of that shape with its axes in another order.
    pub fn transposed(shape: &[usize], axes: &[usize]) -> Self {
        let all = Self::all(shape);
        let places = axes.iter().filter_map(|&axis| all.places.get(axis));
        Self {
            places: places.cloned().collect(),
            axes: axes.to_vec(),
            ..all
        }
    }

    /// Reads these positions along result axis `axis`.
    #[must_use]
    pub fn along(mut self, axis: usize, places: impl IntoIterator<Item = Option<u32>>) -> Self {
        if let Some(runs) = self.places.get_mut(axis) {
            *runs = runs_of(places);
        }
        self
    }

    /// Number of positions along each result axis.
    pub fn sizes(&self) -> Vec<usize> {
        let size = |runs: &Vec<Run>| runs.iter().map(|run| run.count as usize).sum();
        self.places.iter().map(size).collect()
    }

    /// Whether this is the operand itself.
    pub fn is_identity(&self, shape: &[usize]) -> bool {
        let all = Self::all(shape);
        self.axes == all.axes && self.places == all.places
    }

    /// Shape of the result.
    ///
    /// # Errors
    /// A sentence saying what was found and what was expected.
    pub(crate) fn shape(&self, shape: &[usize]) -> Result<Vec<usize>, String> {
        let mut sorted = self.axes.clone();
        sorted.sort_unstable();
        if !sorted.iter().copied().eq(0..shape.len()) || self.places.len() != shape.len() {
            let (axes, n) = (&self.axes, self.places.len());
            return Err(format!(
                "select has axes {axes:?} and places along {n} axes, its operand has shape {shape:?}"
            ));
        }
        for (&axis, runs) in self.axes.iter().zip(&self.places) {
            if let Some(run) = runs.iter().find(|run| !run.fits(shape[axis])) {
                let Run { start, step, count } = run;
                let start = start.unwrap_or(0);
                return Err(format!(
                    "select takes {count} places from {start} by {step} on axis {axis} of {shape:?}"
                ));
            }
        }
        Ok(self.sizes())
    }

    /// The operand's element behind each element of the result, row-major; `None` where it is the fill.
    ///
    /// # Panics
    /// If the selection does not fit `shape`.
    pub fn sources(&self, shape: &[usize]) -> Vec<Option<u32>> {
        let mut sources = vec![Some(0)];
        for (&axis, runs) in self.axes.iter().zip(&self.places) {
            let stride: usize = shape[axis + 1..].iter().product();
            let places: Vec<Option<u32>> = runs.iter().flat_map(Run::places).collect();
            let step = |before: Option<u32>| {
                let along = places.iter();
                along.map(move |place| Some(before? + (*place)? * stride as u32))
            };
            sources = sources.into_iter().flat_map(step).collect();
        }
        sources
    }
}

/// Positions as few runs, found from left to right.
fn runs_of(places: impl IntoIterator<Item = Option<u32>>) -> Vec<Run> {
    let mut runs: Vec<Run> = Vec::new();
    for place in places {
        if let Some(run) = runs.last_mut()
            && extend(run, place)
        {
            continue;
        }
        runs.push(Run {
            start: place,
            step: i32::from(place.is_some()),
            count: 1,
        });
    }
    runs
}

fn extend(run: &mut Run, place: Option<u32>) -> bool {
    let fits = match (run.start, place) {
        (None, None) => true,
        (Some(start), Some(place)) => {
            let gap = i64::from(place) - i64::from(start);
            match (run.count, i32::try_from(gap)) {
                (1, Ok(step)) => {
                    run.step = step;
                    true
                }
                (count, _) => gap == i64::from(run.step) * i64::from(count),
            }
        }
        _ => false,
    };
    if fits {
        run.count += 1;
    }
    fits
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn positions_become_runs() {
        let runs = runs_of([
            None,
            Some(4),
            Some(2),
            Some(0),
            Some(1),
            Some(1),
            None,
            None,
        ]);
        let run = |start, step, count| Run { start, step, count };
        assert_eq!(
            runs,
            [
                run(None, 0, 1),
                run(Some(4), -2, 3),
                run(Some(1), 0, 2),
                run(None, 0, 2)
            ]
        );
        let again: Vec<Option<u32>> = runs.iter().flat_map(Run::places).collect();
        assert_eq!(again[1..4], [Some(4), Some(2), Some(0)]);
        assert_eq!(runs_of([Some(3)]), [Run::from(3, 1)]);
        assert_eq!(runs_of((0..9).map(Some)), [Run::from(0, 9)]);
    }

    #[test]
    fn sources_follow_axes_and_places() {
        let selection = Selection::transposed(&[2, 3], &[1, 0]).along(0, [Some(2), None]);
        assert_eq!(selection.shape(&[2, 3]), Ok(vec![2, 2]));
        assert_eq!(selection.sources(&[2, 3]), [Some(2), Some(5), None, None]);
        assert!(Selection::all(&[2, 3]).is_identity(&[2, 3]));
        assert!(!selection.is_identity(&[2, 3]));
        assert!(selection.shape(&[2, 2]).is_err());
        assert!(
            Selection::transposed(&[2, 3], &[1, 1])
                .shape(&[2, 3])
                .is_err()
        );
    }
}
