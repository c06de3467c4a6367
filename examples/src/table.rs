//! Tables of `docs/results.md`.

use crate::Outcome;
use std::path::Path;

/// Where the tables are.
const FILE: &str = "docs/results.md";

/// A table, its command and its rows.
pub struct Table {
    name: &'static str,
    columns: Vec<String>,
    rows: Vec<Vec<String>>,
}

impl Table {
    /// An empty table of these columns; `name` is that of its marks and of its command.
    pub fn new(name: &'static str, columns: &[&str]) -> Self {
        Self {
            name,
            columns: columns.iter().map(|c| (*c).to_owned()).collect(),
            rows: Vec::new(),
        }
    }

    /// Adds a row, and prints it.
    pub fn row(&mut self, cells: Vec<String>) {
        println!("| {} |", cells.join(" | "));
        self.rows.push(cells);
    }

    fn markdown(&self) -> String {
        let line = |cells: &[String]| format!("| {} |\n", cells.join(" | "));
        let rule: Vec<String> = self.columns.iter().map(|_| "---".to_owned()).collect();
        let rows: String = self.rows.iter().map(|row| line(row)).collect();
        format!("{}{}{rows}", line(&self.columns), line(&rule))
    }

    /// Puts the table between its marks.
    ///
    /// # Errors
    /// If the file has no such marks.
    pub fn save(&self) -> Outcome {
        let (begin, end) = (
            format!("<!-- {} -->\n", self.name),
            format!("<!-- end of {} -->", self.name),
        );
        let text = std::fs::read_to_string(Path::new(FILE))?;
        let parts = text
            .split_once(&begin)
            .and_then(|(before, rest)| Some((before, rest.split_once(&end)?.1)));
        let (before, after) =
            parts.ok_or_else(|| format!("{FILE} has no marks of {}", self.name))?;
        let text = format!("{before}{begin}{}{end}{after}", self.markdown());
        Ok(std::fs::write(FILE, text)?)
    }
}

/// Mean, least and largest of a few numbers, as `12.3 (12.1 to 12.6)`.
pub fn spread(values: &[f64], digits: usize) -> String {
    let mean = values.iter().sum::<f64>() / values.len().max(1) as f64;
    let low = values.iter().copied().fold(f64::INFINITY, f64::min);
    let high = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    match values.len() {
        0 => "–".to_owned(),
        1 => format!("{mean:.digits$}"),
        _ => format!("{mean:.digits$} ({low:.digits$} to {high:.digits$})"),
    }
}
