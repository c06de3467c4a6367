//! A network without what its compiled circuit pays for.

mod schemes;
mod tables;

use super::convert::has_to_convert;
use crate::args::{PlanFor, Prune, SchemeKind, packing_words};
use crate::failure::Failure;
use crate::progress::{self, Trainings};
use crate::screen::{self, Lines};
use crate::{Session, staging, trained, warn};
use privet::extend::graph::Op;
use privet::prelude::{Compiled, Model, Objective, Options, compile};
use prune::report::{PruningReport, SCHEMA, zero_weights};
use std::path::Path;

/// Runs the command.
///
/// # Errors
/// [`Failure`] with the first thing that stands in the way.
pub fn run(session: &Session, args: &Prune) -> Result<(), Failure> {
    schemes::check(args)?;
    let costs = args.pricing.costs.as_deref();
    let read = args.training.files().chain([args.model.as_path()]);
    let read: Vec<&Path> = read.chain(costs).collect();
    let files = &args.files;
    let outputs = files.outputs(session, &args.model, "pruned.onnx", &read)?;
    let model = staging::import(&args.model)?;
    check_model(args, &model)?;
    let data = args.training.load(session, &args.model, &model)?;
    let mut head = Lines::new();
    trained::data_line(&mut head, &data);
    head.gap().print()?;
    let options = options(args, trained::calibration(&data.training))?;
    let before = compiled(session, "compiling", &model, &options)?;
    let mut bars = Trainings::new(session);
    let mut trainer = outputs.trainer(session, &data, &mut bars)?;
    let (outcome, settings) = schemes::run(args, &model, &options, &before, &mut trainer)?;
    drop(trainer);
    drop(bars);
    if args.scheme == SchemeKind::Privet && !outcome.points.iter().skip(1).any(|p| p.taken) {
        outputs.tidy();
        screen::print(&tables::points(&outcome.points))?;
        return Err(Failure::refused(
            "nothing cheaper was found within the budget, so nothing was written",
            "allow more with --budget-accuracy or --budget-loss, ask for --target-cost, or train for more --epochs",
        ));
    }
    let validation = trained::scores(&model.graph, &outcome.graph, &data.validation)?;
    let test = trained::test_scores(&model.graph, &outcome.graph, &data)?;
    let pruned = outputs.save(session, outcome.graph, &model, &data)?;
    let after = compiled(session, "compiling what is left", &pruned, &options)?;
    let report = PruningReport {
        schema: SCHEMA,
        origin: trained::origin(&model, &data, &settings),
        steps: outcome.steps,
        points: outcome.points,
        validation,
        test,
        zero_weights: [zero_weights(&model.graph), zero_weights(&pruned.graph)],
        before: before.report,
        after: after.report,
    };
    screen::print(&tables::steps(&report.steps))?;
    screen::print(&tables::points(&report.points))?;
    screen::print(&tables::comparison(&report))?;
    let mut lines = Lines::new();
    lines.gap();
    let packing = packing_words(&options.packing);
    let network = outputs.network.display();
    let next = match packing.as_str() {
        "auto" => format!("privet compile {network}"),
        packing => format!("privet compile {network} --packing {packing}"),
    };
    outputs.lines(&mut lines, &next);
    trained::write_report(session, files.report.as_deref(), &report, &mut lines)?;
    outputs.tidy();
    lines.print()
}

/// Refuses what the compiler would refuse after pruning, and warns of what it would only come near to.
fn check_model(args: &Prune, model: &Model) -> Result<(), Failure> {
    let graph = &model.graph;
    let nodes = graph.order().into_iter().map(|id| graph.node(id));
    let mut pools = nodes.filter(|node| matches!(node.op, Op::MaxPool(_)));
    let help = format!(
        "run `privet convert {} --data …` first",
        args.model.display()
    );
    if let Some(pool) = pools.next() {
        let name = screen::one_line(&pool.name);
        let message = format!("the pool '{name}' takes maxima, expected averages");
        return Err(Failure::refused(message, help));
    }
    if has_to_convert(model) {
        warn::warning(&format!(
            "the network has activations that are no polynomials, which compiling replaces by polynomials near them, so what is trained is not what will run: {help}"
        ));
    }
    Ok(())
}

/// How the network is compiled before and after.
fn options(args: &Prune, calibration: Vec<Vec<f64>>) -> Result<Options, Failure> {
    let pricing = &args.pricing;
    let costs = pricing.costs.as_deref().map(privet::load_costs);
    Ok(Options {
        packing: schemes::packing(args)?,
        batch: pricing.batch,
        objective: match pricing.objective {
            PlanFor::Latency => Objective::Latency,
            PlanFor::Throughput => Objective::Throughput,
            PlanFor::Memory => Objective::Memory,
            PlanFor::Rotations => Objective::Rotations,
        },
        log_n: pricing.log_n,
        costs: costs.transpose()?,
        calibration: Some(calibration),
        ..Options::default()
    })
}

fn compiled(
    session: &Session,
    what: &'static str,
    model: &Model,
    options: &Options,
) -> Result<Compiled, Failure> {
    let compiler = privet::passes::standard();
    let work = || compile(model, options, &compiler, &mut |_, _, _, _| {});
    Ok(progress::spin(session, what, work).0?)
}
