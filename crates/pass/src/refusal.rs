//! Refusals.

use std::fmt;

/// "Can not compile this, and why": the user acts.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub struct Refusal {
    /// The pass that refused; signed by the pipeline.
    pub pass: Option<&'static str>,
    /// Found and expected, naming the model's node.
    pub message: String,
    /// A command or a number.
    pub help: Option<String>,
}

impl Refusal {
    /// A refusal; lower case, no final stop.
    pub fn new(message: impl Into<String>) -> Self {
        Self {
            pass: None,
            message: message.into(),
            help: None,
        }
    }

    /// Says what to do.
    #[must_use]
    pub fn help(self, help: impl Into<String>) -> Self {
        Self {
            help: Some(help.into()),
            ..self
        }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}
