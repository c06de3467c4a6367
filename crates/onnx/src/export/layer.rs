//! Convolutions, pools and linear maps.

use super::ExportError;
use super::moves::flattened;
use super::proto::Attribute::{self, Int, Ints};
use super::writer::Writer;
use graph::{NodeId, PoolGeometry, Tensor};
use layout::{ConvGeometry, SparseMatrix};

/// Elements of the largest linear map that is written as a whole matrix.
const MAX_MATRIX: u64 = 1 << 26;

/// A window that moves over images; over rows, if `flat`.
struct Window {
    flat: bool,
    kernel: (u32, u32),
    stride: (u32, u32),
    pad: [u32; 4],
}

impl Window {
    fn of_conv(g: &ConvGeometry, flat: bool) -> Self {
        Self {
            flat,
            kernel: g.kernel,
            stride: g.stride,
            pad: g.pad,
        }
    }

    /// Whether a row must be written as an image of height 1, the window being higher.
    fn is_high(&self) -> bool {
        self.flat && (self.kernel.0, self.pad[0], self.pad[2]) != (1, 0, 0)
    }

    fn is_one_dimensional(&self) -> bool {
        self.flat && !self.is_high()
    }

    /// Both numbers, or the second where there is one dimension.
    fn axes(&self, (down, across): (u32, u32)) -> Vec<i64> {
        let both = [i64::from(down), i64::from(across)];
        both[usize::from(self.is_one_dimensional())..].to_vec()
    }

    fn attributes(&self) -> Vec<Attribute> {
        let [top, left, bottom, right] = self.pad;
        vec![
            Ints("kernel_shape", self.axes(self.kernel)),
            Ints("strides", self.axes(self.stride)),
            Ints(
                "pads",
                [self.axes((top, left)), self.axes((bottom, right))].concat(),
            ),
        ]
    }

    /// Shape of a weight whose window has two axes.
    fn weight_shape(&self, weight: &Tensor) -> Vec<usize> {
        let mut shape = weight.shape().to_vec();
        if self.is_one_dimensional() {
            shape.remove(2);
        }
        shape
    }

    /// Writes the operator, between reshapes where a row must be an image.
    fn write(
        &self,
        writer: &mut Writer<'_>,
        id: NodeId,
        operator: &str,
        constants: &[&str],
        attributes: &[Attribute],
    ) -> Result<(), ExportError> {
        let x = writer.operand(id, 0);
        if !self.is_high() {
            let inputs = [&[x.as_str()], constants].concat();
            return writer.whole(id, operator, &inputs, attributes);
        }
        let &[channels, width] = writer.operand_shape(id) else {
            return writer.whole(
                id,
                operator,
                &[&[x.as_str()], constants].concat(),
                attributes,
            );
        };
        let image = writer.ints(id, "image.shape", &[0, channels as i64, 1, width as i64]);
        let image = writer.part(id, ("Reshape", "image"), &[&x, &image], &[]);
        let inputs = [&[image.as_str()], constants].concat();
        let y = writer.part(id, (operator, "windows"), &inputs, attributes);
        super::moves::reshape_value(writer, id, &y)
    }
}

/// Weight and bias as stored tensors.
fn constants(
    writer: &mut Writer<'_>,
    id: NodeId,
    shape: &[usize],
    (weight, bias): (&Tensor, &Tensor),
) -> Result<[String; 2], ExportError> {
    Ok([
        writer.constant(id, "weight", shape, weight)?,
        writer.constant(id, "bias", bias.shape(), bias)?,
    ])
}

/// `Conv`.
pub(super) fn conv(
    writer: &mut Writer<'_>,
    id: NodeId,
    g: &ConvGeometry,
    stored: (&Tensor, &Tensor),
) -> Result<(), ExportError> {
    let window = Window::of_conv(g, writer.operand_shape(id).len() == 2);
    let [weight, bias] = constants(writer, id, &window.weight_shape(stored.0), stored)?;
    let mut attributes = window.attributes();
    attributes.push(Ints("dilations", window.axes(g.dilation)));
    attributes.push(Int("group", i64::from(g.groups)));
    window.write(writer, id, "Conv", &[&weight, &bias], &attributes)
}

/// `ConvTranspose`; the padding of its result is what the convolution's steps do not reach.
pub(super) fn conv_transpose(
    writer: &mut Writer<'_>,
    id: NodeId,
    g: &ConvGeometry,
    stored: (&Tensor, &Tensor),
) -> Result<(), ExportError> {
    let window = Window::of_conv(g, writer.operand_shape(id).len() == 2);
    let [weight, bias] = constants(writer, id, &window.weight_shape(stored.0), stored)?;
    let [top, left, bottom, right] = g.pad;
    let beyond = |size: u32, pads: (u32, u32), kernel: u32, dilation: u32, stride: u32| {
        let reach = (u64::from(kernel) - 1) * u64::from(dilation) + 1;
        let padded = u64::from(size) + u64::from(pads.0) + u64::from(pads.1);
        (padded.saturating_sub(reach) % u64::from(stride.max(1))) as u32
    };
    let extra = (
        beyond(
            g.in_height,
            (top, bottom),
            g.kernel.0,
            g.dilation.0,
            g.stride.0,
        ),
        beyond(
            g.in_width,
            (left, right),
            g.kernel.1,
            g.dilation.1,
            g.stride.1,
        ),
    );
    let mut attributes = window.attributes();
    attributes.push(Ints("dilations", window.axes(g.dilation)));
    attributes.push(Ints("output_padding", window.axes(extra)));
    attributes.push(Int("group", i64::from(g.groups)));
    window.write(writer, id, "ConvTranspose", &[&weight, &bias], &attributes)
}

/// `AveragePool`, `MaxPool`.
pub(super) fn pool(
    writer: &mut Writer<'_>,
    id: NodeId,
    operator: &str,
    g: &PoolGeometry,
) -> Result<(), ExportError> {
    let window = Window {
        flat: writer.operand_shape(id).len() == 2,
        kernel: g.kernel,
        stride: g.stride,
        pad: g.pad,
    };
    let mut attributes = window.attributes();
    if operator == "AveragePool" {
        attributes.push(Int("count_include_pad", i64::from(g.count_include_pad)));
    }
    window.write(writer, id, operator, &[], &attributes)
}

/// `Gemm` of all elements of the operand.
pub(super) fn dense(
    writer: &mut Writer<'_>,
    id: NodeId,
    weight: &Tensor,
    bias: &Tensor,
) -> Result<(), ExportError> {
    let x = flattened(writer, id);
    let [weight, bias] = constants(writer, id, weight.shape(), (weight, bias))?;
    writer.whole(id, "Gemm", &[&x, &weight, &bias], &[Int("transB", 1)])
}

/// `Gemm` with the whole matrix, and the result's shape.
pub(super) fn linear(
    writer: &mut Writer<'_>,
    id: NodeId,
    matrix: &SparseMatrix,
    bias: &Tensor,
) -> Result<(), ExportError> {
    let (rows, cols) = (matrix.rows(), matrix.cols());
    if u64::from(rows) * u64::from(cols) > MAX_MATRIX {
        return Err(ExportError::Matrix {
            node: writer.graph().node(id).name.clone(),
            rows,
            cols,
            limit: MAX_MATRIX,
        });
    }
    let (rows, cols) = (rows as usize, cols as usize);
    let mut values = vec![0.0; rows * cols];
    for (row, col, value) in matrix.entries() {
        values[row as usize * cols + col as usize] += value;
    }
    let x = flattened(writer, id);
    let weight = writer.floats(id, "weight", &[rows, cols], &values)?;
    let bias_name = writer.constant(id, "bias", &[bias.len()], bias)?;
    let inputs = [x.as_str(), weight.as_str(), bias_name.as_str()];
    if bias.shape().len() == 1 {
        return writer.whole(id, "Gemm", &inputs, &[Int("transB", 1)]);
    }
    let y = writer.part(id, ("Gemm", "product"), &inputs, &[Int("transB", 1)]);
    super::moves::reshape_value(writer, id, &y)
}
