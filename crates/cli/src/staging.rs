//! Steps that several commands share.

use crate::args::{ActivationKind, CompileArgs, PlanFor, RefreshBy};
use crate::failure::Failure;
use crate::screen::{self, Lines};
use crate::{Session, feed, progress, warn};
use privet::extend::{
    CostTable, KeyUse, MemoryPlan, available_memory, peak_rss, plan_memory_for, plan_memory_under,
};
use privet::prelude::{
    Activations, Client, Compiled, Feed, Model, Objective, Options, Report, compile, human_bytes,
    human_ms,
};
use privet::{Comparison, Error};
use std::path::Path;

/// Refuses outputs that exist, that are named twice, or that are among the files read, before any work is done.
///
/// # Errors
/// [`Failure`] naming the first that can not be written.
pub fn check_outputs(
    session: &Session,
    outputs: &[Option<&Path>],
    inputs: &[&Path],
) -> Result<(), Failure> {
    let outputs: Vec<&Path> = outputs.iter().copied().flatten().collect();
    for (i, path) in outputs.iter().enumerate() {
        if outputs[..i].contains(path) {
            return Err(Failure::usage(
                format!("{} is named for two outputs", path.display()),
                "choose another name for one of them",
            ));
        }
        let same = |input: &&Path| match (input.canonicalize(), path.canonicalize()) {
            (Ok(input), Ok(output)) => input == output,
            _ => false,
        };
        if inputs.iter().any(same) {
            return Err(Failure::usage(
                format!("{} would be read and overwritten", path.display()),
                "choose another name for the output",
            ));
        }
        privet::check_output(path, session.force)?;
    }
    Ok(())
}

/// Reads a model; what is wrong with it is told with the file's name.
///
/// # Errors
/// [`Failure`] if it is no model that Privet supports.
pub fn import(path: &Path) -> Result<Model, Failure> {
    let model = Model::import(path).map_err(|error| Failure::from(error).about(path))?;
    model
        .info
        .remarks
        .iter()
        .for_each(|remark| warn::warning(remark));
    Ok(model)
}

/// Compiles under a spinner; gives the milliseconds too.
///
/// # Errors
/// [`Failure`] if the model is refused or calibration data can not be read.
pub fn compile_model(
    session: &Session,
    path: &Path,
    model: &Model,
    args: &CompileArgs,
    feed: &Feed,
) -> Result<(Compiled, f64), Failure> {
    let (options, _) = options(session, path, model, args, feed)?;
    let work = || {
        compile(
            model,
            &options,
            &privet::passes::standard(),
            &mut |_, _, _, _| {},
        )
    };
    let (compiled, ms) = progress::spin(session, "compiling", work);
    Ok((compiled?, ms))
}

/// What the compiler is told, and in words where ranges and prices come from.
///
/// # Errors
/// [`Failure`] if calibration data can not be read.
pub fn options(
    session: &Session,
    path: &Path,
    model: &Model,
    args: &CompileArgs,
    feed: &Feed,
) -> Result<(Options, Sources), Failure> {
    let calibration = feed::calibration(session, args, path, feed, model.input_shape())?;
    let costs = args.costs.as_deref().map(privet::load_costs).transpose()?;
    let sources = Sources {
        ranges: match &calibration {
            Some(found) => {
                let n = screen::plural(found.samples.len() as u64, "sample");
                format!("{n} of {}", found.path.display())
            }
            None => "no calibration data, inputs of 0..1 assumed".to_owned(),
        },
        costs: costs_words(args.costs.as_deref(), costs.as_ref()),
    };
    let options = Options {
        log_n: args.log_n,
        max_degree: args.max_degree.map(usize::from),
        activations: match args.activations {
            ActivationKind::Polynomial => Activations::Polynomial,
            ActivationKind::Sign => Activations::Sign,
        },
        activation_error: args.activation_error,
        calibration: calibration.map(|found| found.samples),
        costs,
        objective: match args.objective {
            PlanFor::Latency => Objective::Latency,
            PlanFor::Throughput => Objective::Throughput,
            PlanFor::Memory => Objective::Memory,
            PlanFor::Rotations => Objective::Rotations,
        },
        packing: args.packing.clone(),
        max_input_ciphertexts: args.max_input_ciphertexts,
        batch: args.batch,
        client_refresh: args.refresh == Some(RefreshBy::Client),
        key_memory: args.key_memory,
        ..Options::default()
    };
    Ok((options, sources))
}

/// Where a compilation's numbers come from, in words.
pub struct Sources {
    /// The ranges of values.
    pub ranges: String,
    /// The prices of operations.
    pub costs: String,
}

fn costs_words(path: Option<&Path>, costs: Option<&CostTable>) -> String {
    let bundled = CostTable::default();
    let table = costs.unwrap_or(&bundled);
    let threads = screen::plural(table.threads().into(), "thread");
    let from = path.map_or_else(
        || "bundled table".to_owned(),
        |path| path.display().to_string(),
    );
    format!("{from}, measured with {} on {threads}", table.machine())
}

/// The memory to stay under: what was asked for, or four fifths of what is free.
pub fn memory_cap(asked: Option<u64>) -> Option<u64> {
    asked.or_else(|| available_memory().map(|free| free / 5 * 4))
}

/// The memory plan, kept in the report.
///
/// # Errors
/// [`Failure`] if the network needs more than the cap.
pub fn plan(
    compiled: &Compiled,
    cap: Option<u64>,
    key_use: KeyUse,
    report: &mut Report,
) -> Result<MemoryPlan, Failure> {
    let plan = plan_memory_for(&compiled.circuit, cap, key_use).map_err(Error::from)?;
    report.memory.get_or_insert_default().predicted_peak_bytes = Some(plan.peak_bytes());
    Ok(plan)
}

/// As [`plan`], with keys that wait in a temporary file where not all of them fit.
///
/// # Errors
/// As [`plan`].
pub fn plan_under(
    compiled: &Compiled,
    cap: Option<u64>,
    report: &mut Report,
) -> Result<MemoryPlan, Failure> {
    let plan = plan_memory_under(&compiled.circuit, cap).map_err(Error::from)?;
    report.memory.get_or_insert_default().predicted_peak_bytes = Some(plan.peak_bytes());
    Ok(plan)
}

/// Line about keys that do not stay in memory.
pub fn keys_line(lines: &mut Lines, plan: &MemoryPlan, report: &Report) {
    if plan.key_use == KeyUse::Scheduled {
        let all = report.keys.as_ref().map_or(0, |keys| keys.bytes);
        let why = format!(
            "{} do not fit in memory: they wait in a temporary file and are read as the run needs them",
            human_bytes(all)
        );
        lines.line("keys", &[why]);
    }
}

/// How many bytes of encoded weights a run keeps, and how many it encodes as it goes.
pub fn weights_section(report: &mut Report, plan: &MemoryPlan, kept: u64) {
    let memory = report.memory.get_or_insert_default();
    memory.plaintext_bytes = Some(plan.plaintext_bytes);
    memory.kept_plaintext_bytes = Some(kept);
    memory.encoded_plaintext_bytes = Some(plan.plaintext_bytes.saturating_sub(kept));
}

/// Line about predicted memory; printed before keys are made.
pub fn memory_line(lines: &mut Lines, plan: &MemoryPlan, key_use: KeyUse, cap: Option<u64>) {
    let kept = if plan.kept_plaintext_bytes < plan.plaintext_bytes {
        let share = plan.kept_plaintext_bytes as f64 / plan.plaintext_bytes.max(1) as f64;
        format!("{} of the weights encoded ahead", screen::percent(share))
    } else {
        format!("weights {}", human_bytes(plan.plaintext_bytes))
    };
    let parts = [
        format!("{} predicted at most", human_bytes(plan.peak_bytes())),
        match key_use {
            KeyUse::Resident => format!("keys {}", human_bytes(plan.key_bytes)),
            KeyUse::Scheduled => format!("keys {} at a time", human_bytes(plan.key_bytes)),
        },
        kept,
        cap.map(|c| format!("{} allowed", human_bytes(c)))
            .unwrap_or_default(),
    ];
    lines.line("memory", &parts);
}

/// Lines about a compiled network: what it is and what it costs.
pub fn circuit_lines(lines: &mut Lines, report: &Report) {
    let shapes = |tensors: Vec<&Vec<u64>>| {
        let each = tensors
            .iter()
            .map(|dims| screen::shape(&dims.iter().map(|&d| d as usize).collect::<Vec<_>>()));
        each.collect::<Vec<_>>().join(", ")
    };
    let model = &report.model;
    let from = shapes(model.inputs.iter().map(|t| &t.shape).collect());
    let to = shapes(model.outputs.iter().map(|t| &t.shape).collect());
    let count = |n: u64, thing: &str| screen::plural(n, thing);
    lines.line(
        "model",
        &[
            model.name.clone(),
            format!("{from} → {to}"),
            count(model.parameters, "parameter"),
            count(model.macs, "multiplication"),
        ],
    );
    if let Some(p) = &report.params {
        let parts = [
            format!("N = 2^{}", p.log_n),
            format!("log QP = {:.0}", p.log_qp),
            count(p.n_levels.into(), "level"),
            format!("scale 2^{}", p.scale_bits),
            format!("{}-bit security", p.security_bits),
        ];
        lines.line("ring", &parts);
    }
    let c = &report.counts;
    let parts = [
        format!(
            "{} ({} hoisted)",
            count(c.rotations, "rotation"),
            c.rotations_hoisted
        ),
        count(c.mul_plain + c.mul_scalar, "plain product"),
        count(c.mul, "ciphertext product"),
        count(c.rescale, "rescale"),
    ];
    lines.line("circuit", &parts);
    if let Some(ct) = &report.ciphertexts {
        let parts = [
            format!("{} in, {}", ct.input, human_bytes(ct.upload_bytes)),
            format!("{} out, {}", ct.output, human_bytes(ct.download_bytes)),
        ];
        lines.line("ciphertexts", &parts);
        if c.refresh > 0 {
            let parts = [
                format!("{} by the client", count(c.refresh, "ciphertext")),
                human_bytes(ct.refresh_bytes),
                "the client sees what it refreshes".to_owned(),
            ];
            lines.line("refreshes", &parts);
        }
    }
    if let Some(keys) = &report.keys {
        let relinearization = if c.relinearize > 0 {
            " and relinearization"
        } else {
            ""
        };
        let parts = [
            format!("{}{relinearization}", count(keys.rotation, "rotation")),
            format!("{} expanded", human_bytes(keys.bytes)),
            format!("{} as a file", human_bytes(keys.bytes_seeded)),
        ];
        lines.line("keys", &parts);
    }
}

/// Line on what sharing results rests on, where it was compiled for.
pub fn sharing_line(lines: &mut Lines, client: &Client) {
    if let Some(share) = &client.share {
        let parts = [
            screen::plural(share.results.into(), "shared result"),
            format!("inputs up to {}", screen::short(share.input_bound)),
            format!("errors below {}", screen::difference(share.error_bound)),
            format!("noise of {}", screen::difference(share.deviation)),
        ];
        lines.line("sharing", &parts);
    }
}

/// The median time of runs of so many samples each, in words.
pub fn run_words(median_ms: f64, samples: usize) -> [String; 3] {
    let per_sample = format!("{} per sample", human_ms(median_ms / samples as f64));
    let per_run = match samples {
        1 => "median".to_owned(),
        n => format!("{} per batch of {n}, median", human_ms(median_ms)),
    };
    let threads = screen::plural(privet::threads() as u64, "thread");
    match samples {
        1 => [format!("{per_sample}, {per_run}"), threads, String::new()],
        _ => [per_sample, per_run, threads],
    }
}

/// Line on how many samples lie side by side, where more than one do.
pub fn batch_line(lines: &mut Lines, client: &Client) {
    let width = client.batch_width();
    if width > 1 {
        let parts = [
            format!("{} side by side", screen::plural(width as u64, "sample")),
            format!(
                "{} of a ciphertext for each",
                screen::plural(client.input.layout.n_slots.into(), "slot")
            ),
        ];
        lines.line("batch", &parts);
    }
}

/// Line of what was measured; absent times are left out.
pub fn time_line(lines: &mut Lines, report: &Report) {
    let Some(t) = report.time else { return };
    let times = [
        ("compile", t.compile_ms),
        ("keys", t.keygen_ms),
        ("encode", t.encode_ms),
        ("encrypt", t.encrypt_ms),
        ("run", t.run_ms),
        ("decrypt", t.decrypt_ms),
    ];
    let mut parts: Vec<String> = times
        .iter()
        .filter_map(|(name, ms)| ms.map(|ms| format!("{name} {}", human_ms(ms))))
        .collect();
    parts.extend(t.threads.map(|n| screen::plural(n, "thread")));
    lines.line("time", &parts);
}

/// Line of memory that was used.
pub fn used_line(lines: &mut Lines, report: &mut Report) {
    let memory = report.memory.get_or_insert_default();
    memory.peak_rss_bytes = peak_rss();
    let known = |bytes: Option<u64>, what: &str| {
        bytes
            .map(|b| format!("{} {what}", human_bytes(b)))
            .unwrap_or_default()
    };
    lines.line(
        "memory",
        &[
            known(memory.peak_rss_bytes, "used at most"),
            known(memory.predicted_peak_bytes, "predicted"),
        ],
    );
}

/// Difference of two results, for the report and for the screen.
pub fn error_section(report: &mut Report, comparison: &Comparison, out_of_range: usize) {
    let error = report.error.get_or_insert_default();
    error.max_abs = Some(comparison.max_abs);
    error.max_rel = Some(comparison.max_rel());
    error.precision_bits = (comparison.max_abs > 0.0).then(|| -comparison.max_abs.log2());
    error.argmax_agreement =
        (comparison.samples > 0).then(|| comparison.same_argmax as f64 / comparison.samples as f64);
    error.out_of_range = Some(out_of_range as u64);
}

/// Writes the report, and says so.
///
/// # Errors
/// [`Failure`] if the file can not be written.
pub fn write_report(
    session: &Session,
    path: Option<&Path>,
    report: &Report,
    lines: &mut Lines,
) -> Result<(), Failure> {
    let Some(path) = path else { return Ok(()) };
    privet::save_text(path, &report.to_json(), session.force)?;
    lines.line("wrote", &[format!("{}, the report", path.display())]);
    Ok(())
}
