//! PNG and JPEG pictures.

use crate::raw::{Numbers, Raw};
use crate::shape::{Fit, reading, window};
use crate::source::Source;
use crate::{Feed, InputError};
use image::{DynamicImage, ImageDecoder, ImageReader};
use std::io::{self, BufReader, Seek};

/// Numbers of 16 bits in one of 8: 65535 / 255.
const STEP: f64 = 257.0;

/// Reads one picture, in as many channels as the network wants: 1 or 3.
///
/// Color becomes luma for one channel (ITU-R 601, rounded to whole steps as PIL does), grey is repeated for three.
/// Transparent parts show black. The picture is decoded only if its size is right.
pub(crate) fn samples(source: &Source, feed: &Feed, shape: &[usize]) -> Result<Raw, InputError> {
    let fault = |error: image::ImageError| match error {
        image::ImageError::IoError(error) => source.fault(error),
        error => source.fault(io::Error::new(
            io::ErrorKind::InvalidData,
            error.to_string(),
        )),
    };
    let mut file = BufReader::new(&source.file);
    file.rewind().map_err(|error| source.fault(error))?;
    let reader = ImageReader::new(file)
        .with_guessed_format()
        .map_err(|error| source.fault(error))?;
    let decoder = reader.into_decoder().map_err(fault)?;
    let (width, height) = decoder.dimensions();
    let in_color = decoder.color_type().has_color();
    let fits = |channels: u64| {
        let reading = reading(&[channels, height.into(), width.into()], shape, feed.pad)?;
        (reading.n_samples == 1).then_some(reading.fit)
    };
    let (fit, channels) = match (fits(1), fits(3)) {
        (Some(fit), _) => (fit, 1),
        (None, Some(fit)) => (fit, 3),
        (None, None) => {
            return Err(InputError::Shape {
                path: source.path.clone(),
                found: vec![if in_color { 3 } else { 1 }, height.into(), width.into()],
                expected: shape.into(),
                pad: feed.pad,
            });
        }
    };
    let (_, count) = window(&source.path, 1, feed)?;
    let picture = DynamicImage::from_decoder(decoder).map_err(fault)?;
    let values = values(picture, in_color, channels, &fit);
    Ok(Raw {
        fit,
        n_samples: 1,
        first: 0,
        count,
        numbers: Numbers::Values(values),
        array: None,
        single: true,
    })
}

/// Channel after channel, 0 to 255.
fn values(picture: DynamicImage, in_color: bool, channels: usize, fit: &Fit) -> Vec<f64> {
    let picture = picture.into_rgba16();
    let mut planes = vec![Vec::with_capacity(fit.len() / channels); channels];
    for pixel in picture.pixels() {
        let [r, g, b, alpha] = pixel.0;
        let shown = [r, g, b].map(|v| f64::from(v) / STEP * (f64::from(alpha) / 65535.0));
        match planes.as_mut_slice() {
            [grey] if in_color => {
                grey.push((0.299 * shown[0] + 0.587 * shown[1] + 0.114 * shown[2]).round())
            }
            planes => planes
                .iter_mut()
                .zip(shown)
                .for_each(|(plane, v)| plane.push(v)),
        }
    }
    planes.concat()
}
