//! Weights kept in files beside the model.

use crate::ImportError;
use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::{Component, Path, PathBuf};
use tract_onnx::pb::TensorProto;
use tract_onnx::pb::tensor_proto::DataLocation;

pub(crate) fn is_external(tensor: &TensorProto) -> bool {
    tensor.data_location == Some(DataLocation::External as i32)
}

/// Moves a tensor's external data into the message. The file must lie in the model's folder, links followed.
///
/// # Errors
/// [`ImportError::External`].
pub(crate) fn load(
    tensor: &mut TensorProto,
    folder: Option<&Path>,
    n_bytes: u64,
) -> Result<(), ImportError> {
    let entry = |key: &str| {
        tensor
            .external_data
            .iter()
            .find(|e| e.key == key)
            .map(|e| e.value.as_str())
    };
    let location = entry("location").unwrap_or_default().to_owned();
    let fault = |why: String| ImportError::External {
        tensor: tensor.name.clone(),
        location: location.clone(),
        why,
    };
    let number = |key: &str| match entry(key) {
        Some(text) => text
            .parse()
            .map(Some)
            .map_err(|_| fault(format!("found {key} '{text}', expected a number"))),
        None => Ok(None),
    };
    let (offset, length): (u64, Option<u64>) = (number("offset")?.unwrap_or(0), number("length")?);
    if let Some(length) = length.filter(|&length| length != n_bytes) {
        return Err(fault(format!(
            "found {length} bytes, expected {n_bytes} for shape {:?}",
            tensor.dims
        )));
    }
    let path = resolve(folder, &location).map_err(fault)?;
    let read = || {
        let mut file = File::open(&path).map_err(|e| e.to_string())?;
        let size = file.metadata().map_err(|e| e.to_string())?.len();
        if offset.checked_add(n_bytes).is_none_or(|end| end > size) {
            return Err(format!(
                "the file has {size} bytes, expected {n_bytes} at byte {offset}"
            ));
        }
        file.seek(SeekFrom::Start(offset))
            .map_err(|e| e.to_string())?;
        let mut data = Vec::with_capacity(n_bytes as usize);
        file.take(n_bytes)
            .read_to_end(&mut data)
            .map_err(|e| e.to_string())?;
        Ok(data)
    };
    let data = read().map_err(fault)?;
    tensor.raw_data = data;
    tensor.data_location = None;
    tensor.external_data.clear();
    Ok(())
}

fn resolve(folder: Option<&Path>, location: &str) -> Result<PathBuf, String> {
    let Some(folder) = folder else {
        return Err("the model was read from memory, expected a file in a folder".to_owned());
    };
    let relative = Path::new(location);
    let inside = relative
        .components()
        .all(|c| matches!(c, Component::Normal(_) | Component::CurDir));
    let outside = || "it leaves the model's folder, expected a path inside".to_owned();
    if location.is_empty() || !inside {
        return Err(outside());
    }
    let folder = if folder.as_os_str().is_empty() {
        Path::new(".")
    } else {
        folder
    };
    let folder = folder.canonicalize().map_err(|e| e.to_string())?;
    let path = folder
        .join(relative)
        .canonicalize()
        .map_err(|e| e.to_string())?;
    if path.starts_with(&folder) {
        Ok(path)
    } else {
        Err(outside())
    }
}
