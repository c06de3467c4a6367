//! From a file's numbers to a network's.

use crate::InputError;
use crate::shape::{Fit, product};
use serde::{Deserialize, Serialize};
use std::path::Path;

/// How a file's numbers become a network's, and which samples are taken.
///
/// `(pad(v) · scale − mean) / std`: zeros are added first, so that padding is scaled as black is. Stored without the choice
/// of samples.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Feed {
    /// Factor, such as `1/255`; 1 where the numbers are right.
    pub scale: f64,
    /// Subtracted after scaling: one number, or one per channel. Empty: nothing.
    pub mean: Vec<f64>,
    /// Divided by after that: one number, or one per channel. Empty: nothing.
    pub std: Vec<f64>,
    /// Zeros around each plane: top, bottom, left, right.
    pub pad: [u32; 4],
    /// At most so many samples.
    #[serde(skip)]
    pub limit: Option<usize>,
    /// First sample, from zero.
    #[serde(skip)]
    pub offset: usize,
}

impl Default for Feed {
    fn default() -> Self {
        Feed {
            scale: 1.0,
            mean: vec![],
            std: vec![],
            pad: [0; 4],
            limit: None,
            offset: 0,
        }
    }
}

impl Feed {
    /// Reads a scale written as a number or as a fraction: `0.00392`, `1/255`.
    ///
    /// # Errors
    /// [`InputError::Setting`] unless it is finite and not zero.
    pub fn parse_scale(text: &str) -> Result<f64, InputError> {
        let number = |text: &str| text.trim().parse::<f64>().ok();
        let scale = match text.split_once('/') {
            Some((above, below)) => number(above)
                .zip(number(below))
                .map(|(above, below)| above / below),
            None => number(text),
        };
        scale
            .filter(|&scale| valid_divisor(scale))
            .ok_or_else(|| InputError::Setting {
                what: "the scale",
                found: format!("{text:?}"),
                expected: "a number or a fraction such as 1/255, not zero".into(),
            })
    }

    /// Refuses what can not be applied to samples of this shape.
    pub(crate) fn check(&self, path: &Path, shape: &[usize]) -> Result<(), InputError> {
        let bytes = product(shape)
            .and_then(|n| n.checked_mul(8))
            .map_or(u64::MAX, |n| n as u64);
        if bytes > crate::MAX_BYTES {
            return Err(InputError::TooLarge {
                path: path.into(),
                found: bytes,
                limit: crate::MAX_BYTES,
            });
        }
        if bytes == 0 {
            let found = format!("{shape:?}");
            return setting("the network's input shape", found, "no dimension of 0");
        }
        self.check_numbers()
    }

    /// Refuses numbers that can not be applied to anything.
    ///
    /// # Errors
    /// [`InputError::Setting`] for a scale or standard deviation that is zero or not finite, and a mean that is not finite.
    pub fn check_numbers(&self) -> Result<(), InputError> {
        if !valid_divisor(self.scale) {
            return setting(
                "the scale",
                self.scale.to_string(),
                "a finite number other than zero",
            );
        }
        if let Some(bad) = self.mean.iter().find(|value| !value.is_finite()) {
            return setting("a mean", bad.to_string(), "a finite number");
        }
        if let Some(bad) = self.std.iter().find(|&&value| !valid_divisor(value)) {
            return setting(
                "a standard deviation",
                bad.to_string(),
                "a finite number other than zero",
            );
        }
        Ok(())
    }

    /// Pads, scales and shifts one sample of the file, and checks that every number is finite.
    pub(crate) fn apply(
        &self,
        path: &Path,
        sample: usize,
        values: Vec<f64>,
        fit: &Fit,
        shape: &[usize],
    ) -> Result<Vec<f64>, InputError> {
        let mut values = self.padded(values, fit);
        // A flat network may be given one mean per feature as well as one per channel.
        let per_value = shape.len() == 1 && self.mean.len().max(self.std.len()) == values.len();
        let n_channels = if per_value { values.len() } else { fit.planes };
        let channel_len = (values.len() / n_channels.max(1)).max(1);
        let mean = per_channel("the number of means", &self.mean, n_channels)?;
        let std = per_channel("the number of standard deviations", &self.std, n_channels)?;
        for (index, value) in values.iter_mut().enumerate() {
            let channel = index / channel_len;
            *value *= self.scale;
            if let Some(mean) = mean(channel) {
                *value -= mean;
            }
            if let Some(std) = std(channel) {
                *value /= std;
            }
            if !value.is_finite() {
                return Err(InputError::NotFinite {
                    path: path.into(),
                    sample,
                    index,
                    value: *value,
                });
            }
        }
        Ok(values)
    }

    fn padded(&self, values: Vec<f64>, fit: &Fit) -> Vec<f64> {
        if self.pad == [0; 4] {
            return values;
        }
        let [top, bottom, left, right] = self.pad.map(|n| n as usize);
        let (rows, columns) = (top + fit.height + bottom, left + fit.width + right);
        let mut padded = vec![0.0; fit.planes * rows * columns];
        for (i, row) in values.chunks_exact(fit.width.max(1)).enumerate() {
            let (plane, y) = (i / fit.height, i % fit.height);
            let at = (plane * rows + top + y) * columns + left;
            padded[at..at + fit.width].copy_from_slice(row);
        }
        padded
    }
}

/// One number for every channel, one for each, or none.
fn per_channel<'a>(
    what: &'static str,
    values: &'a [f64],
    n_channels: usize,
) -> Result<impl Fn(usize) -> Option<f64> + 'a, InputError> {
    if !values.is_empty() && values.len() != 1 && values.len() != n_channels {
        let expected = match n_channels {
            1 => "1, as there is one channel".to_owned(),
            n => format!("1 or {n}, one per channel"),
        };
        return Err(InputError::Setting {
            what,
            found: values.len().to_string(),
            expected,
        });
    }
    Ok(move |channel: usize| {
        values
            .get(if values.len() == 1 { 0 } else { channel })
            .copied()
    })
}

fn setting<T>(what: &'static str, found: String, expected: &str) -> Result<T, InputError> {
    Err(InputError::Setting {
        what,
        found,
        expected: expected.into(),
    })
}

fn valid_divisor(value: f64) -> bool {
    value.is_finite() && value != 0.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scales_are_numbers_or_fractions() {
        for (text, want) in [
            ("1/255", 1.0 / 255.0),
            ("0.00392", 0.00392),
            (" 2 / 4 ", 0.5),
            ("-1", -1.0),
        ] {
            assert_eq!(Feed::parse_scale(text).unwrap(), want);
        }
        for text in [
            "", "/", "1/0", "0", "1/", "nan", "inf", "1/2/3", "1e-400", "x",
        ] {
            assert!(
                matches!(Feed::parse_scale(text), Err(InputError::Setting { .. })),
                "{text}"
            );
        }
    }

    #[test]
    fn pads_then_scales_then_shifts() {
        let feed = Feed {
            scale: 0.5,
            mean: vec![1.0, 2.0],
            std: vec![2.0],
            pad: [1, 0, 0, 1],
            ..Feed::default()
        };
        let fit = Fit {
            planes: 2,
            height: 1,
            width: 2,
        };
        let got = feed
            .apply(
                Path::new("x"),
                0,
                vec![2.0, 4.0, 6.0, 8.0],
                &fit,
                &[2, 2, 3],
            )
            .unwrap();
        assert_eq!(
            got,
            [
                -0.5, -0.5, -0.5, 0.0, 0.5, -0.5, -1.0, -1.0, -1.0, 0.5, 1.0, -1.0
            ]
        );
    }

    #[test]
    fn means_are_one_or_one_per_channel() {
        let fit = Fit {
            planes: 1,
            height: 1,
            width: 3,
        };
        let feed = Feed {
            mean: vec![1.0, 2.0, 3.0],
            ..Feed::default()
        };
        assert_eq!(
            feed.apply(Path::new("x"), 0, vec![1.0; 3], &fit, &[3])
                .unwrap(),
            [0.0, -1.0, -2.0]
        );
        let error = feed
            .apply(Path::new("x"), 0, vec![1.0; 3], &fit, &[1, 1, 3])
            .unwrap_err();
        assert_eq!(
            error.to_string(),
            "the number of means is 3, expected 1, as there is one channel"
        );
        let flat = Feed {
            std: vec![0.0],
            ..Feed::default()
        };
        let error = flat.check(Path::new("x"), &[3]).unwrap_err();
        assert_eq!(
            error.to_string(),
            "a standard deviation is 0, expected a finite number other than zero"
        );
    }
}
