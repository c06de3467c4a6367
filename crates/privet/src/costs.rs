//! Cost tables in files.

use crate::Error;
use circuit::CostTable;
use std::io::{ErrorKind, Read};
use std::path::Path;

/// Largest file that is taken for a cost table.
const MAX_BYTES: u64 = 16 << 20;
const MEASURE: &str = "name a file that `privet measure-costs --out FILE` wrote";

/// Reads a cost table that `privet measure-costs` wrote.
///
/// # Errors
/// [`Error::File`] if the file can not be read, [`Error::Data`] naming the place that is wrong.
pub fn load_costs(path: impl AsRef<Path>) -> Result<CostTable, Error> {
    let path = path.as_ref();
    let fault = |why: &str| Error::Data {
        why: format!("{}: {why}", path.display()),
        help: MEASURE.to_owned(),
    };
    if std::fs::metadata(path).is_ok_and(|found| !found.is_file()) {
        return Err(format::FormatError::NotAFile { path: path.into() }.into());
    }
    let text = match read(path) {
        Ok(text) if text.len() as u64 > MAX_BYTES => {
            let why = format!("more than {MAX_BYTES} bytes, expected a cost table");
            return Err(fault(&why));
        }
        Ok(text) => text,
        Err(error) if error.kind() == ErrorKind::InvalidData => {
            return Err(fault("is not text, expected a cost table"));
        }
        Err(source) => {
            let (path, action) = (path.to_owned(), "read");
            return Err(format::FormatError::Io {
                path,
                action,
                source,
            }
            .into());
        }
    };
    CostTable::from_json(&text).map_err(|e| fault(&e.to_string()))
}

fn read(path: &Path) -> std::io::Result<String> {
    let mut text = String::new();
    let file = std::fs::File::open(path)?;
    file.take(MAX_BYTES + 1).read_to_string(&mut text)?;
    Ok(text)
}
