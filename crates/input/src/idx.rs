//! IDX, the format of MNIST: two zero bytes, a type, the number of dimensions, the dimensions, the data, all big-endian.

use crate::npy::{Header, NumberType};
use crate::raw::Raw;
use crate::source::{Source, take};
use crate::{Feed, InputError, array};
use std::io::Read;
use std::path::Path;

/// Reads the samples of an IDX file.
pub(crate) fn samples(
    source: &mut Source,
    feed: &Feed,
    shape: &[usize],
) -> Result<Raw, InputError> {
    let (path, length) = (source.path.clone(), source.known_length());
    let mut reader = source.reader()?;
    let header = header(&path, &mut reader)?;
    if header.dims.len() < 2 && header.number.is_integer() {
        return Err(wrong(&path, &header, "images, magic 0x00000803"));
    }
    let n_data = length.map(|length| length.saturating_sub(header.n_bytes));
    array::samples(&path, &mut reader, n_data, &header, feed, shape)
}

/// Reads the labels of an IDX file.
pub(crate) fn labels(source: &mut Source) -> Result<(Header, Vec<f64>), InputError> {
    let (path, length) = (source.path.clone(), source.known_length());
    let mut reader = source.reader()?;
    let header = header(&path, &mut reader)?;
    if header.dims.len() != 1 {
        return Err(wrong(&path, &header, "labels, magic 0x00000801"));
    }
    let n_data = length.map(|length| length.saturating_sub(header.n_bytes));
    let numbers = array::all_numbers(&path, &mut reader, n_data, &header)?;
    Ok((header, numbers))
}

fn wrong(path: &Path, header: &Header, expected: &str) -> InputError {
    InputError::Format {
        path: path.into(),
        what: "the IDX file",
        found: format!("{} of dimensions {:?}", header.number.name(), header.dims),
        expected: expected.into(),
    }
}

fn header(path: &Path, reader: &mut dyn Read) -> Result<Header, InputError> {
    let magic = take(path, reader, 4)?;
    let (code, n_dims) = (magic[2], usize::from(magic[3]));
    let (kind, n_bytes) = match code {
        0x08 => (b'u', 1),
        0x09 => (b'i', 1),
        0x0b => (b'i', 2),
        0x0c => (b'i', 4),
        0x0d => (b'f', 4),
        0x0e => (b'f', 8),
        _ => {
            return Err(InputError::Format {
                path: path.into(),
                what: "the IDX type",
                found: format!("{code:#04x}"),
                expected: "0x08 to 0x0e without 0x0a".into(),
            });
        }
    };
    let dims = take(path, reader, 4 * n_dims as u64)?;
    let dims = dims
        .as_chunks::<4>()
        .0
        .iter()
        .map(|&dim| u32::from_be_bytes(dim).into())
        .collect();
    let number = NumberType {
        kind,
        n_bytes,
        big_endian: true,
    };
    Ok(Header {
        number,
        fortran: false,
        dims,
        n_bytes: (4 + 4 * n_dims) as u64,
    })
}
