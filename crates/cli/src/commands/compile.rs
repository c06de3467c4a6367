//! ONNX to a compiled network.

use crate::args::Compile;
use crate::failure::Failure;
use crate::screen::Lines;
use crate::{Session, progress, staging};
use privet::Error;
use privet::extend::{Compiler, RegistryError};
use privet::prelude::{ShareOptions, compile, human_bytes, human_ms};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// The word for every pass.
const ALL: &str = "all";

/// Runs the command.
///
/// # Errors
/// [`Failure`] with the first thing that stands in the way.
pub fn run(session: &Session, args: &Compile) -> Result<(), Failure> {
    let compiler = privet::passes::standard();
    for name in [&args.dump_after, &args.stop_after].into_iter().flatten() {
        if name != ALL || args.stop_after.as_deref() == Some(ALL) {
            known_pass(&compiler, name)?;
        }
    }
    let output = args
        .output
        .clone()
        .unwrap_or_else(|| derived(&args.model, "privet"));
    let target = match args.stop_after {
        Some(_) => args.output.as_deref(),
        None => Some(output.as_path()),
    };
    let (calibration, costs) = (&args.compile.calibration, &args.compile.costs);
    let read: Vec<&Path> = [Some(&args.model), calibration.as_ref(), costs.as_ref()]
        .into_iter()
        .flatten()
        .map(PathBuf::as_path)
        .collect();
    staging::check_outputs(session, &[target, args.report.as_deref()], &read)?;
    let model = staging::import(&args.model)?;
    let feed = args.feed.feed(session, &args.model)?;
    let said = feed.clone().unwrap_or_default();
    let (mut options, sources) =
        staging::options(session, &args.model, &model, &args.compile, &said)?;
    options.share = args.share.map(|results| ShareOptions {
        results,
        input_bound: args.input_bound,
    });

    let mut dumps = Dumps::new(args);
    let work = || {
        compile(&model, &options, &compiler, &mut |at, pass, text, word| {
            dumps.take(at, pass, text, word)
        })
    };
    let (made, compile_ms) = progress::spin(session, "compiling", work);
    let written = dumps.write(session, args)?;
    let mut lines = Lines::new();
    if args.stop_after.is_some() && !written.is_empty() {
        // What later passes would have said does not matter.
        written
            .iter()
            .for_each(|path| wrote(&mut lines, path, "the program"));
        return lines.print();
    }
    let mut compiled = made?;
    compiled.client.feed = feed;
    let mut report = compiled.report.clone();
    report.time.get_or_insert_default().compile_ms = Some(compile_ms);
    compiled.save(&output, session.force)?;

    staging::circuit_lines(&mut lines, &report);
    staging::batch_line(&mut lines, &compiled.client);
    staging::sharing_line(&mut lines, &compiled.client);
    lines.line("ranges", &[sources.ranges]);
    let predicted = report.time.and_then(|t| t.predicted_ms);
    let predicted = predicted.map(|ms| format!("{} a run on one thread", human_ms(ms)));
    lines.line("costs", &[sources.costs, predicted.unwrap_or_default()]);
    staging::time_line(&mut lines, &report);
    lines.gap();
    let bytes = std::fs::metadata(&output)
        .map(|m| human_bytes(m.len()))
        .unwrap_or_default();
    wrote(
        &mut lines,
        &output,
        &format!("the compiled network, {bytes}"),
    );
    if let [first, .., last] = written.as_slice() {
        lines.line(
            "wrote",
            &[format!(
                "{} to {}",
                first.display(),
                last.file_name().unwrap_or_default().display()
            )],
        );
    } else if let [only] = written.as_slice() {
        wrote(&mut lines, only, "the program");
    }
    staging::write_report(session, args.report.as_deref(), &report, &mut lines)?;
    // Files carry no refreshes yet: a data owner could do nothing with a client file.
    let next = match report.counts.refresh {
        0 => format!(
            "privet inspect {} --client {}, for the data owner",
            output.display(),
            derived(&args.model, "client").display()
        ),
        _ => format!(
            "privet infer {} --refresh client: `privet run` can not refresh",
            args.model.display()
        ),
    };
    lines.line("next", &[next]);
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
    let known = [
        compiler.graph.names(),
        vec![compiler.lower.info().name],
        compiler.circuit.names(),
    ]
    .concat();
    match known.contains(&name) {
        true => Ok(()),
        false => Err(RegistryError::Unknown {
            name: name.to_owned(),
            known,
        }
        .into()),
    }
}

/// Programs as passes left them, by running number.
///
/// Passes that depend on the ring run for every ring that is tried, the chosen one last: later texts replace earlier.
struct Dumps<'a> {
    asked: Option<&'a str>,
    stop: Option<&'a str>,
    texts: BTreeMap<usize, Dump>,
}

struct Dump {
    file: String,
    stops: bool,
    text: String,
}

impl<'a> Dumps<'a> {
    fn new(args: &'a Compile) -> Self {
        Self {
            asked: args.dump_after.as_deref(),
            stop: args.stop_after.as_deref(),
            texts: BTreeMap::new(),
        }
    }

    fn take(&mut self, at: usize, pass: &str, text: &dyn Fn() -> String, word: &str) {
        self.texts.split_off(&at);
        let stops = self.stop == Some(pass);
        if self.asked.is_some_and(|name| name == ALL || name == pass) || stops {
            self.texts.insert(
                at,
                Dump {
                    file: format!("{at:02}-{pass}.{word}"),
                    stops,
                    text: text(),
                },
            );
        }
    }

    /// Writes everything up to the pass to stop after; nothing if that pass was never reached.
    fn write(self, session: &Session, args: &Compile) -> Result<Vec<PathBuf>, Failure> {
        if self.texts.is_empty() || (self.stop.is_some() && !self.texts.values().any(|d| d.stops)) {
            return Ok(Vec::new());
        }
        let folder = args
            .dump_dir
            .clone()
            .unwrap_or_else(|| derived(&args.model, "passes"));
        let mut written = Vec::new();
        for dump in self.texts.into_values() {
            let path = match &args.output {
                Some(output) if dump.stops => output.clone(),
                _ => {
                    let made = std::fs::create_dir_all(&folder);
                    made.map_err(|e| Failure::io("create", &folder, &e))?;
                    folder.join(dump.file)
                }
            };
            privet::save_text(&path, &dump.text, session.force)?;
            written.push(path);
            if dump.stops {
                break;
            }
        }
        Ok(written)
    }
}
