//! Shape inference.

mod moves;

use crate::Op;

fn image(shape: &[usize], what: &str) -> Result<[usize; 3], String> {
    match *shape {
        [c, h, w] => Ok([c, h, w]),
        [c, w] => Ok([c, 1, w]),
        _ => Err(format!(
            "{what} needs [channels, height, width], found {shape:?}"
        )),
    }
}

/// A shape that every crate can count in 32 bits.
fn countable(shape: Vec<usize>) -> Result<Vec<usize>, String> {
    if shape.contains(&0) {
        return Err(format!("the shape {shape:?} has an empty axis"));
    }
    let n_elements = shape
        .iter()
        .try_fold(1u32, |n, &size| n.checked_mul(u32::try_from(size).ok()?));
    match n_elements {
        Some(_) => Ok(shape),
        None => Err(format!(
            "the shape {shape:?} has more than {} elements",
            u32::MAX
        )),
    }
}

impl Op {
    /// Shape of the result for operands of the given shapes, all per sample.
    ///
    /// # Errors
    /// A sentence saying what was found and what was expected.
    pub fn infer_shape(&self, operands: &[&[usize]]) -> Result<Vec<usize>, String> {
        if let Some(arity) = self.arity()
            && operands.len() != arity
        {
            let word = self.word();
            return Err(format!(
                "{word} takes {arity} operands, found {}",
                operands.len()
            ));
        }
        self.shape_of(operands).and_then(countable)
    }

    /// The shape for as many operands as the operation takes; may have empty or very long axes.
    fn shape_of(&self, operands: &[&[usize]]) -> Result<Vec<usize>, String> {
        let x = operands.first().copied().unwrap_or_default();
        let len = |shape: &[usize]| {
            shape
                .iter()
                .try_fold(1usize, |n, &size| n.checked_mul(size))
        };
        let n_inputs = len(x).ok_or_else(|| format!("the shape {x:?} has too many elements"))?;
        match self {
            Op::Input { shape } => Ok(shape.clone()),
            Op::Conv {
                geometry: g,
                weight,
                bias,
            } => {
                let [c, h, w] = image(x, "conv")?;
                if [c, h, w]
                    != [
                        g.in_channels as usize,
                        g.in_height as usize,
                        g.in_width as usize,
                    ]
                {
                    let (c, h, w) = (g.in_channels, g.in_height, g.in_width);
                    return Err(format!("conv expects an input of {c}x{h}x{w}, found {x:?}"));
                }
                g.check().map_err(|fault| fault.to_string())?;
                let expected = [
                    g.out_channels as usize,
                    (g.in_channels / g.groups) as usize,
                    g.kernel.0 as usize,
                    g.kernel.1 as usize,
                ];
                if weight.shape() != expected {
                    return Err(format!(
                        "conv weight has shape {:?}, expected {expected:?}",
                        weight.shape()
                    ));
                }
                if bias.shape() != [g.out_channels as usize] {
                    return Err(format!(
                        "conv bias has shape {:?}, expected [{}]",
                        bias.shape(),
                        g.out_channels
                    ));
                }
                let (oh, ow) = g.out_size();
                let out = g.out_channels as usize;
                match (x.len(), oh) {
                    (2, 1) => Ok(vec![out, ow as usize]),
                    (2, _) => Err(format!("conv of {x:?} must keep height 1, found {oh}")),
                    _ => Ok(vec![out, oh as usize, ow as usize]),
                }
            }
            Op::Dense { weight, bias } => {
                let [out, cols] = *weight.shape() else {
                    return Err(format!(
                        "dense weight has shape {:?}, expected [out, in]",
                        weight.shape()
                    ));
                };
                if cols != n_inputs {
                    return Err(format!(
                        "dense weight reads {cols} elements, its input has {n_inputs}"
                    ));
                }
                if bias.shape() != [out] {
                    return Err(format!(
                        "dense bias has shape {:?}, expected [{out}]",
                        bias.shape()
                    ));
                }
                Ok(vec![out])
            }
            Op::Linear { matrix, bias, .. } => {
                let (rows, cols) = (matrix.rows(), matrix.cols());
                if cols as usize != n_inputs || rows as usize != bias.len() {
                    let n_outputs = bias.len();
                    return Err(format!(
                        "a {rows} by {cols} matrix does not map {n_inputs} elements to {n_outputs}"
                    ));
                }
                Ok(bias.shape().to_vec())
            }
            Op::AvgPool(g) | Op::MaxPool(g) => {
                let [c, h, w] = image(x, "pooling")?;
                let [top, left, bottom, right] = g.pad;
                if top.max(bottom) >= g.kernel.0 || left.max(right) >= g.kernel.1 {
                    return Err(format!(
                        "padding of {:?} can hide a whole window of {:?}",
                        g.pad, g.kernel
                    ));
                }
                let size = u32::try_from(h).ok().zip(u32::try_from(w).ok());
                let out = size.and_then(|(h, w)| g.out_size(h, w));
                let (oh, ow) = out.ok_or_else(|| {
                    format!(
                        "a window of {:?} with stride {:?} does not fit {x:?}",
                        g.kernel, g.stride
                    )
                })?;
                match (x.len(), oh) {
                    (2, 1) => Ok(vec![c, ow as usize]),
                    (2, _) => Err(format!("pooling of {x:?} must keep height 1, found {oh}")),
                    _ => Ok(vec![c, oh as usize, ow as usize]),
                }
            }
            Op::GlobalAvgPool => {
                let [c, ..] = image(x, "global pooling")?;
                Ok(if x.len() == 2 {
                    vec![c, 1]
                } else {
                    vec![c, 1, 1]
                })
            }
            Op::Affine { scale, shift } => {
                if scale.broadcast_to(x).is_none() || shift.broadcast_to(x).is_none() {
                    let (scale, shift) = (scale.shape(), shift.shape());
                    return Err(format!(
                        "constants of shape {scale:?} and {shift:?} do not broadcast to {x:?}"
                    ));
                }
                Ok(x.to_vec())
            }
            Op::Pad([top, left, bottom, right]) => {
                let [c, h, w] = image(x, "padding")?;
                if x.len() == 2 && (*top, *bottom) != (0, 0) {
                    return Err(format!("padding of {x:?} must keep height 1"));
                }
                let (h, w) = (
                    h + *top as usize + *bottom as usize,
                    w + *left as usize + *right as usize,
                );
                Ok(if x.len() == 2 {
                    vec![c, w]
                } else {
                    vec![c, h, w]
                })
            }
            Op::Add | Op::Mul => {
                if x != operands[1] {
                    let (word, y) = (self.word(), operands[1]);
                    return Err(format!(
                        "{word} needs two operands of one shape, found {x:?} and {y:?}"
                    ));
                }
                Ok(x.to_vec())
            }
            Op::ConvTranspose {
                geometry,
                weight,
                bias,
            } => moves::conv_transpose(geometry, weight, bias, x),
            Op::Select(selection) => selection.shape(x),
            Op::Concat { axis } => moves::concat(*axis, operands),
            Op::Mean { axes } => moves::mean(axes, x),
            Op::Activation(_) | Op::Polynomial(_) => Ok(x.to_vec()),
            Op::Reshape { shape } => {
                if len(shape) != Some(n_inputs) {
                    return Err(format!("can not reshape {x:?} to {shape:?}"));
                }
                Ok(shape.clone())
            }
        }
    }
}
