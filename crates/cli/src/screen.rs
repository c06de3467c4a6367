//! What is printed: plain text, two columns, nothing that only a terminal understands.

use crate::failure::Failure;
use std::io::{self, IsTerminal, Write};

/// Columns of the line heads.
const HEAD: usize = 12;

/// Whether standard error is seen by a person.
pub fn stderr_is_terminal() -> bool {
    io::stderr().is_terminal()
}

/// Whether standard error takes colors.
pub fn colors_on_stderr() -> bool {
    let no_color = std::env::var_os("NO_COLOR").is_some_and(|v| !v.is_empty());
    stderr_is_terminal() && !no_color && std::env::var_os("TERM").is_none_or(|t| t != "dumb")
}

/// Columns to fill, from COLUMNS or a usual width.
pub fn width() -> usize {
    let columns = std::env::var("COLUMNS").ok().and_then(|c| c.parse().ok());
    columns.filter(|c| (40..=400).contains(c)).unwrap_or(100)
}

/// Text from outside on one line, without what would move a terminal's cursor.
pub fn one_line(text: &str) -> String {
    text.chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .collect()
}

/// Prints text on standard output at once. Nobody reading it is no error: the work goes on and its files are written.
///
/// # Errors
/// [`Failure`] if it does not take it for another reason.
pub fn print(text: &str) -> Result<(), Failure> {
    let mut out = io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(e) if e.kind() != io::ErrorKind::BrokenPipe => Err(Failure::stdout(&e)),
        _ => Ok(()),
    }
}

/// Prints a line on standard error, if anybody reads it.
pub fn print_error(text: &str) {
    let _ = writeln!(io::stderr(), "{text}");
}

/// Lines of a head and a value.
#[derive(Default)]
pub struct Lines(String);

impl Lines {
    /// No line.
    pub fn new() -> Self {
        Self::default()
    }

    /// A line; parts are separated by middle dots and broken where the line would be too long.
    pub fn line(&mut self, head: &str, parts: &[String]) -> &mut Self {
        let limit = width();
        let mut line = format!("{head:HEAD$}");
        let mut first = true;
        for part in parts.iter().filter(|p| !p.is_empty()) {
            let part = one_line(part);
            if !first && line.chars().count() + 3 + part.chars().count() > limit {
                self.0.push_str(line.trim_end());
                self.0.push('\n');
                line = " ".repeat(HEAD);
                first = true;
            }
            if !first {
                line.push_str(" · ");
            }
            line.push_str(&part);
            first = false;
        }
        self.0.push_str(line.trim_end());
        self.0.push('\n');
        self
    }

    /// An empty line.
    pub fn gap(&mut self) -> &mut Self {
        self.0.push('\n');
        self
    }

    /// Prints what was gathered.
    ///
    /// # Errors
    /// [`Failure`] if standard output does not take it.
    pub fn print(&self) -> Result<(), Failure> {
        print(&self.0)
    }
}

/// A table: heads over columns, the first column and those of text to the left, numbers to the right.
pub fn table(heads: &[&str], rows: &[Vec<String>]) -> String {
    let widths: Vec<usize> = (0..heads.len())
        .map(|c| {
            rows.iter()
                .filter_map(|r| r.get(c))
                .map(|s| s.chars().count())
                .chain([heads[c].chars().count()])
                .max()
                .unwrap_or(0)
        })
        .collect();
    let mut out = String::new();
    let heads: Vec<String> = heads.iter().map(|h| (*h).to_owned()).collect();
    for row in [&heads].into_iter().chain(rows) {
        let mut line = String::new();
        for (c, cell) in row.iter().enumerate() {
            let pad = " ".repeat(
                widths
                    .get(c)
                    .copied()
                    .unwrap_or(0)
                    .saturating_sub(cell.chars().count()),
            );
            if c == 0 {
                line.push_str(cell);
                line.push_str(&pad);
            } else {
                line.push_str("   ");
                line.push_str(&pad);
                line.push_str(cell);
            }
        }
        out.push_str(line.trim_end());
        out.push('\n');
    }
    out
}

/// A number of some thing, with the plural where it belongs.
pub fn plural(n: u64, thing: &str) -> String {
    let s = if n == 1 { "" } else { "s" };
    format!("{} {thing}{s}", privet::prelude::human_count(n))
}

/// A shape such as `1×28×28`.
pub fn shape(dims: &[usize]) -> String {
    match dims {
        [] => "scalar".to_owned(),
        _ => dims
            .iter()
            .map(usize::to_string)
            .collect::<Vec<_>>()
            .join("×"),
    }
}

/// A share as a percentage.
pub fn percent(share: f64) -> String {
    format!("{:.2} %", share * 100.0)
}

/// A value of a network with as many digits as mean something.
pub fn value(v: f64) -> String {
    if v == 0.0 || (1e-3..1e6).contains(&v.abs()) {
        format!("{v:.4}")
    } else {
        format!("{v:.4e}")
    }
}

/// A number as one would write it: three digits that mean something, no zeros at the end.
pub fn short(v: f64) -> String {
    let size = v.abs().log10().floor();
    let trim = |text: &str| match text.contains('.') {
        true => text.trim_end_matches('0').trim_end_matches('.').to_owned(),
        false => text.to_owned(),
    };
    if v == 0.0 {
        return "0".to_owned();
    }
    if (-4.0..6.0).contains(&size) {
        let places = (2.0 - size).max(0.0) as usize;
        return trim(&format!("{v:.places$}"));
    }
    let text = format!("{v:.2e}");
    match text.split_once('e') {
        Some((digits, power)) => format!("{}e{power}", trim(digits)),
        None => text,
    }
}

/// A difference, with two digits that mean something.
pub fn difference(v: f64) -> String {
    match v {
        0.0 => "0".to_owned(),
        _ if (1e-2..1e4).contains(&v) => format!("{v:.2}"),
        _ => format!("{v:.1e}"),
    }
}

/// A share: a percentage where it is one that people read, a power of ten below.
pub fn share(v: f64) -> String {
    shares(&[v]).concat()
}

/// Shares of one column, all in the same form; 0 stays 0.
pub fn shares(all: &[f64]) -> Vec<String> {
    let small = all.iter().any(|v| *v > 0.0 && *v < 1e-3);
    let text = |v: &f64| match *v {
        0.0 => "0".to_owned(),
        v if small => format!("{v:.1e}"),
        v => format!("{:.1} %", v * 100.0),
    };
    all.iter().map(text).collect()
}

/// A range such as `-0.05..1.05`.
pub fn range(low: f64, high: f64) -> String {
    format!("{}..{}", short(low), short(high))
}

#[cfg(test)]
mod tests {
    use super::{shares, short};

    #[test]
    fn numbers_are_short() {
        for (value, text) in [
            (0.0, "0"),
            (1.0, "1"),
            (-0.05, "-0.05"),
            (2048.0, "2048"),
            (33.11345, "33.1"),
            (123456.0, "123456"),
            (1.0 / 255.0, "0.00392"),
            (1.5e-7, "1.5e-7"),
            (2.5e10, "2.5e10"),
        ] {
            assert_eq!(short(value), text);
        }
    }

    #[test]
    fn a_column_has_one_form() {
        assert_eq!(shares(&[0.0, 0.059]), ["0", "5.9 %"]);
        assert_eq!(shares(&[0.059, 3e-8]), ["5.9e-2", "3.0e-8"]);
    }
}
