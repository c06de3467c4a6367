//! Convolutions, as matrices.

use crate::{LayoutError, SparseMatrix};

/// A two-dimensional convolution; one dimension is height 1. Shapes leave the batch out.
///
/// `out[o, y, x] = Σ weight[o, i, ky, kx] · in[group(o) + i, y·stride + ky·dilation - pad, …]`, zero outside the image.
/// A pooling by averages is a convolution with as many groups as channels.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ConvGeometry {
    /// Channels read.
    pub in_channels: u32,
    /// Rows read.
    pub in_height: u32,
    /// Columns read.
    pub in_width: u32,
    /// Channels written.
    pub out_channels: u32,
    /// Kernel rows and columns.
    pub kernel: (u32, u32),
    /// Steps between outputs, down and across.
    pub stride: (u32, u32),
    /// Zeros around the image: top, left, bottom, right.
    pub pad: [u32; 4],
    /// Steps between kernel taps, down and across.
    pub dilation: (u32, u32),
    /// Channel groups that do not mix.
    pub groups: u32,
}

impl ConvGeometry {
    /// Checks that the numbers describe a convolution.
    ///
    /// # Errors
    /// [`LayoutError::BadGeometry`] names the first fault.
    pub fn check(&self) -> Result<(), LayoutError> {
        let fault = |what| Err(LayoutError::BadGeometry { what });
        let groups = self.groups;
        if self.stride.0 == 0 || self.stride.1 == 0 {
            return fault("a convolution of stride zero");
        }
        if self.in_channels == 0 || self.out_channels == 0 {
            return fault("a convolution without channels");
        }
        if self.dilation.0 == 0 || self.dilation.1 == 0 {
            return fault("a convolution of dilation zero");
        }
        if self.kernel.0 == 0 || self.kernel.1 == 0 {
            return fault("a convolution with an empty kernel");
        }
        if groups == 0 || !self.in_channels.is_multiple_of(groups) {
            return fault("convolution groups that do not divide the input channels");
        }
        if !self.out_channels.is_multiple_of(groups) {
            return fault("convolution groups that do not divide the output channels");
        }
        let (out_height, out_width) = self.out_size();
        if out_height == 0 || out_width == 0 {
            return fault("a convolution kernel larger than the padded image");
        }
        let fits = |factors: [u32; 3]| {
            let product = factors
                .iter()
                .try_fold(1u32, |n, &factor| n.checked_mul(factor));
            product.is_some_and(|n| n <= u32::MAX / 2)
        };
        let [top, left, bottom, right] = self.pad.map(|pad| pad.min(u32::MAX / 4));
        let padded_rows = self.in_height.saturating_add(top + bottom);
        let padded_cols = self.in_width.saturating_add(left + right);
        if !fits([self.in_channels, padded_rows, padded_cols])
            || !fits([self.out_channels, out_height, out_width])
            || !fits([self.in_channels / groups, self.kernel.0, self.kernel.1])
        {
            return fault("a convolution of more than 2^31 elements");
        }
        Ok(())
    }

    /// Rows and columns written; zero where the kernel does not fit the padded image.
    ///
    /// # Panics
    /// If a stride is zero.
    pub fn out_size(&self) -> (u32, u32) {
        let [top, left, bottom, right] = self.pad;
        let size = |image: u32, pads: u64, kernel: u32, dilation: u32, stride: u32| -> u32 {
            let reach = (u64::from(kernel).saturating_sub(1)) * u64::from(dilation) + 1;
            match (u64::from(image) + pads).checked_sub(reach) {
                Some(room) => u32::try_from(room / u64::from(stride) + 1).unwrap_or(u32::MAX),
                None => 0,
            }
        };
        let (kernel, dilation, stride) = (self.kernel, self.dilation, self.stride);
        let rows = u64::from(top) + u64::from(bottom);
        let cols = u64::from(left) + u64::from(right);
        (
            size(self.in_height, rows, kernel.0, dilation.0, stride.0),
            size(self.in_width, cols, kernel.1, dilation.1, stride.1),
        )
    }

    /// The matrix of the convolution, elements row-major over `[channel, row, column]`. Zero weights are stored.
    ///
    /// # Shapes
    /// `weight`: `[out_channels, in_channels / groups, kernel rows, kernel columns]`, row-major.
    ///
    /// # Panics
    /// If [`ConvGeometry::check`] fails or `weight` has another length.
    pub fn matrix(&self, weight: &[f64]) -> SparseMatrix {
        self.check().expect("a checked geometry");
        let (out_height, out_width) = self.out_size();
        let in_group = self.in_channels / self.groups;
        let out_group = self.out_channels / self.groups;
        let (kernel_height, kernel_width) = self.kernel;
        let taps = (in_group * kernel_height * kernel_width) as usize;
        assert_eq!(weight.len(), self.out_channels as usize * taps, "weights");
        let mut triplets = Vec::with_capacity(
            self.out_channels as usize * (out_height * out_width) as usize * taps,
        );
        for co in 0..self.out_channels {
            let first_in = co / out_group * in_group;
            for oy in 0..out_height {
                for ox in 0..out_width {
                    let row = (co * out_height + oy) * out_width + ox;
                    for tap in 0..taps as u32 {
                        let kx = tap % kernel_width;
                        let ky = tap / kernel_width % kernel_height;
                        let ci = first_in + tap / kernel_width / kernel_height;
                        let iy = (oy * self.stride.0 + ky * self.dilation.0)
                            .checked_sub(self.pad[0])
                            .filter(|&iy| iy < self.in_height);
                        let ix = (ox * self.stride.1 + kx * self.dilation.1)
                            .checked_sub(self.pad[1])
                            .filter(|&ix| ix < self.in_width);
                        if let (Some(iy), Some(ix)) = (iy, ix) {
                            let col = (ci * self.in_height + iy) * self.in_width + ix;
                            triplets.push((row, col, weight[co as usize * taps + tap as usize]));
                        }
                    }
                }
            }
        }
        let rows = self.out_channels * out_height * out_width;
        let cols = self.in_channels * self.in_height * self.in_width;
        SparseMatrix::from_triplets(rows, cols, triplets)
    }
}
