//! Matrices of layers.

use super::common::noises;
use privet_layout::{ConvGeometry, Periodic, SparseMatrix};

pub fn dense(rows: u32, cols: u32) -> SparseMatrix {
    SparseMatrix::from_dense(rows, cols, &noises(5, (rows * cols) as usize))
}

/// A square convolution on a square image.
pub fn square(channels: [u32; 2], size: u32, kernel: u32, stride: u32, pad: u32) -> ConvGeometry {
    ConvGeometry {
        in_channels: channels[0],
        in_height: size,
        in_width: size,
        out_channels: channels[1],
        kernel: (kernel, kernel),
        stride: (stride, stride),
        pad: [pad; 4],
        dilation: (1, 1),
        groups: 1,
    }
}

pub fn random(geometry: &ConvGeometry) -> SparseMatrix {
    let taps = geometry.kernel.0 * geometry.kernel.1 * geometry.in_channels / geometry.groups;
    geometry.matrix(&noises(3, (geometry.out_channels * taps) as usize))
}

/// Average pooling by 2x2.
pub fn pool(channels: u32, size: u32) -> SparseMatrix {
    let mut geometry = square([channels; 2], size, 2, 2, 0);
    geometry.groups = channels;
    geometry.matrix(&vec![0.25; 4 * channels as usize])
}

pub fn feature_map(geometry: &ConvGeometry, gap: u32, frame: u32, n_slots: u32) -> Periodic {
    let (height, width) = geometry.out_size();
    let (gap, frame) = ((gap, gap), (frame, frame));
    Periodic::image(geometry.out_channels, height, width, gap, frame, n_slots)
}
