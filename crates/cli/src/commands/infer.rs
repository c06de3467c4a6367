//! The whole chain in one process.

use crate::args::{BackendKind, Infer};
use crate::failure::Failure;
use crate::screen::{self, Lines};
use crate::{Session, feed, progress, staging, warn};
use privet::extend::{CkksBackend, Counts, KeyUse, MemoryPlan, Refresher, counts};
use privet::prelude::{Compiled, Model, Report, write_npy};
use privet::{ClientRefresh, Comparison, Error, argmax, run_refreshed};

/// Largest relative difference that rounding alone explains.
const ROUNDING: f64 = 1e-9;
/// Samples of a batch whose predictions are shown.
const SHOWN: usize = 16;

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
    let n = args.compile.batch.unwrap_or(1) as usize;
    let (name, samples) =
        feed::some_samples(&args.input, args.sample, n, &feed, model.input_shape())?;
    let name = feed::names(name, n);
    let plain = all(&samples, |sample| model.evaluate(sample))?;
    if args.backend == BackendKind::Plain {
        return plain_only(session, args, &model, &name, &plain);
    }
    let (compiled, compile_ms) =
        staging::compile_model(session, &args.model, &model, &args.compile, &feed)?;
    let mut report = compiled.report.clone();
    let time = report.time.get_or_insert_default();
    time.compile_ms = Some(compile_ms);
    time.threads = Some(privet::threads() as u64);
    let client = &compiled.client;
    let outside = samples.iter().map(|s| client.out_of_range(s).0).sum();
    warn::inputs(client, &samples);
    let polynomial = all(&samples, |sample| {
        compiled
            .evaluate_polynomial(sample)
            .unwrap_or_else(|| model.evaluate(sample))
    })?;
    warn::too_large(client, &polynomial.concat());

    let mut head = Lines::new();
    staging::circuit_lines(&mut head, &report);
    staging::batch_line(&mut head, client);
    let (label, values) = match args.backend {
        BackendKind::Polynomial | BackendKind::Plain => {
            head.print()?;
            ("polynomial", polynomial.clone())
        }
        BackendKind::Slots => {
            head.print()?;
            let run = || all(&samples, |sample| compiled.run_slots(sample));
            let (values, run_ms) = progress::spin(session, "running", run);
            report.time.get_or_insert_default().run_ms = Some(run_ms);
            ("slots", values?)
        }
        BackendKind::Ckks => {
            let cap = staging::memory_cap(args.memory);
            let plan = staging::plan(&compiled, cap, KeyUse::Resident, &mut report)?;
            staging::memory_line(&mut head, &plan, KeyUse::Resident, cap);
            head.print()?;
            (
                "encrypted",
                encrypted(session, &compiled, &plan, &samples, &mut report)?,
            )
        }
    };

    let mut own = Comparison::default();
    let mut fitted = Comparison::default();
    for i in 0..n {
        own.add(&polynomial[i], &values[i]);
        fitted.add(&plain[i], &polynomial[i]);
    }
    staging::error_section(&mut report, &own, outside);
    if args.backend == BackendKind::Ckks {
        // Errors differ by input: what was predicted for typical ones is not for this.
        let predicted = compiled.predict_for(&samples)?.bits(n);
        report
            .error
            .get_or_insert_default()
            .predicted_precision_bits = Some(predicted);
    }
    let approximated = fitted.max_rel() > ROUNDING;
    let mut lines = Lines::new();
    lines.gap().line("input", &[name]);
    lines.print()?;
    if n > 1 {
        screen::print(&batch_predictions(&values))?;
    } else {
        let mut rows = vec![(label, &values[0])];
        if approximated && args.backend != BackendKind::Polynomial {
            rows.push(("polynomial", &polynomial[0]));
        }
        rows.push(("plaintext", &plain[0]));
        screen::print(&predictions(&rows))?;
    }
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
        if let Some(run_ms) = report.time.and_then(|t| t.run_ms).filter(|_| n > 1) {
            let words = staging::run_words(run_ms, n);
            lines.line("run", &words[..1]);
        }
        staging::used_line(&mut lines, &mut report);
    }
    write(session, args, &values, &report, &mut lines)?;
    lines.print()
}

/// One result per sample.
fn all(
    samples: &[Vec<f64>],
    one: impl Fn(&[f64]) -> Result<Vec<f64>, Error>,
) -> Result<Vec<Vec<f64>>, Failure> {
    Ok(samples
        .iter()
        .map(|sample| one(sample))
        .collect::<Result<_, _>>()?)
}

fn plain_only(
    session: &Session,
    args: &Infer,
    model: &Model,
    name: &str,
    plain: &[Vec<f64>],
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
    match plain {
        [one] => screen::print(&predictions(&[("plaintext", one)]))?,
        _ => screen::print(&batch_predictions(plain))?,
    }
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
    values: &[Vec<f64>],
    report: &Report,
    lines: &mut Lines,
) -> Result<(), Failure> {
    if let Some(path) = &args.output {
        let len = values.first().map_or(0, Vec::len);
        write_npy(path, values, &[len], session.force).map_err(Error::from)?;
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

/// The largest output of each sample of a batch, of the first ones if they are many.
pub fn batch_predictions(all: &[Vec<f64>]) -> String {
    let row = |(i, values): (usize, &Vec<f64>)| {
        let best = argmax(values);
        vec![
            format!("sample {i}"),
            best.map_or("none".to_owned(), |best| best.to_string()),
            best.map_or_else(String::new, |best| screen::value(values[best])),
        ]
    };
    let rows: Vec<Vec<String>> = all.iter().enumerate().take(SHOWN).map(row).collect();
    let mut text = screen::table(&["", "prediction", "its output"], &rows);
    if all.len() > SHOWN {
        text += &format!(
            "and {} more, which --output FILE.npy takes\n",
            all.len() - SHOWN
        );
    }
    text
}

fn error_text(comparison: &Comparison, what: &str) -> Vec<String> {
    let share = screen::share(comparison.max_rel());
    vec![
        format!("{} at most", screen::difference(comparison.max_abs)),
        format!("{share} of the largest output"),
        what.to_owned(),
    ]
}

/// Keys, encoding, encryption, run and decryption, batch by batch; times go to the report.
fn encrypted(
    session: &Session,
    compiled: &Compiled,
    plan: &MemoryPlan,
    samples: &[Vec<f64>],
    report: &mut Report,
) -> Result<Vec<Vec<f64>>, Failure> {
    let client = &compiled.client;
    let ctx = client.context()?;
    let time = report.time.get_or_insert_default();
    let (keys, ms) = progress::count(session, "making keys", |tick| client.keygen(&ctx, tick));
    time.keygen_ms = Some(ms);
    let (encoded, ms) = progress::count(session, "encoding weights", |tick| {
        CkksBackend::encode_ahead(&ctx, &compiled.circuit, plan.kept_plaintext_bytes, tick)
    });
    time.encode_ms = Some(ms);
    let encoded = encoded.map_err(Error::from)?;
    staging::weights_section(report, plan, encoded.bytes());
    let owner = ClientRefresh::new(&ctx, &keys.secret);
    let [mut encrypt_ms, mut run_ms, mut decrypt_ms] = [0.0; 3];
    let mut values = Vec::with_capacity(samples.len());
    for group in samples.chunks(client.batch_width()) {
        let group: Vec<&[f64]> = group.iter().map(Vec::as_slice).collect();
        let (input, ms) = progress::spin(session, "encrypting", || {
            client.encrypt_batch(&ctx, &keys.secret, &group)
        });
        encrypt_ms += ms;
        let input = input?;
        let (done, ms) = progress::count(session, "running", |tick| {
            let owner: Option<&dyn Refresher> = Some(&owner);
            run_refreshed(
                &ctx,
                compiled,
                &keys.evaluation,
                &encoded,
                input,
                owner,
                tick,
            )
        });
        run_ms += ms;
        let (output, _, executed) = done?;
        note_counts(session, &counts(&compiled.circuit), &executed);
        let (decrypted, ms) = progress::spin(session, "decrypting", || {
            client.decrypt_batch(&ctx, &keys.secret, &output)
        });
        decrypt_ms += ms;
        values.extend(decrypted?);
    }
    let time = report.time.get_or_insert_default();
    time.encrypt_ms = Some(encrypt_ms);
    time.run_ms = Some(run_ms);
    time.decrypt_ms = Some(decrypt_ms);
    Ok(values)
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
