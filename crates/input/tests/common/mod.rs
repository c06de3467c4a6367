//! Small files, made as the tools that make them do.
#![allow(dead_code, reason = "each test program uses its own part")]

use flate2::{Compression, Crc, write::GzEncoder};
use std::io::Write;
use std::path::{Path, PathBuf};

/// Writes `bytes` as `name` in a folder.
pub fn put(folder: &Path, name: &str, bytes: &[u8]) -> PathBuf {
    let path = folder.join(name);
    std::fs::write(&path, bytes).unwrap();
    path
}

/// An `.npy` file; `dims` as Python writes a tuple.
pub fn npy(descr: &str, fortran: bool, dims: &str, data: &[u8]) -> Vec<u8> {
    let fortran = if fortran { "True" } else { "False" };
    let text = format!("{{'descr': '{descr}', 'fortran_order': {fortran}, 'shape': {dims}, }}\n");
    [
        b"\x93NUMPY\x01\x00",
        (text.len() as u16).to_le_bytes().as_slice(),
        text.as_bytes(),
        data,
    ]
    .concat()
}

pub fn f4(values: impl IntoIterator<Item = f32>) -> Vec<u8> {
    values.into_iter().flat_map(f32::to_le_bytes).collect()
}

pub fn i8s(values: impl IntoIterator<Item = i64>) -> Vec<u8> {
    values.into_iter().flat_map(i64::to_le_bytes).collect()
}

pub fn idx(code: u8, dims: &[u32], data: &[u8]) -> Vec<u8> {
    let dims_bytes: Vec<u8> = dims.iter().flat_map(|dim| dim.to_be_bytes()).collect();
    [&[0, 0, code, dims.len() as u8], dims_bytes.as_slice(), data].concat()
}

pub fn gz(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

/// An archive without packing, as `numpy.savez` makes it.
pub fn npz(entries: &[(&str, Vec<u8>)]) -> Vec<u8> {
    let (mut bytes, mut directory) = (vec![], vec![]);
    for (name, data) in entries {
        let name = format!("{name}.npy");
        let mut crc = Crc::new();
        crc.update(data);
        let length = (data.len() as u32).to_le_bytes();
        let common = [
            &[20, 0, 0, 0, 0, 0, 0, 0, 0x21, 0],
            crc.sum().to_le_bytes().as_slice(),
            &length,
            &length,
            &(name.len() as u16).to_le_bytes(),
            &[0, 0],
        ]
        .concat();
        let at = (bytes.len() as u32).to_le_bytes();
        bytes.extend([b"PK\x03\x04", common.as_slice(), name.as_bytes(), data].concat());
        directory.extend(
            [
                b"PK\x01\x02\x14\x00",
                common.as_slice(),
                &[0; 10],
                &at,
                name.as_bytes(),
            ]
            .concat(),
        );
    }
    let n = (entries.len() as u16).to_le_bytes();
    let (size, at) = (
        (directory.len() as u32).to_le_bytes(),
        (bytes.len() as u32).to_le_bytes(),
    );
    [
        bytes,
        directory,
        [
            b"PK\x05\x06\0\0\0\0".as_slice(),
            &n,
            &n,
            &size,
            &at,
            &[0, 0],
        ]
        .concat(),
    ]
    .concat()
}
