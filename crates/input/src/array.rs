//! Numbers of an array, cut to the samples asked for.

use crate::npy::{self, Header, NumberType};
use crate::raw::{Numbers, Raw};
use crate::shape::{self, product};
use crate::source::{Source, fault, take};
use crate::{Feed, InputError, MAX_BYTES};
use std::io::{self, Read};
use std::ops::Range;
use std::path::Path;

/// Numbers of an array in the type that they are stored in.
pub(crate) struct Stored {
    number: NumberType,
    bytes: Vec<u8>,
    /// Of an array in Fortran order, all of whose numbers are here: index of the first one asked for, dimensions, strides.
    fortran: Option<(usize, Vec<usize>, Vec<usize>)>,
}

impl Stored {
    /// Numbers that lie in C order.
    pub fn new(number: NumberType, bytes: Vec<u8>) -> Stored {
        Stored {
            number,
            bytes,
            fortran: None,
        }
    }

    /// Numbers of a range in C order.
    pub fn numbers(&self, range: Range<usize>) -> Vec<f64> {
        let width = self.number.n_bytes;
        let Some((first, dims, strides)) = &self.fortran else {
            let bytes = &self.bytes[range.start * width..range.end * width];
            return self.number.decode_all(bytes);
        };
        let number = |index: usize| {
            let mut rest = first + index;
            let mut at = 0;
            for (&dim, &stride) in dims.iter().zip(strides).rev() {
                at += rest % dim.max(1) * stride;
                rest /= dim.max(1);
            }
            self.number
                .decode(self.bytes.get(at * width..).unwrap_or(&[]))
        };
        range.map(number).collect()
    }
}

/// Reads the samples of an `.npy` file.
pub(crate) fn npy_samples(
    source: &mut Source,
    feed: &Feed,
    shape: &[usize],
) -> Result<Raw, InputError> {
    let (path, length) = (source.path.clone(), source.known_length());
    let mut reader = source.reader()?;
    let header = npy::header(&path, &mut reader)?;
    let n_data = length.map(|length| length.saturating_sub(header.n_bytes));
    samples(&path, &mut reader, n_data, &header, feed, shape)
}

/// Reads the samples of an array whose header has been read; `n_data` is the number of bytes left, if known.
pub(crate) fn samples(
    path: &Path,
    reader: &mut dyn Read,
    n_data: Option<u64>,
    header: &Header,
    feed: &Feed,
    shape: &[usize],
) -> Result<Raw, InputError> {
    let reading = shape::expect(path, &header.dims, shape, feed)?;
    let (first, count) = shape::window(path, reading.n_samples, feed)?;
    let n_each = reading.fit.len();
    let stored = read_window(path, reader, n_data, header, n_each, first, count)?;
    Ok(Raw {
        fit: reading.fit,
        n_samples: reading.n_samples,
        first,
        count,
        numbers: Numbers::Stored(stored),
        array: None,
        single: reading.single,
    })
}

/// All numbers of an array, in C order.
pub(crate) fn all_numbers(
    path: &Path,
    reader: &mut dyn Read,
    n_data: Option<u64>,
    header: &Header,
) -> Result<Vec<f64>, InputError> {
    let product = header.dims.iter().try_fold(1u64, |n, &d| n.checked_mul(d));
    let n_numbers = product
        .and_then(|n| usize::try_from(n).ok())
        .unwrap_or(usize::MAX);
    let stored = read_window(path, reader, n_data, header, 1, 0, n_numbers)?;
    Ok(stored.numbers(0..n_numbers))
}

/// Numbers `first · n_each .. (first + count) · n_each` in C order.
fn read_window(
    path: &Path,
    reader: &mut dyn Read,
    n_data: Option<u64>,
    header: &Header,
    n_each: usize,
    first: usize,
    count: usize,
) -> Result<Stored, InputError> {
    let too_large = |found| InputError::TooLarge {
        path: path.into(),
        found,
        limit: MAX_BYTES,
    };
    let dims: Option<Vec<usize>> = header.dims.iter().map(|&d| d.try_into().ok()).collect();
    let width = header.number.n_bytes;
    let sizes = dims.and_then(|dims| {
        let total = product(&dims)?.checked_mul(width)?;
        Some((dims, total, count.checked_mul(n_each)?.checked_mul(8)?))
    });
    let Some((dims, total, in_memory)) = sizes else {
        return Err(too_large(u64::MAX));
    };
    if let Some(found) = n_data
        && found != total as u64
    {
        return Err(InputError::Length {
            path: path.into(),
            found,
            expected: total as u64,
        });
    }
    if in_memory as u64 > MAX_BYTES {
        return Err(too_large(in_memory as u64));
    }
    // One sample of a Fortran array lies all over it.
    let everything = header.fortran && dims.len() > 1;
    let (start, end) = if everything {
        (0, total)
    } else {
        (first * n_each * width, (first + count) * n_each * width)
    };
    let skipped = io::copy(&mut Read::take(&mut *reader, start as u64), &mut io::sink());
    let skipped = skipped.map_err(|source| fault(path, source))?;
    if skipped < start as u64 {
        return Err(InputError::Length {
            path: path.into(),
            found: skipped,
            expected: total as u64,
        });
    }
    let bytes = take(path, reader, (end - start) as u64)?;
    // At its end an archive's entry checks its own checksum, and packed data shows whether there is more.
    if end == total
        && reader
            .read(&mut [0])
            .map_err(|source| fault(path, source))?
            > 0
    {
        return Err(InputError::Length {
            path: path.into(),
            found: total as u64 + 1,
            expected: total as u64,
        });
    }
    if !everything {
        return Ok(Stored::new(header.number, bytes));
    }
    let strides: Vec<usize> = dims
        .iter()
        .scan(1usize, |stride, &dim| {
            let this = *stride;
            *stride = stride.saturating_mul(dim.max(1));
            Some(this)
        })
        .collect();
    Ok(Stored {
        number: header.number,
        bytes,
        fortran: Some((first * n_each, dims, strides)),
    })
}
