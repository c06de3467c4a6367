//! Operations and their attributes.

use super::{Parser, Triplets, moves};
use crate::text::Cursor;
use crate::{Activation, Basis, NodeId, Op, Polynomial, PoolGeometry, Tensor};
use layout::{ConvGeometry, SparseMatrix};
use std::sync::Arc;

impl Parser {
    pub(super) fn op(
        &mut self,
        word: &str,
        operands: &[NodeId],
        cursor: &mut Cursor,
    ) -> Result<Op, String> {
        Ok(match word {
            "conv" => self.conv(operands, cursor)?,
            "conv_transpose" => self.conv_transpose(operands, cursor)?,
            "select" => {
                let rank = operands
                    .first()
                    .map_or(0, |&id| self.graph().shape(id).len());
                Op::Select(moves::select(rank, cursor)?)
            }
            "concat" => {
                cursor.expect_word("axis")?;
                let axis = cursor.whole("an axis")?;
                Op::Concat { axis }
            }
            "mean" => {
                cursor.expect_word("axes")?;
                let axes = cursor.list(|cursor| cursor.whole("an axis"))?;
                Op::Mean { axes }
            }
            "dense" => {
                let weight = self.tensor("weight", cursor)?;
                Op::Dense {
                    weight,
                    bias: self.tensor("bias", cursor)?,
                }
            }
            "linear" => {
                let has_stride = cursor.eat_word("stride");
                let stride = has_stride
                    .then(|| cursor.pair(",", "a stride"))
                    .transpose()?;
                let bias = self.tensor("bias", cursor)?;
                let matrix = Arc::new(self.matrix(bias.len(), cursor)?);
                Op::Linear {
                    matrix,
                    bias,
                    stride,
                }
            }
            "avg_pool" => Op::AvgPool(pool(cursor)?),
            "max_pool" => Op::MaxPool(pool(cursor)?),
            "global_avg_pool" => Op::GlobalAvgPool,
            "affine" => {
                let scale = self.tensor("scale", cursor)?;
                Op::Affine {
                    scale,
                    shift: self.tensor("shift", cursor)?,
                }
            }
            "pad" => Op::Pad(cursor.pads()?),
            "add" => Op::Add,
            "mul" => Op::Mul,
            "polynomial" => Op::Polynomial(polynomial(cursor)?),
            _ => match Activation::all()
                .into_iter()
                .find(|activation| activation.word() == word)
            {
                Some(activation) => Op::Activation(parameters(activation, cursor)?),
                None => return Err(format!("expected an operation, found `{word}`")),
            },
        })
    }

    fn conv(&mut self, operands: &[NodeId], cursor: &mut Cursor) -> Result<Op, String> {
        cursor.expect_word("out")?;
        let out_channels = cursor.whole("a number of channels")?;
        let source = self.image(operands)?;
        let geometry = conv_window(source, out_channels, cursor)?;
        Ok(Op::Conv {
            geometry,
            weight: self.tensor("weight", cursor)?,
            bias: self.tensor("bias", cursor)?,
        })
    }

    fn conv_transpose(&mut self, operands: &[NodeId], cursor: &mut Cursor) -> Result<Op, String> {
        cursor.expect_word("out")?;
        let mut out = [0; 3];
        for (k, size) in out.iter_mut().enumerate() {
            if k > 0 {
                cursor.expect("x")?;
            }
            *size = cursor.whole("a size")?;
        }
        let [channels, ..] = self.image(operands)?;
        let geometry = conv_window(out, channels, cursor)?;
        Ok(Op::ConvTranspose {
            geometry,
            weight: self.tensor("weight", cursor)?,
            bias: self.tensor("bias", cursor)?,
        })
    }

    /// Channels, height and width of the operand.
    fn image(&mut self, operands: &[NodeId]) -> Result<[u32; 3], String> {
        let x = operands
            .first()
            .map_or(&[][..], |&id| self.graph().shape(id));
        let image = match *x {
            [channels, width] => [channels, 1, width],
            [channels, height, width] => [channels, height, width],
            _ => return Err(format!("conv needs [channels, height, width], found {x:?}")),
        };
        // Shapes hold at most 2^32 - 1 elements.
        Ok(image.map(|size| size as u32))
    }

    fn tensor(&mut self, role: &str, cursor: &mut Cursor) -> Result<Tensor, String> {
        cursor.expect_word(role)?;
        if !cursor.at_constant_name() {
            return cursor.nested();
        }
        let name = cursor.constant_name()?;
        let Some((_, tensor)) = self.tensors.get(&name) else {
            return Err(missing(&name));
        };
        let tensor = tensor.clone();
        self.used.insert(name);
        Ok(tensor)
    }

    fn matrix(&mut self, n_outputs: usize, cursor: &mut Cursor) -> Result<SparseMatrix, String> {
        cursor.expect_word("matrix")?;
        let matrix = if cursor.at_constant_name() {
            let name = cursor.constant_name()?;
            let matrix = self.matrices.get(&name).map(|(_, matrix)| matrix.clone());
            let matrix = matrix.ok_or_else(|| missing(&name))?;
            self.used.insert(name);
            matrix
        } else {
            triplets(cursor)?
        };
        let Triplets {
            rows,
            cols,
            entries,
        } = matrix;
        if rows as usize != n_outputs {
            return Err(format!(
                "the matrix has {rows} rows, the bias {n_outputs} elements"
            ));
        }
        Ok(SparseMatrix::from_triplets(rows, cols, entries))
    }
}

fn missing(name: &str) -> String {
    format!("@{name} has no values here; print the graph with values to parse it back")
}

pub(super) fn triplets(cursor: &mut Cursor) -> Result<Triplets, String> {
    let (rows, cols) = cursor.pair("x", "a matrix size")?;
    cursor.expect("=")?;
    let mut last = None;
    let entries = cursor.list(|cursor| {
        let (row, col) = (cursor.whole("a row")?, cursor.whole("a column")?);
        if row >= rows || col >= cols {
            return Err(format!(
                "the entry at row {row}, column {col} is outside the {rows} by {cols} matrix"
            ));
        }
        if last.replace((row, col)) >= Some((row, col)) {
            return Err(format!(
                "the entry at row {row}, column {col} is out of order"
            ));
        }
        Ok((row, col, cursor.number()?))
    })?;
    Ok(Triplets {
        rows,
        cols,
        entries,
    })
}

/// Kernel, stride, padding.
type Window = ((u32, u32), (u32, u32), [u32; 4]);

fn window(cursor: &mut Cursor) -> Result<Window, String> {
    cursor.expect_word("kernel")?;
    let kernel = cursor.pair("x", "a kernel size")?;
    cursor.expect_word("stride")?;
    let stride = cursor.pair(",", "a stride")?;
    let padded = cursor.eat_word("pad");
    let pad = if padded { cursor.pads()? } else { [0; 4] };
    Ok((kernel, stride, pad))
}

/// The window of a convolution that reads images of size `source`.
fn conv_window(
    [in_channels, in_height, in_width]: [u32; 3],
    out_channels: u32,
    cursor: &mut Cursor,
) -> Result<ConvGeometry, String> {
    let (kernel, stride, pad) = window(cursor)?;
    let dilated = cursor.eat_word("dilation");
    let dilation = if dilated {
        cursor.pair(",", "a dilation")?
    } else {
        (1, 1)
    };
    let grouped = cursor.eat_word("groups");
    let groups = if grouped {
        cursor.whole("a number of groups")?
    } else {
        1
    };
    Ok(ConvGeometry {
        in_channels,
        in_height,
        in_width,
        out_channels,
        kernel,
        stride,
        pad,
        dilation,
        groups,
    })
}

fn pool(cursor: &mut Cursor) -> Result<PoolGeometry, String> {
    let (kernel, stride, pad) = window(cursor)?;
    let count_include_pad = cursor.eat_word("count_include_pad");
    Ok(PoolGeometry {
        kernel,
        stride,
        pad,
        count_include_pad,
    })
}

fn parameters(activation: Activation, cursor: &mut Cursor) -> Result<Activation, String> {
    let mut values = Vec::new();
    for (word, _) in activation.parameters() {
        cursor.expect_word(word)?;
        let value = match activation {
            Activation::Clip { .. } => cursor.number_or_infinity()?,
            Activation::Gelu { .. } => f64::from(u8::from(cursor.flag()?)),
            _ => cursor.number()?,
        };
        values.push(value);
    }
    Ok(activation.with_parameters(&values))
}

fn polynomial(cursor: &mut Cursor) -> Result<Polynomial, String> {
    let basis = if cursor.eat_word("power") {
        Basis::Power
    } else if cursor.eat_word("chebyshev") {
        let (low, high) = cursor.interval()?;
        Basis::Chebyshev { low, high }
    } else {
        return cursor.wanted("`power` or `chebyshev`");
    };
    Ok(Polynomial {
        basis,
        coefficients: cursor.list(Cursor::number)?,
    })
}
