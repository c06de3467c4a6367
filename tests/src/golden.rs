//! Golden files: why, how to run, input, a line, what is wanted.

use crate::{blessing, onnx, render};
use privet::extend::{
    Calibration, Circuit, Compiler, Graph, PassReport, PipelineError, Program, Refreshes, Settings,
    counts, graph,
};
use privet::prelude::{Activations, Error, Model, Options, Packing};
use privet::{compile, passes};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Divides a file: above it people write, below it blessing does.
const LINE: &str = "; ---- want";
/// Most lines of one file.
const MAX_LINES: usize = 60;
/// Directives of golden files.
const OWN_KEYS: [&str; 4] = ["run", "settings", "sample", "cut"];
/// Directives of the circuit's text form.
const CIRCUIT_KEYS: [&str; 4] = ["params", "slots", "bound", "keys"];

/// What a file holds, told by its ending.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// The text form of a tensor graph.
    Graph,
    /// The text form of a circuit.
    Circuit,
    /// A recipe for an ONNX file.
    Model,
}

/// A golden file.
#[derive(Clone, Debug)]
pub struct Golden {
    /// Where it is.
    pub path: PathBuf,
    /// What it holds.
    pub form: Form,
    /// Everything above the line.
    pub input: String,
    /// Everything below it.
    pub want: Option<String>,
    directives: BTreeMap<String, Vec<String>>,
}

/// A program and what passes said about it.
enum Outcome {
    Graph(Graph, Vec<PassReport>),
    Circuit(Circuit, Vec<PassReport>),
    Text(String),
}

impl Golden {
    /// Reads a file and checks its form.
    ///
    /// # Errors
    /// What is wrong with the file.
    pub fn read(path: &Path) -> Result<Self, String> {
        Self::parse(path, &crate::read(path)?)
    }

    /// Checks the form of a file's text.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn parse(path: &Path, text: &str) -> Result<Self, String> {
        let form = match path.extension().and_then(|e| e.to_str()) {
            Some("graph") => Form::Graph,
            Some("circuit") => Form::Circuit,
            Some("model") => Form::Model,
            _ => return Err("expected a file ending with .graph, .circuit or .model".to_owned()),
        };
        let n_lines = text.lines().count();
        if n_lines > MAX_LINES {
            return Err(format!(
                "{n_lines} lines, at most {MAX_LINES} are allowed; one idea per file"
            ));
        }
        let (input, want) = match text.split_once(&format!("{LINE}\n")) {
            Some((input, want)) => (input.to_owned(), Some(want.to_owned())),
            None => (text.to_owned(), None),
        };
        let mut directives: BTreeMap<String, Vec<String>> = BTreeMap::new();
        let mut has_why = false;
        for (i, line) in input.lines().enumerate() {
            let Some(comment) = line.strip_prefix(';') else {
                continue;
            };
            let comment = comment.trim();
            match comment.split_once(':') {
                Some((key, value)) if is_key(key) => {
                    let known = OWN_KEYS.contains(&key)
                        || (form == Form::Circuit
                            && (CIRCUIT_KEYS.contains(&key) || key.starts_with("layer ")));
                    if !known {
                        return Err(format!("line {}: `{key}` is no directive", i + 1));
                    }
                    directives
                        .entry(key.to_owned())
                        .or_default()
                        .push(value.trim().to_owned());
                }
                _ => has_why |= i == 0 && comment.len() > 10,
            }
        }
        if !has_why {
            return Err(
                "the first line says why the file is there: `; Two rotations …`".to_owned(),
            );
        }
        let golden = Self {
            path: path.to_owned(),
            form,
            input,
            want,
            directives,
        };
        golden.run_line()?;
        Ok(golden)
    }

    fn run_line(&self) -> Result<&str, String> {
        match self.directives.get("run").map(Vec::as_slice) {
            Some([run]) => Ok(run),
            _ => Err("one line `; run: pass, …` is required".to_owned()),
        }
    }

    /// The passes it runs, in text.
    pub fn run_text(&self) -> &str {
        self.run_line().unwrap_or_default()
    }

    /// The program above the line.
    ///
    /// # Errors
    /// Where it does not parse, or what does not verify.
    pub fn graph(&self) -> Result<Graph, String> {
        verified(graph::parse(&self.input).map_err(|e| e.to_string())?)
    }

    /// The program above the line.
    ///
    /// # Errors
    /// Where it does not parse, or what does not verify.
    pub fn circuit(&self) -> Result<Circuit, String> {
        verified(privet::extend::parse(&self.input).map_err(|e| e.to_string())?)
    }

    /// Settings from the file, `log_n` and scale of a circuit from its header if nothing else is said.
    ///
    /// # Errors
    /// A key or number that is not understood.
    pub fn settings(&self) -> Result<Settings, String> {
        let mut settings = Settings::default();
        if self.form == Form::Circuit {
            let circuit = self.circuit()?;
            settings.log_n = circuit.n_slots().trailing_zeros() as u8 + 1;
            if let Some(params) = circuit.params() {
                settings.scale_bits = params.spec().scale_bits;
            }
        }
        for word in self
            .directives
            .get("settings")
            .into_iter()
            .flatten()
            .flat_map(|l| l.split_whitespace())
        {
            let (key, value) = word
                .split_once('=')
                .ok_or_else(|| format!("expected key=value, found `{word}`"))?;
            let bad = |_| format!("settings: `{word}` has no number");
            match key {
                "log_n" => settings.log_n = value.parse().map_err(bad)?,
                "scale" => settings.scale_bits = value.parse().map_err(bad)?,
                "key_memory" => settings.key_memory = Some(value.parse().map_err(bad)?),
                "max_degree" => settings.max_degree = value.parse().map_err(bad)?,
                "margin" => {
                    settings.range_margin = value
                        .parse()
                        .map_err(|_| format!("settings: `{word}` has no number"))?
                }
                "activation_error" => {
                    settings.activation_error = value
                        .parse()
                        .map_err(|_| format!("settings: `{word}` has no number"))?
                }
                "batch" => settings.batch_width = value.parse().map_err(bad)?,
                "packing" => {
                    settings.packing = match value {
                        "diagonal" => Packing::Diagonal,
                        "tile" => Packing::Tile(None),
                        _ => return Err(format!("settings: `{word}` is no packing")),
                    }
                }
                "refresh" => {
                    settings.refresh = Some(Refreshes {
                        largest: value.parse().ok(),
                    })
                }
                "activations" => {
                    settings.activations = match value {
                        "polynomial" => Activations::Polynomial,
                        "sign" => Activations::Sign,
                        _ => {
                            return Err(format!(
                                "settings: `{word}` is neither polynomial nor sign"
                            ));
                        }
                    }
                }
                _ => return Err(format!("`{key}` is no setting")),
            }
        }
        let samples = self.samples()?;
        if !samples.is_empty() {
            let samples = samples.into_iter().map(|s| vec![s]).collect();
            settings.calibration = Some(Arc::new(Calibration { samples }));
        }
        Ok(settings)
    }

    fn samples(&self) -> Result<Vec<Vec<f64>>, String> {
        let number = |w: &str| {
            w.trim()
                .parse::<f64>()
                .map_err(|_| format!("sample: expected a number, found `{w}`"))
        };
        let lines = self.directives.get("sample").into_iter().flatten();
        lines.map(|l| l.split(',').map(number).collect()).collect()
    }

    fn options(&self) -> Result<Options, String> {
        let settings = self.settings()?;
        let words = self
            .directives
            .get("settings")
            .cloned()
            .unwrap_or_default()
            .join(" ");
        let given = |key: &str| {
            words
                .split_whitespace()
                .any(|w| w.starts_with(&format!("{key}=")))
        };
        let samples = self.samples()?;
        Ok(Options {
            log_n: given("log_n").then_some(settings.log_n),
            scale_bits: given("scale").then_some(settings.scale_bits),
            calibration: (!samples.is_empty()).then_some(samples),
            max_degree: given("max_degree").then_some(settings.max_degree),
            activation_error: given("activation_error").then_some(settings.activation_error),
            client_refresh: settings.refresh.is_some(),
            activations: settings.activations,
            ..Options::default()
        })
    }

    /// What the file's passes make of its input, as it is written below the line.
    ///
    /// # Errors
    /// A file that can not be run, or a pass that broke the program; refusals are results.
    pub fn found(&self) -> Result<String, String> {
        let shows_exit = self.path.parent().is_some_and(|p| p.ends_with("errors"));
        match self.outcome() {
            Ok(Outcome::Graph(graph, reports)) => {
                let same = same_text(&self.graph()?, &graph);
                Ok(rendered(&graph, same, &reports, ""))
            }
            Ok(Outcome::Circuit(circuit, reports)) => {
                let same = self.form == Form::Circuit && same_text(&self.circuit()?, &circuit);
                Ok(rendered(&circuit, same, &reports, &count_line(&circuit)))
            }
            Ok(Outcome::Text(text)) => Ok(text),
            Err(Stop::File(why)) => Err(why),
            Err(Stop::Error(error)) => {
                if let Error::Compile(PipelineError::Broke { .. }) = *error {
                    return Err(render::error(&error));
                }
                let text = render::error(&error);
                let without_exit = || {
                    text.lines()
                        .filter(|l| !l.starts_with("exit code"))
                        .map(|l| format!("{l}\n"))
                        .collect()
                };
                Ok(if shows_exit { text } else { without_exit() })
            }
        }
    }

    fn outcome(&self) -> Result<Outcome, Stop> {
        let run = self.run_line()?;
        let settings = self.settings()?;
        match self.form {
            Form::Circuit => {
                let mut circuit = self.circuit()?;
                let pipeline = passes::circuit().pipeline(run).map_err(|e| e.to_string())?;
                let reports = pipeline.run(&mut circuit, &settings, &mut |_, _, _| {})?;
                Ok(Outcome::Circuit(circuit, reports))
            }
            Form::Graph if run == "compile" => {
                // A network without a file: what the file would tell comes from another one.
                let mut model = import(
                    "opset 17\ninput x [1, 2]\nnode Relu x -> y\noutput y\n",
                    None,
                )?;
                model.graph = self.graph()?;
                self.compiled(&model)
            }
            Form::Graph => {
                let mut graph = self.graph()?;
                let mut compiler = passes::standard();
                if run == "standard" {
                    return lowered(&compiler, &graph, &settings);
                }
                let Some((before, after)) = run.split_once(compiler.lower.info().name) else {
                    let pipeline = passes::graph().pipeline(run).map_err(|e| e.to_string())?;
                    let reports = pipeline.run(&mut graph, &settings, &mut |_, _, _| {})?;
                    return Ok(Outcome::Graph(graph, reports));
                };
                compiler.graph = passes::graph()
                    .pipeline(before.trim().trim_end_matches(','))
                    .map_err(|e| e.to_string())?;
                compiler.circuit = passes::circuit()
                    .pipeline(after.trim().trim_start_matches(','))
                    .map_err(|e| e.to_string())?;
                lowered(&compiler, &graph, &settings)
            }
            Form::Model => {
                let cut = match self.directives.get("cut").and_then(|c| c.first()) {
                    Some(cut) => Some(
                        cut.parse()
                            .map_err(|_| format!("cut: `{cut}` is no number of bytes"))?,
                    ),
                    None => None,
                };
                let model = import(&self.input, cut)?;
                match run {
                    "import" => Ok(Outcome::Text(model.graph.print())),
                    "compile" => self.compiled(&model),
                    _ => Err(Stop::File(
                        "a .model file is run with `import` or `compile`".to_owned(),
                    )),
                }
            }
        }
    }

    fn compiled(&self, model: &Model) -> Result<Outcome, Stop> {
        let made = compile(
            model,
            &self.options()?,
            &passes::standard(),
            &mut |_, _, _, _| {},
        )?;
        Ok(Outcome::Text(format!(
            "compiled\n{}",
            count_line(&made.circuit)
        )))
    }

    /// Compares, or rewrites what is wanted when blessing.
    ///
    /// # Errors
    /// What differs, and the command that accepts it.
    pub fn check(&self) -> Result<(), String> {
        let found = self.found()?;
        let want = self.want.as_deref();
        if want == Some(&found) {
            return Ok(());
        }
        if blessing() {
            let text = format!("{}{LINE}\n{found}", self.input);
            Self::parse(&self.path, &text)?;
            return std::fs::write(&self.path, text).map_err(|e| e.to_string());
        }
        let diff = render::diff(want.unwrap_or_default(), &found);
        Err(format!(
            "{}\n{diff}accept with: BLESS=1 cargo test -p privet-tests --test golden",
            self.path.display()
        ))
    }
}

/// The circuit of a graph, with what the lowering and the passes after it noted; the others have golden files of their own.
fn lowered(compiler: &Compiler, graph: &Graph, settings: &Settings) -> Result<Outcome, Stop> {
    let made = compiler.compile(graph, settings, &mut |_, _, _, _| {})?;
    let name = compiler.lower.info().name;
    let reports = made
        .passes
        .into_iter()
        .skip_while(|r| r.name != name)
        .collect();
    Ok(Outcome::Circuit(made.circuit, reports))
}

/// Why there is no program to show.
enum Stop {
    /// The file is at fault.
    File(String),
    /// The passes or the importer said no.
    Error(Box<Error>),
}

impl From<String> for Stop {
    fn from(why: String) -> Self {
        Self::File(why)
    }
}

impl From<PipelineError> for Stop {
    fn from(error: PipelineError) -> Self {
        Self::Error(Box::new(error.into()))
    }
}

impl From<Error> for Stop {
    fn from(error: Error) -> Self {
        Self::Error(Box::new(error))
    }
}

/// A word in front of a colon that is meant as a directive: no capital, at most one blank.
fn is_key(key: &str) -> bool {
    let mut words = key.split(' ');
    let word = |w: &str| !w.is_empty() && w.chars().all(|c| c.is_ascii_lowercase() || c == '_');
    words.next().is_some_and(word)
        && words.next().is_none_or(|n| n.parse::<u32>().is_ok())
        && words.next().is_none()
}

fn verified<P: Program>(program: P) -> Result<P, String> {
    match program.verify().as_slice() {
        [] => Ok(program),
        faults => Err(format!("the input does not verify: {}", faults.join("; "))),
    }
}

fn same_text<P: Program>(a: &P, b: &P) -> bool {
    a.print() == b.print()
}

/// Imports the model of a recipe, of which only the first `cut` bytes may be there.
fn import(recipe: &str, cut: Option<usize>) -> Result<Model, Stop> {
    let bytes = onnx::encode(recipe)?;
    let bytes = &bytes[..cut.unwrap_or(bytes.len()).min(bytes.len())];
    let folder = tempfile::tempdir().map_err(|e| e.to_string())?;
    let path = folder.path().join("model.onnx");
    std::fs::write(&path, bytes).map_err(|e| e.to_string())?;
    Ok(Model::import(&path)?)
}

fn rendered<P: Program>(program: &P, same: bool, reports: &[PassReport], count: &str) -> String {
    let mut text = if same {
        "; unchanged\n".to_owned()
    } else {
        program.print()
    };
    for report in reports {
        for note in &report.notes {
            let who = if reports.len() > 1 {
                format!("{}: ", report.name)
            } else {
                String::new()
            };
            text += &format!("; note: {who}{note}\n");
        }
    }
    text + count
}

/// Counts that are not zero, then keys and depth.
pub fn count_line(circuit: &Circuit) -> String {
    let counts = counts(circuit);
    let named = counts.named().into_iter().filter(|(_, n)| *n > 0);
    let words: Vec<String> = named
        .chain([
            ("keys", circuit.n_galois_keys()),
            ("depth", circuit.depth()),
        ])
        .map(|(name, n)| format!("{name} {n}"))
        .collect();
    format!("; count: {}\n", words.join(" "))
}

#[cfg(test)]
mod tests {
    use super::*;

    const BODY: &str = "; slots: 8\ncircuit (%0: ct) {\n  %1 = rotate %0 by 1\n  %2 = rotate %0 by 1\n  %3 = add %1, %2\n  return %3\n}\n";

    fn parse(head: &str) -> Result<Golden, String> {
        Golden::parse(Path::new("golden/p/x.circuit"), &format!("{head}{BODY}"))
    }

    #[test]
    fn a_file_says_why_and_how() {
        assert!(parse("; Why this is here.\n; run: eliminate-common\n").is_ok());
        for (head, expected) in [
            ("; run: eliminate-common\n", "says why"),
            ("; Why this is here.\n", "; run: pass"),
            (
                "; Why this is here.\n; run: eliminate-common\n; setting: log_n=4\n",
                "`setting` is no directive",
            ),
        ] {
            let why = parse(head).expect_err("refused");
            assert!(why.contains(expected), "{why}");
        }
        let long = format!(
            "; Why this is here.\n; run: eliminate-common\n{}{BODY}",
            ";\n".repeat(60)
        );
        assert!(
            Golden::parse(Path::new("golden/p/x.circuit"), &long)
                .is_err_and(|why| why.contains("at most 60"))
        );
        assert!(Golden::parse(Path::new("golden/p/x.params.ron"), BODY).is_err());
    }

    #[test]
    fn a_difference_fails_and_names_the_command() {
        let mut golden =
            parse("; Why this is here.\n; run: eliminate-common\n").expect("it parses");
        let found = golden.found().expect("it runs");
        assert!(found.ends_with("; note: 1 values were computed twice\n; count: rotations 1 conversion 1 key_products 1 decompose 1 mod_down 1 add 1 keys 1 depth 0\n"), "{found}");
        golden.want = Some(found.replace("rotations 1", "rotations 2"));
        if !blessing() {
            let why = golden.check().expect_err("it differs");
            assert!(
                why.contains("BLESS=1 cargo test") && why.contains("- ; count: rotations 2"),
                "{why}"
            );
        }
        golden.want = Some(found);
        assert_eq!(golden.check(), Ok(()));
    }

    #[test]
    fn unknown_settings_and_passes_fail() {
        let fails = |head: &str| parse(head).and_then(|g| g.found()).expect_err("refused");
        assert!(
            fails("; Why this is here.\n; run: eliminate-common\n; settings: depth=3\n")
                .contains("`depth` is no setting")
        );
        assert!(
            fails("; Why this is here.\n; run: eliminate-commons\n")
                .contains("there is no pass `eliminate-commons`")
        );
    }
}
