//! The text form of layouts: `periodic 2048/8192 x1 [6x14x14 gap 2,2 frame 32x32]`.
//!
//! Period, slots, ciphertexts, then the index map: `[1x28x28 phases 2,2 gap 1,1 frame 14x14]` where a channel is cut into
//! planes, `[784]` for row-major, `[table 3 - 5]` for a table whose second element sits nowhere.
//! A tile tensor is `[tiles 28~/4, 28~/4, 6/8, */64 order 2 0 1]`, the order left out where it rises.
//! Copies follow, each by its offset and the positions copied: `periodic 2048/8192 x1 [784, copies 816+0..784]`.

use std::fmt;
use std::str::FromStr;

use crate::{ABSENT, Copy, IndexMap, LayoutError, Periodic, TileTensor};

impl fmt::Display for Periodic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (period, n_slots, n_ciphertexts) = (self.period, self.n_slots, self.n_ciphertexts);
        write!(f, "periodic {period}/{n_slots} x{n_ciphertexts} [")?;
        match &self.index {
            IndexMap::RowMajor => write!(f, "{}", self.n_elements)?,
            IndexMap::Image {
                channels,
                height,
                width,
                phases,
                gap,
                frame,
            } => {
                write!(f, "{channels}x{height}x{width}")?;
                if *phases != (1, 1) {
                    write!(f, " phases {},{}", phases.0, phases.1)?;
                }
                let (rows, columns) = frame;
                write!(f, " gap {},{} frame {rows}x{columns}", gap.0, gap.1)?;
            }
            IndexMap::Table(positions) => {
                write!(f, "table")?;
                for &position in positions.iter() {
                    match position {
                        ABSENT => write!(f, " -")?,
                        _ => write!(f, " {position}")?,
                    }
                }
            }
            IndexMap::Tiles { tensor, order } => {
                let text = tensor.to_string();
                write!(f, "tiles {}", text.trim_matches(['[', ']']))?;
                if !order.is_sorted() {
                    write!(f, " order")?;
                    order.iter().try_for_each(|dim| write!(f, " {dim}"))?;
                }
            }
        }
        if !self.copies.is_empty() {
            write!(f, ", copies")?;
        }
        for Copy { offset, from, to } in self.copies.iter() {
            write!(f, " {offset}+{from}..{to}")?;
        }
        write!(f, "]")
    }
}

impl FromStr for Periodic {
    type Err = LayoutError;

    /// Parses what `Display` writes; blanks are single spaces.
    ///
    /// # Errors
    /// [`LayoutError::Parse`] with the rest of the text, or what [`Periodic::check`] finds.
    fn from_str(text: &str) -> Result<Self, LayoutError> {
        let mut rest = Rest(text);
        rest.word("periodic ")?;
        let period = rest.number()?;
        rest.word("/")?;
        let n_slots = rest.number()?;
        rest.word(" x")?;
        let n_ciphertexts = rest.number()?;
        rest.word(" [")?;
        let (n_elements, index) = rest.index_map()?;
        let copies = rest.copies()?;
        rest.word("]")?;
        if !rest.0.is_empty() {
            return rest.fail("the end of the layout");
        }
        let layout = Self {
            n_slots,
            n_elements,
            index,
            period,
            n_ciphertexts,
            copies: copies.into(),
        };
        layout.check()?;
        Ok(layout)
    }
}

/// Text not parsed yet.
struct Rest<'a>(&'a str);

impl Rest<'_> {
    fn fail<T>(&self, expected: &'static str) -> Result<T, LayoutError> {
        let found = self.0.chars().take(24).collect();
        Err(LayoutError::Parse { expected, found })
    }

    fn word(&mut self, word: &'static str) -> Result<(), LayoutError> {
        match self.0.strip_prefix(word) {
            Some(rest) => {
                self.0 = rest;
                Ok(())
            }
            None => self.fail(word),
        }
    }

    fn number(&mut self) -> Result<u32, LayoutError> {
        let not_digit = |c: char| !c.is_ascii_digit();
        let end = self.0.find(not_digit).unwrap_or(self.0.len());
        match self.0[..end].parse() {
            Ok(number) => {
                self.0 = &self.0[end..];
                Ok(number)
            }
            Err(_) => self.fail("a number"),
        }
    }

    fn copies(&mut self) -> Result<Vec<Copy>, LayoutError> {
        let mut copies = Vec::new();
        if self.word(", copies").is_err() {
            return Ok(copies);
        }
        while copies.is_empty() || !self.0.starts_with(']') {
            self.word(" ")?;
            let offset = self.number()?;
            self.word("+")?;
            let from = self.number()?;
            self.word("..")?;
            let to = self.number()?;
            copies.push(Copy { offset, from, to });
        }
        Ok(copies)
    }

    fn pair(&mut self, between: &'static str) -> Result<(u32, u32), LayoutError> {
        let first = self.number()?;
        self.word(between)?;
        Ok((first, self.number()?))
    }

    fn tiles(&mut self) -> Result<(u32, IndexMap), LayoutError> {
        let end = self.0.find(']').unwrap_or(self.0.len());
        let (inner, rest) = self.0.split_at(end);
        let (dims, order) = match inner.split_once(" order ") {
            Some((dims, order)) => (dims, Some(order)),
            None => (inner, None),
        };
        let tensor: TileTensor = format!("[{dims}]").parse()?;
        let layout = match order {
            None => Periodic::tiles(tensor),
            Some(order) => {
                let dims = order.split(' ').map(str::parse);
                let Ok(dims) = dims.collect::<Result<Vec<u8>, _>>() else {
                    return self.fail("an order of dimensions");
                };
                Periodic::tiles_in_order(tensor, dims)
            }
        };
        self.0 = rest;
        Ok((layout.n_elements, layout.index))
    }

    fn index_map(&mut self) -> Result<(u32, IndexMap), LayoutError> {
        if self.word("table").is_ok() {
            let mut positions = Vec::new();
            while self.word(" ").is_ok() {
                let position = match self.word("-") {
                    Ok(()) => ABSENT,
                    Err(_) => self.number()?,
                };
                positions.push(position);
            }
            let n_elements = u32::try_from(positions.len()).unwrap_or(u32::MAX);
            return Ok((n_elements, IndexMap::Table(positions.into())));
        }
        if self.word("tiles ").is_ok() {
            return self.tiles();
        }
        let channels = self.number()?;
        if self.word("x").is_err() {
            return Ok((channels, IndexMap::RowMajor));
        }
        let height = self.number()?;
        self.word("x")?;
        let width = self.number()?;
        let phases = match self.word(" phases ") {
            Ok(()) => match self.pair(",")? {
                (1, 1) => return self.fail("phases other than 1,1 before this"),
                phases => phases,
            },
            Err(_) => (1, 1),
        };
        self.word(" gap ")?;
        let gap = self.pair(",")?;
        self.word(" frame ")?;
        let frame = self.pair("x")?;
        let n_elements = channels.checked_mul(height);
        let Some(n_elements) = n_elements.and_then(|n| n.checked_mul(width)) else {
            return self.fail("fewer elements");
        };
        let index = IndexMap::Image {
            channels,
            height,
            width,
            phases,
            gap,
            frame,
        };
        Ok((n_elements, index))
    }
}
