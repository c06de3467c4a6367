//! ONNX to a compiled network.

use crate::args::Compile;
use crate::failure::Failure;
use crate::screen::Lines;
use crate::{Session, progress, staging};
use privet::Error;
use privet::extend::{Compiler, RegistryError};
use privet::prelude::{Model, compile, human_bytes};
use std::path::{Path, PathBuf};

/// The word for every pass.
const ALL: &str = "all";

/// Runs the command.
///
/// # Errors
/// [`Failure`] with the first thing that stands in the way.
pub fn run(session: &Session, args: &Compile) -> Result<(), Failure> {
    let compiler = privet::passes::standard();
    for name in [&args.dump_after, &args.stop_after].into_iter().flatten().filter(|n| *n != ALL) {
        known_pass(&compiler, name)?;
    }
    let output = args.output.clone().unwrap_or_else(|| derived(&args.model, "privet"));
    let target = args.stop_after.is_none().then_some(output.as_path());
    staging::check_outputs(session, &[target, args.report.as_deref()])?;
    let model = Model::import(&args.model)?;
    let feed = args.feed.feed(session, &args.model)?;
    let options = staging::options(session, &args.model, &model, &args.compile, &feed)?;

    let mut dumps = Dumps::new(session, args)?;
    let work = || compile(&model, &options, &compiler, &mut |at, pass, text, word| dumps.take(at, pass, text, word));
    let (made, compile_ms) = progress::spin(session, "compiling", work);
    if let Some(failure) = dumps.failure {
        return Err(failure);
    }
    let mut lines = Lines::new();
    if dumps.stopped {
        // What later passes would have said does not matter.
        dumps.written.iter().for_each(|path| wrote(&mut lines, path, "the program"));
        return lines.print();
    }
    let compiled = made?;
    let mut report = compiled.report.clone();
    report.time.get_or_insert_default().compile_ms = Some(compile_ms);
    compiled.save(&output, session.force)?;

    staging::circuit_lines(&mut lines, &report);
    staging::time_line(&mut lines, &report);
    lines.gap();
    let bytes = std::fs::metadata(&output).map(|m| human_bytes(m.len())).unwrap_or_default();
    wrote(&mut lines, &output, &format!("the compiled network, {bytes}"));
    if let [first, .., last] = dumps.written.as_slice() {
        lines.line("wrote", &[format!("{} to {}", first.display(), last.file_name().unwrap_or_default().display())]);
    } else if let [only] = dumps.written.as_slice() {
        wrote(&mut lines, only, "the program");
    }
    staging::write_report(session, args.report.as_deref(), &report, &mut lines)?;
    lines.line("next", &[format!("privet inspect {0} --client {1}, then privet keygen {1}", output.display(), derived(&args.model, "client").display())]);
    lines.print()
}

fn wrote(lines: &mut Lines, path: &Path, what: &str) {
    lines.line("wrote", &[format!("{}, {what}", path.display())]);
}

/// `lenet.privet` in the current folder for `nets/lenet.onnx`.
pub fn derived(model: &Path, ending: &str) -> PathBuf {
    let stem = model.file_stem().unwrap_or_default();
    Path::new(stem).with_added_extension(ending)
}

fn known_pass(compiler: &Compiler, name: &str) -> Result<(), Error> {
    let known = [compiler.graph.names(), vec![compiler.lower.info().name], compiler.circuit.names()].concat();
    match known.contains(&name) {
        true => Ok(()),
        false => Err(RegistryError::Unknown { name: name.to_owned(), known }.into()),
    }
}

/// Programs written after passes.
struct Dumps<'a> {
    session: &'a Session,
    args: &'a Compile,
    folder: PathBuf,
    written: Vec<PathBuf>,
    stopped: bool,
    failure: Option<Failure>,
}

impl<'a> Dumps<'a> {
    fn new(session: &'a Session, args: &'a Compile) -> Result<Self, Failure> {
        let folder = args.dump_dir.clone().unwrap_or_else(|| derived(&args.model, "passes"));
        if args.dump_after.is_some() || args.stop_after.is_some() {
            std::fs::create_dir_all(&folder).map_err(|e| Failure::io("create", &folder, &e))?;
        }
        Ok(Self { session, args, folder, written: Vec::new(), stopped: false, failure: None })
    }

    fn take(&mut self, at: usize, pass: &str, text: &dyn Fn() -> String, word: &str) {
        if self.stopped || self.failure.is_some() {
            return;
        }
        self.stopped = self.args.stop_after.as_deref() == Some(pass);
        let asked = |name: &String| name == ALL || name == pass;
        if !self.stopped && !self.args.dump_after.as_ref().is_some_and(asked) {
            return;
        }
        let path = self.folder.join(format!("{at:02}-{pass}.{word}"));
        match privet::save_text(&path, &text(), self.session.force) {
            Ok(()) => self.written.push(path),
            Err(error) => self.failure = Some(error.into()),
        }
    }
}
