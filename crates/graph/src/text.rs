//! Words of the text form: how numbers, strings and tensors are written, and a cursor that reads them.

use crate::Tensor;
use std::fmt;

/// A number that reads back exactly; whole ones without `.0`.
pub(crate) struct Number(pub f64);

impl fmt::Display for Number {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = format!("{:?}", self.0);
        f.write_str(text.strip_suffix(".0").unwrap_or(&text))
    }
}

/// A string in quotes.
pub(crate) struct Quoted<'a>(pub &'a str);

impl fmt::Display for Quoted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("\"")?;
        for c in self.0.chars() {
            match c {
                '"' | '\\' => write!(f, "\\{c}")?,
                c if c.is_control() => write!(f, "\\u{{{:x}}}", u32::from(c))?,
                c => write!(f, "{c}")?,
            }
        }
        f.write_str("\"")
    }
}

/// Name of a constant, `@conv1.weight`; in quotes where it holds other characters than letters, digits and `_./:-`.
pub(crate) struct ConstantName<'a>(pub &'a str);

impl fmt::Display for ConstantName<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.chars().all(is_plain) {
            true => write!(f, "@{}", self.0),
            false => write!(f, "@{}", Quoted(self.0)),
        }
    }
}

fn is_plain(c: char) -> bool {
    c.is_alphanumeric() || "_./:-".contains(c)
}

/// Numbers in nested brackets, one level per axis.
pub(crate) struct Nested<'a>(pub &'a Tensor);

impl fmt::Display for Nested<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fn level(f: &mut fmt::Formatter<'_>, shape: &[usize], values: &[f64]) -> fmt::Result {
            let Some((&size, inner)) = shape.split_first() else {
                return write!(f, "{}", Number(values[0]));
            };
            f.write_str("[")?;
            let step = values.len() / size.max(1);
            for k in 0..size {
                f.write_str(if k == 0 { "" } else { ", " })?;
                level(f, inner, &values[k * step..(k + 1) * step])?;
            }
            f.write_str("]")
        }
        level(f, self.0.shape(), self.0.values())
    }
}

/// Axes a tensor written in place may have.
const MAX_NESTING: usize = 8;

/// Reads one line from left to right; blanks between words do not matter, `;` ends the line.
pub(crate) struct Cursor<'a> {
    rest: &'a str,
}

impl<'a> Cursor<'a> {
    pub(crate) fn new(line: &'a str) -> Self {
        Self { rest: line.trim() }
    }

    /// Whether only a comment is left.
    pub(crate) fn at_end(&self) -> bool {
        self.rest.is_empty() || self.rest.starts_with(';')
    }

    /// A message with what stands here instead.
    pub(crate) fn wanted<T>(&self, what: &str) -> Result<T, String> {
        if self.at_end() {
            return Err(format!("expected {what}, found the end of the line"));
        }
        let mut end = self
            .rest
            .find(|c: char| c.is_whitespace() || ",;[](){}".contains(c));
        if end == Some(0) {
            end = self.rest.chars().next().map(char::len_utf8);
        }
        let word: String = self.rest[..end.unwrap_or(self.rest.len())]
            .chars()
            .take(40)
            .collect();
        Err(format!("expected {what}, found `{word}`"))
    }

    fn advance(&mut self, n_bytes: usize) -> &'a str {
        let (word, rest) = self.rest.split_at(n_bytes);
        self.rest = rest.trim_start();
        word
    }

    /// Passes a punctuation mark, if it is here.
    pub(crate) fn eat(&mut self, mark: &str) -> bool {
        let here = self.rest.starts_with(mark);
        if here {
            self.advance(mark.len());
        }
        here
    }

    pub(crate) fn expect(&mut self, mark: &str) -> Result<(), String> {
        if self.eat(mark) {
            Ok(())
        } else {
            self.wanted(&format!("`{mark}`"))
        }
    }

    pub(crate) fn expect_end(&self) -> Result<(), String> {
        if self.at_end() {
            Ok(())
        } else {
            self.wanted("the end of the line")
        }
    }

    /// The word here; empty if none starts here.
    pub(crate) fn peek_word(&self) -> &'a str {
        let end = self
            .rest
            .find(|c: char| !c.is_ascii_alphanumeric() && c != '_');
        &self.rest[..end.unwrap_or(self.rest.len())]
    }

    pub(crate) fn eat_word(&mut self, word: &str) -> bool {
        let here = self.peek_word() == word;
        if here {
            self.advance(word.len());
        }
        here
    }

    pub(crate) fn expect_word(&mut self, word: &str) -> Result<(), String> {
        if self.eat_word(word) {
            Ok(())
        } else {
            self.wanted(&format!("`{word}`"))
        }
    }

    pub(crate) fn word(&mut self, what: &str) -> Result<&'a str, String> {
        match self.peek_word().len() {
            0 => self.wanted(what),
            n => Ok(self.advance(n)),
        }
    }

    pub(crate) fn whole<T: std::str::FromStr>(&mut self, what: &str) -> Result<T, String> {
        let end = self
            .rest
            .find(|c: char| !c.is_ascii_digit())
            .unwrap_or(self.rest.len());
        match self.rest[..end].parse() {
            Ok(number) => {
                self.advance(end);
                Ok(number)
            }
            Err(_) => self.wanted(what),
        }
    }

    /// `5x5` or `1,1`, by `mark`.
    pub(crate) fn pair(&mut self, mark: &str, what: &str) -> Result<(u32, u32), String> {
        let first = self.whole(what)?;
        self.expect(mark)?;
        Ok((first, self.whole(what)?))
    }

    /// Top, left, bottom, right.
    pub(crate) fn pads(&mut self) -> Result<[u32; 4], String> {
        let mut pads = [0; 4];
        for (k, pad) in pads.iter_mut().enumerate() {
            if k > 0 {
                self.expect(",")?;
            }
            *pad = self.whole("a padding")?;
        }
        Ok(pads)
    }

    /// A number; infinite only where it says `inf`.
    pub(crate) fn number_or_infinity(&mut self) -> Result<f64, String> {
        for (word, value) in [("inf", f64::INFINITY), ("-inf", f64::NEG_INFINITY)] {
            if self.eat(word) {
                return Ok(value);
            }
        }
        self.number()
    }

    /// A finite number.
    pub(crate) fn number(&mut self) -> Result<f64, String> {
        let bytes = self.rest.as_bytes();
        let mut end = usize::from(bytes.first() == Some(&b'-'));
        while let Some(&byte) = bytes.get(end) {
            let next_is_dot = bytes.get(end + 1) == Some(&b'.');
            let in_exponent = end > 0 && matches!(bytes[end - 1], b'e' | b'E');
            match byte {
                b'0'..=b'9' | b'e' | b'E' => {}
                b'.' if !next_is_dot => {}
                b'+' | b'-' if in_exponent => {}
                _ => break,
            }
            end += 1;
        }
        match self.rest[..end].parse::<f64>() {
            Ok(number) if number.is_finite() => {
                self.advance(end);
                Ok(number)
            }
            _ => self.wanted("a finite number"),
        }
    }

    /// `low..high`
    pub(crate) fn interval(&mut self) -> Result<(f64, f64), String> {
        let low = self.number()?;
        self.expect("..")?;
        Ok((low, self.number()?))
    }

    /// Comma-separated items in brackets.
    pub(crate) fn list<T>(
        &mut self,
        mut item: impl FnMut(&mut Self) -> Result<T, String>,
    ) -> Result<Vec<T>, String> {
        self.expect("[")?;
        let mut items = Vec::new();
        while !self.eat("]") {
            if !items.is_empty() {
                self.expect(",")?;
            }
            items.push(item(self)?);
        }
        Ok(items)
    }

    pub(crate) fn shape(&mut self) -> Result<Vec<usize>, String> {
        self.list(|cursor| cursor.whole("a size"))
    }

    /// A tensor written in place.
    pub(crate) fn nested(&mut self) -> Result<Tensor, String> {
        let (mut shape, mut values) = (Vec::new(), Vec::new());
        self.level(0, &mut shape, &mut values)?;
        Tensor::new(&shape, values).ok_or_else(|| "rows of different lengths".to_owned())
    }

    fn level(
        &mut self,
        depth: usize,
        shape: &mut Vec<usize>,
        values: &mut Vec<f64>,
    ) -> Result<(), String> {
        if !self.rest.starts_with('[') {
            values.push(self.number()?);
            return if depth == shape.len() {
                Ok(())
            } else {
                Err("rows of different lengths".to_owned())
            };
        }
        if depth == MAX_NESTING {
            return Err(format!("more than {MAX_NESTING} axes"));
        }
        // The first way down sets the number of axes and their sizes, all others must agree.
        let known = shape.get(depth).copied();
        if known.is_none() {
            if !values.is_empty() {
                return Err("rows of different lengths".to_owned());
            }
            shape.push(usize::MAX);
        }
        let n_items = self
            .list(|cursor| cursor.level(depth + 1, shape, values))?
            .len();
        match shape[depth] {
            usize::MAX => shape[depth] = n_items,
            expected if expected != n_items => return Err("rows of different lengths".to_owned()),
            _ => {}
        }
        Ok(())
    }

    pub(crate) fn string(&mut self, what: &str) -> Result<String, String> {
        if !self.rest.starts_with('"') {
            return self.wanted(what);
        }
        let mut text = String::new();
        let mut chars = self.rest.char_indices().skip(1);
        while let Some((at, c)) = chars.next() {
            match c {
                '"' => {
                    self.advance(at + 1);
                    return Ok(text);
                }
                '\\' => match chars.next() {
                    Some((_, 'u')) => {
                        let code: String = chars
                            .by_ref()
                            .skip(1)
                            .map(|(_, c)| c)
                            .take_while(|&c| c != '}')
                            .collect();
                        let code = u32::from_str_radix(&code, 16).ok().and_then(char::from_u32);
                        text.push(code.ok_or("`\\u` needs a character code in braces")?);
                    }
                    Some((_, c @ ('"' | '\\'))) => text.push(c),
                    _ => return Err("a backslash needs `\"`, `\\` or `u` after it".to_owned()),
                },
                c => text.push(c),
            }
        }
        Err("a string without an end".to_owned())
    }

    /// Name of a constant after `@`.
    pub(crate) fn constant_name(&mut self) -> Result<String, String> {
        self.expect("@")?;
        if self.rest.starts_with('"') {
            return self.string("a name");
        }
        match self.rest.find(|c| !is_plain(c)).unwrap_or(self.rest.len()) {
            0 => self.wanted("a name"),
            end => Ok(self.advance(end).to_owned()),
        }
    }

    pub(crate) fn at_constant_name(&self) -> bool {
        self.rest.starts_with('@')
    }

    /// `0` or `1`
    pub(crate) fn flag(&mut self) -> Result<bool, String> {
        match self.peek_word() {
            "0" | "1" => Ok(self.advance(1) == "1"),
            _ => self.wanted("0 or 1"),
        }
    }

    /// The text up to and including the next `mark`.
    pub(crate) fn through(&mut self, mark: char) -> Result<&'a str, String> {
        match self.rest.find(mark) {
            Some(at) => Ok(self.advance(at + mark.len_utf8())),
            None => Err(format!("expected `{mark}` on this line")),
        }
    }
}
