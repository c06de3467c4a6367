//! Passes by name.

use crate::{Pass, PassInfo, Pipeline, Program};
use serde::de::DeserializeOwned;
use std::sync::Arc;

type Build<P> = fn(serde_json::Value) -> Result<Arc<dyn Pass<P>>, serde_json::Error>;

/// What can be wrong with a pass given by name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RegistryError {
    /// The user names a pass that is not there.
    #[error("there is no pass `{name}`; known are {}", known.join(", "))]
    Unknown {
        /// The name.
        name: String,
        /// Names that are there.
        known: Vec<&'static str>,
    },
    /// The user gives options the pass does not take.
    #[error("options of `{name}`: {why}")]
    Options {
        /// The pass.
        name: String,
        /// Found and expected.
        why: String,
    },
}

/// Passes over one program form, in standard order. A pass struct holds its options: it deserializes from them and has
/// a default.
#[derive(Clone)]
pub struct Registry<P: Program> {
    entries: Vec<(PassInfo, Build<P>)>,
}

impl<P: Program> Default for Registry<P> {
    fn default() -> Self {
        Self {
            entries: Vec::new(),
        }
    }
}

fn build<P: Program, T: Pass<P> + DeserializeOwned + 'static>(
    options: serde_json::Value,
) -> Result<Arc<dyn Pass<P>>, serde_json::Error> {
    Ok(Arc::new(serde_json::from_value::<T>(options)?))
}

impl<P: Program> Registry<P> {
    /// No pass.
    pub fn new() -> Self {
        Self::default()
    }

    /// Registers a pass at the end of the standard order.
    #[must_use]
    pub fn with<T: Pass<P> + Default + DeserializeOwned + 'static>(mut self) -> Self {
        self.entries.push((T::default().info(), build::<P, T>));
        self
    }

    /// Every pass.
    pub fn infos(&self) -> Vec<PassInfo> {
        self.entries.iter().map(|(info, _)| *info).collect()
    }

    /// All passes with default options, in standard order.
    pub fn standard(&self) -> Pipeline<P> {
        let empty = || serde_json::Value::Object(serde_json::Map::new());
        let built = self.entries.iter().map(|(info, build)| {
            build(empty()).unwrap_or_else(|e| panic!("{} has no default options: {e}", info.name))
        });
        built.fold(Pipeline::new(), Pipeline::then)
    }

    /// A pass from `name` or `name{option: value, …}`.
    ///
    /// # Errors
    /// [`RegistryError`] names the pass and what is wrong.
    pub fn build(&self, text: &str) -> Result<Arc<dyn Pass<P>>, RegistryError> {
        let (name, options) = match text.split_once('{') {
            Some((name, rest)) => (name.trim(), format!("{{{}", quote_keys(rest))),
            None => (text.trim(), "{}".to_owned()),
        };
        let unknown = || RegistryError::Unknown {
            name: name.to_owned(),
            known: self.entries.iter().map(|(i, _)| i.name).collect(),
        };
        let (_, build) = self
            .entries
            .iter()
            .find(|(info, _)| info.name == name)
            .ok_or_else(unknown)?;
        let value = serde_json::from_str(&options).map_err(|e| RegistryError::Options {
            name: name.to_owned(),
            why: e.to_string(),
        })?;
        build(value).map_err(|e| RegistryError::Options {
            name: name.to_owned(),
            why: e.to_string(),
        })
    }

    /// A pipeline from pass texts separated by commas outside braces.
    ///
    /// # Errors
    /// As [`Registry::build`].
    pub fn pipeline(&self, text: &str) -> Result<Pipeline<P>, RegistryError> {
        let mut pipeline = Pipeline::new();
        let (mut start, mut depth) = (0, 0);
        for (i, c) in text.char_indices().chain([(text.len(), ',')]) {
            match c {
                '{' => depth += 1,
                '}' => depth -= 1,
                ',' if depth <= 0 => {
                    let part = text[start..i].trim();
                    if !part.is_empty() {
                        pipeline = pipeline.then(self.build(part)?);
                    }
                    start = i + 1;
                }
                _ => {}
            }
        }
        Ok(pipeline)
    }
}

/// Puts bare option names into quotes, so that `{keep: 0.35}` reads as JSON.
fn quote_keys(text: &str) -> String {
    let mut out = String::new();
    let mut word = String::new();
    let mut in_string = false;
    for c in text.chars() {
        if !in_string
            && (c.is_ascii_alphabetic() || c == '_' || (!word.is_empty() && c.is_ascii_digit()))
        {
            word.push(c);
            continue;
        }
        let is_key = c == ':' && !word.is_empty();
        out.push_str(&if is_key {
            format!("\"{word}\"")
        } else {
            std::mem::take(&mut word)
        });
        word.clear();
        in_string ^= c == '"';
        out.push(c);
    }
    out + &word
}

#[cfg(test)]
mod tests {
    use super::quote_keys;

    #[test]
    fn bare_option_names_become_json() {
        assert_eq!(
            quote_keys("keep: 0.35, on: true, name: \"a b\"}"),
            "\"keep\": 0.35, \"on\": true, \"name\": \"a b\"}"
        );
        assert_eq!(quote_keys("limit2: 1e5}"), "\"limit2\": 1e5}");
    }
}
