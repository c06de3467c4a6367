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
    /// How much of what was limited would have been enough; where several attempts are refused, the least counts.
    pub enough: Option<u64>,
}

impl Refusal {
    /// A refusal; lower case, no final stop.
    pub fn new(message: impl Into<String>) -> Self {
        Self {
            pass: None,
            message: message.into(),
            help: None,
            enough: None,
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

    /// Says how much of what was limited would have been enough.
    #[must_use]
    pub fn enough(self, amount: u64) -> Self {
        Self {
            enough: Some(amount),
            ..self
        }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}
