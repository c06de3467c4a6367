//! Operations and their attributes.

use super::{Parser, Triplets};
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
        let weight = self.tensor("weight", cursor)?;
        let bias = self.tensor("bias", cursor)?;
        let x = operands
            .first()
            .map_or(&[][..], |&id| self.graph().shape(id));
        let (channels, height, width) = match *x {
            [channels, width] => (channels, 1, width),
            [channels, height, width] => (channels, height, width),
            _ => return Err(format!("conv needs [channels, height, width], found {x:?}")),
        };
        // Shapes hold at most 2^32 - 1 elements.
        let [in_channels, in_height, in_width] = [channels, height, width].map(|size| size as u32);
        let geometry = ConvGeometry {
            in_channels,
            in_height,
            in_width,
            out_channels,
            kernel,
            stride,
            pad,
            dilation,
            groups,
        };
        Ok(Op::Conv {
            geometry,
            weight,
            bias,
        })
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
