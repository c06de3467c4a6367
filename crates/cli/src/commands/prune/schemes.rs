//! Schemes and their settings, as typed.

use crate::args::{Prune, SchemeKind, ScopeKind, packing_words};
use crate::failure::Failure;
use privet::prelude::{Compiled, Model, Options, Packing};
use prune::artemis::{self, Grouping};
use prune::budget::{self, BatchPlanner, DiagonalPlanner, Goal, Planner, TilePlanner};
use prune::hepex::{AlmostZero, HePex, Scheme as Steps, Scope};
use prune::mofhei::Block;
use prune::{Outcome, Scheme, Trainer, prune, retraining};

/// Units per tile where nothing else is asked for.
const TILE: [usize; 2] = [4, 8];
/// Slots of a ciphertext of tiles where nothing else is asked for.
const TILE_SLOTS: usize = 1 << 14;
/// The share of accuracy, and of the mean squared error, that may be lost where nothing else is asked for.
const BUDGETS: [f64; 2] = [0.005, 0.05];

/// A setting's name and value.
pub type Setting = (&'static str, String);

/// Refuses options of other schemes than the one that is asked for, by name, and packings that do not go with it.
///
/// # Errors
/// [`Failure`] with the first.
pub fn check(args: &Prune) -> Result<(), Failure> {
    use SchemeKind::{Artemis, Hepex, Mofhei, Privet};
    let (goal, of) = (&args.goal, &args.scheme_args);
    let typed: [(&str, bool, &[SchemeKind]); 13] = [
        (
            "--budget-accuracy",
            goal.budget_accuracy.is_some(),
            &[Privet],
        ),
        ("--budget-loss", goal.budget_loss.is_some(), &[Privet]),
        ("--target-cost", goal.target_cost.is_some(), &[Privet]),
        ("--hepex", of.hepex.is_some(), &[Hepex]),
        ("--tile", of.tile.is_some(), &[Hepex]),
        ("--fraction", of.fraction.is_some(), &[Hepex]),
        ("--convolutions", of.convolutions.is_some(), &[Hepex]),
        ("--max-density", of.max_density.is_some(), &[Hepex]),
        ("--scope", of.scope.is_some(), &[Hepex, Artemis]),
        ("--block", of.block.is_some(), &[Mofhei]),
        ("--grouping", of.grouping.is_some(), &[Artemis]),
        ("--lasso", of.lasso.is_some(), &[Artemis]),
        ("--sparsity", of.sparsity.is_some(), &[Mofhei, Artemis]),
    ];
    let foreign = typed
        .iter()
        .find(|(_, is_typed, schemes)| *is_typed && !schemes.contains(&args.scheme));
    if let Some((option, _, schemes)) = foreign {
        let names: Vec<&str> = schemes.iter().map(|&scheme| word(scheme)).collect();
        return Err(Failure::usage(
            format!("{option} says nothing to --scheme {}", word(args.scheme)),
            format!("it belongs to --scheme {}", names.join(" or ")),
        ));
    }
    if args.scheme == Hepex && of.scope == Some(ScopeKind::Block) {
        return Err(Failure::usage(
            "--scope block is for --scheme artemis",
            "--scope local or --scope global",
        ));
    }
    check_goal(args)?;
    packing(args).map(|_| ())
}

fn check_goal(args: &Prune) -> Result<(), Failure> {
    let reconstruct = args.training.reconstruct;
    if args.goal.budget_accuracy.is_some() && reconstruct {
        return Err(Failure::usage(
            "--budget-accuracy is for classes, and with --reconstruct there are none",
            "--budget-loss PERCENT says how much the mean squared error may grow",
        ));
    }
    if args.goal.budget_loss.is_some() && !reconstruct {
        return Err(Failure::usage(
            "--budget-loss is for networks that put out their inputs, with --reconstruct",
            "--budget-accuracy POINTS says how much accuracy may be lost",
        ));
    }
    Ok(())
}

fn word(scheme: SchemeKind) -> &'static str {
    match scheme {
        SchemeKind::Privet => "privet",
        SchemeKind::Hepex => "hepex",
        SchemeKind::Mofhei => "mofhei",
        SchemeKind::Artemis => "artemis",
    }
}

/// How the network will be packed: as asked for, or as suits the scheme.
///
/// # Errors
/// [`Failure`] if packing and scheme do not go together.
pub fn packing(args: &Prune) -> Result<Packing, Failure> {
    let asked = args.pricing.packing.clone();
    match (args.scheme, asked) {
        (SchemeKind::Hepex, None) => {
            let [t1, t2] = args.scheme_args.tile.unwrap_or(TILE);
            let width = (TILE_SLOTS / (t1 * t2)).max(1);
            Ok(Packing::Tile(Some(
                [t1, t2, width].map(|n| n as u32).to_vec(),
            )))
        }
        (SchemeKind::Mofhei, None) => Ok(Packing::Batch),
        (_, None) => Ok(Packing::Auto),
        (SchemeKind::Privet, Some(Packing::Tile(None))) => Err(Failure::usage(
            "--packing tile leaves the sizes of tiles open, expected sizes to prune for",
            "--packing tile:4,8,512, or --packing auto",
        )),
        (_, Some(asked)) => Ok(asked),
    }
}

fn tile(args: &Prune) -> [usize; 2] {
    let of_packing = match &args.pricing.packing {
        Some(Packing::Tile(Some(sizes))) => match sizes.as_slice() {
            &[t1, t2, _] => Some([t1, t2].map(|n| n as usize)),
            _ => None,
        },
        _ => None,
    };
    args.scheme_args.tile.or(of_packing).unwrap_or(TILE)
}

/// Prunes as asked for; gives the settings that count as well.
///
/// # Errors
/// [`Failure`] of the scheme.
pub fn run(
    args: &Prune,
    model: &Model,
    options: &Options,
    before: &Compiled,
    trainer: &mut Trainer<'_>,
) -> Result<(Outcome, Vec<Setting>), Failure> {
    let planner: Box<dyn Planner>;
    let (scheme, mut settings) = match args.scheme {
        SchemeKind::Privet => {
            planner = self::planner(args, model, options, before)?;
            searching(args, &*planner)
        }
        SchemeKind::Hepex => hepex(args),
        SchemeKind::Mofhei => mofhei(args),
        SchemeKind::Artemis => artemis(args, before),
    };
    settings.extend([
        ("scheme", word(args.scheme).to_owned()),
        ("packing", packing_words(&options.packing)),
        ("epochs", args.epochs.to_string()),
        ("rate", args.rate.to_string()),
        ("seed", args.training.seed.to_string()),
    ]);
    let recipe = retraining(&model.graph, args.epochs, args.rate, args.training.seed);
    let outcome = prune(&model.graph, &scheme, &recipe, trainer)?;
    Ok((outcome, settings))
}

/// Knows what the packing pays for.
fn planner(
    args: &Prune,
    model: &Model,
    options: &Options,
    before: &Compiled,
) -> Result<Box<dyn Planner>, Failure> {
    let params = before.circuit.params();
    Ok(match (&options.packing, params) {
        (Packing::Batch, Some(params)) => {
            let costs = options.costs.clone().unwrap_or_default();
            Box::new(BatchPlanner::Measured(Box::new((costs, params.clone()))))
        }
        (Packing::Tile(_), _) => Box::new(TilePlanner::new(model, options, tile(args))?),
        _ => Box::new(DiagonalPlanner::new(model, options)?),
    })
}

fn searching<'a>(args: &Prune, planner: &'a dyn Planner) -> (Scheme<'a>, Vec<Setting>) {
    let goal = &args.goal;
    let usual = BUDGETS[usize::from(args.training.reconstruct)];
    let (goal, setting) = match (goal.target_cost, goal.budget_accuracy.or(goal.budget_loss)) {
        (Some(share), _) => (Goal::Cost(share), ("target-cost", share.to_string())),
        (None, budget) => {
            let lost = budget.map_or(usual, |percent| percent / 100.0);
            (Goal::Loss(lost), ("budget", lost.to_string()))
        }
    };
    let mut settings = budget::Settings::new(goal, args.training.seed);
    settings.epochs = [args.epochs.min(settings.epochs[0]), args.epochs];
    settings.rates = [args.rate / 2.0, args.rate];
    (Scheme::Privet { planner, settings }, vec![setting])
}

fn hepex(args: &Prune) -> (Scheme<'static>, Vec<Setting>) {
    let of = &args.scheme_args;
    let steps = of.hepex.unwrap_or(Steps::P4E);
    let mut scheme = HePex::new(steps, tile(args), of.fraction.unwrap_or(0.9));
    if of.scope == Some(ScopeKind::Global) {
        scheme.scope = Scope::Global;
    }
    if let Some(share) = of.convolutions {
        scheme.convolutions = share;
    }
    if let Some(share) = of.max_density {
        scheme.almost_zero = AlmostZero::MaxDensity(share);
    }
    let [t1, t2] = scheme.tiles;
    let settings = vec![
        ("hepex", steps.to_string()),
        ("tile", format!("{t1},{t2}")),
        ("fraction", scheme.fraction.to_string()),
        ("convolutions", scheme.convolutions.to_string()),
        ("scope", format!("{:?}", scheme.scope).to_lowercase()),
    ];
    (Scheme::HePex(scheme), settings)
}

fn mofhei(args: &Prune) -> (Scheme<'static>, Vec<Setting>) {
    let block = args.scheme_args.block.unwrap_or_default();
    let sparsity = args.scheme_args.sparsity.unwrap_or(0.5);
    let name = match block {
        Block::Column => "column".to_owned(),
        Block::Row => "row".to_owned(),
        Block::Scalar => "scalar".to_owned(),
        Block::Sized { rows, cols } => format!("{rows}x{cols}"),
    };
    let settings = vec![("block", name), ("sparsity", sparsity.to_string())];
    (Scheme::Mofhei { block, sparsity }, settings)
}

fn artemis(args: &Prune, before: &Compiled) -> (Scheme<'static>, Vec<Setting>) {
    let of = &args.scheme_args;
    let grouping = of.grouping.map_or(Grouping::DiagonalShared, Grouping::from);
    let scope = match of.scope.unwrap_or(ScopeKind::Local) {
        ScopeKind::Block => artemis::Scope::Block,
        ScopeKind::Local => artemis::Scope::Layer,
        ScopeKind::Global => artemis::Scope::Network,
    };
    let (sparsity, lasso) = (of.sparsity.unwrap_or(0.5), of.lasso.unwrap_or(0.0));
    let n_slots = before.circuit.params().map_or(0, |p| 1 << (p.log_n() - 1));
    let settings = vec![
        ("grouping", format!("{grouping:?}")),
        ("scope", format!("{scope:?}").to_lowercase()),
        ("sparsity", sparsity.to_string()),
        ("lasso", lasso.to_string()),
    ];
    let scheme = Scheme::Artemis {
        grouping,
        scope,
        sparsity,
        lasso,
        n_slots,
    };
    (scheme, settings)
}
