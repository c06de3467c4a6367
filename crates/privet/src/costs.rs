//! Cost tables in files.

use crate::Error;
use circuit::CostTable;
use std::path::Path;

/// Largest file that is taken for a cost table.
const MAX_BYTES: u64 = 16 << 20;

/// Reads a cost table that `privet measure-costs` wrote.
///
/// # Errors
/// [`Error::Data`] if the file can not be read, or naming the field that is wrong.
pub fn load_costs(path: impl AsRef<Path>) -> Result<CostTable, Error> {
    let path = path.as_ref();
    let fault = |why: String| Error::Data {
        why: format!("{}: {why}", path.display()),
        help: "measure again: privet measure-costs --out FILE".to_owned(),
    };
    let read = || {
        use std::io::Read;
        let mut text = String::new();
        let file = std::fs::File::open(path)?;
        file.take(MAX_BYTES).read_to_string(&mut text)?;
        Ok(text)
    };
    let text = read().map_err(|e: std::io::Error| fault(format!("can not be read: {e}")))?;
    CostTable::from_json(&text).map_err(|e| fault(e.to_string()))
}
