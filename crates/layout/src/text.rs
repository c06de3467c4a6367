//! The text form of layouts: `periodic 2048/8192 x1 [6x14x14 gap 2,2 frame 32x32]`.
//!
//! Period, slots, ciphertexts, then the index map: `[784]` for row-major, `[table 3 - 5]` for a table whose second
//! element sits nowhere.
//! Copies follow, each by its offset and the positions copied: `periodic 2048/8192 x1 [784, copies 816+0..784]`.

use std::fmt;
use std::str::FromStr;

use crate::{ABSENT, Copy, IndexMap, LayoutError, Periodic};

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
                gap,
                frame,
            } => write!(
                f,
                "{channels}x{height}x{width} gap {},{} frame {}x{}",
                gap.0, gap.1, frame.0, frame.1
            )?,
            IndexMap::Table(positions) => {
                write!(f, "table")?;
                for &position in positions.iter() {
                    match position {
                        ABSENT => write!(f, " -")?,
                        _ => write!(f, " {position}")?,
                    }
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
        let channels = self.number()?;
        if self.word("x").is_err() {
            return Ok((channels, IndexMap::RowMajor));
        }
        let height = self.number()?;
        self.word("x")?;
        let width = self.number()?;
        self.word(" gap ")?;
        let gap_rows = self.number()?;
        self.word(",")?;
        let gap = (gap_rows, self.number()?);
        self.word(" frame ")?;
        let frame_rows = self.number()?;
        self.word("x")?;
        let frame = (frame_rows, self.number()?);
        let n_elements = channels.checked_mul(height);
        let Some(n_elements) = n_elements.and_then(|n| n.checked_mul(width)) else {
            return self.fail("fewer elements");
        };
        let index = IndexMap::Image {
            channels,
            height,
            width,
            gap,
            frame,
        };
        Ok((n_elements, index))
    }
}
