//! What a file holds.

use crate::args::Inspect;
use crate::failure::Failure;
use crate::screen::{self, Lines};
use crate::{Session, feed, progress, staging};
use privet::prelude::{
    Client, Compiled, FileInfo, Model, Options, ShareCounter, compile, human_bytes, read_samples,
};
use privet::{Error, Port, short_id};
use std::io::Read;
use std::path::Path;

/// First bytes of every Privet file.
const MAGIC: &[u8; 6] = b"PRIVET";

/// Runs the command.
///
/// # Errors
/// [`Failure`] with the first thing that stands in the way.
pub fn run(session: &Session, args: &Inspect) -> Result<(), Failure> {
    staging::check_outputs(session, &[args.client.as_deref()], &[&args.file])?;
    if !is_privet(&args.file)? {
        if args.client.is_some() {
            return Err(Failure::usage(
                format!("{} is not a compiled network", args.file.display()),
                "privet compile makes one",
            ));
        }
        if is_data(&args.file)? {
            return Err(Failure::usage(
                format!("{} holds input data", args.file.display()),
                format!("privet infer MODEL.onnx --input {}", args.file.display()),
            ));
        }
        return onnx(session, &args.file);
    }
    let info = FileInfo::read(&args.file)?;
    let (sound, _) = progress::spin(session, "reading", || FileInfo::check_sections(&args.file));
    sound?;
    let mut lines = Lines::new();
    let name = |id: &[u8]| short_id(id);
    let bytes = std::fs::metadata(&args.file).map_or(info.bytes(), |m| m.len());
    lines.line(
        "file",
        &[
            args.file.display().to_string(),
            info.kind.to_owned(),
            human_bytes(bytes),
        ],
    );
    if info.is_compiled() {
        let compiled = Compiled::load(&args.file)?;
        staging::circuit_lines(&mut lines, &compiled.report);
        lines.line("circuit id", &[name(&info.circuit_id)]);
        client_lines(&mut lines, &compiled.client);
        lines.print()?;
        if !compiled.report.layers.is_empty() {
            screen::print(&format!("\n{}", layers(&compiled)))?;
        }
    } else if info.has_client() {
        let client = Client::load(&args.file)?;
        lines.line(
            "model",
            &[
                info.model.clone(),
                format!("circuit {}", name(&info.circuit_id)),
            ],
        );
        client_lines(&mut lines, &client);
        needs_line(&mut lines, &client);
        lines.print()?;
    } else {
        let key = info
            .key_id
            .as_ref()
            .map(|id| format!("key {}", name(id)))
            .unwrap_or_default();
        lines.line(
            "made for",
            &[
                info.model.clone(),
                format!("circuit {}", name(&info.circuit_id)),
                format!("parameters {}", name(&info.params_id)),
                key,
            ],
        );
        let n_samples = info.n_samples.unwrap_or(0).into();
        let samples = (n_samples > 0).then(|| screen::plural(n_samples, "sample"));
        lines.line(
            "holds",
            &[
                screen::plural(info.sections.len() as u64, what(&info)),
                samples.unwrap_or_default(),
            ],
        );
        if let ("secret key", Some(id)) = (info.kind, &info.key_id) {
            shared_line(&mut lines, &args.file, id)?;
        }
        lines.print()?;
    }
    if let Some(path) = &args.client {
        Client::load(&args.file)?.save(path, session.force)?;
        let mut lines = Lines::new();
        lines.gap().line(
            "wrote",
            &[format!("{}, for the data owner", path.display())],
        );
        lines.print()?;
    }
    Ok(())
}

fn what(info: &FileInfo) -> &'static str {
    match info.kind {
        "encrypted input" | "encrypted result" => "ciphertext",
        _ => "key",
    }
}

/// Whether a file begins as Privet's do; decides which reader tells what is wrong with it.
fn is_privet(path: &Path) -> Result<bool, Failure> {
    let found = std::fs::metadata(path).map_err(|e| Failure::io("open", path, &e))?;
    if !found.is_file() {
        return Err(Failure::usage(
            format!("{} is not a regular file", path.display()),
            "name a file on disk",
        ));
    }
    Ok(first_bytes(path)? == MAGIC)
}

/// Whether a file begins as arrays and pictures do.
fn is_data(path: &Path) -> Result<bool, Failure> {
    let head = first_bytes(path)?;
    let starts: [&[u8]; 4] = [b"PK", b"\x93NUMPY", b"\x89PNG", b"\xff\xd8\xff"];
    Ok(starts.iter().any(|start| head.starts_with(start)))
}

fn first_bytes(path: &Path) -> Result<Vec<u8>, Failure> {
    let mut head = Vec::new();
    let file = std::fs::File::open(path).map_err(|e| Failure::io("open", path, &e))?;
    file.take(MAGIC.len() as u64)
        .read_to_end(&mut head)
        .map_err(|e| Failure::io("read", path, &e))?;
    Ok(head)
}

/// How much of a secret key is used up by shared results, where they are counted.
fn shared_line(lines: &mut Lines, secret: &Path, key_id: &[u8; 16]) -> Result<(), Failure> {
    if let Some((n, used)) = ShareCounter::beside(secret).used(key_id)? {
        let parts = [
            screen::plural(n, "result"),
            format!("{:.0} % of the key used up", 100.0 * used),
        ];
        lines.line("shared", &parts);
    }
    Ok(())
}

fn client_lines(lines: &mut Lines, client: &Client) {
    let port = |p: &Port, made_up: &str| {
        let n = screen::plural(p.layout.n_ciphertexts.into(), "ciphertext");
        let range = p.range.map(|r| {
            let range = screen::range(r.low, r.high);
            match client.n_calibration {
                0 => format!("{range} {made_up}"),
                _ => format!("calibrated {range}"),
            }
        });
        let range = range.unwrap_or_default();
        vec![p.name.clone(), screen::shape(&p.shape), n, range]
    };
    lines.line("input", &port(&client.input, "assumed, not calibrated"));
    client.outputs.iter().for_each(|output| {
        lines.line("output", &port(output, "on made-up inputs"));
    });
    if client.batch_width() > 1 {
        let n = screen::plural(client.batch_width() as u64, "sample");
        lines.line("batch", &[format!("up to {n} at once")]);
    }
    if client.n_calibration > 0 {
        let n = u64::from(client.n_calibration);
        lines.line("calibration", &[screen::plural(n, "sample")]);
    }
    if let Some(feed) = &client.feed {
        let words = feed::words(feed);
        lines.line("feed", &[format!("encrypt applies {words}")]);
    }
    staging::sharing_line(lines, client);
}

fn needs_line(lines: &mut Lines, client: &Client) {
    let relinearization = if client.keys.relinearization.is_some() {
        "a relinearization key"
    } else {
        ""
    };
    let bytes = client.params().map(|p| client.keys.bytes(&p)).unwrap_or(0);
    lines.line(
        "needs",
        &[
            screen::plural(client.keys.rotations.len() as u64, "rotation key"),
            relinearization.to_owned(),
            format!("{} as a file", human_bytes(bytes / 2)),
        ],
    );
}

fn layers(compiled: &Compiled) -> String {
    let rows: Vec<Vec<String>> = compiled
        .report
        .layers
        .iter()
        .map(|l| {
            let diagonals = l
                .diagonals
                .map_or_else(String::new, |d| format!("{}/{}", d.used(), d.total));
            vec![
                screen::one_line(&l.name),
                screen::one_line(&l.op),
                diagonals,
                l.counts.rotations.to_string(),
                l.counts.total_products().to_string(),
                format!("{}→{}", l.level_in, l.level_out),
                human_bytes(l.plaintext_bytes),
            ]
        })
        .collect();
    screen::table(
        &[
            "layer",
            "operator",
            "diagonals",
            "rotations",
            "products",
            "level",
            "weights",
        ],
        &rows,
    )
}

fn onnx(session: &Session, path: &Path) -> Result<(), Failure> {
    let model = staging::import(path)?;
    let info = &model.info;
    let mut lines = Lines::new();
    lines.line(
        "file",
        &[
            path.display().to_string(),
            "ONNX".to_owned(),
            format!("opset {}", info.opset),
            info.producer.clone(),
        ],
    );
    info.inputs.iter().for_each(|p| {
        lines.line("input", &[p.name.clone(), p.shape.clone()]);
    });
    info.outputs.iter().for_each(|p| {
        lines.line("output", &[p.name.clone(), p.shape.clone()]);
    });
    lines.line(
        "size",
        &[
            screen::plural(info.n_parameters as u64, "parameter"),
            screen::plural(info.macs, "multiplication"),
        ],
    );
    let operators: Vec<String> = info
        .operators
        .iter()
        .map(|(name, n)| format!("{n} {name}"))
        .collect();
    lines.line("operators", &operators).gap();
    lines.print()?;

    let mut lines = Lines::new();
    match trial(session, path, &model) {
        Ok(compiled) => {
            lines.line("compiles", &["yes".to_owned()]);
            let mut report = compiled.report;
            report.model.name.clone_from(&info.name);
            staging::circuit_lines(&mut lines, &report);
        }
        Err(error) => {
            lines.line("compiles", &[format!("no: {error}")]);
            if let Some(help) = error.help() {
                lines.line("", &[format!("help for privet compile: {help}")]);
            }
        }
    }
    lines.print()
}

/// Compiles with what lies beside the model.
fn trial(session: &Session, path: &Path, model: &Model) -> Result<Compiled, Error> {
    let feed = crate::args::FeedArgs::default()
        .feed(session, path)
        .unwrap_or_default()
        .unwrap_or_default();
    let calibration = feed::beside_model(path)
        .map(|p| read_samples(&p, &feed, model.input_shape()).map(|s| s.values))
        .transpose()?;
    let options = Options {
        calibration,
        ..Options::default()
    };
    progress::spin(session, "compiling", || {
        compile(
            model,
            &options,
            &privet::passes::standard(),
            &mut |_, _, _, _| {},
        )
    })
    .0
}
