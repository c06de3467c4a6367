//! The whole chain in one process.

use crate::args::{BackendKind, Infer};
use crate::failure::Failure;
use crate::screen::{self, Lines};
use crate::{Session, feed, progress, staging, warn};
use privet::extend::{CkksBackend, Counts, MemoryPlan, counts};
use privet::prelude::{Compiled, Model, Report, write_npy};
use privet::{Comparison, Error, argmax, make_keys, run_encrypted};
use std::slice::from_ref;

/// Largest relative difference that rounding alone explains.
const ROUNDING: f64 = 1e-9;

/// Runs the command.
///
/// # Errors
/// [`Failure`] with the first thing that stands in the way.
pub fn run(session: &Session, args: &Infer) -> Result<(), Failure> {
    staging::check_outputs(
        session,
        &[args.output.as_deref(), args.report.as_deref()],
        &[&args.model, &args.input],
    )?;
    let model = staging::import(&args.model)?;
    let feed = args.feed.feed(session, &args.model)?.unwrap_or_default();
    let (name, sample) = feed::one_sample(&args.input, args.sample, &feed, model.input_shape())?;
    let plain = model.evaluate(&sample)?;
    if args.backend == BackendKind::Plain {
        return plain_only(session, args, &model, &name, &plain);
    }
    let (compiled, compile_ms) =
        staging::compile_model(session, &args.model, &model, &args.compile, &feed)?;
    let mut report = compiled.report.clone();
    let time = report.time.get_or_insert_default();
    time.compile_ms = Some(compile_ms);
    time.threads = Some(privet::threads() as u64);
    let outside = compiled.client.out_of_range(&sample);
    warn::inputs(&compiled.client, from_ref(&sample));
    let polynomial = compiled
        .evaluate_polynomial(&sample)
        .transpose()?
        .unwrap_or_else(|| plain.clone());
    warn::too_large(&compiled.client, &polynomial);

    let mut head = Lines::new();
    staging::circuit_lines(&mut head, &report);
    let (label, values) = match args.backend {
        BackendKind::Polynomial | BackendKind::Plain => {
            head.print()?;
            ("polynomial", polynomial.clone())
        }
        BackendKind::Slots => {
            head.print()?;
            let (values, run_ms) =
                progress::spin(session, "running", || compiled.run_slots(&sample));
            report.time.get_or_insert_default().run_ms = Some(run_ms);
            ("slots", values?)
        }
        BackendKind::Ckks => {
            let cap = staging::memory_cap(args.memory);
            let plan = staging::plan_under(&compiled, cap, &mut report)?;
            staging::memory_line(&mut head, &plan, plan.key_use, cap);
            staging::keys_line(&mut head, &plan, &report);
            head.print()?;
            (
                "encrypted",
                encrypted(session, &compiled, &plan, &sample, &mut report)?,
            )
        }
    };

    let mut own = Comparison::default();
    own.add(&polynomial, &values);
    let mut fitted = Comparison::default();
    fitted.add(&plain, &polynomial);
    staging::error_section(&mut report, &own, outside.0);
    if args.backend == BackendKind::Ckks {
        // Errors differ by input: what was predicted for typical ones is not for this.
        let predicted = compiled.predict_for(from_ref(&sample))?.bits(1);
        report
            .error
            .get_or_insert_default()
            .predicted_precision_bits = Some(predicted);
    }
    let mut rows = vec![(label, &values)];
    let approximated = fitted.max_rel() > ROUNDING;
    if approximated && args.backend != BackendKind::Polynomial {
        rows.push(("polynomial", &polynomial));
    }
    rows.push(("plaintext", &plain));
    let mut lines = Lines::new();
    lines.gap().line("input", &[name]);
    lines.print()?;
    screen::print(&predictions(&rows))?;
    let mut lines = Lines::new();
    if args.backend != BackendKind::Polynomial {
        let against = if approximated {
            "polynomial"
        } else {
            "plaintext"
        };
        lines.line(
            "error",
            &error_text(&own, &format!("{label} against {against}")),
        );
    }
    if approximated {
        lines.line("fit", &error_text(&fitted, "polynomial against plaintext"));
    }
    lines.gap();
    staging::time_line(&mut lines, &report);
    if args.backend == BackendKind::Ckks {
        staging::used_line(&mut lines, &mut report);
    }
    write(session, args, &values, &report, &mut lines)?;
    lines.print()
}

fn plain_only(
    session: &Session,
    args: &Infer,
    model: &Model,
    name: &str,
    plain: &Vec<f64>,
) -> Result<(), Failure> {
    let mut lines = Lines::new();
    let info = &model.info;
    let count = |n: u64, thing: &str| screen::plural(n, thing);
    lines.line(
        "model",
        &[
            info.name.clone(),
            screen::shape(model.input_shape()),
            count(info.n_parameters as u64, "parameter"),
            count(info.macs, "multiplication"),
        ],
    );
    lines.gap().line("input", &[name.to_owned()]);
    lines.print()?;
    screen::print(&predictions(&[("plaintext", plain)]))?;
    let mut report = Report::default();
    report.model.name.clone_from(&info.name);
    report.model.sha256.clone_from(&info.sha256);
    report.model.parameters = info.n_parameters as u64;
    report.model.macs = info.macs;
    let mut lines = Lines::new();
    write(session, args, plain, &report, &mut lines)?;
    lines.print()
}

fn write(
    session: &Session,
    args: &Infer,
    values: &[f64],
    report: &Report,
    lines: &mut Lines,
) -> Result<(), Failure> {
    if let Some(path) = &args.output {
        write_npy(path, &[values.to_vec()], &[values.len()], session.force).map_err(Error::from)?;
        lines.line("wrote", &[format!("{}, the outputs", path.display())]);
    }
    staging::write_report(session, args.report.as_deref(), report, lines)
}

/// The largest output of each network, under the heads of the lines around.
pub fn predictions(rows: &[(&str, &Vec<f64>)]) -> String {
    let line = |name: &str, place: &str, value: &str| format!("{name:12}{place:>10}{value:>13}\n");
    let cells = |(name, values): &(&str, &Vec<f64>)| match argmax(values) {
        Some(_) if values.len() == 1 => line(name, "–", &screen::value(values[0])),
        Some(i) => line(name, &i.to_string(), &screen::value(values[i])),
        None => line(name, "none", ""),
    };
    line("", "prediction", "its output") + &rows.iter().map(cells).collect::<String>()
}

fn error_text(comparison: &Comparison, what: &str) -> Vec<String> {
    let share = screen::share(comparison.max_rel());
    vec![
        format!("{} at most", screen::difference(comparison.max_abs)),
        format!("{share} of the largest output"),
        what.to_owned(),
    ]
}

/// Keys, encoding, encryption, run and decryption; times go to the report.
fn encrypted(
    session: &Session,
    compiled: &Compiled,
    plan: &MemoryPlan,
    sample: &[f64],
    report: &mut Report,
) -> Result<Vec<f64>, Failure> {
    let client = &compiled.client;
    let ctx = client.context()?;
    let time = report.time.get_or_insert_default();
    let (made, ms) = progress::count(session, "making keys", |tick| {
        make_keys(client, &ctx, plan.key_use, tick)
    });
    time.keygen_ms = Some(ms);
    let (secret, keys) = made?;
    let (encoded, ms) = progress::count(session, "encoding weights", |tick| {
        CkksBackend::encode_ahead(&ctx, &compiled.circuit, plan.kept_plaintext_bytes, tick)
    });
    time.encode_ms = Some(ms);
    let encoded = encoded.map_err(Error::from)?;
    staging::weights_section(report, plan, encoded.bytes());
    let time = report.time.get_or_insert_default();
    let (input, ms) = progress::spin(session, "encrypting", || {
        client.encrypt(&ctx, &secret, sample)
    });
    time.encrypt_ms = Some(ms);
    let input = input?;
    let (done, ms) = progress::count(session, "running", |tick| {
        run_encrypted(&ctx, compiled, &*keys, &encoded, &input, tick)
    });
    time.run_ms = Some(ms);
    let (output, _, executed) = done?;
    note_counts(session, &counts(&compiled.circuit), &executed);
    let (values, ms) = progress::spin(session, "decrypting", || {
        client.decrypt(&ctx, &secret, &output)
    });
    time.decrypt_ms = Some(ms);
    Ok(values?)
}

/// Says when the backend did other work than was planned.
pub fn note_counts(session: &Session, planned: &Counts, executed: &Counts) {
    if planned != executed {
        warn::warning("the run executed other operations than were planned; please report this");
        warn::note(
            session,
            &format!("planned {planned:?}, executed {executed:?}"),
        );
    }
}
