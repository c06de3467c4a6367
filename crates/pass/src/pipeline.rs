//! Running passes in order.

use crate::{Changed, Pass, PassCx, Program, Refusal, RegistryError, Settings};
use circuit::Circuit;
use graph::Graph;
use std::collections::BTreeMap;
use std::sync::Arc;

/// What one pass did.
#[derive(Clone, Debug, PartialEq)]
pub struct PassReport {
    /// The pass.
    pub name: &'static str,
    /// Whether it edited the program.
    pub changed: bool,
    /// Its notes.
    pub notes: Vec<String>,
    /// Counts before.
    pub before: BTreeMap<String, u64>,
    /// Counts after.
    pub after: BTreeMap<String, u64>,
}

/// Why a pipeline stopped.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum PipelineError {
    /// The model or the settings can not be compiled; the user acts.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// A pass left an invalid program; our bug, or the author's of an inserted pass.
    #[error("{pass} left an invalid program: {}", faults.join("; "))]
    Broke {
        /// The pass.
        pass: &'static str,
        /// Every fault.
        faults: Vec<String>,
        /// The program as the pass left it.
        text: String,
    },
}

/// Called after a pass with its position, its name and the program.
pub type Dump<'a, P> = dyn FnMut(usize, &str, &P) + 'a;

/// Called after a pass of either form with a running number, the pass's name, a function that prints the program, and
/// the word for the program's form.
pub type DumpText<'a> = dyn FnMut(usize, &str, &dyn Fn() -> String, &'static str) + 'a;

/// Passes in order.
#[derive(Clone)]
pub struct Pipeline<P: Program> {
    passes: Vec<Arc<dyn Pass<P>>>,
}

impl<P: Program> Default for Pipeline<P> {
    fn default() -> Self {
        Self { passes: Vec::new() }
    }
}

impl<P: Program> Pipeline<P> {
    /// No pass.
    pub fn new() -> Self {
        Self::default()
    }

    /// Appends a pass.
    #[must_use]
    pub fn then(mut self, pass: Arc<dyn Pass<P>>) -> Self {
        self.passes.push(pass);
        self
    }

    /// Names in order.
    pub fn names(&self) -> Vec<&'static str> {
        self.passes.iter().map(|p| p.info().name).collect()
    }

    /// The passes in order.
    pub fn passes(&self) -> &[Arc<dyn Pass<P>>] {
        &self.passes
    }

    fn position(&self, name: &str) -> Result<usize, RegistryError> {
        let known = || RegistryError::Unknown {
            name: name.to_owned(),
            known: self.names(),
        };
        self.passes
            .iter()
            .position(|p| p.info().name == name)
            .ok_or_else(known)
    }

    /// Inserts a pass right after the one named.
    ///
    /// # Errors
    /// [`RegistryError::Unknown`] if there is no such pass.
    pub fn insert_after(
        mut self,
        name: &str,
        pass: impl Pass<P> + 'static,
    ) -> Result<Self, RegistryError> {
        let at = self.position(name)?;
        self.passes.insert(at + 1, Arc::new(pass));
        Ok(self)
    }

    /// Inserts a pass right before the one named.
    ///
    /// # Errors
    /// [`RegistryError::Unknown`] if there is no such pass.
    pub fn insert_before(
        mut self,
        name: &str,
        pass: impl Pass<P> + 'static,
    ) -> Result<Self, RegistryError> {
        let at = self.position(name)?;
        self.passes.insert(at, Arc::new(pass));
        Ok(self)
    }

    /// Puts a pass in the place of the one named.
    ///
    /// # Errors
    /// [`RegistryError::Unknown`] if there is no such pass.
    pub fn replace(
        mut self,
        name: &str,
        pass: impl Pass<P> + 'static,
    ) -> Result<Self, RegistryError> {
        let at = self.position(name)?;
        self.passes[at] = Arc::new(pass);
        Ok(self)
    }

    /// Leaves out the pass named.
    ///
    /// # Errors
    /// [`RegistryError::Unknown`] if there is no such pass.
    pub fn without(mut self, name: &str) -> Result<Self, RegistryError> {
        let at = self.position(name)?;
        self.passes.remove(at);
        Ok(self)
    }

    /// The passes before the one named, and from it on; all of them first if it is not there.
    #[must_use]
    pub fn split_before(&self, name: &str) -> (Self, Self) {
        let at = self.position(name).unwrap_or(self.passes.len());
        (
            Self {
                passes: self.passes[..at].to_vec(),
            },
            Self {
                passes: self.passes[at..].to_vec(),
            },
        )
    }

    /// The passes up to the one named.
    ///
    /// # Errors
    /// [`RegistryError::Unknown`] if there is no such pass.
    pub fn up_to(&self, name: &str) -> Result<Self, RegistryError> {
        Ok(Self {
            passes: self.passes[..=self.position(name)?].to_vec(),
        })
    }

    /// Runs every pass, compacting and verifying after each; `dump` sees the program after each.
    ///
    /// # Errors
    /// The first refusal, signed with the pass's name, or the first invalid program.
    pub fn run(
        &self,
        program: &mut P,
        settings: &Settings,
        dump: &mut Dump<'_, P>,
    ) -> Result<Vec<PassReport>, PipelineError> {
        let mut reports = Vec::with_capacity(self.passes.len());
        for (position, pass) in self.passes.iter().enumerate() {
            reports.push(run_one(pass.as_ref(), program, settings)?);
            dump(position, pass.info().name, program);
        }
        Ok(reports)
    }
}

fn run_one<P: Program>(
    pass: &dyn Pass<P>,
    program: &mut P,
    settings: &Settings,
) -> Result<PassReport, PipelineError> {
    let name = pass.info().name;
    let span = tracing::debug_span!("pass", name);
    let _entered = span.enter();
    let before = program.count();
    let mut cx = PassCx::new(settings);
    let changed = pass.run(program, &mut cx).map_err(|refusal| Refusal {
        pass: refusal.pass.or(Some(name)),
        ..refusal
    })?;
    program.compact();
    verified(name, program)?;
    let after = program.count();
    tracing::debug!(changed = changed == Changed::Yes, ?after);
    Ok(PassReport {
        name,
        changed: changed == Changed::Yes,
        notes: cx.notes().to_vec(),
        before,
        after,
    })
}

fn verified<P: Program>(pass: &'static str, program: &P) -> Result<(), PipelineError> {
    let faults = program.verify();
    if faults.is_empty() {
        Ok(())
    } else {
        Err(PipelineError::Broke {
            pass,
            faults,
            text: program.print_names(),
        })
    }
}

/// The one change of form: graph to circuit.
pub trait Lower: Send + Sync {
    /// Name and contract.
    fn info(&self) -> crate::PassInfo;

    /// Emits the circuit of a graph whose nodes carry layouts and plans.
    ///
    /// # Errors
    /// A [`Refusal`] naming the node that can not be lowered.
    fn lower(&self, graph: &Graph, cx: &mut PassCx<'_>) -> Result<Circuit, Refusal>;
}

/// Graph pipeline, lowering, circuit pipeline.
#[derive(Clone)]
pub struct Compiler {
    /// Passes over the graph.
    pub graph: Pipeline<Graph>,
    /// The lowering.
    pub lower: Arc<dyn Lower>,
    /// Passes over the circuit.
    pub circuit: Pipeline<Circuit>,
}

/// What a compiler made.
#[derive(Clone, Debug)]
pub struct Compiled {
    /// The graph after its passes, with layouts, plans and ranges.
    pub graph: Graph,
    /// The circuit after its passes.
    pub circuit: Circuit,
    /// What each pass did, the lowering included.
    pub passes: Vec<PassReport>,
}

impl Compiler {
    /// Compiles a graph. `dump` gets a running number, the pass and the text form after it.
    ///
    /// # Errors
    /// As [`Pipeline::run`].
    pub fn compile(
        &self,
        graph: &Graph,
        settings: &Settings,
        dump: &mut DumpText<'_>,
    ) -> Result<Compiled, PipelineError> {
        let mut graph = graph.clone();
        let mut passes = self.graph.run(&mut graph, settings, &mut |at, name, g| {
            dump(at, name, &|| g.print(), Graph::WORD)
        })?;
        let info = self.lower.info();
        let mut cx = PassCx::new(settings);
        let sign = |refusal: Refusal| Refusal {
            pass: refusal.pass.or(Some(info.name)),
            ..refusal
        };
        let mut circuit = self.lower.lower(&graph, &mut cx).map_err(sign)?;
        circuit.compact();
        verified(info.name, &circuit)?;
        let lowered_at = passes.len();
        dump(lowered_at, info.name, &|| circuit.print(), Circuit::WORD);
        passes.push(PassReport {
            name: info.name,
            changed: true,
            notes: cx.notes().to_vec(),
            before: graph.count(),
            after: circuit.count(),
        });
        let offset = lowered_at + 1;
        passes.extend(
            self.circuit
                .run(&mut circuit, settings, &mut |at, name, c| {
                    dump(offset + at, name, &|| c.print(), Circuit::WORD)
                })?,
        );
        Ok(Compiled {
            graph,
            circuit,
            passes,
        })
    }
}
