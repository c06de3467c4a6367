//! Constant tensors of a network.

use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// A dense constant, row-major, cheap to clone.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Tensor {
    shape: Vec<usize>,
    values: Arc<Vec<f64>>,
}

impl Tensor {
    /// A tensor of `values` in row-major order; `None` if their number is not the product of `shape`.
    pub fn new(shape: &[usize], values: Vec<f64>) -> Option<Self> {
        let n_elements = shape
            .iter()
            .try_fold(1usize, |n, &size| n.checked_mul(size))?;
        (n_elements == values.len()).then(|| Self {
            shape: shape.to_vec(),
            values: Arc::new(values),
        })
    }

    /// A vector.
    pub fn vector(values: Vec<f64>) -> Self {
        Self {
            shape: vec![values.len()],
            values: Arc::new(values),
        }
    }

    /// All elements equal to `value`.
    pub fn filled(shape: &[usize], value: f64) -> Self {
        Self {
            shape: shape.to_vec(),
            values: Arc::new(vec![value; shape.iter().product()]),
        }
    }

    /// All elements zero.
    pub fn zeros(shape: &[usize]) -> Self {
        Self::filled(shape, 0.0)
    }

    /// Sizes of the axes.
    pub fn shape(&self) -> &[usize] {
        &self.shape
    }

    /// Elements in row-major order.
    pub fn values(&self) -> &[f64] {
        &self.values
    }

    /// Number of elements.
    pub fn len(&self) -> usize {
        self.values.len()
    }

    /// Whether there is no element.
    pub fn is_empty(&self) -> bool {
        self.values.is_empty()
    }

    /// Element-wise image.
    #[must_use]
    pub fn map(&self, f: impl FnMut(f64) -> f64) -> Self {
        Self {
            shape: self.shape.clone(),
            values: Arc::new(self.values.iter().copied().map(f).collect()),
        }
    }

    /// Elements repeated to `shape` by NumPy's broadcasting rule (axes aligned at the right); `None` if they do not fit.
    pub fn broadcast_to(&self, shape: &[usize]) -> Option<Self> {
        if self.shape == shape {
            return Some(self.clone());
        }
        let lead = shape.len().checked_sub(self.shape.len())?;
        if self
            .shape
            .iter()
            .zip(&shape[lead..])
            .any(|(&a, &b)| a != b && a != 1)
        {
            return None;
        }
        let total: usize = shape.iter().product();
        let mut values = Vec::with_capacity(total);
        for flat in 0..total {
            let (mut rest, mut index, mut stride) = (flat, 0, 1);
            for axis in (0..shape.len()).rev() {
                let coordinate = rest % shape[axis];
                rest /= shape[axis];
                if axis >= lead {
                    let size = self.shape[axis - lead];
                    index += if size == 1 { 0 } else { coordinate * stride };
                    stride *= size;
                }
            }
            values.push(self.values[index]);
        }
        Self::new(shape, values)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn broadcasting_follows_numpy() {
        let column = Tensor::new(&[2, 1], vec![1.0, 2.0]).unwrap();
        assert_eq!(
            column.broadcast_to(&[2, 3]).unwrap().values(),
            [1.0, 1.0, 1.0, 2.0, 2.0, 2.0]
        );
        let row = Tensor::vector(vec![1.0, 2.0, 3.0]);
        assert_eq!(
            row.broadcast_to(&[2, 3]).unwrap().values(),
            [1.0, 2.0, 3.0, 1.0, 2.0, 3.0]
        );
        assert!(row.broadcast_to(&[3, 2]).is_none());
        assert!(row.broadcast_to(&[]).is_none());
    }
}
