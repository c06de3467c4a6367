//! The text form of tile tensors: `[784/4, */8, 512/512]`.

use std::fmt;
use std::str::FromStr;

use super::{Fill, TileDim, TileTensor};
use crate::LayoutError;

impl fmt::Display for TileDim {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.fill {
            Fill::Replicated => return write!(f, "*/{}", self.tile),
            Fill::Values {
                interleaved,
                unknown,
            } => {
                write!(f, "{}", self.size)?;
                write!(f, "{}", if interleaved { "~" } else { "" })?;
                write!(f, "{}", if unknown { "?" } else { "" })?;
            }
        }
        match self.tile {
            1 => Ok(()),
            tile => write!(f, "/{tile}"),
        }
    }
}

impl fmt::Display for TileTensor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let dims: Vec<String> = self.dims.iter().map(TileDim::to_string).collect();
        write!(f, "[{}]", dims.join(", "))
    }
}

impl FromStr for TileDim {
    type Err = LayoutError;

    /// Parses what `Display` writes.
    fn from_str(text: &str) -> Result<Self, LayoutError> {
        let fail = || LayoutError::Parse {
            expected: "a dimension such as 784/8, */8, 28~/4 or 1?/8",
            found: text.chars().take(24).collect(),
        };
        let number = |digits: &str| match digits.bytes().all(|b| b.is_ascii_digit()) {
            true => digits.parse::<u32>().map_err(|_| fail()),
            false => Err(fail()),
        };
        let (size, tile) = match text.split_once('/') {
            Some((size, tile)) => (size, number(tile)?),
            None => (text, 1),
        };
        if size == "*" {
            return Ok(Self::replicated(tile));
        }
        let (size, unknown) = match size.strip_suffix('?') {
            Some(size) => (size, true),
            None => (size, false),
        };
        let (size, interleaved) = match size.strip_suffix('~') {
            Some(size) => (size, true),
            None => (size, false),
        };
        Ok(Self::filled(number(size)?, tile, interleaved, unknown))
    }
}

impl FromStr for TileTensor {
    type Err = LayoutError;

    /// Parses what `Display` writes.
    ///
    /// # Errors
    /// [`LayoutError::Parse`], or what [`TileTensor::check`] finds.
    fn from_str(text: &str) -> Result<Self, LayoutError> {
        let inner = text.strip_prefix('[').and_then(|t| t.strip_suffix(']'));
        let inner = inner.ok_or_else(|| LayoutError::Parse {
            expected: "dimensions in brackets",
            found: text.chars().take(24).collect(),
        })?;
        let dims: Result<Vec<TileDim>, _> = inner.split(", ").map(str::parse).collect();
        let tensor = Self::new(dims?);
        tensor.check()?;
        Ok(tensor)
    }
}
