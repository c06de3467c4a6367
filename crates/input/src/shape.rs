//! How the dimensions of a file fill the shape that a network wants.

use crate::{Feed, InputError};
use std::path::Path;

/// Each sample as planes to be padded: `planes · height · width` numbers of the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Fit {
    /// Everything before height and width, as one.
    pub planes: usize,
    pub height: usize,
    pub width: usize,
}

impl Fit {
    /// Numbers of one sample in the file.
    pub fn len(&self) -> usize {
        self.planes * self.height * self.width
    }
}

/// How close dimensions are to a shape; the closest reading wins.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Closeness {
    Flat,
    Squeezed,
    Equal,
}

/// What a file's array is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Reading {
    pub fit: Fit,
    /// Number of samples.
    pub n_samples: u64,
    /// The dimensions are those of one sample, without a leading `n`.
    pub single: bool,
}

/// Reads dimensions as one sample or as `n` of them.
pub(crate) fn reading(dims: &[u64], shape: &[usize], pad: [u32; 4]) -> Option<Reading> {
    let one = fit(dims, shape, pad).map(|(close, fit)| {
        (
            close,
            Reading {
                fit,
                n_samples: 1,
                single: true,
            },
        )
    });
    let many = dims.split_first().and_then(|(&n_samples, rest)| {
        fit(rest, shape, pad).map(|(close, fit)| {
            (
                close,
                Reading {
                    fit,
                    n_samples,
                    single: false,
                },
            )
        })
    });
    match (one, many) {
        // [n, 1] for a network that takes one number is n samples, not a squeezed or flat one.
        (Some(one), Some(many)) => Some(if one.0 >= many.0 { one.1 } else { many.1 }),
        (one, many) => one.or(many).map(|(_, reading)| reading),
    }
}

/// As [`reading`], or the error that says what was found and expected.
pub(crate) fn expect(
    path: &Path,
    dims: &[u64],
    shape: &[usize],
    feed: &Feed,
) -> Result<Reading, InputError> {
    reading(dims, shape, feed.pad).ok_or_else(|| InputError::Shape {
        path: path.into(),
        found: dims.into(),
        expected: shape.into(),
        pad: feed.pad,
    })
}

fn fit(dims: &[u64], shape: &[usize], pad: [u32; 4]) -> Option<(Closeness, Fit)> {
    let dims: Vec<usize> = dims
        .iter()
        .map(|&d| usize::try_from(d).ok())
        .collect::<Option<_>>()?;
    let [top, bottom, left, right] = pad.map(|n| n as usize);
    let (rows, columns) = (top.checked_add(bottom)?, left.checked_add(right)?);
    if shape.len() < 2
        && let Some((lead, &[height, width])) = dims.split_last_chunk::<2>()
    {
        // The network is flat, so that the file alone knows what height and width are.
        let planes = product(lead)?;
        let padded = product(&[
            planes,
            height.checked_add(rows)?,
            width.checked_add(columns)?,
        ])?;
        return (padded == product(shape)?).then_some((
            Closeness::Flat,
            Fit {
                planes,
                height,
                width,
            },
        ));
    }
    if shape.len() < 2 && rows + columns > 0 {
        return None;
    }
    let mut want = shape.to_vec();
    if let Some((_, [height, width])) = want.split_last_chunk_mut::<2>() {
        *height = height
            .checked_sub(rows)
            .filter(|&height| height > 0 || rows == 0)?;
        *width = width
            .checked_sub(columns)
            .filter(|&width| width > 0 || columns == 0)?;
    }
    let squeezed = |dims: &[usize]| dims.iter().copied().filter(|&d| d != 1).collect::<Vec<_>>();
    let (short, long) = (squeezed(&dims), squeezed(&want));
    let close = match () {
        () if dims == want => Closeness::Equal,
        () if short == long => Closeness::Squeezed,
        () if (short.len() <= 1 || long.len() <= 1) && product(&dims)? == product(&want)? => {
            Closeness::Flat
        }
        () => return None,
    };
    let fit = match want.split_last_chunk::<2>() {
        Some((lead, &[height, width])) => Fit {
            planes: product(lead)?,
            height,
            width,
        },
        None => Fit {
            planes: 1,
            height: 1,
            width: product(&want)?,
        },
    };
    Some((close, fit))
}

/// Number of elements; `None` if it is more than a machine can hold.
pub(crate) fn product(dims: &[usize]) -> Option<usize> {
    dims.iter().try_fold(1usize, |n, &d| n.checked_mul(d))
}

/// Which samples of `n` are read: the first, and how many.
pub(crate) fn window(
    path: &Path,
    n_samples: u64,
    feed: &Feed,
) -> Result<(usize, usize), InputError> {
    let rest = n_samples.saturating_sub(feed.offset as u64);
    if rest == 0 {
        return Err(InputError::Offset {
            path: path.into(),
            found: n_samples,
            offset: feed.offset,
        });
    }
    let rest = usize::try_from(rest).unwrap_or(usize::MAX);
    Ok((
        feed.offset,
        feed.limit.map_or(rest, |limit| limit.min(rest)),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(dims: &[u64], shape: &[usize]) -> Option<(u64, bool)> {
        reading(dims, shape, [0; 4]).map(|reading| (reading.n_samples, reading.single))
    }

    #[test]
    fn the_closest_reading_wins() {
        type Case = (&'static [u64], &'static [usize], Option<(u64, bool)>);
        let cases: [Case; 15] = [
            (&[1, 28, 28], &[1, 28, 28], Some((1, true))),
            (&[5, 1, 28, 28], &[1, 28, 28], Some((5, false))),
            (&[5, 28, 28], &[1, 28, 28], Some((5, false))),
            (&[28, 28], &[1, 28, 28], Some((1, true))),
            (&[28, 28], &[28], Some((28, false))),
            (&[5, 28, 28], &[784], Some((5, false))),
            (&[28, 28], &[784], Some((1, true))),
            (&[5, 784], &[1, 28, 28], Some((5, false))),
            (&[784], &[1, 28, 28], Some((1, true))),
            (&[784], &[784], Some((1, true))),
            (&[7], &[1], Some((7, false))),
            (&[7, 1], &[1], Some((7, false))),
            (&[0, 784], &[784], Some((0, false))),
            (&[5, 32, 32, 3], &[3, 32, 32], None),
            (&[5, 27, 28], &[784], None),
        ];
        for (dims, shape, want) in cases {
            assert_eq!(read(dims, shape), want, "{dims:?} for {shape:?}");
        }
        assert_eq!(read(&[], &[1]), Some((1, true)));
        assert_eq!(read(&[u64::MAX, u64::MAX], &[784]), None);
    }

    #[test]
    fn padding_makes_up_the_difference() {
        let fit = |dims: &[u64], shape: &[usize], pad| {
            reading(dims, shape, pad).map(|r| (r.n_samples, r.fit))
        };
        let digit = Fit {
            planes: 1,
            height: 28,
            width: 28,
        };
        assert_eq!(fit(&[5, 28, 28], &[1, 32, 32], [2; 4]), Some((5, digit)));
        assert_eq!(fit(&[5, 784], &[1, 32, 32], [2; 4]), Some((5, digit)));
        assert_eq!(fit(&[5, 28, 28], &[1024], [2; 4]), Some((5, digit)));
        assert_eq!(fit(&[28, 28], &[1024], [4, 0, 0, 4]), Some((1, digit)));
        assert_eq!(fit(&[5, 32, 32], &[1, 32, 32], [2; 4]), None);
        assert_eq!(fit(&[5, 28, 28], &[1, 28, 28], [28, 0, 0, 0]), None);
        assert_eq!(fit(&[5, 28, 28], &[1, 28, 28], [u32::MAX; 4]), None);
    }
}
