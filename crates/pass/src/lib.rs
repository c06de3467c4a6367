//! What a pass is, how passes are registered, and the pipeline that runs, verifies and measures them.
//!
//! A pass finds, edits and notes. It does not print, time, verify itself or call another pass.
#![deny(missing_docs)]

mod pipeline;
mod program;
mod refusal;
mod registry;
mod rules;
mod settings;

pub use pipeline::{
    Compiled, Compiler, Dump, DumpText, Lower, PassReport, Pipeline, PipelineError,
};
pub use program::Program;
pub use refusal::Refusal;
pub use registry::{Registry, RegistryError};
pub use rules::{Rules, rule};
pub use settings::{Activations, Calibration, Objective, Packing, Refreshes, Settings};

/// Whether a pass edited the program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Changed {
    /// It did.
    Yes,
    /// It found nothing to do.
    No,
}

impl From<bool> for Changed {
    fn from(changed: bool) -> Self {
        if changed { Self::Yes } else { Self::No }
    }
}

/// Name, one-sentence summary and contract of a pass.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PassInfo {
    /// Imperative, with hyphens: `place-rescale`.
    pub name: &'static str,
    /// One sentence.
    pub summary: &'static str,
    /// What must hold before, in words.
    pub needs: &'static str,
    /// What holds afterwards, in words.
    pub gives: &'static str,
    /// Where the method was published.
    pub source: &'static str,
}

impl PassInfo {
    /// A pass with neither contract nor source.
    pub const fn new(name: &'static str, summary: &'static str) -> Self {
        Self {
            name,
            summary,
            needs: "",
            gives: "",
            source: "",
        }
    }

    /// States what must hold before.
    #[must_use]
    pub const fn needs(self, needs: &'static str) -> Self {
        Self { needs, ..self }
    }

    /// States what holds afterwards.
    #[must_use]
    pub const fn gives(self, gives: &'static str) -> Self {
        Self { gives, ..self }
    }

    /// States where the method was published.
    #[must_use]
    pub const fn source(self, source: &'static str) -> Self {
        Self { source, ..self }
    }
}

/// What a pass may read besides the program, and where its notes go.
#[derive(Debug)]
pub struct PassCx<'a> {
    /// Settings of this compilation.
    pub settings: &'a Settings,
    notes: Vec<String>,
}

impl<'a> PassCx<'a> {
    /// A context without notes.
    pub fn new(settings: &'a Settings) -> Self {
        Self {
            settings,
            notes: Vec::new(),
        }
    }

    /// Records a decision for the report.
    pub fn note(&mut self, note: impl Into<String>) {
        self.notes.push(note.into());
    }

    /// Notes so far.
    pub fn notes(&self) -> &[String] {
        &self.notes
    }
}

/// A rewrite of a program.
pub trait Pass<P: Program>: Send + Sync {
    /// Name and contract.
    fn info(&self) -> PassInfo;

    /// Rewrites the program.
    ///
    /// # Errors
    /// A [`Refusal`] when the model or the settings can not be compiled.
    fn run(&self, program: &mut P, cx: &mut PassCx<'_>) -> Result<Changed, Refusal>;
}
