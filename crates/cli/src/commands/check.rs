//! Plaintext, polynomial and encrypted results over a data set.

use crate::args::Check;
use crate::failure::Failure;
use crate::screen::{self, Lines};
use crate::{Session, progress, staging, warn};
use privet::Comparison;
use privet::extend::{KeyUse, plan_memory_under};
use privet::prelude::{
    CheckOptions, Feed, check, check_labels, human_bytes, read_labels, read_samples,
};

/// Runs the command.
///
/// # Errors
/// [`Failure`] with the first thing that stands in the way.
pub fn run(session: &Session, args: &Check) -> Result<(), Failure> {
    staging::check_outputs(
        session,
        &[args.report.as_deref()],
        &[&args.model, &args.data],
    )?;
    let model = staging::import(&args.model)?;
    let feed = args.feed.feed(session, &args.model)?.unwrap_or_default();
    let limit = args.limit.map(|n| usize::try_from(n).unwrap_or(usize::MAX));
    let data = Feed {
        limit,
        ..feed.clone()
    };
    let samples = read_samples(&args.data, &data, model.input_shape())
        .map_err(privet::Error::from)?
        .values;
    warn::scaled_already(&args.data, &data, &samples, "--scale");
    let labels = args
        .labels
        .as_deref()
        .map(read_labels)
        .transpose()
        .map_err(privet::Error::from)?;
    if let (Some(path), Some(labels)) = (&args.labels, &labels) {
        let n_classes = model.n_outputs();
        check_labels(path, labels, n_classes).map_err(privet::Error::from)?;
        if labels.len() < samples.len() || (limit.is_none() && labels.len() > samples.len()) {
            let count = |n: usize, thing| screen::plural(n as u64, thing);
            return Err(Failure::usage(
                format!(
                    "{} has {}, {} has {}",
                    path.display(),
                    count(labels.len(), "label"),
                    args.data.display(),
                    count(samples.len(), "sample")
                ),
                "give one label per sample, in the same order",
            ));
        }
    }
    // A limit cuts the labels as it cuts the samples.
    let labels = labels.map(|l| {
        if limit.is_some_and(|n| n < l.len()) {
            l[..samples.len().min(l.len())].to_vec()
        } else {
            l
        }
    });
    let (compiled, compile_ms) =
        staging::compile_model(session, &args.model, &model, &args.compile, &feed)?;
    let mut report = compiled.report.clone();
    let mut head = Lines::new();
    staging::circuit_lines(&mut head, &report);
    staging::batch_line(&mut head, &compiled.client);
    let cap = staging::memory_cap(args.memory);
    let mut planned = None;
    if args.encrypted > 0 {
        let plan = plan_memory_under(&compiled.circuit, cap).map_err(privet::Error::from)?;
        report.memory.get_or_insert_default().predicted_peak_bytes = Some(plan.peak_bytes());
        staging::memory_line(&mut head, &plan, plan.key_use, cap);
        if plan.key_use == KeyUse::Scheduled {
            let all = report.keys.as_ref().map_or(0, |keys| keys.bytes);
            let why = format!(
                "{} do not fit in memory: they wait in a temporary file and are read as the run needs them",
                human_bytes(all)
            );
            head.line("keys", &[why]);
        }
        planned = Some(plan);
    }
    head.gap();
    head.print()?;

    let options = CheckOptions {
        labels,
        encrypted: args.encrypted,
        plan: planned,
    };
    let (result, _) = progress::count(session, "checking", |tick| {
        check(&model, &compiled, &samples, &options, tick)
    });
    let mut result = result?;
    warn::inputs(&compiled.client, &samples);
    warn::too_large(&compiled.client, &[result.largest_result]);

    let accuracy = |i: usize| {
        result
            .accuracy
            .and_then(|a| a[i])
            .map_or_else(|| "–".to_owned(), screen::percent)
    };
    let row = |name: &str, n: usize, accuracy: String, compared: Option<(&Comparison, &String)>| {
        let mut cells = vec![name.to_owned(), n.to_string(), accuracy];
        cells.extend(match compared {
            Some((c, share)) => vec![
                format!("{}/{}", c.same_argmax, c.samples),
                screen::difference(c.max_abs),
                share.clone(),
            ],
            None => vec!["–".to_owned(); 3],
        });
        cells
    };
    let shares = [&result.polynomial, &result.encrypted].map(Comparison::max_rel);
    let shares = screen::shares(&shares);
    let mut rows = vec![
        row("plaintext", result.samples, accuracy(0), None),
        row(
            "polynomial",
            result.samples,
            accuracy(1),
            Some((&result.polynomial, &shares[0])),
        ),
    ];
    if args.encrypted > 0 {
        rows.push(row(
            "encrypted",
            result.encrypted.samples,
            accuracy(2),
            Some((&result.encrypted, &shares[1])),
        ));
    }
    screen::print(&screen::table(
        &[
            "network",
            "samples",
            "accuracy",
            "same argmax",
            "largest error",
            "of largest output",
        ],
        &rows,
    ))?;

    let mut lines = Lines::new();
    lines.gap().line(
        "compared",
        &[
            "polynomial with plaintext".to_owned(),
            planned
                .as_ref()
                .map_or_else(String::new, |_| "encrypted with polynomial".to_owned()),
        ],
    );
    let time = report.time.get_or_insert_default();
    time.compile_ms = Some(compile_ms);
    time.threads = Some(privet::threads() as u64);
    if let Some(plan) = &planned {
        staging::weights_section(&mut report, plan, result.kept_plaintext_bytes);
    }
    let time = report.time.get_or_insert_default();
    result.run_ms.sort_by(f64::total_cmp);
    if let Some(&median) = result.run_ms.get(result.run_ms.len() / 2) {
        time.run_ms = Some(median);
        let verdict = if result.counts_agree {
            "executed operations are the planned ones"
        } else {
            "executed operations differ from the planned ones"
        };
        lines.line(
            "counts",
            &[
                verdict.to_owned(),
                screen::plural(report.counts.rotations, "rotation"),
            ],
        );
        let per_run = result.samples_per_run.max(1);
        lines.line("run", &staging::run_words(median, per_run));
        staging::used_line(&mut lines, &mut report);
    }
    let compared = if args.encrypted > 0 {
        &result.encrypted
    } else {
        &result.polynomial
    };
    staging::error_section(&mut report, compared, result.out_of_range.0);
    if let Some(predicted) = result.predicted_bits {
        let error = report.error.get_or_insert_default();
        error.predicted_precision_bits = Some(predicted);
        let bits = |what: &str, bits: Option<f64>| bits.map(|b| format!("{b:.1} bits {what}"));
        let parts = [
            bits("measured", error.precision_bits),
            bits("predicted", error.predicted_precision_bits),
        ];
        lines.line("precision", &parts.map(Option::unwrap_or_default));
    }
    if let Some([plaintext, polynomial, encrypted]) = result.accuracy {
        let section = report.accuracy.get_or_insert_default();
        (section.plaintext, section.polynomial, section.encrypted) =
            (plaintext, polynomial, encrypted);
        section.samples = result.samples as u64;
    }
    staging::write_report(session, args.report.as_deref(), &report, &mut lines)?;
    lines.print()?;
    if !result.counts_agree {
        warn::warning("the run executed other operations than were planned; please report this");
    }
    Ok(())
}
