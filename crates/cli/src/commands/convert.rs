//! A network that compiles, from one with maximum pools and other activations than polynomials.

use crate::args::Convert;
use crate::failure::Failure;
use crate::progress::{Trainings, score_words};
use crate::screen::{self, Lines};
use crate::{Session, staging, trained};
use privet::extend::graph::Op;
use privet::prelude::Model;
use prune::convert::{Conversion, Replaced, convert};
use prune::report::{ConversionReport, SCHEMA, Scores};
use std::path::Path;

/// Runs the command.
///
/// # Errors
/// [`Failure`] with the first thing that stands in the way.
pub fn run(session: &Session, args: &Convert) -> Result<(), Failure> {
    let read: Vec<&Path> = args
        .training
        .files()
        .chain([args.model.as_path()])
        .collect();
    let files = &args.files;
    let outputs = files.outputs(session, &args.model, "converted.onnx", &read)?;
    let model = staging::import(&args.model)?;
    if !has_to_convert(&model) {
        let text = "nothing: all activations are polynomials, and no pool takes maxima";
        return Lines::new().line("converts", &[text.to_owned()]).print();
    }
    let data = args.training.load(session, &args.model, &model)?;
    let mut head = Lines::new();
    trained::data_line(&mut head, &data);
    head.gap().print()?;
    let settings = Conversion {
        degree: usize::from(args.degree),
        epochs: args.epochs,
        last_epochs: args.last_epochs,
        seed: args.training.seed,
        ..Conversion::default()
    };
    let mut bars = Trainings::new(session);
    let mut trainer = outputs.trainer(session, &data, &mut bars)?;
    let converted = convert(&model.graph, &settings, &mut trainer)?;
    drop(trainer);
    drop(bars);
    let test = trained::test_scores(&model.graph, &converted.graph, &data)?;
    outputs.save(session, converted.graph, &model, &data)?;

    screen::print(&steps(&converted.steps))?;
    let validation = Scores {
        before: converted.original,
        after: converted.last,
    };
    let mut lines = Lines::new();
    lines.gap();
    score_line(&mut lines, "validation", Some(&validation));
    score_line(&mut lines, "test", test.as_ref());
    lines.gap();
    let next = format!(
        "privet prune {} --data …, or privet compile {}",
        outputs.network.display(),
        outputs.network.display()
    );
    outputs.lines(&mut lines, &next);
    let told = [
        ("degree", args.degree.to_string()),
        ("epochs", format!("{},{}", args.epochs[0], args.epochs[1])),
        ("last-epochs", args.last_epochs.to_string()),
        ("seed", args.training.seed.to_string()),
    ];
    let report = ConversionReport {
        schema: SCHEMA,
        origin: trained::origin(&model, &data, &told),
        replaced: converted.steps,
        validation,
        test,
    };
    trained::write_report(session, files.report.as_deref(), &report, &mut lines)?;
    outputs.tidy();
    lines.print()
}

/// Whether anything is not as the compiler computes it exactly.
pub fn has_to_convert(model: &Model) -> bool {
    let graph = &model.graph;
    let is = |op: &Op| matches!(op, Op::MaxPool(_) | Op::Activation(_));
    graph.order().into_iter().any(|id| is(&graph.node(id).op))
}

fn steps(steps: &[Replaced]) -> String {
    let after = |step: &Replaced, phase: usize| {
        format!(
            "{} ({})",
            score_words(&step.trained[phase]),
            screen::plural(step.epochs[phase] as u64, "epoch")
        )
    };
    let rows: Vec<Vec<String>> = steps
        .iter()
        .map(|step| {
            vec![
                screen::one_line(&step.node),
                format!("{} → {}", step.from, step.to),
                score_words(&step.replaced),
                after(step, 0),
                after(step, 1),
            ]
        })
        .collect();
    let heads = ["node", "replaced", "validation", "transfer", "finetune"];
    screen::table(&heads, &rows)
}

/// Line on what a network was and what it is, on some samples.
fn score_line(lines: &mut Lines, head: &str, scores: Option<&Scores>) {
    let text = match scores {
        None => "no samples".to_owned(),
        Some(scores) => {
            let what = match scores.before.accuracy {
                Some(_) => "accuracy",
                None => "mean squared error",
            };
            let (before, after) = (score_words(&scores.before), score_words(&scores.after));
            format!("{what} {before} → {after}")
        }
    };
    lines.line(head, &[text]);
}
